package bunstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export"
)

var _ export.Statser = (*Store)(nil)

// Stats is the method of [export.Statser]. It reads the jobs in flight only, by
// an index that has no others.
func (s *Store) Stats(ctx context.Context) (export.Stats, error) {
	var rows []statsRow
	if err := s.selectStats().Scan(ctx, &rows); err != nil {
		return export.Stats{}, wrap("stats", err)
	}
	var stats export.Stats
	for _, row := range rows {
		switch export.JobStatus(row.Status) {
		case export.JobPending:
			stats.Pending = row.Jobs
			stats.Oldest = time.Duration(max(row.Age, 0)) * time.Millisecond
		case export.JobProcessing:
			stats.Processing = row.Jobs
		case export.JobCompleted, export.JobFailed:
		}
	}
	return stats, nil
}

// statsRow is what there is of jobs of one status.
type statsRow struct {
	Status string `bun:"status"`
	Jobs   int64  `bun:"jobs"`
	Age    int64  `bun:"age"` // of the oldest, in milliseconds
}

// selectStats has the condition of those indexes in its words: SQLite compares them.
func (s *Store) selectStats() *bun.SelectQuery {
	return s.db.NewSelect().TableExpr("? AS job", s.table("jobs")).
		ColumnExpr("status, count(*) AS jobs, ? - min(created_at) AS age", s.clock()).
		Where("status IN ('pending', 'processing')").GroupExpr("status")
}
