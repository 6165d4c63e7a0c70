package fetch_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/orgexport/orgexport/export"
)

// TestDialFails: what hinders a connection is the file's, the host's or the machine's.
func TestDialFails(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { say(w, "the file") }))
	defer server.Close()
	lookup := func(err *net.DNSError) error { err.Name = "SECRET.example"; return err }
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for name, c := range map[string]struct {
		err    error
		reason string       // empty: it is fetched when it has failed once
		fault  export.Fault // of the machine: it is told at once
	}{
		"no such host":   {lookup(&net.DNSError{Err: "no such host", IsNotFound: true}), notPublic, ""},
		"lookup fails":   {lookup(&net.DNSError{Err: "server misbehaving", IsTemporary: true}), "", ""},
		"lookup is late": {lookup(&net.DNSError{Err: "i/o timeout", IsTimeout: true}), "", ""},
		"refused":        {dial(syscall.ECONNREFUSED), "", ""},
		"no route":       {dial(syscall.ENETUNREACH), "", ""},
		"descriptors":    {dial(syscall.EMFILE), "", export.FaultDescriptors},
		"certificate":    {&tls.CertificateVerificationError{Err: fmt.Errorf("for SECRET.example")}, "The server of the file has no valid certificate.", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var tried atomic.Int64
			web := &internet{server: server.Listener.Addr().String(), fake: names{"good.example": {public}}}
			config := web.config()
			config.Resolver = resolverFunc(func(string) ([]netip.Addr, error) {
				if tried.Add(1) == 1 && !strings.HasPrefix(c.err.Error(), "dial") {
					return nil, c.err
				}
				return []netip.Addr{netip.MustParseAddr(public)}, nil
			})
			config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if tried.Load() == 1 {
					return nil, c.err
				}
				return web.dial(ctx, network, address)
			}
			body, _, err := get(t.Context(), newSource(t, config).NewSession(), "http://good.example/")
			switch {
			case c.reason != "":
				wantPublic(t, err, c.reason)
			case c.fault == "" && (err != nil || body != "the file"):
				t.Errorf("got %q, %v", body, err)
			}
			if got := export.MachineFault(err); got != c.fault {
				t.Errorf("%v is a fault %q, want %q", err, got, c.fault)
			}
			if want := (c.reason == "" && c.fault == ""); want != (tried.Load() > 1) {
				t.Errorf("tried %d times", tried.Load())
			}
		})
	}
}

// TestLookupNeverWorks: the log does not have the name, which is data.
func TestLookupNeverWorks(t *testing.T) {
	web := &internet{}
	config := web.config()
	config.Resolver = resolverFunc(func(host string) ([]netip.Addr, error) {
		return nil, &net.DNSError{Err: "server misbehaving", Name: host, IsTemporary: true}
	})
	_, err := newSource(t, config).NewSession().Open(t.Context(), "http://secret.example/")
	wantPublic(t, err, silent, "secret.example")
	if want := "fetch: the server does not answer: lookup: server misbehaving"; err == nil || export.LogText(err) != want {
		t.Errorf("logged is %q, want %q", export.LogText(err), want)
	}
}

// TestSecondAddress: of several addresses the next one is tried.
func TestSecondAddress(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { say(w, "the file") }))
	defer server.Close()
	web := &internet{server: server.Listener.Addr().String(), fake: names{"two.example": {"2606:4700::1111 " + public}}}
	config := web.config()
	config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := web.dial(ctx, network, address)
		if strings.HasPrefix(address, "[") {
			return nil, syscall.ENETUNREACH
		}
		return conn, err
	}
	config.Retries = -1
	if body, _, err := get(t.Context(), newSource(t, config).NewSession(), "http://two.example/"); err != nil || body != "the file" {
		t.Errorf("got %q, %v", body, err)
	}
	if got := web.dialled(); !slices.Equal(got, []string{"[2606:4700::1111]:80", public + ":80"}) {
		t.Errorf("connected to %v", got)
	}
}

// TestConnectionsAreKept: files of one host share the connections of the requests at once.
func TestConnectionsAreKept(t *testing.T) {
	var opened atomic.Int64
	address, config := local(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "5") {
			http.NotFound(w, r)
			return
		}
		say(w, strings.Repeat("x", len(r.URL.Path)*1000))
	})
	config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		opened.Add(1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	files, skips, _, err := run(t, newSource(t, config), numbered(strings.TrimPrefix(address, "http://"), 500), 8)
	if files != 450 || skips[notFound] != 50 || err != nil || opened.Load() > 3*8 {
		t.Errorf("%d files, skipped %v, %v, by %d connections", files, skips, err, opened.Load())
	}
}
