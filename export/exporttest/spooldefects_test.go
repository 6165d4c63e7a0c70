package exporttest

import (
	"context"
	"io"
	"slices"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// folding is a spool that takes some ids for one.
type folding struct {
	MemSpool
	fold func(export.PartID) export.PartID
}

func (s *folding) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) error {
	return s.MemSpool.Put(ctx, s.fold(id), write)
}

func (s *folding) Open(ctx context.Context, id export.PartID) (io.ReadSeekCloser, error) {
	return s.MemSpool.Open(ctx, s.fold(id))
}

// jobListing is a spool that knows its jobs in its own way.
type jobListing struct {
	MemSpool
	jobs func(parts []export.PartID) []string
}

func (s *jobListing) Jobs(context.Context) ([]string, error) {
	return s.jobs(s.parts.List(func(export.PartID) bool { return true })), nil
}

// TestBrokenSpools has what is promised of spools alone.
func TestBrokenSpools(t *testing.T) {
	var seen []string
	kittest.TestDefects(t, spoolPromises[len(spoolPromises)-3:], []kittest.Defect[export.Spool]{
		{"each part's job", "ListsJobs", "of parts Jobs", &jobListing{jobs: func(parts []export.PartID) []string {
			var ids []string
			for _, id := range parts {
				ids = append(ids, id.JobID)
			}
			return ids
		}}},
		{"jobs of old", "ListsJobs", "after a Delete Jobs", &jobListing{jobs: func(parts []export.PartID) []string {
			for _, id := range parts {
				seen = append(seen, id.JobID)
			}
			slices.Sort(seen)
			seen = slices.Compact(seen)
			return slices.Clone(seen)
		}}},
		{"no jobs", "ListsJobs", "of parts Jobs", &jobListing{jobs: func([]export.PartID) []string { return nil }}},
		{"shards alike", "EveryFieldOfAnIDCounts", " is \"", &folding{fold: func(id export.PartID) export.PartID { id.Shard = 0; return id }}},
		{"attempts alike", "EveryFieldOfAnIDCounts", " is \"", &folding{fold: func(id export.PartID) export.PartID { id.Attempt = 0; return id }}},
		{"jobs alike", "EveryFieldOfAnIDCounts", " is \"", &folding{fold: func(id export.PartID) export.PartID { id.JobID = ""; return id }}},
		{"numbers joined", "EveryFieldOfAnIDCounts", " is \"", &folding{fold: func(id export.PartID) export.PartID {
			if id.Shard == 1 && id.Attempt == 1 {
				return export.PartID{JobID: id.JobID, Section: id.Section, Attempt: 11}
			}
			return id
		}}},
		{"another job", "ListsByJob", "List(", &folding{fold: func(id export.PartID) export.PartID { id.JobID = kittest.ShortID(1); return id }}},
		{"only the last attempt", "ListsByJob", "List(", &folding{fold: func(id export.PartID) export.PartID { id.Attempt = 1; return id }}},
	})
}
