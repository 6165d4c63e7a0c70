package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/orgexport/orgexport/adapters/otel"
	"github.com/orgexport/orgexport/adapters/prom"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/otlp"
)

// flushTimeout is how long the last spans may take to be sent.
const flushTimeout = 5 * time.Second

// tracing is what sends spans to a collector.
type tracing struct {
	provider *trace.TracerProvider
	client   *otlp.Client
	logger   *slog.Logger
}

// openTracing returns what sends spans to a collector, or nil if there is none.
func openTracing(ctx context.Context, t config.Tracing, logger *slog.Logger) (*tracing, error) {
	if t.Endpoint.Value == "" {
		return nil, nil
	}
	endpoint, err := tracesURL(t.Endpoint.Value)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	client, err := otlp.New(otlp.Config{Endpoint: endpoint, Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	return &tracing{
		provider: trace.NewTracerProvider(
			trace.WithBatcher(logged{exporter, logger}),
			trace.WithResource(resource.NewSchemaless(attribute.String("service.name", "exportd"))),
		),
		client: client,
		logger: logger,
	}, nil
}

// tracesURL returns where a collector takes spans: at this path below the endpoint, which
// may have it already.
func tracesURL(endpoint string) (string, error) {
	const path = "v1/traces"
	if strings.HasSuffix(strings.TrimRight(endpoint, "/"), "/"+path) {
		return endpoint, nil
	}
	return url.JoinPath(endpoint, path)
}

// logged is an exporter whose errors go to the log. Without it they would go to a
// global of the library, which prints them in its own way.
type logged struct {
	trace.SpanExporter
	logger *slog.Logger
}

// ExportSpans implements [trace.SpanExporter].
func (l logged) ExportSpans(ctx context.Context, spans []trace.ReadOnlySpan) error {
	if err := l.SpanExporter.ExportSpans(ctx, spans); err != nil {
		l.logger.WarnContext(ctx, "spans not sent", "spans", len(spans), "error", err)
	}
	return nil
}

// close sends the spans that are left. If it cannot, it says so in the log: that is no
// failure of the server. A collector that is down is not waited for.
func (t *tracing) close() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	t.client.Hurry()
	if err := t.provider.Shutdown(ctx); err != nil {
		err = errors.Join(err, t.client.Stop(context.WithoutCancel(ctx))) // the provider has not come to this
		t.logger.WarnContext(ctx, "spans not sent", "error", err)
	}
}

// newTracer makes a tracer that does nothing without what sends its spans.
func newTracer(t *tracing) *otel.Tracer {
	if t == nil {
		return otel.New(otel.Config{})
	}
	return otel.New(otel.Config{Provider: t.provider})
}

// router returns the route of a request. Spans and metrics are named by it.
type router interface {
	Handler(r *http.Request) (http.Handler, string)
}

// routed is a handler with the routes of another one.
type routed struct {
	next   http.Handler
	routes router
}

// ServeHTTP implements [http.Handler].
func (r routed) ServeHTTP(w http.ResponseWriter, q *http.Request) { r.next.ServeHTTP(w, q) }

// Handler is the method of [http.ServeMux].
func (r routed) Handler(q *http.Request) (http.Handler, string) { return r.routes.Handler(q) }

// observed makes spans and metrics of the requests of an API.
func observed(api http.Handler, tracer *otel.Tracer, metrics *prom.Metrics) http.Handler {
	routes, ok := api.(router)
	if !ok {
		panic("exportd: the API does not tell its routes") // it does
	}
	return metrics.HTTP(routed{tracer.HTTP(api), routes})
}
