// Package oidctest has an OpenID provider for tests. It serves its discovery document and
// its keys, and signs tokens that claim whatever a test wants. It has no users and no
// clients. The tests of httpapi/exportd/judgestest ask a provider that others have made.
package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Paths of the provider's documents, below its issuer.
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	KeysPath      = "/keys"
)

// Provider is an [http.Handler] that answers for an issuer. It is safe for concurrent
// use.
type Provider struct {
	issuer string

	mu   sync.Mutex
	keys []Key // the first one signs
}

// New returns a provider whose tokens k signs. Issuer is its URL, without a slash at the
// end.
func New(issuer string, k Key) *Provider { return &Provider{issuer: issuer, keys: []Key{k}} }

// Rotate makes k sign from now on. Keys that signed before are still published.
func (p *Provider) Rotate(k Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append([]Key{k}, p.keys...)
}

// Retire publishes no key any more but the one that signs.
func (p *Provider) Retire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = p.keys[:1]
}

// Current returns the key that signs.
func (p *Provider) Current() Key {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys[0]
}

// Claims returns what an access token claims that is good from now on, for so long.
func (p *Provider) Claims(subject string, audience any, scope string, lifetime time.Duration) map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": p.issuer, "sub": subject, "aud": audience, "scope": scope,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(lifetime).Unix(),
	}
}

// Sign returns a token of the provider with more fields in its header, and any claims.
func (p *Provider) Sign(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	return p.Current().Sign(t, header, claims)
}

// ServeHTTP answers requests for the discovery document and for the keys.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var document any
	switch r.URL.Path {
	case DiscoveryPath:
		document = map[string]any{
			"issuer": p.issuer, "jwks_uri": p.issuer + KeysPath, "authorization_endpoint": p.issuer + "/authorize",
			"token_endpoint": p.issuer + "/token", "response_types_supported": []string{"code"},
			"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{string(p.Current().Algorithm)},
		}
	case KeysPath:
		document = p.keySet()
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(document); err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
}

func (p *Provider) keySet() jose.JSONWebKeySet {
	p.mu.Lock()
	defer p.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, k := range p.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Algorithm: string(k.Algorithm), Use: "sig"})
	}
	return set
}

// Key signs tokens. ID may be empty.
type Key struct {
	ID        string
	Algorithm jose.SignatureAlgorithm
	Private   crypto.Signer
}

// NewKey returns a new key for ES256.
func NewKey(t testing.TB, id string) Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Key{ID: id, Algorithm: jose.ES256, Private: private}
}

// Sign returns a token that k has signed.
func (k Key) Sign(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	return Sign(t, jose.SigningKey{Algorithm: k.Algorithm, Key: jose.JSONWebKey{Key: k.Private, KeyID: k.ID}}, header, claims)
}

// Sign returns a token that any key has signed, also one that no provider would use.
func Sign(t testing.TB, with jose.SigningKey, header, claims map[string]any) string {
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
