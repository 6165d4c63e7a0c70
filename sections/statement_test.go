package sections

import (
	"strings"
	"testing"
)

// TestStatementsThatRead: a statement that is not one that reads is refused before a
// database sees it, whatever stands before its first word.
func TestStatementsThatRead(t *testing.T) {
	for _, c := range []struct {
		query            string
		sqlite, postgres string // a part of the error, or empty
	}{
		{"SELECT 1", "", ""},
		{" /* a */ -- b\n\t(select 1) union select 2", "", ""},
		{"VALUES (1)", "", ""},
		{"table t;", "", ""},
		{"WITH a(x) AS NOT MATERIALIZED (SELECT 1), b AS (VALUES (1)) SELECT * FROM a, b", "", ""},
		{"WITH delete AS (SELECT 1) SELECT replace(x, 'a', 'b') AS r FROM delete", "", ""},
		{"WITH a AS (SELECT 1 AS id) (SELECT id FROM a)", "", ""},
		{"SELECT (a) insert, (b) \"delete\" FROM t", "", ""},
		{"WITH a AS (SELECT (1) x) SELECT (x) update FROM a", "", ""},
		{"\ufeffSELECT 1", "", "begins with"},

		{"VACUUM INTO '/tmp/a.db'", "begins with VACUUM", "begins with VACUUM"},
		{"/* SELECT */ ATTACH '/tmp/a.db' AS a", "begins with ATTACH", "begins with ATTACH"},
		{"-- SELECT\nPRAGMA journal_mode = DELETE", "begins with PRAGMA", "begins with PRAGMA"},
		{"/* /* */ COPY t TO PROGRAM 'sh' /* */ */ SELECT 1", "begins with COPY", ""},
		{"COPY (SELECT 1) TO PROGRAM 'touch /tmp/a'", "begins with COPY", "begins with COPY"},
		{"insert INTO t VALUES (1) RETURNING *", "begins with INSERT", "begins with INSERT"},
		{"DELETE FROM t RETURNING *", "begins with DELETE", "begins with DELETE"},
		{"DO $$ BEGIN END $$", "", "begins with DO"},
		{"CALL p()", "begins with CALL", "begins with CALL"},
		{"SET ROLE boss", "begins with SET", "begins with SET"},
		{"COMMIT", "begins with COMMIT", "begins with COMMIT"},
		{"EXPLAIN ANALYZE SELECT 1", "begins with EXPLAIN", "begins with EXPLAIN"},
		{"'SELECT'", "begins with '", "begins with '"},
		{";SELECT 1", "more than one statement", "more than one statement"},
		{"SELECT 1; VACUUM", "more than one statement", "more than one statement"},

		{"WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a RETURNING *", "WITH comes INSERT", "WITH comes INSERT"},
		{"with recursive a(x) as (select 1), b as materialized (select 2) /* SELECT */ Delete from t returning *", "WITH comes DELETE", "WITH comes DELETE"},
		{"WITH a AS (SELECT 1) UPDATE t SET a = (SELECT 1) RETURNING *", "WITH comes UPDATE", "WITH comes UPDATE"},
		{"WITH a AS (SELECT 1) REPLACE INTO t SELECT * FROM a RETURNING *", "WITH comes REPLACE", "WITH comes REPLACE"},
	} {
		for dialect, want := range map[Dialect]string{SQLite: c.sqlite, Postgres: c.postgres} {
			_, _, err := bindParameters(dialect, c.query)
			if err == nil {
				err = checkReads(dialect, c.query)
			}
			if want == "" && dialect == SQLite && strings.HasPrefix(c.query, "DO $$") {
				continue // it has no such quotes
			}
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%q, dialect %d: %v, want %q", c.query, dialect, err, want)
			}
		}
	}
}
