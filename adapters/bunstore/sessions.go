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

// CreateSession is the method of [access.SessionStore]. It also removes some
// sessions that have expired a day ago or earlier.
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
	created, err := changed(s.db.NewInsert().Model(row).ModelTableExpr("?", s.table("sessions")).On("CONFLICT DO NOTHING").Exec(ctx))
	if err == nil && !created {
		err = access.ErrExists
	}
	if err == nil {
		s.sweepSessions(ctx)
	}
	return wrap("create session", err)
}

// SessionByHash is the method of [access.SessionStore].
func (s *Store) SessionByHash(ctx context.Context, hash [sha256.Size]byte) (access.Session, error) {
	leave, err := s.lookUps.enter(ctx)
	if err != nil {
		return access.Session{}, wrap("session by hash", err)
	}
	defer leave()
	row := new(sessionRow)
	err = s.db.NewSelect().Model(row).ModelTableExpr("? AS session", s.table("sessions")).Where("hash = ?", hash[:]).Scan(ctx)
	if err != nil {
		return access.Session{}, wrap("session by hash", notFound(err))
	}
	session, err := row.session()
	return session, wrap("session by hash", err)
}

// ExtendSession is the method of [access.SessionStore].
func (s *Store) ExtendSession(ctx context.Context, id string, until time.Time) error {
	if !storable(id) {
		return nil
	}
	_, err := s.db.NewUpdate().Table(s.prefix+"sessions").Set("expires_at = ?", until.UnixMilli()).
		Where("id = ?", id).Where("expires_at < ?", until.UnixMilli()).Exec(ctx)
	return wrap("extend session", err)
}

// EndSession is the method of [access.SessionStore].
func (s *Store) EndSession(ctx context.Context, id string) error {
	if !storable(id) {
		return wrap("end session", access.ErrNotFound)
	}
	found, err := changed(s.db.NewDelete().Table(s.prefix+"sessions").Where("id = ?", id).Exec(ctx))
	if err == nil && !found {
		err = access.ErrNotFound
	}
	return wrap("end session", err)
}

// Sessions is the method of [access.SessionStore].
func (s *Store) Sessions(ctx context.Context, subject string) ([]access.Session, error) {
	if !storable(subject) {
		return nil, nil
	}
	var rows []sessionRow
	err := s.db.NewSelect().Model(&rows).ModelTableExpr("? AS session", s.table("sessions")).
		Where("subject = ?", subject).OrderExpr("created_at, id").Scan(ctx)
	if err != nil {
		return nil, wrap("sessions", err)
	}
	sessions := make([]access.Session, len(rows))
	for i := range rows {
		if sessions[i], err = rows[i].session(); err != nil {
			return nil, wrap("sessions", err)
		}
	}
	return sessions, nil
}
