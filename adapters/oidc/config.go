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
	// Issuer is the provider, exactly as its tokens and its discovery document
	// spell it, with or without a slash at the end. It is an https address; http
	// is accepted for loopback hosts.
	Issuer string

	// Audience is what tokens must be for: the identifier of the API at the
	// provider. It should not be the id of a client; see the package's guide.
	Audience string

	// Scope is what tokens must have been granted, such as "exports:write". Empty
	// means that no scope is required.
	Scope string

	// HTTPClient asks the provider. It is copied, its Transport and Jar are used,
	// its CheckRedirect is asked after that of this package. Defaults to one that
	// heeds the environment's proxies.
	HTTPClient *http.Client

	// Timeout bounds one request for keys, discovery included, and so how long a
	// token waits for a provider that hangs. Defaults to 5 seconds.
	Timeout time.Duration

	// RefreshEvery is how old known keys may become before they are asked for
	// again: the longest that a key is good after the provider has retired it,
	// unless the provider is down. Defaults to 5 minutes.
	RefreshEvery time.Duration

	// Now is the clock of expiry and of everything that happens at intervals. It
	// is called from several goroutines. Defaults to [time.Now].
	Now func() time.Time

	// Logger gets what goes wrong with the provider, never a token or part of
	// one. Defaults to [slog.Default].
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

// validIssuer says what is wrong with an issuer. The address is not quoted if it
// has a password.
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

// validScope tells whether s is one scope in the sense of RFC 6749, or none.
func validScope(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' })
}

// secure tells whether u may be asked: over https, and over plain http on this
// machine if that is allowed.
func secure(u *url.URL, plain bool) bool {
	host := u.Hostname()
	loopback := host == "localhost" || net.ParseIP(host).IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && plain && loopback
}
