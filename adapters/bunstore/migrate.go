package bunstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"strings"

	"github.com/uptrace/bun"
)

var (
	// ErrNewerSchema is matched if a newer program made the tables: this one must
	// not use them. A program that runs already may, if they are compatible: see
	// [Store.Check].
	ErrNewerSchema = errors.New("bunstore: the database has a newer schema than this program")

	// ErrOlderSchema is matched if there are no tables yet, or an older program
	// made them: [Store.Migrate] brings them up to date.
	ErrOlderSchema = errors.New("bunstore: the database has to be migrated")
)

// migrationFiles are named by version and dialect, and use the default table prefix.
// A file is not changed after it was released.
//
// A migration whose first line is "-- additive" keeps what programs of the schema before
// it need, so that those that run go on.
//
//go:embed migrations
var migrationFiles embed.FS

// migrations returns the SQL that makes each version of the schema from the one
// before. Version 1 is at index 0.
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

// Migrate makes the tables, or brings them up to date. It does all of that or, if it
// fails, nothing. Several processes may call it at once: one does the work and the
// others wait for it, until their ctx ends. The error matches [ErrNewerSchema] if
// the tables are newer than this program, and [ErrOtherPurpose] if they are not for what
// [Config] says.
func (s *Store) Migrate(ctx context.Context) error {
	return wrap("migrate", retry(ctx, isBusy, func() error {
		return s.db.RunInTx(ctx, s.readCommitted(), s.migrate)
	}))
}

// migrate is Migrate in its transaction. bun's package migrate would not do: its lock
// is a row, which a killed process leaves behind, and it notes that a migration is
// done in another transaction than the migration's.
func (s *Store) migrate(ctx context.Context, tx bun.Tx) error {
	if s.postgres {
		// SQLite has one writer anyway.
		if err := lock(ctx, tx, "schema "+s.prefix); err != nil {
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
	if err := s.checkPurpose(ctx, tx, version); err != nil {
		return err
	}
	for i, statements := range s.migrations[version:] {
		version := version + i + 1
		if _, err := tx.ExecContext(ctx, statements); err != nil {
			return fmt.Errorf("version %d: %w", version, err)
		}
		if err := s.noteVersion(ctx, tx, version); err != nil {
			return err
		}
	}
	if len(s.migrations) < identityVersion {
		return nil
	}
	return s.identify(ctx, tx, version == 0)
}

// noteVersion notes that the tables have a version of the schema, and from which one on
// programs work with it.
func (s *Store) noteVersion(ctx context.Context, tx bun.Tx, version int) error {
	if version < compatibleVersion {
		_, err := tx.ExecContext(ctx, "INSERT INTO ? (version, applied_at) VALUES (?, ?)", s.table("schema"), version, s.clock())
		return err
	}
	compatible := version
	for compatible > compatibleVersion && strings.HasPrefix(s.migrations[compatible-1], "-- additive\n") {
		compatible--
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO ? (version, applied_at, compatible) VALUES (?, ?, ?)",
		s.table("schema"), version, s.clock(), compatible)
	return err
}

// compatibleVersion is the schema since which the tables say with which programs they
// work.
const compatibleVersion = 4

// readCommitted returns options for a transaction that begins by waiting for others:
// it must see what they wrote, whatever the database's default is. On SQLite every
// transaction does.
func (s *Store) readCommitted() *sql.TxOptions {
	if !s.postgres {
		return nil
	}
	return &sql.TxOptions{Isolation: sql.LevelReadCommitted}
}

// lock waits for a lock of a PostgreSQL database and holds it until the transaction
// ends, even if that is because the process dies. Older programs use the same names.
func lock(ctx context.Context, tx bun.Tx, name string) error {
	h := fnv.New64a()
	_, _ = h.Write([]byte("orgexport " + name))
	_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", int64(h.Sum64()))
	return err
}

// checkStart reports whether a program may begin to use the database. It need not have
// tables yet.
func (s *Store) checkStart(ctx context.Context) error {
	version, err := s.schemaVersion(ctx, s.db)
	switch {
	case err != nil:
		return wrap("check", err)
	case version > len(s.migrations):
		return s.newer(version)
	}
	return wrap("check", s.checkPurpose(ctx, s.db, version))
}

// Check implements [export.Checker]. It returns nil if the database can be reached and
// written, if it is the one that was opened, and if this program may go on to use its
// tables: they are up to date, or a newer program has only added to them. If not, the error
// matches [ErrNewerSchema], [ErrOlderSchema] or [export.ErrUnavailable]. It writes a row.
func (s *Store) Check(ctx context.Context) error {
	if err := s.checkVersion(ctx); err != nil || len(s.migrations) < identityVersion {
		return err
	}
	if err := s.look(ctx); err != nil {
		return wrap("check", err)
	}
	return s.Mark(ctx, markCheck)
}

// checkVersion reports whether this program may use the tables.
func (s *Store) checkVersion(ctx context.Context) error {
	version, err := s.schemaVersion(ctx, s.db)
	switch {
	case err != nil:
		return wrap("check", err)
	case version > len(s.migrations):
		return s.checkCompatible(ctx, version)
	case version < len(s.migrations):
		return fmt.Errorf("%w: it has version %d, this program %d", ErrOlderSchema, version, len(s.migrations))
	}
	return nil
}

// checkCompatible reports whether this program works with tables of a newer version.
func (s *Store) checkCompatible(ctx context.Context, version int) error {
	var compatible int
	err := s.db.NewRaw("SELECT compatible FROM ? WHERE version = ?", s.table("schema"), version).Scan(ctx, &compatible)
	switch {
	case err != nil:
		return wrap("check", err)
	case compatible > len(s.migrations):
		return s.newer(version)
	}
	return nil
}

func (s *Store) newer(version int) error {
	return fmt.Errorf("%w: version %d, this program knows %d", ErrNewerSchema, version, len(s.migrations))
}

// schemaVersion returns the version of the tables, or 0 if there are none.
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

// wrap says in an error which method failed. ErrNewerSchema and ErrOtherPurpose stay as
// they are: they have the package's name already. An outage becomes an
// [*export.OutageError].
func wrap(method string, err error) error {
	if err == nil || errors.Is(err, ErrNewerSchema) || errors.Is(err, ErrOtherPurpose) {
		return err
	}
	return fmt.Errorf("bunstore: %s: %w", method, outage(err))
}
