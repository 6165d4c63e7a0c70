package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	goidc "github.com/coreos/go-oidc/v3/oidc"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
)

// Verifier checks access tokens of one provider for one audience. It is safe for
// concurrent use. Make one with [New]; there is nothing to close.
type Verifier struct {
	config Config
	keys   *keyring
	claims goidc.Config
}

// New returns a Verifier. It does not connect to the provider, which may be down. The
// error names all problems of the configuration.
func New(c Config) (*Verifier, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	return &Verifier{
		config: c,
		keys: &keyring{
			fetch:        newSource(c.Issuer, c.HTTPClient).keys,
			timeout:      c.Timeout,
			refreshEvery: c.RefreshEvery,
			now:          c.Now,
			log:          c.Logger.With("issuer", c.Issuer),
		},
		claims: goidc.Config{
			ClientID:             c.Audience,
			SupportedSigningAlgs: algorithms,
			Now:                  func() time.Time { return c.Now().Add(-leeway) },
		},
	}, nil
}

// Verify checks a token, without "Bearer" before it, and returns who it belongs to. The
// error matches [ErrToken] if the token is not good, and [ErrUnavailable] if the keys to
// check it cannot be had. Its public text says which of the two it is. If ctx ends while
// the provider is asked, the error matches ErrUnavailable and the cause of ctx.
func (v *Verifier) Verify(ctx context.Context, token string) (access.Principal, error) {
	t, err := parseToken(token)
	if err != nil {
		return access.Principal{}, err
	}
	if err := t.plausible(v.config.Issuer, v.config.Now()); err != nil {
		return access.Principal{}, err
	}
	if err := v.signed(ctx, token, t); err != nil {
		return access.Principal{}, err
	}
	if err := t.forAccess(); err != nil {
		return access.Principal{}, err
	}
	sub, ok := t.claims.text("sub")
	if !ok || sub == "" || len(sub) > maxSubject {
		return access.Principal{}, refused("sub is not a text of 1 to %d bytes", maxSubject)
	}
	if !t.granted(v.config.Scope) {
		return access.Principal{}, export.WithPublic(ErrScope, publicScope)
	}
	subject := Subject(v.config.Issuer, sub)
	return access.Principal{Name: Name(subject), Subject: subject}, nil
}

// Ready returns nil if keys of the provider are known, or can be had now. If not, the
// error matches [ErrUnavailable], as it would for every token. Call it when a server
// starts, or to tell whether it is ready, if it takes no other credentials.
func (v *Verifier) Ready(ctx context.Context) error {
	_, err := v.keys.current(ctx)
	return err
}

// signed returns an error unless the provider has signed the token for the audience. It
// asks for new keys if no known one has signed it.
func (v *Verifier) signed(ctx context.Context, text string, t token) error {
	mark := v.keys.mark()
	known, err := v.keys.current(ctx)
	if err != nil {
		return err
	}
	for {
		err := v.try(ctx, text, t, known.keys)
		if _, unsigned := errors.AsType[*unsignedError](err); !unsigned {
			return err
		}
		// If the keys were asked for after the token came, the token is not signed.
		// Otherwise the provider may have a new key since.
		if known.flight > mark {
			return err
		}
		later, ok, unavailable := v.keys.newer(ctx, known.flight)
		if unavailable != nil {
			return unavailable
		}
		if !ok {
			return err
		}
		known = later
	}
}

// try checks the token with these keys. The error is an unsignedError if none of them
// has signed it.
func (v *Verifier) try(ctx context.Context, text string, t token, known []key) error {
	var keys fitting
	for _, k := range known {
		if k.fits(t.kid, t.alg) {
			keys = append(keys, k)
		}
	}
	set := &noted{fitting: keys}
	_, err := goidc.NewVerifier(v.config.Issuer, set, &v.claims).Verify(ctx, text)
	switch {
	case err == nil:
		return nil
	case !set.signed:
		return &unsignedError{refused("no key of the provider has signed it")}
	}
	// The error may quote issuer and audience: the provider has signed them, and they
	// show what is wrong in a configuration.
	return refused("signed by the provider, but %w", shorten(err))
}

// noted is a key set that remembers whether the signature was good.
type noted struct {
	fitting
	signed bool
}

func (n *noted) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := n.fitting.VerifySignature(ctx, token)
	n.signed = err == nil
	return payload, err
}

// unsignedError says that none of the known keys has signed a token.
type unsignedError struct{ error }

func (e *unsignedError) Unwrap() error { return e.error }

// Subject returns the [access.Principal].Subject, and the [access.Member].Subject, of the
// user that an issuer's tokens call sub: issuer, "#" and sub, each exactly as in the
// tokens. An issuer has no "#", so two users never have the same subject.
func Subject(issuer, sub string) string { return issuer + "#" + sub }

// Name returns the [access.Principal].Name of a [Subject]: "oidc:" and 22 letters, digits,
// "-" and "_", which are the first 128 bits of its SHA-256. To find out who an audit
// entry is about, compare it with the names of the members.
func Name(subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return "oidc:" + base64.RawURLEncoding.EncodeToString(sum[:16])
}
