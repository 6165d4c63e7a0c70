package sections

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

// Querier runs queries. [*sql.DB], [*sql.Conn] and [*sql.Tx] implement it.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// query is an SQL query with a positional parameter.
type query struct {
	db      Querier
	dialect Dialect
	sql     string
	bound   bool     // it has the parameter
	json    []string // columns that hold nested data
	needs   []string // columns that names are made of
}

// result has the rows that a query returns. It holds one row at a time in memory.
type result struct {
	query   *query
	tx      *sql.Tx // of this query alone, or nil
	rows    *sql.Rows
	names   []string
	columns []column
}

// open runs the query. The result must be closed.
func (q *query) open(ctx context.Context, scope export.Scope) (_ *result, err error) {
	r := &result{query: q}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	db := q.db
	if begin, ok := ownTransactions(q.db); ok && q.dialect == Postgres {
		if r.tx, err = beginFixed(ctx, begin); err != nil {
			return nil, unread("transaction", err)
		}
		db = r.tx
	}
	var args []any
	if q.bound {
		args = append(args, scope.Organization.ID)
	}
	if r.rows, err = db.QueryContext(ctx, q.sql, args...); err != nil { //nolint:rowserrcheck // records does
		return nil, unread("query", err)
	}
	if err := r.describe(); err != nil {
		return nil, unread("columns", err)
	}
	return r, nil
}

// unread returns an error whose public text does not say why data could not be read.
func unread(what string, err error) error {
	return export.WithPublic(fmt.Errorf("sections: %s: %w", what, err), "The data could not be read.")
}

// close closes the rows and ends their transaction. Errors do not matter: records yields
// the error if not all rows could be read.
func (r *result) close() {
	if r.rows != nil {
		_ = r.rows.Close()
	}
	if r.tx != nil {
		_ = r.tx.Rollback()
	}
}

// describe notes the columns of the result, and returns an error if one is missing or
// there twice.
func (r *result) describe() error {
	types, err := r.rows.ColumnTypes()
	if err != nil {
		return err
	}
	for _, t := range types {
		name := t.Name()
		if slices.Contains(r.names, name) {
			return fmt.Errorf("the query returns two columns %q; name one with AS", name)
		}
		c := columnOf(r.query.dialect, t.DatabaseTypeName())
		if slices.Contains(r.query.json, name) {
			c = column{kind: nested}
		}
		r.names = append(r.names, name)
		r.columns = append(r.columns, c)
	}
	for _, name := range slices.Concat(r.query.json, r.query.needs) {
		if !slices.Contains(r.names, name) {
			return fmt.Errorf("the query returns no column %q", name)
		}
	}
	return nil
}

// records yields each row as a [record.Row]. It is the same one each time, with other
// values.
func (r *result) records() iter.Seq2[any, error] {
	values := make([]any, len(r.names))
	fields := make([]any, len(r.names))
	for i := range values {
		fields[i] = &values[i]
	}
	var row any = record.Row{Columns: r.names, Values: values}
	return func(yield func(any, error) bool) {
		for r.rows.Next() {
			if err := r.rows.Scan(fields...); err != nil {
				yield(nil, unread("row", err))
				return
			}
			for i := range values {
				values[i] = r.columns[i].value(r.query.dialect, values[i])
			}
			if !yield(row, nil) {
				return
			}
		}
		// After the last row the rows close themselves, and Err returns the error.
		if err := r.rows.Err(); err != nil {
			yield(nil, unread("rows", err))
		}
	}
}

// withHeader yields a [record.Row] with columns and no values, and then the records.
func (r *result) withHeader() iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		if yield(record.Row{Columns: r.names}, nil) {
			r.records()(yield)
		}
	}
}
