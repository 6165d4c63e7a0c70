package exporttest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/audit"
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

func byInstant(a, b audit.Entry) int { return b.At.Compare(a.At) }

func TestForgetfulTrails(t *testing.T) {
	testForgotten(t, trailPromises, manglingTrail)
}

func TestBrokenTrails(t *testing.T) {
	var n atomic.Int32
	testDefects(t, trailPromises, []defect[audit.Trail]{
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
	})
	// One that cannot be read is skipped, and not taken for a good one.
	type deaf struct{ audit.Trail }
	if got := findings(t, trailPromises, "NewestFirst", audit.Trail(deaf{new(MemTrail)})); !strings.Contains(got, "skip: ") {
		t.Errorf("of a trail without Entries the kit says %q", got)
	}
}
