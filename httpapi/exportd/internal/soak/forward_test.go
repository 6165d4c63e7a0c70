//go:build linux

package soak_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/orgexport/orgexport/internal/pgtest"
)

// forwarder gives a database that is restarted one address. Its connections end with those
// to the database.
type forwarder struct {
	listener net.Listener
	server   *pgtest.Server
}

// forward returns the URL of the server's database by way of a forwarder.
func forward(t *testing.T, server *pgtest.Server) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forwarder{listener, server}
	go f.serve()
	t.Cleanup(func() { _ = listener.Close() })
	u, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.Host = listener.Addr().String()
	return u.String()
}

func (f *forwarder) serve() {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			return
		}
		go f.join(client)
	}
}

// join copies both ways until either side ends.
func (f *forwarder) join(client net.Conn) {
	defer client.Close()
	u, err := url.Parse(f.server.URL())
	if err != nil {
		return
	}
	database, err := net.Dial("tcp", u.Host) //nolint:noctx // it ends with the listener
	if err != nil {
		return
	}
	defer database.Close()
	var either sync.Once
	over := make(chan struct{})
	for _, ends := range [][2]net.Conn{{client, database}, {database, client}} {
		go func() {
			_, _ = io.Copy(ends[0], ends[1]) // the other end notices
			either.Do(func() { close(over) })
		}()
	}
	<-over
}
