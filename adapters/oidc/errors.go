package oidc

import (
	"errors"
	"fmt"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
)

// ErrToken is matched if a token is not good: answer with status 401. It matches
// [access.ErrToken]. The error says why the token is not good, for the log; its public
// text does not. It never quotes the token.
var ErrToken error = tokenError{}

type tokenError struct{}

func (tokenError) Error() string { return "oidc: token refused" }
func (tokenError) Unwrap() error { return access.ErrToken }

// ErrScope is matched, and [ErrToken] too, if a token is good but for the required
// scope.
var ErrScope = fmt.Errorf("%w: the required scope was not granted", ErrToken)

// ErrUnavailable is matched if the provider cannot be asked for the keys that a token
// may be signed with: answer with status 503, for the client to try again. The error
// has a method Temporary that returns true, as errors of package net have.
var ErrUnavailable = errors.New("oidc: the provider's keys are not available")

const (
	publicToken       = "The bearer token is not valid."
	publicScope       = "The bearer token lacks a required scope."
	publicUnavailable = "Bearer tokens cannot be checked at the moment. Please try again later."
)

// refused returns an error for a token that is not good.
func refused(format string, args ...any) error {
	return export.WithPublic(fmt.Errorf("%w: "+format, append([]any{ErrToken}, args...)...), publicToken)
}

// unavailable returns an error that matches ErrUnavailable and its cause.
func unavailable(cause error) error {
	return export.WithPublic(&unavailableError{cause}, publicUnavailable)
}

type unavailableError struct{ cause error }

func (e *unavailableError) Error() string   { return fmt.Sprintf("%v: %v", ErrUnavailable, e.cause) }
func (e *unavailableError) Unwrap() []error { return []error{ErrUnavailable, e.cause} }
func (e *unavailableError) Temporary() bool { return true }
