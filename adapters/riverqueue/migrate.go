package riverqueue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/rivermigrate"
)

var (
	// ErrNewerSchema is matched if a newer program made River's tables: this one must
	// not use them.
	ErrNewerSchema = errors.New("riverqueue: the database has a newer schema than this program")

	// ErrOlderSchema is matched if there are no River tables yet, or an older program
	// made them: [Queue.Migrate] brings them up to date.
	ErrOlderSchema = errors.New("riverqueue: the database has to be migrated")
)

// Migrate makes River's tables, or brings them up to date. Several processes may call
// it at once: one does the work and the others wait for it, until their ctx ends. If it
// is interrupted, call it again. The error matches [ErrNewerSchema] if the tables are
// newer than this program.
func (q *Queue) Migrate(ctx context.Context) error {
	if q.config.DB.Stats().MaxOpenConnections == 1 {
		return errors.New("riverqueue: migrate: needs two connections to the database, and it may have one")
	}
	q.migrating.Lock() // so that waiting calls do not use up the connections
	defer q.migrating.Unlock()
	if err := q.migrate(ctx); err != nil {
		return wrap("migrate", err)
	}
	return nil
}

func (q *Queue) migrate(ctx context.Context) (err error) {
	// River migrates on other connections, in several transactions: some steps need
	// the steps before them committed. This transaction only holds a lock. The lock
	// ends with it, and so with the process.
	tx, err := q.config.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if rollbackErr := tx.Rollback(); !errors.Is(rollbackErr, sql.ErrTxDone) {
			err = errors.Join(err, rollbackErr)
		}
	}()
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", q.lockKey()); err != nil {
		return err
	}
	if q.config.Schema != "" {
		if err := q.makeSchema(ctx); err != nil {
			return err
		}
	}
	err = q.check(ctx)
	if !errors.Is(err, ErrOlderSchema) {
		return err
	}
	migrator, err := q.migrator()
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// makeSchema makes the schema if there is none. CREATE SCHEMA IF NOT EXISTS alone would
// need the right to make one, even if it is there.
func (q *Queue) makeSchema(ctx context.Context) error {
	var there bool
	err := q.config.DB.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", q.config.Schema).Scan(&there)
	if err != nil || there {
		return err
	}
	_, err = q.config.DB.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{q.config.Schema}.Sanitize())
	return err
}

// lockKey returns the lock of Migrate. It is the same in every version of this program.
func (q *Queue) lockKey() int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("orgexport river " + q.config.Schema))
	return int64(h.Sum64())
}

// Check implements [export.Checker]. It returns nil if the database can be reached and
// River's tables are up to date. If they are not, the error matches [ErrNewerSchema] or
// [ErrOlderSchema].
func (q *Queue) Check(ctx context.Context) error {
	if err := q.check(ctx); err != nil {
		return wrap("check", err)
	}
	return nil
}

func (q *Queue) check(ctx context.Context) error {
	migrator, err := q.migrator()
	if err != nil {
		return err
	}
	state, err := migrator.Validate(ctx, nil)
	if err != nil {
		return err
	}
	if !state.OK {
		return fmt.Errorf("%w: %s", ErrOlderSchema, strings.Join(state.Messages, ", "))
	}
	// River fails here if the tables have a migration that it does not know.
	if _, err := migrator.ExistingVersions(ctx); err != nil {
		_, answered := errors.AsType[*pgconn.PgError](err)
		_, network := errors.AsType[net.Error](err)
		if ctx.Err() != nil || answered || network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return err // the connection was lost in between
		}
		return fmt.Errorf("%w: %w", ErrNewerSchema, err)
	}
	return nil
}

func (q *Queue) migrator() (*rivermigrate.Migrator[*sql.Tx], error) {
	config := &rivermigrate.Config{Logger: q.riverConfig().Logger, Schema: q.config.Schema}
	return rivermigrate.New(riverdatabasesql.New(q.config.DB), config)
}

// wrap says in an error which method failed. Errors of this package stay as they are:
// they have the package's name already.
func wrap(method string, err error) error {
	if errors.Is(err, ErrNewerSchema) || errors.Is(err, ErrOlderSchema) {
		return err
	}
	return fmt.Errorf("riverqueue: %s: %w", method, err)
}
