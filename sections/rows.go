package sections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

// query is an SQL query with numbered parameters.
type query struct {
	source  Source
	dialect Dialect
	sql     string
	params  []parameter
	key     string   // the column by which its rows are ordered and split, or empty
	json    []string // columns that hold nested data
	wants   []want   // the columns that fields name: json, the key, and those that names are made of
}

// result has the rows that a query returns. It holds one row at a time in memory.
type result struct {
	names  []string
	nested []int // places of columns that hold nested data
	rows   iter.Seq2[[]any, error]
}

// run runs the query for a piece and calls read with its result, which is valid during the call.
func (q *query) run(ctx context.Context, scope export.Scope, of piece, read func(r *result) error) error {
	statement, args, err := q.statement(scope, of)
	if err != nil {
		return unread("parameter", err)
	}
	called := false
	var readErr error
	err = q.read(ctx, scope, statement, args, func(columns []string, rows iter.Seq2[[]any, error]) error {
		called = true
		r, err := q.resultOf(columns, rows)
		if err == nil {
			err = read(r)
		}
		readErr = err
		return err
	})
	if readErr == nil && err != nil {
		return unread("query", err)
	}
	if !called && err == nil {
		return unread("query", fmt.Errorf("%T has not read its rows", q.source))
	}
	return readErr
}

// read runs a statement in the snapshot of the scope, as long as that can be read.
func (q *query) read(ctx context.Context, scope export.Scope, statement string, args []any, read func([]string, iter.Seq2[[]any, error]) error) error {
	if s, ok := q.source.(Snapshotter); ok && scope.Snapshot != "" {
		err := s.QueryAt(ctx, scope.Snapshot, statement, args, read)
		if !errors.Is(err, export.ErrSnapshotLost) {
			return err
		}
		if err := scope.SnapshotLost(err); err != nil {
			return err
		}
	}
	return q.source.Query(ctx, statement, args, read)
}

// args returns the values of the parameters for an organization.
func (q *query) args(organizationID string) ([]any, error) {
	args := make([]any, len(q.params))
	for i, p := range q.params {
		var err error
		if args[i], err = p.value(organizationID); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// resultOf returns an error if a column is missing or there twice, or there is none, as of
// COPY, whose rows would not be here.
func (q *query) resultOf(columns []string, rows iter.Seq2[[]any, error]) (*result, error) {
	if len(columns) == 0 {
		return nil, unread("columns", errors.New("the statement returns none"))
	}
	if problems := q.misfits(columns); len(problems) > 0 {
		return nil, unread("columns", problems[0].Err)
	}
	r := &result{names: columns, rows: rows}
	for i, name := range columns {
		if slices.Contains(q.json, name) {
			r.nested = append(r.nested, i)
		}
	}
	return r, nil
}

// unread returns an error whose public text does not say why data could not be read, unless
// the database took too long.
func unread(what string, err error) error {
	text := "The data could not be read."
	if isStopped(err) {
		text = "The data could not be read: the database stopped the query, as it does when one takes too long."
	}
	return export.WithPublic(fmt.Errorf("sections: %s: %w", what, err), text)
}

// isStopped tells whether PostgreSQL has ended a query, because of a time limit or because its
// administrator did. Each of its drivers has an error that tells the code.
func isStopped(err error) bool {
	const queryCanceled = "57014"
	var coded interface{ SQLState() string }
	return errors.As(err, &coded) && coded.SQLState() == queryCanceled
}

// records yields each row as a [record.Row]. It is the same one each time, with other
// values.
func (r *result) records() iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		var row any
		for values, err := range r.rows {
			if err != nil {
				yield(nil, unread("rows", err))
				return
			}
			for _, i := range r.nested {
				values[i] = nest(values[i])
			}
			if row == nil { // else it has the same slice
				row = record.Row{Columns: r.names, Values: values}
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// nest returns a text as JSON.
func nest(v any) any {
	switch v := v.(type) {
	case string:
		return json.RawMessage(v)
	case []byte:
		return json.RawMessage(v)
	case *record.Value:
		v.NestText()
	}
	return v
}

// withHeader yields a [record.Row] with columns and no values, and then the records.
func (r *result) withHeader() iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		if yield(record.Row{Columns: r.names}, nil) {
			r.records()(yield)
		}
	}
}
