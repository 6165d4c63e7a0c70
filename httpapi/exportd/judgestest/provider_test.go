//go:build unix

package judgestest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	audience = "https://exports.example.com"
	scope    = "exports:write"
	clientID = "robot"
	secret   = "robot's secret"
	robot    = "robot@example.org"
)

// provider is the OpenID provider of zitadel/oidc on a loopback address. Methods of its
// storage that the tests do not need are those of the nil Storage.
type provider struct {
	op.Storage

	issuer string

	mu   sync.Mutex
	keys []key // the first one signs
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	p := &provider{issuer: "http://" + server.Listener.Addr().String()}
	p.rotate(t, "first")
	handler, err := op.NewProvider(&op.Config{}, p, op.StaticIssuer(p.issuer), op.WithAllowInsecure(),
		op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler
	server.Start()
	t.Cleanup(server.Close)
	return p
}

// rotate makes a new key sign. Those before are still published.
func (p *provider) rotate(t *testing.T, id string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append([]key{{id, private}}, p.keys...)
}

// token asks the provider for an access token with the client credentials grant. The
// scope that begins with aud: names the audience.
func (p *provider) token(t *testing.T, scopes ...string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(scopes, " ")}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.issuer+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(clientID), url.QueryEscape(secret))
	response, err := http.DefaultClient.Do(r)
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

func (p *provider) SigningKey(context.Context) (op.SigningKey, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys[0], nil
}

func (p *provider) KeySet(context.Context) ([]op.Key, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var keys []op.Key
	for _, k := range p.keys {
		keys = append(keys, publicKey{k})
	}
	return keys, nil
}

func (p *provider) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

func (p *provider) ClientCredentials(_ context.Context, id, password string) (op.Client, error) {
	if id != clientID || password != secret {
		return nil, errors.New("unknown client")
	}
	return client{}, nil
}

func (p *provider) ClientCredentialsTokenRequest(_ context.Context, _ string, scopes []string) (op.TokenRequest, error) {
	r := tokenRequest{audience: []string{audience}, scopes: scopes}
	for _, s := range scopes {
		if other, ok := strings.CutPrefix(s, "aud:"); ok {
			r.audience = []string{other}
		}
	}
	return r, nil
}

func (p *provider) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return "token-1", time.Now().Add(time.Hour), nil
}

func (p *provider) GetPrivateClaimsFromScopes(_ context.Context, _, _ string, scopes []string) (map[string]any, error) {
	return map[string]any{"scope": strings.Join(scopes, " ")}, nil
}

func (p *provider) SetUserinfoFromScopes(context.Context, *zitadel.UserInfo, string, string, []string) error {
	return nil
}

func (p *provider) Health(context.Context) error { return nil }

type tokenRequest struct{ audience, scopes []string }

func (r tokenRequest) GetSubject() string     { return robot }
func (r tokenRequest) GetClientID() string    { return clientID }
func (r tokenRequest) GetAudience() []string  { return r.audience }
func (r tokenRequest) GetScopes() []string    { return r.scopes }
func (r tokenRequest) GetAMR() []string       { return nil }
func (r tokenRequest) GetAuthTime() time.Time { return time.Now() }

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

type key struct {
	id      string
	private *ecdsa.PrivateKey
}

func (k key) ID() string                                  { return k.id }
func (k key) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k key) Key() any                                    { return k.private }

type publicKey struct{ key }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return k.private.Public() }
