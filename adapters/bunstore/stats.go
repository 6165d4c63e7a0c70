package bunstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export/jobs"
)

var _ jobs.Statser = (*Store)(nil)

// Stats implements [jobs.Statser]. It reads the jobs in flight and those whose archive was
// found damaged, through indexes that have no others.
func (s *Store) Stats(ctx context.Context) (jobs.Stats, error) {
	var rows []statsRow
	if err := s.selectStats().Scan(ctx, &rows); err != nil {
		return jobs.Stats{}, wrap("stats", err)
	}
	var stats jobs.Stats
	for _, row := range rows {
		stats.Suspects += row.Suspects
		switch jobs.Status(row.Status) {
		case jobs.Pending:
			stats.Pending = row.Jobs
			stats.Oldest = time.Duration(max(row.Age, 0)) * time.Millisecond
		case jobs.Processing:
			stats.Processing, stats.Helpers = row.Jobs, row.Helpers
		case jobs.Completed, jobs.Failed:
		}
	}
	err := s.selectDamaged().Scan(ctx, &stats.Damaged)
	return stats, wrap("stats", err)
}

// statsRow counts the jobs of one status.
type statsRow struct {
	Status   string `bun:"status"`
	Jobs     int64  `bun:"jobs"`
	Suspects int64  `bun:"suspects"`
	Helpers  int64  `bun:"helpers"`
	Age      int64  `bun:"age"` // of the oldest, in milliseconds
}

// selectStats returns the query of Stats. Its condition is word for word that of the
// index: otherwise SQLite would not use it.
func (s *Store) selectStats() *bun.SelectQuery {
	return s.db.NewSelect().TableExpr("? AS job", s.table("jobs")).
		ColumnExpr("status, count(*) AS jobs, sum(CASE WHEN suspect > 0 THEN 1 ELSE 0 END) AS suspects, sum(helping) AS helpers, ? - min(created_at) AS age", s.clock()).
		Where("status IN ('pending', 'processing')").GroupExpr("status")
}

// selectDamaged returns the query that counts damaged archives that are still kept.
func (s *Store) selectDamaged() *bun.SelectQuery {
	return s.db.NewSelect().TableExpr("? AS job", s.table("jobs")).ColumnExpr("count(*)").
		Where("damaged_at IS NOT NULL").Where("object_key <> ''")
}
