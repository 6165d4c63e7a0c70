package connlimit

import (
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
)

// connKey is the key of a request's context under which its connection is.
type connKey struct{}

// protectBodies lets connections wait while the body of their request has not come: a handler
// that does not read it answers, but the server tries to read it before it sends the answer.
func (l *limited) protectBodies(server *http.Server) {
	inner := server.ConnContext
	server.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		if inner != nil {
			ctx = inner(ctx, conn)
		}
		return context.WithValue(ctx, connKey{}, conn)
	}
	next := cmp.Or[http.Handler](server.Handler, http.DefaultServeMux)
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, ok := r.Context().Value(connKey{}).(net.Conn)
		if ok && r.ProtoMajor == 1 && r.Body != nil && r.Body != http.NoBody {
			l.note(conn, http.StateIdle)
			whole := *r
			whole.Body = &body{r.Body, func() { l.note(conn, http.StateActive) }}
			r = &whole
		}
		next.ServeHTTP(w, r)
	})
}

// body is the body of a request.
type body struct {
	io.ReadCloser
	ended func()
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.ended()
	}
	return n, err
}
