package oidc_test

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/orgexport/orgexport/adapters/oidc"
	"github.com/orgexport/orgexport/internal/oidctest"
)

const (
	audience = "https://exports.example.com"
	scope    = "exports:write"
	clientID = "robot"
)

// provider is an OpenID provider that listens on a loopback address.
type provider struct {
	*oidctest.Provider

	issuer string
	server *httptest.Server

	// audience and lifetime are those of tokens.
	audience []string
	lifetime time.Duration

	// intercept, if set, answers requests in place of the provider.
	intercept atomic.Pointer[http.HandlerFunc]

	discoveries, keySets atomic.Int64
}

func newProvider(t testing.TB) *provider { return startProvider(t, false) }

func startProvider(t testing.TB, tls bool) *provider {
	t.Helper()
	p := &provider{audience: []string{audience}, lifetime: time.Hour}
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	p.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	scheme := "http"
	if tls {
		scheme = "https"
	}
	p.issuer = scheme + "://" + p.server.Listener.Addr().String()
	p.Provider = oidctest.New(p.issuer, oidctest.NewKey(t, "first"))
	if tls {
		p.server.StartTLS()
	} else {
		p.server.Start()
	}
	t.Cleanup(p.server.Close)
	return p
}

func (p *provider) serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case oidctest.DiscoveryPath:
		p.discoveries.Add(1)
	case oidctest.KeysPath:
		p.keySets.Add(1)
	}
	if f := p.intercept.Load(); f != nil {
		(*f)(w, r)
		return
	}
	p.ServeHTTP(w, r)
}

// answer makes f answer requests of verifiers, and the provider again if f is nil.
func (p *provider) answer(f http.HandlerFunc) {
	if f == nil {
		p.intercept.Store(nil)
		return
	}
	p.intercept.Store(&f)
}

// down answers like a provider that is not there: the connection ends.
func down(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// hang answers when the client has gone.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// token returns an access token with these scopes.
func (p *provider) token(t testing.TB, scopes ...string) string {
	t.Helper()
	return p.Sign(t, nil, p.Claims("service-1", p.audience, strings.Join(scopes, " "), p.lifetime))
}

// claims are those of a good access token.
func (p *provider) claims() map[string]any {
	return p.Claims("service-1", audience, scope, time.Hour)
}

var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newRSAKey(t testing.TB, id string) oidctest.Key {
	t.Helper()
	private, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	return oidctest.Key{ID: id, Algorithm: jose.RS256, Private: private}
}

// clock is the time of day, but for what it was set forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time      { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) add(d time.Duration) { c.ahead.Add(int64(d)) }

// config is for a verifier with connections of its own.
func (p *provider) config(c *clock) oidc.Config {
	transport := p.server.Client().Transport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // or the client tries again when one ends
	return oidc.Config{
		Issuer: p.issuer, Audience: audience, Scope: scope, HTTPClient: &http.Client{Transport: transport},
		Now: c.now, Logger: slog.New(slog.DiscardHandler),
	}
}

func newVerifier(t testing.TB, c oidc.Config) *oidc.Verifier {
	t.Helper()
	v, err := oidc.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// good fails the test unless the token is good.
func good(t testing.TB, v *oidc.Verifier, token, what string) {
	t.Helper()
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// bad fails the test unless the error for the token matches want, and nothing of
// the token is in it.
func bad(t testing.TB, v *oidc.Verifier, token string, want error, what string) {
	t.Helper()
	p, err := v.Verify(t.Context(), token)
	if !errors.Is(err, want) || p.Name != "" || p.Subject != "" {
		t.Errorf("%s: %+v, %v, want %v", what, p, err, want)
		return
	}
	if errors.Is(want, oidc.ErrToken) && errors.Is(err, oidc.ErrUnavailable) {
		t.Errorf("%s: %v matches both", what, err)
	}
	text := fmt.Sprint(err)
	for part := range strings.SplitSeq(token, ".") {
		if len(part) >= 8 && strings.Contains(text, part) {
			t.Errorf("%s: the token is in %q", what, text)
		}
	}
}
