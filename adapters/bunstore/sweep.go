package bunstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// Sessions that have expired and windows that are over are removed by the methods
// that make new ones: a few at a time, but more than they make, so that the tables
// do not grow for ever. Errors are ignored, because the next call tries again.
const (
	sessionsAtOnce = 10 // by each CreateSession
	windowsEvery   = 256
	windowsAtOnce  = 4 * windowsEvery // by each 256th Count, which makes two as a rule

	// Rows are kept for a while after their end: a session may have expired by the
	// clock of another machine, and somebody may still count in a window.
	sessionsKept = 24 * time.Hour
	windowsKept  = time.Minute
)

func (s *Store) sweepSessions(ctx context.Context) {
	_, _ = s.sweep(ctx, "sessions", "id", "expires_at", sessionsKept, sessionsAtOnce)
}

func (s *Store) sweepWindows(ctx context.Context) {
	_, _ = s.sweep(ctx, "windows", "key, length", "ends_at", windowsKept, windowsAtOnce)
}

// sweep removes rows of which the time in a column is longer ago than kept: up to
// limit of them, oldest first. It returns how many it removed. On PostgreSQL it skips
// rows that somebody else is writing or removing, instead of waiting.
func (s *Store) sweep(ctx context.Context, table, key, column string, kept time.Duration, limit int) (int64, error) {
	result, err := s.db.ExecContext(ctx, s.sweepQuery(table, key, column, kept, limit))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// sweepQuery returns the statement of sweep. key are the columns of the primary key.
func (s *Store) sweepQuery(table, key, column string, kept time.Duration, limit int) string {
	skip := bun.Safe("")
	if s.postgres {
		skip = "FOR UPDATE SKIP LOCKED"
	}
	return s.db.NewRaw("DELETE FROM ? WHERE (?) IN (SELECT ? FROM ? WHERE ? < (SELECT ?) - ? ORDER BY ? LIMIT ? ?)",
		s.table(table), bun.Safe(key), bun.Safe(key), s.table(table), bun.Safe(column), s.clock(), kept.Milliseconds(),
		bun.Safe(column), limit, skip).String()
}
