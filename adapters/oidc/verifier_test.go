package oidc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/orgexport/orgexport/adapters/oidc"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/oidctest"
)

func TestNew(t *testing.T) {
	_, err := oidc.New(oidc.Config{Scope: "two scopes", Timeout: -1, RefreshEvery: -1})
	for _, part := range []string{"Issuer", "Audience", "Scope", "Timeout", "RefreshEvery"} {
		if err == nil || !strings.Contains(err.Error(), "oidc: Config."+part) {
			t.Errorf("%s is not in %v", part, err)
		}
	}
	for issuer, ok := range map[string]bool{
		"https://login.example.com":             true,
		"https://login.example.com/":            true,
		"https://login.example.com/a/b":         true,
		"http://localhost:8080":                 true,
		"http://127.0.0.1:8080/x":               true,
		"http://[::1]:8080":                     true,
		"http://login.example.com":              false,
		"http://localhost.example.com":          false,
		"http://10.0.0.1":                       false,
		"ftp://login.example.com":               false,
		"file:///etc/passwd":                    false,
		"login.example.com":                     false,
		"https://":                              false,
		"https://login.example.com?a=b":         false,
		"https://login.example.com#a":           false,
		"https://login.example.com ":            false,
		"https://me:hunter22@login.example.com": false,
	} {
		_, err := oidc.New(oidc.Config{Issuer: issuer, Audience: audience})
		if (err == nil) != ok {
			t.Errorf("issuer %q: %v", issuer, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter22") {
			t.Errorf("the password is in %v", err)
		}
	}
}

func TestVerify(t *testing.T) {
	p := newProvider(t)
	v := newVerifier(t, p.config(&clock{}))
	if p.discoveries.Load() != 0 {
		t.Error("New has asked the provider")
	}
	got, err := v.Verify(t.Context(), p.token(t, "other", scope))
	if err != nil {
		t.Fatal(err)
	}
	if want := p.issuer + "#service-1"; got.Subject != want || got.OrganizationID != "" || got.Role != "" {
		t.Errorf("principal is %+v, want the subject %s alone", got, want)
	}
	if got.Subject != oidc.Subject(p.issuer, "service-1") || got.Name != oidc.Name(got.Subject) {
		t.Errorf("principal is %+v", got)
	}
	if !strings.HasPrefix(got.Name, "oidc:") || len(got.Name) != 27 {
		t.Errorf("name is %q", got.Name)
	}
	for range 3 {
		good(t, v, p.token(t, scope), "another token")
	}
	if d, k := p.discoveries.Load(), p.keySets.Load(); d != 1 || k != 1 {
		t.Errorf("%d discoveries and %d requests for keys, want one of each", d, k)
	}
	if err := v.Ready(t.Context()); err != nil {
		t.Errorf("Ready: %v", err)
	}
}

func TestVerifyTLS(t *testing.T) {
	p := startProvider(t, true)
	good(t, newVerifier(t, p.config(&clock{})), p.token(t, scope), "over TLS")

	c := p.config(&clock{})
	c.HTTPClient = nil // does not know the certificate
	bad(t, newVerifier(t, c), p.token(t, scope), oidc.ErrUnavailable, "unknown certificate")
}

func TestAlgorithms(t *testing.T) {
	p := newProvider(t)
	var c clock
	v := newVerifier(t, p.config(&c))
	private, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := func(id string, alg jose.SignatureAlgorithm, private crypto.Signer) oidctest.Key {
		return oidctest.Key{ID: id, Algorithm: alg, Private: private}
	}
	for _, k := range []oidctest.Key{
		key("rs256", jose.RS256, private), key("rs384", jose.RS384, private), key("rs512", jose.RS512, private),
		key("ps256", jose.PS256, private), key("ps384", jose.PS384, private), key("ps512", jose.PS512, private),
		key("es384", jose.ES384, p384), key("es512", jose.ES512, p521), key("eddsa", jose.EdDSA, edwards),
	} {
		c.add(10 * time.Second) // the tokens are for an hour
		p.Rotate(k)
		good(t, v, p.token(t, scope), string(k.Algorithm))
	}
	other := jose.SigningKey{Algorithm: jose.PS256, Key: jose.JSONWebKey{Key: private, KeyID: "rs256"}}
	bad(t, v, oidctest.Sign(t, other, nil, p.claims()), oidc.ErrToken, "PS256 with a key that is for RS256")

	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	c.add(time.Minute)
	p.Rotate(key("weak", jose.RS256, weak))
	bad(t, v, p.token(t, scope), oidc.ErrToken, "an RSA key of 1024 bits")
}

// TestRefused checks tokens that the provider has issued for something else.
func TestRefused(t *testing.T) {
	p := newProvider(t)
	var c clock
	v := newVerifier(t, p.config(&c))
	good(t, v, p.token(t, scope), "the right one")

	asked := p.keySets.Load()

	bad(t, v, p.token(t, "other"), oidc.ErrScope, "other scope")
	bad(t, v, p.token(t, "other"), oidc.ErrToken, "other scope")
	bad(t, v, p.token(t, scope+":all"), oidc.ErrScope, "scope with the right one in front")
	bad(t, v, p.token(t), oidc.ErrScope, "no scope")

	p.audience = []string{"https://other.example.com"}
	bad(t, v, p.token(t, scope), oidc.ErrToken, "other audience")
	p.audience = []string{"https://other.example.com", audience}
	good(t, v, p.token(t, scope), "two audiences")
	p.audience = []string{clientID}
	bad(t, v, p.token(t, scope), oidc.ErrToken, "audience is the client")
	p.audience = []string{audience}

	p.lifetime = time.Minute
	token := p.token(t, scope)
	c.add(time.Minute + 20*time.Second)
	good(t, v, token, "expired, within the leeway")
	c.add(20 * time.Second)
	bad(t, v, token, oidc.ErrToken, "expired")
	c.add(-2*time.Minute + -20*time.Second)
	bad(t, v, token, oidc.ErrToken, "not valid yet")
	c.add(20 * time.Second)
	good(t, v, token, "not valid yet, within the leeway")

	other := newProvider(t)
	bad(t, v, other.token(t, scope), oidc.ErrToken, "another provider")
	if n := p.keySets.Load() - asked; n != 0 {
		t.Errorf("%d requests for keys, but none of these tokens is worth one", n)
	}

	anyScope := p.config(&clock{})
	anyScope.Scope = ""
	good(t, newVerifier(t, anyScope), p.token(t), "no scope, none required")
}

func TestIDToken(t *testing.T) {
	p := newProvider(t)
	c := p.config(&clock{})
	c.Scope = ""
	c.Audience = clientID // which makes it as hard as can be
	v := newVerifier(t, c)

	atJWT := map[string]any{"typ": "at+jwt"}
	for _, test := range []struct {
		what   string
		header map[string]any
		claims map[string]any
		ok     bool
	}{
		{"no type", nil, nil, true},
		{"JWT", map[string]any{"typ": "JWT"}, nil, true},
		{"at+jwt", atJWT, nil, true},
		{"media type", map[string]any{"typ": "application/AT+JWT"}, nil, true},
		{"another type", map[string]any{"typ": "logout+jwt"}, nil, false},
		{"a type that is no text", map[string]any{"typ": 1}, nil, false},
		{"nonce", nil, map[string]any{"nonce": "n"}, false},
		{"nonce and at+jwt", atJWT, map[string]any{"nonce": "n"}, true},
		{"Keycloak's access token", nil, map[string]any{"typ": "Bearer", "nonce": "n"}, true},
		{"Keycloak's ID token", nil, map[string]any{"typ": "ID"}, false},
		{"Keycloak's refresh token", nil, map[string]any{"typ": "Refresh"}, false},
		{"Cognito's access token", nil, map[string]any{"token_use": "access"}, true},
		{"Cognito's ID token", nil, map[string]any{"token_use": "id"}, false},
		{"kind that is no text", nil, map[string]any{"token_use": []string{"access"}}, false},
		{"ID token issued with an access token", nil, map[string]any{"at_hash": "h"}, false},
		{"ID token issued with a code", nil, map[string]any{"c_hash": "h"}, false},
		{"at_hash", atJWT, map[string]any{"at_hash": "h"}, false},
		{"logout token", nil, map[string]any{"events": map[string]any{}}, false},
	} {
		claims := p.claims()
		claims["aud"] = clientID
		maps.Copy(claims, test.claims)
		token := p.Sign(t, test.header, claims)
		if test.ok {
			good(t, v, token, test.what)
		} else {
			bad(t, v, token, oidc.ErrToken, test.what)
		}
	}
}

// TestClaims checks claims that the provider in the test does not issue.
func TestClaims(t *testing.T) {
	p := newProvider(t)
	v := newVerifier(t, p.config(&clock{}))
	const without = "-"
	for _, test := range []struct {
		what, claim string
		value       any
		want        error
	}{
		{"scp as a list", "scp", []string{"a", scope}, nil},
		{"scp as a text", "scp", "a " + scope, nil},
		{"scope as a list", "scope", []string{"a", scope}, nil},
		{"scope as a number", "scope", 1, oidc.ErrScope},
		{"scope with case", "scope", strings.ToUpper(scope), oidc.ErrScope},
		{"audience as a list", "aud", []string{"a", audience}, nil},
		{"no audience", "aud", without, oidc.ErrToken},
		{"empty audiences", "aud", []string{}, oidc.ErrToken},
		{"audience as an object", "aud", map[string]any{"a": audience}, oidc.ErrToken},
		{"no expiry", "exp", without, oidc.ErrToken},
		{"expiry as a text", "exp", "9999999999", oidc.ErrToken},
		{"expiry in milliseconds", "exp", 1e15, oidc.ErrToken},
		{"expiry null", "exp", nil, oidc.ErrToken},
		{"expiry with a fraction", "exp", float64(time.Now().Unix()) + 60.5, nil},
		{"no nbf", "nbf", without, nil},
		{"nbf as a text", "nbf", "0", oidc.ErrToken},
		{"no issuer", "iss", without, oidc.ErrToken},
		{"issuer with a slash", "iss", p.issuer + "/", oidc.ErrToken},
		{"issuer as a list", "iss", []string{p.issuer}, oidc.ErrToken},
		{"no subject", "sub", without, oidc.ErrToken},
		{"empty subject", "sub", "", oidc.ErrToken},
		{"subject as a number", "sub", 1, oidc.ErrToken},
		{"long subject", "sub", strings.Repeat("s", 256), oidc.ErrToken},
		{"two subjects", "SUB", "somebody else", oidc.ErrToken},
		{"two subjects, folded", "\u017fub", "somebody else", oidc.ErrToken},
	} {
		claims := p.claims()
		if test.claim == "scp" {
			delete(claims, "scope")
		}
		claims[test.claim] = test.value
		if test.value == without {
			delete(claims, test.claim)
		}
		token := p.Sign(t, nil, claims)
		if test.want == nil {
			good(t, v, token, test.what)
		} else {
			bad(t, v, token, test.want, test.what)
		}
	}
}

func TestPublicText(t *testing.T) {
	p := newProvider(t)
	v := newVerifier(t, p.config(&clock{}))
	text := func(token string) string {
		_, err := v.Verify(t.Context(), token)
		return export.PublicText(err)
	}
	if got, want := text("x"), "The bearer token is not valid."; got != want {
		t.Errorf("bad token: %q", got)
	}
	if got, want := text(p.token(t)), "The bearer token lacks a required scope."; got != want {
		t.Errorf("no scope: %q", got)
	}
	p.answer(down)
	v = newVerifier(t, p.config(&clock{}))
	_, err := v.Verify(t.Context(), p.token(t, scope))
	if got := export.PublicText(err); !strings.Contains(got, "try again later") || strings.Contains(got, "127.0.0.1") {
		t.Errorf("unavailable: %q", got)
	}
	var temporary interface{ Temporary() bool }
	if !errors.As(err, &temporary) || !temporary.Temporary() {
		t.Errorf("%v is not temporary", err)
	}
}

func TestHTTPClientIsCopied(t *testing.T) {
	p := newProvider(t)
	given := &http.Client{}
	c := p.config(&clock{})
	c.HTTPClient = given
	good(t, newVerifier(t, c), p.token(t, scope), "default transport")
	if given.Transport != nil || given.CheckRedirect != nil {
		t.Error("the client was written to")
	}
}
