package sqlite

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// TestConnectionCannotWrite: SQLite itself refuses what a statement must not do, also if it
// is run.
func TestConnectionCannotWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE t (v)"); err != nil {
		t.Fatal(err)
	}
	for _, immutable := range []bool{false, true} {
		c, err := open(path, immutable)
		if err != nil {
			t.Fatal(err)
		}
		defer c.close() //nolint:errcheck // it was only tried
		for statement, want := range map[string]string{
			"INSERT INTO t VALUES (1)": "readonly", "CREATE TEMP TABLE u (v)": "readonly", // by query_only
			"ATTACH 'NEW' AS other": "too many attached databases", "VACUUM INTO 'NEW'": "too many attached databases",
		} {
			other := filepath.Join(t.TempDir(), "new.db")
			s, err := c.prepare(strings.ReplaceAll(statement, "NEW", other))
			if err == nil {
				_, err = s.step()
				s.finalize()
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("immutable %v, %s: %v, want %q", immutable, statement, err, want)
			}
			if _, err := os.Stat(other); err == nil {
				t.Errorf("immutable %v, %s makes a file", immutable, statement)
			}
		}
	}
}
