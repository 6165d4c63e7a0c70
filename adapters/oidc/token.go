package oidc

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

const (
	maxToken   = 16 << 10 // bytes
	maxSubject = 255      // OpenID Connect Core 1.0, section 2
	leeway     = 30 * time.Second
)

// token has the contents of a token. Nobody has checked them yet.
type token struct {
	alg, kid string
	typed    bool // its type is at+jwt
	claims   claims
}

// claims are the fields of a JSON object, by their exact names.
type claims map[string]json.RawMessage

// parseToken reads a JWT in the compact form. It does not check the signature. The error
// does not quote the token.
func parseToken(text string) (token, error) {
	if len(text) > maxToken {
		return token{}, refused("more than %d bytes", maxToken)
	}
	parts := strings.Split(text, ".")
	// The alphabet is checked here because package base64 skips line ends.
	if len(parts) != 3 || slices.Contains(parts, "") || strings.ContainsFunc(text, foreign) {
		return token{}, refused("not a signed JWT in the compact form")
	}
	header, c := decode(parts[0]), decode(parts[1])
	if header == nil || c == nil {
		return token{}, refused("header or payload is not a JSON object in base64url")
	}
	t := token{claims: c}
	t.alg, _ = header.text("alg")
	t.kid, _ = header.text("kid")
	typ, ok := header.text("typ")
	if _, has := header["typ"]; has && !ok {
		return token{}, refused("its type is not a text")
	}
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") {
	case "at+jwt":
		t.typed = true
	case "jwt", "":
	default:
		return token{}, refused("its type is not that of an access token")
	}
	if !slices.Contains(algorithms, t.alg) {
		return token{}, refused("the algorithm is not allowed")
	}
	if _, has := header["crit"]; has {
		return token{}, refused("the header has extensions")
	}
	// Some libraries, ours among them, ignore the case of claims' names. A claim that
	// is there twice could then mean two things.
	for name := range c {
		for _, registered := range []string{"iss", "sub", "aud", "exp", "nbf", "iat"} {
			if name != registered && strings.EqualFold(name, registered) {
				return token{}, refused("a claim is spelled like %s", registered)
			}
		}
	}
	return t, nil
}

// foreign reports whether r cannot be part of a token.
func foreign(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_' && r != '.'
}

// decode returns the JSON object in a part of a token, or nil if there is none.
func decode(part string) claims {
	b, err := base64.RawURLEncoding.Strict().DecodeString(part)
	var c claims
	if err != nil || json.Unmarshal(b, &c) != nil {
		return nil
	}
	return c
}

// plausible returns an error if the token has another issuer or is not valid at now. It
// is called before the key is looked for, so that such tokens cause no requests to the
// provider.
func (t token) plausible(issuer string, now time.Time) error {
	if iss, ok := t.claims.text("iss"); !ok || iss != issuer {
		return refused("another issuer")
	}
	if exp, ok := t.claims.instant("exp"); !ok || !now.Before(exp.Add(leeway)) {
		return refused("expired, or without an expiry")
	}
	if _, has := t.claims["nbf"]; has {
		if nbf, ok := t.claims.instant("nbf"); !ok || now.Add(leeway).Before(nbf) {
			return refused("not valid yet")
		}
	}
	return nil
}

// forAccess returns an error if the token is known to be an ID token or a logout token.
func (t token) forAccess() error {
	for _, name := range []string{"at_hash", "c_hash"} {
		if _, has := t.claims[name]; has {
			return refused("an ID token: it has %s", name)
		}
	}
	if _, has := t.claims["events"]; has {
		return refused("a logout token")
	}
	access := t.typed
	for _, kind := range []struct{ claim, access string }{{"typ", "bearer"}, {"token_use", "access"}} {
		if _, has := t.claims[kind.claim]; !has {
			continue
		}
		if use, ok := t.claims.text(kind.claim); !ok || !strings.EqualFold(use, kind.access) {
			return refused("%s says that it is no access token", kind.claim)
		}
		access = true
	}
	if _, has := t.claims["nonce"]; has && !access {
		return refused("an ID token: it has a nonce")
	}
	return nil
}

// granted reports whether the token has a scope. An empty scope is always granted.
func (t token) granted(scope string) bool {
	return scope == "" || slices.Contains(t.claims.list("scope"), scope) || slices.Contains(t.claims.list("scp"), scope)
}

// text returns a claim that is a text.
func (c claims) text(name string) (string, bool) {
	var s *string
	if json.Unmarshal(c[name], &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}

// list returns a claim that is a list of texts, or a text with spaces between.
func (c claims) list(name string) []string {
	if s, ok := c.text(name); ok {
		return strings.Fields(s)
	}
	var l []string
	if json.Unmarshal(c[name], &l) != nil {
		return nil
	}
	return l
}

// instant returns a claim that is a number of seconds since 1970.
func (c claims) instant(name string) (time.Time, bool) {
	const most = 1 << 40 // seconds; as 38,000 years
	var seconds *float64
	if json.Unmarshal(c[name], &seconds) != nil || seconds == nil || *seconds < 0 || *seconds > most {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(*seconds * 1000)), true
}
