package bunstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// Rows that are over are removed by those who make new ones: more of them than
// they make, so that the tables do not grow without end, and not too many at
// once. That it failed is nobody's concern: the next one tries again.
const (
	sessionsAtOnce = 10 // by each CreateSession
	windowsEvery   = 256
	windowsAtOnce  = 4 * windowsEvery // by each 256th Count, which makes two as a rule

	// It may be by the clock of another machine that a session has expired, and
	// somebody may still count in a window that has ended.
	sessionsKept = 24 * time.Hour
	windowsKept  = time.Minute
)

func (s *Store) sweepSessions(ctx context.Context) {
	_, _ = s.sweep(ctx, "sessions", "id", "expires_at", sessionsKept, sessionsAtOnce)
}

func (s *Store) sweepWindows(ctx context.Context) {
	_, _ = s.sweep(ctx, "windows", "key, length", "ends_at", windowsKept, windowsAtOnce)
}

// sweep removes rows of which a column is over for longer than kept, and returns
// how many. It waits for nobody: what another process is removing or writing is
// left to it.
func (s *Store) sweep(ctx context.Context, table, key, column string, kept time.Duration, limit int) (int64, error) {
	result, err := s.db.ExecContext(ctx, s.sweepQuery(table, key, column, kept, limit))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (s *Store) sweepQuery(table, key, column string, kept time.Duration, limit int) string {
	skip := bun.Safe("")
	if s.postgres {
		skip = "FOR UPDATE SKIP LOCKED"
	}
	return s.db.NewRaw("DELETE FROM ? WHERE (?) IN (SELECT ? FROM ? WHERE ? < (SELECT ?) - ? ORDER BY ? LIMIT ? ?)",
		s.table(table), bun.Safe(key), bun.Safe(key), s.table(table), bun.Safe(column), s.clock(), kept.Milliseconds(),
		bun.Safe(column), limit, skip).String()
}
