package bunstore

import (
	"context"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

var _ jobs.LeaseLister = (*Store)(nil)

// LeasesBeyond implements [jobs.LeaseLister]. It reads the jobs in flight only, through an
// index that has no others.
func (s *Store) LeasesBeyond(ctx context.Context, ahead time.Duration, limit int) ([]jobs.Job, error) {
	if limit < 1 {
		return nil, nil
	}
	query := s.from(s.db, "jobs").
		Where("status IN ('pending', 'processing')").
		Where("lease_until > (SELECT ?) + ?", s.clock(), ahead.Milliseconds()).
		OrderExpr("put_off, lease_until DESC, id").Limit(int64(limit))
	late, err := list(ctx, query, (*jobRow).job)
	return late, wrap("leases", err)
}
