package accesstest

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/orgexport/orgexport/export/access"
)

// MemSessions is an [access.SessionStore] in memory, for tests. It removes no
// session that has expired. Its zero value is ready for use. It is safe for
// concurrent use.
type MemSessions struct{ sessions credentials[access.Session] }

func sessionColumns(s *access.Session) columns {
	return columns{&s.ID, &s.Subject, &s.Hash, &s.CreatedAt, &s.ExpiresAt, nil}
}

// CreateSession implements [access.SessionStore].
func (s *MemSessions) CreateSession(ctx context.Context, session access.Session) error {
	return s.sessions.create(ctx, session, sessionColumns)
}

// SessionByHash implements [access.SessionStore].
func (s *MemSessions) SessionByHash(ctx context.Context, hash [sha256.Size]byte) (access.Session, error) {
	return s.sessions.byHash(ctx, hash, sessionColumns)
}

// ExtendSession implements [access.SessionStore].
func (s *MemSessions) ExtendSession(ctx context.Context, id string, until time.Time) error {
	return s.sessions.move(ctx, id, until, sessionColumns)
}

// EndSession implements [access.SessionStore].
func (s *MemSessions) EndSession(ctx context.Context, id string) error {
	return s.sessions.remove(ctx, id)
}

// Sessions implements [access.SessionStore].
func (s *MemSessions) Sessions(ctx context.Context, subject string) ([]access.Session, error) {
	return s.sessions.list(ctx, subject, sessionColumns)
}
