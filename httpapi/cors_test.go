package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/httpapi"
)

const trustedPage = "https://dashboard.example"

func TestCheckOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"https://dashboard.example.com":      "",
		"https://dashboard.example.com:8443": "",
		"http://localhost:3000":              "",
		"http://127.0.0.1":                   "",
		"http://[::1]:3000":                  "",
		"https://xn--bcher-kva.example":      "",

		"":                               "must be an origin such as",
		"*":                              "has a wildcard",
		"https://*.example.com":          "has a wildcard",
		"null":                           "is the origin of any page that hides its own",
		"dashboard.example.com":          "it has no scheme",
		"dashboard.example.com:8443":     "it has no scheme",
		"//dashboard.example.com":        "it has no scheme",
		"file:///tmp/page.html":          "must be an origin such as",
		"ftp://example.com":              "must be an origin such as",
		"https://":                       "must be an origin such as",
		"https://:443":                   "must be an origin such as",
		"https://a b.example":            "must be an origin such as",
		"https://example.com:x":          "must be an origin such as",
		"https://b\u00fccher.example":    "beginning with xn--",
		"https://example.com:0":          "0 is no port",
		"https://example.com:65536":      "65536 is no port",
		"https://example.com/":           "write https://example.com",
		"https://example.com/dashboard":  "write https://example.com",
		"https://example.com?a":          "write https://example.com",
		"https://example.com#a":          "write https://example.com",
		"https://me:secret@example.com":  "write https://example.com",
		"https://Example.COM":            "write https://example.com",
		"HTTPS://example.com":            "write https://example.com",
		"https://example.com:443":        "write https://example.com",
		"http://example.com:80":          "write http://example.com",
		"https://example.com:08443":      "write https://example.com:8443",
		"https://example.com:":           "write https://example.com",
		"http://[0:0:0:0:0:0:0:1]:3000/": "write http://[::1]:3000",
	} {
		err := httpapi.CheckOrigin(text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// originWorld trusts one origin.
func originWorld(t *testing.T, change func(w *world)) *world {
	t.Helper()
	w, _ := limitWorld(t, access.Limits{PerMinute: 50}, access.Limits{PerMinute: 3}, func(w *world) {
		withEverything(w)
		w.config.TrustedOrigins = []string{trustedPage}
		if change != nil {
			change(w)
		}
	})
	return w
}

// wantReadable fails the test unless a page of an origin may, or may not, read a response.
func wantReadable(t *testing.T, r reply, origin string) {
	t.Helper()
	allowed, credentials := "", ""
	if origin == trustedPage {
		allowed, credentials = origin, "true"
	}
	r.wantHeader("Access-Control-Allow-Origin", allowed)
	r.wantHeader("Access-Control-Allow-Credentials", credentials)
	if vary := strings.Join(r.Header.Values("Vary"), ", "); !strings.Contains(vary, "Origin") {
		t.Errorf("%s %s, status %d: Vary is %q", r.Request.Method, r.Request.URL, r.StatusCode, vary)
	}
}

// TestEveryResponseIsReadable: of the trusted origin and of no other, whatever it is.
func TestEveryResponseIsReadable(t *testing.T) {
	for _, origin := range []string{trustedPage, "https://other.example", "null", ""} {
		w := originWorld(t, func(w *world) {
			panics := w.config.Downloads
			w.config.Downloads = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/downloads/panic" {
					rw.Header().Add("Vary", "Accept-Encoding")
					panic("oops")
				}
				panics.ServeHTTP(rw, r)
			})
		})
		send := func(status int, method, path string, options ...option) {
			t.Helper()
			r := w.send(method, path, append(options, withHeader("Origin", origin))...)
			r.want(status)
			wantReadable(t, r, origin)
		}
		send(200, "POST", exports+ourOrg)
		send(200, "GET", exports+ourOrg)
		send(200, "GET", "/openapi.json")
		send(200, "GET", "/docs/")
		send(302, "GET", "/docs")
		send(200, "GET", "/healthz")
		send(401, "GET", exports+ourOrg, withoutKey)
		send(403, "GET", exports+theirOrg)
		send(403, "GET", "/downloads/x")
		send(404, "GET", exports+ourOrg+"/"+noJob)
		send(404, "GET", "/nothing")
		send(405, "PUT", exports+ourOrg)
		send(413, "POST", exports+ourOrg, withBody("application/json", strings.Repeat("x", 5000)))
		send(415, "POST", exports+ourOrg, withBody("text/plain", "x"))
		send(422, "GET", exports+"x")
		send(500, "GET", "/downloads/panic")
		w.faults.Fail("Store.List", 1, errSecret)
		send(500, "GET", exports+ourOrg)
		send(429, "GET", exports+ourOrg, withKey("x")) // the fourth without good credentials
		send(429, "GET", exports+ourOrg)
	}
}

// TestPreflight: it costs nothing and touches nothing, also for an address that is shut out.
func TestPreflight(t *testing.T) {
	w := originWorld(t, nil)
	w.sealed.Store(true)
	w.closed.Store(true)
	for i := range 100 {
		for _, origin := range []string{trustedPage, "https://other.example"} {
			r := w.send("OPTIONS", []string{exports + ourOrg, "/downloads/x", "/nothing"}[i%3], withoutKey, withHeader("Origin", origin),
				withHeader("Access-Control-Request-Method", "DELETE"), withHeader("Access-Control-Request-Headers", "authorization,x-api-key"))
			r.want(http.StatusNoContent)
			wantReadable(t, r, origin)
			if limits := limitsOf(r.Header); limits != "" {
				t.Fatalf("limits are %s", limits)
			}
			allowed := [2]string{"DELETE", "authorization,x-api-key"}
			if origin != trustedPage {
				allowed = [2]string{}
			}
			r.wantHeader("Access-Control-Allow-Methods", allowed[0])
			r.wantHeader("Access-Control-Allow-Headers", allowed[1])
		}
	}
	w.send("OPTIONS", exports+ourOrg, withoutKey, withHeader("Origin", trustedPage)).want(http.StatusMethodNotAllowed) // is no preflight
	w.closed.Store(false)
	w.send("GET", exports+ourOrg, withKey("x")).want(http.StatusUnauthorized)
}

// TestTwoOrigins: no browser sends two, and none is let in because of the other.
func TestTwoOrigins(t *testing.T) {
	w := originWorld(t, nil)
	for _, method := range []string{"GET", "OPTIONS"} {
		r := w.send(method, exports+ourOrg, withHeader("Origin", trustedPage), withHeader("Access-Control-Request-Method", "GET"), func(r *http.Request) {
			r.Header.Add("Origin", "https://other.example")
		})
		wantReadable(t, r, "")
		if got := r.Header.Values("Access-Control-Allow-Origin"); len(got) > 0 {
			t.Errorf("%s: %q may read it", method, got)
		}
	}
}
