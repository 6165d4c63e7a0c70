package postgres

import (
	"context"
	"fmt"
	"iter"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orgexport/orgexport/export/record"
)

// result has the rows of a query.
type result struct {
	conn  *pgconn.PgConn
	types *typeCache

	names   []string
	columns []column
	reader  *pgconn.ResultReader
	more    bool // the reader is at a row
	ended   bool // all rows were read
}

// open runs the query up to its first row. Parameters go as texts: the server knows what
// types they have. So do results, but for those types whose binary form is smaller and
// quicker to read.
func (r *result) open(ctx context.Context, statement string, values [][]byte) error {
	described, err := r.conn.Prepare(ctx, "", statement, nil)
	if err != nil {
		return &statementError{err}
	}
	if given := len(described.ParamOIDs); given != len(values) {
		return fmt.Errorf("postgres: the statement has %d parameters, not %d", given, len(values))
	}
	if len(described.Fields) == 0 { // COPY, SET or DO would do something all the same
		return errNoColumns
	}
	asked, err := r.describe(ctx, described.Fields)
	if err != nil {
		return err
	}
	if asked { // which has taken the place of the statement
		if _, err := r.conn.Prepare(ctx, "", statement, nil); err != nil {
			return err
		}
	}
	formats := make([]int16, len(r.columns))
	for i, c := range r.columns {
		if c.binary {
			formats[i] = 1
		}
	}
	r.reader = r.conn.ExecPrepared(ctx, "", values, nil, formats)
	return r.next()
}

// statementError is an error of a statement before it has read any row. Its message quotes the
// statement only.
type statementError struct{ error }

func (e *statementError) Unwrap() error { return e.error }

// LogText is what export.LogText asks for.
func (e *statementError) LogText() string { return e.Error() }

// next goes to the next row, or to the end.
func (r *result) next() error {
	if r.more = r.reader.NextRow(); r.more {
		return nil
	}
	r.ended = true
	_, err := r.reader.Close()
	return err
}

// describe notes the columns. It reports whether it had to ask the server for their types.
func (r *result) describe(ctx context.Context, fields []pgconn.FieldDescription) (asked bool, err error) {
	decoders, asked, err := r.types.decoders(ctx, r.conn, fields)
	if err != nil {
		return asked, err
	}
	for i, f := range fields {
		c, ok := simple(f.DataTypeOID)
		if !ok {
			c = column{decode: decodeNested(decoders[i])}
		}
		r.names = append(r.names, f.Name)
		r.columns = append(r.columns, c)
	}
	return asked, nil
}

// rows yields the fields of each row.
func (r *result) rows(yield func([]any, error) bool) {
	values := make([]record.Value, len(r.columns))
	fields := make([]any, len(r.columns))
	for r.more {
		for i, raw := range r.reader.Values() {
			fields[i] = &values[i] // whoever reads may have changed it
			if raw == nil {
				values[i].SetNull()
				continue
			}
			if err := r.columns[i].set(&values[i], raw); err != nil {
				yield(nil, fmt.Errorf("postgres: column %q: %w", r.names[i], err))
				return
			}
		}
		if !yield(fields, nil) {
			return
		}
		if err := r.next(); err != nil {
			yield(nil, err)
			return
		}
	}
}

var _ iter.Seq2[[]any, error] = (*result)(nil).rows

// texts returns the values of parameters as PostgreSQL reads them.
func texts(args []any) ([][]byte, error) {
	values := make([][]byte, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case nil:
		case string:
			values[i] = []byte(arg)
		case int64:
			values[i] = strconv.AppendInt(nil, arg, 10)
		default:
			return nil, fmt.Errorf("postgres: parameter %d is a %T", i+1, arg)
		}
	}
	return values, nil
}
