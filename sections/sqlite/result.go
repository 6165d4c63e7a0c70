package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/orgexport/orgexport/export/record"
)

// result has the rows of a query.
type result struct {
	ctx   context.Context
	conn  *conn
	stmt  *stmt
	names []string
	bools []bool // columns of booleans
	jsons []bool // columns of JSON
	more  bool   // the statement is at a row
	buf   []byte // texts and bytes of a row
}

// open prepares the statement, binds its parameters and goes to its first row. Only then
// are its columns those of the rows: a connection that was used before has prepared it by
// the schema of that time, and does so again if the file has another one.
func (r *result) open(statement string, args []any) error {
	err := r.patiently(func() (err error) {
		r.stmt, err = r.conn.prepare(statement)
		return err
	})
	if err != nil {
		return err
	}
	if err := r.begin(args); err != nil {
		r.stmt.finalize()
		return err
	}
	for i := range r.stmt.columns() {
		declared := declaredAs(r.stmt.declared(i))
		r.names = append(r.names, r.stmt.name(i))
		r.bools = append(r.bools, declared == "BOOLEAN" || declared == "BOOL")
		r.jsons = append(r.jsons, declared == "JSON" || declared == "JSONB")
	}
	return nil
}

// errWrites is the error of a statement that is none to read.
var errWrites = errors.New("sqlite: the statement writes, and the database is opened for reading only")

// begin goes to the first row. What has no rows, such as BEGIN or ATTACH, is not run: it
// would change the connection for the next query.
func (r *result) begin(args []any) error {
	if r.stmt.columns() == 0 {
		return errors.New("sqlite: the statement returns no columns")
	}
	if !r.stmt.readOnly() {
		return errWrites
	}
	if err := r.bind(args); err != nil {
		return err
	}
	return r.patiently(func() (err error) {
		if r.more, err = r.stmt.step(); err != nil {
			r.stmt.reset()
		}
		return err
	})
}

func (r *result) bind(args []any) error {
	if n := r.stmt.parameters(); n != len(args) {
		return fmt.Errorf("sqlite: the statement has %d parameters, not %d", n, len(args))
	}
	for i, arg := range args {
		var err error
		switch arg := arg.(type) {
		case nil:
			err = r.stmt.bindNull(i + 1)
		case string:
			err = r.stmt.bindText(i+1, arg)
		case int64:
			err = r.stmt.bindInt(i+1, arg)
		case float64:
			err = r.stmt.bindFloat(i+1, arg)
		case []byte:
			err = r.stmt.bindBlob(i+1, arg)
		default:
			err = fmt.Errorf("sqlite: parameter %d is a %T", i+1, arg)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// patiently calls what may find the file locked by a process that writes, until it is not
// any more. SQLite would wait without looking at the context.
func (r *result) patiently(call func() error) error {
	err := call()
	if err == nil {
		return nil
	}
	pause := time.NewTicker(busyPause)
	defer pause.Stop()
	for end := time.Now().Add(busyTimeout); isBusy(err) && time.Now().Before(end) && r.ctx.Err() == nil; {
		select {
		case <-r.ctx.Done():
		case <-pause.C:
			err = call()
		}
	}
	return r.cause(err)
}

// cause returns why there is an error: if the context has ended it was interrupted.
func (r *result) cause(err error) error {
	if err != nil && r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	return err
}

func isBusy(err error) bool {
	var e *resultError
	return errors.As(err, &e) && e.busy()
}

// rows yields the fields of each row.
func (r *result) rows(yield func([]any, error) bool) {
	values := make([]record.Value, len(r.names))
	fields := make([]any, len(r.names))
	for r.more {
		r.buf = r.buf[:0]
		for i := range values {
			r.set(&values[i], i)
			fields[i] = &values[i] // whoever reads may have changed it
		}
		if !yield(fields, nil) {
			return
		}
		var err error
		if r.more, err = r.stmt.step(); err != nil { // another step would begin again
			yield(nil, r.cause(r.conn.orChanged(err)))
			return
		}
	}
	if err := r.conn.orChanged(nil); err != nil {
		yield(nil, err)
	}
}

// set sets a field to the value of a column.
func (r *result) set(v *record.Value, i int) {
	start := len(r.buf)
	switch r.stmt.class(i) {
	case sqlite3.SQLITE_INTEGER:
		n := r.stmt.int(i)
		if r.bools[i] && (n == 0 || n == 1) {
			v.SetBool(n == 1)
			return
		}
		v.SetInt(n)
	case sqlite3.SQLITE_FLOAT:
		f := r.stmt.float(i)
		if f != math.Trunc(f) || math.Abs(f) >= 1e21 { // it has a dot or an exponent
			v.SetFloat64(f)
			return
		}
		r.buf = append(strconv.AppendFloat(r.buf, f, 'f', -1, 64), ".0"...)
		v.SetNumber(r.buf[start:])
	case sqlite3.SQLITE_TEXT:
		r.buf = r.stmt.appendText(r.buf, i)
		v.SetText(r.buf[start:])
		if r.jsons[i] {
			v.NestText()
		}
	case sqlite3.SQLITE_BLOB:
		r.buf = r.stmt.appendBlob(r.buf, i)
		v.SetBytes(r.buf[start:])
	default:
		v.SetNull()
	}
}
