package jobstest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// Next implements [jobs.Scheduler].
func (s *MemStore) Next(ctx context.Context, want jobs.Want) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	busy, served := make(map[string]int), make(map[string]time.Time)
	for _, j := range s.jobs {
		org := j.Organization.ID
		if j.Status == jobs.Processing {
			busy[org] += 1 + len(j.Helpers)
		}
		if j.ClaimedAt.After(served[org]) && !j.ClaimedAt.After(s.now()) {
			served[org] = j.ClaimedAt
		}
	}
	waiting := s.those(func(j jobs.Job) bool {
		org := j.Organization.ID
		return (j.Waits() || j.Offers() && !want.NoHelp) && (!want.NoSuspects || j.Suspect == 0) && (want.NotOrganization == "" || org != want.NotOrganization) &&
			(want.PerOrganization == 0 || busy[org] < want.PerOrganization)
	})
	if len(waiting) == 0 {
		return "", fmt.Errorf("%w: no job needs a worker", export.ErrNotFound)
	}
	next := slices.MinFunc(waiting, func(a, b jobs.Job) int {
		return cmp.Or(
			cmp.Compare(b.Priority, a.Priority),
			cmp.Compare(busy[a.Organization.ID], busy[b.Organization.ID]),
			served[a.Organization.ID].Compare(served[b.Organization.ID]),
			a.CreatedAt.Compare(b.CreatedAt),
			strings.Compare(a.ID, b.ID),
		)
	})
	return next.ID, nil
}
