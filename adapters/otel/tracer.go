package otel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/orgexport/orgexport/export"
)

// Config is the configuration of a [Tracer]. Its zero value makes no spans.
type Config struct {
	// Provider receives the spans. If it is nil no spans are made: the global provider
	// of OpenTelemetry is not used.
	Provider trace.TracerProvider

	// Propagator reads from a request's header which trace it belongs to. Nil means
	// that each request begins a trace, so that strangers cannot choose ids or have
	// requests sampled. Set it if all requests come from your own services, or through
	// a proxy that removes the headers of strangers.
	Propagator propagation.TextMapPropagator
}

// Tracer makes spans. It is safe for concurrent use. Make one with [New]; there is nothing
// to close.
type Tracer struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator // may be nil
}

// New returns a Tracer.
func New(c Config) *Tracer {
	if c.Provider == nil {
		c.Provider = noop.NewTracerProvider()
	}
	return &Tracer{c.Provider.Tracer("github.com/orgexport/orgexport/adapters/otel"), c.Propagator}
}

// These are the attributes of spans.
const (
	jobID         = attribute.Key("orgexport.job.id")
	jobAttempt    = attribute.Key("orgexport.job.attempt")
	jobOutcome    = attribute.Key("orgexport.job.outcome")
	organization  = attribute.Key("orgexport.organization.id")
	archiveFormat = attribute.Key("orgexport.archive.format")
	archiveBytes  = attribute.Key("orgexport.archive.bytes")

	sectionKey      = attribute.Key("orgexport.section.key")
	sectionStatus   = attribute.Key("orgexport.section.status")
	sectionFault    = attribute.Key("orgexport.section.fault")
	sectionRecords  = attribute.Key("orgexport.section.records")
	sectionBinaries = attribute.Key("orgexport.section.binaries")
	sectionBytes    = attribute.Key("orgexport.section.bytes")

	objectKey    = attribute.Key("orgexport.object.key")
	objectPrefix = attribute.Key("orgexport.object.prefix")
	bytesWritten = attribute.Key("orgexport.bytes")

	httpMethod = attribute.Key("http.request.method")
	httpRoute  = attribute.Key("http.route")
	httpStatus = attribute.Key("http.response.status_code")
	errorType  = attribute.Key("error.type")
)

// port begins the span of a call of a port, if ctx has a span already. end must be called
// with the error that the call returns.
func (t *Tracer) port(ctx context.Context, name string, attributes ...attribute.KeyValue) (_ context.Context, span trace.Span, end func(error)) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, noop.Span{}, func(error) {}
	}
	ctx, span = t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
	return ctx, span, func(err error) {
		if err != nil && !errors.Is(err, export.ErrNotFound) {
			fail(span, err)
		}
		span.End()
	}
}

// fail marks a span as failed with the kind of err. The text of err stays out: it may
// hold an address, SQL or data.
func fail(span trace.Span, err error) {
	kind := "other"
	for _, k := range []struct {
		name string
		err  error
	}{
		{"not_found", export.ErrNotFound},
		{"too_large", export.ErrTooLarge},
		{"no_space", export.ErrNoSpace},
		{"timeout", context.DeadlineExceeded},
		{"canceled", context.Canceled},
	} {
		if errors.Is(err, k.err) {
			kind = k.name
			break
		}
	}
	failAs(span, kind)
}

// failAs marks a span as failed with an error.type.
func failAs(span trace.Span, kind string) {
	span.SetAttributes(errorType.String(kind))
	span.SetStatus(codes.Error, "")
}
