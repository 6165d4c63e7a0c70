package oidc_test

import (
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/orgexport/orgexport/adapters/oidc"
	"github.com/orgexport/orgexport/internal/oidctest"
)

// forge puts a header and claims before a signature.
func forge(t testing.TB, header, claims map[string]any, signature string) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	return part(header) + "." + part(claims) + "." + signature
}

func TestForged(t *testing.T) {
	p := newProvider(t)
	p.Rotate(newRSAKey(t, "rsa"))
	v := newVerifier(t, p.config(&clock{}))
	token := p.token(t, scope)
	good(t, v, token, "the right one")
	parts := strings.Split(token, ".")

	none := forge(t, map[string]any{"alg": "none", "kid": "rsa"}, p.claims(), "")
	bad(t, v, none, oidc.ErrToken, "alg none, no signature")
	bad(t, v, none+parts[2], oidc.ErrToken, "alg none, the signature of another")
	for _, alg := range []string{"None", "NONE", "nOnE", "", "RS1", "ES256K", "A128KW"} {
		bad(t, v, forge(t, map[string]any{"alg": alg, "kid": "rsa"}, p.claims(), parts[2]), oidc.ErrToken, "alg "+alg)
	}
	bad(t, v, forge(t, map[string]any{"kid": "rsa"}, p.claims(), parts[2]), oidc.ErrToken, "no alg")

	// The public key, in every form that somebody may have taken it for a secret in.
	public, err := x509.MarshalPKIXPublicKey(p.Current().Private.Public())
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(jose.JSONWebKey{Key: p.Current().Private.Public(), KeyID: "rsa"})
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string][]byte{
		"DER": public, "JWK": jwk,
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
	} {
		for _, alg := range []jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512} {
			forged := oidctest.Sign(t, jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: "rsa"}}, nil, p.claims())
			bad(t, v, forged, oidc.ErrToken, fmt.Sprint(alg, " with the public key as ", name))
		}
	}

	// Keys that the token brings along.
	own := oidctest.NewKey(t, "own")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: own.Algorithm, Key: own.Private}, &jose.SignerOptions{EmbedJWK: true})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(p.claims())
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	embedded, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	bad(t, v, embedded, oidc.ErrToken, "a key of its own in the header")
	bad(t, v, jws.FullSerialize(), oidc.ErrToken, "JSON serialization")
	var asked bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer elsewhere.Close()
	for _, name := range []string{"jku", "x5u"} {
		header := map[string]any{name: elsewhere.URL}
		bad(t, v, oidctest.Sign(t, jose.SigningKey{Algorithm: own.Algorithm, Key: own.Private}, header, p.claims()), oidc.ErrToken, name)
	}
	if asked {
		t.Error("an address in a token was asked")
	}
	bad(t, v, p.Sign(t, map[string]any{"crit": []string{"b64"}, "b64": true}, p.claims()), oidc.ErrToken, "crit")

	// Good parts in wrong places.
	claims := p.claims()
	claims["sub"] = "somebody else"
	other := strings.Split(p.Sign(t, nil, claims), ".")
	for what, text := range map[string]string{
		"payload of another":   parts[0] + "." + other[1] + "." + parts[2],
		"signature of another": parts[0] + "." + parts[1] + "." + other[2],
		"no signature":         parts[0] + "." + parts[1] + ".",
		"two parts":            parts[0] + "." + parts[1],
		"five parts":           token + ".a.b",
		"a space in front":     " " + token,
		"a line's end":         token + "\n",
		"a line's end inside":  token[:5] + "\n" + token[5:],
		"Bearer in front":      "Bearer " + token,
		"padding":              parts[0] + "." + parts[1] + "." + parts[2] + "==",
		"dots":                 "..",
		"opaque":               "b1946ac92492d2347c6235b4d2611184",
		"nothing":              "",
	} {
		bad(t, v, text, oidc.ErrToken, what)
	}
	for i := 0; i < len(token); i += 13 {
		bad(t, v, token[:i], oidc.ErrToken, fmt.Sprint("cut at ", i))
	}
}

func TestHugeToken(t *testing.T) {
	p := newProvider(t)
	v := newVerifier(t, p.config(&clock{}))
	claims := p.claims()
	claims["groups"] = strings.Repeat("g", 11<<10)
	token := p.Sign(t, nil, claims)
	if len(token) > 16<<10 {
		t.Fatalf("%d bytes", len(token))
	}
	good(t, v, token, "large")
	claims["groups"] = strings.Repeat("g", 12<<10)
	bad(t, v, p.Sign(t, nil, claims), oidc.ErrToken, "too large")
	bad(t, v, strings.Repeat("a", 100<<20), oidc.ErrToken, "100 MiB")
	bad(t, v, strings.Repeat("[", 15<<10), oidc.ErrToken, "brackets")
}

// document answers the request for keys with body, and others as the provider.
func (p *provider) document(path string, body []byte) {
	p.answer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			p.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(body) //nolint:errcheck // the client may hang up
	})
}

func (p *provider) jwk(t testing.TB, change func(map[string]any)) json.RawMessage {
	t.Helper()
	k := p.Current()
	b, err := json.Marshal(jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Use: "sig", Algorithm: string(k.Algorithm)})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(fields)
	}
	b, err = json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func set(keys ...json.RawMessage) []byte {
	b, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return b
}

func TestKeySets(t *testing.T) {
	p := newProvider(t)
	right := p.jwk(t, nil)
	many := func(n int) []byte {
		keys := make([]json.RawMessage, n)
		for i := range keys {
			keys[i] = p.jwk(t, func(f map[string]any) { f["kid"] = fmt.Sprint(i) })
		}
		keys[n-1] = right
		return set(keys...)
	}
	for _, test := range []struct {
		what string
		body []byte
		want error
	}{
		{"the right one", set(right), nil},
		{"256 keys", many(256), nil},
		{"257 keys", many(257), oidc.ErrUnavailable},
		{"5,000 keys", many(5000), oidc.ErrUnavailable},
		{"megabytes", append(bytes.Repeat([]byte(" "), 1<<20), set(right)...), oidc.ErrUnavailable},
		{"a megabyte and the rest is spaces", append(set(right), bytes.Repeat([]byte(" "), 1<<20)...), oidc.ErrUnavailable},
		{"no set", []byte(`{}`), oidc.ErrUnavailable},
		{"null", []byte(`null`), oidc.ErrUnavailable},
		{"empty set", set(), oidc.ErrUnavailable},
		{"cut", set(right)[:60], oidc.ErrUnavailable},
		{"for encryption", set(p.jwk(t, func(f map[string]any) { f["use"] = "enc" })), oidc.ErrUnavailable},
		{"use not given", set(p.jwk(t, func(f map[string]any) { delete(f, "use") })), nil},
		{"alg not given", set(p.jwk(t, func(f map[string]any) { delete(f, "alg") })), nil},
		{"alg another one", set(p.jwk(t, func(f map[string]any) { f["alg"] = "ES384" })), oidc.ErrToken},
		{"kid another one", set(p.jwk(t, func(f map[string]any) { f["kid"] = "x" })), oidc.ErrToken},
		{"with kinds not known here", set([]byte(`{"kty":"OKP","crv":"Ed448","x":"AA"}`), []byte(`{"kty":"PQ"}`), []byte(`1`), []byte(`null`), right), nil},
		{"a private key", set(privateJWK(t, p.Current())), oidc.ErrUnavailable},
		{"a secret", set([]byte(`{"kty":"oct","kid":"first","k":"c2VjcmV0"}`)), oidc.ErrUnavailable},
		{"not on the curve", set(p.jwk(t, func(f map[string]any) { f["x"] = f["y"] })), oidc.ErrUnavailable},
	} {
		t.Run(test.what, func(t *testing.T) {
			p.document("/keys", test.body)
			v := newVerifier(t, p.config(&clock{}))
			token := p.token(t, scope)
			if test.want != nil {
				bad(t, v, token, test.want, test.what)
			} else {
				good(t, v, token, test.what)
			}
		})
	}
}

func TestKeySetWithStatus(t *testing.T) {
	p := newProvider(t)
	body := set(p.jwk(t, nil))
	p.answer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/keys" {
			p.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
		w.Write(body) //nolint:errcheck // the client may hang up
	})
	bad(t, newVerifier(t, p.config(&clock{})), p.token(t, scope), oidc.ErrUnavailable, "keys with status 500")
}

func privateJWK(t testing.TB, k oidctest.Key) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(jose.JSONWebKey{Key: k.Private, KeyID: k.ID})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestEndless answers without end: what is read of it must be little.
func TestEndless(t *testing.T) {
	p := newProvider(t)
	var mu sync.Mutex
	var most int
	for _, path := range []string{"/.well-known/openid-configuration", "/keys"} {
		for _, packed := range []bool{false, true} {
			p.answer(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != path {
					p.ServeHTTP(w, r)
					return
				}
				if packed {
					w.Header().Set("Content-Encoding", "gzip")
					z := gzip.NewWriter(w)
					z.Write(make([]byte, 4<<20)) //nolint:errcheck // the client hangs up
					z.Close()
					return
				}
				for n := 0; ; n += 1 << 16 {
					if _, err := w.Write(make([]byte, 1<<16)); err != nil {
						mu.Lock()
						defer mu.Unlock()
						most = max(most, n)
						return
					}
				}
			})
			_, err := newVerifier(t, p.config(&clock{})).Verify(t.Context(), p.token(t, scope))
			if !errors.Is(err, oidc.ErrUnavailable) || !strings.Contains(err.Error(), "more than 1048576 bytes") {
				t.Errorf("%s, packed %v: %v", path, packed, err)
			}
		}
	}
	p.server.Close() // waits for the handlers
	if most > 16<<20 {
		t.Errorf("%d bytes were taken", most)
	}
}

// TestAddresses checks where a provider can send requests to.
func TestAddresses(t *testing.T) {
	var asked bool
	victim := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer victim.Close()

	for _, tls := range []bool{false, true} {
		p := startProvider(t, tls)
		discovery := func(issuer, keys string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/keys" {
					p.ServeHTTP(w, r)
					return
				}
				io.WriteString(w, fmt.Sprintf(`{"issuer": %q, "jwks_uri": %q}`, issuer, keys)) //nolint:errcheck // the client may hang up
			}
		}
		redirect := func(path, to string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, path) {
					http.Redirect(w, r, to, http.StatusFound)
					return
				}
				p.ServeHTTP(w, r)
			}
		}
		type test struct {
			what   string
			answer http.HandlerFunc
			want   error
		}
		tests := []test{
			{"as it is", discovery(p.issuer, p.issuer+"/keys"), nil},
			{"another issuer", discovery("https://evil.example.com", p.issuer+"/keys"), oidc.ErrUnavailable},
			{"the issuer with a slash", discovery(p.issuer+"/", p.issuer+"/keys"), oidc.ErrUnavailable},
			{"http", discovery(p.issuer, "http://192.0.2.1/keys"), oidc.ErrUnavailable},
			{"metadata service", discovery(p.issuer, "http://169.254.169.254/latest/meta-data/"), oidc.ErrUnavailable},
			{"a file", discovery(p.issuer, "file:///etc/passwd"), oidc.ErrUnavailable},
			{"no address", discovery(p.issuer, ""), oidc.ErrUnavailable},
			{"relative", discovery(p.issuer, "/keys"), oidc.ErrUnavailable},
			{"user", discovery(p.issuer, strings.Replace(p.issuer, "://", "://me:pw@", 1)+"/keys"), oidc.ErrUnavailable},
			{"redirect of keys", redirect("/keys", victim.URL), oidc.ErrUnavailable},
			{"redirect of discovery", redirect("/.well-known/openid-configuration", victim.URL), oidc.ErrUnavailable},
			{"redirect for ever", redirect("/keys", "/keys"), oidc.ErrUnavailable},
			{"redirect on the host", func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/keys" {
					http.Redirect(w, r, "/moved", http.StatusFound)
					return
				}
				r.URL.Path = strings.Replace(r.URL.Path, "/moved", "/keys", 1)
				p.ServeHTTP(w, r)
			}, nil},
		}
		if tls {
			tests = append(tests, test{"http on this machine", discovery(p.issuer, victim.URL), oidc.ErrUnavailable})
		}
		for _, test := range tests {
			p.answer(test.answer)
			v := newVerifier(t, p.config(&clock{}))
			p.keySets.Store(0)
			if test.want != nil {
				bad(t, v, p.token(t, scope), test.want, test.what)
			} else {
				good(t, v, p.token(t, scope), test.what)
			}
			if n := p.keySets.Load(); n > 4 {
				t.Errorf("%s: %d requests", test.what, n)
			}
		}
	}
	if asked {
		t.Error("another address was asked")
	}
}
