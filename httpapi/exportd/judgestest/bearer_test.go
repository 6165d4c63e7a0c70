//go:build unix

package judgestest_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/orgexport/orgexport/adapters/oidc"
)

// TestVerifier lets the verifier judge tokens that the provider issues.
func TestVerifier(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	for _, want := range []string{audience, clientID} {
		v, err := oidc.New(oidc.Config{Issuer: p.issuer, Audience: want, Scope: scope, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		check := func(what, token string, want error) {
			t.Helper()
			got, err := v.Verify(t.Context(), token)
			if !errors.Is(err, want) || err == nil && got.Subject != oidc.Subject(p.issuer, robot) {
				t.Errorf("%s: %+v, %v, want %v", what, got, err, want)
			}
		}
		to := "aud:" + want
		check("the right one", p.token(t, scope, "other", to), nil)
		check("another scope", p.token(t, "other", to), oidc.ErrScope)
		check("another audience", p.token(t, scope, "aud:https://other.example.com"), oidc.ErrToken)
		check("another provider", newProvider(t).token(t, scope, to), oidc.ErrToken)
		p.rotate(t, "next for "+want)
		check("a new key", p.token(t, scope, to), nil)
		for _, id := range []struct{ what, access, code string }{
			{"an ID token with an access token", "an access token", ""},
			{"an ID token with a code", "", "a code"},
		} {
			token, err := op.CreateIDToken(t.Context(), p.issuer, tokenRequest{[]string{want}, []string{scope}}, time.Hour, id.access, id.code, p, client{})
			if err != nil {
				t.Fatal(err)
			}
			check(id.what, token, oidc.ErrToken)
		}
	}
}

// TestServeTakesTokens requests an export with a token of the provider.
func TestServeTakesTokens(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	s := serve(t, fmt.Sprintf("oidc: {issuer: '%s', audience: '%s', scope: '%s'}\n", p.issuer, audience, scope))
	want := func(what, token string, code int) {
		t.Helper()
		if a := s.send(t, http.MethodPost, s.url, "Authorization", "Bearer "+token); a.StatusCode != code {
			t.Errorf("%s: status %d, want %d\n%s", what, a.StatusCode, code, a.body)
		}
	}
	token := p.token(t, scope)
	want("no member", token, http.StatusForbidden)
	exportd(t, s.dir, "members", "add", "--organization", path.Base(s.url), "--issuer", p.issuer, "--user", robot, "--role", "manager")
	want("a member", token, http.StatusOK)
	want("another scope", p.token(t, "exports:read"), http.StatusUnauthorized)
	want("another audience", p.token(t, scope, "aud:https://other.example.com"), http.StatusUnauthorized)
}
