package bunstore

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export/jobs"
)

var _ jobs.Remover = (*Store)(nil)

// RemoveEnded implements [jobs.Remover]. On PostgreSQL it skips jobs that somebody else is
// writing or removing, instead of waiting.
func (s *Store) RemoveEnded(ctx context.Context, kept time.Duration, limit int) (int64, error) {
	if kept <= 0 {
		return 0, fmt.Errorf("bunstore: remove jobs: they cannot be kept for %v", kept)
	}
	skip := bun.Safe("")
	if s.postgres {
		skip = "FOR UPDATE SKIP LOCKED"
	}
	result, err := s.db.NewRaw(`DELETE FROM ? WHERE id IN (SELECT id FROM ?
			WHERE finished_at < (SELECT ?) - ? AND purge_at IS NULL AND status IN ('completed', 'failed')
			ORDER BY finished_at, id LIMIT ? ?)`,
		s.table("jobs"), s.table("jobs"), s.clock(), kept.Milliseconds(), max(limit, 0), skip).Exec(ctx)
	if err != nil {
		return 0, wrap("remove jobs", err)
	}
	n, err := result.RowsAffected()
	return n, wrap("remove jobs", err)
}
