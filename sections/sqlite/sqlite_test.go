package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/orgexport/orgexport/export/record"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/sqlite"
)

var (
	_ sections.Source    = (*sqlite.Source)(nil)
	_ sections.Describer = (*sqlite.Source)(nil)
)

// write makes a database, or changes one.
func write(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
}

func opened(t *testing.T, path string) *sqlite.Source {
	t.Helper()
	s, err := sqlite.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// all returns the rows of a query as text.
func all(ctx context.Context, s sections.Source, query string, args ...any) (rows []string, err error) {
	err = s.Query(ctx, query, args, func(columns []string, seq iter.Seq2[[]any, error]) error {
		for fields, err := range seq {
			if err != nil {
				return err
			}
			var row []string
			for i, v := range fields {
				v := v.(*record.Value).Any()
				row = append(row, fmt.Sprintf("%s=%T %v", columns[i], v, v))
			}
			rows = append(rows, strings.Join(row, ", "))
		}
		return nil
	})
	return rows, err
}

func TestQuery(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?mode=rw#%41.db") // no address, but a name
	s := opened(t, path)
	if err := s.Ping(t.Context()); err == nil {
		t.Error("there is a database")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a file: %v", err)
	}
	copied := filepath.Join(t.TempDir(), "a.db")
	write(t, copied, `CREATE TABLE t (i, b BOOLEAN, r REAL, d DATETIME, j JSON, n NUMERIC);
		INSERT INTO t VALUES (1, 1, 1, '2026-01-31 12:00:00', '{"a": 1}', '1.50'), (NULL, 2, 1e21, 12, '{', 'x'), (x'00', 0, 9e999, 1.5, 7, x''), ('a'||char(0)||'b', NULL, -0.5, '', '', 0)`)
	if err := os.Rename(copied, path); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	got, err := all(t.Context(), s, "SELECT *, ?1 AS a, ?2 AS b, ?3 AS c, ?4 AS d FROM t", "é\x00", int64(7), nil, []byte{0})
	want := []string{
		"i=int64 1, b=bool true, r=json.Number 1.0, d=string 2026-01-31 12:00:00, j=json.RawMessage [123 34 97 34 58 32 49 125], n=float64 1.5",
		"i=<nil> <nil>, b=int64 2, r=float64 1e+21, d=int64 12, j=json.RawMessage [123], n=string x",
		"i=[]uint8 [0], b=bool false, r=float64 +Inf, d=float64 1.5, j=int64 7, n=[]uint8 []",
		"i=string a\x00b, b=<nil> <nil>, r=float64 -0.5, d=string , j=json.RawMessage [], n=int64 0",
	}
	for i := range want {
		want[i] += ", a=string é\x00, b=int64 7, c=<nil> <nil>, d=[]uint8 [0]"
	}
	if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %s, %v\nwant %s", strings.Join(got, "\n"), err, strings.Join(want, "\n"))
	}
	for query, want := range map[string]string{
		"SELEC":                     "syntax error",
		"SELECT * FROM none":        "no such table: none",
		"SELECT 1; SELECT 2":        "one statement",
		"":                          "one statement",
		"-- nothing":                "one statement",
		"SELECT 1 -- \x00":          "NUL",
		"DELETE FROM t":             "no columns",
		"BEGIN":                     "no columns",
		"ATTACH ':memory:' AS m":    "no columns",
		"DELETE FROM t RETURNING i": "the statement writes",
		"SELECT ?1":                 "has 1 parameters, not 0",
		"SELECT json('{') FROM t":   "malformed JSON",
	} {
		if _, err := all(t.Context(), s, query); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "sqlite: ") {
			t.Errorf("%q gives %v, want %q", query, err, want)
		}
	}
	if _, err := all(t.Context(), s, "SELECT ?1", true); err == nil {
		t.Error("a boolean is a parameter")
	}
	if got, err := all(t.Context(), s, "SELECT 1 AS a; -- and no more"); err != nil || len(got) != 1 {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := opened(t, path).Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "not a database") {
		t.Errorf("error is %v", err)
	}
	s := opened(t, path)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("error is %v", err)
	}
}

// A file that cannot be read without writing says why.
func TestUnfinishedWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	// What is more than the cache goes into the file before the transaction ends.
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE t (b); INSERT INTO t VALUES (1); PRAGMA cache_size = 2; BEGIN;
		WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < 500) INSERT INTO t SELECT randomblob(1000) FROM c`); err != nil {
		t.Fatal(err)
	}
	stopped := filepath.Join(t.TempDir(), "a.db") // as if it was killed now
	for _, suffix := range []string{"", "-journal"} {
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(stopped+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := opened(t, stopped).Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "its last writer was stopped") {
		t.Errorf("error is %v", err)
	}
}

// endless is a query that never ends.
const endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) SELECT n FROM c WHERE n < 3 OR n < 0"

// A query ends when its context does, also in the middle of a step, and the connection is
// good for the next one.
func TestQueryIsInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	write(t, path, "CREATE TABLE t (i)")
	s := opened(t, path)
	why := errors.New("enough")
	for range 20 {
		ctx, cancel := context.WithCancelCause(t.Context())
		err := s.Query(ctx, endless, nil, func(_ []string, rows iter.Seq2[[]any, error]) error {
			n := 0
			for _, err := range rows {
				if err != nil {
					return err
				}
				if n++; n == 2 {
					time.AfterFunc(time.Millisecond, func() { cancel(why) })
				}
			}
			return nil
		})
		if !errors.Is(err, why) {
			t.Fatalf("error is %v", err)
		}
		if err := s.Ping(ctx); !errors.Is(err, why) {
			t.Errorf("error is %v", err)
		}
		if err := s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// lateContext ends when it is first asked whether it has.
type lateContext struct {
	context.Context

	end context.CancelFunc
}

func (c lateContext) Err() error {
	defer c.end()
	return c.Context.Err()
}

// A query is also interrupted if its context ends just before its first step.
func TestQueryIsInterruptedAtItsBeginning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	write(t, path, "CREATE TABLE t (i)")
	s := opened(t, path)
	for range 100 {
		inner, cancel := context.WithCancel(t.Context())
		if _, err := all(lateContext{inner, cancel}, s, endless); !errors.Is(err, context.Canceled) {
			t.Fatalf("error is %v", err)
		}
	}
}

// A connection that was used before looks at what the file has now: other columns, and
// another file of the same name.
func TestQueryAfterChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	write(t, path, "CREATE TABLE t (a, b BOOLEAN); INSERT INTO t VALUES (1, 1)")
	write(t, path+"2", "CREATE TABLE t (z); INSERT INTO t VALUES (2)")
	s := opened(t, path)
	want := func(want string) {
		t.Helper()
		if got, err := all(t.Context(), s, "SELECT * FROM t"); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	want("a=int64 1, b=bool true")
	write(t, path, "CREATE TABLE u (b BOOLEAN, a); INSERT INTO u VALUES (0, 1); DROP TABLE t; ALTER TABLE u RENAME TO t")
	want("b=bool false, a=int64 1")
	write(t, path, "ALTER TABLE t ADD COLUMN c DEFAULT 'x'")
	want("b=bool false, a=int64 1, c=string x")
	write(t, path, "ALTER TABLE t DROP COLUMN b")
	want("a=int64 1, c=string x")
	if err := os.Rename(path+"2", path); err != nil {
		t.Fatal(err)
	}
	want("z=int64 2")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got, err := all(t.Context(), s, "SELECT * FROM t"); err == nil {
		t.Errorf("got %q of a file that is not there", got)
	}
}

// Queries run side by side, and one that is given up holds nothing.
func TestQueryConcurrently(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	write(t, path, "CREATE TABLE t (i, s); WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < 1000) INSERT INTO t SELECT n, 'text of ' || n FROM c")
	s := opened(t, path)
	var wg sync.WaitGroup
	for worker := range 12 {
		wg.Go(func() {
			for range 5 {
				if worker%3 == 0 {
					err := s.Query(t.Context(), "SELECT * FROM t", nil, func(_ []string, rows iter.Seq2[[]any, error]) error {
						for _, err := range rows {
							return errors.Join(err, errors.ErrUnsupported)
						}
						return nil
					})
					if !errors.Is(err, errors.ErrUnsupported) {
						t.Errorf("error is %v", err)
					}
					continue
				}
				rows, err := all(t.Context(), s, "SELECT s FROM t ORDER BY i")
				if err != nil || len(rows) != 1000 || rows[999] != "s=string text of 1000" {
					t.Errorf("%d rows, %v", len(rows), err)
				}
			}
		})
	}
	wg.Wait()
}

// A writer that has locked the file is waited for, until the context ends.
func TestQueryWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	write(t, path, "CREATE TABLE t (i)")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	s := opened(t, path)
	lock := func() {
		if _, err := db.ExecContext(t.Context(), "BEGIN EXCLUSIVE; INSERT INTO t VALUES (1)"); err != nil {
			t.Fatal(err)
		}
	}
	lock()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
	result := make(chan error, 1)
	go func() {
		rows, err := all(t.Context(), s, "SELECT * FROM t")
		if err == nil && len(rows) != 1 {
			err = fmt.Errorf("%d rows", len(rows))
		}
		result <- err
	}()
	select {
	case err := <-result:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if _, err := db.ExecContext(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
}
