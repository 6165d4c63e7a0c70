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
	// Provider is where spans go. Nil means that there are none; the global
	// provider of OpenTelemetry is not used.
	Provider trace.TracerProvider

	// Propagator reads from a request which trace it belongs to. Nil means that
	// each request begins a trace, so that strangers decide neither about ids nor
	// about sampling. Set it where all requests come from one's own services or
	// through a proxy that cares for their header.
	Propagator propagation.TextMapPropagator
}

// Tracer makes spans. Make one with [New]. It is safe for concurrent use.
type Tracer struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator // may be nil
}

// New makes a Tracer.
func New(c Config) *Tracer {
	if c.Provider == nil {
		c.Provider = noop.NewTracerProvider()
	}
	return &Tracer{c.Provider.Tracer("github.com/orgexport/orgexport/adapters/otel"), c.Propagator}
}

// The attributes.
const (
	jobID         = attribute.Key("orgexport.job.id")
	jobAttempt    = attribute.Key("orgexport.job.attempt")
	jobOutcome    = attribute.Key("orgexport.job.outcome")
	organization  = attribute.Key("orgexport.organization.id")
	archiveFormat = attribute.Key("orgexport.archive.format")
	archiveBytes  = attribute.Key("orgexport.archive.bytes")

	sectionKey      = attribute.Key("orgexport.section.key")
	sectionStatus   = attribute.Key("orgexport.section.status")
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

// port begins a span of a call of a port, if the call is part of something that
// has one. The error that the call returns is given to end.
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

// fail marks a span as failed. It tells of err what kind it is and nothing that
// it says, which may be an address, SQL or data.
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

func failAs(span trace.Span, kind string) {
	span.SetAttributes(errorType.String(kind))
	span.SetStatus(codes.Error, "")
}
