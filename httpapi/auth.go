package httpapi

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
)

// touchEvery is how often at most the use of a key is noted.
const touchEvery = time.Minute

var (
	errNoKey  = export.WithPublic(ErrUnauthorized, "An API key is required, in the header field X-API-Key.")
	errBadKey = export.WithPublic(ErrUnauthorized, "The API key is not valid.")
)

type principalKey struct{}

func principalOf(ctx context.Context) access.Principal {
	p, _ := ctx.Value(principalKey{}).(access.Principal)
	return p
}

// authenticate lets only requests through of which it is known who makes them.
func (a *api) authenticate(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	who := a.config.Authenticate
	if who == nil {
		who = a.byKey
	}
	p, err := who(r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	next(huma.WithValue(ctx, principalKey{}, p))
}

// byKey says whose API key a request is made with. Only what looks like a key is
// looked up, and what was wrong with it is nobody's business.
func (a *api) byKey(r *http.Request) (access.Principal, error) {
	ctx, texts := r.Context(), r.Header.Values("X-Api-Key")
	if len(texts) == 0 {
		return access.Principal{}, errNoKey
	}
	if _, err := access.ParseKey(texts[0]); err != nil || len(texts) > 1 {
		return access.Principal{}, errBadKey
	}
	hash := access.Hash(texts[0])
	key, err := a.config.Keys.KeyByHash(ctx, hash)
	if errors.Is(err, access.ErrNotFound) {
		return access.Principal{}, errBadKey
	}
	if err != nil {
		return access.Principal{}, fmt.Errorf("httpapi: look up a key: %w", err)
	}
	now := a.config.Now()
	if subtle.ConstantTimeCompare(key.Hash[:], hash[:]) != 1 || !key.Active(now) {
		return access.Principal{}, errBadKey
	}
	if a.touched.due(key, now) {
		if err := a.config.Keys.TouchKey(ctx, key.ID, now); err != nil {
			a.log(ctx).WarnContext(ctx, "use of a key not noted", "key", key.ID, "error", err)
		}
	}
	return key.Principal(), nil
}

// touched remembers when the use of keys was noted last, so that a burst of
// requests does not become a burst of writes.
type touched struct {
	mu sync.Mutex
	at map[string]time.Time
}

// due tells whether the use of key at now is to be noted.
func (t *touched) due(key access.Key, now time.Time) bool {
	if now.Sub(key.LastUsedAt) < touchEvery {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.at[key.ID]) < touchEvery {
		return false
	}
	if t.at == nil || len(t.at) >= 1000 {
		t.at = make(map[string]time.Time)
	}
	t.at[key.ID] = now
	return true
}

// mayExport returns an error unless the principal of ctx may export the
// organization.
func (a *api) mayExport(ctx context.Context, organizationID string) error {
	ok, err := a.config.MayExport(ctx, principalOf(ctx), organizationID)
	if err != nil {
		return fmt.Errorf("httpapi: who may export: %w", err)
	}
	if !ok {
		return a.problem(http.StatusForbidden, "")
	}
	return nil
}
