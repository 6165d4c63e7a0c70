package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/sqlite"
)

var _ sections.Snapshotter = (*sqlite.Source)(nil)

// money makes a database that has money in two tables, 1,000 in all.
func money(t *testing.T, mode string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "money.db")
	write(t, path, "PRAGMA journal_mode = "+mode+"; CREATE TABLE here (amount); CREATE TABLE there (amount); INSERT INTO here VALUES (1000); INSERT INTO there VALUES (0)")
	return path
}

// product is a connection that stays open, as that of the product whose database it is.
func product(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// move moves money from one table to the other.
func move(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, "BEGIN IMMEDIATE; UPDATE here SET amount = amount - 1; UPDATE there SET amount = amount + 1; COMMIT")
	return err
}

// stepped is a Source that calls step before each query.
type stepped struct {
	*sqlite.Source
	step func()
}

func (s *stepped) Query(ctx context.Context, statement string, args []any, read func([]string, iter.Seq2[[]any, error]) error) error {
	s.step()
	return s.Source.Query(ctx, statement, args, read)
}

func (s *stepped) QueryAt(ctx context.Context, id, statement string, args []any, read func([]string, iter.Seq2[[]any, error]) error) error {
	s.step()
	return s.Source.QueryAt(ctx, id, statement, args, read)
}

// counted exports four sections and returns the amounts that they have, and whether the
// manifest says that they are of one moment.
func counted(t *testing.T, s sections.Source, level export.ConsistencyLevel) (here, there map[string]int, consistent bool, err error) {
	t.Helper()
	c := export.Config{Consistency: level, Concurrency: 3, Scratch: t.TempDir(), Logger: slog.New(slog.DiscardHandler)}
	for i, table := range []string{"here", "there", "here", "there"} {
		section, err := sections.NewSQL(sections.SQL{Key: fmt.Sprint(table, "_", i), Source: s, Files: []sections.RecordFile{
			{File: "first.json", Shared: true, SQL: "SELECT amount FROM " + table}, {File: "second.json", Shared: true, SQL: "SELECT amount FROM " + table},
		}})
		if err != nil {
			t.Fatal(err)
		}
		c.Sections = append(c.Sections, section)
	}
	e, err := export.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err = e.Export(t.Context(), export.Request{
		Organization: export.Organization{ID: "aQUEktNMu3Fe65ax6FSWEb", Slug: "acme"}, JobID: export.NewID(), AsOf: time.Unix(1e9, 0), Format: archive.Zip(),
	}, &b); err != nil {
		return nil, nil, false, err
	}
	here, there = make(map[string]int), make(map[string]int)
	for name, content := range archivetest.Unpack(t, "zip", b.Bytes()) {
		switch amount := strings.Trim(content, "[]\n"); {
		case strings.Contains(name, "/here_"):
			here[amount]++
		case strings.Contains(name, "/there_"):
			there[amount]++
		case strings.HasSuffix(name, "/manifest.yaml"):
			m, err := export.ParseManifest([]byte(content))
			if err != nil {
				t.Error(err)
			}
			consistent = m.Consistency.Consistent
		}
	}
	return here, there, consistent, nil
}

// ofOneMoment tells whether there is one amount of each table, and 1,000 in all.
func ofOneMoment(here, there map[string]int) bool {
	var a, b int
	for amount, times := range here {
		if _, err := fmt.Sscanf(amount, `{"amount":%d}`, &a); err != nil || times != 4 {
			return false
		}
	}
	for amount, times := range there {
		if _, err := fmt.Sscanf(amount, `{"amount":%d}`, &b); err != nil || times != 4 {
			return false
		}
	}
	return a+b == 1000
}

// Money is moved before each query of an export, and before none.
func TestSnapshotOfAllSections(t *testing.T) {
	for _, c := range []struct {
		mode   string
		log    bool // the product has written since the log was begun, and has the file open
		level  export.ConsistencyLevel
		moves  bool
		want   bool
		failed bool
	}{
		{"wal", true, "", true, true, false},
		{"wal", true, export.ConsistencyRequired, true, true, false},
		{"wal", true, export.ConsistencyOff, true, false, false}, // so the test can fail
		{"wal", false, export.ConsistencyRequired, true, true, false},
		{"wal", false, "", false, true, false},
		{"delete", true, "", false, true, false},
		{"delete", false, export.ConsistencyRequired, false, true, false},
		{"delete", true, "", true, false, false},
		{"truncate", true, "", true, false, false},
		{"delete", true, export.ConsistencyRequired, true, false, true},
		{"delete", true, export.ConsistencyOff, false, false, false},
	} {
		t.Run(fmt.Sprintf("%s, log %v, %s, moves %v", c.mode, c.log, c.level, c.moves), func(t *testing.T) {
			path := money(t, c.mode)
			db := product(t, path)
			if c.log {
				if err := move(t.Context(), db); err != nil {
					t.Fatal(err)
				}
			}
			var mu sync.Mutex
			moved := 0
			s := &stepped{opened(t, path), func() {
				mu.Lock()
				defer mu.Unlock()
				if !c.moves {
					return
				}
				if err := move(t.Context(), db); err != nil { // the product can always write
					t.Error(err)
				}
				moved++
			}}
			here, there, consistent, err := counted(t, s, c.level)
			if c.failed {
				if inconsistent, ok := errors.AsType[*export.ConsistencyError](err); !ok || inconsistent.Final {
					t.Errorf("error is %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := ofOneMoment(here, there); consistent != c.want || got != (c.want || !c.moves) {
				t.Errorf("of one moment: %v, says the manifest: %v; here %v, there %v", got, consistent, here, there)
			}
			if c.moves && moved < 8 {
				t.Errorf("money was moved %d times", moved)
			}
		})
	}
}

// A writer that goes as fast as it can, and checkpoints, beside exports.
func TestSnapshotBesideAWriter(t *testing.T) {
	for _, mode := range []string{"wal", "delete"} {
		t.Run(mode, func(t *testing.T) {
			path := money(t, mode)
			db := product(t, path)
			var moves atomic.Int64
			enough := make(chan struct{})
			var writer sync.WaitGroup
			writer.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-enough:
						return
					default:
					}
					err := move(t.Context(), db)
					if err == nil && i%7 == 0 {
						_, err = db.ExecContext(t.Context(), "PRAGMA wal_checkpoint(RESTART)")
					}
					if err != nil && !strings.Contains(err.Error(), "locked") {
						t.Error(err)
						return
					}
					moves.Add(1)
				}
			})
			s := opened(t, path)
			said := 0
			for range 20 {
				here, there, consistent, err := counted(t, s, "")
				if err != nil {
					t.Fatal(err)
				}
				if mode == "wal" && !consistent || consistent && !ofOneMoment(here, there) {
					t.Errorf("consistent %v; here %v, there %v", consistent, here, there)
				}
				if consistent {
					said++
				}
			}
			close(enough)
			writer.Wait()
			t.Logf("%d moves, %d of 20 exports are consistent", moves.Load(), said)
		})
	}
}

// What tells two moments apart is the same as long as nobody writes, for another process, too.
func TestSnapshotMoments(t *testing.T) {
	for _, c := range []struct {
		mode   string
		log    bool
		closes bool // the product has the file open only while it writes, so that the last one empties the log
	}{{"wal", true, false}, {"wal", false, false}, {"wal", true, true}, {"delete", true, false}, {"delete", true, true}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			path := money(t, c.mode)
			db := product(t, path)
			change := func() {
				if c.closes {
					db = product(t, path)
				}
				if err := move(t.Context(), db); err != nil {
					t.Fatal(err)
				}
				if !c.closes {
					return
				}
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if c.log {
				change()
			}
			moment := func() string {
				source := opened(t, path)
				s, err := source.OpenSnapshot(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Check(t.Context()); err != nil {
					t.Error(err)
				}
				s.Close(t.Context())
				if err := source.Close(); err != nil {
					t.Error(err)
				}
				return s.Moment()
			}
			first := moment()
			if again := moment(); again != first {
				t.Error("the moment is another one though nobody has written")
			}
			change()
			if again := moment(); again == first {
				t.Error("the moment is the same after a change")
			}
		})
	}
}

// A backup takes the place of the file, a snapshot is closed while it is read, and a query is
// given up: what was promised holds, and nothing is left open.
func TestSnapshotEnds(t *testing.T) {
	for _, mode := range []string{"wal", "delete"} {
		t.Run(mode, func(t *testing.T) {
			path := money(t, mode)
			db := product(t, path)
			if err := move(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			s := opened(t, path)
			kept, err := s.OpenSnapshot(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			stopped, stop := context.WithCancel(t.Context())
			err = s.QueryAt(stopped, kept.ID(), "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n", nil, func(_ []string, rows iter.Seq2[[]any, error]) error {
				for _, err := range rows {
					if err != nil {
						return err
					}
					stop()
				}
				return nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("a query that was given up: %v", err)
			}
			err = s.QueryAt(t.Context(), kept.ID(), "SELECT amount FROM here", nil, func(_ []string, rows iter.Seq2[[]any, error]) error {
				kept.Close(t.Context())
				kept.Close(t.Context())
				for _, err := range rows {
					if err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("a query that had begun: %v", err)
			}
			if _, err := all(t.Context(), at{s, kept.ID()}, "SELECT 1"); !errors.Is(err, export.ErrSnapshotLost) {
				t.Errorf("a closed snapshot gives %v", err)
			}
			other := money(t, mode)
			kept, err = s.OpenSnapshot(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			defer kept.Close(t.Context())
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(other, path); err != nil {
				t.Fatal(err)
			}
			got, queryErr := all(t.Context(), at{s, kept.ID()}, "SELECT amount FROM here")
			if checkErr := kept.Check(t.Context()); queryErr == nil && checkErr == nil && got[0] != "amount=int64 999" {
				t.Errorf("another file, with %q, is of the same moment", got)
			}
		})
	}
}

// A backup is copied into a file in WAL mode that has no log, beside SQLite.
func TestSnapshotOfAFileThatIsOverwritten(t *testing.T) {
	path, other := money(t, "wal"), money(t, "delete")
	write(t, other, "UPDATE here SET amount = 1")
	s := opened(t, path)
	kept, err := s.OpenSnapshot(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close(t.Context())
	read := at{s, kept.ID()}
	before, err := all(t.Context(), read, "SELECT amount FROM there")
	if err != nil || kept.Check(t.Context()) != nil {
		t.Fatalf("%v, %v, %v", before, err, kept.Check(t.Context()))
	}
	content, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := all(t.Context(), read, "SELECT amount FROM here")
	if err == nil && got[0] != "amount=int64 1000" && kept.Check(t.Context()) == nil {
		t.Errorf("%v is of the same moment as %v", got, before)
	}
}

// at is a Source whose queries read a snapshot.
type at struct {
	*sqlite.Source
	id string
}

func (s at) Query(ctx context.Context, statement string, args []any, read func([]string, iter.Seq2[[]any, error]) error) error {
	return s.QueryAt(ctx, s.id, statement, args, read)
}

func TestSnapshotPromises(t *testing.T) {
	for _, c := range []struct {
		mode string
		log  bool
	}{{"wal", true}, {"wal", false}, {"delete", false}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			exporttest.RunSnapshots(t, func(t *testing.T) exporttest.SnapshotBed {
				path := money(t, c.mode)
				db := product(t, path)
				if c.log {
					if err := move(t.Context(), db); err != nil {
						t.Fatal(err)
					}
				}
				s := opened(t, path)
				return exporttest.SnapshotBed{
					Snapshots: s,
					Read: func(ctx context.Context, id string) (string, error) {
						rows, err := all(ctx, at{s, id}, "SELECT * FROM here")
						return strings.Join(rows, "\n"), err
					},
					Write: func(ctx context.Context) error { return move(ctx, db) },
				}
			})
		})
	}
}
