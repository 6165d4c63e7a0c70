package bunstore

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSource reads a database that another connection has written.
func TestSource(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		address := newAddress(t)
		s := migrated(t, address, Config{})
		create(t, s)
		db := openedSource(t, address, "reader")
		var n int
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM orgexport_jobs").Scan(&n); err != nil || n != 1 {
			t.Errorf("there are %d jobs, %v, want 1", n, err)
		}
		tx, err := db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: s.postgres})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), "DELETE FROM orgexport_jobs"); err == nil {
			t.Error("a job can be deleted")
		}
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
		if _, err := s.Get(t.Context(), "org", "a"); err != nil {
			t.Error(err)
		}
		if !s.postgres {
			return
		}
		for want, db := range map[string]*sql.DB{
			"reader":    db,
			"orgexport": openedSource(t, address, ""),
			"named":     openedSource(t, address+"&application_name=named", "reader"),
		} {
			var name string
			if err := db.QueryRowContext(t.Context(), "SHOW application_name").Scan(&name); err != nil || name != want {
				t.Errorf("the name is %q, %v, want %q", name, err, want)
			}
		}
	})
}

func TestSourceMakesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.db")
	db := openedSource(t, "sqlite:"+path, "")
	if err := db.PingContext(t.Context()); err == nil {
		t.Error("there is a database")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a file: %v", err)
	}
}

func TestSourceProblems(t *testing.T) {
	const password = "hunter2secret"
	for _, address := range []string{
		"",
		"jobs.db",
		"sqlite:",
		"mysql://user:" + password + "@localhost/db",
		"postgres://user:" + password + "@[::1/db",
		"postgres://user:" + password + "%zz@127.0.0.1:1/db",
		"postgres://user:" + password + "@127.0.0.1:1/db?sslmode=nonsense",
	} {
		db, err := OpenSource(address, "")
		if err == nil {
			_ = db.Close()
			t.Errorf("OpenSource(%q) succeeds", address)
			continue
		}
		if !strings.HasPrefix(err.Error(), "bunstore: ") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("OpenSource(%q) gives %v", address, err)
		}
	}
}

func openedSource(t *testing.T, address, application string) *sql.DB {
	t.Helper()
	db, err := OpenSource(address, application)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
