package jobstest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// RemoveEnded implements [jobs.Remover].
func (s *MemStore) RemoveEnded(ctx context.Context, kept time.Duration, limit int) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case kept <= 0:
		return 0, errors.New("jobstest: jobs cannot be kept for no time")
	}
	before := s.now().Add(-kept)
	old := s.those(func(j jobs.Job) bool {
		return !j.Status.InFlight() && !j.FinishedAt.IsZero() && j.FinishedAt.Before(before) && j.PurgeAt.IsZero()
	})
	slices.SortFunc(old, func(a, b jobs.Job) int {
		return cmp.Or(a.FinishedAt.Compare(b.FinishedAt), strings.Compare(a.ID, b.ID))
	})
	old = old[:min(len(old), max(limit, 0))]
	for _, j := range old {
		delete(s.jobs, j.ID)
	}
	return int64(len(old)), nil
}
