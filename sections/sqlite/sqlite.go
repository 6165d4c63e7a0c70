// Package sqlite reads the rows of a section from a SQLite file. Unlike the drivers of
// package database/sql it leaves values as they are stored.
//
//	source, err := sqlite.Open("app.db")
//	if err != nil {
//		return err
//	}
//	defer source.Close()
//	section, err := sections.NewSQL(sections.SQL{
//		Key: "products", Source: source,
//		Files: []sections.RecordFile{{File: "products.ndjson", SQL: "SELECT * FROM products WHERE org = :organization_id ORDER BY id"}},
//	})
//
// # Values
//
// In SQLite a value has a storage class, whatever type its column was declared with. The
// table has what becomes of each. Nested data is JSON text in a cell of a .csv. See package
// record for text that is not UTF-8, for JSON that YAML cannot say and for the guard against
// formulas.
//
//	class            | declared type | .json, .ndjson          | .yaml           | .csv
//	NULL             | any           | null                    | null            | an empty cell
//	INTEGER          | any other     | 1                       | 1               | 1
//	INTEGER 0 or 1   | BOOLEAN, BOOL | false, true             | false, true     | false, true
//	REAL             | any           | 1.0, 1e+21, "-Infinity" | 1.0, .inf       | 1.0, Infinity
//	TEXT             | any other     | "text"                  | text            | text
//	TEXT of JSON     | JSON, JSONB   | nested data             | nested data     | JSON
//	BLOB             | any           | "base64"                | base64          | base64
//
// A REAL has a dot or an exponent, and the fewest digits that read back as the same 64 bits.
// A date stays the text or number that the application has stored. An expression has no
// declared type.
//
// # Nothing is written
//
// The file is opened for reading, with query_only set, and no other file can be attached. A
// statement is run if it returns columns and SQLite says that it only reads. So neither INSERT
// … RETURNING nor VACUUM INTO, ATTACH or a PRAGMA that writes does anything. Extensions are not
// loaded, and the functions of the program sqlite3 that write files are not there. SQLite
// itself makes temporary files where a sort needs them, and those of WAL mode.
//
// # One point in time
//
// All queries of an export can read one moment: see [Source.OpenSnapshot]. In WAL mode that is
// so whoever writes meanwhile. In other modes it is if nobody does, and the product can always
// write.
//
// # Databases in WAL mode
//
// A database in WAL mode is read also where its folder cannot be written: as SQLite does it
// if the files -wal and -shm are there and can be read; if there is no -wal, or an empty one,
// as a file that does not change. A query during which it has changed all the same ends with an
// error. If there is a -wal and no -shm the error says what to do.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// maxIdle is how many connections wait for the next query.
const maxIdle = 8

// busyTimeout is how long a query waits for a process that writes.
const (
	busyTimeout = 10 * time.Second
	busyPause   = 5 * time.Millisecond // before it is tried again
)

// interruptPause is how long an interrupt may take to have an effect.
const interruptPause = 10 * time.Millisecond

// Source runs the queries of sections: it is a sections.Source. It is safe for concurrent
// use. Each query that runs has a connection of its own, and sees the rows of one moment; all
// queries of an export see those of one, if the engine opens a snapshot.
type Source struct {
	path string

	mu        sync.Mutex
	idle      []*conn
	snapshots map[string]*snapshot // those that are open, by id
	closed    bool
}

// Open returns a Source of the database in a file, for reading only. It does not look for
// the file. The Source must be closed.
func Open(path string) (*Source, error) {
	absolute, err := filepath.Abs(path) // so that it is no name with a meaning, such as :memory:
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	return &Source{path: absolute, snapshots: make(map[string]*snapshot)}, nil
}

// Close closes the connections, those of queries that run when they end. It may be called
// more than once.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	var errs []error
	for _, c := range s.idle {
		errs = append(errs, c.close())
	}
	s.idle = nil
	return errors.Join(errs...)
}

// Digest implements export.Digester: it says which file the database is.
func (s *Source) Digest() string { return s.path }

// Ping returns an error if the file cannot be read as a database.
func (s *Source) Ping(ctx context.Context) error {
	return s.Query(ctx, "SELECT count(*) FROM sqlite_schema", nil, func(_ []string, rows iter.Seq2[[]any, error]) error {
		for _, err := range rows {
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Query is that of a sections.Source.
func (s *Source) Query(ctx context.Context, statement string, args []any, read func([]string, iter.Seq2[[]any, error]) error) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	c, err := s.take()
	if err != nil {
		return err
	}
	defer s.give(c)
	return query(ctx, c, statement, args, read)
}

// query runs a query on a connection.
func query(ctx context.Context, c *conn, statement string, args []any, read func([]string, iter.Seq2[[]any, error]) error) error {
	defer interruptWith(ctx, c)()
	r := &result{ctx: ctx, conn: c}
	if err := r.open(statement, args); err != nil {
		return c.orChanged(err)
	}
	defer r.stmt.finalize()
	return read(r.names, r.rows)
}

// interruptWith interrupts what the connection does when ctx ends, and goes on to do so:
// SQLite forgets an interrupt that comes before a statement begins. The function that it
// returns must be called before the connection is used for something else.
func interruptWith(ctx context.Context, c *conn) (stop func()) {
	enough, ended := make(chan struct{}), make(chan struct{})
	stopped := context.AfterFunc(ctx, func() {
		defer close(ended)
		pause := time.NewTicker(interruptPause)
		defer pause.Stop()
		for {
			c.interrupt()
			select {
			case <-enough:
				return
			case <-pause.C:
			}
		}
	})
	return func() {
		if !stopped() {
			close(enough)
			<-ended
		}
	}
}

// take returns a connection. Those to a file that has been replaced by another one, as by a
// backup that was restored, are closed.
func (s *Source) take() (*conn, error) {
	info, err := os.Stat(s.path)
	if err != nil {
		info = nil // to open it will tell why
	}
	if c, err := s.takeIdle(info); c != nil || err != nil {
		return c, err
	}
	c, err := connect(s.path)
	if err != nil {
		return nil, err
	}
	c.file = info
	return c, nil
}

func (s *Source) takeIdle(info fs.FileInfo) (*conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("sqlite: the source is closed")
	}
	for len(s.idle) > 0 {
		last := len(s.idle) - 1
		c := s.idle[last]
		s.idle = s.idle[:last]
		if os.SameFile(c.file, info) {
			return c, nil
		}
		_ = c.close() // it was only read
	}
	return nil, nil
}

func (s *Source) give(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.idle) == maxIdle || c.still != nil {
		_ = c.close() // it was only read
		return
	}
	s.idle = append(s.idle, c)
}

// declaredAs returns a declared type without its length, in capitals.
func declaredAs(declared string) string {
	name, _, _ := strings.Cut(strings.ToUpper(declared), "(")
	return strings.TrimSpace(name)
}
