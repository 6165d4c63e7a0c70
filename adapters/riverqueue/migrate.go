package riverqueue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/rivermigrate"
)

var (
	// ErrNewerSchema is matched when River's tables were made by a newer program:
	// this one must not use them.
	ErrNewerSchema = errors.New("riverqueue: the database has a newer schema than this program")

	// ErrOlderSchema is matched when there are no tables of River's yet, or those
	// of an older program: [Queue.Migrate] brings them up to date.
	ErrOlderSchema = errors.New("riverqueue: the database has to be migrated")
)

// Migrate brings River's tables up to date, if they are not. Several processes may
// call it at once: one works, the others wait for it until their ctx ends. If it
// is interrupted it may be called again. The error matches [ErrNewerSchema] if the
// tables are newer than this program.
func (q *Queue) Migrate(ctx context.Context) error {
	if q.config.DB.Stats().MaxOpenConnections == 1 {
		return errors.New("riverqueue: migrate: needs two connections to the database, and it may have one")
	}
	q.migrating.Lock() // so that those who wait do not have all connections
	defer q.migrating.Unlock()
	if err := q.migrate(ctx); err != nil {
		return wrap("migrate", err)
	}
	return nil
}

func (q *Queue) migrate(ctx context.Context) (err error) {
	// River's own transactions are on other connections, and there are several:
	// some steps need those before them to be committed. This one only holds the
	// lock, which ends with it, and so with the process.
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

// makeSchema does not ask for the right to make one if it is there.
func (q *Queue) makeSchema(ctx context.Context) error {
	var there bool
	err := q.config.DB.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", q.config.Schema).Scan(&there)
	if err != nil || there {
		return err
	}
	_, err = q.config.DB.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{q.config.Schema}.Sanitize())
	return err
}

// lockKey is the same in all programs that have the same tables.
func (q *Queue) lockKey() int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("orgexport river " + q.config.Schema))
	return int64(h.Sum64())
}

// Check implements [export.Checker]: it tells whether the database can be reached
// and River's tables are those of this program; if not, the error matches
// [ErrNewerSchema] or [ErrOlderSchema].
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
	// It is an error to River to have done what it does not know.
	if _, err := migrator.ExistingVersions(ctx); err != nil {
		if ctx.Err() != nil {
			return err
		}
		return fmt.Errorf("%w: %w", ErrNewerSchema, err)
	}
	return nil
}

func (q *Queue) migrator() (*rivermigrate.Migrator[*sql.Tx], error) {
	config := &rivermigrate.Config{Logger: q.riverConfig().Logger, Schema: q.config.Schema}
	return rivermigrate.New(riverdatabasesql.New(q.config.DB), config)
}

// wrap says which method failed. It returns errors of this package as they are.
func wrap(method string, err error) error {
	if errors.Is(err, ErrNewerSchema) || errors.Is(err, ErrOlderSchema) {
		return err
	}
	return fmt.Errorf("riverqueue: %s: %w", method, err)
}
