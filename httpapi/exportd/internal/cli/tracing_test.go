//go:build unix

package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// spans is a collector of traces.
type spans struct {
	mu     sync.Mutex
	bodies []string
	all    []*trace.Span
}

// ServeHTTP takes what an exporter sends.
func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" {
		http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies = append(s.bodies, string(body), request.String())
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			s.all = append(s.all, scope.GetSpans()...)
		}
	}
}

// Spans of requests, attempts, sections and storage go to the collector, at the
// latest when the server stops, and nothing secret is in them.
func TestServeTracing(t *testing.T) {
	t.Parallel()
	var got spans
	server := httptest.NewServer(&got)
	t.Cleanup(server.Close)
	d, dir := inSQLite(t), shop(t, organizationSection, brokenSection, productsSection)
	configure(t, dir, fmt.Sprintf("tracing: {otlp_endpoint: '%s'}\n", server.URL))
	s := d.serve(t, dir)
	key, session := d.newKey(t, dir, "--organization", acme), d.newSession(t, dir, "zoe")
	link := s.exported(t, "X-API-Key: "+key)
	s.wantCodes(t, "no member", 403, "Cookie: sessionid="+session)
	secrets := append(secretsOf(t, dir, link), key, session)
	s.stop(t, secrets...)
	if strings.Contains(s.log.String(), "spans not sent") {
		t.Errorf("it says\n%s", s.log.String())
	}

	got.mu.Lock()
	defer got.mu.Unlock()
	ids := make(map[string]string) // of a span, by name
	parents := make(map[string]string)
	for _, span := range got.all {
		ids[span.GetName()], parents[span.GetName()] = string(span.GetSpanId()), string(span.GetParentSpanId())
	}
	for name, parent := range map[string]string{
		"POST /dashboard/api/v1/data-export/{organization_id}": "",
		"job attempt":      "",
		"section products": "job attempt",
		"section broken":   "job attempt",
		"destination put":  "job attempt",
		"spool put":        "section products",
		"store create":     "POST /dashboard/api/v1/data-export/{organization_id}",
	} {
		if ids[name] == "" || name != "spool put" && parents[name] != ids[parent] || name == "spool put" && parents[name] == "" {
			t.Errorf("the span %q has the parent %x, want %q of %d spans", name, parents[name], parent, len(got.all))
		}
	}
	// Texts of rows, queries and errors.
	for _, secret := range append(secrets, "Zoë", "a@example.org", "Tea", "Acme Foods", "acme-foods", "SELECT", "sekret", "signature", "shop #1.db") {
		for _, body := range got.bodies {
			if strings.Contains(body, secret) {
				t.Errorf("%q is in the spans", secret)
			}
		}
	}
}

// A collector that is not there, hangs or answers nonsense is for the log alone.
func TestServeTracingCollectorDown(t *testing.T) {
	t.Parallel()
	gone := make(chan bool)
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-gone:
		}
	}))
	t.Cleanup(hangs.Close)
	t.Cleanup(func() { close(gone) })
	refuses := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(refuses.Close)
	for name, endpoint := range map[string]string{"down": "http://" + freeAddress(t), "hangs": hangs.URL, "refuses": refuses.URL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, dir := inSQLite(t), shop(t, organizationSection)
			configure(t, dir, fmt.Sprintf("tracing: {otlp_endpoint: '%s'}\n", endpoint))
			s := d.serve(t, dir)
			key := d.newKey(t, dir, "--organization", acme)
			link := s.exported(t, "X-API-Key: "+key)
			began := time.Now()
			s.stop(t, append(secretsOf(t, dir, link), key)...)
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("it took %v to stop", took)
			}
			if log := s.log.String(); !strings.Contains(log, `level=WARN msg="spans not sent"`) || strings.Contains(log, "level=ERROR") {
				t.Errorf("it says\n%s", log)
			}
			for line := range strings.Lines(s.log.String()) {
				if !strings.HasPrefix(line, "time=") {
					t.Errorf("a line is not of the log: %s", line)
				}
			}
		})
	}
}
