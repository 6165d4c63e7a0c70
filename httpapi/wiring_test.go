package httpapi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/httpapi"
	"github.com/orgexport/orgexport/httpapi/docsui"
)

// withEverything turns all on that is optional.
func withEverything(w *world) {
	w.config.Downloads = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		httpapi.WriteError(rw, r, http.StatusForbidden, errors.New("sign: link"))
	})
	w.config.Docs = docsui.Handler()
}

// TestDocsBelowAPrefix: the page is found, and finds its document, wherever the
// host mounts the API.
func TestDocsBelowAPrefix(t *testing.T) {
	w := newWorld(t, withEverything)
	handler, err := httpapi.New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/a/b/", http.StripPrefix("/a/b", handler))
	server := httptest.NewServer(mux)
	defer server.Close()
	r := sendTo(t, server.URL, "GET", "/a/b/docs")
	r.want(http.StatusFound)
	page, err := r.Location()
	if err != nil || page.Path != "/a/b/docs/" {
		t.Fatalf("/docs leads to %v, %v", page, err)
	}
	if r := sendTo(t, server.URL, "GET", page.Path); r.StatusCode != http.StatusOK || !strings.Contains(string(r.body), "swagger-ui") {
		t.Errorf("the page is %d %s", r.StatusCode, r.body)
	}
	sendTo(t, server.URL, "GET", page.JoinPath("../openapi.json").Path).want(http.StatusOK)
	sendTo(t, server.URL, "GET", page.Path+"nothing.js").want(http.StatusNotFound)
}
