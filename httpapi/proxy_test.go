package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export/access"
)

// TestClientAddress: limits, the trail and the log go by the address that the host
// tells, and by that of the connection where it tells none.
func TestClientAddress(t *testing.T) {
	w, _ := limitWorld(t, access.Limits{}, access.Limits{PerMinute: 3}, func(w *world) {
		w.config.ClientAddress = func(r *http.Request) string { return r.Header.Get("Client") }
	})
	send := func(client string, key string) reply {
		return w.send("POST", exports+ourOrg, withKey(key), withHeader("Client", client))
	}
	for range 3 {
		send("192.0.2.1", "x").want(http.StatusUnauthorized)
	}
	send("192.0.2.1", "x").want(http.StatusTooManyRequests)
	send("192.0.2.1", w.key).want(http.StatusTooManyRequests)
	send("192.0.2.2", "x").want(http.StatusUnauthorized)
	job := send("2001:db8::1", w.key)
	job.want(http.StatusOK)
	w.send("DELETE", exports+ourOrg+"/"+job.text("job_id")).want(http.StatusNoContent)
	entries, err := w.trail.Entries(t.Context(), ourOrg, 10)
	if err != nil || len(entries) != 2 || entries[0].Address != "127.0.0.1" || entries[1].Address != "2001:db8::1" {
		t.Errorf("the trail has %+v, %v", entries, err)
	}
	w.faults.Fail("Store.Get", 1, errSecret)
	w.send("GET", exports+ourOrg+"/"+noJob, withHeader("Client", "192.0.2.3")).want(http.StatusInternalServerError)
	if !strings.Contains(w.log.String(), " address=192.0.2.3 ") {
		t.Errorf("the log does not tell who it was: %s", w.log)
	}
}

// TestPublicPath: with a path in PublicURL everything is served with and without it, also
// where it looks like a path of the API.
func TestPublicPath(t *testing.T) {
	for _, prefix := range []string{"/export", "/a/b.c", "/dashboard", "/dashboard/api/v1/data-export", "/docs", "/downloads", "/healthz", "/caf%C3%A9"} {
		t.Run(prefix, func(t *testing.T) {
			w := newWorld(t, func(w *world) {
				withEverything(w)
				w.config.PublicURL = "https://example.com" + prefix + "/"
			})
			for _, path := range []string{"", prefix} {
				send := func(status int, method, rest string, options ...option) reply {
					t.Helper()
					r := w.send(method, path+rest, options...)
					r.want(status)
					return r
				}
				id := send(200, "POST", exports+ourOrg).text("job_id")
				send(200, "GET", exports+ourOrg)
				send(200, "GET", exports+ourOrg+"/"+id)
				send(405, "PUT", exports+ourOrg).wantHeader("Allow", "GET, HEAD, POST")
				send(204, "DELETE", exports+ourOrg+"/"+id)
				send(200, "GET", exports+ourOrg+"/"+id+"/events", withHeader("Accept", "*/*"))
				send(204, "DELETE", sessionPath)
				send(200, "GET", "/healthz")
				send(200, "GET", "/readyz")
				send(403, "GET", "/downloads/a/b/1.zip/n%20%C3%A9.zip") // as withEverything answers
				doc := send(200, "GET", "/openapi.json").json
				if got := at(t, doc, "servers").([]any)[0].(map[string]any)["url"]; got != w.config.PublicURL {
					t.Errorf("the document says that the server is %v", got)
				}
				page, err := send(302, "GET", "/docs").Location()
				if err != nil || page.EscapedPath() != path+"/docs/" {
					t.Fatalf("/docs leads to %v, %v", page, err)
				}
				send(200, "GET", "/docs/")
				if clean := w.send("GET", path+"//healthz").Header.Get("Location"); clean != prefix+"/healthz" {
					t.Errorf("a path with a slash too many leads to %q", clean)
				}
				_, pattern := w.handler.(interface {
					Handler(r *http.Request) (http.Handler, string)
				}).Handler(httptest.NewRequestWithContext(t.Context(), http.MethodGet, path+exports+ourOrg, http.NoBody))
				if want := "GET /dashboard/api/v1/data-export/{organization_id}"; pattern != want {
					t.Errorf("metrics call it %q, want %q", pattern, want)
				}
			}
			w.send("GET", "/nothing").want(404)
			w.send("GET", "/x"+prefix+"/nothing").want(404)
			w.send("GET", "/other"+prefix+"/healthz").want(404)
		})
	}
}
