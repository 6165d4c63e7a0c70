package access

import (
	"context"
	"errors"
)

// ErrToken is matched when a bearer token is not good.
var ErrToken = errors.New("access: token is not valid")

// TokenVerifier checks bearer tokens. It is safe for concurrent use.
type TokenVerifier interface {
	// Verify checks a token, which has the form of RFC 6750, and returns its
	// principal. The error matches [ErrToken] if the token is not good. Any other
	// error means that the check is not possible now. No error contains the token.
	Verify(ctx context.Context, token string) (Principal, error)
}
