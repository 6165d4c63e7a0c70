package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

// Config is the configuration of a [Source].
type Config struct {
	// Networks are networks that are not public from which files are fetched all the same,
	// such as 10.20.0.0/16 of an own web server. Whoever names the files can read what
	// answers there. An address of IPv4 is allowed in its own form only.
	Networks []netip.Prefix

	// Ports are those that files are fetched from. Defaults to 80 and 443.
	Ports []uint16

	// MaxFileBytes is how many bytes a file may have; a larger one is skipped. Defaults to 1
	// GiB. Negative means no limit.
	MaxFileBytes int64

	// Retries is how often a file is tried again for which nothing came, or that brings no
	// further 64 KiB, before it is skipped. Defaults to 4. Negative means never.
	Retries int

	// RetryDelay is what passes before the first time, at random up to a half more. Then it
	// is four times as long each, but 10 seconds at most. Defaults to 100 milliseconds.
	RetryDelay time.Duration

	// Patience is for how long a host is asked that does not answer at all, or says that it
	// is busy. Defaults to 2 minutes.
	Patience time.Duration

	// Timeout is how long a server may take to answer, and then for each 64 KiB of the file.
	// Time in which the file is not read does not count. Defaults to 30 seconds.
	Timeout time.Duration

	// Redirects is how many are followed for one file. Defaults to 5. Negative means none.
	Redirects int

	// UserAgent is what requests say who they come from. Defaults to "orgexport".
	UserAgent string

	// Connections is how many are kept to one host between requests. Defaults to 64: as many
	// as there are requests at once.
	Connections int

	// RootCAs are whom certificates of servers are trusted by. Defaults to the system's.
	RootCAs *x509.CertPool

	// Resolver resolves the names of hosts. Defaults to [net.DefaultResolver].
	Resolver Resolver

	// Dial connects to an address that was looked at and is allowed: an IP address and a
	// port. Defaults to a [net.Dialer], which looks at it once more.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Resolver resolves names, as a [net.Resolver] does.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Source fetches files by their URLs. It is safe for concurrent use. Its connections are kept
// open until it is closed.
type Source struct {
	config    Config
	transport *http.Transport
}

// New returns a source. The error joins all problems.
func New(c Config) (*Source, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	c.Networks, c.Ports = slices.Clone(c.Networks), slices.Clone(c.Ports)
	if len(c.Ports) == 0 {
		c.Ports = []uint16{80, 443}
	}
	c.MaxFileBytes = cmp.Or(c.MaxFileBytes, 1<<30)
	c.Retries = max(cmp.Or(c.Retries, 4), 0)
	c.RetryDelay = cmp.Or(c.RetryDelay, 100*time.Millisecond)
	c.Patience = cmp.Or(c.Patience, 2*time.Minute)
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	c.Redirects = max(cmp.Or(c.Redirects, 5), 0)
	c.UserAgent = cmp.Or(c.UserAgent, "orgexport")
	c.Connections = cmp.Or(c.Connections, 64)
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	s := &Source{config: c}
	if c.Dial == nil {
		s.config.Dial = (&net.Dialer{Control: s.config.control}).DialContext
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	s.transport = &http.Transport{
		DialContext:            s.config.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.RootCAs},
		Protocols:              protocols,
		DisableCompression:     true,
		TLSHandshakeTimeout:    c.Timeout,
		MaxIdleConns:           4 * c.Connections,
		MaxIdleConnsPerHost:    c.Connections,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return s, nil
}

// validate returns what is wrong with a configuration.
func (c *Config) validate() error {
	var errs []error
	bad := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf("fetch: Config."+format, args...))
		}
	}
	for _, p := range c.Networks {
		bad(!p.IsValid() || p.Addr().Is4In6() || p != p.Masked(), "Networks has %s, which is no network", p)
	}
	bad(slices.Contains(c.Ports, 0), "Ports has 0")
	bad(c.RetryDelay < 0, "RetryDelay is negative")
	bad(c.Patience < 0, "Patience is negative")
	bad(c.Timeout < 0, "Timeout is negative")
	bad(c.Connections < 0, "Connections is negative")
	bad(!isPrintable(c.UserAgent), "UserAgent has a character that cannot stand in a header field")
	return errors.Join(errs...)
}

// isPrintable reports whether a text is printable ASCII.
func isPrintable(text string) bool {
	for _, r := range text {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return true
}

// Close closes the connections that are kept. Files that are being fetched are not affected.
func (s *Source) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

// Digest implements [export.Digester]: no setting changes the bytes of a file.
func (s *Source) Digest() string { return "urls" }
