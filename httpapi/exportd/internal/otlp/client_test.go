package otlp_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/protobuf/proto"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/otlp"
)

// clearEnvironment removes variables that would change what the tests of this package send.
func clearEnvironment(t *testing.T) {
	t.Helper()
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
}

// The judge is otlptracehttp: with every environment it sends the same spans to the same place
// with the same headers.
func TestSameAsOpenTelemetry(t *testing.T) {
	const p = "OTEL_EXPORTER_OTLP_"
	for name, c := range map[string]struct {
		environment map[string]string
		path        string            // below the collector; /v1/traces by default
		want        map[string]string // headers
	}{
		"none":             {},
		"root":             {path: "/"},
		"no path":          {path: "-"},
		"path":             {path: "/a%20b/v1/traces"},
		"query and such":   {path: "/v1/traces?key=sekret#x"},
		"gzip":             {environment: map[string]string{p + "COMPRESSION": "gzip"}, want: map[string]string{"Content-Encoding": "gzip"}},
		"gzip of traces":   {environment: map[string]string{p + "COMPRESSION": "none", p + "TRACES_COMPRESSION": " gzip "}, want: map[string]string{"Content-Encoding": "gzip"}},
		"none of traces":   {environment: map[string]string{p + "COMPRESSION": "gzip", p + "TRACES_COMPRESSION": "none"}},
		"header":           {environment: map[string]string{p + "HEADERS": "api-key=abc"}, want: map[string]string{"Api-Key": "abc"}},
		"headers":          {environment: map[string]string{p + "HEADERS": " a=1 , b = x%3D%2c%20y ,c=d=e==,"}, want: map[string]string{"A": "1", "B": "x=, y", "C": "d=e=="}},
		"encoded":          {environment: map[string]string{p + "HEADERS": "Authorization=Bearer%20a+b/c%25"}, want: map[string]string{"Authorization": "Bearer a+b/c%"}},
		"space":            {environment: map[string]string{p + "HEADERS": "authorization=Basic dTpw"}, want: map[string]string{"Authorization": "Basic dTpw"}},
		"UTF-8":            {environment: map[string]string{p + "HEADERS": "a=Zo%C3%AB"}, want: map[string]string{"A": "Zoë"}},
		"empty value":      {environment: map[string]string{p + "HEADERS": "a=,b=1"}, want: map[string]string{"B": "1"}},
		"traces win":       {environment: map[string]string{p + "HEADERS": "a=1,b=2", p + "TRACES_HEADERS": "a=3"}, want: map[string]string{"A": "3"}},
		"empty for traces": {environment: map[string]string{p + "HEADERS": "a=1", p + "TRACES_HEADERS": " "}, want: map[string]string{"A": "1"}},
		"user agent":       {environment: map[string]string{p + "HEADERS": "user-agent=mine"}, want: map[string]string{"User-Agent": "mine"}},
		"content type":     {environment: map[string]string{p + "HEADERS": "content-type=text/plain"}, want: map[string]string{"Content-Type": "application/x-protobuf"}},
		"bad headers":      {environment: map[string]string{p + "HEADERS": "sekret,=sekret,a b=sekret,ä=sekret,c=%zz,d=1"}, want: map[string]string{"D": "1"}},
		"other endpoint":   {environment: map[string]string{p + "ENDPOINT": "http://127.0.0.1:1", p + "TRACES_ENDPOINT": "https://127.0.0.1:1/x"}},
		"insecure":         {environment: map[string]string{p + "INSECURE": "false", p + "TRACES_INSECURE": "false"}},
		"gRPC":             {environment: map[string]string{p + "PROTOCOL": "grpc"}},
		"odd timeouts":     {environment: map[string]string{p + "TIMEOUT": "soon", p + "TRACES_TIMEOUT": "1e4"}},
	} {
		t.Run(name, func(t *testing.T) {
			clearEnvironment(t)
			for name, value := range c.environment {
				t.Setenv(name, value)
			}
			got := &recorder{t: t}
			server := httptest.NewServer(got)
			t.Cleanup(server.Close)
			endpoint := server.URL + "/v1/traces"
			if c.path != "" {
				endpoint = server.URL + strings.TrimPrefix(c.path, "-")
			}
			ours, err := otlp.New(otlp.Config{Endpoint: endpoint})
			if err != nil {
				t.Fatal(err)
			}
			for _, client := range []otlptrace.Client{ours, otlptracehttp.NewClient(otlptracehttp.WithEndpointURL(endpoint))} {
				exporter, err := otlptrace.New(t.Context(), client)
				if err != nil {
					t.Fatal(err)
				}
				for _, span := range allKinds() { // one by one: a batch has no order
					if err := exporter.ExportSpans(t.Context(), []sdk.ReadOnlySpan{span}); err != nil {
						t.Errorf("%s: %v", span.Name(), err)
					}
				}
				if err := exporter.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			}
			all := got.requests()
			if len(all) != 2*len(allKinds()) {
				t.Fatalf("got %d requests", len(all))
			}
			for i, a := range all[:len(allKinds())] {
				sameRequest(t, a, all[i+len(allKinds())])
				for name, want := range c.want {
					if got := a.header.Get(name); got != want {
						t.Errorf("%s is %q, want %q", name, got, want)
					}
				}
			}
		})
	}
}

// sameRequest compares two requests, but for who sends them and how its length is told.
func sameRequest(t *testing.T, a, b received) {
	t.Helper()
	if !proto.Equal(a.request, b.request) || len(a.request.GetResourceSpans()) == 0 {
		t.Errorf("the spans are\n%v, want\n%v", a.request, b.request)
	}
	if a.method != http.MethodPost || a.method != b.method || a.path != b.path {
		t.Errorf("the request is %s %s, want %s %s", a.method, a.path, b.method, b.path)
	}
	if agent := a.header.Get("User-Agent"); agent != "mine" && !strings.HasPrefix(agent, "exportd OTel-OTLP-Exporter-Go/") {
		t.Errorf("the user agent is %q", agent)
	}
	for _, header := range []http.Header{a.header, b.header} {
		header.Del("Content-Length")
		if header.Get("User-Agent") != "mine" {
			header.Del("User-Agent")
		}
	}
	if !maps.EqualFunc(a.header, b.header, slices.Equal) {
		t.Errorf("the headers are %v, want %v", a.header, b.header)
	}
}

// A batch of many spans arrives whole, through otlptrace and its own grouping.
func TestBatch(t *testing.T) {
	got := &recorder{t: t}
	server := httptest.NewServer(got)
	t.Cleanup(server.Close)
	client, lines := newClient(t, server.URL, map[string]string{"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"})
	exporter, err := otlptrace.New(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if err := exporter.ExportSpans(t.Context(), allKinds()); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range got.requests() {
		for _, of := range r.request.GetResourceSpans() {
			for _, scope := range of.GetScopeSpans() {
				for _, span := range scope.GetSpans() {
					names = append(names, span.GetName())
				}
			}
		}
	}
	slices.Sort(names)
	if want := []string{"", "first", "second"}; !slices.Equal(names, want) || lines.String() != "" {
		t.Errorf("got %q, want %q; the log has %s", names, want, lines)
	}
}
