package otel_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/orgexport/orgexport/adapters/otel"
)

// tree writes spans as a tree: each below its parent, alike ones once with their
// number, in the order of their names.
func tree(spans tracetest.SpanStubs, parent trace.SpanID, indent string) string {
	var lines []string
	for _, s := range spans {
		if s.Parent.SpanID() == parent {
			lines = append(lines, indent+s.Name+"\n"+tree(spans, s.SpanContext.SpanID(), indent+"  "))
		}
	}
	slices.Sort(lines)
	var b strings.Builder
	for i := 0; i < len(lines); {
		n := i
		for i < len(lines) && lines[i] == lines[n] {
			i++
		}
		line := lines[n]
		if i-n > 1 {
			line = strings.Replace(line, "\n", fmt.Sprintf(" x%d\n", i-n), 1)
		}
		b.WriteString(line)
	}
	return b.String()
}

func TestTraces(t *testing.T) {
	w := newWorld(t, nil)
	id := w.whole(t)
	got := tree(w.spans.GetSpans(), trace.SpanID{}, "")
	const want = `DELETE /dashboard/api/v1/data-export/{organization_id}/{job_id}
  destination delete
  destination list
  spool delete x2
  spool list
  store get
  store update x3
GET /dashboard/api/v1/data-export/{organization_id}
  destination size
  store list
GET /dashboard/api/v1/data-export/{organization_id}/{job_id}
  destination size
  store get
GET /downloads/
  destination open
  store get
POST /dashboard/api/v1/data-export/{organization_id}
  store create
_OTHER
job attempt
  destination list
  destination open
  destination put
  section bad
    spool put x2
  section good
    query
    spool put
  spool open x4
  store update x3
`
	if got != want {
		t.Errorf("the traces are\n%swant\n%s", got, want)
	}
	wantReruns(t, w.spans.GetSpans())
	traces := make(map[trace.TraceID]bool)
	for _, s := range w.spans.GetSpans() {
		if s.Parent.IsValid() {
			continue
		}
		if traces[s.SpanContext.TraceID()] {
			t.Errorf("%s has no trace of its own", s.Name)
		}
		traces[s.SpanContext.TraceID()] = true
		if job := attributes(s)["orgexport.job.id"]; job != id && (s.Name == "job attempt" || s.Name[:4] == "POST" || s.Name[:4] == "DELE") {
			t.Errorf("%s is of the job %q, want %q", s.Name, job, id)
		}
	}
}

// wantReruns wants the one event of a section that was run again, with the class of the fault.
func wantReruns(t *testing.T, spans tracetest.SpanStubs) {
	t.Helper()
	var got []string
	for _, s := range spans {
		for _, e := range s.Events {
			got = append(got, fmt.Sprint(s.Name, ": ", e.Name, " ", e.Attributes))
		}
	}
	if want := `[section bad: section run again [{"orgexport.section.fault":"connection"}]]`; fmt.Sprint(got) != want {
		t.Errorf("the events are %v, want %s", got, want)
	}
}

func attributes(s tracetest.SpanStub) map[string]string {
	all := make(map[string]string)
	for _, a := range s.Attributes {
		all[string(a.Key)] = a.Value.String()
	}
	return all
}

var gaps = regexp.MustCompile(` {2,}`)

// TestTable holds the table of the documentation to the spans of an export.
func TestTable(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	table := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		if cells := gaps.Split(strings.TrimSpace(strings.TrimPrefix(line, "//\t")), -1); len(cells) == 3 {
			names := strings.Split(cells[2], ", ")
			slices.Sort(names)
			table[cells[0]] = cells[1] + " " + strings.Join(names, " ")
		}
	}
	w := newWorld(t, nil)
	w.whole(t)
	kinds, has := make(map[string]string), make(map[string][]string)
	for _, s := range w.spans.GetSpans() {
		name := s.Name
		switch {
		case s.SpanKind == trace.SpanKindServer:
			name = "<method> <route>"
		case strings.HasPrefix(name, "section "):
			name = "section <key>"
		case name == "query": // the host's
			continue
		}
		kinds[name] = s.SpanKind.String()
		for key := range attributes(s) {
			if key != "error.type" && !slices.Contains(has[name], key) {
				has[name] = append(has[name], key)
			}
		}
	}
	for name, kind := range kinds {
		slices.Sort(has[name])
		if got := kind + " " + strings.Join(has[name], " "); got != table[name] {
			t.Errorf("%s is\n%s, the table says\n%s", name, got, table[name])
		}
	}
	for name := range table {
		if kinds[name] == "" {
			t.Errorf("the table has %s, which there is not", name)
		}
	}
}

// TestNothingPlantedIsTold makes calls of ports fail in turn, with a secret in
// their errors.
func TestNothingPlantedIsTold(t *testing.T) {
	failed := make(map[string]bool)
	for _, call := range []string{
		"Store.Create", "Store.Get", "Store.Update", "Spool.Put", "Spool.Open", "Spool.List", "Spool.Delete",
		"Destination.Put", "Destination.List", "Destination.Delete",
	} {
		for n := 1; n <= 60; n++ { // a slow machine has more heartbeats
			w := newWorld(t, nil)
			w.faults.Fail(call, n, errPlanted)
			w.try(t)
			for _, s := range w.spans.GetSpans() {
				checkPlanted(t, s)
				if s.Status.Code == codes.Error {
					failed[s.Name] = true
				}
			}
			if len(w.faults.Fired()) == 0 {
				break
			}
		}
	}
	for _, name := range []string{
		"POST " + exports + "{organization_id}", "job attempt", "section good", "section bad",
		"store create", "store get", "store update", "spool put", "spool open", "spool list", "spool delete",
		"destination put", "destination list", "destination delete",
	} {
		if !failed[name] {
			t.Errorf("%s has never failed", name)
		}
	}
	w := newWorld(t, nil)
	w.whole(t)
	for _, s := range w.spans.GetSpans() {
		checkPlanted(t, s)
	}
}

func checkPlanted(t *testing.T, s tracetest.SpanStub) {
	t.Helper()
	s.Resource = nil
	text := fmt.Sprintf("%+v %v", s, attributes(s))
	if strings.Contains(text, planted) || strings.Contains(text, "SELECT") || strings.Contains(text, "?") || s.Status.Description != "" ||
		slices.ContainsFunc(s.Events, func(e sdktrace.Event) bool { return e.Name != "section run again" }) {
		t.Errorf("a span tells %s", text)
	}
	if s.Status.Code == codes.Error && attributes(s)["error.type"] == "" {
		t.Errorf("%s has failed without an error.type", s.Name)
	}
}

func TestOffByDefault(t *testing.T) {
	w := newWorld(t, func(c *otel.Config) { c.Provider = nil })
	w.whole(t)
	for _, s := range w.spans.GetSpans() {
		if s.Name != "query" {
			t.Errorf("there is a span %s", s.Name)
		}
	}
}

// TestPropagation trusts the header only if it is told to.
func TestPropagation(t *testing.T) {
	for _, trust := range []bool{false, true} {
		w := newWorld(t, func(c *otel.Config) {
			if trust {
				c.Propagator = propagation.TraceContext{}
			}
		})
		w.export(t)
		for _, s := range w.spans.GetSpans() {
			theirs := s.SpanContext.TraceID().String() == "0123456789abcdef0123456789abcdef"
			request := s.SpanKind == trace.SpanKindServer || s.Name == "store create"
			if theirs != (trust && request) {
				t.Errorf("trust %t: %s is of the client's trace: %t", trust, s.Name, theirs)
			}
		}
	}
}

// TestLink links an attempt to what its worker does.
func TestLink(t *testing.T) {
	w := newWorld(t, nil)
	w.send(t, "POST", exports+acme, http.StatusOK)
	ctx, span := sdktrace.NewTracerProvider().Tracer("queue").Start(t.Context(), "task")
	defer span.End()
	w.work(t, ctx)
	for _, s := range w.spans.GetSpans() {
		if s.Name == "job attempt" {
			if s.Parent.IsValid() || len(s.Links) != 1 || s.Links[0].SpanContext.TraceID() != span.SpanContext().TraceID() {
				t.Errorf("parent %v, links %v", s.Parent, s.Links)
			}
			return
		}
	}
	t.Error("there is no span of the attempt")
}

// TestPanic ends the span of a request that is broken off.
func TestPanic(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	tracer := otel.New(otel.Config{Provider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))})
	server := httptest.NewServer(tracer.HTTP(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		if _, err := io.Copy(w, strings.NewReader("text")); err != nil {
			t.Error(err)
		}
		panic(http.ErrAbortHandler)
	})))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := http.DefaultClient.Do(request); err == nil {
		if _, err = io.ReadAll(response.Body); err == nil {
			t.Error("the response is whole")
		}
		response.Body.Close()
	}
	server.Close() // once the handler has ended
	got := spans.GetSpans()
	if len(got) != 1 || got[0].Name != "POST" || attributes(got[0])["error.type"] != "aborted" ||
		attributes(got[0])["http.response.status_code"] != "200" || got[0].Status.Code != codes.Error {
		t.Errorf("%+v", got)
	}
}
