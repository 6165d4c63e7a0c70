package audittest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// MemLog is an [audit.Log], [audit.Reader], [audit.Finder] and [audit.Purger] in memory, for
// tests. Its zero value is ready for use. It is safe for concurrent use.
type MemLog struct {
	mu      sync.Mutex
	entries []audit.Entry
}

// Record implements [audit.Log].
func (s *MemLog) Record(ctx context.Context, entry audit.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	entry.At = kittest.Instant(entry.At)
	s.entries = append(s.entries, entry)
	return nil
}

// Entries implements [audit.Reader].
func (s *MemLog) Entries(ctx context.Context, organizationID string, limit int) ([]audit.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var entries []audit.Entry
	for _, e := range slices.Backward(s.entries) {
		if e.OrganizationID == organizationID {
			entries = append(entries, e)
		}
	}
	slices.SortStableFunc(entries, func(a, b audit.Entry) int { return b.At.Compare(a.At) })
	return entries[:min(len(entries), limit)], nil
}

// Has implements [audit.Finder].
func (s *MemLog) Has(ctx context.Context, entry audit.Entry) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	entry.At = kittest.Instant(entry.At)
	return slices.Contains(s.entries, entry), nil
}

// Purge implements [audit.Purger].
func (s *MemLog) Purge(ctx context.Context, kept time.Duration) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if kept <= 0 {
		return 0, fmt.Errorf("audittest: audit entries cannot be kept for %v", kept)
	}
	before, oldest := len(s.entries), time.Now().Add(-kept)
	s.entries = slices.DeleteFunc(s.entries, func(e audit.Entry) bool { return e.At.Before(oldest) })
	return int64(before - len(s.entries)), nil
}

// RunLog checks an [audit.Log] against its documentation. newTrail returns
// an empty one for each subtest. One that is no [audit.Reader] can hardly be
// tested: the subtests that read are skipped. So are those that purge if it is no
// [audit.Purger], and the one that looks for entries if it is no [audit.Finder].
func RunLog(t *testing.T, newTrail func(t *testing.T) audit.Log) {
	t.Helper()
	kittest.Run(t, trailPromises, newTrail)
}

var trailPromises = []kittest.Promise[audit.Log]{
	{"Records", trailRecords},
	{"EveryFieldSurvives", reading(trailFields)},
	{"NothingIsAdded", reading(trailNothingAdded)},
	{"InstantsAreInUTC", reading(trailInstants)},
	{"NewestFirst", reading(trailOrder)},
	{"SameInstant", reading(trailSameInstant)},
	{"Limit", reading(trailLimit)},
	{"OneOrganization", reading(trailOrganization)},
	{"CancelledContext", trailCancelled},
	{"Concurrent", reading(trailConcurrent)},
	{"Finds", trailFinds},
	{"Purges", purging(trailPurges)},
	{"PurgesInTheMiddleOfUse", purging(trailPurgesInUse)},
	{"PurgesNotAll", purging(trailPurgesNotAll)},
	{"CancelledPurge", purging(trailCancelledPurge)},
}

// readTrail is a Log that can be read.
type readTrail interface {
	audit.Log
	audit.Reader
}

func reading(test func(testing.TB, readTrail)) func(testing.TB, audit.Log) {
	return func(t testing.TB, s audit.Log) {
		r, ok := s.(readTrail)
		if !ok {
			t.Skipf("%T is no audit.Reader", s)
		}
		test(t, r)
	}
}

// entry returns entry n of our organization. Its instant is SomeTime plus after.
func entry(n int, after time.Duration) audit.Entry {
	return audit.Entry{
		At: kittest.SomeTime().Add(after), Action: audit.Requested, Actor: fmt.Sprint("key:", n),
		OrganizationID: kittest.OurOrg, JobID: kittest.ShortID(n), Address: "2001:db8::1",
	}
}

func record(t testing.TB, s audit.Log, e audit.Entry) audit.Entry {
	t.Helper()
	if err := s.Record(t.Context(), e); err != nil {
		t.Fatalf("Record: %v", err)
	}
	return e
}

func wantEntries(t testing.TB, s audit.Reader, organization string, limit int, want ...audit.Entry) {
	t.Helper()
	got, err := s.Entries(t.Context(), organization, limit)
	if err != nil || len(got) != len(want) {
		t.Fatalf("Entries gives %d, %v, want %d", len(got), err, len(want))
	}
	for i := range want {
		kittest.WantSame(t, fmt.Sprintf("entry %d", i), got[i], want[i])
	}
}

// trailRecords has all that a Log must take, whoever can read it.
func trailRecords(t testing.TB, s audit.Log) {
	record(t, s, entry(1, 0))
	record(t, s, entry(1, 0)) // the same again is another entry
	record(t, s, audit.Entry{At: kittest.SomeTime(), Action: audit.KeyCreated})
	record(t, s, audit.Entry{At: kittest.SomeTime(), Action: "of.the.future", OrganizationID: kittest.OurOrg})
	record(t, s, kittest.Filled[audit.Entry](t, new(kittest.Filler)))
}

func trailFields(t testing.TB, s readTrail) {
	e := kittest.Filled[audit.Entry](t, new(kittest.Filler))
	record(t, s, e)
	wantEntries(t, s, e.OrganizationID, 10, e)
}

func trailNothingAdded(t testing.TB, s readTrail) {
	e := audit.Entry{At: kittest.SomeTime(), Action: audit.Downloaded, OrganizationID: kittest.OurOrg}
	record(t, s, e)
	wantEntries(t, s, kittest.OurOrg, 10, e)
}

func trailInstants(t testing.TB, s readTrail) {
	e := entry(1, 0)
	e.At = e.At.In(time.FixedZone("", 5*3600+1800))
	record(t, s, e)
	wantEntries(t, s, kittest.OurOrg, 10, e)
}

func trailOrder(t testing.TB, s readTrail) {
	var made [6]audit.Entry
	for _, n := range []int{3, 0, 5, 1, 4, 2} {
		made[n] = record(t, s, entry(n, time.Duration(n)*time.Millisecond))
	}
	wantEntries(t, s, kittest.OurOrg, 10, made[5], made[4], made[3], made[2], made[1], made[0])
}

// trailSameInstant records several entries of one instant.
func trailSameInstant(t testing.TB, s readTrail) {
	first, last := record(t, s, entry(5, 0)), record(t, s, entry(1, time.Second))
	second, third := record(t, s, entry(3, 0)), record(t, s, entry(4, 0))
	again := record(t, s, entry(3, 0))
	wantEntries(t, s, kittest.OurOrg, 10, last, again, third, second, first)
}

func trailLimit(t testing.TB, s readTrail) {
	wantEntries(t, s, kittest.OurOrg, 10)
	var all []audit.Entry
	for n := range 5 {
		all = append([]audit.Entry{record(t, s, entry(n, time.Duration(n)*time.Hour))}, all...)
	}
	for limit := 1; limit <= 6; limit++ {
		wantEntries(t, s, kittest.OurOrg, limit, all[:min(limit, 5)]...)
	}
}

func trailOrganization(t testing.TB, s readTrail) {
	ours, theirs, none := entry(1, 0), entry(1, time.Second), entry(1, time.Minute)
	theirs.OrganizationID, none.OrganizationID = kittest.TheirOrg, ""
	for _, e := range []audit.Entry{ours, theirs, none} {
		record(t, s, e)
	}
	wantEntries(t, s, kittest.OurOrg, 10, ours)
	wantEntries(t, s, kittest.TheirOrg, 10, theirs)
	wantEntries(t, s, kittest.ShortID(1), 10)
}

func trailCancelled(t testing.TB, s audit.Log) {
	ctx := kittest.Cancelled(t)
	kittest.WantCancelled(t, "Record", s.Record(ctx, entry(1, 0)))
	if r, ok := s.(audit.Reader); ok {
		_, err := r.Entries(ctx, kittest.OurOrg, 1)
		kittest.WantCancelled(t, "Entries", err)
		wantEntries(t, r, kittest.OurOrg, 10)
	}
}

func trailFinds(t testing.TB, s audit.Log) {
	f, ok := s.(audit.Finder)
	if !ok {
		t.Skipf("%T is no audit.Finder", s)
	}
	want := func(what string, e audit.Entry, want bool) {
		t.Helper()
		if got, err := f.Has(t.Context(), e); err != nil || got != want {
			t.Errorf("Has gives %v, %v of %s, want %v", got, err, what, want)
		}
	}
	e := kittest.Filled[audit.Entry](t, new(kittest.Filler))
	want("an entry before it is recorded", e, false)
	record(t, s, e)
	want("an entry", e, true)
	for what, alter := range map[string]func(*audit.Entry){
		"another instant":      func(e *audit.Entry) { e.At = e.At.Add(time.Millisecond) },
		"another organization": func(e *audit.Entry) { e.OrganizationID = kittest.TheirOrg },
		"another action":       func(e *audit.Entry) { e.Action += "." },
		"another actor":        func(e *audit.Entry) { e.Actor += "." },
		"another job":          func(e *audit.Entry) { e.JobID += "." },
		"another object":       func(e *audit.Entry) { e.Object += "." },
		"another number":       func(e *audit.Entry) { e.Requests++ },
	} {
		other := e
		alter(&other)
		want(what, other, false)
	}
	_, err := f.Has(kittest.Cancelled(t), e)
	kittest.WantCancelled(t, "Has", err)
}

func trailConcurrent(t testing.TB, s readTrail) {
	kittest.Together(func(n int) {
		for range 4 {
			if err := s.Record(t.Context(), entry(n, time.Duration(n)*time.Second)); err != nil {
				t.Errorf("Record: %v", err)
			}
			if _, err := s.Entries(t.Context(), kittest.OurOrg, 10); err != nil {
				t.Errorf("Entries: %v", err)
			}
		}
	})
	var want []audit.Entry
	for n := kittest.AtOnce - 1; n >= 0; n-- {
		e := entry(n, time.Duration(n)*time.Second)
		want = append(want, e, e, e, e)
	}
	wantEntries(t, s, kittest.OurOrg, 1000, want...)
}
