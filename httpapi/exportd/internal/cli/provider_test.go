//go:build unix

package cli_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The provider has one user, a robot, who gets tokens for any audience that a
// test asks for.
const (
	robot         = "robot@example.org"
	robotPassword = "the robot's own password"
	audience      = "https://exports.example.com"
)

// provider is an OpenID provider on a loopback address.
type provider struct {
	op.Storage // methods that nobody calls

	issuer  string
	key     *ecdsa.PrivateKey
	handler http.Handler
}

// newProvider makes a provider that is to listen on an address.
func newProvider(t *testing.T, address string) *provider {
	t.Helper()
	p := &provider{issuer: "http://" + address}
	var err error
	if p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	p.handler, err = op.NewProvider(&op.Config{}, p, op.StaticIssuer(p.issuer), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// start lets it listen until the test ends, or what is returned is called.
func (p *provider) start(t *testing.T) (stop func()) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", strings.TrimPrefix(p.issuer, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(p.handler)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return server.Close
}

// token asks it for an access token. The scope that begins with aud: names the
// audience.
func (p *provider) token(t *testing.T, audience string, scopes ...string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(append(scopes, "aud:"+audience), " ")}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.issuer+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape("robot"), url.QueryEscape(robotPassword))
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

func (p *provider) SigningKey(context.Context) (op.SigningKey, error) { return signingKey{p.key}, nil }
func (p *provider) KeySet(context.Context) ([]op.Key, error)          { return []op.Key{publicKey{p.key}}, nil }
func (p *provider) Health(context.Context) error                      { return nil }

func (p *provider) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

func (p *provider) ClientCredentials(_ context.Context, id, password string) (op.Client, error) {
	if id != "robot" || password != robotPassword {
		return nil, zitadel.ErrInvalidClient()
	}
	return client{}, nil
}

func (p *provider) ClientCredentialsTokenRequest(_ context.Context, _ string, scopes []string) (op.TokenRequest, error) {
	r := tokenRequest{scopes: scopes}
	for _, scope := range scopes {
		if audience, ok := strings.CutPrefix(scope, "aud:"); ok {
			r.audience = []string{audience}
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

type tokenRequest struct{ audience, scopes []string }

func (r tokenRequest) GetSubject() string     { return robot }
func (r tokenRequest) GetClientID() string    { return "robot" }
func (r tokenRequest) GetAudience() []string  { return r.audience }
func (r tokenRequest) GetScopes() []string    { return r.scopes }
func (r tokenRequest) GetAMR() []string       { return nil }
func (r tokenRequest) GetAuthTime() time.Time { return time.Now() }

type client struct{ op.Client }

func (client) GetID() string                        { return "robot" }
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

type signingKey struct{ private *ecdsa.PrivateKey }

func (k signingKey) ID() string                                  { return "first" }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k signingKey) Key() any                                    { return k.private }

type publicKey struct{ private *ecdsa.PrivateKey }

func (k publicKey) ID() string                         { return "first" }
func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.ES256 }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return k.private.Public() }
