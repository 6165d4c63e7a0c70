package sign_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/sign"
)

// pipes is a network without buffers, and with the time of a bubble.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)} }

// inBubble serves a world with timeouts of a second that a download must
// not suffer from.
func inBubble(t *testing.T, test func(t *testing.T, w *world, client *http.Client)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *sign.Config) { c.Now = time.Now })
		w.now = time.Now()
		network := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		server := &http.Server{
			Handler: w.handler, ReadTimeout: time.Second, WriteTimeout: time.Second, IdleTimeout: 24 * time.Hour,
			ErrorLog: slog.NewLogLogger(slog.NewTextHandler(w.log, nil), slog.LevelError),
		}
		go func() {
			if err := server.Serve(network); !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		}()
		client := &http.Client{Transport: &http.Transport{DialContext: network.dial, DisableCompression: true}}
		test(t, w, client)
		client.CloseIdleConnections()
		server.Close()
		synctest.Wait()
	})
}

func begin(t *testing.T, w *world, client *http.Client) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.link(t, "http://example.com"), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// TestSlowClient takes hours, longer than the link lives, at little more than
// the slowest pace.
func TestSlowClient(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world, client *http.Client) {
		w.destination.content = bytes.Repeat(w.content, 10)
		w.jobs.job.Size = 3_000_000
		began := time.Now()
		resp := begin(t, w, client)
		defer resp.Body.Close()
		var got int64
		for {
			time.Sleep(70 * time.Second)
			n, err := io.CopyN(io.Discard, resp.Body, 8<<10)
			got += n
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("cut off after %d bytes and %v: %v", got, time.Since(began), err)
			}
		}
		synctest.Wait()
		e := w.trail.all()
		if took := time.Since(began); took < 6*time.Hour || len(e) != 1 || !e[0].Complete || got != 3_000_000 {
			t.Errorf("%d bytes in %v, recorded %+v", got, took, e)
		}
	})
}

func TestIdleClient(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world, client *http.Client) {
		resp := begin(t, w, client)
		defer resp.Body.Close()
		if _, err := io.CopyN(io.Discard, resp.Body, 100_000); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Minute)
		if e := w.trail.all(); len(e) != 0 {
			t.Fatalf("cut off too early: %+v", e)
		}
		time.Sleep(2 * time.Minute)
		e := w.trail.all()
		if len(e) != 1 || e[0].Complete || e[0].Bytes < 100_000 {
			t.Errorf("recorded %+v", e)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Error("the client took a piece for the whole")
		}
	})
}

// TestKeepAlive makes a request long after a download on the same connection,
// which must not inherit the download's deadline.
func TestKeepAlive(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world, client *http.Client) {
		for range 3 {
			w.now = time.Now()
			status, body, err := get(t, client, w.link(t, "http://example.com"))
			if err != nil || status != http.StatusOK || len(body) != len(w.content) {
				t.Fatalf("status %d, %d bytes, %v", status, len(body), err)
			}
			time.Sleep(time.Hour)
		}
	})
}
