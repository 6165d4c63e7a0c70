package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// statements are those that were prepared, by their text.
type statements struct {
	mu       sync.Mutex
	prepared map[string]*sql.Stmt
}

// query runs a query whose text is one of few, so that the database parses it only once.
// SQLite has to be told so. PostgreSQL's driver knows what it has seen, and how to do without
// behind a pooler.
func (s *Store) query(ctx context.Context, text string, values ...any) (*sql.Rows, error) {
	if s.postgres {
		return s.db.DB.QueryContext(ctx, text, values...)
	}
	statement, err := s.statements.prepare(ctx, s.db.DB, text) //nolint:sqlclosecheck // Close of the Store does
	if err != nil {
		return nil, err
	}
	return statement.QueryContext(ctx, values...)
}

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
