package otlp_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/otlp"
)

// What cannot be understood is passed over, and the log names the variable, not what is in it.
func TestPassedOver(t *testing.T) {
	t.Parallel()
	const p = "OTEL_EXPORTER_OTLP_"
	for name, c := range map[string]struct {
		environment map[string]string
		want        string // in the log; nothing is there if it is empty
		headers     string // that arrive
	}{
		"no sign":           {map[string]string{p + "HEADERS": "a=1,sekret"}, `variable=OTEL_EXPORTER_OTLP_HEADERS reason="a header has no name and value" header=2`, "A"},
		"no name":           {map[string]string{p + "HEADERS": "=sekret,a=1"}, "header=1", "A"},
		"spaces":            {map[string]string{p + "TRACES_HEADERS": "Bearer sekret=,a=1"}, "variable=OTEL_EXPORTER_OTLP_TRACES_HEADERS", "A"},
		"encoding":          {map[string]string{p + "HEADERS": "a=1,b=sekret%zz"}, "header=b", "A"},
		"line feed":         {map[string]string{p + "HEADERS": "a=1,b=sekret%0d%0ax:%20y"}, "header=b", "A"},
		"zero":              {map[string]string{p + "HEADERS": "a=1,b=sekret%00"}, "header=b", "A"},
		"compression":       {map[string]string{p + "COMPRESSION": "zstd"}, "variable=OTEL_EXPORTER_OTLP_COMPRESSION", ""},
		"timeout":           {map[string]string{p + "TRACES_TIMEOUT": "10s"}, "variable=OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", ""},
		"negative timeout":  {map[string]string{p + "TIMEOUT": "-1"}, "variable=OTEL_EXPORTER_OTLP_TIMEOUT", ""},
		"long timeout":      {map[string]string{p + "TIMEOUT": "99999999999999999999"}, "variable=OTEL_EXPORTER_OTLP_TIMEOUT", ""},
		"JSON":              {map[string]string{p + "PROTOCOL": "http/json"}, "variable=OTEL_EXPORTER_OTLP_PROTOCOL", ""},
		"gRPC":              {map[string]string{p + "TRACES_PROTOCOL": "grpc"}, "variable=OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", ""},
		"all good":          {map[string]string{p + "PROTOCOL": "http/protobuf", p + "TIMEOUT": "0", p + "COMPRESSION": "none", p + "HEADERS": "a=1"}, "", "A"},
		"empty":             {map[string]string{p + "PROTOCOL": "", p + "TIMEOUT": " ", p + "COMPRESSION": "", p + "HEADERS": "", p + "CERTIFICATE": ""}, "", ""},
		"of the endpoint":   {map[string]string{p + "ENDPOINT": "https://other.example.com", p + "TRACES_ENDPOINT": "https://other.example.com"}, "", ""},
		"of other signals":  {map[string]string{p + "METRICS_TIMEOUT": "soon", p + "LOGS_CERTIFICATE": "none.pem"}, "", ""},
		"nothing but comma": {map[string]string{p + "HEADERS": " , "}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := &recorder{t: t}
			server := httptest.NewServer(got)
			t.Cleanup(server.Close)
			client, lines := newClient(t, server.URL, c.environment)
			if err := client.UploadTraces(t.Context(), one()); err != nil {
				t.Fatal(err)
			}
			if log := lines.String(); c.want == "" && log != "" || !strings.Contains(log, c.want) || strings.Contains(log, "sekret") {
				t.Errorf("the log has %q, want %q", log, c.want)
			}
			header := got.requests()[0].header
			if c.headers != "" && header.Get(c.headers) == "" || header.Get("B") != "" || header.Get("X") != "" || header.Get("Content-Encoding") != "" {
				t.Errorf("the headers are %v", header)
			}
		})
	}
}

// What New refuses: endpoints that are none, and certificates without which others would be trusted.
func TestRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificate, key := newAuthority(t).client(t, dir)
	empty, none := filepath.Join(dir, "empty.pem"), filepath.Join(dir, "none.pem")
	if err := os.WriteFile(empty, []byte("sekret"), 0o600); err != nil {
		t.Fatal(err)
	}
	const p, secure = "OTEL_EXPORTER_OTLP_", "https://127.0.0.1:1/v1/traces"
	for name, c := range map[string]struct {
		endpoint    string
		environment map[string]string
		want        string
	}{
		"no endpoint":       {"", nil, "the endpoint is no URL"},
		"no scheme":         {"127.0.0.1:4318", nil, "the endpoint is no URL"},
		"other scheme":      {"grpc://127.0.0.1:4317", nil, "the endpoint is no URL"},
		"no host":           {"http:///v1/traces", nil, "the endpoint is no URL"},
		"no URL":            {"http://user:sekret@127.0.0.1:port/", nil, "the endpoint is no URL"},
		"no file":           {secure, map[string]string{p + "CERTIFICATE": none}, "OTEL_EXPORTER_OTLP_CERTIFICATE: open "},
		"no file, traces":   {secure, map[string]string{p + "CERTIFICATE": certificate, p + "TRACES_CERTIFICATE": none}, "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: open "},
		"no PEM":            {secure, map[string]string{p + "CERTIFICATE": empty}, "no certificate in PEM"},
		"no client":         {secure, map[string]string{p + "CLIENT_CERTIFICATE": none, p + "CLIENT_KEY": key}, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY: open "},
		"no key":            {secure, map[string]string{p + "CLIENT_CERTIFICATE": certificate}, "need each other"},
		"key only":          {secure, map[string]string{p + "TRACES_CLIENT_KEY": key}, "need each other"},
		"key is no PEM":     {secure, map[string]string{p + "CLIENT_CERTIFICATE": certificate, p + "TRACES_CLIENT_KEY": empty}, "CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: tls: "},
		"not encrypted":     {"http://127.0.0.1:1", map[string]string{p + "CERTIFICATE": certificate}, "for an https endpoint"},
		"client in clear":   {"http://127.0.0.1:1", map[string]string{p + "CLIENT_CERTIFICATE": certificate, p + "CLIENT_KEY": key}, "for an https endpoint"},
		"all that is wrong": {secure, map[string]string{p + "CERTIFICATE": empty, p + "CLIENT_KEY": key}, "need each other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := otlp.New(otlp.Config{Endpoint: c.endpoint, Getenv: func(name string) string { return c.environment[name] }})
			if err == nil || !strings.HasPrefix(err.Error(), "otlp: ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "sekret") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
