package sqlite

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// A database in WAL mode wants two more files beside it, -wal and -shm, also to be read.
// Where they are not there and cannot be made, SQLite opens it only if it may take for
// granted that nobody writes: as immutable. That is right while there is no -wal, because
// then the file has all that was committed; so it is checked before and after each query.

// connect opens the file, as immutable if that is the only way and the file is whole.
func connect(path string) (*conn, error) {
	c, err := open(path, false)
	if err != nil {
		return nil, needsFolder(path, err)
	}
	cannot := c.probe()
	if !cannotOpen(cannot) {
		return c, nil // if it is another error the query will say so
	}
	_ = c.close() // it has done nothing
	// SQLite looks for the files beside the database itself, not beside a link to it.
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if needs := needsFolder(path, cannot); !errors.Is(needs, errNoLog) {
		return nil, needs
	}
	still, err := stateOf(path)
	if err != nil {
		return nil, err
	}
	if c, err = open(path, true); err != nil {
		return nil, err
	}
	c.still = &still
	return c, nil
}

// probe reads the first page, for which SQLite needs the files beside the database.
func (c *conn) probe() error {
	s, err := c.prepare("SELECT 1 FROM sqlite_schema LIMIT 1")
	if err != nil {
		return err
	}
	defer s.finalize()
	_, err = s.step()
	return err
}

func cannotOpen(err error) bool {
	var e *resultError
	if !errors.As(err, &e) {
		return false
	}
	switch e.code & 0xff {
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return true
	}
	return false
}

// errNoLog says that a database in WAL mode cannot be opened, and has no log.
var errNoLog = errors.New("sqlite: the database is in WAL mode and has no log")

// needsFolder makes of an error of SQLite one that says what to do, if the cause is
// that the database is in WAL mode.
func needsFolder(path string, err error) error {
	if !cannotOpen(err) || !inWALMode(path) {
		return err
	}
	log, statErr := os.Stat(path + "-wal")
	switch {
	case errors.Is(statErr, fs.ErrNotExist), statErr == nil && log.Size() == 0:
		return errNoLog
	case statErr != nil:
		return fmt.Errorf("%w: the database is in WAL mode, and its log cannot be read: %w", err, statErr)
	}
	name := filepath.Base(path)
	return fmt.Errorf("%w: the database is in WAL mode, and its last changes are in %s-wal, which SQLite reads only together with a file %[2]s-shm. "+
		"Let this user write the folder %[3]s, so that it can be made there (or read the file, if it is there); "+
		`or end all programs that use the database, and bring the changes into it: sqlite3 %[2]s "PRAGMA wal_checkpoint(TRUNCATE)"`, err, name, filepath.Dir(path))
}

// orChanged returns the error of checkStill, which is the cause of any other, or else err.
func (c *conn) orChanged(err error) error {
	if changed := c.checkStill(); changed != nil {
		return changed
	}
	return err
}

// inWALMode reads the version for readers from the header of the file.
func inWALMode(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // it was only read
	var header [20]byte
	_, err = io.ReadFull(f, header[:])
	const walVersion = 2
	return err == nil && header[19] == walVersion
}

// state tells whether a file is as it was.
type state struct {
	path     string
	size     int64
	modified time.Time
}

// stateOf returns the state of a database that has no log.
func stateOf(path string) (state, error) {
	info, err := os.Stat(path)
	if err != nil {
		return state{}, fmt.Errorf("sqlite: %w", err)
	}
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		return state{}, errChanged
	}
	return state{path, info.Size(), info.ModTime()}, nil
}

var errChanged = errors.New("sqlite: the database has changed while it was read: another program writes it, in WAL mode, " +
	"and this one cannot notice in time, because it may not write the folder of the database")

// checkStill returns an error if a file that is read as immutable is not what it was when
// the connection was opened.
func (c *conn) checkStill() error {
	if c.still == nil {
		return nil
	}
	now, err := stateOf(c.still.path)
	if err != nil {
		return err
	}
	if now.size != c.still.size || !now.modified.Equal(c.still.modified) {
		return errChanged
	}
	return nil
}

// immutableName returns the address of a file that does not change.
func immutableName(path string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/...
	}
	return "file://" + (&url.URL{Path: slashed}).EscapedPath() + "?immutable=1"
}
