package oidc_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/oidc"
)

// FuzzVerify changes a token. Whatever comes of it is refused, without quoting
// it, and does not have the provider asked more often than forged tokens may.
func FuzzVerify(f *testing.F) {
	p := newProvider(f)
	config, start := p.config(&clock{}), time.Now()
	config.Now = func() time.Time { return start } // so that the budget is not filled up
	v := newVerifier(f, config)
	right := p.token(f, scope)
	good(f, v, right, "the right one")
	f.Add(right[:len(right)-4])
	f.Add(right + "A")
	f.Add("e30.e30.e30")
	f.Add("..")
	f.Add(strings.Repeat("A", 20000))
	f.Add(p.Sign(f, map[string]any{"typ": "at+jwt"}, map[string]any{"iss": p.issuer}))
	f.Fuzz(func(t *testing.T, token string) {
		if token == right {
			return
		}
		_, err := v.Verify(t.Context(), token)
		if !errors.Is(err, oidc.ErrToken) {
			t.Errorf("%q: %v", token, err)
		}
		if len(token) >= 16 && strings.Contains(err.Error(), token) {
			t.Errorf("%q is in %v", token, err)
		}
		if n := p.keySets.Load(); n > 6 {
			t.Errorf("%d requests for keys", n)
		}
	})
}

// FuzzClaims signs whatever payload there is: what is not a good access token is
// refused, and what is has the subject that was meant.
func FuzzClaims(f *testing.F) {
	p := newProvider(f)
	v := newVerifier(f, p.config(&clock{}))
	f.Add(`{"typ":"JWT"}`, `{"sub":"a","scope":"exports:write"}`)
	f.Add(`{"typ":"at+jwt"}`, `{"sub":"a","scp":["exports:write"],"aud":[],"exp":1e99}`)
	f.Add(`{}`, `{"sub":{"sub":"b"},"_claim_names":{"a":"b"},"_claim_sources":{"b":{"endpoint":"http://127.0.0.1"}}}`)
	f.Add(`{"kid":[]}`, `[null]`)
	f.Add(`null`, `{"exp":-1,"EXP":9e9}`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		// Signed by nobody, but parsed.
		part := base64.RawURLEncoding.EncodeToString
		if _, err := v.Verify(t.Context(), part([]byte(header))+"."+part([]byte(payload))+".AAAA"); !errors.Is(err, oidc.ErrToken) {
			t.Errorf("unsigned: %v", err)
		}
		claims := p.claims()
		claims["fuzz"] = payload
		claims["sub"] = payload
		principal, err := v.Verify(t.Context(), p.Sign(t, nil, claims))
		switch {
		case err == nil && !strings.HasPrefix(principal.Subject, p.issuer+"#"):
			t.Errorf("subject %q", principal.Subject)
		case err != nil && !errors.Is(err, oidc.ErrToken):
			t.Error(err)
		case err != nil && payload != "" && len(payload) <= 255 && strings.ToValidUTF8(payload, "") == payload:
			t.Errorf("subject %q: %v", payload, err)
		}
	})
}
