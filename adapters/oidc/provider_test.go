package oidc_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/orgexport/orgexport/adapters/oidc"
)

const (
	audience = "https://exports.example.com"
	scope    = "exports:write"
	clientID = "robot"
	secret   = "robot's secret"
)

// provider is an OpenID provider that listens on a loopback address.
type provider struct {
	*storage
	issuer string
	op     *op.Provider
	server *httptest.Server

	// intercept, if set, answers requests in place of the provider.
	intercept atomic.Pointer[http.HandlerFunc]

	discoveries, keySets atomic.Int64
}

func newProvider(t testing.TB) *provider { return startProvider(t, false) }

func startProvider(t testing.TB, tls bool) *provider {
	t.Helper()
	p := &provider{storage: &storage{audience: []string{audience}, lifetime: time.Hour}}
	p.rotate(newECKey(t, "first"))
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	p.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	scheme := "http"
	if tls {
		scheme = "https"
	}
	p.issuer = scheme + "://" + p.server.Listener.Addr().String()
	var err error
	p.op, err = op.NewProvider(&op.Config{}, p.storage, op.StaticIssuer(p.issuer),
		op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
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
	case "/.well-known/openid-configuration":
		p.discoveries.Add(1)
	case "/keys":
		p.keySets.Add(1)
	}
	if f := p.intercept.Load(); f != nil && r.URL.Path != "/oauth/token" {
		(*f)(w, r)
		return
	}
	p.op.ServeHTTP(w, r)
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

// token asks the provider for an access token with the client credentials grant.
func (p *provider) token(t testing.TB, scopes ...string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(scopes, " ")}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.issuer+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(secret))
	response, err := p.server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
		Error string `json:"error_description"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Token == "" {
		t.Fatalf("no token: %s: %v, %s", response.Status, err, answer.Error)
	}
	return answer.Token
}

// claims are those of a good access token.
func (p *provider) claims() map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": p.issuer, "sub": "service-1", "aud": audience, "scope": scope,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
}

// signed makes a token of the provider's that it would not issue.
func (p *provider) signed(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	k := p.current()
	return sign(t, jose.SigningKey{Algorithm: k.alg, Key: jose.JSONWebKey{Key: k.private, KeyID: k.id}}, header, claims)
}

func sign(t testing.TB, with jose.SigningKey, header, claims map[string]any) string {
	t.Helper()
	options := &jose.SignerOptions{}
	for name, value := range header {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(with, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// storage is what the provider knows. Methods that the tests do not need are
// those of the nil Storage.
type storage struct {
	op.Storage

	mu       sync.Mutex
	keys     []*signingKey // the first one signs
	audience []string
	lifetime time.Duration
}

// rotate makes k sign from now on. Keys that signed before are still published.
func (s *storage) rotate(k *signingKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append([]*signingKey{k}, s.keys...)
}

// retire stops publishing all keys but the one that signs.
func (s *storage) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = s.keys[:1]
}

func (s *storage) current() *signingKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[0]
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return s.current(), nil }

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{s.current().alg}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []op.Key
	for _, k := range s.keys {
		keys = append(keys, publicKey{k})
	}
	return keys, nil
}

func (s *storage) ClientCredentials(_ context.Context, id, password string) (op.Client, error) {
	if id != clientID || password != secret {
		return nil, errors.New("unknown client")
	}
	return client{}, nil
}

func (s *storage) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return request{subject: "service-1", client: id, audience: s.audience, scopes: scopes}, nil
}

func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "token-1", time.Now().Add(s.lifetime), nil
}

func (s *storage) GetPrivateClaimsFromScopes(_ context.Context, _, _ string, scopes []string) (map[string]any, error) {
	return map[string]any{"scope": strings.Join(scopes, " ")}, nil
}

func (s *storage) SetUserinfoFromScopes(context.Context, *zitadel.UserInfo, string, string, []string) error {
	return nil
}

func (s *storage) Health(context.Context) error { return nil }

type request struct {
	subject, client  string
	audience, scopes []string
}

func (r request) GetSubject() string     { return r.subject }
func (r request) GetClientID() string    { return r.client }
func (r request) GetAudience() []string  { return r.audience }
func (r request) GetScopes() []string    { return r.scopes }
func (r request) GetAMR() []string       { return nil }
func (r request) GetAuthTime() time.Time { return time.Now() }

type client struct{ op.Client }

func (client) GetID() string                        { return clientID }
func (client) GrantTypes() []zitadel.GrantType      { return []zitadel.GrantType{"client_credentials"} }
func (client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeJWT }
func (client) ClockSkew() time.Duration             { return 0 }
func (client) IDTokenUserinfoClaimsAssertion() bool { return false }
func (client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(s []string) []string { return s }
}

func (client) RestrictAdditionalIdTokenScopes() func([]string) []string { //nolint:revive // of op.Client
	return func(s []string) []string { return s }
}

type signingKey struct {
	id      string
	alg     jose.SignatureAlgorithm
	private crypto.Signer
}

func (k *signingKey) ID() string                                  { return k.id }
func (k *signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return k.alg }
func (k *signingKey) Key() any                                    { return k.private }

type publicKey struct{ *signingKey }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return k.alg }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return k.private.Public() }

func newECKey(t testing.TB, id string) *signingKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &signingKey{id: id, alg: jose.ES256, private: private}
}

var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newRSAKey(t testing.TB, id string) *signingKey {
	t.Helper()
	private, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	return &signingKey{id: id, alg: jose.RS256, private: private}
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
