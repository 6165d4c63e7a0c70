package otlp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/otlp"
)

// answering is a collector that answers with a message of the protocol.
func answering(t *testing.T, code int, m proto.Message) http.HandlerFunc {
	t.Helper()
	body, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return texting(code, "application/x-protobuf", string(body))
}

func texting(code int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func partially(rejected int64, message string) *collector.ExportTraceServiceResponse {
	return &collector.ExportTraceServiceResponse{
		PartialSuccess: &collector.ExportTracePartialSuccess{RejectedSpans: rejected, ErrorMessage: message},
	}
}

// What collectors and proxies say is in the error or the log, but no credentials that they quote.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const secret = "Basic c2VrcmV0OnNla3JldA=="
	long := strings.Repeat("Zoë ", 1<<16)
	for name, c := range map[string]struct {
		answer    http.HandlerFunc
		want, log string // parts of the error and the log; none if they are empty
	}{
		"success":           {answering(t, 200, &collector.ExportTraceServiceResponse{}), "", ""},
		"empty":             {texting(200, "application/x-protobuf", ""), "", ""},
		"202":               {texting(202, "text/plain", "ok"), "", ""},
		"204":               {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, "", ""},
		"rejected":          {answering(t, 200, partially(3, "too old")), "otlp: the collector rejected 3 spans: too old", ""},
		"rejected, 2^63-1":  {answering(t, 200, partially(1<<63-1, "")), "rejected 9223372036854775807 spans", ""},
		"warning":           {answering(t, 200, partially(0, "use https")), "", `level=WARN msg="collector of spans warns" message="use https"`},
		"quoted warning":    {answering(t, 200, partially(0, "you are "+secret)), "", `message="you are […]"`},
		"nothing rejected":  {answering(t, 200, partially(0, "")), "", ""},
		"JSON":              {texting(200, "application/json", `{"partialSuccess":{"rejectedSpans":"1"}}`), "", ""},
		"not the kind":      {texting(200, "text/plain", "\x0a\x02\x08\x01"), "", ""},
		"no protobuf":       {texting(200, "application/x-protobuf", "\x0a\xff\xff"), "", ""},
		"status":            {answering(t, 400, &status.Status{Code: 3, Message: "no such tenant"}), "otlp: the collector answers 400 Bad Request: no such tenant", ""},
		"status, parameter": {texting(401, "application/x-protobuf; charset=x", "\x12\x02no"), "401 Unauthorized: no", ""},
		"text":              {texting(403, "text/plain; charset=utf-8", "go away\n"), "403 Forbidden: go away", ""},
		"HTML":              {texting(404, "text/html", "<html>sekret"), "404 Not Found", ""},
		"no status":         {texting(500, "application/x-protobuf", "\xff\xff\xff"), "500 Internal Server Error", ""},
		"odd code":          {texting(599, "text/plain", ""), "the collector answers 599", ""},
		"quoted":            {answering(t, 401, &status.Status{Message: "unknown user " + secret + " " + secret[6:]}), "unknown user […] […]", ""},
		"long":              {texting(400, "text/plain", long), "Zoë Zoë", ""},
		"no success":        {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, "answers 304", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := &recorder{t: t, answer: c.answer}
			server := httptest.NewServer(got)
			t.Cleanup(server.Close)
			client, lines := newClient(t, strings.Replace(server.URL, "//", "//user:sekret@", 1), map[string]string{
				"OTEL_EXPORTER_OTLP_HEADERS": "authorization=" + secret,
			})
			err := client.UploadTraces(t.Context(), one())
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			log := lines.String()
			if c.log == "" && log != "" || !strings.Contains(log, c.log) {
				t.Errorf("the log has %q, want %q", log, c.log)
			}
			for _, text := range []string{fmt.Sprint(err), log} {
				if strings.Contains(text, "sekret") || strings.Contains(text, secret[6:]) || len(text) > 500 {
					t.Errorf("it says %q", text)
				}
			}
			if n := len(got.requests()); n != 1 {
				t.Errorf("%d requests were made", n)
			}
		})
	}
}

// endless writes for as long as anybody reads, and counts.
type endless struct{ written chan int }

func (e endless) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-protobuf")
	n, chunk := 0, make([]byte, 1<<10)
	for {
		m, err := w.Write(chunk)
		if n += m; err != nil || r.Context().Err() != nil {
			e.written <- n
			return
		}
	}
}

// An answer that does not end is not read to its end.
func TestEndlessAnswer(t *testing.T) {
	t.Parallel()
	body := endless{make(chan int, 1)}
	server := httptest.NewServer(body)
	t.Cleanup(server.Close)
	client, _ := newClient(t, server.URL, nil)
	began := time.Now()
	if err := client.UploadTraces(t.Context(), one()); err != nil {
		t.Error(err)
	}
	if n := <-body.written; n > 64<<20 { // the system's buffers are some megabytes
		t.Errorf("%d bytes were taken", n)
	}
	if took := time.Since(began); took > 5*time.Second { // half the timeout
		t.Errorf("it took %v", took)
	}
}

// Spans and headers go on to another place of the same host only.
func TestRedirects(t *testing.T) {
	t.Parallel()
	other := &recorder{t: t}
	elsewhere := httptest.NewServer(other)
	t.Cleanup(elsewhere.Close)
	localhost := strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)
	for name, c := range map[string]struct {
		code     int
		to, want string
	}{
		"same host":  {307, "/new", ""},
		"for ever":   {308, "/new", ""},
		"other host": {307, localhost, "answers 307 Temporary Redirect"},
		"see other":  {303, "/new", "answers 303 See Other"},
		"found":      {302, "/new", "answers 302 Found"},
		"in circles": {308, "/", "answers 308 Permanent Redirect"},
		"no scheme":  {308, "file:///x", "answers 308 Permanent Redirect"},
		"nowhere":    {308, "http://127.0.0.1:port/sekret-of-api", "failed to parse Location header \"http://127.0.0.1:port/[…]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := &recorder{t: t}
			got.answer = func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/new" {
					w.Header().Set("Location", c.to)
					w.WriteHeader(c.code)
				}
			}
			server := httptest.NewServer(got)
			t.Cleanup(server.Close)
			client, _ := newClient(t, server.URL, map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": "api-key=sekret-of-api"})
			client.Hurry()
			err := client.UploadTraces(t.Context(), one())
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "sekret")) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			all := got.requests()
			last := all[len(all)-1]
			if arrived := last.path == "/new" && last.header.Get("Api-Key") == "sekret-of-api" && proto.Equal(last.request, &collector.ExportTraceServiceRequest{ResourceSpans: one()}); arrived != (c.want == "") || len(all) > 4 {
				t.Errorf("%d requests arrived, the last is %v", len(all), last)
			}
		})
	}
	t.Cleanup(func() {
		if all := other.requests(); len(all) != 0 {
			t.Errorf("another host got %v", all)
		}
	})
}

// The reading of answers agrees with the protocol's generated code.
func FuzzAnswer(f *testing.F) {
	for _, m := range []proto.Message{partially(3, "no"), partially(-1, ""), partially(0, "x"), &collector.ExportTraceServiceResponse{}} {
		body, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
		f.Add(append(body, body...))
	}
	f.Add([]byte("\x0a\x04\x0a\x01\x01\x08\x0a\x02\x10\x01\x0b\x08\x01\x0c"))
	f.Add([]byte("\x12\x02\x08\x01")) // a field that is not known
	f.Fuzz(func(t *testing.T, body []byte) {
		got := otlp.Partial(body)
		var want collector.ExportTraceServiceResponse
		if proto.Unmarshal(body, &want) != nil {
			return
		}
		p := want.GetPartialSuccess()
		if n := p.GetRejectedSpans(); (got != nil) != (n != 0) || got != nil && !strings.HasPrefix(got.Error(), fmt.Sprintf("the collector rejected %d spans: ", n)) {
			t.Errorf("got %v, want %v", got, p)
		}
	})
}
