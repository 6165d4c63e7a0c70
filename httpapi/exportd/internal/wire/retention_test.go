package wire

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/audit/audittest"
)

const day = 24 * time.Hour

// brokenPurger fails at first.
type brokenPurger struct {
	audit.Purger
	failures int
}

func (p *brokenPurger) Purge(ctx context.Context, kept time.Duration) (int64, error) {
	if p.failures--; p.failures >= 0 {
		return 0, errors.New("disk full")
	}
	return p.Purger.Purge(ctx, kept)
}

func TestAuditEntriesAreKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trail := new(audittest.MemLog)
		began := time.Now()
		for n := range 10 { // a day old, and so on
			e := audit.Entry{At: began.Add(-time.Duration(n+1) * day), OrganizationID: "org", Action: audit.Linked}
			if err := trail.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		want := func(after time.Duration, want int) {
			t.Helper()
			time.Sleep(time.Until(began.Add(after)))
			synctest.Wait()
			entries, err := trail.Entries(t.Context(), "org", 100)
			if err != nil || len(entries) != want {
				t.Errorf("after %v there are %d entries, %v, want %d", after, len(entries), err, want)
			}
		}
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		ctx, stop := context.WithCancel(t.Context())
		for _, forever := range []time.Duration{-1, 0} {
			keepAudit(ctx, trail, forever, logger)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			keepAudit(ctx, &brokenPurger{trail, 1}, 5*day+30*time.Minute, logger)
		}()
		want(59*time.Minute, 10) // it has failed once
		want(61*time.Minute, 4)
		want(day, 4)
		want(day+61*time.Minute, 3)
		stop()
		<-done
		text := log.String()
		if strings.Count(text, "\n") != 3 || strings.Count(text, "level=INFO") != 2 || !strings.Contains(text, "entries=6") ||
			!strings.Contains(text, "level=ERROR") || !strings.Contains(text, "disk full") {
			t.Errorf("the log has\n%s", text)
		}
	})
}
