package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/orgexport/orgexport/httpapi"
)

// FuzzRequests: whatever ids and query say, the server is never at fault, and
// all errors look alike.
func FuzzRequests(f *testing.F) {
	w := newWorld(f, func(w *world) { w.config.Limits = w.config.AddressLimits }) // none is in the way
	handler, err := httpapi.New(w.config)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("GET", ourOrg, noJob, "")
	f.Add("GET", ourOrg, tooLarge, "")
	f.Add("POST", ourOrg, "", "archive_format=zip&sections=a,b&sections=products&retry_of="+tooLarge)
	f.Add("GET", ourOrg, "", "page=2147483647&page_size=100")
	f.Add("GET", ourOrg, "", "page=%zz;a=b&page_size=-1")
	f.Add("DELETE", "../..", "%2F\x00\xff", "?")
	f.Add("PUT", "", "é", "page=1e9")
	f.Fuzz(func(t *testing.T, method, organization, job, query string) {
		switch method {
		case "GET", "POST", "DELETE", "HEAD", "PUT":
		default:
			method = http.MethodGet
		}
		path := exports + organization
		if job != "" {
			path += "/" + job
		}
		request := httptest.NewRequestWithContext(t.Context(), method, "/", nil)
		request.URL = &url.URL{Path: path, RawQuery: query}
		request.Header.Set("X-Api-Key", w.key)
		rec := httptest.NewRecorder()
		handler.ServeHTTP(rec, request)
		if rec.Code >= 500 {
			t.Fatalf("%s %q?%q gives %d %s", method, path, query, rec.Code, rec.Body)
		}
		if rec.Code >= 400 && rec.Header().Get("Content-Type") != "application/problem+json" {
			t.Fatalf("%s %q?%q gives %v", method, path, query, rec.Header())
		}
	})
}
