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
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/httpapi/connlimit"
)

// pipes are a network in a bubble of testing/synctest, where a real one would keep
// time from passing.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept implements [net.Listener].
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements [net.Listener].
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// draining is a server in a bubble that runs until stop is called.
type draining struct {
	*pipes
	stop  func()
	ended chan error
}

func startDraining(t *testing.T, drain time.Duration, handler http.HandlerFunc) *draining {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	d := &draining{&pipes{conns: make(chan net.Conn), closed: make(chan struct{})}, stop, make(chan error, 1)}
	go func() { d.ended <- serveHTTP(ctx, d.pipes, handler, drain, connlimit.Limits{}) }()
	return d
}

// wait waits for the end of the server, which is to come in this time.
func (d *draining) wait(t *testing.T, want time.Duration) {
	t.Helper()
	began := time.Now()
	if err := <-d.ended; err != nil {
		t.Errorf("it ends with %v", err)
	}
	if took := time.Since(began); took != want {
		t.Errorf("it takes %v to end, want %v", took, want)
	}
}

// client is a connection that is kept.
type client struct {
	net.Conn
	in *bufio.Reader
}

func (d *draining) dial(t *testing.T) client {
	t.Helper()
	ours, theirs := net.Pipe()
	select {
	case d.conns <- theirs:
	case <-d.closed:
		t.Fatal("it does not listen")
	}
	t.Cleanup(func() { ours.Close() })
	return client{ours, bufio.NewReader(ours)}
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
	response := c.receiveHeader(t)
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Error(err)
	}
	return response.Close
}

// receiveHeader reads an answer up to its body.
func (c client) receiveHeader(t *testing.T) *http.Response {
	t.Helper()
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func ok(http.ResponseWriter, *http.Request) {}

// TestDrainInBand: for the whole time, each answer closes its connection.
func TestDrainInBand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun, finish := make(chan bool), make(chan bool)
		d := startDraining(t, time.Hour, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				begun <- true
				<-finish
				w.WriteHeader(http.StatusOK)
				return
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
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
		synctest.Wait()
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
		time.Sleep(time.Hour - time.Second) // in which nobody is connected
		last := d.dial(t)
		last.send(t)
		if !last.receive(t) {
			t.Error("the very last answer leaves its connection open")
		}
		d.wait(t, time.Second)
	})
}

// TestDrainAfterLongRequest: who has waited for an answer longer than there was
// time for one more request has that time from then on.
func TestDrainAfterLongRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
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
		response := c.receiveHeader(t)
		defer response.Body.Close()
		<-begun
		d.stop()
		<-d.closed // it does not listen anymore
		finish <- true
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Error(err)
		}
		if response.Close {
			t.Error("an answer that began before the end closes its connection")
		}
		if err := c.SetReadDeadline(time.Now().Add(2*time.Second - time.Nanosecond)); err != nil {
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
		if err := <-d.ended; err != nil {
			t.Errorf("it ends with %v", err)
		}
	})
}

// TestDrainFresh: who has connected in the last moment has time for a request, and
// not for ever.
func TestDrainFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := startDraining(t, time.Second, ok)
		d.stop()
		time.Sleep(time.Second - time.Nanosecond)
		c, silent := d.dial(t), d.dial(t)
		<-d.closed
		time.Sleep(firstRequest - time.Second)
		c.send(t)
		c.receive(t)
		d.wait(t, time.Second)
		if _, err := silent.in.ReadByte(); err == nil {
			t.Error("the connection is still open")
		}
	})
}

func TestDrainIdle(t *testing.T) {
	t.Parallel()
	for _, drain := range []time.Duration{50 * time.Millisecond, 0} {
		synctest.Test(t, func(t *testing.T) {
			d := startDraining(t, drain, ok)
			c := d.dial(t) // of a client that has nothing more to say
			c.send(t)
			c.receive(t)
			synctest.Wait() // until the server knows that the connection is idle
			d.stop()
			d.wait(t, drain)
			if _, err := c.in.ReadByte(); err == nil {
				t.Error("the connection is still open")
			}
		})
	}
}

// TestDrainConnecting has clients that connect for each request, in the very
// moment in which the server stops to listen. A request that is not answered was
// not handled either.
func TestDrainConnecting(t *testing.T) {
	t.Parallel()
	var answered, refused, dropped atomic.Int64
	for range 10 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			var handled, got atomic.Int64
			ended := make(chan error, 1)
			go func() {
				ended <- serveHTTP(ctx, listener, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { handled.Add(1) }), 20*time.Millisecond, connlimit.Limits{})
			}()
			var clients sync.WaitGroup
			for range 4 {
				clients.Go(func() {
					for err := error(nil); err == nil; {
						switch err = post(t.Context(), "http://"+listener.Addr().String()); {
						case err == nil:
							got.Add(1)
						case errors.Is(err, syscall.ECONNREFUSED):
							refused.Add(1)
						default:
							dropped.Add(1)
						}
					}
				})
			}
			stop()
			if err := <-ended; err != nil {
				t.Errorf("it ends with %v", err)
			}
			clients.Wait()
			if handled.Load() != got.Load() {
				t.Errorf("%d requests were handled and %d answered", handled.Load(), got.Load())
			}
			answered.Add(got.Load())
		})
	}
	t.Cleanup(func() {
		t.Logf("%d requests were answered, %d refused, %d dropped", answered.Load(), refused.Load(), dropped.Load())
	})
}

// post sends a request on a connection of its own.
func post(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", response.Status)
	}
	return nil
}
