package bunstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

var (
	// ErrNewerSchema is matched when the tables were made by a newer program:
	// this one must not use them.
	ErrNewerSchema = errors.New("bunstore: the database has a newer schema than this program")

	// ErrOlderSchema is matched when there are no tables yet, or those of an
	// older program: [Store.Migrate] brings them up to date.
	ErrOlderSchema = errors.New("bunstore: the database has to be migrated")
)

// Migration files are named by their version and dialect, and written with the
// default table prefix. One that was released is never changed.
//
//go:embed migrations
var migrationFiles embed.FS

// migrations are the SQL of all versions, the first at index 0.
func migrations(postgres bool, prefix string) []string {
	dialect := "sqlite"
	if postgres {
		dialect = "postgres"
	}
	var all []string
	for {
		text, err := fs.ReadFile(migrationFiles, fmt.Sprintf("migrations/%04d.%s.sql", len(all)+1, dialect))
		if err != nil {
			return all
		}
		all = append(all, strings.ReplaceAll(string(text), defaultPrefix, prefix))
	}
}

// Migrate brings the tables up to date, if they are not. Several processes may
// call it at once: one works, the others wait for it until their ctx ends. All is
// done or nothing. The error matches [ErrNewerSchema] if the tables are newer
// than this program.
//
// Package migrate of bun is not used: its lock is a row that a killed process
// leaves behind, and it notes a migration in another transaction than the
// migration's own.
func (s *Store) Migrate(ctx context.Context) error {
	for try := 0; ; try++ {
		err := s.db.RunInTx(ctx, s.readCommitted(), s.migrate)
		if !isBusy(err) {
			return wrap("migrate", err)
		}
		if err := pause(ctx, try); err != nil {
			return wrap("migrate", err)
		}
	}
}

func (s *Store) migrate(ctx context.Context, tx bun.Tx) error {
	if s.postgres {
		// It ends with the transaction, and so with the process. SQLite has one
		// writer anyway.
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", s.lockKey()); err != nil {
			return err
		}
	}
	version, err := s.schemaVersion(ctx, tx)
	if err != nil {
		return err
	}
	if version > len(s.migrations) {
		return s.newer(version)
	}
	for i, statements := range s.migrations[version:] {
		version := version + i + 1
		if _, err := tx.ExecContext(ctx, statements); err != nil {
			return fmt.Errorf("version %d: %w", version, err)
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO ? (version, applied_at) VALUES (?, ?)", s.table("schema"), version, s.clock())
		if err != nil {
			return err
		}
	}
	return nil
}

// readCommitted is for transactions that begin by waiting for others: whatever the
// default is, what those did must be seen. SQLite knows nothing else.
func (s *Store) readCommitted() *sql.TxOptions {
	if !s.postgres {
		return nil
	}
	return &sql.TxOptions{Isolation: sql.LevelReadCommitted}
}

// lockKey is the same in all programs that have the same tables.
func (s *Store) lockKey() int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("orgexport schema " + s.prefix))
	return int64(h.Sum64())
}

// Check tells whether the database can be reached and its schema is the one of
// this program; if not, the error matches [ErrNewerSchema] or [ErrOlderSchema].
func (s *Store) Check(ctx context.Context) error {
	version, err := s.schemaVersion(ctx, s.db)
	switch {
	case err != nil:
		return wrap("check", err)
	case version > len(s.migrations):
		return s.newer(version)
	case version < len(s.migrations):
		return fmt.Errorf("%w: it has version %d, this program %d", ErrOlderSchema, version, len(s.migrations))
	}
	return nil
}

func (s *Store) newer(version int) error {
	return fmt.Errorf("%w: version %d, this program knows %d", ErrNewerSchema, version, len(s.migrations))
}

// schemaVersion is 0 if there are no tables.
func (s *Store) schemaVersion(ctx context.Context, db bun.IDB) (int, error) {
	name := s.prefix + "schema"
	exists := db.NewRaw("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", name)
	if s.postgres {
		// Not to_regclass: in a transaction it may remember that there was no
		// such table when the transaction began.
		exists = db.NewRaw("SELECT count(*) FROM pg_class WHERE relname = ? AND pg_table_is_visible(oid)", name)
	}
	var n, version int
	if err := exists.Scan(ctx, &n); err != nil || n == 0 {
		return 0, err
	}
	err := db.NewRaw("SELECT coalesce(max(version), 0) FROM ?", s.table("schema")).Scan(ctx, &version)
	return version, err
}

// wrap says which method failed. It returns errors of this package as they are.
func wrap(method string, err error) error {
	if err == nil || errors.Is(err, ErrNewerSchema) {
		return err
	}
	return fmt.Errorf("bunstore: %s: %w", method, err)
}

// isBusy tells that SQLite gave up waiting for another writer.
func isBusy(err error) bool {
	const busy = 5 // SQLITE_BUSY; the higher bits say why
	var coded interface{ Code() int }
	return errors.As(err, &coded) && coded.Code()&0xff == busy
}

// lostRace tells that PostgreSQL undid a transaction for the sake of another:
// serialization failure or deadlock.
func lostRace(err error) bool {
	var coded interface{ SQLState() string }
	return errors.As(err, &coded) && (coded.SQLState() == "40001" || coded.SQLState() == "40P01")
}

// pause waits before the next try: a random time, so that those that have raced
// do not meet again, up to 8 ms at first and 128 ms from the fifth on.
func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(rand.N(2 * time.Millisecond << min(try, 5)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
