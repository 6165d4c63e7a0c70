package riverqueue

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export"
)

// What River says while its database is away is one line a minute, as are our own lines.
func TestOutagesAreQuiet(t *testing.T) {
	var out bytes.Buffer
	quiet := export.Discreet(export.QuietOutages(slog.New(slog.NewTextHandler(&out, nil))))
	river := slog.New(warnings{quiet.Handler()})
	for i := range 20 {
		river.Error("producer: Error fetching jobs", slog.String("err", "StandardPilot.JobGetAvailable timed out after 10s: failed to connect to `user=x`: dial tcp: connection refused"))
		river.Error("Completer error", "error", fmt.Sprintf("FATAL: the database system is shutting down (SQLSTATE 57P%02d)", i%4))
		quiet.Warn("cancelled jobs are not heard of", "error", outage(errors.New("unexpected EOF")))
		river.Info("nobody reads this")
	}
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("there are %d lines:\n%s", n, out.String())
	}
	out.Reset()
	river.Error("job executor", "err", "relation river_job does not exist (SQLSTATE 42P01)", "queue", "orgexport")
	if text := out.String(); !strings.Contains(text, "42P01") || !strings.Contains(text, "queue=orgexport") {
		t.Errorf("it says %q", text)
	}
}
