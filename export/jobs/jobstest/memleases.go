package jobstest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// LeasesBeyond implements [jobs.LeaseLister].
func (s *MemStore) LeasesBeyond(ctx context.Context, ahead time.Duration, limit int) ([]jobs.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	last := s.now().Add(ahead)
	found := s.those(func(j jobs.Job) bool { return j.Status.InFlight() && j.LeaseUntil.After(last) })
	slices.SortFunc(found, func(a, b jobs.Job) int {
		if a.PutOff != b.PutOff {
			return cmp.Compare(boolInt(a.PutOff), boolInt(b.PutOff))
		}
		return cmp.Or(b.LeaseUntil.Compare(a.LeaseUntil), strings.Compare(a.ID, b.ID))
	})
	return found[:min(len(found), max(limit, 0))], nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
