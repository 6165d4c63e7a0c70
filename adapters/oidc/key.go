package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"

	goidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

const (
	maxKeys    = 256 // of a set
	minRSABits = 2048
	maxRSABits = 8192
)

// algorithms are the ones that tokens may be signed with. All of them need a private
// key, which only the provider has.
var algorithms = []string{
	goidc.RS256, goidc.RS384, goidc.RS512,
	goidc.PS256, goidc.PS384, goidc.PS512,
	goidc.ES256, goidc.ES384, goidc.ES512,
	goidc.EdDSA,
}

// key is a public key that the provider signs with.
type key struct {
	id  string
	alg string // empty: any that fits
	jwk jose.JSONWebKey
}

// parseKeys returns the keys of a set that tokens may be signed with. It leaves out
// keys for other uses, and of unknown kinds.
func parseKeys(raw []json.RawMessage) ([]key, error) {
	switch {
	case raw == nil:
		return nil, errors.New("not a set of keys")
	case len(raw) > maxKeys:
		return nil, fmt.Errorf("more than %d keys", maxKeys)
	}
	keys := make([]key, 0, len(raw))
	for _, text := range raw {
		var jwk jose.JSONWebKey
		if json.Unmarshal(text, &jwk) != nil || jwk.Use != "" && jwk.Use != "sig" {
			continue
		}
		// Certificates are left out: nobody has checked them.
		jwk = jose.JSONWebKey{Key: jwk.Key, KeyID: jwk.KeyID, Algorithm: jwk.Algorithm}
		if usable(jwk.Key) {
			keys = append(keys, key{id: jwk.KeyID, alg: jwk.Algorithm, jwk: jwk})
		}
	}
	return keys, nil
}

// usable reports whether k is a public key that checks signatures. If a provider
// publishes a secret or a private key, a signature by it proves nothing.
func usable(k any) bool {
	switch k := k.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= minRSABits && k.N.BitLen() <= maxRSABits
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}

// fits reports whether k may have signed a token whose header has this kid and alg. An
// empty kid fits any key.
func (k key) fits(kid, alg string) bool {
	if kid != "" && k.id != kid || k.alg != "" && k.alg != alg {
		return false
	}
	switch public := k.jwk.Key.(type) {
	case *rsa.PublicKey:
		return alg[:2] == "RS" || alg[:2] == "PS"
	case *ecdsa.PublicKey:
		switch public.Curve {
		case elliptic.P256():
			return alg == goidc.ES256
		case elliptic.P384():
			return alg == goidc.ES384
		case elliptic.P521():
			return alg == goidc.ES512
		}
	case ed25519.PublicKey:
		return alg == goidc.EdDSA
	}
	return false
}

// fitting implements [goidc.KeySet] with the keys that fit a token.
type fitting []key

// VerifySignature returns the payload of a token if one of the keys has signed it.
func (f fitting) VerifySignature(_ context.Context, token string) ([]byte, error) {
	allowed := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, alg := range algorithms {
		allowed[i] = jose.SignatureAlgorithm(alg)
	}
	jws, err := jose.ParseSignedCompact(token, allowed)
	if err != nil {
		return nil, err
	}
	for _, k := range f {
		if payload, err := jws.Verify(&k.jwk); err == nil {
			return payload, nil
		}
	}
	return nil, errors.New("no key has signed it")
}
