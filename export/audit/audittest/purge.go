package audittest

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// purgeTrail is a Log that can be read and purged.
type purgeTrail interface {
	readTrail
	audit.Purger
}

func purging(test func(testing.TB, purgeTrail)) func(testing.TB, audit.Log) {
	return reading(func(t testing.TB, s readTrail) {
		p, ok := s.(purgeTrail)
		if !ok {
			t.Skipf("%T is no audit.Purger", s)
		}
		test(t, p)
	})
}

// entriesKept is how long entries are kept in these tests. They are an hour older
// or younger than that, so that a clock may be a little wrong.
const entriesKept = 48 * time.Hour

// aged returns entry n of our organization, which is older than entriesKept by
// more.
func aged(n int, more time.Duration) audit.Entry {
	e := entry(n, 0)
	e.At = kittest.Instant(time.Now().Add(-entriesKept - more))
	return e
}

func wantPurged(t testing.TB, s audit.Purger, want int64) {
	t.Helper()
	if got, err := s.Purge(t.Context(), entriesKept); err != nil || got != want {
		t.Errorf("Purge gives %d, %v, want %d", got, err, want)
	}
}

// trailPurges records entries of all ages in any order.
func trailPurges(t testing.TB, s purgeTrail) {
	wantPurged(t, s, 0)
	young, old := record(t, s, aged(1, -time.Hour)), record(t, s, aged(2, time.Hour))
	younger, ancient := record(t, s, aged(3, -entriesKept)), aged(4, 0)
	ancient.At = time.UnixMilli(0).UTC()
	record(t, s, ancient)
	ahead := record(t, s, aged(5, -2*entriesKept)) // by the clock of another machine
	theirs, none := aged(6, time.Hour), aged(7, time.Hour)
	theirs.OrganizationID, none.OrganizationID = kittest.TheirOrg, ""
	record(t, s, theirs)
	record(t, s, none)
	record(t, s, old) // once more
	wantPurged(t, s, 5)
	wantEntries(t, s, kittest.OurOrg, 10, ahead, younger, young)
	wantEntries(t, s, kittest.TheirOrg, 10)
	wantEntries(t, s, "", 10)
	wantPurged(t, s, 0)
	wantEntries(t, s, kittest.OurOrg, 10, ahead, younger, young)
}

// trailPurgesInUse purges and records in many goroutines.
func trailPurgesInUse(t testing.TB, s purgeTrail) {
	const each = 4
	for n := range kittest.AtOnce * each {
		record(t, s, aged(n, time.Hour))
	}
	var purged atomic.Int64
	var young [kittest.AtOnce]audit.Entry
	kittest.Together(func(n int) {
		young[n] = aged(n, -time.Hour-time.Duration(n)*time.Second)
		if err := s.Record(t.Context(), young[n]); err != nil {
			t.Errorf("Record: %v", err)
		}
		removed, err := s.Purge(t.Context(), entriesKept)
		if err != nil {
			t.Errorf("Purge: %v", err)
		}
		purged.Add(removed)
	})
	if got := purged.Load(); got != kittest.AtOnce*each {
		t.Errorf("those who purge at once count %d entries, want %d", got, kittest.AtOnce*each)
	}
	slices.Reverse(young[:])
	wantEntries(t, s, kittest.OurOrg, 1000, young[:]...)
}

// trailPurgesNotAll keeps entries for no time, which must be a mistake.
func trailPurgesNotAll(t testing.TB, s purgeTrail) {
	e := record(t, s, aged(1, 0))
	for _, kept := range []time.Duration{0, -1, -entriesKept} {
		if n, err := s.Purge(t.Context(), kept); err == nil || n != 0 {
			t.Errorf("Purge of what is kept for %v gives %d, %v, want an error", kept, n, err)
		}
	}
	wantEntries(t, s, kittest.OurOrg, 10, e)
}

func trailCancelledPurge(t testing.TB, s purgeTrail) {
	e := record(t, s, aged(1, time.Hour))
	_, err := s.Purge(kittest.Cancelled(t), entriesKept)
	kittest.WantCancelled(t, "Purge", err)
	wantEntries(t, s, kittest.OurOrg, 10, e)
}
