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
	states  map[net.Conn]http.ConnState
	changed chan struct{} // closed with the next change
}

func newConnections() *connections {
	return &connections{states: make(map[net.Conn]http.ConnState), changed: make(chan struct{})}
}

// note is [http.Server.ConnState].
func (c *connections) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateClosed, http.StateHijacked:
		delete(c.states, conn)
	default:
		c.states[conn] = state
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// drain stops to listen once no connection is open, for which those that are have
// a time: the answer to their next request closes them (see hangUp). served is
// closed when nothing is accepted anymore.
func (c *connections) drain(listener net.Listener, limit time.Duration, served <-chan struct{}) error {
	if limit > 0 {
		c.wait(limit, func(http.ConnState) bool { return false })
		refuseNew(listener)
	}
	err := listener.Close()
	<-served
	// Once it is called, Shutdown lets no request be answered that was not read
	// before. So who came last has the time to send one.
	c.wait(firstRequest, func(s http.ConnState) bool { return s == http.StateIdle })
	return err
}

// wait waits until all connections that are open may be, but not for longer than
// a time.
func (c *connections) wait(limit time.Duration, may func(http.ConnState) bool) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		changed, ok := c.look(may)
		if ok {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			return
		}
	}
}

func (c *connections) look(may func(http.ConnState) bool) (changed <-chan struct{}, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, state := range c.states {
		if !may(state) {
			return c.changed, false
		}
	}
	return nil, true
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
	err := open.drain(listener, drain, served)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err = errors.Join(err, h.Shutdown(ctx))
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return h.Close() // what is left are downloads, which can be resumed
}
