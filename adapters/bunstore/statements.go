package bunstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// statements are those that were prepared, by their text.
type statements struct {
	mu       sync.Mutex
	prepared map[string]*sql.Stmt
}

// query runs a query whose text is one of few, so that the database parses and plans it only
// once for each connection. Between connections that a pooler gives to others after each
// transaction that does not work: PostgreSQL then says so before it does anything, and is not
// asked for it again.
func (s *Store) query(ctx context.Context, text string, values ...any) (*sql.Rows, error) {
	if s.prepares.Load() {
		rows, err := s.db.DB.QueryContext(ctx, text, append([]any{pgx.QueryExecModeCacheStatement}, values...)...)
		if !notPrepared(err) {
			return rows, err
		}
		s.prepares.Store(false)
	}
	if s.postgres {
		return s.db.DB.QueryContext(ctx, text, values...)
	}
	statement, err := s.statements.prepare(ctx, s.db.DB, text) //nolint:sqlclosecheck // Close of the Store does
	if err != nil {
		return nil, err
	}
	return statement.QueryContext(ctx, values...)
}

// queryRow is query for one row, which scan reads. The error is [sql.ErrNoRows] if there is none.
func (s *Store) queryRow(ctx context.Context, scan func(*sql.Rows) error, text string, values ...any) error {
	rows, err := s.query(ctx, text, values...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return cmp.Or(rows.Err(), sql.ErrNoRows)
	}
	if err := scan(rows); err != nil {
		return err
	}
	return rows.Close()
}

// numbered returns a query with its parameters, ?1 and so on, as the database writes them. It
// has no other question marks.
func (s *Store) numbered(text string) string {
	if s.postgres {
		return strings.ReplaceAll(text, "?", "$")
	}
	return text
}

// notPrepared reports whether a statement is not there that was prepared, or is there already
// before it is prepared.
func notPrepared(err error) bool { return hasState(err, "26000", "42P05") }

// prepare returns the statement of a text.
func (s *statements) prepare(ctx context.Context, db *sql.DB, text string) (*sql.Stmt, error) {
	s.mu.Lock()
	statement := s.prepared[text]
	s.mu.Unlock()
	if statement != nil {
		return statement, nil
	}
	statement, err := db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.prepared[text]; other != nil {
		return other, statement.Close() //nolint:sqlclosecheck // there is no other way out
	}
	if s.prepared == nil {
		s.prepared = make(map[string]*sql.Stmt)
	}
	s.prepared[text] = statement
	return statement, nil
}

// close closes all of them.
func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, statement := range s.prepared {
		errs = append(errs, statement.Close())
	}
	clear(s.prepared)
	return errors.Join(errs...)
}
