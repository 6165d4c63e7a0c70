package otel

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// HTTP makes spans of the requests that next answers. If next is an
// [http.ServeMux] or, as a handler of package httpapi, tells the pattern of a
// request in the same way, they are named by that; handlers in it are asked in
// turn.
func (t *Tracer) HTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if t.propagator != nil {
			ctx = t.propagator.Extract(ctx, propagation.HeaderCarrier(r.Header))
		}
		name := method(r.Method)
		attributes := []attribute.KeyValue{httpMethod.String(name)}
		if pattern := route(next, r); pattern != "" {
			name += " " + path(pattern)
			attributes = append(attributes, httpRoute.String(path(pattern)))
		}
		ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...))
		w := &response{ResponseWriter: rw}
		aborted := true // what it is if next panics
		defer func() {
			if w.status == 0 && !aborted {
				w.status = http.StatusOK
			}
			if w.status != 0 {
				span.SetAttributes(httpStatus.Int(w.status))
			}
			switch {
			case aborted:
				failAs(span, "aborted")
			case w.status >= http.StatusInternalServerError:
				failAs(span, "status_"+strconv.Itoa(w.status))
			}
			span.End()
		}()
		next.ServeHTTP(w, r.WithContext(ctx))
		aborted = false
	})
}

// method is one of HTTP: clients may send any word.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return m
	}
	return "_OTHER"
}

// path is a pattern without its method.
func path(pattern string) string {
	if _, p, ok := strings.Cut(pattern, " "); ok {
		return strings.TrimLeft(p, " \t")
	}
	return pattern
}

// route is the pattern of the innermost mux that knows the request, empty if
// none does.
func route(h http.Handler, r *http.Request) string {
	found := ""
	for range 5 { // a mux may lead to itself
		router, ok := h.(interface {
			Handler(r *http.Request) (http.Handler, string)
		})
		if !ok {
			break
		}
		var pattern string
		if h, pattern = router.Handler(r); pattern == "" {
			break
		}
		found = pattern
	}
	return found
}

// response is a writer that takes note of the status.
type response struct {
	http.ResponseWriter
	status int // 0 until the header is written
}

// WriteHeader implements [http.ResponseWriter].
func (w *response) WriteHeader(status int) {
	w.begin(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) begin(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
}

// Write implements [http.ResponseWriter].
func (w *response) Write(p []byte) (int, error) {
	w.begin(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// ReadFrom lets a file be sent without a copy of it in memory.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	w.begin(http.StatusOK)
	return io.Copy(w.ResponseWriter, src)
}

// Unwrap is for [http.ResponseController].
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }
