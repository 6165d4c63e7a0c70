package exporttest

import (
	"context"

	"github.com/orgexport/orgexport/export"
)

// Stats implements [export.Statser].
func (s *MemStore) Stats(ctx context.Context) (export.Stats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return export.Stats{}, context.Cause(ctx)
	}
	var stats export.Stats
	now := s.now()
	for _, j := range s.jobs {
		switch j.Status {
		case export.JobPending:
			stats.Pending++
			stats.Oldest = max(stats.Oldest, now.Sub(j.CreatedAt))
		case export.JobProcessing:
			stats.Processing++
		case export.JobCompleted, export.JobFailed:
		}
	}
	return stats, nil
}
