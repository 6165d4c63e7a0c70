package oidc

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config is the configuration of a [Verifier]. Issuer and Audience are required,
// the rest has defaults.
type Config struct {
	// Issuer is the provider's address, exactly as its tokens and its discovery
	// document spell it, with or without a slash at the end. It is an https address,
	// or http of a loopback host.
	Issuer string

	// Audience is the identifier of the API at the provider. Tokens must be for it.
	// It should not be the id of a client; see the package's guide.
	Audience string

	// Scope is a scope that tokens must have, such as "exports:write". Empty means
	// that none is required.
	Scope string

	// HTTPClient sends the requests to the provider. The Verifier uses a copy, which
	// first applies its own rules for redirects and then those of the client.
	// Defaults to a client that uses the proxies of the environment.
	HTTPClient *http.Client

	// Timeout bounds one request for keys, discovery included. No token waits longer
	// for the provider. Defaults to 5 seconds.
	Timeout time.Duration

	// RefreshEvery is the age at which keys are asked for again. A key that the
	// provider has retired is good for no longer than that, unless the provider is
	// down. Defaults to 5 minutes.
	RefreshEvery time.Duration

	// Now returns the time. It must be safe for concurrent use. Defaults to
	// [time.Now].
	Now func() time.Time

	// Logger receives what goes wrong with the provider, but no tokens or parts of
	// them. Defaults to [slog.Default].
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.HTTPClient == nil {
		c.HTTPClient = &http.Client{Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			ForceAttemptHTTP2:      true,
			IdleConnTimeout:        time.Minute,
			MaxIdleConns:           2,
			MaxResponseHeaderBytes: 64 << 10,
		}}
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.RefreshEvery == 0 {
		c.RefreshEvery = 5 * time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func (c Config) validate() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("oidc: Config."+format, args...))
		}
	}
	if err := validIssuer(c.Issuer); err != nil {
		errs = append(errs, fmt.Errorf("oidc: Config.Issuer: %w", err))
	}
	bad(c.Audience == "", "Audience is empty")
	bad(!validScope(c.Scope), "Scope is %q, want a single one", c.Scope)
	bad(c.Timeout < 0, "Timeout is negative")
	bad(c.RefreshEvery < 0, "RefreshEvery is negative")
	return errors.Join(errs...)
}

// validIssuer returns an error if an issuer is not valid. It does not quote an address
// that may hold a password.
func validIssuer(issuer string) error {
	if issuer == "" {
		return errors.New("is empty")
	}
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return errors.New("is not an address such as https://login.example.com")
	case u.User != nil:
		return errors.New("has a user in it")
	case strings.ContainsAny(issuer, "?# \t\r\n"):
		return fmt.Errorf("%q has a query, a fragment or a space", issuer)
	case !secure(u, true):
		return fmt.Errorf("%q is neither https nor http to a loopback host", issuer)
	}
	return nil
}

// validScope reports whether s is one scope as in RFC 6749, or empty.
func validScope(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' })
}

// secure reports whether requests may go to u: with https anywhere and, if plain is
// set, with http to this machine.
func secure(u *url.URL, plain bool) bool {
	host := u.Hostname()
	loopback := host == "localhost" || net.ParseIP(host).IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && plain && loopback
}
