package bunstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/orgexport/orgexport/export"
)

// errMoved says that the file of a database is not the one that was opened.
var errMoved = errors.New("the file was removed or replaced after it was opened: put it back, or restart to open what is there now")

// sqliteFile opens connections to a SQLite file for as long as the file is the one that was
// opened first. SQLite itself would go on with a file that is gone, and make a new one for
// the next connection.
type sqliteFile struct {
	driver.Connector
	path   string
	opened fs.FileInfo
	table  string // of the identity
	origin *origin
}

// Connect implements [driver.Connector].
func (f *sqliteFile) Connect(ctx context.Context) (driver.Conn, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	conn, err := f.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	inner, ok := conn.(sqliteDriverConn)
	if !ok {
		return nil, errors.Join(errors.New("the driver of SQLite lacks a method"), conn.Close())
	}
	c := &sqliteConn{sqliteDriverConn: inner, file: f}
	err = c.begin(ctx)
	if err == nil {
		err = f.origin.admit(f.table, func(query string) (string, error) { return c.text(ctx, query) })
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

// check returns an error unless the file is there and the one that was opened.
func (f *sqliteFile) check() error {
	now, err := os.Stat(f.path)
	if err == nil && !os.SameFile(now, f.opened) {
		err = errMoved
	} else if errors.Is(err, fs.ErrNotExist) {
		err = errMoved
	}
	if errors.Is(err, errMoved) {
		return &export.OutageError{What: theDatabase, Kind: export.OutageGone, Err: fmt.Errorf("%s: %w", f.path, err)}
	}
	return err
}

// sqliteDriverConn is a connection of the driver of SQLite.
type sqliteDriverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// sqliteConn is a connection whose use ends when a file that it uses is gone.
type sqliteConn struct {
	sqliteDriverConn
	file *sqliteFile

	// beside are the write-ahead log and its index. SQLite keeps them for as long as
	// anybody has the database open.
	beside map[string]fs.FileInfo
}

// text runs a query for one text.
func (c *sqliteConn) text(ctx context.Context, query string) (string, error) {
	rows, err := c.QueryContext(ctx, query, nil)
	if err != nil {
		return "", err
	}
	row := make([]driver.Value, 1)
	err = rows.Next(row)
	return fmt.Sprint(row[0]), errors.Join(err, rows.Close())
}

// begin reads from the database, so that SQLite opens the files beside it.
func (c *sqliteConn) begin(ctx context.Context) error {
	if _, err := c.text(ctx, "SELECT count(*) FROM sqlite_schema"); err != nil {
		return err
	}
	c.beside = make(map[string]fs.FileInfo)
	for _, end := range []string{"-wal", "-shm"} {
		if info, err := os.Stat(c.file.path + end); err == nil {
			c.beside[c.file.path+end] = info
		}
	}
	return nil
}

// ResetSession implements [driver.SessionResetter]: database/sql calls it before each use
// but the first. If a file is gone the connection is closed. The next one fails if it is
// the database. If it is the write-ahead log, closing has saved what was in it.
func (c *sqliteConn) ResetSession(ctx context.Context) error {
	if c.file.check() != nil || c.file.origin.lost() {
		return driver.ErrBadConn
	}
	for path, opened := range c.beside {
		if now, err := os.Stat(path); err != nil || !os.SameFile(now, opened) {
			return driver.ErrBadConn
		}
	}
	return c.sqliteDriverConn.ResetSession(ctx)
}

// Unwrap returns the connection of the driver, whose package asks for it.
func (c *sqliteConn) Unwrap() driver.Conn { return c.sqliteDriverConn }
