package exporttest

import (
	"context"
	"io"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// brokenSpool is a MemSpool with a defect, which sets one of the fields.
type brokenSpool struct {
	MemSpool
	id   func(export.PartID) export.PartID // takes some ids for one
	jobs func(jobs []string) []string
}

func breakSpool(breaks func(*brokenSpool)) export.Spool {
	s := &brokenSpool{
		id:   func(id export.PartID) export.PartID { return id },
		jobs: func(jobs []string) []string { return jobs },
	}
	breaks(s)
	return s
}

func (s *brokenSpool) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) error {
	return s.MemSpool.Put(ctx, s.id(id), write)
}

func (s *brokenSpool) Open(ctx context.Context, id export.PartID) (io.ReadSeekCloser, error) {
	return s.MemSpool.Open(ctx, s.id(id))
}

func (s *brokenSpool) Jobs(ctx context.Context) ([]string, error) {
	jobs, err := s.MemSpool.Jobs(ctx)
	return s.jobs(jobs), err
}

// TestSpoolMutants has what is promised of spools alone. Mutants of what is
// promised of destinations too are in jobstest.
func TestSpoolMutants(t *testing.T) {
	type S = *brokenSpool
	alike := func(change func(id *export.PartID)) func(S) {
		return func(s S) { s.id = func(id export.PartID) export.PartID { change(&id); return id } }
	}
	kittest.TestMutants(t, spoolPromises[len(spoolPromises)-3:], breakSpool, []kittest.Mutant[S]{
		{"EveryFieldOfAnIDCounts", alike(func(id *export.PartID) { id.JobID = "" }), ` is "`},
		{"EveryFieldOfAnIDCounts", alike(func(id *export.PartID) { id.Shard = 0 }), ` is "`},
		{"EveryFieldOfAnIDCounts", alike(func(id *export.PartID) { id.Attempt = 0 }), ` is "`},
		{"ListsByJob", alike(func(id *export.PartID) { id.JobID = kittest.ShortID(1) }), "List("},
		{"ListsByJob", alike(func(id *export.PartID) { id.Attempt = 1 }), "List("},
		{"ListsJobs", func(s S) { s.jobs = func([]string) []string { return nil } }, "of parts Jobs"},
		{"ListsJobs", func(s S) {
			var ever []string
			s.jobs = func(jobs []string) []string { ever = append(ever, jobs...); return ever }
		}, "after a Delete Jobs"},
	})
}
