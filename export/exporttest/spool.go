package exporttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// MemSpool is an [export.Spool] and an [export.JobLister] in memory, for tests. Its
// zero value is ready for use. It is safe for concurrent use.
type MemSpool struct{ parts kittest.Memory[export.PartID] }

// Put implements [export.Spool].
func (s *MemSpool) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) error {
	return s.parts.Put(ctx, id, write)
}

// Open implements [export.Spool].
func (s *MemSpool) Open(_ context.Context, id export.PartID) (io.ReadSeekCloser, error) {
	return s.parts.Open(id)
}

// Delete implements [export.Spool].
func (s *MemSpool) Delete(_ context.Context, id export.PartID) error {
	s.parts.Delete(id)
	return nil
}

// List implements [export.Spool].
func (s *MemSpool) List(_ context.Context, jobID string) ([]export.PartID, error) {
	return s.parts.List(func(id export.PartID) bool { return id.JobID == jobID }), nil
}

// Jobs implements [export.JobLister].
func (s *MemSpool) Jobs(context.Context) ([]string, error) {
	var ids []string
	for _, part := range s.parts.List(func(export.PartID) bool { return true }) {
		ids = append(ids, part.JobID)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// RunSpool checks an [export.Spool] against its documentation. newSpool
// returns an empty one for each subtest.
func RunSpool(t *testing.T, newSpool func(t *testing.T) export.Spool) {
	t.Helper()
	kittest.Run(t, spoolPromises, newSpool)
}

var spoolPromises = append(
	kittest.KeeperPromises[export.Spool](kittest.ShortID(1), func(n int) export.PartID {
		return export.PartID{JobID: kittest.ShortID(1), Section: fmt.Sprintf("section_%d", n), Attempt: 1}
	}),
	kittest.Promise[export.Spool]{"EveryFieldOfAnIDCounts", spoolIDs},
	kittest.Promise[export.Spool]{"ListsByJob", spoolLists},
	kittest.Promise[export.Spool]{"ListsJobs", spoolJobs},
)

func spoolIDs(t testing.TB, s export.Spool) {
	ids := []export.PartID{
		{JobID: kittest.ShortID(1), Section: "members", Attempt: 1},
		{JobID: kittest.ShortID(2), Section: "members", Attempt: 1},
		{JobID: kittest.ShortID(1), Section: "products", Attempt: 1},
		{JobID: kittest.ShortID(1), Section: "members", Shard: 1, Attempt: 1},
		{JobID: kittest.ShortID(1), Section: "members", Attempt: 11},
		{JobID: kittest.ShortID(1), Section: "members", Shard: 11, Attempt: 1},
	}
	for _, id := range ids {
		kittest.Put(t, s, id, fmt.Sprint(id))
	}
	for _, id := range ids {
		kittest.WantContent(t, s, id, fmt.Sprint(id))
	}
}

func spoolLists(t testing.TB, s export.Spool) {
	ours := []export.PartID{
		{JobID: kittest.ShortID(1), Section: "members", Attempt: 1},
		{JobID: kittest.ShortID(1), Section: "members", Attempt: 2},
		{JobID: kittest.ShortID(1), Section: "products", Shard: 3, Attempt: 1},
	}
	theirs := export.PartID{JobID: kittest.ShortID(2), Section: "members", Attempt: 1}
	for _, id := range append(ours, theirs) {
		kittest.Put(t, s, id, id.Section)
	}
	kittest.WantList(t, s, kittest.ShortID(1), ours...)
	kittest.WantList(t, s, kittest.ShortID(2), theirs)
	kittest.WantList(t, s, kittest.ShortID(3))
}

// spoolJobs asks for the jobs that have parts. It passes if the spool is no
// export.JobLister.
func spoolJobs(t testing.TB, s export.Spool) {
	lister, ok := s.(export.JobLister)
	if !ok {
		return
	}
	want := func(when string, want ...string) {
		t.Helper()
		got, err := lister.Jobs(t.Context())
		if errors.Is(err, errors.ErrUnsupported) {
			return
		}
		if err != nil {
			t.Fatalf("Jobs: %v", err)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s Jobs gives %v, want %v", when, got, want)
		}
	}
	want("of no parts")
	parts := []export.PartID{
		{JobID: kittest.ShortID(1), Section: "members", Attempt: 1},
		{JobID: kittest.ShortID(1), Section: "products", Attempt: 2},
		{JobID: kittest.ShortID(2), Section: "members", Attempt: 1},
	}
	for _, id := range parts {
		kittest.Put(t, s, id, id.Section)
	}
	_ = s.Put(t.Context(), export.PartID{JobID: kittest.ShortID(3), Section: "members"}, func(io.Writer) error { return kittest.ErrWrite })
	want("of parts", kittest.ShortID(1), kittest.ShortID(2))
	for n, left := range [][]string{{kittest.ShortID(1), kittest.ShortID(2)}, {kittest.ShortID(2)}, nil} {
		if err := s.Delete(t.Context(), parts[n]); err != nil {
			t.Fatal(err)
		}
		want("after a Delete", left...)
	}
}
