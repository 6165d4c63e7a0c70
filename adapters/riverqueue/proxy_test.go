package riverqueue_test

import (
	"context"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/internal/pgtest"
)

// link is what a proxy lets through.
type link int

const (
	up     link = iota
	broken      // connections are reset, and so are new ones
	silent      // nothing comes through and nobody is told; it arrives once the link is up
)

// proxy is the way of one process to a database server, wherever that is at the
// moment.
type proxy struct {
	server   *pgtest.Server
	listener net.Listener

	mu    sync.Mutex
	link  link
	heard chan struct{} // closed unless the link is silent
	conns map[net.Conn]bool
}

func newProxy(t *testing.T, server *pgtest.Server) *proxy {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{server: server, listener: listener, heard: make(chan struct{}), conns: make(map[net.Conn]bool)}
	close(p.heard)
	var serving sync.WaitGroup
	serving.Go(p.serve)
	t.Cleanup(func() {
		_ = listener.Close()
		p.set(broken)
		serving.Wait()
	})
	return p
}

// address is the URL of the database by way of the proxy.
func (p *proxy) address(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(p.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.Host = p.listener.Addr().String()
	return u.String()
}

// set changes the link.
func (p *proxy) set(l link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l == broken {
		for conn := range p.conns {
			reset(conn)
		}
		clear(p.conns)
	}
	switch {
	case l == silent && p.link != silent:
		p.heard = make(chan struct{})
	case l != silent && p.link == silent:
		close(p.heard)
	}
	p.link = l
}

// hear waits while the link is silent.
func (p *proxy) hear() {
	p.mu.Lock()
	heard := p.heard
	p.mu.Unlock()
	<-heard
}

// add takes a connection, unless the link is broken.
func (p *proxy) add(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.link == broken {
		return false
	}
	p.conns[conn] = true
	return true
}

func (p *proxy) remove(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
	_ = conn.Close()
}

// serve takes connections until the listener is closed, and returns when all have
// ended.
func (p *proxy) serve() {
	var open sync.WaitGroup
	defer open.Wait()
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		open.Go(func() { p.connect(client) })
	}
}

// connect brings a connection to the server and copies both ways until one of
// the two ends.
func (p *proxy) connect(client net.Conn) {
	if !p.add(client) {
		reset(client)
		return
	}
	defer p.remove(client)
	p.hear()
	u, err := url.Parse(p.server.URL())
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	server, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		reset(client)
		return
	}
	if !p.add(server) {
		reset(server)
		return
	}
	defer p.remove(server)
	var answers sync.WaitGroup
	answers.Go(func() { p.pump(client, server) })
	p.pump(server, client)
	answers.Wait()
}

// pump copies what it reads. What was sent while the link was silent arrives late.
func (p *proxy) pump(dst, src net.Conn) {
	defer dst.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := src.Read(b)
		p.hear()
		if n > 0 {
			if _, err := dst.Write(b[:n]); err != nil {
				_ = src.Close()
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// reset ends a connection as a machine does that does not know of it.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
