package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi"
)

const (
	internal    = "An internal error occurred."
	notReadyNow = "The service is not ready. Please try again later."
)

// TestNothingLeaks lets everything behind the API fail with a secret in its
// error; that no response has it is checked of all of them.
func TestNothingLeaks(t *testing.T) {
	for _, test := range []struct{ call, method, path string }{
		{"KeyStore.KeyByHash", "GET", exports + ourOrg},
		{"SessionStore.SessionByHash", "GET", exports + ourOrg},
		{"SessionStore.EndSession", "DELETE", sessionPath},
		{"MemberStore.Member", "GET", exports + ourOrg},
		{"Store.Get", "GET", exports + ourOrg + "/ID/events"},
		{"Store.List", "GET", exports + ourOrg},
		{"Store.Get", "GET", exports + ourOrg + "/ID"},
		{"Signer.Sign", "GET", exports + ourOrg + "/ID"},
		{"Signer.Sign", "GET", exports + ourOrg},
		{"Store.Create", "POST", exports + ourOrg},
		{"Store.Get", "POST", exports + ourOrg + "?retry_of=ID"},
		{"Store.Get", "DELETE", exports + ourOrg + "/ID"},
		{"Store.Update", "DELETE", exports + ourOrg + "/ID"},
	} {
		outage := &export.OutageError{What: "the database", Kind: export.OutageReadOnly, Err: errSecret}
		for _, failure := range []error{errSecret, export.WithPublic(errSecret, "The database said no."), fmt.Errorf("get: %w", outage)} {
			w := newWorld(t, nil)
			id := w.job("")
			w.work()
			as := withKey(w.newKey(access.Key{Kind: access.User, UserID: "ann"}))
			if strings.HasPrefix(test.call, "SessionStore.") {
				as = withSession(w.newSession("ann", time.Hour))
			}
			w.member(ourOrg, "ann", access.Owner)
			w.faults.Fail(test.call, 1, failure)
			r := w.send(test.method, strings.Replace(test.path, "ID", id, 1), as, withHeader("X-Request-Id", "abc-123"))
			if errors.Is(failure, export.ErrUnavailable) {
				wantError(t, r, http.StatusServiceUnavailable, "service_unavailable", "Service Unavailable", notReadyNow, true)
			} else {
				wantError(t, r, http.StatusInternalServerError, "internal_error", "Internal Error", internal, true)
			}
			if log := w.log.String(); !strings.Contains(log, secret) || !strings.Contains(log, "request_id=abc-123") {
				t.Errorf("%s: the log lacks the cause or the request: %s", test.call, log)
			}
		}
	}
}

// TestErrorsOfHuma: an operation that leaves its errors to huma.
func TestErrorsOfHuma(t *testing.T) {
	w := newWorld(t, nil)
	type input struct {
		N int `query:"n"`
	}
	huma.Get(httpapi.HumaOf(w.server.Config.Handler), "/plain", func(_ context.Context, in *input) (*struct{}, error) {
		return nil, errSecret
	})
	wantError(t, w.send("GET", "/plain"), http.StatusInternalServerError, "internal_error", "Internal Error", internal, true)
	if !strings.Contains(w.log.String(), secret) {
		t.Error("the cause is not in the log")
	}
	wantError(t, w.send("GET", "/plain?n="+secret), http.StatusUnprocessableEntity, "validation_error", "Validation Error", "Validation error.", false)
}

// TestTrailFails: what was done stays done.
func TestTrailFails(t *testing.T) {
	w := newWorld(t, nil)
	w.faults.Fail("Log.Record", 1, errSecret)
	id := w.job("")
	w.faults.Fail("Log.Record", 1, errSecret)
	w.send("DELETE", exports+ourOrg+"/"+id).want(http.StatusNoContent)
	if n := strings.Count(w.log.String(), secret); n != 2 {
		t.Errorf("the log has %d of 2 failures", n)
	}
}

func TestPanic(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.config.MayExport = func(context.Context, access.Principal, string) (bool, error) { panic(secret) }
		w.config.Downloads = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/downloads/late":
				_, _ = io.WriteString(rw, "a piece")
				panic(secret)
			case "/downloads/flushed":
				rw.(http.Flusher).Flush()
				panic(secret)
			case "/downloads/early":
				rw.Header().Set("Content-Length", "7")
				rw.Header().Set("Etag", secret)
				panic(secret)
			default:
				panic(http.ErrAbortHandler)
			}
		})
	})
	w.server.Config.ErrorLog = nil
	for _, path := range []string{exports + ourOrg, "/downloads/early"} {
		wantError(t, w.send("GET", path), http.StatusInternalServerError, "internal_error", "Internal Error", internal, true)
	}
	if log := w.log.String(); strings.Count(log, "panic="+secret) != 2 || !strings.Contains(log, "failure_test.go") {
		t.Errorf("the log lacks a panic or its stack: %s", log)
	}
	for _, path := range []string{"late", "flushed", "abort"} {
		response, err := http.Get(w.server.URL + "/downloads/" + path) //nolint:noctx // the server is closed at the end
		if err == nil {
			_, err = io.ReadAll(response.Body)
			_ = response.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: the response is not broken off", path)
		}
	}
	if log := w.log.String(); strings.Count(log, "panic=") < 4 || strings.Contains(log, "abort") { // clients may try again
		t.Errorf("the log lacks a panic, or has one that is none: %s", log)
	}
}

func TestRequestID(t *testing.T) {
	w := newWorld(t, nil)
	for id, keep := range map[string]bool{
		"a": true, "0af7651916cd43dd-8448eb211c80319c.1:2_3=+/": true, strings.Repeat("x", 128): true,
		"": false, strings.Repeat("x", 129): false, "a b": false, "a\tb": false, "é": false, `"`: false, "a,b": false, "<": false,
	} {
		for _, path := range []string{"/healthz", "/nothing", exports + ourOrg} {
			got := w.send("GET", path, withHeader("X-Request-Id", id)).Header.Get("X-Request-Id")
			if (got == id) != keep {
				t.Errorf("request id %q becomes %q", id, got)
			}
		}
	}
}

func TestReady(t *testing.T) {
	ready := func(store, destination error) (*world, reply) {
		w := newWorld(t, func(w *world) {
			w.config.Ready = []httpapi.Check{
				{Name: "clock", Run: func(context.Context) error { return w.notReady.store }},
				{Name: "timer", Run: func(ctx context.Context) error {
					if _, ok := ctx.Deadline(); !ok {
						return errors.New("no deadline")
					}
					return nil
				}},
			}
		})
		w.notReady.store, w.notReady.destination = store, destination
		return w, w.send("GET", "/readyz", withoutKey)
	}
	ok := map[string]any{"status": "ok"}
	_, r := ready(nil, nil)
	wantFields(t, r, ok)
	_, r = ready(nil, errSecret)
	r.want(http.StatusServiceUnavailable)
	if r.text("detail") != "Not ready: archives." || r.json["retryable"] != true || r.text("error_code") != "service_unavailable" {
		t.Errorf("not ready is %s", r.body)
	}
	w, r := ready(errSecret, errSecret)
	if r.text("detail") != "Not ready: database, archives, clock." {
		t.Errorf("not ready is %s", r.body)
	}
	if !strings.Contains(w.log.String(), secret) {
		t.Error("the cause is not in the log")
	}
	wantFields(t, w.send("GET", "/healthz", withoutKey), ok)
}

// TestReadyNamesTheCulprit has a database that never answers, and then one whose error is
// made of several, as that of a connection to PostgreSQL is.
func TestReadyNamesTheCulprit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(w *world) {
			w.unserved = true
			w.config.Ready = []httpapi.Check{{Name: "clock", Run: func(ctx context.Context) error { return ctx.Err() }}}
		})
		for _, w.notReady.store = range []error{errHangs, fmt.Errorf("connect: %w", errors.Join(errSecret, errSecret, errSecret, errSecret))} {
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
			if body := rec.Body.String(); !strings.Contains(body, `"detail":"Not ready: database."`) || !strings.Contains(body, `{"not_ready":["database"]}`) {
				t.Errorf("%v: %d %s", w.notReady.store, rec.Code, body)
			}
		}
	})
}

// TestReadyWarnsOfMissingWorkers: requests can be served, and nobody exports what they ask
// for.
func TestReadyWarnsOfMissingWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(w *world) {
			w.unserved = true
			w.serviceConfig.Store = w.store
			service, err := jobs.New(w.serviceConfig)
			if err != nil {
				t.Fatal(err)
			}
			w.config.Service = service
		})
		job, _, err := w.config.Service.Create(t.Context(), jobs.Request{OrganizationID: ourOrg})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`{"status":"ok"}`,
			`{"status":"ok","warnings":[{"name":"workers","detail":"No worker has looked at the queue yet. Pending jobs: 1."}]}`,
			`{"status":"ok"}`,
		} {
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
			if body := strings.TrimSpace(rec.Body.String()); rec.Code != http.StatusOK || body != want {
				t.Errorf("/readyz answers %d %s, want %s", rec.Code, body, want)
			}
			if time.Sleep(61 * time.Second); strings.Contains(want, "yet") {
				if err := w.config.Service.Work(t.Context(), jobs.Task{Kind: jobs.TaskExport, JobID: job.ID}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestNotReadyWhenStopping: a load balancer is to look for another server.
func TestNotReadyWhenStopping(t *testing.T) {
	stopping := make(chan struct{})
	w := newWorld(t, func(w *world) { w.config.Stopping = stopping })
	w.send("GET", "/readyz", withoutKey).want(http.StatusOK)
	close(stopping)
	r := w.send("GET", "/readyz", withoutKey)
	if r.want(http.StatusServiceUnavailable); r.text("detail") != "Not ready: server." {
		t.Errorf("not ready is %s", r.body)
	}
	w.send("GET", "/healthz", withoutKey).want(http.StatusOK)
}

// TestErrorsOfOthers: what handlers that are mounted answer by themselves, and
// by WriteError.
func TestErrorsOfOthers(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.config.ErrorBase = "https://example.com/errors/"
		w.config.DownloadsPath = "/get/"
		w.config.Downloads = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/get/fail":
				httpapi.WriteError(rw, r, http.StatusForbidden, export.WithPublic(errSecret, "The link has expired."))
			case "/get/private":
				httpapi.WriteError(rw, r, http.StatusNotFound, errSecret)
			case "/get/range":
				rw.Header().Set("Content-Range", "bytes */5")
				http.Error(rw, secret, http.StatusRequestedRangeNotSatisfiable)
			default:
				http.ServeContent(rw, r, "a.zip", time.Time{}, strings.NewReader("archive"))
			}
		})
	})
	for path, want := range map[string][3]string{
		"/get/fail":    {"403", "forbidden", "The link has expired."},
		"/get/private": {"404", "not_found", "The requested resource was not found."},
		"/get/range":   {"416", "requested_range_not_satisfiable", "Requested Range Not Satisfiable."},
	} {
		r := w.send("GET", path, withoutKey)
		if got := [3]string{r.Status[:3], r.text("error_code"), r.text("detail")}; got != want {
			t.Errorf("%s gives %q, want %q", path, got, want)
		}
		if got := r.text("type"); got != "https://example.com/errors/"+want[1] {
			t.Errorf("the type is %q", got)
		}
	}
	w.send("GET", "/get/range").wantHeader("Content-Range", "bytes */5")
	r := w.send("GET", "/get/a", withHeader("Range", "bytes=2-"))
	if r.StatusCode != http.StatusPartialContent || string(r.body) != "chive" {
		t.Errorf("a range gives %d %q", r.StatusCode, r.body)
	}
	r = w.send("GET", "/get/a", withHeader("Range", "bytes=20-"))
	r.want(http.StatusRequestedRangeNotSatisfiable)
	r.wantHeader("Content-Range", "bytes */7")
}

func TestWriteErrorAlone(t *testing.T) {
	rec := httptest.NewRecorder()
	httpapi.WriteError(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), http.StatusGone, errSecret)
	body := rec.Body.String()
	if rec.Code != http.StatusGone || strings.Contains(body, secret) || !strings.Contains(body, `"error_code":"gone"`) ||
		!strings.Contains(body, "https://closient.com/docs/errors/gone") {
		t.Errorf("WriteError gives %d %s", rec.Code, body)
	}
}

// TestGoneClient: nobody is told of it, and nothing is broken.
func TestGoneClient(t *testing.T) {
	started := make(chan struct{})
	w := newWorld(t, func(w *world) {
		w.config.MayExport = func(ctx context.Context, _ access.Principal, _ string) (bool, error) {
			close(started)
			<-ctx.Done()
			return false, context.Cause(ctx)
		}
	})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", w.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(conn, "GET "+exports+ourOrg+" HTTP/1.1\r\nHost: x\r\nX-API-Key: "+w.key+"\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	<-started
	_ = conn.Close()
	w.server.Close() // waits for the request
	if log := w.log.String(); log != "" {
		t.Errorf("the log has %s", log)
	}
}
