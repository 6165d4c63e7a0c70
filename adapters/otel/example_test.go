package otel_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/orgexport/orgexport/adapters/otel"
)

// The host chooses the SDK and where spans go: here they are kept in memory.
func Example() {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	tracer := otel.New(otel.Config{Provider: provider})

	api := http.NewServeMux()
	api.HandleFunc("GET /exports/{id}", func(http.ResponseWriter, *http.Request) {})
	handler := tracer.HTTP(api)
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/exports/1?secret", http.NoBody)) //nolint:noctx // an example has none
	for _, span := range spans.GetSpans() {
		fmt.Println(span.Name)
	}
	// Output:
	// GET /exports/{id}
}
