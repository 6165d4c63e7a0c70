package bunstore

import (
	"context"

	"github.com/orgexport/orgexport/export/jobs"
)

var _ jobs.ArchiveLister = (*Store)(nil)

// Archives implements [jobs.ArchiveLister]. Pages follow the primary key, so that all of
// them together read each job once.
func (s *Store) Archives(ctx context.Context, after string, limit int) ([]jobs.Job, error) {
	if limit < 1 {
		return nil, nil
	}
	query := s.from(s.db, "jobs").Where("id > ?", after).Where("status = ?", jobs.Completed).Where("object_key <> ''").
		OrderExpr("id").Limit(int64(limit))
	found, err := list(ctx, query, (*jobRow).job)
	return found, wrap("archives", err)
}
