package oidc

import (
	"errors"
	"fmt"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
)

// ErrToken is matched when a token is not good: for a response with status 401.
// It matches [access.ErrToken].
// The error says why, for the log; its public text does not. It never quotes the
// token.
var ErrToken error = tokenError{}

type tokenError struct{}

func (tokenError) Error() string { return "oidc: token refused" }
func (tokenError) Unwrap() error { return access.ErrToken }

// ErrScope is matched, as [ErrToken] is, when all that is wrong with a token is
// that the required scope was not granted.
var ErrScope = fmt.Errorf("%w: the required scope was not granted", ErrToken)

// ErrUnavailable is matched when it cannot be told whether a token is good,
// because the provider cannot be asked for its keys: for a response with status
// 503, which is worth a retry. The error also has a method Temporary, as those of
// package net have, which returns true.
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

func unavailable(cause error) error {
	return export.WithPublic(&unavailableError{cause}, publicUnavailable)
}

type unavailableError struct{ cause error }

func (e *unavailableError) Error() string   { return fmt.Sprintf("%v: %v", ErrUnavailable, e.cause) }
func (e *unavailableError) Unwrap() []error { return []error{ErrUnavailable, e.cause} }
func (e *unavailableError) Temporary() bool { return true }
