package cli

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// firstRequest is how long a new connection has for its first request when the
// server stops. Shutdown by itself waits as long for it, but does not answer.
const firstRequest = 5 * time.Second

// connections are those that a server has open. They let it stop without losing a
// request: [http.Server.Shutdown] alone closes each that waits for its next
// request, and a client that has just sent one there can only guess whether it
// was heard.
type connections struct {
	mu      sync.Mutex
	states  map[net.Conn]connState
	changed chan struct{} // closed with the next change
}

// connState is what a connection does, and since when.
type connState struct {
	http.ConnState
	since time.Time
}

func newConnections() *connections {
	return &connections{states: make(map[net.Conn]connState), changed: make(chan struct{})}
}

// note is [http.Server.ConnState].
func (c *connections) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateClosed, http.StateHijacked:
		delete(c.states, conn)
	default:
		c.states[conn] = connState{state, time.Now()}
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// drain stops to listen once no connection is open, for which those that are have
// a time: the answer to their next request closes them (see hangUp). Those that
// still get an answer which began before have the same time after it. served is
// closed when nothing is accepted anymore. drain ends with ctx at the latest.
func (c *connections) drain(ctx context.Context, listener net.Listener, limit time.Duration, served <-chan struct{}) error {
	if limit > 0 {
		limited, cancel := context.WithTimeout(ctx, limit)
		c.wait(limited, func(connState) time.Duration { return stopTimeout })
		cancel()
		refuseNew(listener)
	}
	err := listener.Close()
	<-served
	// Once it is called, Shutdown lets no request be answered that was not read
	// before. So who came last has the time to send one.
	c.wait(ctx, func(s connState) time.Duration {
		switch s.ConnState {
		case http.StateNew:
			return firstRequest - time.Since(s.since)
		case http.StateIdle:
			return limit - time.Since(s.since)
		default:
			return stopTimeout
		}
	})
	return err
}

// wait waits until no connection has any time left, or until ctx ends.
func (c *connections) wait(ctx context.Context, left func(connState) time.Duration) {
	for {
		changed, most := c.look(left)
		if most <= 0 {
			return
		}
		select {
		case <-changed:
		case <-time.After(most):
		case <-ctx.Done():
			return
		}
	}
}

// look returns the most time that a connection has left.
func (c *connections) look(left func(connState) time.Duration) (changed <-chan struct{}, most time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, state := range c.states {
		most = max(most, left(state))
	}
	return c.changed, most
}

// hangUp makes responses the last ones of their connections once stopping is
// closed. In this way the client knows it before it could send another request.
func hangUp(stopping <-chan struct{}, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last := &lastResponse{ResponseWriter: w, stopping: stopping}
		next.ServeHTTP(last, r)
		last.begin() // if nothing was written
	})
}

type lastResponse struct {
	http.ResponseWriter
	stopping <-chan struct{}
	begun    bool
}

// Unwrap is for [http.ResponseController].
func (w *lastResponse) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (w *lastResponse) WriteHeader(status int) {
	if status >= http.StatusOK {
		w.begin()
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *lastResponse) Write(p []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(p)
}

// ReadFrom lets a file be sent without a copy of it in memory.
func (w *lastResponse) ReadFrom(src io.Reader) (int64, error) {
	w.begin()
	return io.Copy(w.ResponseWriter, src)
}

func (w *lastResponse) begin() {
	if w.begun {
		return
	}
	w.begun = true
	select {
	case <-w.stopping:
		w.Header().Set("Connection", "close")
	default:
	}
}

// serveHTTP serves until ctx ends, and lets requests finish then. Connections
// that are open have a time for one more.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler, drain time.Duration) error {
	open := newConnections()
	h := &http.Server{
		Handler:           hangUp(ctx.Done(), handler),
		ConnState:         open.note,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute, // downloads and streams have limits of their own
		IdleTimeout:       2 * time.Minute,
	}
	served := make(chan struct{})
	var failure error
	go func() {
		defer close(served)
		failure = h.Serve(listener)
	}()
	select {
	case <-served:
		return failure
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain+stopTimeout)
	defer cancel()
	err := open.drain(ctx, listener, drain, served)
	err = errors.Join(err, h.Shutdown(ctx))
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return h.Close() // what is left are downloads, which can be resumed
}
