package sections

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"iter"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/pgvalue"
)

// Querier runs queries. [*sql.DB], [*sql.Conn] and [*sql.Tx] implement it.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// database is the [Source] of an [SQL.DB].
type database struct {
	db      Querier
	dialect Dialect
}

func (d database) Query(ctx context.Context, statement string, args []any, read func([]string, iter.Seq2[[]any, error]) error) error {
	var readErr error
	err := d.query(ctx, statement, args, func(names []string, rows iter.Seq2[[]any, error]) error {
		readErr = read(names, rows)
		return readErr
	})
	if readErr != nil {
		return readErr
	}
	return ofDriver(err)
}

// ofDriver returns an error of a driver as one that may quote values, unless it is one of
// package database/sql.
func ofDriver(err error) error {
	for _, known := range []error{driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone} {
		if errors.Is(err, known) {
			return err
		}
	}
	return export.Private(err)
}

func (d database) query(ctx context.Context, statement string, args []any, read func([]string, iter.Seq2[[]any, error]) error) error {
	db := d.db
	if begin, ok := ownTransactions(d.db); ok && d.dialect == Postgres {
		tx, err := beginFixed(ctx, begin)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		db = tx
	}
	rows, err := db.QueryContext(ctx, statement, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	names := make([]string, len(types))
	columns := make([]column, len(types))
	for i, t := range types {
		names[i] = t.Name()
		columns[i] = columnOf(d.dialect, t.DatabaseTypeName())
	}
	return read(names, d.fields(rows, columns))
}

// fields yields the fields of each row.
func (d database) fields(rows *sql.Rows, columns []column) iter.Seq2[[]any, error] {
	values := make([]any, len(columns))
	fields := make([]any, len(columns))
	for i := range values {
		fields[i] = &values[i]
	}
	return func(yield func([]any, error) bool) {
		for rows.Next() {
			if err := rows.Scan(fields...); err != nil {
				yield(nil, ofDriver(err))
				return
			}
			for i := range values {
				values[i] = columns[i].value(d.dialect, values[i])
			}
			if !yield(values, nil) {
				return
			}
		}
		// After the last row the rows close themselves, and Err returns the error.
		if err := rows.Err(); err != nil {
			yield(nil, ofDriver(err))
		}
	}
}

// beginner begins transactions, as a [*sql.DB] does.
type beginner interface {
	BeginTx(ctx context.Context, o *sql.TxOptions) (*sql.Tx, error)
}

// ownTransactions reports whether each query may have a transaction of its own. A
// [*sql.Conn] may be in one of its owner's.
func ownTransactions(db Querier) (beginner, bool) {
	if _, conn := db.(*sql.Conn); conn {
		return nil, false
	}
	b, ok := db.(beginner)
	return b, ok
}

// beginFixed begins a read-only transaction with the fixed settings of PostgreSQL.
func beginFixed(ctx context.Context, db beginner) (*sql.Tx, error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, pgvalue.Fix()); err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}
