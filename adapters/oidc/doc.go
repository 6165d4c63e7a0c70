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
// A [Verifier] says who makes a request, not what they may. They may export the
// organizations that their subject is a member of, and the subject is the text
// that [Subject] makes of issuer and sub: it is what a membership is stored for.
// In audit entries and limits they have the name that [Name] makes of that, in
// which neither sub nor issuer can be read: with some providers sub is an email
// address.
//
// # What makes a token good
//
// It is a JWT of at most 16 KiB in the compact form, signed by RS, PS or ES with
// 256, 384 or 512, or by EdDSA, with a key that the provider publishes for
// signing; RSA keys have 2048 to 8192 bits. Neither "none" nor HS256 and its kin
// are ever accepted. Its type (typ in the header) is at+jwt, JWT or not given.
// Then iss is the issuer, aud is or holds the audience, exp is not over and nbf
// has come, with 30 seconds of leeway; sub has 1 to 255 characters; and scope or
// scp, each a list or a text with spaces, has the required scope.
//
// Tokens that are not JWTs, which only the provider itself can look up, are
// refused. A token that the provider revokes is good until it expires: let them
// be short-lived.
//
// # ID tokens
//
// An ID token tells a client who has signed in. It is no credential, but often
// signed with the same keys. Of all tokens those are refused that have at_hash,
// c_hash or events (which is a logout token), or in which the claim typ or
// token_use, of Keycloak and Cognito, says something else than access token. A
// nonce is refused unless such a claim, or the type at+jwt, says that it is one:
// access tokens of older versions of Keycloak have a nonce, too.
//
// That tells most of them, but not all. What does is an Audience that is the
// API's own and not the id of a client (ID tokens are for their client), or a
// Scope (ID tokens have none). Set both if your provider can.
//
// # The provider's keys
//
// They are asked for when the first token comes and not before: the provider may
// be down when [New] is called. From then on they are
//   - asked for again after 5 minutes ([Config].RefreshEvery), so that a key the
//     provider has retired is good for no longer than that;
//   - asked for at once when a token was signed with a key that is not known, so
//     that a new key is good without delay. Anybody can make such tokens up, so
//     this happens five times in a row and then once every 10 seconds; in between,
//     tokens with unknown keys are refused;
//   - kept while the provider is down, however long that is.
//
// If the provider fails it is tried again after a second, two, four and so on up
// to a minute; what comes in the meantime does not wait for it. A token that
// cannot be judged then, because no keys are known or none of those has signed it,
// is not bad: the error matches [ErrUnavailable], for a response with status 503.
//
// # What it connects to
//
// Issuer + /.well-known/openid-configuration and the jwks_uri of that document,
// which must name the same issuer. Both over https; plain http is for development: only
// between loopback addresses, and only if the issuer is one of them. Redirects stay on their host, and there are
// three at most. Documents are at most 1 MiB and sets at most 256 keys; a request
// for keys takes at most 5 seconds ([Config].Timeout). A token can name no
// address: jku, x5u and the like are ignored.
package oidc
