package audittest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// brokenTrail is a MemLog with a defect, which sets some of the fields.
type brokenTrail struct {
	MemLog
	deaf   kittest.Deaf
	record func(ctx context.Context, e audit.Entry) error
	out    func(e *audit.Entry)
	order  func(a, b audit.Entry) int // if set, all entries are read, in this order
	kept   func(kept time.Duration) time.Duration
	purged func(n int64) int64
	sought func(e *audit.Entry) // what Has looks for instead
}

func breakTrail(breaks func(*brokenTrail)) audit.Log {
	s := &brokenTrail{
		out:    func(*audit.Entry) {},
		kept:   func(kept time.Duration) time.Duration { return kept },
		purged: func(n int64) int64 { return n },
		sought: func(*audit.Entry) {},
	}
	s.record = s.MemLog.Record
	breaks(s)
	return s
}

func (s *brokenTrail) Record(ctx context.Context, e audit.Entry) error {
	return s.record(s.deaf.Hears(ctx), e)
}

func (s *brokenTrail) Entries(ctx context.Context, organizationID string, limit int) ([]audit.Entry, error) {
	if s.order != nil {
		return slices.SortedStableFunc(slices.Values(s.entries), s.order), nil
	}
	entries, err := s.MemLog.Entries(s.deaf.Hears(ctx), organizationID, limit)
	for i := range entries {
		s.out(&entries[i])
	}
	return entries, err
}

func (s *brokenTrail) Has(ctx context.Context, e audit.Entry) (bool, error) {
	s.sought(&e)
	return s.MemLog.Has(s.deaf.Hears(ctx), e)
}

func (s *brokenTrail) Purge(ctx context.Context, kept time.Duration) (int64, error) {
	n, err := s.MemLog.Purge(s.deaf.Hears(ctx), s.kept(kept))
	return s.purged(n), err
}

func TestTrailMutants(t *testing.T) {
	type S = *brokenTrail
	kittest.TestForgotten(t, trailPromises, func(forget func(*audit.Entry)) audit.Log {
		return breakTrail(func(s S) { s.out = forget })
	})
	out := func(change func(e *audit.Entry)) func(S) { return func(s S) { s.out = change } }
	kept := func(change func(kept time.Duration) time.Duration) func(S) { return func(s S) { s.kept = change } }
	newest := func(s S) { s.order = func(a, b audit.Entry) int { return b.At.Compare(a.At) } }
	kittest.TestMutants(t, trailPromises, breakTrail, []kittest.Mutant[S]{
		{"Records", func(s S) {
			s.record = func(ctx context.Context, e audit.Entry) error {
				if strings.HasPrefix(string(e.Action), "of.the.") {
					return errors.New("unknown action " + string(e.Action))
				}
				return s.MemLog.Record(ctx, e)
			}
		}, "of.the.future"},
		{"EveryFieldSurvives", out(func(e *audit.Entry) { e.Complete = false }), "Complete is"},
		{"NothingIsAdded", out(func(e *audit.Entry) { e.Address += "?" }), "Address is"},
		{"InstantsAreInUTC", out(func(e *audit.Entry) { e.At = e.At.In(time.FixedZone("", 60)) }), "want it in UTC"},
		{"NewestFirst", func(s S) { s.order = func(a, b audit.Entry) int { return a.At.Compare(b.At) } }, "entry 0"},
		{"SameInstant", newest, "entry 1"},
		{"Limit", newest, "want 1"},
		{"OneOrganization", newest, "want 1"},
		{"CancelledContext", func(s S) { s.deaf = true }, "Record with & Entries with"},
		{"Concurrent", func(s S) { // loses one
			var n atomic.Int32
			s.record = func(ctx context.Context, e audit.Entry) error {
				if n.Add(1) == 100 {
					return nil
				}
				return s.MemLog.Record(ctx, e)
			}
		}, "want 128"},
		{"Finds", func(s S) { s.deaf = true }, "Has with"},
		{"Finds", func(s S) { s.sought = func(e *audit.Entry) { e.At = e.At.Add(time.Hour) } }, "of an entry, want true"},
		{"Finds", func(s S) { // it does not look at the actor
			s.sought = func(e *audit.Entry) {
				if len(s.entries) > 0 {
					e.Actor = s.entries[0].Actor
				}
			}
		}, "of another actor, want false"},
		{"Purges", func(s S) { s.purged = func(int64) int64 { return 0 } }, "want 5"},
		{"Purges", kept(func(kept time.Duration) time.Duration { return kept + 2*time.Hour }), "Entries gives "},
		{"PurgesInTheMiddleOfUse", func(s S) { s.purged = func(int64) int64 { return kittest.AtOnce } }, "count "},
		{"PurgesInTheMiddleOfUse", kept(func(kept time.Duration) time.Duration { return kept - 2*time.Hour }), "Entries gives "},
		{"PurgesNotAll", kept(func(kept time.Duration) time.Duration { return max(kept, 1) }), "want an error"},
		{"CancelledPurge", func(s S) { s.deaf = true }, "Purge with"},
	})
}

// TestTrailsThatCannot has trails that cannot be read or purged. They are skipped,
// and not taken for good ones.
func TestTrailsThatCannot(t *testing.T) {
	type deaf struct{ audit.Log }
	type lasting struct{ readTrail }
	for name, trail := range map[string]audit.Log{"NewestFirst": deaf{new(MemLog)}, "Purges": lasting{new(MemLog)}} {
		if got := kittest.Findings(t, trailPromises, name, trail); !strings.Contains(got, "skip: ") {
			t.Errorf("%s of %T: the kit says %q", name, trail, got)
		}
	}
}
