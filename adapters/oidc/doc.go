// Package oidc checks bearer tokens: access tokens that an OpenID provider has
// signed (RFC 9068, and what was usual before it).
//
//	verifier, err := oidc.New(oidc.Config{
//		Issuer:   "https://login.example.com/realms/acme",
//		Audience: "https://exports.example.com",
//		Scope:    "exports:write",
//	})
//	…
//	principal, err := verifier.Verify(ctx, token)
//
// # Who a token is for
//
// A [Verifier] says who makes a request. It does not say what they may do: they may
// export the organizations that their subject is a member of. [Subject] makes the
// subject of the issuer and the claim sub; store memberships for that text. [Name]
// makes the name for audit entries and limits of the subject. It shows neither issuer
// nor sub, which is an email address at some providers.
//
// # What makes a token good
//
// A token is a JWT of at most 16 KiB in the compact form. It is signed by RS, PS or ES
// with 256, 384 or 512, or by EdDSA, with a key that the provider publishes for
// signing. An RSA key has 2048 to 8192 bits. "none", HS256 and the like are never
// accepted. The type (typ in the header) is at+jwt, JWT or missing.
//
// Of the claims, iss is the issuer, aud is the audience or has it in a list, exp is in
// the future, and nbf, if there is one, is in the past, both with 30 seconds of leeway.
// sub has 1 to 255 characters. scope or scp, each a list or a text with spaces, has the
// required scope.
//
// Tokens that are not JWTs are refused: only the provider could look them up. A token
// that the provider revokes is good until it expires, so tokens should be short-lived.
//
// # ID tokens
//
// An ID token tells a client who has signed in. It is no credential, but it is often
// signed with the same keys. So a token is refused if it has at_hash, c_hash or events
// (a logout token), or if its claim typ (Keycloak) or token_use (Cognito) says that it
// is no access token. A token with a nonce is refused unless one of these claims, or
// the type at+jwt, says that it is an access token: older versions of Keycloak put a
// nonce into these as well.
//
// That finds most ID tokens, but not all. To refuse all of them, use an Audience that is
// the API's own and not the id of a client, because an ID token is for its client; or a
// Scope, because an ID token has none. Set both if your provider can do both.
//
// # The provider's keys
//
// The first token makes the Verifier ask for keys, and not [New]: the provider may be
// down then. Later the keys are
//   - asked for again when they are 5 minutes old ([Config].RefreshEvery), so that a
//     key that the provider has retired is good for no longer than that;
//   - asked for at once when a token was signed with an unknown key, so that a new key
//     is good without delay. Since anybody can make such tokens, this happens five
//     times in a row and then once every 10 seconds; in between, tokens with unknown
//     keys are refused;
//   - kept while the provider is down, however long that is.
//
// If the provider fails it is asked again after one second, then two, four and so on,
// up to a minute. Tokens that come in between do not wait for it. If no keys are known,
// or none of those has signed a token, nobody can tell whether it is good: the error
// matches [ErrUnavailable], for a response with status 503.
//
// # What it connects to
//
// It asks Issuer + /.well-known/openid-configuration, and the jwks_uri in that document,
// which must name the same issuer. Both are https addresses. Plain http is for
// development, if the issuer has a loopback address, and to loopback addresses only.
// It follows up to three redirects on the same host. A document has at most 1 MiB, and a
// set at most 256 keys. A request for keys takes at most 5 seconds ([Config].Timeout).
// A token cannot name an address: jku, x5u and the like are ignored.
package oidc
