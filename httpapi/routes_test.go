package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/orgexport/orgexport/httpapi"
)

func TestRoutes(t *testing.T) {
	w := newWorld(t, nil)
	handler, err := httpapi.New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	router, ok := handler.(interface {
		Handler(r *http.Request) (http.Handler, string)
	})
	if !ok {
		t.Fatal("the handler does not tell its patterns")
	}
	for request, want := range map[[2]string]string{
		{"POST", exports + ourOrg + "?archive_format=zip"}: "POST " + exports + "{organization_id}",
		{"GET", exports + ourOrg + "/" + noJob}:            "GET " + exports + "{organization_id}/{job_id}",
		{"DELETE", exports + ourOrg + "/" + noJob}:         "DELETE " + exports + "{organization_id}/{job_id}",
		{"GET", "/healthz"}:                                "GET /healthz",
		{"PUT", exports + ourOrg}:                          "",
		{"GET", "/nothing"}:                                "",
	} {
		if _, got := router.Handler(httptest.NewRequestWithContext(t.Context(), request[0], request[1], http.NoBody)); got != want {
			t.Errorf("the pattern of %v is %q, want %q", request, got, want)
		}
	}
}
