package jobstest

import (
	"context"

	"github.com/orgexport/orgexport/export/jobs"
)

// Stats implements [jobs.Statser].
func (s *MemStore) Stats(ctx context.Context) (jobs.Stats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return jobs.Stats{}, context.Cause(ctx)
	}
	var stats jobs.Stats
	now := s.now()
	for _, j := range s.jobs {
		if j.Status.InFlight() && j.Suspect > 0 {
			stats.Suspects++
		}
		switch j.Status {
		case jobs.Pending:
			stats.Pending++
			stats.Oldest = max(stats.Oldest, now.Sub(j.CreatedAt))
		case jobs.Processing:
			stats.Processing++
			stats.Helpers += int64(len(j.Helpers))
		case jobs.Completed:
			if j.ObjectKey != "" && !j.DamagedAt.IsZero() {
				stats.Damaged++
			}
		case jobs.Failed:
		}
	}
	return stats, nil
}
