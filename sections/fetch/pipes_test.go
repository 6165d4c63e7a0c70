package fetch_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/orgexport/orgexport/sections/fetch"
)

// pipes are a network in memory, on which time can be virtual: each host has the same server.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	down   func(host string) bool // refuses connections
	dials  atomic.Int64
}

// onPipes returns a source whose hosts all have the server.
func onPipes(t *testing.T, handler http.HandlerFunc, change func(*fetch.Config, *pipes)) *fetch.Source {
	t.Helper()
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{}), down: func(string) bool { return false }}
	c := fetch.Config{Resolver: p, Dial: p.dial}
	if change != nil {
		change(&c, p)
	}
	s, err := fetch.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	served := make(chan error)
	go func() { served <- server.Serve(p) }()
	t.Cleanup(func() {
		_ = s.Close()
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s
}

// LookupNetIP gives each host an address of its own, made of its first letters.
func (p *pipes) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	return []netip.Addr{netip.AddrFrom4([4]byte{8, host[0], host[1], host[2]})}, nil
}

func (p *pipes) dial(ctx context.Context, _, address string) (net.Conn, error) {
	p.dials.Add(1)
	a := netip.MustParseAddrPort(address).Addr().As4()
	if p.down(string(a[1:])) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errRefused}
	}
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Accept implements [net.Listener].
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

// Addr implements [net.Listener].
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
