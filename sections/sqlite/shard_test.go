package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/sectiontest"
)

var acme = export.Scope{Organization: export.Organization{ID: "aQUEktNMu3Fe65ax6FSWEb"}}

func splitSection(t *testing.T, c sections.SQL, query string) export.Section {
	t.Helper()
	c.Key, c.ShardKey = "t", "k"
	c.Files = []sections.RecordFile{{File: "t.ndjson", SQL: query, Shared: true}}
	made, err := sections.NewSQL(c)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func split(t *testing.T, s export.Section, scope export.Scope) []string {
	t.Helper()
	ranges, err := s.(export.Splitter).Split(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	return ranges
}

func written(t *testing.T, s export.Section, scope export.Scope) (records []string) {
	t.Helper()
	r := sectiontest.NewRecorder(t.Context())
	if err := s.Export(t.Context(), scope, r); err != nil {
		t.Fatal(err)
	}
	c, ok := r.Find("t.ndjson")
	if !ok || len(c.Columns) == 0 {
		t.Fatalf("there is no file, or no columns: %v", r.Calls())
	}
	for _, text := range c.Records {
		records = append(records, string(text))
	}
	return records
}

func ofShards(t *testing.T, s export.Section, scope export.Scope) (records []string) {
	t.Helper()
	for _, text := range split(t, s, scope) {
		scope.Range = text
		records = append(records, written(t, s, scope)...)
	}
	return records
}

// TestShardsOfEveryType has keys of all storage classes in columns of all types, each several
// times. SQLite says what is there, and in which order.
func TestShardsOfEveryType(t *testing.T) {
	for _, declared := range append(slices.Clone(declarations), "TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM") {
		t.Run(declared, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.db")
			var script strings.Builder
			fmt.Fprintf(&script, "BEGIN; CREATE TABLE t (i INTEGER PRIMARY KEY, k %s); CREATE INDEX tk ON t (k);\n", declared)
			for range 2 {
				for _, literal := range append(slices.Clone(literals), notUTF8, "'A'", "'a '", "'00007'") {
					fmt.Fprintf(&script, "INSERT INTO t (k) VALUES (%s);\n", literal)
				}
			}
			script.WriteString("COMMIT")
			write(t, path, script.String())
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			ranks := ranksOf(t, db)
			for _, shards := range []int{2, 7, 64} {
				for name, config := range map[string]sections.SQL{"Source": {Source: opened(t, path)}, "DB": {DB: db}} {
					config.Shards = shards
					s := splitSection(t, config, "SELECT i, typeof(k) AS c, k FROM t")
					if n := len(split(t, s, acme)); n < min(shards, 20) || n > shards {
						t.Errorf("%s: %d shards become %d", name, shards, n)
					}
					judge(t, ranks, name, ofShards(t, s, acme))
					judge(t, ranks, name, written(t, s, acme))
				}
			}
		})
	}
}

// ranksOf returns the place of each row of the table t in the order of k, as the database has it.
func ranksOf(t *testing.T, db *sql.DB) map[int]int {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT i, dense_rank() OVER (ORDER BY k) FROM t")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	ranks := make(map[int]int)
	for rows.Next() {
		var i, rank int
		if err := rows.Scan(&i, &rank); err != nil {
			t.Fatal(err)
		}
		ranks[i] = rank
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ranks
}

// judge compares records with all rows of a table.
func judge(t *testing.T, ranks map[int]int, name string, records []string) {
	t.Helper()
	seen := make(map[int]bool)
	before := 0
	for _, text := range records {
		var record struct{ I int }
		if err := json.Unmarshal([]byte(text), &record); err != nil {
			t.Fatal(err)
		}
		rank, ok := ranks[record.I]
		if !ok || seen[record.I] || rank < before {
			t.Errorf("%s: %s is there twice, or in another order than the database has", name, text)
		}
		seen[record.I], before = true, rank
	}
	if len(seen) != len(ranks) {
		t.Errorf("%s: there are %d rows, not %d", name, len(seen), len(ranks))
	}
}

// Keys of a view that are of several types are compared as they are ordered.
func TestShardsOfMixedKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	write(t, path, `CREATE TABLE a (i INTEGER PRIMARY KEY, k INTEGER); CREATE TABLE b (i INTEGER PRIMARY KEY, k TEXT); CREATE TABLE c (i INTEGER PRIMARY KEY, k);
		INSERT INTO a (k) VALUES (7), (12), (100), (50), (NULL); INSERT INTO b (i, k) VALUES (101, '007'), (102, '100'), (103, '12'), (104, 'x'); INSERT INTO c VALUES (201, 12), (202, '12'), (203, x'3132'), (204, 12.5);
		CREATE VIEW v AS SELECT i, k FROM a UNION ALL SELECT i, k FROM b UNION ALL SELECT i, k FROM c;
		CREATE TABLE t (i INTEGER PRIMARY KEY, k BLOB); INSERT INTO t SELECT * FROM v`)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ranks := ranksOf(t, db)
	for _, query := range []string{"SELECT * FROM v", "SELECT i, k FROM b UNION ALL SELECT i, k FROM a UNION ALL SELECT i, k FROM c", "SELECT * FROM (SELECT * FROM v ORDER BY i DESC)"} {
		for shards := 2; shards < 13; shards++ {
			s := splitSection(t, sections.SQL{Source: opened(t, path), Shards: shards}, query)
			judge(t, ranks, fmt.Sprint(query, " in ", shards), ofShards(t, s, acme))
		}
	}
}

// Without a snapshot what comes later is in one of the shards; with one it is in none.
func TestShardsOfASnapshot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	write(t, path, "PRAGMA journal_mode = WAL; CREATE TABLE t (k INT); INSERT INTO t VALUES (0)")
	source := opened(t, path)
	write(t, path, "DELETE FROM t; INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT i FROM n")
	held, err := source.OpenSnapshot(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close(context.WithoutCancel(t.Context()))
	s := splitSection(t, sections.SQL{Source: source, Shards: 4}, "SELECT * FROM t")
	scope := acme
	scope.Snapshot = held.ID()
	first := split(t, s, scope)
	write(t, path, "DELETE FROM t WHERE k BETWEEN 20 AND 40; INSERT INTO t VALUES (-5), ('x'), (NULL), (50)")
	if again := split(t, s, scope); !slices.Equal(first, again) {
		t.Errorf("the ranges of the snapshot are %q, and then %q", first, again)
	}
	if got := ofShards(t, s, scope); len(got) != 100 || got[0] != `{"k":1}` || got[99] != `{"k":100}` {
		t.Errorf("shards of the snapshot have %d records: %s", len(got), got)
	}
	var got []string
	for _, scope.Range = range first {
		now := scope
		now.Snapshot = ""
		got = append(got, written(t, s, now)...)
	}
	if len(got) != 83 || got[0] != `{"k":null}` || got[1] != `{"k":-5}` || got[82] != `{"k":"x"}` {
		t.Errorf("shards of the present have %d records: %s", len(got), got)
	}
}

// A key that no query returns is a mistake of the configuration.
func TestShardsOfNoKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	write(t, path, "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)")
	s := splitSection(t, sections.SQL{Source: opened(t, path), Shards: 2}, "SELECT * FROM t")
	field, ok := errors.AsType[*sections.FieldError](sections.Check(t.Context(), s))
	if !ok || field.Field != "ShardKey" || field.Column != "k" || field.List != "Files" {
		t.Errorf("the check says %+v", field)
	}
	if _, err := s.(export.Splitter).Split(t.Context(), acme); err == nil {
		t.Error("there are shards")
	}
	if err := s.Export(t.Context(), acme, sectiontest.NewRecorder(t.Context())); err == nil {
		t.Error("there is an export")
	}
}
