// Package otlp sends spans to a collector by OTLP/HTTP, as binary protobuf.
//
// It is here because otlptracehttp of OpenTelemetry does the same with the generated code
// of the collector's service, and so links all of gRPC: ten megabytes of a program that
// never speaks it. The rules are those of the OpenTelemetry specification, protocol/exporter.md
// ("the exporter" in comments), and of the protocol, docs/specification.md of
// opentelemetry-proto ("the protocol").
//
// Variables of the environment set what the configuration of exportd does not. Each is
// OTEL_EXPORTER_OTLP_ and one of these names, and one with TRACES_ before the name wins:
//
//   - HEADERS: name=value, separated by commas, values percent-encoded
//   - COMPRESSION: gzip or none
//   - TIMEOUT: milliseconds for each try, 10,000 by default; 0 is no limit
//   - CERTIFICATE: a PEM file of who may have signed the collector's certificate
//   - CLIENT_CERTIFICATE, CLIENT_KEY: PEM files of the client's own
//
// The endpoint and whether it is https are the configuration's, not the environment's. The
// protocol is always http/protobuf. Proxies are those of HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"sync"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// contentType is that of requests and answers (the protocol, "Binary Protobuf Encoding").
const contentType = "application/x-protobuf"

// errStopped is why an upload ends that Stop has ended.
var errStopped = errors.New("the client was stopped")

// Config is what a Client needs.
type Config struct {
	// Endpoint is the http or https URL that spans are posted to, with its path. User
	// information, query and fragment are passed over.
	Endpoint string
	// Getenv is where variables come from; os.Getenv if it is nil.
	Getenv func(string) string
	// Logger gets what variables are passed over and what the collector warns of;
	// nothing is logged if it is nil.
	Logger *slog.Logger
}

// Client sends spans to one collector. It implements [otlptrace.Client], and is safe for
// concurrent use. Its errors and logs may name the host of the endpoint, but have no more of the
// URL, and nothing of the headers' values.
type Client struct {
	http     *http.Client
	endpoint string
	settings settings
	logger   *slog.Logger
	life     context.Context // until Stop
	end      context.CancelCauseFunc
	hurry    chan struct{} // closed by Hurry
	hurried  sync.Once
}

var _ otlptrace.Client = (*Client)(nil)

// New makes a client, without a connection yet. Values of variables that cannot be
// understood are logged and passed over, as the specification of the environment wants
// it. Files of certificates that cannot be used are errors: without them a collector
// would be trusted that should not be.
func New(c Config) (*Client, error) {
	if c.Getenv == nil {
		c.Getenv = os.Getenv
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("otlp: the endpoint is no URL of http or https") // it may have a password
	}
	s, err := environment{c.Getenv, c.Logger}.settings(u.Scheme == "https")
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	client := &Client{
		http:     newHTTP(s),
		endpoint: (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String(),
		settings: s,
		logger:   c.Logger,
		hurry:    make(chan struct{}),
	}
	client.life, client.end = context.WithCancelCause(context.Background())
	return client, nil
}

// Start implements [otlptrace.Client]. There is nothing to start: connections are made
// when there are spans.
func (c *Client) Start(ctx context.Context) error { return ctx.Err() }

// Hurry is for a process that is about to end: from now on each upload is tried once, and
// one that waits to be tried again fails at once. It may be called more than once.
func (c *Client) Hurry() { c.hurried.Do(func() { close(c.hurry) }) }

// Stop implements [otlptrace.Client]: it ends uploads and closes connections. Uploads
// fail after it.
func (c *Client) Stop(ctx context.Context) error {
	c.end(errStopped)
	c.http.CloseIdleConnections()
	return ctx.Err()
}

// UploadTraces implements [otlptrace.Client]. It tries again for up to a minute while the
// collector cannot be reached or is too busy, unless ctx ends. If the collector took some of
// the spans only, the error says how many it refused.
func (c *Client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	if c.life.Err() != nil {
		return fmt.Errorf("otlp: %w", errStopped)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.life, func() { cancel(errStopped) })()
	body, err := c.encode(spans)
	if err != nil {
		return fmt.Errorf("otlp: %w", err)
	}
	if err := c.persist(ctx, func() error { return c.post(ctx, body) }); err != nil {
		return fmt.Errorf("otlp: %w", err)
	}
	return nil
}

// encode returns the body of a request. The protocol wants an ExportTraceServiceRequest,
// which is on the wire what TracesData is: its only field has the same number and type.
func (c *Client) encode(spans []*tracepb.ResourceSpans) ([]byte, error) {
	raw, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil || !c.settings.gzip {
		return raw, err
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// post tries once. It returns a transientError if that may be repeated.
func (c *Client) post(ctx context.Context, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return withoutURL(err)
	}
	r.Header.Set("User-Agent", userAgent())
	maps.Copy(r.Header, c.settings.headers)
	r.Header.Set("Content-Type", contentType)
	if c.settings.gzip {
		r.Header.Set("Content-Encoding", "gzip")
	}
	answer, err := c.http.Do(r)
	if err == nil {
		return c.judge(answer)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// "If the client cannot connect to the server, the client SHOULD retry", and so if the
	// server disconnects without an answer (the protocol, "All Other Responses").
	err = withoutURL(err)
	return &transientError{error: cleanError{c.clean(err.Error()), err}}
}

// userAgent names the exporter, its language and version (the exporter, "User Agent").
func userAgent() string { return "exportd OTel-OTLP-Exporter-Go/" + otlptrace.Version() }
