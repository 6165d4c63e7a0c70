package bunstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/internal/pgtest"
)

// calls are calls of every method that asks the database.
func calls(s *Store) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"Check":  s.Check,
		"Create": func(ctx context.Context) error { _, _, err := s.Create(ctx, "org", making("b")); return err },
		"Get":    func(ctx context.Context) error { _, err := s.Get(ctx, "org", "a"); return err },
		"List": func(ctx context.Context) error {
			_, _, err := s.List(ctx, "org", jobs.Page{Number: 1, Size: 1})
			return err
		},
		"Update": func(ctx context.Context) error {
			_, err := s.Update(ctx, "a", func(time.Time, *jobs.Job) error { return nil })
			return err
		},
		"Stale":     func(ctx context.Context) error { _, err := s.Stale(ctx, 1); return err },
		"Next":      func(ctx context.Context) error { _, err := s.Next(ctx, jobs.Want{}); return err },
		"Stats":     func(ctx context.Context) error { _, err := s.Stats(ctx); return err },
		"Record":    func(ctx context.Context) error { return s.Record(ctx, audit.Entry{At: time.Now()}) },
		"KeyByHash": func(ctx context.Context) error { _, err := s.KeyByHash(ctx, [sha256.Size]byte{1}); return err },
		"Member":    func(ctx context.Context) error { _, err := s.Member(ctx, "org", "ann"); return err },
		"Session":   func(ctx context.Context) error { _, err := s.SessionByHash(ctx, [sha256.Size]byte{1}); return err },
		"Count":     func(ctx context.Context) error { _, err := s.Count(ctx, "key", time.Minute); return err },
		"Marked":    func(ctx context.Context) error { _, err := s.Marked(ctx, "worker"); return err },
	}
}

// wantOutage checks that every method fails for the outage.
func wantOutage(t *testing.T, s *Store, want export.Outage) {
	t.Helper()
	for name, call := range calls(s) {
		if err := call(t.Context()); !errors.Is(err, export.ErrUnavailable) || export.OutageOf(err) != want {
			t.Errorf("%s gives %v, want an outage: %s", name, err, want)
		}
	}
}

// withKey makes a key in the store.
func withKey(t *testing.T, s *Store) {
	t.Helper()
	if err := s.CreateKey(t.Context(), access.Key{ID: "k", Hash: [sha256.Size]byte{1}, CreatedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
}

// TestFileIsGone: nothing is read from a file that has no name any more, and none is made in
// its place. A file that comes back is used again.
func TestFileIsGone(t *testing.T) {
	for name, replace := range map[string]func(t *testing.T, path string){
		"removed": func(*testing.T, string) {},
		"replaced": func(t *testing.T, path string) {
			if err := migrated(t, "sqlite:"+path, Config{}).Close(); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "jobs.db")
			s := migrated(t, "sqlite:"+path, Config{})
			create(t, s)
			withKey(t, s)
			if _, err := s.db.ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
				t.Fatal(err) // the log is of whatever database has the name
			}
			away := filepath.Join(t.TempDir(), "away")
			if err := os.Rename(path, away); err != nil {
				t.Fatal(err)
			}
			replace(t, path)
			before, _ := os.Stat(path)
			wantOutage(t, s, export.OutageGone)
			after, err := os.Stat(path)
			if before == nil && !errors.Is(err, fs.ErrNotExist) || before != nil && !os.SameFile(before, after) {
				t.Errorf("there is another file in its place: %v, %v", after, err)
			}
			if err := os.Rename(away, path); err != nil {
				t.Fatal(err)
			}
			if _, err := s.KeyByHash(t.Context(), [sha256.Size]byte{1}); err != nil {
				t.Errorf("after the file is back: %v", err)
			}
			if err := s.Check(t.Context()); err != nil {
				t.Errorf("after the file is back: %v", err)
			}
		})
	}
}

// TestLogIsGone removes the files beside the database. What was written before is kept, and
// what is written after is seen by others.
func TestLogIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := migrated(t, "sqlite:"+path, Config{})
	create(t, s)
	for _, end := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + end); err != nil {
			t.Fatal(err)
		}
	}
	withKey(t, s)
	other := open(t, "sqlite:"+path, Config{})
	if _, err := other.Get(t.Context(), "org", "a"); err != nil {
		t.Errorf("what was written before: %v", err)
	}
	if _, err := other.KeyByHash(t.Context(), [sha256.Size]byte{1}); err != nil {
		t.Errorf("what was written after: %v", err)
	}
}

// TestAnotherContent: the file has its name still, but what is in it is another database's.
func TestAnotherContent(t *testing.T) {
	path, other := filepath.Join(t.TempDir(), "jobs.db"), filepath.Join(t.TempDir(), "other.db")
	s := migrated(t, "sqlite:"+path, Config{})
	if err := migrated(t, "sqlite:"+other, Config{}).Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Close(); err != nil { // so that nobody has the file open
		t.Fatal(err)
	}
	content, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	db, _, err := openDB(t.Context(), "sqlite:"+path, Config{}, s.origin)
	if err == nil {
		_ = db.Close()
	}
	if export.OutageOf(outage(err)) != export.OutageGone {
		t.Errorf("the next connection gives %v", err)
	}
}

// TestDamagedFile writes over the pages of a database that is open. SQLite notices that when
// it reads them: here for each call.
func TestDamagedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs.db")
	s := migrated(t, "sqlite:"+path, Config{})
	create(t, s)
	if _, err := s.db.ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	s.db.SetMaxIdleConns(0)
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1<<14)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); export.OutageOf(err) != export.OutageDamaged {
		t.Errorf("Check gives %v", err)
	}
	_, err := s.Get(t.Context(), "org", "a")
	if export.OutageOf(err) != export.OutageDamaged {
		t.Errorf("Get gives %v", err)
	}
	if _, err := Open(t.Context(), "sqlite:"+path, Config{}); err == nil || export.OutageOf(err) != export.OutageDamaged ||
		!strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "backup") {
		t.Errorf("Open gives %v, want the file and what to do", err)
	}
}

// TestFailOver leads a store to another database of the same name, as a fail-over does to a
// server that has not followed.
func TestFailOver(t *testing.T) {
	address := pgtest.Database(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	admin := open(t, pgtest.Database(t), Config{}).DB()
	s := migrated(t, address, Config{})
	withKey(t, s)
	swap := func(from, to string) {
		t.Helper()
		for _, statement := range []string{
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + from + "'",
			`ALTER DATABASE "` + from + `" RENAME TO "` + to + `"`,
		} {
			if err := again(t, func() error { _, err := admin.ExecContext(t.Context(), statement); return err }); err != nil {
				t.Fatal(err)
			}
		}
	}
	other := pgtest.Database(t)
	v, err := url.Parse(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := migrated(t, other, Config{}).db.Close(); err != nil {
		t.Fatal(err)
	}
	otherName := strings.TrimPrefix(v.Path, "/")
	swap(name, name+"_old")
	swap(otherName, name)
	for export.OutageOf(s.Check(t.Context())) == export.OutageConnection { // of those that were open
		continue
	}
	wantOutage(t, s, export.OutageGone)
	swap(name, otherName)
	swap(name+"_old", name)
	if _, err := s.KeyByHash(t.Context(), [sha256.Size]byte{1}); err != nil {
		t.Errorf("after the first one is back: %v", err)
	}
}

// again calls do until it succeeds: a connection that was ended is in use for a moment.
func again(t *testing.T, do func() error) (err error) {
	for range 100 {
		if err = do(); err == nil {
			return nil
		}
		if err := pause(t.Context(), 5); err != nil {
			return err
		}
	}
	return err
}
