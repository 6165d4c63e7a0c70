package postgres_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/pgtest"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/postgres"
	"github.com/orgexport/orgexport/sections/sectiontest"
)

var (
	_ sections.Estimator    = (*postgres.Source)(nil)
	_ export.SnapshotJoiner = (*postgres.Source)(nil)
)

var acme = export.Scope{Organization: export.Organization{ID: "aQUEktNMu3Fe65ax6FSWEb"}}

// splitSection returns a section of one file that is split by a column k.
func splitSection(t *testing.T, c sections.SQL, query string) export.Section {
	t.Helper()
	c.Key, c.Dialect = "t", sections.Postgres
	if c.ShardKey == "" {
		c.ShardKey = "k"
	}
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

// written returns the records of the one file that a section writes.
func written(t *testing.T, s export.Section, scope export.Scope) []string {
	t.Helper()
	r := sectiontest.NewRecorder(t.Context())
	if err := s.Export(t.Context(), scope, r); err != nil {
		t.Fatal(err)
	}
	c, ok := r.Find("t.ndjson")
	if !ok || len(c.Columns) == 0 {
		t.Fatalf("there is no file, or no columns: %v", r.Calls())
	}
	return texts(c.Records)
}

func texts(records []json.RawMessage) []string {
	out := make([]string, len(records))
	for i, r := range records {
		out[i] = string(r)
	}
	return out
}

// ofShards returns the records of all shards in order.
func ofShards(t *testing.T, s export.Section, scope export.Scope) (records []string) {
	t.Helper()
	ranges := split(t, s, scope)
	if len(ranges) == 0 {
		ranges = []string{""}
	}
	for _, scope.Range = range ranges {
		records = append(records, written(t, s, scope)...)
	}
	return records
}

// keys are values of all types that can be keys, in no order.
var keys = map[string][]string{
	"int2":                {"-32768", "32767", "0", "-1", "1"},
	"int4":                {"-2147483648", "2147483647", "0", "-1", "1", "7", "8", "9", "10", "11"},
	"int8":                {"-9223372036854775808", "9223372036854775807", "0", "9007199254740993", "-9007199254740993"},
	"oid":                 {"0", "4294967295", "2147483648"},
	"numeric":             {"1.0", "1.00", "-0.5", "1e100", "-1e-100", "NaN", "Infinity", "-Infinity", "0"},
	"float4":              {"0.1", "NaN", "Infinity", "-Infinity", "-0", "0", "1e-40"},
	"float8":              {"0.1", "0.30000000000000004", "NaN", "Infinity", "-Infinity", "-0", "0", "5e-324", "1.7976931348623157e308"},
	"money":               {"-1.50", "0", "1234567.89"},
	"bool":                {"t", "f"},
	"text":                {"", "a", "A", "ä", "e\u0301", "é", "'", "''", `"`, `\`, `\'`, "a b", " a", "a ", "%", "\n", "😀", "NULL", "$1", "?1", "-- x", "{}", "ı"},
	"varchar(9)":          {"", "a", "a ", "b"},
	"char(5)":             {"", "a", "a  ", "b"},
	`"char"`:              {"", "a", `\377`, "b"},
	"name":                {"", "a", "B"},
	"bytea":               {"", `\x00`, `\xff`, `\x5c78`, `\x27`},
	"uuid":                {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
	"date":                {"infinity", "-infinity", "0044-03-15 BC", "10000-01-01", "2026-01-31"},
	"timestamp":           {"infinity", "-infinity", "0044-03-15 BC", "2026-01-31 12:00:00.000001", "2026-01-31 12:00"},
	"timestamptz":         {"infinity", "-infinity", "0044-03-15 BC", "2026-01-31 12:00:00.000001+02", "2026-01-31 12:00-11", "10000-01-01"},
	"time":                {"00:00", "24:00", "12:00:00.000001"},
	"timetz":              {"00:00+14", "24:00-14", "12:00:00.000001+00", "11:00-01"},
	"interval":            {"1 mon", "30 days", "-1 year", "00:00:00.000001", "720:00"},
	"inet":                {"::1", "127.0.0.1", "10.0.0.0/8", "10.0.0.0/16"},
	"macaddr":             {"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"},
	"bit varying":         {"", "0", "1", "10"},
	"int4range":           {"empty", "[1,2)", "(,)", "[1,5)"},
	"tsvector":            {"", "a b", "'it''s'"},
	"jsonb":               {"null", "1", `"a"`, "{}", "[]", `{"a": "'"}`},
	"pg_lsn":              {"0/0", "F/FF"},
	"mood":                {"happy", "sad", "so-so"},
	"positive":            {"1", "2", "30"},
	"text COLLATE folded": {"a", "A", "á", "b", "B", "'", "ss", "ß"},
	`text COLLATE "C"`:    {"a", "B", "ä", "", "_"},
	"text COLLATE upper":  {"a", "A", "b", "B", "_", "10", "9", "2"},
}

var kinds = []string{
	"CREATE TYPE mood AS ENUM ('sad', 'so-so', 'happy')", "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
	"CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level1', deterministic = false)",
	"CREATE COLLATION upper (provider = icu, locale = 'en-u-kf-upper-kn-true')",
}

// TestShardsOfEveryType has keys of every type, with each value several times, and none. The
// database says what is there, and in which order.
func TestShardsOfEveryType(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, kinds...)
	source := opened(t, address, "shards")
	address += "&default_query_exec_mode=exec" // which forgets what tables were
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	for kind, values := range keys {
		t.Run(kind, func(t *testing.T) {
			if _, err := c.Exec(t.Context(), "DROP TABLE IF EXISTS t; CREATE TABLE t (i int GENERATED ALWAYS AS IDENTITY, k "+kind+")"); err != nil {
				t.Fatal(err)
			}
			for n := range 3 {
				for i, v := range append(slices.Clone(values), values[:n]...) {
					if _, err := c.Exec(t.Context(), "INSERT INTO t (k) SELECT $1::text::"+strings.Split(kind, " COLLATE ")[0]+" FROM generate_series(0, $2)", v, i%3); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := c.Exec(t.Context(), "INSERT INTO t (k) VALUES (NULL)"); err != nil {
					t.Fatal(err)
				}
			}
			var distinct int
			if err := c.QueryRow(t.Context(), "SELECT count(*) FROM (SELECT DISTINCT k FROM t WHERE k IS NOT NULL) d").Scan(&distinct); err != nil {
				t.Fatal(err)
			}
			for _, shards := range []int{2, 3, 64} {
				for name, config := range map[string]sections.SQL{"Source": {Source: source}, "DB": {DB: db}} {
					config.Shards = shards
					s := splitSection(t, config, "SELECT i, k::text AS text, k FROM t")
					ranges := split(t, s, acme)
					if len(ranges) > min(shards, distinct) || len(ranges) < 2 && distinct > 3 {
						t.Errorf("%s: %d shards of %d keys become %d", name, shards, distinct, len(ranges))
					}
					judge(t, c, name, ofShards(t, s, acme))
					judge(t, c, name, written(t, s, acme))
				}
			}
		})
	}
}

// judge lets the database say whether records are all rows of the table t in the order of k.
func judge(t *testing.T, c *pgx.Conn, name string, records []string) {
	t.Helper()
	var wrong int
	err := c.QueryRow(t.Context(), `WITH got AS (SELECT (r ->> 'i')::int AS i, n FROM unnest($1::jsonb[]) WITH ORDINALITY AS u (r, n)),
		ranks AS (SELECT i, dense_rank() OVER (ORDER BY k) AS rank FROM t)
		SELECT (SELECT count(*) FROM ranks FULL JOIN (SELECT i, count(*) AS times FROM got GROUP BY i) g USING (i) WHERE times IS DISTINCT FROM 1 OR rank IS NULL)
		+ (SELECT count(*) FROM (SELECT rank, lag(rank) OVER (ORDER BY n) AS before FROM got JOIN ranks USING (i)) x WHERE before > rank)`, records).Scan(&wrong)
	if err != nil || wrong != 0 {
		t.Errorf("%s: %d rows are missing, there twice or in another order, %v: %.1000s", name, wrong, err, records)
	}
}

// What the database cannot compare, or has no text for, is a mistake of the configuration.
func TestShardsOfNoKey(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, "CREATE TYPE pair AS (a int, b text)", "CREATE TABLE t (j json, x xml, p point, c pair, l int[], a int, \"A\" int, \"it\"\"s\" int)",
		`INSERT INTO t VALUES ('{}', '', '(0,0)', '(1,a)', '{}', 1, 1, 1), ('1', '', '(0,1)', '(2,b)', '{1}', 2, 2, 2)`)
	source := opened(t, address, "no key")
	for key, c := range map[string]struct {
		field string
		want  string
	}{
		"a": {}, "A": {}, `it"s`: {},
		"j":                   {"ShardKey", "operator does not exist"},
		"x":                   {"ShardKey", "operator does not exist"},
		"p":                   {"ShardKey", "operator does not exist"},
		"c":                   {"ShardKey", "compared with a row"},
		"t":                   {"ShardKey", `returns no column "t"`},
		"a, j":                {"ShardKey", `returns no column "a, j"`},
		`a" >= 1 OR 1 = 1 --`: {"ShardKey", "returns no column"},
	} {
		s := splitSection(t, sections.SQL{Source: source, Shards: 3, ShardKey: key}, "SELECT * FROM t")
		err := sections.Check(t.Context(), s)
		field, ok := errors.AsType[*sections.FieldError](err)
		if ok != (c.field != "") || ok && (field.Field != c.field || field.List != "Files" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: the check says %v", key, err)
		}
		ranges, splitErr := s.(export.Splitter).Split(t.Context(), acme)
		scope := acme
		if len(ranges) > 0 {
			scope.Range = ranges[0]
		}
		exportErr := s.Export(t.Context(), scope, sectiontest.NewRecorder(t.Context()))
		if (errors.Join(splitErr, exportErr) != nil) != ok {
			t.Errorf("%s: Split returns %v, and Export %v", key, splitErr, exportErr)
		}
	}
}

// Shards read the snapshot, and so does Split. Without one what comes later is in one of them.
func TestShardsOfASnapshot(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, "CREATE TABLE t AS SELECT i AS k FROM generate_series(1, 100) i")
	source := opened(t, address, "snapshot")
	held, err := source.OpenSnapshot(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close(t.Context())
	s := splitSection(t, sections.SQL{Source: source, Shards: 4}, "SELECT * FROM t")
	scope := acme
	scope.Snapshot = held.ID()
	first := split(t, s, scope)
	exec(t, address, "DELETE FROM t WHERE k BETWEEN 20 AND 40; INSERT INTO t VALUES (-5), (1000), (NULL), (50)")
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
	if len(got) != 83 || got[0] != `{"k":-5}` || got[82] != `{"k":null}` || got[81] != `{"k":1000}` {
		t.Errorf("shards of the present have %d records: %s", len(got), got)
	}
	held.Close(t.Context())
	if _, err := s.(export.Splitter).Split(t.Context(), scope); !errors.Is(err, export.ErrSnapshotLost) {
		t.Errorf("a snapshot that is closed gives %v", err)
	}
}

// Each shard reads its own part of the index.
func TestShardsUseTheIndex(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, "CREATE TABLE t (org text, id int, more text)", "INSERT INTO t SELECT 'o' || i % 10, i, repeat('x', 100) FROM generate_series(1, 20000) i",
		"CREATE INDEX ON t (org, id)", "VACUUM ANALYZE t")
	c, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(t.Context())) }()
	for _, order := range []string{"", " ORDER BY id"} {
		asked := &asking{Source: opened(t, address, "index")}
		s, err := sections.NewSQL(sections.SQL{Key: "t", Source: asked, Dialect: sections.Postgres, Shards: 4, ShardKey: "id", Files: []sections.RecordFile{
			{File: "t.ndjson", SQL: "SELECT * FROM t WHERE org = 'o1' AND :organization_id <> ''" + order + " -- all of it"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if got := ofShards(t, s, acme); len(got) != 2000 {
			t.Errorf("there are %d records", len(got))
		}
		for i, statement := range asked.statements {
			rows, err := c.Query(t.Context(), "EXPLAIN "+statement, asked.args[i]...)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if text := strings.Join(plan, "\n"); err != nil || !strings.Contains(text, "Index Cond") || strings.Contains(text, "Seq Scan") {
				t.Errorf("%s has the plan %v\n%s", statement, err, text)
			}
		}
	}
}

// asking keeps what it is asked.
type asking struct {
	*postgres.Source
	statements []string
	args       [][]any
}

func (a *asking) Query(ctx context.Context, statement string, args []any, read func([]string, iter.Seq2[[]any, error]) error) error {
	a.statements, a.args = append(a.statements, statement), append(a.args, args)
	return a.Source.Query(ctx, statement, args, read)
}

func TestShardPromises(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, "CREATE TABLE t (o text, id text, v int)", `INSERT INTO t SELECT o, k, i FROM unnest('{aQUEktNMu3Fe65ax6FSWEb,2LRUDfEgQDPQUuGN2svJix}'::text[]) o,
		unnest(ARRAY['', '''', '"', '\', 'é', 'é', '-1', NULL]) WITH ORDINALITY u (k, i)`)
	source := opened(t, address, "promises")
	where := " FROM t WHERE o = :organization_id"
	sectiontest.Run(t, sectiontest.Suite{
		New: func(t *testing.T) export.Section {
			s, err := sections.NewSQL(sections.SQL{Key: "t", Source: source, Dialect: sections.Postgres, Shards: 3, ShardKey: "id", Files: []sections.RecordFile{
				{File: "all.csv", SQL: "SELECT id, o, v" + where + " ORDER BY id, v;"},
				{File: "whole.ndjson", SQL: "SELECT o, v" + where + " ORDER BY v DESC", Whole: true},
			}})
			if err != nil {
				t.Fatal(err)
			}
			if n := len(split(t, s, acme)); n != 3 {
				t.Errorf("there are %d shards", n)
			}
			return s
		},
		Scope:      acme,
		OtherScope: export.Scope{Organization: export.Organization{ID: "2LRUDfEgQDPQUuGN2svJix"}},
	})
}

func TestEstimate(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, "CREATE TABLE t AS SELECT i AS k, repeat('x', 96) AS v FROM generate_series(1, 10000) i", "ANALYZE t")
	source := opened(t, address, "estimate")
	s := splitSection(t, sections.SQL{Source: source, Shards: 4}, "SELECT * FROM t")
	estimate := func(scope export.Scope) int64 {
		bytes, err := s.(export.Estimator).Estimate(t.Context(), scope)
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	if whole := estimate(acme); whole < 500_000 || whole > 2_000_000 {
		t.Errorf("the estimate of a million bytes is %d", whole)
	}
	scope := acme
	scope.Range = split(t, s, acme)[1]
	if quarter := estimate(scope); quarter < 100_000 || quarter > 600_000 {
		t.Errorf("the estimate of a quarter of them is %d", quarter)
	}
	for statement, want := range map[string]bool{"SELECT 1": true, "SELECT * FROM t WHERE v = $1": false, "SELEC": false, "SELECT 1; SELECT 2": false} {
		bytes, err := source.Estimate(t.Context(), statement, nil)
		if (err == nil) != want || (bytes > 0) != want {
			t.Errorf("%s: %d bytes, %v", statement, bytes, err)
		}
	}
	if _, err := source.Estimate(t.Context(), "DELETE FROM t", nil); err != nil { // its plan is asked for, and nothing done
		t.Error(err)
	}
	if got, err := all(t.Context(), source, "SELECT count(*) FROM t"); err != nil || got[0] != "count=int64 10000" {
		t.Errorf("there are %v, %v", got, err)
	}
}
