package access

import (
	"context"
	"errors"
	"strings"
	"time"
)

// keyPrincipal is what the name of a key's principal begins with.
const keyPrincipal = "key:"

type principalKey struct{}

// WithPrincipal returns a context of what is done for a principal, such as a link that is
// made for it.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalOf returns the principal of [WithPrincipal]. It is false if there is none.
func PrincipalOf(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// KeyFinder is implemented by a [KeyStore] that finds keys by their ids.
type KeyFinder interface {
	// KeyByID returns the key with that id. The error matches [ErrNotFound] if there is
	// none. A key that has expired or was revoked is returned too: see [Key.Active].
	KeyByID(ctx context.Context, id string) (Key, error)
}

// MayStillExport reports whether a principal that was let in some time ago may export an
// organization at now. A principal of a key ([Key.Principal]) may if the key is active and
// may export; any other one, as [MayExport] says. Whether its session or token is still good
// is not known.
func MayStillExport(ctx context.Context, p Principal, organizationID string, keys KeyFinder, members MemberStore, now time.Time) (bool, error) {
	if id, ok := strings.CutPrefix(p.Name, keyPrincipal); ok {
		key, err := keys.KeyByID(ctx, id)
		if errors.Is(err, ErrNotFound) {
			return false, nil
		}
		if err != nil || !key.Active(now) {
			return false, err
		}
		p = key.Principal()
	}
	return MayExport(ctx, p, organizationID, members)
}
