package otel

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/felixge/httpsnoop"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// HTTP makes spans of the requests that next answers. If next is an
// [http.ServeMux] or, as a handler of package httpapi, tells the pattern of a
// request in the same way, they are named by that; handlers in it are asked in
// turn.
func (t *Tracer) HTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
		var written httpsnoop.Metrics // Code is 0 if the handler does not call WriteHeader
		aborted := true               // what it is if next panics
		defer func() {
			if written.Code == 0 && (!aborted || written.Written > 0) {
				written.Code = http.StatusOK
			}
			if written.Code != 0 {
				span.SetAttributes(httpStatus.Int(written.Code))
			}
			switch {
			case aborted:
				failAs(span, "aborted")
			case written.Code >= http.StatusInternalServerError:
				failAs(span, "status_"+strconv.Itoa(written.Code))
			}
			span.End()
		}()
		written.CaptureMetrics(w, func(w http.ResponseWriter) { next.ServeHTTP(w, r.WithContext(ctx)) })
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
