package httpapi

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/felixge/httpsnoop"
)

const requestIDHeader = "X-Request-Id"

// request is what is known of every request.
type request struct {
	api     *api
	id      string
	address string      // of the client, without a port
	kind    string      // of the credentials that were good, "none" without any
	header  http.Header // of the response
}

type requestKey struct{}

// requestOf returns the request that ctx belongs to, nil if it came through no
// handler of New.
func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

// log is the logger for what happens to a request.
func (a *api) log(ctx context.Context) *slog.Logger {
	if r := requestOf(ctx); r != nil {
		return a.config.Logger.With("request_id", r.id, "address", r.address)
	}
	return a.config.Logger
}

// ServeHTTP implements [http.Handler].
func (a *api) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	header := rw.Header()
	began := time.Now()
	info := &request{api: a, id: requestID(r), address: a.address(r), kind: "none", header: header}
	header.Set(requestIDHeader, info.id)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	r = a.local(r).WithContext(context.WithValue(r.Context(), requestKey{}, info))
	answer := &response{api: a, to: rw}
	w := httpsnoop.Wrap(rw, answer.hooks())
	defer func() { a.logRequest(r, info, answer, began) }()
	defer a.recover(w, r, answer)
	a.routes.ServeHTTP(w, r)
}

// recover answers after a panic. If the response has begun, it can only be broken off.
func (a *api) recover(w http.ResponseWriter, r *http.Request, answer *response) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		answer.broken = true
		panic(v)
	}
	a.log(r.Context()).ErrorContext(r.Context(), "panic", "method", r.Method, "path", r.URL.Path,
		"panic", v, "stack", string(debug.Stack()))
	if answer.wrote {
		answer.broken = true
		panic(http.ErrAbortHandler)
	}
	a.writeProblem(w, a.problem(http.StatusInternalServerError, ""))
}

// requestID returns the id that a proxy or client gave the request, if it is
// fit for a header field and a log, else a new one.
func requestID(r *http.Request) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.:=+/"
	id := r.Header.Get(requestIDHeader)
	if id == "" || len(id) > 128 || strings.Trim(id, alphabet) != "" {
		return rand.Text()
	}
	return id
}

// address returns the client's address.
func (a *api) address(r *http.Request) string {
	if a.config.ClientAddress != nil {
		if address := a.config.ClientAddress(r); address != "" {
			return address
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// response makes an errorOut of each error that is none yet: those of the mux,
// of http.ServeContent, of a page of documentation.
type response struct {
	api *api
	to  http.ResponseWriter

	wrote   bool // the header is written
	refused bool // the body was written by us, and what else comes is dropped
	broken  bool // the connection is broken off
	status  int  // as it is written, 0 if it is not yet
}

// leadToPublic mends where the mux redirects to: it does not know the path that the public
// URL has.
func (a *response) leadToPublic() {
	if location := a.to.Header().Get("Location"); strings.HasPrefix(location, "/") {
		a.to.Header().Set("Location", a.api.prefix.EscapedPath()+location)
	}
}

func (a *response) hooks() httpsnoop.Hooks {
	return httpsnoop.Hooks{
		WriteHeader: func(write httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(status int) {
				a.leadToPublic()
				if status >= http.StatusOK && a.status == 0 {
					a.status = status
				}
				if status >= http.StatusBadRequest && !a.wrote && a.to.Header().Get("Content-Type") != problemType {
					a.wrote, a.refused = true, true
					a.api.writeProblem(a.to, a.api.problem(status, ""))
				}
				if !a.refused {
					a.wrote = a.wrote || status >= http.StatusOK
					write(status)
				}
			}
		},
		Write: func(write httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(p []byte) (int, error) {
				if a.refused {
					return len(p), nil
				}
				a.wrote = true
				return write(p)
			}
		},
		ReadFrom: func(read httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			return func(src io.Reader) (int64, error) {
				if a.refused {
					return io.Copy(io.Discard, src)
				}
				a.wrote = true
				return read(src)
			}
		},
		Flush: func(flush httpsnoop.FlushFunc) httpsnoop.FlushFunc {
			return func() {
				a.wrote = true
				flush()
			}
		},
	}
}
