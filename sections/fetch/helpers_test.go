package fetch_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/fetch"
)

var _ sections.Files = (*fetch.Source)(nil)

// TestMain names proxies in the environment, which nobody may use: nothing is there.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		_ = os.Setenv(name, "http://192.0.2.1:1")
	}
	os.Exit(m.Run())
}

// names is a resolver of names, each with its addresses. A name has the next line of addresses
// each time it is asked for.
type names map[string][]string

func (n names) LookupNetIP(_ context.Context, _, host string) (found []netip.Addr, err error) {
	lines := n[host]
	if len(lines) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	for text := range strings.FieldsSeq(lines[0]) {
		found = append(found, netip.MustParseAddr(text))
	}
	if len(lines) > 1 {
		n[host] = lines[1:]
	}
	return found, nil
}

// public is an address that stands for the internet. Nothing is sent to it.
const public = "93.184.216.34"

// internet makes every connection one to a server on this machine, and notes what it was to be
// connected to.
type internet struct {
	server string // its address; empty: nothing answers
	fake   names
	mu     sync.Mutex
	asked  []string
}

func (i *internet) dial(ctx context.Context, _, address string) (net.Conn, error) {
	i.mu.Lock()
	i.asked = append(i.asked, address)
	i.mu.Unlock()
	if i.server == "" {
		return nil, fmt.Errorf("nothing answers at %s", address)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", i.server)
}

func (i *internet) dialled() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]string(nil), i.asked...)
}

// config is that of a source that sees this internet.
func (i *internet) config() fetch.Config {
	return fetch.Config{Resolver: i.fake, Dial: i.dial, RetryDelay: time.Millisecond, Patience: time.Millisecond}
}

func newSource(t testing.TB, c fetch.Config) *fetch.Source {
	t.Helper()
	s, err := fetch.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// local is a server on this machine, and the configuration of a source that may fetch from it.
func local(t testing.TB, handler http.HandlerFunc) (string, fetch.Config) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL, forServer(t, server.URL)
}

func forServer(t testing.TB, address string) fetch.Config {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return fetch.Config{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Ports: []uint16{uint16(port)}, RetryDelay: time.Millisecond}
}

// get fetches a file.
func get(ctx context.Context, s *fetch.Session, url string) (string, export.Content, error) {
	content, err := s.Open(ctx, url)
	if err != nil {
		return "", content, err
	}
	defer content.Body.Close()
	b, err := io.ReadAll(content.Body)
	return string(b), content, err
}

// wantPublic checks the public text of an error, and that no text of it has the URL or what is
// secret in it.
func wantPublic(t *testing.T, err error, want string, secrets ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %q", want)
		return
	}
	if got := export.PublicText(err); got != want {
		t.Errorf("public text is %q of %v, want %q", got, err, want)
	}
	for _, secret := range append(secrets, "SECRET", "http:", "https:") {
		for _, text := range []string{err.Error(), export.PublicText(err), export.LogText(err)} {
			if secret != "" && strings.Contains(text, secret) {
				t.Errorf("%q has %q", text, secret)
			}
		}
	}
}

const (
	notWeb    = "The address of the file is not a web address that can be fetched."
	notPublic = "The address of the file is not one of a public server."
	redirects = "The server of the file redirects in a way that is not followed."
	notFound  = "The file was not found."
	silent    = "The server of the file did not send it. Try again later."
	broken    = "The server of the file failed. Try again later."
	changed   = "The file changed while it was read."
)

// say writes an answer. Who does not wait for it has its reasons.
func say(w io.Writer, text string) { _, _ = io.WriteString(w, text) }

func escaped(text string) string { return url.QueryEscape(text) }

func newPool(certificate *x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return pool
}
