package bunstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export/jobs"
)

var _ jobs.PartsUsage = (*Store)(nil)

// PartsInUse implements [jobs.PartsUsage]. It reads the jobs in flight only, through an index
// that has no others.
func (s *Store) PartsInUse(ctx context.Context, jobID string) (bool, error) {
	if !storable(jobID) {
		return false, nil
	}
	var users int
	err := s.selectPartsUsers(jobID).Scan(ctx, &users)
	return users > 0, wrap("parts in use", err)
}

// selectPartsUsers returns the query that counts the jobs in flight that have parts of another
// job.
func (s *Store) selectPartsUsers(jobID string) *bun.SelectQuery {
	each := "json_each(job.parts)"
	if s.postgres {
		each = "jsonb_array_elements(job.parts) AS part(value)"
	}
	return s.db.NewSelect().TableExpr("? AS job", s.table("jobs")).ColumnExpr("count(*)").
		Where("status IN ('pending', 'processing')").Where("id <> ?", jobID).
		Where("EXISTS (SELECT 1 FROM ? WHERE value ->> 'job_id' = ?)", bun.Safe(each), jobID)
}
