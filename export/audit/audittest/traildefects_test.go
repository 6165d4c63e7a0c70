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

// brokenTrail is a MemTrail of which a method is another.
type brokenTrail struct {
	*MemTrail
	record  func(ctx context.Context, entry audit.Entry) error
	entries func(ctx context.Context, organizationID string, limit int) ([]audit.Entry, error)
}

func (s *brokenTrail) Record(ctx context.Context, entry audit.Entry) error {
	return s.record(ctx, entry)
}

func (s *brokenTrail) Entries(ctx context.Context, organizationID string, limit int) ([]audit.Entry, error) {
	return s.entries(ctx, organizationID, limit)
}

// recording is a trail that records in its own way.
func recording(record func(m *MemTrail, ctx context.Context, entry audit.Entry) error) audit.Trail {
	m := new(MemTrail)
	return &brokenTrail{m, func(ctx context.Context, e audit.Entry) error { return record(m, ctx, e) }, m.Entries}
}

// ordering is a trail that is read in another way: change gets all entries of
// all organizations, in the order in which they were recorded.
func ordering(change func(organizationID string, limit int, all []audit.Entry) []audit.Entry) audit.Trail {
	m := new(MemTrail)
	return &brokenTrail{m, m.Record, func(_ context.Context, organizationID string, limit int) ([]audit.Entry, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		return change(organizationID, limit, slices.Clone(m.entries)), nil
	}}
}

func manglingTrail(mangle func(*audit.Entry)) audit.Trail {
	return recording(func(m *MemTrail, ctx context.Context, e audit.Entry) error {
		organization := e.OrganizationID
		err := m.Record(ctx, e)
		mangle(&e)
		if e.OrganizationID != organization {
			return errors.Join(err, errors.New("the entry would not be found"))
		}
		m.entries[len(m.entries)-1] = e
		return err
	})
}

// brokenPurge is a trail that is purged in its own way.
type brokenPurge struct {
	*MemTrail
	purge func(ctx context.Context, kept time.Duration) (int64, error)
}

func (s *brokenPurge) Purge(ctx context.Context, kept time.Duration) (int64, error) {
	return s.purge(ctx, kept)
}

func purgingAs(purge func(m *MemTrail, ctx context.Context, kept time.Duration) (int64, error)) audit.Trail {
	m := new(MemTrail)
	return &brokenPurge{m, func(ctx context.Context, kept time.Duration) (int64, error) { return purge(m, ctx, kept) }}
}

// keepsSome is a trail that does not purge some entries.
func keepsSome(keep func(audit.Entry) bool) audit.Trail {
	return purgingAs(func(m *MemTrail, ctx context.Context, kept time.Duration) (int64, error) {
		var some []audit.Entry
		for _, e := range m.entries {
			if keep(e) {
				some = append(some, e)
			}
		}
		n, err := m.Purge(ctx, kept)
		m.entries = append(some, m.entries...)
		return n, err
	})
}

func brokenPurges() []kittest.Defect[audit.Trail] {
	var old atomic.Int64
	var purged atomic.Bool
	return []kittest.Defect[audit.Trail]{
		{"removes nothing", "Purges", "want 5", purgingAs(func(*MemTrail, context.Context, time.Duration) (int64, error) { return 0, nil })},
		{"removes all", "Purges", "want 5", purgingAs(func(m *MemTrail, ctx context.Context, _ time.Duration) (int64, error) {
			return m.Purge(ctx, 1)
		})},
		{"one organization's", "Purges", "Entries gives 1, <nil>, want 0", keepsSome(func(e audit.Entry) bool { return e.OrganizationID == kittest.TheirOrg })},
		{"none of no organization", "Purges", "Entries gives 1, <nil>, want 0", keepsSome(func(e audit.Entry) bool { return e.OrganizationID == "" })},
		{"cannot", "Purges", "Purge gives 0, ", purgingAs(func(*MemTrail, context.Context, time.Duration) (int64, error) { return 0, kittest.ErrWrite })},
		{"each counts all", "PurgesInTheMiddleOfUse", "count ", purgingAs(func(m *MemTrail, ctx context.Context, kept time.Duration) (int64, error) {
			n, err := m.Purge(ctx, kept)
			old.CompareAndSwap(0, n)
			return old.Load(), err
		})},
		{"loses what is recorded", "PurgesInTheMiddleOfUse", "Entries gives ", purgingAs(func(m *MemTrail, ctx context.Context, kept time.Duration) (int64, error) {
			n, err := m.Purge(ctx, kept)
			if purged.CompareAndSwap(false, true) {
				_, err2 := m.Purge(ctx, 1)
				err = errors.Join(err, err2)
			}
			return n, err
		})},
		{"takes any time", "PurgesNotAll", "want an error", purgingAs(func(m *MemTrail, ctx context.Context, kept time.Duration) (int64, error) {
			return m.Purge(ctx, max(kept, 1))
		})},
		{"refuses too late", "PurgesNotAll", "Entries gives 0", purgingAs(func(m *MemTrail, ctx context.Context, kept time.Duration) (int64, error) {
			_, err := m.Purge(ctx, max(kept, 1))
			return 0, errors.Join(err, kittest.ErrWrite)
		})},
		{"deaf", "CancelledPurge", "Purge with", purgingAs(func(m *MemTrail, _ context.Context, kept time.Duration) (int64, error) {
			return m.Purge(context.Background(), kept)
		})},
		{"too late", "CancelledPurge", "Entries gives 0", purgingAs(func(m *MemTrail, ctx context.Context, kept time.Duration) (int64, error) {
			n, err := m.Purge(context.WithoutCancel(ctx), kept)
			return n, errors.Join(err, context.Cause(ctx))
		})},
	}
}

func byInstant(a, b audit.Entry) int { return b.At.Compare(a.At) }

func TestForgetfulTrails(t *testing.T) {
	kittest.TestForgotten(t, trailPromises, manglingTrail)
}

func TestBrokenTrails(t *testing.T) {
	var n atomic.Int32
	kittest.TestDefects(t, trailPromises, append(brokenPurges(), []kittest.Defect[audit.Trail]{
		{"knows all actions", "Records", "of.the.future", recording(func(m *MemTrail, ctx context.Context, e audit.Entry) error {
			if e.Action == "of.the.future" {
				return errors.New("unknown action " + string(e.Action))
			}
			return m.Record(ctx, e)
		})},
		{"forgets", "EveryFieldSurvives", "Complete is", manglingTrail(func(e *audit.Entry) { e.Complete = false })},
		{"adds", "NothingIsAdded", "Address is", manglingTrail(func(e *audit.Entry) { e.Address += "?" })},
		{"instants elsewhere", "InstantsAreInUTC", "want it in UTC", manglingTrail(func(e *audit.Entry) { e.At = e.At.In(time.FixedZone("", 60)) })},
		{"as recorded", "NewestFirst", "entry 0", ordering(func(_ string, _ int, all []audit.Entry) []audit.Entry { return all })},
		{"as recorded, backwards", "NewestFirst", "entry 0", ordering(func(_ string, _ int, all []audit.Entry) []audit.Entry {
			slices.Reverse(all)
			return all
		})},
		{"first recorded first", "SameInstant", "entry 1", ordering(func(_ string, _ int, all []audit.Entry) []audit.Entry {
			slices.SortStableFunc(all, byInstant)
			return all
		})},
		{"the same once", "SameInstant", "want 5", ordering(func(_ string, _ int, all []audit.Entry) []audit.Entry {
			slices.Reverse(all)
			slices.SortStableFunc(all, byInstant)
			return slices.Compact(all)[:4]
		})},
		{"no limit", "Limit", "want 1", ordering(func(_ string, _ int, all []audit.Entry) []audit.Entry { return all })},
		{"the oldest", "Limit", "entry 0", ordering(func(_ string, limit int, all []audit.Entry) []audit.Entry {
			all = all[:min(limit, len(all))]
			slices.Reverse(all)
			return all
		})},
		{"all organizations", "OneOrganization", "want 1", ordering(func(_ string, _ int, all []audit.Entry) []audit.Entry { return all })},
		{"organizations without case", "OneOrganization", "want 1", ordering(func(organizationID string, _ int, all []audit.Entry) []audit.Entry {
			return slices.DeleteFunc(all, func(e audit.Entry) bool { return !strings.EqualFold(e.OrganizationID, organizationID) })
		})},
		{"deaf Record", "CancelledContext", "Record with", recording(func(m *MemTrail, _ context.Context, e audit.Entry) error {
			return m.Record(context.Background(), e)
		})},
		{"deaf Entries", "CancelledContext", "Entries with", ordering(func(string, int, []audit.Entry) []audit.Entry { return nil })},
		{"loses one", "Concurrent", "want 128", recording(func(m *MemTrail, ctx context.Context, e audit.Entry) error {
			if n.Add(1) == 100 {
				return nil
			}
			return m.Record(ctx, e)
		})},
	}...))
	// One that cannot be read, or purged, is skipped, and not taken for a good one.
	type deaf struct{ audit.Trail }
	type lasting struct{ readTrail }
	for name, trail := range map[string]audit.Trail{"NewestFirst": deaf{new(MemTrail)}, "Purges": lasting{new(MemTrail)}} {
		if got := kittest.Findings(t, trailPromises, name, trail); !strings.Contains(got, "skip: ") {
			t.Errorf("%s of %T: the kit says %q", name, trail, got)
		}
	}
}
