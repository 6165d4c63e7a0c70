package httpapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/httpapi"
)

// TestStreamLimits: one principal can have so many streams of events, and all of them so
// many. Whoever may have no more is told so and can still poll, and a stream that has ended
// makes room for another one.
func TestStreamLimits(t *testing.T) {
	const (
		tooMany = "Too many streams of events are open with these credentials. Close one, or poll the status of the export."
		full    = "Too many streams of events are open. Poll the status of the export, or try again later."
	)
	var mu sync.Mutex
	var limited []string
	inBubble(t, func(w *world) {
		w.config.Streams = httpapi.StreamLimits{PerPrincipal: 2, Total: 3}
		w.config.OnLimit = func(who string) {
			mu.Lock()
			defer mu.Unlock()
			who, _, _ = strings.Cut(who, ":")
			limited = append(limited, who)
		}
	}, func(t *testing.T, w *world, p *pipes) {
		id := w.create()
		other := withKey(w.newKey(access.Key{Kind: access.Business, OrganizationID: ourOrg, Role: access.Owner}))
		refused := func(detail string, options ...option) {
			t.Helper()
			s := w.watch(p.dial(), "GET", id, options...)
			body, err := io.ReadAll(s.body)
			if err != nil {
				t.Fatal(err)
			}
			if s.StatusCode != http.StatusTooManyRequests || s.Header.Get("Retry-After") != "10" || s.Header.Get("Content-Type") != "application/problem+json" ||
				!strings.Contains(string(body), `"detail":"`+detail+`"`) || !strings.Contains(string(body), `"retry_after":10`) ||
				!strings.Contains(string(body), `"error_code":"rate_limited"`) {
				t.Errorf("one stream too many gives %d %v %s", s.StatusCode, s.Header, body)
			}
			_ = s.conn.Close()
		}
		first, second := w.watch(p.dial(), "GET", id), w.watch(p.dial(), "GET", id)
		first.begin()
		second.begin()
		refused(tooMany)
		w.watch(p.dial(), "GET", id, other).begin()
		refused(full, other)
		if s := w.watch(p.dial(), "HEAD", id); s.StatusCode != http.StatusOK { // which is no stream
			t.Errorf("HEAD gives %d", s.StatusCode)
		}
		_ = first.conn.Close()
		synctest.Wait()
		third := w.watch(p.dial(), "GET", id)
		third.begin()
		refused(tooMany)
		poll := w.ask("GET", exports+ourOrg+"/"+id)
		if poll.Code != http.StatusOK {
			t.Errorf("a poll gives %d", poll.Code)
		}
		w.update(id, completed)
		for _, s := range []*watching{second, third} {
			s.event()
			s.end(0)
		}
		synctest.Wait()
		for range 3 { // of a job that has ended there is one event, and no stream stays open
			s := w.watch(p.dial(), "GET", id)
			s.begin()
			s.end(0)
			synctest.Wait()
		}
	})
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(limited, " "); got != "stream stream stream" {
		t.Errorf("the host was told of %q", got)
	}
}

// ask makes a request without a network, with the world's credentials.
func (w *world) ask(method, path string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, http.NoBody)
	w.credentials(r)
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}
