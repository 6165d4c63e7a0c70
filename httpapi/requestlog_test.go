package httpapi_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/httpapi"
)

// TestRequestLog: each request has one line, which says how it was answered, and nothing that
// the client has written but a request id of good form.
func TestRequestLog(t *testing.T) {
	planted := "PLANTED"
	log := new(lockedBuffer)
	w := newWorld(t, func(w *world) {
		w.unserved = true
		w.config.LogRequests = true
		w.config.Logger = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		w.config.Downloads = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/downloads/refused":
				httpapi.WriteError(rw, r, http.StatusForbidden, nil)
			case "/downloads/broken":
				_, _ = rw.Write([]byte("a"))
				panic(http.ErrAbortHandler)
			default:
				_, _ = rw.Write([]byte("archive"))
			}
		})
		w.config.Ready = []httpapi.Check{{Name: "clock", Run: func(context.Context) error { panic("no clock") }}}
	})
	w.member(ourOrg, "ann", access.Manager)
	key, session, token := withKey(w.key), withSession(w.newSession("ann", time.Hour)), withToken(w.tokens.of("ann"))
	id := w.create()
	job := exports + ourOrg + "/" + id
	const jobRoute, jobsRoute = exports + "{organization_id}/{job_id}", exports + "{organization_id}"
	for _, c := range []struct {
		method, path string
		as           option
		level, route string
		status       float64
		kind         string
		broken       bool
	}{
		{"GET", job, key, "INFO", "GET " + jobRoute, 200, "key", false},
		{"GET", job, session, "INFO", "GET " + jobRoute, 200, "session", false},
		{"GET", job, token, "INFO", "GET " + jobRoute, 200, "token", false},
		{"GET", job + "?" + planted + "=" + planted, withKey(planted), "INFO", "GET " + jobRoute, 401, "none", false},
		{"GET", exports + ourOrg + "/" + noJob, key, "INFO", "GET " + jobRoute, 404, "key", false},
		{"GET", exports + planted + "/" + planted, key, "INFO", "GET " + jobRoute, 422, "key", false},
		{"POST", exports + theirOrg, key, "INFO", "POST " + jobsRoute, 403, "key", false},
		{"DELETE", job, key, "INFO", "DELETE " + jobRoute, 204, "key", false},
		{"GET", job + "/events", key, "INFO", "GET " + jobRoute + "/events", 200, "key", false},
		{planted, "/" + planted, withoutKey, "INFO", "none", 404, "none", false},
		{"GET", "/downloads/" + planted + "?signature=" + planted, withoutKey, "INFO", "/downloads/", 200, "link", false},
		{"GET", "/downloads/refused", withoutKey, "INFO", "/downloads/", 403, "none", false},
		{"GET", "/downloads/broken", withoutKey, "INFO", "/downloads/", 200, "link", true},
		{"GET", "/healthz", withoutKey, "DEBUG", "GET /healthz", 200, "none", false},
		{"GET", "/readyz", withoutKey, "INFO", "GET /readyz", 500, "none", false},
	} {
		log.reset()
		request := httptest.NewRequestWithContext(t.Context(), "GET", c.path, http.NoBody)
		request.Method = c.method
		c.as(request)
		request.Header.Set("X-Request-Id", "id-of-the-request")
		request.Header.Set("User-Agent", planted)
		rec := httptest.NewRecorder()
		func() {
			defer func() {
				if (recover() != nil) != c.broken {
					t.Errorf("%s %s: is it broken off?", c.method, c.path)
				}
			}()
			w.handler.ServeHTTP(deadlines{rec}, request)
		}()
		var lines []map[string]any
		for line := range strings.Lines(log.String()) {
			var fields map[string]any
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				t.Fatal(err)
			}
			if fields["msg"] == "request" {
				lines = append(lines, fields)
			}
		}
		if len(lines) != 1 {
			t.Errorf("%s %s has %d lines: %s", c.method, c.path, len(lines), log)
			continue
		}
		line := lines[0]
		method := c.method
		if method == planted {
			method = "other"
		}
		if broken := line["broken_off"] == true; line["level"] != c.level || line["route"] != c.route || line["status"] != c.status || line["principal"] != c.kind ||
			broken != c.broken || line["method"] != method || line["request_id"] != "id-of-the-request" || line["duration"] == nil {
			t.Errorf("%s %s is logged as %v", c.method, c.path, line)
		}
		if float64(rec.Code) != c.status || rec.Header().Get("X-Request-Id") != "id-of-the-request" {
			t.Errorf("%s %s has status %d and the id %q", c.method, c.path, rec.Code, rec.Header().Get("X-Request-Id"))
		}
		if text := log.String(); strings.Contains(text, planted) || strings.Contains(text, w.key) {
			t.Errorf("%s %s: logged is %s", c.method, c.path, text)
		}
	}
	for line := range strings.Lines(w.log.String()) {
		if !strings.Contains(line, ` msg="job `) || strings.Contains(line, planted) || strings.Contains(line, w.key) {
			t.Errorf("the service logged %s", line)
		}
	}
}

// deadlines lets a stream be written to a recorder.
type deadlines struct{ *httptest.ResponseRecorder }

func (deadlines) SetWriteDeadline(time.Time) error { return nil }

func (b *lockedBuffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b.Reset()
}
