package prom_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/orgexport/orgexport/adapters/prom"
)

// The metrics are served on an address of their own, and the API does not know
// of them.
func Example() {
	metrics, err := prom.New(prom.Config{}) // and the Store and Engine of the service
	if err != nil {
		fmt.Println(err)
		return
	}
	api := http.NewServeMux()
	api.HandleFunc("GET /exports/{id}", func(http.ResponseWriter, *http.Request) {})
	public := metrics.HTTP(api)
	monitoring := metrics.Handler()

	for _, path := range []string{"/exports/1", "/exports/2", "/favicon.ico"} {
		public.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, http.NoBody)) //nolint:noctx // an example has none
	}
	scrape := httptest.NewRecorder()
	monitoring.ServeHTTP(scrape, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)) //nolint:noctx // an example has none
	for line := range strings.Lines(scrape.Body.String()) {
		if strings.HasPrefix(line, "orgexport_http_request_duration_seconds_count") {
			fmt.Print(line)
		}
	}
	// Output:
	// orgexport_http_request_duration_seconds_count{code="2xx",route="GET /exports/{id}"} 2
	// orgexport_http_request_duration_seconds_count{code="4xx",route="other"} 1
}
