package wire_test

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
	"github.com/orgexport/orgexport/internal/pgtest"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/postgres"
)

// judge is a database in which a table is exported, loaded again and compared.
type judge struct {
	t      *testing.T
	db     *sql.DB
	source *postgres.Source
	user   string
}

func newJudge(t *testing.T) *judge {
	t.Helper()
	address := pgtest.Database(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	j := &judge{t: t, db: db, user: u.User.Username()}
	j.exec(`CREATE TYPE judge_enum AS ENUM ('small', 'not so, small', '')`)
	j.exec("CREATE DOMAIN judge_domain AS int CHECK (VALUE > 0)")
	j.exec("CREATE TYPE judge_pair AS (a int, b text)")
	j.exec("CREATE TYPE judge_nested AS (p judge_pair, n numeric[])")
	j.exec("CREATE EXTENSION hstore")
	j.exec("CREATE TYPE judge_deep AS (n judge_nested, list judge_pair[], d judge_domain, e judge_enum, h hstore)")
	if j.source, err = postgres.Open(address, "judge"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.source.Close() })
	return j
}

func (j *judge) exec(query string, args ...any) {
	j.t.Helper()
	if _, err := j.db.ExecContext(j.t.Context(), query, args...); err != nil {
		j.t.Fatalf("%.300s: %v", query, err)
	}
}

// fill makes a table with these values, arrays of them and of arrays, and null. It returns
// the number of cells.
func (j *judge) fill(table, declared string, values []string) (cells int) {
	j.t.Helper()
	j.exec("CREATE TABLE " + table + " (n int, v " + declared + ", list " + declared + "[])")
	for i, text := range values {
		text = strings.ReplaceAll(text, "USER", j.user)
		lists := []string{"ARRAY[v]", "ARRAY[v, NULL, v]", "ARRAY[[v, v], [NULL, v]]"}
		if strings.HasPrefix(declared, "json") && text[0] == '[' {
			lists = []string{"NULL"} // json_populate_record takes such elements for dimensions
		}
		value, args := "$2::text", []any{i, text}
		if strings.HasPrefix(text, "ROW(") || strings.HasPrefix(text, "((timestamp ") { // an expression
			value, args = text, args[:1]
		}
		j.exec("INSERT INTO "+table+" SELECT $1, v, "+lists[i%len(lists)]+" FROM (SELECT "+value+"::"+declared+") x(v)", args...)
	}
	j.exec("INSERT INTO " + table + " VALUES (-1, NULL, NULL), (-2, NULL, '{}')")
	return 2 * (len(values) + 2)
}

// files is a sink that keeps files of records.
type files map[string][]byte

func (f files) Records(name string, seq iter.Seq2[any, error]) error {
	enc, err := export.EncodingOf(name)
	if err != nil {
		return err
	}
	var skipped error
	file := record.NewFile(name, enc, seq, record.Options{RawCSV: true}, func(ref string, err error) { skipped = fmt.Errorf("%s: %w", ref, err) })
	defer file.Close()
	if f[name], err = io.ReadAll(file); err != nil {
		return err
	}
	if skipped != nil {
		return skipped
	}
	return file.Err()
}

func (f files) Record(string, any) error       { return errors.ErrUnsupported }
func (f files) Binary(string, io.Reader) error { return errors.ErrUnsupported }
func (f files) Skip(string, error)             {}

// export exports a table. The bytes are those of package database/sql, but for types that it
// does not nest.
func (j *judge) export(table, declared string) files {
	j.t.Helper()
	query := "SELECT * FROM " + table + " ORDER BY n"
	config := sections.SQL{Key: "t", Source: j.source, Dialect: sections.Postgres, Files: []sections.RecordFile{
		{File: "t.ndjson", SQL: query, Shared: true}, {File: "t.csv", SQL: query, Shared: true}, {File: "t.yaml", SQL: query, Shared: true},
		{File: "t.json", SQL: query, Shared: true},
	}}
	out := j.run(config)
	config.Source, config.DB = nil, j.db
	other := j.run(config)
	for _, f := range config.Files {
		if !bytes.Equal(out[f.File], other[f.File]) && !unknownToSQL(declared) {
			j.t.Errorf("%s in %s: %.300q by pgx, %.300q by database/sql", declared, f.File, out[f.File], other[f.File])
		}
	}
	return out
}

// unknownToSQL reports whether package database/sql does not say of what type arrays of this
// type are. Then they stay texts.
func unknownToSQL(declared string) bool {
	name, _, _ := strings.Cut(strings.Trim(declared, `"`), "(")
	_, ok := pgtype.NewMap().TypeForName("_" + name)
	return !ok
}

func (j *judge) run(config sections.SQL) files {
	j.t.Helper()
	s, err := sections.NewSQL(config)
	if err != nil {
		j.t.Fatal(err)
	}
	out := make(files)
	if err := s.Export(j.t.Context(), export.Scope{Organization: export.Organization{ID: export.NewID()}}, out); err != nil {
		j.t.Errorf("%s: %v", config.Files[0].SQL, err)
	}
	return out
}

// literal returns a value of a type that json_populate_record does not read from our JSON
// in a form that it reads: a base64 text in hexadecimal digits, an object as an hstore.
func literal(t *testing.T, declared string, v any) any {
	t.Helper()
	switch v := v.(type) {
	case string:
		if declared != "bytea" {
			return v
		}
		b, err := base64.StdEncoding.DecodeString(v)
		if err != nil {
			t.Fatal(err)
		}
		return `\x` + hex.EncodeToString(b)
	case []any:
		for i := range v {
			v[i] = literal(t, declared, v[i])
		}
	case map[string]any:
		if h, ok := v["h"].(map[string]any); ok { // of judge_deep
			v["h"] = hstore(h)
		} else if declared == "hstore" {
			return hstore(v)
		}
	}
	return v
}

func hstore(object map[string]any) string {
	quote := func(text string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(object)) {
		value := "NULL"
		if text, ok := object[name].(string); ok {
			value = quote(text)
		}
		pairs = append(pairs, quote(name)+"=>"+value)
	}
	return strings.Join(pairs, ", ")
}

// loadNDJSON loads each line by json_populate_record.
func (j *judge) loadNDJSON(table, into, declared string, text []byte) {
	j.t.Helper()
	j.exec("CREATE TABLE " + into + " (LIKE " + table + ")")
	for line := range bytes.Lines(text) {
		if declared == "bytea" || slices.Contains(nestedTypes, declared) {
			var row map[string]any
			if err := json.Unmarshal(line, &row); err != nil {
				j.t.Fatal(err)
			}
			row["v"], row["list"] = literal(j.t, declared, row["v"]), literal(j.t, declared, row["list"])
			var err error
			if line, err = json.Marshal(row); err != nil {
				j.t.Fatal(err)
			}
		}
		j.exec("INSERT INTO "+into+" SELECT * FROM json_populate_record(NULL::"+table+", $1::text::json)", string(line))
	}
}

// loadCSV loads the file by COPY into texts. Nested data is JSON text in its cell.
func (j *judge) loadCSV(table, into, declared string, text []byte) {
	j.t.Helper()
	j.exec("CREATE TABLE " + into + "_raw (n text, v text, list text)")
	conn, err := j.db.Conn(j.t.Context())
	if err != nil {
		j.t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(driver any) error {
		pg := driver.(*stdlib.Conn).Conn().PgConn()
		_, err := pg.CopyFrom(j.t.Context(), bytes.NewReader(text), "COPY "+into+"_raw FROM STDIN (FORMAT csv, HEADER)")
		return err
	})
	if err != nil {
		j.t.Errorf("%s: %v\n%s", declared, err, text)
		return
	}
	if declared == "bytea" || slices.Contains(nestedTypes, declared) {
		j.literals(declared, into+"_raw")
	}
	value := "v::" + declared
	if declared != "hstore" && slices.Contains(nestedTypes, declared) {
		value = "(json_populate_record(NULL::" + table + ", json_build_object('v', v::json))).v"
	}
	list := "(json_populate_record(NULL::" + table + ", json_build_object('list', CASE WHEN list LIKE '[%' THEN list::json ELSE to_json(list) END))).list"
	j.exec("CREATE TABLE " + into + " AS SELECT n::int, " + value + " AS v, " + list + " AS list FROM " + into + "_raw")
}

// literals replaces cells by what literal returns.
func (j *judge) literals(declared, raw string) {
	j.t.Helper()
	cells := make(map[string][2]sql.NullString)
	j.each("SELECT n, v, list FROM "+raw, func(rows *sql.Rows) error {
		var n string
		var texts [2]sql.NullString
		err := rows.Scan(&n, &texts[0], &texts[1])
		cells[n] = texts
		return err
	})
	for n, texts := range cells {
		for i, column := range []string{"v", "list"} {
			if !texts[i].Valid {
				continue
			}
			var v any = texts[i].String // bytes are base64 as they are
			if declared != "bytea" || column == "list" {
				if err := json.Unmarshal([]byte(texts[i].String), &v); err != nil {
					j.t.Fatal(err)
				}
			}
			text, ok := literal(j.t, declared, v).(string)
			if !ok {
				b, err := json.Marshal(v)
				if err != nil {
					j.t.Fatal(err)
				}
				text = string(b)
			}
			j.exec("UPDATE "+raw+" SET "+column+" = $1 WHERE n = $2", text, n)
		}
	}
}

// same compares the text of every cell, both ways.
func (j *judge) same(declared, encoding, table, other string) {
	j.t.Helper()
	const cells = "SELECT n, format('%s', v) || CASE WHEN v IS NULL THEN 'null' ELSE '' END, list::text FROM "
	for what, query := range map[string]string{
		"lost":  cells + table + " EXCEPT " + cells + other,
		"added": cells + other + " EXCEPT " + cells + table,
	} {
		j.each(query+" ORDER BY 1", func(rows *sql.Rows) error {
			var n int
			var v, list sql.NullString
			err := rows.Scan(&n, &v, &list)
			j.t.Errorf("%s by %s: row %d is %s: %.200q %.200q", declared, encoding, n, what, v.String, list.String)
			return err
		})
	}
}

// each calls scan for each row of a query.
func (j *judge) each(query string, scan func(rows *sql.Rows) error) {
	j.t.Helper()
	rows, err := j.db.QueryContext(j.t.Context(), query)
	if err != nil {
		j.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			j.t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		j.t.Fatal(err)
	}
}

// TestPostgresJudge exports edge values of every type, loads what comes out into an empty
// copy and lets the database compare the texts of all cells.
func TestPostgresJudge(t *testing.T) {
	t.Parallel()
	j := newJudge(t)
	j.known()
	cells := 0
	for i, declared := range slices.Sorted(maps.Keys(edges)) {
		n, _ := j.judge(fmt.Sprintf("t%d", i), declared, edges[declared])
		cells += n
	}
	t.Logf("%d types, %d cells", len(edges), cells)
}

// judge exports values of a type, loads what comes out and compares. It returns the number
// of cells and the files.
func (j *judge) judge(table, declared string, values []string) (cells int, out files) {
	j.t.Helper()
	cells = j.fill(table, declared, values)
	out = j.export(table, declared)
	j.loadNDJSON(table, table+"_ndjson", declared, out["t.ndjson"])
	j.same(declared, "NDJSON", table, table+"_ndjson")
	j.loadCSV(table, table+"_csv", declared, out["t.csv"])
	if !j.t.Failed() {
		j.same(declared, "CSV", table, table+"_csv")
	}
	return cells, out
}

// known fails the test if a built-in type has no values.
func (j *judge) known() {
	j.t.Helper()
	j.each(`SELECT typname FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace
		AND typtype IN ('b', 'r', 'm') AND typcategory <> 'A' ORDER BY 1`, func(rows *sql.Rows) error {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		known := slices.Contains(valueless, name)
		for _, other := range []string{name, name + "(5)", `"` + name + `"`} {
			_, found := edges[other]
			known = known || found
		}
		if !known {
			j.t.Errorf("type %s has no values", name)
		}
		return nil
	})
}

var _ export.Sink = files{}
