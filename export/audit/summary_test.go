package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/audit/audittest"
)

// summary is a Summary whose log can be read.
type summary struct {
	*audit.Summary
	audit.Reader
}

func TestSummaryIsALog(t *testing.T) {
	audittest.RunLog(t, func(*testing.T) audit.Log {
		log := new(audittest.MemLog)
		return summary{audit.NewSummary(audit.SummaryConfig{Log: log}), log}
	})
}

func download(at time.Time, address string) audit.Entry {
	return audit.Entry{
		At: at, Action: audit.Downloaded, OrganizationID: "org", JobID: "job", Address: address, Range: "bytes=0-0", Bytes: 1, Complete: true,
	}
}

// entries are those of a log, oldest first, as texts.
func entries(t *testing.T, log *audittest.MemLog, begin time.Time) string {
	t.Helper()
	all, err := log.Entries(t.Context(), "org", 100_000)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range slices.Backward(all) {
		lines = append(lines, fmt.Sprintf("%v %s %q %d %v x%d", e.At.Sub(begin), e.Address, e.Range, e.Bytes, e.Complete, max(e.Requests, 1)))
	}
	return strings.Join(lines, "\n")
}

// TestSummaryOfAFlood has 1,500 requests a second for a byte each, for two minutes and a
// half: two entries for each minute, and no request is forgotten.
func TestSummaryOfAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, begin := new(audittest.MemLog), time.Now()
		s := audit.NewSummary(audit.SummaryConfig{Log: log})
		const each = time.Second / 1500
		for at := time.Duration(0); at < 150*time.Second; at += each {
			if err := s.Record(t.Context(), download(time.Now(), "a")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(each)
		}
		if got := strings.Count(entries(t, log, begin), "\n") + 1; got != 5 {
			t.Errorf("%d entries before the end, want 5", got)
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, err := log.Entries(t.Context(), "org", 1000)
		if err != nil {
			t.Fatal(err)
		}
		var requests, bytes int64
		for _, e := range all {
			requests, bytes = requests+max(e.Requests, 1), bytes+e.Bytes
		}
		if len(all) != 6 || requests != 225_001 || bytes != requests {
			t.Errorf("%d entries of %d requests and %d bytes, want 6 of 225001", len(all), requests, bytes)
		}
		t.Logf("%d requests in 150 seconds are %d entries", requests, len(all))
	})
}

// TestSummaryTellsApart: what is not the same is not summed.
func TestSummaryTellsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, begin := new(audittest.MemLog), time.Now()
		s := audit.NewSummary(audit.SummaryConfig{Log: log})
		e := download(begin, "a")
		whole, broken, other, actor, job, object := e, e, e, e, e, e
		whole.Range, whole.Bytes = "", 100
		broken.Complete, broken.Range = false, ""
		other.Address, actor.Actor, job.JobID, object.Object = "b", "key:1", "another", "link"
		kinds := []audit.Entry{e, whole, broken, other, actor, job, object}
		for range 3 {
			for _, e := range kinds {
				e.At = time.Now()
				if err := s.Record(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Second)
		}
		if got := strings.Count(entries(t, log, begin), "\n") + 1; got != len(kinds) {
			t.Errorf("%d entries at once, want %d:\n%s", got, len(kinds), entries(t, log, begin))
		}
		time.Sleep(57 * time.Second) // to the end of the minute
		synctest.Wait()
		got := entries(t, log, begin)
		if n := strings.Count(got, " x2"); n != len(kinds) || strings.Count(got, "\n")+1 != 2*len(kinds) || !strings.Contains(got, `1s a "" 200 true x2`) {
			t.Errorf("after the minute:\n%s", got)
		}
	})
}

// TestSummaryOfOtherMinutes: a clock that jumps makes another minute, and loses nothing.
func TestSummaryOfOtherMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, begin := new(audittest.MemLog), time.Now()
		s := audit.NewSummary(audit.SummaryConfig{Log: log})
		for _, after := range []time.Duration{0, time.Second, time.Hour, time.Hour, -time.Hour, 2 * time.Second} {
			if err := s.Record(t.Context(), download(begin.Add(after), "a")); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := `-1h0m0s a "bytes=0-0" 1 true x1
0s a "bytes=0-0" 1 true x1
1s a "bytes=0-0" 1 true x1
2s a "bytes=0-0" 1 true x1
1h0m0s a "bytes=0-0" 1 true x1
1h0m0s a "bytes=0-0" 1 true x1`
		if got := entries(t, log, begin); got != want {
			t.Errorf("the entries are\n%s, want\n%s", got, want)
		}
	})
}

// brokenLog fails while it is broken.
type brokenLog struct {
	audittest.MemLog

	mu     sync.Mutex
	broken bool
}

func (l *brokenLog) Record(ctx context.Context, e audit.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		return errors.New("no database")
	}
	return l.MemLog.Record(ctx, e)
}

// TestSummaryOfABrokenLog: what cannot be recorded is kept, and recorded when the log works
// again; memory is bounded all the same.
func TestSummaryOfABrokenLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		log := &brokenLog{broken: true}
		s := audit.NewSummary(audit.SummaryConfig{Log: log, Logger: slog.New(slog.NewTextHandler(&text, nil))})
		begin := time.Now()
		for n := range 5 {
			if err := s.Record(t.Context(), download(time.Now(), "a")); (err != nil) != (n == 0) {
				t.Errorf("request %d: %v", n, err)
			}
		}
		time.Sleep(90 * time.Second)
		synctest.Wait()
		if !strings.Contains(text.String(), "no database") {
			t.Errorf("logged %q", text.String())
		}
		log.mu.Lock()
		log.broken = false
		log.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := entries(t, &log.MemLog, begin); got != `0s a "bytes=0-0" 5 true x5` {
			t.Errorf("the entries are\n%s", got)
		}
	})
}

// TestSummaryIsBounded: with no room for another sum, all are recorded.
func TestSummaryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, begin := new(audittest.MemLog), time.Now()
		s := audit.NewSummary(audit.SummaryConfig{Log: log, MaxPending: 2})
		for address := range strings.SplitSeq("a a b b b c", " ") {
			if err := s.Record(t.Context(), download(begin, address)); err != nil {
				t.Fatal(err)
			}
		}
		got := entries(t, log, begin)
		for _, want := range []string{` a "bytes=0-0" 1 true x1`, ` b "bytes=0-0" 2 true x2`, ` c "bytes=0-0" 1 true x1`} {
			if !strings.Contains(got, want) {
				t.Errorf("there is no%s in\n%s", want, got)
			}
		}
		if n := strings.Count(got, "\n") + 1; n != 5 {
			t.Errorf("%d entries, want 5:\n%s", n, got)
		}
	})
}

// TestSummaryFlushWhileItRecords waits for the sums of a minute that are being recorded when the
// process ends.
func TestSummaryFlushWhileItRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(slow)
		s := audit.NewSummary(audit.SummaryConfig{Log: log, Logger: slog.New(slog.DiscardHandler)})
		for range 2 {
			if err := s.Record(t.Context(), entry(audit.Downloaded)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(59*time.Second + 500*time.Millisecond) // the minute is over, and recording takes a second
		if err := s.Flush(t.Context()); err != nil || log.count(t) != 2 {
			t.Errorf("Flush gives %v, and there are %d entries, want 2", err, log.count(t))
		}
	})
}
