package audit_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/audit/audittest"
)

// retry is a Retry whose log can be read.
type retry struct {
	*audit.Retry
	audit.Reader
}

func TestRetryIsALog(t *testing.T) {
	audittest.RunLog(t, func(*testing.T) audit.Log {
		log := new(audittest.MemLog)
		return retry{audit.NewRetry(audit.RetryConfig{Log: log}), log}
	})
}

// away is a log that refuses everything while it is away.
type away struct {
	audittest.MemLog
	isAway atomic.Bool
}

var errAway = errors.New("the database is away")

func (a *away) Record(ctx context.Context, e audit.Entry) error {
	if a.isAway.Load() {
		return errAway
	}
	return a.MemLog.Record(ctx, e)
}

func (a *away) count(t *testing.T) int {
	t.Helper()
	all, err := a.Entries(t.Context(), "org", 100)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func entry(action audit.Action) audit.Entry {
	return audit.Entry{At: time.Now(), Action: action, OrganizationID: "org", JobID: "job", Actor: "jane"}
}

// TestRetryAfterAnOutage records all entries of an outage once it is over, in their order.
func TestRetryAfterAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(away)
		r := audit.NewRetry(audit.RetryConfig{Log: log, Logger: slog.New(slog.DiscardHandler)})
		log.isAway.Store(true)
		for _, action := range []audit.Action{audit.Requested, audit.Linked, audit.Purged} {
			if err := r.Record(t.Context(), entry(action)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		log.isAway.Store(false)
		time.Sleep(6 * time.Second)
		all, err := log.Entries(t.Context(), "org", 100)
		if err != nil || len(all) != 3 || all[0].Action != audit.Purged || all[2].Action != audit.Requested {
			t.Errorf("%v, %+v", err, all)
		}
		time.Sleep(time.Minute)
		if n := log.count(t); n != 3 {
			t.Errorf("%d entries a minute later", n)
		}
	})
}

// TestRetryOfALostAnswer does not record an entry twice that was recorded although the log
// returned an error.
func TestRetryOfALostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(forgetful)
		r := audit.NewRetry(audit.RetryConfig{Log: log, Logger: slog.New(slog.DiscardHandler)})
		if err := r.Record(t.Context(), entry(audit.Requested)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if all, err := log.Entries(t.Context(), "org", 100); err != nil || len(all) != 1 {
			t.Errorf("%v, %+v", err, all)
		}
	})
}

// forgetful is a log whose answers are lost.
type forgetful struct{ audittest.MemLog }

func (f *forgetful) Record(ctx context.Context, e audit.Entry) error {
	return errors.Join(errAway, f.MemLog.Record(ctx, e))
}

// TestRetryOfTwins records each of the entries that are equal, such as of two requests in one
// millisecond.
func TestRetryOfTwins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(away)
		r := audit.NewRetry(audit.RetryConfig{Log: log, Logger: slog.New(slog.DiscardHandler)})
		log.isAway.Store(true)
		for range 3 {
			if err := r.Record(t.Context(), entry(audit.Downloaded)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		log.isAway.Store(false)
		time.Sleep(time.Minute)
		if n := log.count(t); n != 3 {
			t.Errorf("of 3 equal entries %d are recorded", n)
		}
	})
}

// TestRetryFlush records what waits at once, such as at the end of the process.
func TestRetryFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(away)
		r := audit.NewRetry(audit.RetryConfig{Log: log, Logger: slog.New(slog.DiscardHandler)})
		log.isAway.Store(true)
		if err := r.Record(t.Context(), entry(audit.Requested)); err != nil {
			t.Fatal(err)
		}
		if err := r.Flush(t.Context()); !errors.Is(err, errAway) {
			t.Errorf("Flush gives %v", err)
		}
		log.isAway.Store(false)
		if err := r.Flush(t.Context()); err != nil || log.count(t) != 1 {
			t.Errorf("Flush gives %v, and there are %d entries", err, log.count(t))
		}
	})
}

// TestRetryGivesUp says which entries are lost, and why.
func TestRetryGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, lines := new(away), new(bytes.Buffer)
		r := audit.NewRetry(audit.RetryConfig{Log: log, MaxWaiting: 2, Logger: slog.New(slog.NewTextHandler(lines, nil))})
		log.isAway.Store(true)
		for i, want := range []error{nil, nil, errAway} {
			if err := r.Record(t.Context(), entry(audit.Requested)); !errors.Is(err, want) {
				t.Errorf("entry %d: %v, want %v", i, err, want)
			}
		}
		time.Sleep(61 * time.Minute)
		log.isAway.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		lost := strings.Count(lines.String(), `msg="never recorded in the audit log"`)
		if n := log.count(t); n != 0 || lost != 2 || !strings.Contains(lines.String(), "actor=jane organization=org job=job") {
			t.Errorf("%d entries, %d lines of lost ones:\n%s", n, lost, lines)
		}
	})
}

// slow is a log that takes a second for each entry.
type slow struct{ away }

func (s *slow) Record(ctx context.Context, e audit.Entry) error {
	time.Sleep(time.Second)
	return s.away.Record(ctx, e)
}

// TestRetryFlushWhileItTries waits for entries that are being tried when the process ends.
func TestRetryFlushWhileItTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(slow)
		r := audit.NewRetry(audit.RetryConfig{Log: log, Logger: slog.New(slog.DiscardHandler)})
		log.isAway.Store(true)
		for range 3 {
			if err := r.Record(t.Context(), entry(audit.Requested)); err != nil {
				t.Fatal(err)
			}
		}
		log.isAway.Store(false)
		time.Sleep(retryBegun)
		if err := r.Flush(t.Context()); err != nil || log.count(t) != 3 {
			t.Errorf("Flush gives %v, and there are %d entries, want 3", err, log.count(t))
		}
	})
}

// retryBegun is so long after three entries of a slow log that the first of them is tried again.
const retryBegun = 3500 * time.Millisecond

// TestRetryKeepsTheOldest: entries that are being tried again lose their places to no new ones.
func TestRetryKeepsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(slow)
		r := audit.NewRetry(audit.RetryConfig{Log: log, MaxWaiting: 3, Logger: slog.New(slog.DiscardHandler)})
		log.isAway.Store(true)
		for range 3 {
			if err := r.Record(t.Context(), entry(audit.Requested)); err != nil {
				t.Fatal(err)
			}
		}
		for range 10 {
			if err := r.Record(t.Context(), entry(audit.Linked)); !errors.Is(err, errAway) {
				t.Errorf("a fourth entry waits: %v", err)
			}
		}
		time.Sleep(time.Minute)
		log.isAway.Store(false)
		time.Sleep(time.Minute)
		all, err := log.Entries(t.Context(), "org", 100)
		if err != nil || len(all) != 3 || all[0].Action != audit.Requested {
			t.Errorf("%v, %+v", err, all)
		}
	})
}
