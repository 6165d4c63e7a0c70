package otel_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/orgexport/orgexport/adapters/otel"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/access/accesstest"
	"github.com/orgexport/orgexport/export/audit/audittest"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/faulttest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
	"github.com/orgexport/orgexport/httpapi"
	"github.com/orgexport/orgexport/sign"
)

const (
	acme    = "H9cNmGXLEc8NWcZzSThA9S"
	exports = "/dashboard/api/v1/data-export/"

	// What no span may tell: it is in errors, in queries, in header fields and in
	// data.
	planted = "pl4nted"
)

var errPlanted = errors.New("dial postgres://exportd:" + planted + "@db: SELECT * FROM " + planted)

// section is a Section made of a function.
type section struct {
	key string
	run func(ctx context.Context, sink export.Sink) error
}

func (s section) Key() string { return s.key }
func (s section) Export(ctx context.Context, _ export.Scope, sink export.Sink) error {
	return s.run(ctx, sink)
}

// world is an API with everything behind it in memory and traced.
type world struct {
	jobstest.MemDispatcher
	service *jobs.Service
	faults  *faulttest.Faults
	spans   *tracetest.InMemoryExporter
	server  *httptest.Server
	key     string
}

func newWorld(t *testing.T, change func(c *otel.Config)) *world {
	t.Helper()
	w := &world{faults: faulttest.New(), spans: tracetest.NewInMemoryExporter()}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(w.spans))
	config := otel.Config{Provider: provider}
	if change != nil {
		change(&config)
	}
	tracer := otel.New(config)
	logger := slog.New(slog.DiscardHandler)
	var again atomic.Bool
	engine, err := export.New(export.Config{
		Sections: []export.Section{
			section{"good", func(ctx context.Context, sink export.Sink) error {
				ctx, span := provider.Tracer("host").Start(ctx, "query")
				defer span.End()
				select { // for some heartbeats
				case <-time.After(50 * time.Millisecond):
				case <-ctx.Done():
				}
				return sink.Record("a.yaml", map[string]string{"a": planted})
			}},
			section{"bad", func(context.Context, export.Sink) error {
				if again.CompareAndSwap(false, true) {
					return fmt.Errorf("%w: %w", errPlanted, syscall.ECONNRESET)
				}
				return errPlanted
			}},
		},
		Spool: tracer.Spool(w.faults.Spool(new(exporttest.MemSpool))), Scratch: t.TempDir(), Logger: logger, RerunDelay: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	signing, err := sign.NewKeyring(sign.Key{ID: "k", Secret: []byte(strings.Repeat("k", 32))})
	if err != nil {
		t.Fatal(err)
	}
	store := tracer.Store(w.faults.Store(new(jobstest.MemStore)))
	destination := tracer.Destination(w.faults.Destination(new(jobstest.MemDestination)))
	trail, keys := new(audittest.MemLog), new(accesstest.MemKeys)
	links, err := sign.New(sign.Config{
		Keys: signing, URL: "http://" + planted + "/downloads", Jobs: store, Destination: destination, Audit: trail, Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.service, err = jobs.New(jobs.Config{
		Engine: engine, Store: store, Dispatcher: &w.MemDispatcher, Destination: destination, Signer: links, Logger: logger,
		Organizations: jobstest.MemOrganizations{acme: {ID: acme, Slug: "acme", Name: planted}},
		Observers:     []jobs.Observer{tracer.Observer()},
		Lease:         time.Second, Heartbeat: 5 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.key, err = access.NewKeyText(access.Business, rand.Reader); err != nil {
		t.Fatal(err)
	}
	err = keys.CreateKey(t.Context(), access.Key{ID: "2222222222222222222222", Hash: access.Hash(w.key), Kind: access.Business,
		OrganizationID: acme, Role: access.Manager, CreatedAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	api, err := httpapi.New(httpapi.Config{Service: w.service, Keys: keys, Audit: trail, Downloads: links, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewServer(tracer.HTTP(api))
	t.Cleanup(w.server.Close)
	return w
}

// send sends a request with planted secrets and returns the body of its answer.
func (w *world) send(t *testing.T, method, path string, status int) string {
	t.Helper()
	if !strings.Contains(path, "?") {
		path += "?token=" + planted
	}
	request, err := http.NewRequestWithContext(t.Context(), method, w.server.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-API-Key", w.key)
	request.Header.Set("Cookie", "sessionid="+planted)
	request.Header.Set("User-Agent", planted)
	request.Header.Set("Traceparent", "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		t.Fatalf("%s %s gives %d, %v: %s", method, path, response.StatusCode, err, body)
	}
	return string(body)
}

// work does all tasks that were dispatched.
func (w *world) work(t *testing.T, ctx context.Context) { //nolint:revive // t comes first in tests
	t.Helper()
	for _, task := range w.Take() {
		if err := w.service.Work(ctx, task); err != nil {
			t.Fatal(err)
		}
	}
}

var jobOf = regexp.MustCompile(`"job_id":"(\w+)"`)

// export asks for an export, runs it and returns its path.
func (w *world) export(t *testing.T) (path, id string) {
	t.Helper()
	id = jobOf.FindStringSubmatch(w.send(t, "POST", exports+acme, http.StatusOK))[1]
	w.work(t, t.Context())
	return exports + acme + "/" + id, id
}

// whole does all that there is to do with an export.
func (w *world) whole(t *testing.T) (id string) {
	t.Helper()
	path, id := w.export(t)
	body := w.send(t, "GET", path, http.StatusOK)
	_, link, _ := strings.Cut(body, `"download_url":"http://`+planted)
	link, _, _ = strings.Cut(link, `"`)
	w.send(t, "GET", link, http.StatusOK)
	w.send(t, "GET", exports+acme, http.StatusOK)
	w.send(t, "DELETE", path, http.StatusNoContent)
	w.send(t, planted, "/"+planted, http.StatusNotFound)
	return id
}

// try asks for an export, works on it and deletes it, whatever becomes of that.
func (w *world) try(t *testing.T) {
	t.Helper()
	request := func(method, path string) string {
		r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
		r.Header.Set("X-API-Key", w.key)
		recorder := httptest.NewRecorder()
		w.server.Config.Handler.ServeHTTP(recorder, r)
		return recorder.Body.String()
	}
	id := jobOf.FindStringSubmatch(request("POST", exports+acme))
	if id == nil {
		return
	}
	for _, task := range w.Take() {
		if err := w.service.Work(t.Context(), task); err != nil && !errors.Is(err, errPlanted) {
			t.Error(err)
		}
	}
	for range 2 {
		request("DELETE", exports+acme+"/"+id[1])
	}
}
