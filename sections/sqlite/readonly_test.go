//go:build linux

package sqlite_test

import (
	"database/sql"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/orgexport/orgexport/sections/sqlite"
)

// asNobody runs a function with the rights to files of a user that has none, also if root
// runs the tests: they are those of its thread.
func asNobody(t *testing.T, run func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		run()
		return
	}
	const nobody = 65534
	done := make(chan bool)
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := syscall.Setfsuid(nobody); err != nil {
			t.Error(err)
			return
		}
		run()
	}()
	<-done
}

// walShop makes a database in WAL mode whose writer is still there, so that the last row
// is in the log. The folder can be read by everybody.
func walShop(t *testing.T) (path string, writer *sql.DB) {
	t.Helper()
	top := t.TempDir()
	must(t, os.Chmod(filepath.Dir(top), 0o755)) //nolint:gosec // others go through
	dir := filepath.Join(top, "a #1%20 b")
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // others read it
		t.Fatal(err)
	}
	path = filepath.Join(dir, "app.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // most are closed by then
	db.SetMaxOpenConns(1)
	for _, statement := range []string{"PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 0", "CREATE TABLE t (v)", "INSERT INTO t VALUES ('first')",
		"PRAGMA wal_checkpoint(TRUNCATE)", "INSERT INTO t VALUES ('last')"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return path, db
}

// readOnly takes away the right to write the folder and the files in it, but not to read.
func readOnly(t *testing.T, path string) {
	t.Helper()
	dir := filepath.Dir(path)
	files, err := filepath.Glob(dir + "/*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if err := os.Chmod(file, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o555); err != nil { //nolint:gosec // others read it
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) }) //nolint:gosec // so that it can be removed
}

// copied returns the path of a copy of a database, with these files of it: SQLite shares
// more than files with other connections of the process.
func copied(t *testing.T, path string, endings ...string) string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(filepath.Dir(path)), "copy #1%20 c")
	must(t, os.Mkdir(dir, 0o755)) //nolint:gosec // others read it
	for _, ending := range endings {
		data, err := os.ReadFile(path + ending)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, "app.db"+ending), data, 0o600))
	}
	return filepath.Join(dir, "app.db")
}

func values(t *testing.T, s *sqlite.Source) (string, error) {
	t.Helper()
	rows, err := all(t.Context(), s, "SELECT v FROM t ORDER BY rowid")
	return strings.Join(rows, " "), err
}

const both = "v=string first v=string last"

// A database in WAL mode is read from a folder that cannot be written, if nothing of it is
// only in a log that cannot be used.
func TestWALInReadOnlyFolder(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, path string, writer *sql.DB) string
		want    string
		fails   []string
	}{
		"closed": {func(t *testing.T, path string, writer *sql.DB) string {
			must(t, writer.Close())
			return path
		}, both, nil},
		"empty log": {func(t *testing.T, path string, writer *sql.DB) string {
			must(t, writer.Close())
			must(t, os.WriteFile(path+"-wal", nil, 0o600))
			return path
		}, both, nil},
		"left by a crash": {func(t *testing.T, path string, _ *sql.DB) string { return copied(t, path, "", "-wal", "-shm") }, both, nil},
		"copied with its log": {func(t *testing.T, path string, _ *sql.DB) string { return copied(t, path, "", "-wal") }, "",
			[]string{"is in WAL mode", "app.db-wal", "app.db-shm", "write", "copy #1%20 c", `sqlite3 app.db "PRAGMA wal_checkpoint(TRUNCATE)"`}},
	} {
		t.Run(name, func(t *testing.T) {
			path, writer := walShop(t)
			path = c.prepare(t, path, writer)
			readOnly(t, path)
			asNobody(t, func() {
				s, err := sqlite.Open(path)
				if err != nil {
					t.Error(err)
					return
				}
				for range 2 {
					got, err := values(t, s)
					if got != c.want || (err != nil) != (c.fails != nil) {
						t.Errorf("got %q, %v; want %q", got, err, c.want)
					}
					for _, text := range c.fails {
						if err != nil && !strings.Contains(err.Error(), text) {
							t.Errorf("error is %v\nwant %q in it", err, text)
						}
					}
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// What is written while it is read as a file that does not change is noticed, and the next
// query reads it.
func TestWALChangesWhileRead(t *testing.T) {
	path, writer := walShop(t)
	must(t, writer.Close())
	must(t, os.Chmod(filepath.Dir(path), 0o755)) //nolint:gosec // others read it
	must(t, os.Chmod(path, 0o644))               //nolint:gosec // as above
	if os.Geteuid() != 0 {
		t.Skip("skipped: only root can be two users")
	}
	asNobody(t, func() {
		s, err := sqlite.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer s.Close()
		changed := make(chan error)
		err = s.Query(t.Context(), "SELECT v FROM t", nil, func(_ []string, rows iter.Seq2[[]any, error]) error {
			for _, err := range rows {
				if err != nil {
					return err
				}
				go func() { changed <- insert(t, path) }() // on a thread of root
				if err := <-changed; err != nil {
					t.Error(err)
				}
			}
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "has changed while it was read") {
			t.Errorf("error is %v", err)
		}
		if got, err := values(t, s); !strings.HasPrefix(got, both) || !strings.Contains(got, "new") || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func insert(t *testing.T, path string) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "INSERT INTO t VALUES ('new')")
	return err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// SQLite looks for the log beside the database, and not beside a link to it.
func TestWALThroughLink(t *testing.T) {
	path, _ := walShop(t)
	path = copied(t, path, "", "-wal")
	readOnly(t, path)
	link := filepath.Join(t.TempDir(), "link.db")
	must(t, os.Symlink(path, link))
	must(t, os.Chmod(filepath.Dir(link), 0o755)) //nolint:gosec // others go through
	asNobody(t, func() {
		s, err := sqlite.Open(link)
		if err != nil {
			t.Error(err)
			return
		}
		defer s.Close()
		if got, err := values(t, s); err == nil || !strings.Contains(err.Error(), "app.db-wal") {
			t.Errorf("got %q, %v; the last row is in the log", got, err)
		}
	})
}
