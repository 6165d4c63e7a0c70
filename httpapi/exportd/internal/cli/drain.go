package cli

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/felixge/httpsnoop"

	"github.com/orgexport/orgexport/httpapi/connlimit"
)

// firstRequest is how long a new connection has for its first request when the
// server stops. Shutdown by itself waits as long for it, but does not answer.
const firstRequest = 5 * time.Second

// pollEvery is how often drain looks at the connections. Shutdown does so, too.
const pollEvery = 10 * time.Millisecond

// connections are those that a server has open. They let it stop without losing a
// request: [http.Server.Shutdown] alone closes each that waits for its next
// request, and a client that has just sent one there can only guess whether it
// was heard.
type connections struct {
	mu     sync.Mutex
	states map[net.Conn]connState
}

// connState is what a connection does, and since when.
type connState struct {
	http.ConnState
	since time.Time
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
}

// drain lets the server go on for the time limit: load balancers notice that
// /readyz fails, and the next answer on each connection closes it (see hangUp).
// Then it closes the listener and waits for the connections that have not had this
// time: some are new, others got an answer that began before the stop. served is
// closed once Serve has returned. drain returns when ctx ends at the latest.
func (c *connections) drain(ctx context.Context, listener net.Listener, limit time.Duration, served <-chan struct{}) error {
	select {
	case <-time.After(limit):
	case <-ctx.Done():
	}
	err := listener.Close()
	<-served
	// Shutdown drops a request that was not read before it was called. So it is
	// called when none can come anymore.
	for c.left(limit) > 0 && ctx.Err() == nil {
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
		}
	}
	return err
}

// left returns the longest time that a connection has left.
func (c *connections) left(limit time.Duration) (longest time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.states {
		left := stopTimeout // to finish its request
		switch s.ConnState {
		case http.StateNew:
			left = firstRequest - time.Since(s.since)
		case http.StateIdle:
			left = limit - time.Since(s.since)
		}
		longest = max(longest, left)
	}
	return longest
}

// hangUp makes responses the last ones of their connections once stopping is
// closed. In this way the client knows it before it could send another request.
func hangUp(stopping <-chan struct{}, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := sync.OnceFunc(func() {
			select {
			case <-stopping:
				w.Header().Set("Connection", "close")
			default:
			}
		})
		next.ServeHTTP(httpsnoop.Wrap(w, httpsnoop.Hooks{
			WriteHeader: func(write httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
				return func(status int) {
					if status >= http.StatusOK {
						begin()
					}
					write(status)
				}
			},
			Write: func(write httpsnoop.WriteFunc) httpsnoop.WriteFunc {
				return func(p []byte) (int, error) { begin(); return write(p) }
			},
			ReadFrom: func(read httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
				return func(src io.Reader) (int64, error) { begin(); return read(src) }
			},
			Flush: func(flush httpsnoop.FlushFunc) httpsnoop.FlushFunc {
				return func() { begin(); flush() }
			},
		}), r)
		begin() // if nothing was written
	})
}

// withinFiles returns how many connections there may be so that they leave half of the files
// that the process may have open to exports. most is 0 for the default, and negative for no
// limit.
func withinFiles(most int) int {
	files := maxFiles()
	if most == 0 {
		most = connlimit.DefaultTotal
	}
	if files > 0 && (most < 0 || most > files/2) {
		return max(files/2, 1)
	}
	return most
}

// serveHTTP serves until ctx ends, and for the time drain after it. Then it lets
// requests finish. No handler has seen the request of a client whose connection is
// refused, reset or closed without an answer.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler, drain time.Duration, limits connlimit.Limits) error {
	open := &connections{states: make(map[net.Conn]connState)}
	h := &http.Server{
		Handler:      hangUp(ctx.Done(), handler),
		ConnState:    open.note,
		ReadTimeout:  time.Minute,
		WriteTimeout: time.Minute, // downloads and streams have limits of their own
	}
	limits.Total = withinFiles(limits.Total)
	listener = limits.Protect(h, listener)
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
