package httpapi

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orgexport/orgexport/export/access"
)

// touchEvery is how often at most the use of a key is written down.
const touchEvery = time.Minute

// ErrUnauthorized is matched by the error of [Config].Authenticate for a request
// without good credentials. Wrap it by [export.WithPublic] to tell the client more.
var ErrUnauthorized = errors.New("httpapi: no valid credentials")

// caller is who makes a request. session is nil if they have not used one.
type caller struct {
	access.Principal
	session *browserSession
	kind    string // of their credentials, for the log
}

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

func principalOf(ctx context.Context) access.Principal { return callerOf(ctx).Principal }

// authenticate lets a request through if it is known who makes it, and if they are
// not over their limits.
func (a *api) authenticate(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	c, err := a.knownCaller(w, r)
	if err == nil && c.session != nil {
		err = a.checkOrigin(r)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if c.session != nil && ctx.Operation().Path != a.paths.session { // who logs out needs no cookie any more
		a.renew(r.Context(), w, *c.session)
	}
	requestOf(r.Context()).kind = c.kind
	next(huma.WithValue(ctx, callerKey{}, c))
}

// knownCaller returns who makes a request, and counts the request for them. Without
// good credentials it counts for the address. If nobody can find out who it is, it does
// not count: an outage must not shut anybody out.
func (a *api) knownCaller(w http.ResponseWriter, r *http.Request) (caller, error) {
	if err := a.refuseBlocked(w, r); err != nil {
		return caller{}, err
	}
	c, err := a.caller(r)
	switch {
	case err == nil:
		return c, a.limit(w, r, c.Principal)
	case errors.Is(err, ErrUnauthorized):
		guessed := a.config.Authenticate == nil && !errors.Is(err, errNoCredentials)
		if limit := a.limitAddress(w, r, guessed); limit != nil {
			return caller{}, limit
		}
	}
	return caller{}, err
}

// caller returns who makes a request. Only the first of several credentials counts, in
// the order of the contract. If it is bad, the others do not help.
func (a *api) caller(r *http.Request) (caller, error) {
	ctx := r.Context()
	var p access.Principal
	var err error
	kind := "host"
	if a.config.Authenticate != nil {
		p, err = a.config.Authenticate(r)
	} else if keys := r.Header.Values("X-Api-Key"); len(keys) > 0 && a.config.Keys != nil {
		kind = "key"
		p, err = a.byKey(ctx, keys)
	} else if fields := r.Header.Values("Authorization"); len(fields) > 0 && a.config.Bearer != nil {
		kind = "token"
		p, err = a.byToken(ctx, fields)
	} else if cookies := r.CookiesNamed(sessionCookie); len(cookies) > 0 && a.config.Sessions != nil {
		return a.bySession(ctx, cookies)
	} else {
		err = errNoCredentials
	}
	return caller{Principal: p, kind: kind}, err
}

// byKey returns whose API key it is. Only text with the form of a key is looked up. The
// error does not say what is wrong with it.
func (a *api) byKey(ctx context.Context, texts []string) (access.Principal, error) {
	if _, err := a.config.KeyPrefixes.Parse(texts[0]); err != nil || len(texts) > 1 {
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
	if a.touched.due(key.ID, key.LastUsedAt, now) {
		if err := a.config.Keys.TouchKey(ctx, key.ID, now); err != nil {
			a.log(ctx).WarnContext(ctx, "use of a key not noted", "key", key.ID, "error", err)
		}
	}
	return key.Principal(), nil
}

// byToken returns who a bearer token is from.
func (a *api) byToken(ctx context.Context, fields []string) (access.Principal, error) {
	scheme, token, _ := strings.Cut(fields[0], " ")
	if token = strings.TrimLeft(token, " "); len(fields) > 1 || !strings.EqualFold(scheme, "Bearer") || !isToken68(token) {
		return access.Principal{}, errBadToken
	}
	p, err := a.config.Bearer.Verify(ctx, token)
	switch {
	case errors.Is(err, access.ErrToken):
		a.log(ctx).InfoContext(ctx, "bearer token refused", "reason", err)
		return access.Principal{}, errBadToken
	case err != nil:
		if ctx.Err() == nil {
			a.log(ctx).ErrorContext(ctx, "bearer tokens cannot be checked", "error", err)
		}
		return access.Principal{}, a.problem(http.StatusServiceUnavailable, detailTokensDown)
	}
	return p, nil
}

// isToken68 reports whether text has the form of a token in RFC 9110, 11.2.
func isToken68(text string) bool {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~+/"
	return text != "" && strings.Trim(strings.TrimRight(text, "="), alphabet) == "" && text[0] != '='
}

// touched remembers when keys and sessions were last written about, so that a burst
// of requests does not become a burst of writes.
type touched struct {
	mu sync.Mutex
	at map[string]time.Time
}

// due reports whether it is time to write about id, and if so takes now for the time
// of that. last is when the store says that it was written, zero if it does not say.
func (t *touched) due(id string, last, now time.Time) bool {
	if now.Sub(last) < touchEvery {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.at[id]) < touchEvery {
		return false
	}
	if t.at == nil || len(t.at) >= 1000 {
		t.at = make(map[string]time.Time)
	}
	t.at[id] = now
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
