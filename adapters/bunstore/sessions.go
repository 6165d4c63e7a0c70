package bunstore

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export/access"
)

// sessionRow is a row of the table of sessions.
type sessionRow struct {
	bun.BaseModel `bun:"table:sessions,alias:session"`

	ID        string `bun:"id,pk"`
	Hash      []byte `bun:"hash"`
	Subject   string `bun:"subject"`
	CreatedAt int64  `bun:"created_at"`
	ExpiresAt int64  `bun:"expires_at"`
}

// session returns the session that the row stores.
func (r *sessionRow) session() (access.Session, error) {
	if len(r.Hash) != sha256.Size {
		return access.Session{}, fmt.Errorf("session %s: hash of %d bytes", r.ID, len(r.Hash))
	}
	return access.Session{
		ID:        r.ID,
		Hash:      [sha256.Size]byte(r.Hash),
		Subject:   r.Subject,
		CreatedAt: time.UnixMilli(r.CreatedAt).UTC(),
		ExpiresAt: time.UnixMilli(r.ExpiresAt).UTC(),
	}, nil
}

// CreateSession implements [access.SessionStore]. It also removes a few sessions
// that expired more than a day ago.
func (s *Store) CreateSession(ctx context.Context, session access.Session) error {
	if err := checkText("id", session.ID, "subject", session.Subject); err != nil {
		return wrap("create session", err)
	}
	row := &sessionRow{
		ID:        session.ID,
		Hash:      session.Hash[:],
		Subject:   session.Subject,
		CreatedAt: session.CreatedAt.UnixMilli(),
		ExpiresAt: session.ExpiresAt.UnixMilli(),
	}
	err := execute(ctx, s.into(s.db, "sessions", row).On("CONFLICT DO NOTHING"), access.ErrExists)
	if err == nil {
		s.sweepSessions(ctx)
	}
	return wrap("create session", err)
}

// SessionByHash implements [access.SessionStore].
func (s *Store) SessionByHash(ctx context.Context, hash [sha256.Size]byte) (access.Session, error) {
	session, err := lookUp(ctx, s.sessions, rowKey{string(hash[:])}, (*sessionRow).session, access.ErrNotFound)
	return session, wrap("session by hash", err)
}

// ExtendSession implements [access.SessionStore].
func (s *Store) ExtendSession(ctx context.Context, id string, until time.Time) error {
	if !storable(id) {
		return nil
	}
	_, err := s.db.NewUpdate().Table(s.prefix+"sessions").Set("expires_at = ?", until.UnixMilli()).
		Where("id = ?", id).Where("expires_at < ?", until.UnixMilli()).Exec(ctx)
	return wrap("extend session", err)
}

// EndSession implements [access.SessionStore].
func (s *Store) EndSession(ctx context.Context, id string) error {
	if !storable(id) {
		return wrap("end session", access.ErrNotFound)
	}
	return wrap("end session", execute(ctx, s.db.NewDelete().Table(s.prefix+"sessions").Where("id = ?", id), access.ErrNotFound))
}

// Sessions implements [access.SessionStore].
func (s *Store) Sessions(ctx context.Context, subject string) ([]access.Session, error) {
	if !storable(subject) {
		return nil, nil
	}
	query := s.from(s.db, "sessions").Where("subject = ?", subject).OrderExpr("created_at, id")
	sessions, err := list(ctx, query, (*sessionRow).session)
	return sessions, wrap("sessions", err)
}
