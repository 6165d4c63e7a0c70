package jobstest

import (
	"context"
	"slices"
	"strings"

	"github.com/orgexport/orgexport/export/jobs"
)

// Archives implements [jobs.ArchiveLister].
func (s *MemStore) Archives(ctx context.Context, after string, limit int) ([]jobs.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	found := s.those(func(j jobs.Job) bool { return j.Status == jobs.Completed && j.ObjectKey != "" && j.ID > after })
	slices.SortFunc(found, func(a, b jobs.Job) int { return strings.Compare(a.ID, b.ID) })
	return found[:min(len(found), limit)], nil
}
