package otlp_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/otlp"
)

// received is a request to a collector, decoded by the protocol's generated code.
type received struct {
	method, path string
	header       http.Header
	request      *collector.ExportTraceServiceRequest
}

// recorder is a collector that keeps what comes, and then answers.
type recorder struct {
	t      *testing.T
	answer http.HandlerFunc // nil: success

	mu  sync.Mutex
	all []received
}

func (c *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil && r.Header.Get("Content-Encoding") == "gzip" {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, err = io.ReadAll(z)
		}
	}
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil {
		c.t.Errorf("the collector cannot read the request: %v", err)
	}
	c.mu.Lock()
	c.all = append(c.all, received{r.Method, r.URL.RequestURI(), r.Header.Clone(), &request})
	c.mu.Unlock()
	if c.answer != nil {
		c.answer(w, r)
	}
}

// requests returns what has come, and forgets it.
func (c *recorder) requests() []received {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.all
	c.all = nil
	return all
}

// log collects log lines.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newClient makes a client with an environment.
func newClient(t *testing.T, endpoint string, environment map[string]string) (*otlp.Client, *log) {
	t.Helper()
	var lines log
	c, err := otlp.New(otlp.Config{
		Endpoint: endpoint,
		Getenv:   func(name string) string { return environment[name] },
		Logger:   slog.New(slog.NewTextHandler(&lines, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop(t.Context()) })
	return c, &lines
}

// one is the least that there is to send.
func one() []*tracepb.ResourceSpans {
	return []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{Name: "one"}}}}}}
}

// allKinds are spans with everything that a span may have.
func allKinds() []sdk.ReadOnlySpan {
	context := func(n byte) trace.SpanContext {
		state, _ := trace.ParseTraceState("vendor=1")
		return trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{15: n}, SpanID: trace.SpanID{7: n}, TraceFlags: trace.FlagsSampled, TraceState: state,
		})
	}
	at := time.Date(2026, 1, 31, 12, 0, 0, 123456789, time.UTC)
	attributes := []attribute.KeyValue{
		attribute.String("text", "Zoë\x00\n"), attribute.Int64("number", -1), attribute.Float64("real", 0.1),
		attribute.Bool("truth", true), attribute.StringSlice("list", []string{"", "b"}), attribute.String("long", strings.Repeat("x", 1<<16)),
	}
	home := resource.NewSchemaless(attribute.String("service.name", "exportd"))
	return []sdk.ReadOnlySpan{
		tracetest.SpanStub{
			Name: "first", SpanContext: context(1), SpanKind: trace.SpanKindServer, StartTime: at, EndTime: at.Add(time.Second),
			Attributes: attributes, Resource: home, DroppedAttributes: 1, DroppedEvents: 2, DroppedLinks: 3,
			Events: []sdk.Event{{Name: "event", Time: at, Attributes: attributes, DroppedAttributeCount: 4}},
			Links:  []sdk.Link{{SpanContext: context(9), Attributes: attributes}},
			Status: sdk.Status{Code: codes.Error, Description: "no"}, InstrumentationScope: instrumentation.Scope{Name: "scope", Version: "1"},
		}.Snapshot(),
		tracetest.SpanStub{
			Name: "second", SpanContext: context(2), Parent: context(1), SpanKind: trace.SpanKindInternal, StartTime: at,
			Resource: home, InstrumentationScope: instrumentation.Scope{Name: "scope", Version: "1"},
		}.Snapshot(),
		tracetest.SpanStub{Name: "", Resource: resource.Empty()}.Snapshot(),
	}
}
