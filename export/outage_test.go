package export_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
)

// TestQuietOutages: an outage is logged once a minute, whatever is said of it and through
// whichever logger; other outages and other errors are not held back by it.
func TestQuietOutages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := export.QuietOutages(slog.New(slog.NewTextHandler(&log, nil)))
		full := fmt.Errorf("create job: %w", &export.OutageError{What: "the database", Kind: export.OutageFull, Err: errors.New("13")})
		lost := &export.OutageError{What: "the database", Kind: export.OutageConnection, Err: errors.New("EOF")}
		lines := func() []string {
			defer log.Reset()
			return strings.Split(strings.TrimSpace(log.String()), "\n")
		}
		for range 1000 {
			logger.Error("request failed", "error", full)
			logger.With("job", "a").WithGroup("g").Warn("lease not extended", "error", full)
			export.QuietOutages(export.Discreet(logger)).Error("request failed", "error", full)
		}
		logger.Error("request failed", "error", lost)
		logger.Error("request failed", "error", errors.New("a mistake"))
		logger.Error("request failed", "error", errors.New("a mistake"))
		if got := lines(); len(got) != 4 || !strings.Contains(got[0], "disk full") || strings.Contains(got[0], "left_out") || !strings.Contains(got[1], "no connection") {
			t.Errorf("the log has %d lines: %q", len(got), got)
		}
		time.Sleep(time.Minute)
		logger.Error("request failed", "error", full)
		logger.Error("request failed", "error", lost)
		if got := lines(); len(got) != 2 || !strings.HasSuffix(got[0], " left_out=2999") || strings.Contains(got[1], "left_out") {
			t.Errorf("a minute later the log has %q", got)
		}
	})
}

func TestOutageOf(t *testing.T) {
	cause := errors.New("cause")
	err := fmt.Errorf("get job: %w", &export.OutageError{What: "the database", Kind: export.OutageReadOnly, Err: cause})
	if export.OutageOf(err) != export.OutageReadOnly || !errors.Is(err, export.ErrUnavailable) || !errors.Is(err, cause) {
		t.Errorf("%v does not tell what it is", err)
	}
	if export.OutageOf(cause) != "" || export.OutageOf(nil) != "" {
		t.Error("what is no outage is one")
	}
}
