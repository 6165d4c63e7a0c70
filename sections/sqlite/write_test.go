package sqlite_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/sectiontest"
)

// writing are statements that write, to the database or beside it, where they may. NEW is the
// path of a file that is not there.
var writing = []string{
	"VACUUM INTO 'NEW'", "ATTACH 'file:NEW?mode=rwc' AS other", "ATTACH 'NEW' AS other", "PRAGMA journal_mode = WAL", "PRAGMA user_version = 7",
	"PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA writable_schema = ON", "PRAGMA optimize(0xfffe)", "REINDEX", "ANALYZE", "DROP TABLE t", "CREATE TABLE u AS SELECT * FROM t",
	"INSERT INTO t VALUES ('new') RETURNING v", "DELETE FROM t RETURNING v", "UPDATE t SET v = 'new' RETURNING v",
	"WITH new(v) AS (VALUES ('new')) INSERT INTO t SELECT v FROM new RETURNING v", "WITH a AS (SELECT 1) DELETE FROM t RETURNING v",
	"WITH a AS (SELECT 1) REPLACE INTO t VALUES ('new') RETURNING v",
	"SELECT writefile('NEW', 'new')", "SELECT load_extension('NEW')", "SELECT edit('new', 'touch NEW')", "SELECT fts3_tokenizer('simple', x'00')",
	"SELECT * FROM pragma_journal_mode('WAL')", "SELECT * FROM pragma_user_version(7)", "SELECT * FROM pragma_wal_checkpoint('TRUNCATE')", "SELECT * FROM pragma_optimize(0xfffe)",
	"SELECT * FROM pragma_query_only(0)", "SELECT * FROM pragma_incremental_vacuum(1)",
}

// harmless tells that SQLite takes the statement and does nothing where it may not write.
func harmless(statement string) bool { return strings.Contains(statement, "optimize") }

// TestNothingIsWritten: whatever a statement is, it neither changes the database nor makes a
// file, even if the words of a configured query were not looked at.
func TestNothingIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	write(t, path, "CREATE TABLE t (v); INSERT INTO t VALUES ('old')")
	before, err := os.ReadFile(path)
	must(t, err)
	s := opened(t, path)
	dir := t.TempDir()
	for _, statement := range writing {
		statement = strings.ReplaceAll(statement, "NEW", filepath.Join(dir, "new.db"))
		if rows, err := all(t.Context(), s, statement); err == nil && !harmless(statement) {
			t.Errorf("%s gives %q", statement, rows)
		}
		if files, err := os.ReadDir(dir); len(files) != 0 || err != nil {
			t.Errorf("%s makes %v, %v", statement, files, err)
		}
		if files, err := os.ReadDir(filepath.Dir(path)); len(files) != 1 || err != nil {
			t.Errorf("%s leaves %v, %v", statement, files, err)
		}
	}
	after, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(before, after) {
		t.Error("the database has changed")
	}
	if got, err := values(t, s); got != "v=string old" || err != nil {
		t.Errorf("the rows are %q, %v", got, err)
	}
}

// TestConfiguredQueriesRead: what is not a query is refused before there is an export, and
// with the functions that are left nothing is written.
func TestConfiguredQueriesRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	write(t, path, "CREATE TABLE t (v); INSERT INTO t VALUES ('old')")
	s := opened(t, path)
	for _, statement := range writing {
		section, err := sections.NewSQL(sections.SQL{Key: "key", Source: s, Files: []sections.RecordFile{{File: "a.csv", SQL: statement, Shared: true}}})
		if strings.HasPrefix(statement, "SELECT") != (err == nil) {
			t.Errorf("%s: %v", statement, err)
		}
		if err == nil && section.Export(t.Context(), export.Scope{}, sectiontest.NewRecorder(t.Context())) == nil && !harmless(statement) {
			t.Errorf("%s is exported", statement)
		}
	}
}
