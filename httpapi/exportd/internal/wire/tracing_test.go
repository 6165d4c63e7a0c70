package wire

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// A stop does not wait until a busy collector has time again, and the log says that spans are lost.
func TestTracingBusyCollector(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)
	var log strings.Builder
	tracing, err := openTracing(t.Context(), config.Tracing{Endpoint: config.Text{Value: server.URL}}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	_, span := tracing.provider.Tracer("test").Start(t.Context(), "one")
	span.End()
	began := time.Now()
	tracing.close()
	if took := time.Since(began); took > 2*time.Second { // the first wait is more
		t.Errorf("it took %v", took)
	}
	if n := requests.Load(); n != 1 || !strings.Contains(log.String(), `msg="spans not sent" spans=1`) {
		t.Errorf("%d requests were made, and the log has %s", n, log.String())
	}
}
