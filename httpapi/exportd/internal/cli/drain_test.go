package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// draining is a server that runs until stop is called.
type draining struct {
	address string
	stop    func()
	ended   chan error
}

func startDraining(t *testing.T, drain time.Duration, handler http.HandlerFunc) *draining {
	t.Helper()
	var listen net.ListenConfig
	listen.SetMultipathTCP(false)
	listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	d := &draining{listener.Addr().String(), stop, make(chan error, 1)}
	go func() { d.ended <- serveHTTP(ctx, listener, handler, drain) }()
	return d
}

// wait waits for the end of the server.
func (d *draining) wait(t *testing.T) {
	t.Helper()
	if err := <-d.ended; err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// client is a connection that is kept.
type client struct {
	net.Conn
	in *bufio.Reader
}

func (d *draining) dial(t *testing.T) client {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", d.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return client{conn, bufio.NewReader(conn)}
}

func (c client) send(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
}

// receive reads an answer and tells whether it closes the connection.
func (c client) receive(t *testing.T) (last bool) {
	t.Helper()
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Error(err)
	}
	return response.Close
}

func ok(http.ResponseWriter, *http.Request) {}

func TestDrainInBand(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan bool), make(chan bool)
	d := startDraining(t, time.Hour, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			begun <- true
			<-finish
			w.WriteHeader(http.StatusOK)
		}
	})
	kept, fresh, slow := d.dial(t), d.dial(t), d.dial(t)
	kept.send(t)
	if kept.receive(t) {
		t.Error("a connection is closed before the end")
	}
	if _, err := io.WriteString(slow, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-begun
	d.stop()
	late := d.dial(t) // it still listens
	finish <- true
	if !slow.receive(t) {
		t.Error("the answer to a request that has begun before leaves its connection open")
	}
	for name, c := range map[string]client{"kept": kept, "fresh": fresh, "late": late} {
		c.send(t)
		if !c.receive(t) {
			t.Errorf("the last answer of the %s connection leaves it open", name)
		}
	}
	d.wait(t) // and not for an hour
}

// TestDrainAfterLongRequest: who has waited for an answer longer than there was
// time for one more request has that time from then on.
func TestDrainAfterLongRequest(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan bool), make(chan bool)
	d := startDraining(t, 2*time.Second, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			begun <- true
			<-finish
		}
	})
	c := d.dial(t)
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-begun
	d.stop()
	for { // until it does not listen anymore
		other, err := new(net.Dialer).DialContext(t.Context(), "tcp", d.address)
		if err != nil {
			break
		}
		other.Close()
	}
	finish <- true
	if c.receive(t) {
		t.Error("an answer that began before the end closes its connection")
	}
	if err := c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.in.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the connection is closed at once: %v", err)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	c.send(t)
	if !c.receive(t) {
		t.Error("the last answer leaves the connection open")
	}
	d.wait(t)
}

func TestDrainIdle(t *testing.T) {
	t.Parallel()
	startAndStop := func(drain time.Duration) {
		d := startDraining(t, drain, ok)
		c := d.dial(t)
		c.send(t)
		c.receive(t)
		if drain == time.Hour { // then nobody is connected anymore
			c.Close()
		}
		d.stop()
		d.wait(t)
		if _, err := c.in.ReadByte(); err == nil {
			t.Error("the connection is still open")
		}
	}
	startAndStop(time.Hour)
	startAndStop(50 * time.Millisecond) // of a client that has nothing to say
	startAndStop(0)
}

// TestDrainConnecting has clients that connect for each request, in the very
// moment in which the server stops to listen.
func TestDrainConnecting(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can stop to let connections in")
	}
	var answered, refused atomic.Int64
	for range 10 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			d := startDraining(t, 20*time.Millisecond, ok)
			var clients sync.WaitGroup
			for range 4 {
				clients.Go(func() { d.knock(t, &answered, &refused) })
			}
			d.dial(t).send(t)
			d.stop()
			d.wait(t)
			clients.Wait()
		})
	}
	t.Cleanup(func() { t.Logf("%d requests were answered, %d refused", answered.Load(), refused.Load()) })
}

// knock sends requests, each on a connection of its own, until one is refused.
func (d *draining) knock(t *testing.T, answered, refused *atomic.Int64) {
	transport := &http.Transport{DisableKeepAlives: true}
	for {
		err := post(t.Context(), transport, "http://"+d.address)
		switch {
		case err == nil:
			answered.Add(1)
			continue
		case errors.Is(err, syscall.ECONNREFUSED):
			refused.Add(1)
		default:
			t.Error(err)
		}
		return
	}
}

func post(ctx context.Context, transport *http.Transport, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", response.Status)
	}
	return nil
}
