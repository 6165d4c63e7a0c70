package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	goidc "github.com/coreos/go-oidc/v3/oidc"
)

const (
	maxDocument  = 1 << 20 // bytes of a document of the provider
	maxRedirects = 3
)

// source asks the provider for its keys. One goroutine at a time may use it.
type source struct {
	issuer  string
	plain   bool // the issuer is an http address of this machine, and so may the address of its keys be
	client  *http.Client
	keysURL string // empty: to be discovered
}

// newSource returns a source that uses a copy of the client.
func newSource(issuer string, given *http.Client) *source {
	u, err := url.Parse(issuer)
	s := &source{issuer: issuer, plain: err == nil && u.Scheme == "http"}
	client := *given
	client.Transport = &guard{next: given.Transport, plain: s.plain}
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errors.New("too many redirects")
		}
		if first := via[0].URL; r.URL.Host != first.Host || r.URL.Scheme != first.Scheme {
			return errors.New("redirect to another host")
		}
		if given.CheckRedirect != nil {
			return given.CheckRedirect(r, via)
		}
		return nil
	}
	s.client = &client
	return s
}

// keys returns the provider's keys. After a failure it discovers their address again.
func (s *source) keys(ctx context.Context) ([]key, error) {
	if s.keysURL == "" {
		u, err := s.discover(ctx)
		if err != nil {
			return nil, fmt.Errorf("discovery: %w", err)
		}
		s.keysURL = u
	}
	keys, err := s.keySet(ctx)
	if err != nil {
		s.keysURL = ""
		return nil, fmt.Errorf("keys: %w", err)
	}
	return keys, nil
}

// discover returns the address of the provider's keys.
func (s *source) discover(ctx context.Context) (string, error) {
	provider, err := goidc.NewProvider(goidc.ClientContext(ctx, s.client), s.issuer)
	if err != nil {
		return "", err
	}
	var document struct {
		KeysURL string `json:"jwks_uri"`
	}
	if err := provider.Claims(&document); err != nil {
		return "", err
	}
	u, err := url.Parse(document.KeysURL)
	if err != nil || u.Host == "" || u.User != nil || !secure(u, s.plain) {
		return "", errors.New("jwks_uri is not an https address")
	}
	return document.KeysURL, nil
}

// keySet reads the keys at s.keysURL.
func (s *source) keySet(ctx context.Context) ([]key, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.keysURL, http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	r.Header.Set("Cache-Control", "no-cache") // a proxy's copy may lack the new key
	response, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &document); err != nil {
		return nil, err
	}
	return parseKeys(document.Keys)
}

// guard refuses requests to addresses that are not secure, and bounds the size of
// responses, whichever library sends the one and reads the other.
type guard struct {
	next  http.RoundTripper
	plain bool
}

func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if !secure(r.URL, g.plain) {
		return nil, errors.New("neither https nor http to a loopback host")
	}
	next := g.next
	if next == nil {
		next = http.DefaultTransport
	}
	response, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = &bounded{body: response.Body, left: maxDocument}
	return response, nil
}

var errTooLarge = fmt.Errorf("more than %d bytes", maxDocument)

// bounded is a body that fails when it is too large, instead of ending there.
type bounded struct {
	body io.ReadCloser
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge
	}
	n, err := b.body.Read(p[:min(len(p), b.left+1)])
	b.left -= n
	if b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

func (b *bounded) Close() error { return b.body.Close() }
