package jobstest

import (
	"context"
	"slices"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// PartsInUse implements [jobs.PartsUsage].
func (s *MemStore) PartsInUse(ctx context.Context, jobID string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	users := s.those(func(j jobs.Job) bool {
		return j.ID != jobID && j.Status.InFlight() && slices.ContainsFunc(j.Parts, func(id export.PartID) bool { return id.JobID == jobID })
	})
	return len(users) > 0, nil
}
