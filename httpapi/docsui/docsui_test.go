package docsui_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/httpapi/docsui"
)

func get(t *testing.T, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	docsui.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	return rec
}

// TestEverythingIsThere follows all links of the page.
func TestEverythingIsThere(t *testing.T) {
	page := get(t, http.MethodGet, "/")
	if page.Code != http.StatusOK || !strings.HasPrefix(page.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("the page gives %d %v", page.Code, page.Header())
	}
	links := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page.Body.String(), -1)
	if len(links) < 4 {
		t.Fatalf("the page has only the links %q", links)
	}
	for _, link := range links {
		if link[1] == "../openapi.json" {
			continue // the API's
		}
		file := get(t, http.MethodGet, "/"+link[1])
		if file.Code != http.StatusOK || file.Body.Len() == 0 {
			t.Errorf("%s gives %d", link[1], file.Code)
		}
		if strings.Contains(link[1], "//") {
			t.Errorf("%s is elsewhere", link[1])
		}
	}
}

// TestPolicy: the browser itself loads nothing from elsewhere.
func TestPolicy(t *testing.T) {
	for _, path := range []string{"/", "/init.js", "/swagger-ui-bundle.js"} {
		policy := get(t, http.MethodGet, path).Header().Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'; script-src 'self';") || strings.Contains(policy, "http") {
			t.Errorf("%s has the policy %q", path, policy)
		}
	}
}

func TestRefusals(t *testing.T) {
	if rec := get(t, http.MethodGet, "/nothing.js"); rec.Code != http.StatusNotFound {
		t.Errorf("what is not there gives %d", rec.Code)
	}
	if rec := get(t, http.MethodPost, "/"); rec.Code != http.StatusMethodNotAllowed || rec.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST gives %d %v", rec.Code, rec.Header())
	}
}

// gone is a client that has gone before its answer.
type gone struct{ codes []int }

func (g *gone) Header() http.Header       { return make(http.Header) }
func (g *gone) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (g *gone) WriteHeader(code int)      { g.codes = append(g.codes, code) }

// TestClientHasGone: it is no error of the server.
func TestClientHasGone(t *testing.T) {
	for _, encoding := range []string{"gzip", ""} {
		g := new(gone)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/swagger-ui.css", nil)
		r.Header.Set("Accept-Encoding", encoding)
		docsui.Handler().ServeHTTP(g, r)
		if slices.ContainsFunc(g.codes, func(code int) bool { return code != http.StatusOK }) {
			t.Errorf("encoding %q: the status is %v", encoding, g.codes)
		}
	}
}
