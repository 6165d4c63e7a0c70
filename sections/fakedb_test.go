package sections_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"testing"
)

// fakeDB is a database that answers every query with the same rows, and can do
// what real ones seldom do.
type fakeDB struct {
	columns  []string
	types    []string
	rows     [][]driver.Value
	rowsErr  error // after the rows
	closeErr error

	query string // the last one
	args  []driver.NamedValue

	begun, rolledBack int // read-only transactions
	settings          string
}

// open returns the database. It is not safe for concurrent use.
func (f *fakeDB) open(t *testing.T) *sql.DB {
	t.Helper()
	db := sql.OpenDB(f)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (f *fakeDB) Connect(context.Context) (driver.Conn, error) { return f, nil }
func (f *fakeDB) Driver() driver.Driver                        { return nil }
func (f *fakeDB) Prepare(string) (driver.Stmt, error)          { return nil, driver.ErrSkip }
func (f *fakeDB) Begin() (driver.Tx, error)                    { return nil, driver.ErrSkip }
func (f *fakeDB) Close() error                                 { return nil }

// BeginTx begins read-only transactions only.
func (f *fakeDB) BeginTx(_ context.Context, o driver.TxOptions) (driver.Tx, error) {
	if !o.ReadOnly {
		return nil, driver.ErrSkip
	}
	f.begun++
	return fakeTx{f}, nil
}

type fakeTx struct{ *fakeDB }

func (f fakeTx) Commit() error   { return driver.ErrSkip }
func (f fakeTx) Rollback() error { f.rolledBack++; return nil }

func (f *fakeDB) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	f.settings = query
	return driver.ResultNoRows, nil
}

func (f *fakeDB) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	f.query, f.args = query, args
	return &fakeRows{fakeDB: f}, nil
}

type fakeRows struct {
	*fakeDB
	next int
}

func (r *fakeRows) Columns() []string                       { return r.columns }
func (r *fakeRows) ColumnTypeDatabaseTypeName(i int) string { return r.types[i] }
func (r *fakeRows) Close() error                            { return r.closeErr }

func (r *fakeRows) Next(dest []driver.Value) error {
	if r.next == len(r.rows) {
		if r.rowsErr != nil {
			return r.rowsErr
		}
		return io.EOF
	}
	copy(dest, r.rows[r.next])
	r.next++
	return nil
}
