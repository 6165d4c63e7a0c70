package access

import (
	"context"
	"errors"
)

// ErrToken is matched when a bearer token is not good.
var ErrToken = errors.New("access: token is not valid")

// TokenVerifier says who a bearer token is from. It is safe for concurrent use.
type TokenVerifier interface {
	// Verify checks a token, which has the form that RFC 6750 gives it. The error
	// matches [ErrToken] if the token is not good; any other one means that it
	// cannot be told for now. No error holds the token.
	Verify(ctx context.Context, token string) (Principal, error)
}
