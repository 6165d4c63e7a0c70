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

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
	"github.com/orgexport/orgexport/internal/pgtest"
	"github.com/orgexport/orgexport/sections"
)

// edges has values of every built-in type of PostgreSQL that takes any. USER stands for
// the name of the user. Null, the empty array and arrays of these are added to all of
// them.
var edges = map[string][]string{
	"aclitem":        {"=r/USER"},
	"bit(5)":         {"10101", "00000"},
	"bool":           {"t", "f"},
	"box":            {"(1,1),(0,0)", "(Infinity,1),(0,-Infinity)"},
	"bpchar":         {"", "a", "ab  "},
	"char(5)":        {"", "ab"},
	`"char"`:         {"a", "", `\`},
	"bytea":          {`\x`, `\x00ff`, `\x4de9`, `\x2b2f`},
	"cid":            {"0", "4294967295"},
	"cidr":           {"10.0.0.0/8", "::/0", "2001:db8::/32"},
	"circle":         {"<(0,0),1>", "<(NaN,-1e+300),Infinity>"},
	"date":           {"2024-02-29", "4713-01-01 BC", "0001-12-31 BC", "0001-01-01", "9999-12-31", "10000-01-01", "5874897-12-31", "infinity", "-infinity"},
	"datemultirange": {"{}", "{[2024-01-01,2024-02-01),[2024-03-01,)}"},
	"daterange":      {"empty", "(,)", "[2024-01-01,2024-02-01)", "[0044-03-15 BC,infinity)"},
	"float4":         {"0", "-0", "0.1", "NaN", "Infinity", "-Infinity", "3.4028235e+38", "1e-45", "1.1754944e-38", "16777217", "1e21"},
	"float8":         {"0", "-0", "0.1", "0.30000000000000004", "NaN", "Infinity", "-Infinity", "1.7976931348623157e+308", "5e-324", "1e21", "1e-7"},
	"inet":           {"192.168.1.1", "192.168.1.1/24", "::1", "::ffff:1.2.3.4/128"},
	"int2":           {"-32768", "32767"},
	"int4":           {"-2147483648", "2147483647"},
	"int4multirange": {"{}", "{[1,3),[5,)}"},
	"int4range":      {"empty", "(,)", "[1,5)"},
	"int8":           {"-9223372036854775808", "9223372036854775807", "9007199254740993"},
	"int8multirange": {"{}", "{(,3),[5,)}"},
	"int8range":      {"empty", "[1,9223372036854775807)"},
	"interval":       {"0", "1 year 2 mons -3 days 04:05:06.7", "-178000000 years", "178000000 years", "00:00:00.000001", "-1 day +00:00:01"},
	"json":           {`{"a":1,"a":2}`, "1e400", `[1,[2,{}]]`, "123456789012345678901234567890.1234567890", `""`, "-0", "true"},
	"jsonb":          {`{"b": [1, null], "a": {}}`, "1e400", "1234567890123456789012345678901234567890", `"é😀"`, "[]", "0.10"},
	"jsonpath":       {`$."a"[*]`},
	"line":           {"{1,2,3}"},
	"lseg":           {"[(0,0),(1,1)]"},
	"macaddr":        {"08:00:2b:01:02:03"},
	"macaddr8":       {"08:00:2b:01:02:03:04:05"},
	"money":          {"-92233720368547758.08", "92233720368547758.07", "0", "1234.5"},
	"name":           {"", "a", strings.Repeat("n", 63)},
	"numeric": {"0", "-0.00", "1.50", "NaN", "Infinity", "-Infinity", "1e-1000", "12345678901234567890.12345678901234567890",
		strings.Repeat("9", 1000) + "." + strings.Repeat("7", 1000), "1e10000"},
	"nummultirange":  {"{}", "{[1.10,2.0]}"},
	"numrange":       {"empty", "(,)", "[1.10,2.0]"},
	"oid":            {"0", "4294967295"},
	"path":           {"[(0,0),(1,1)]", "((0,0),(1,1))"},
	"pg_lsn":         {"0/0", "FFFFFFFF/FFFFFFFF"},
	"pg_snapshot":    {"10:20:10,14,15"},
	"point":          {"(1,2)", "(NaN,-Infinity)", "(1e+300,1e-300)"},
	"polygon":        {"((0,0),(1,1),(1,0))"},
	"refcursor":      {"", "c"},
	"regclass":       {"pg_class"},
	"regcollation":   {`"C"`},
	"regconfig":      {"english"},
	"regdictionary":  {"simple"},
	"regnamespace":   {"pg_catalog"},
	"regoper":        {"||/"},
	"regoperator":    {"+(integer,integer)"},
	"regproc":        {"now"},
	"regprocedure":   {"now()"},
	"regrole":        {"USER"},
	"regtype":        {"integer", "timestamp with time zone"},
	"text":           {"", "NULL", "null", `\N`, `\.`, "a\nb", "a\r\nb", "\r", `"`, `a"b`, `\`, "=1+1", "😀é", "true", " x ", "1e5", "{a,b}", "a,b;c", "\x01\x1f\x7f", "\u0085\u2028\ufeff", "\t"},
	"tid":            {"(0,1)", "(4294967295,65535)"},
	"time":           {"00:00:00", "24:00:00", "23:59:59.999999", "04:05:06.7"},
	"timestamp":      {"2024-02-03 04:05:06.789", "4713-01-01 00:00:00 BC", "0001-12-31 23:59:59.999999 BC", "0001-01-01 00:00:00", "294276-12-31 23:59:59.999999", "infinity", "-infinity"},
	"timestamptz":    {"2024-02-03 04:05:06.789+02", "4713-01-01 00:00:00+00 BC", "0001-12-31 23:59:59.999999+00 BC", "9999-12-31 23:59:59-05", "294276-12-31 23:59:59.999999+00", "infinity", "-infinity"},
	"timetz":         {"04:05:06.7+05:30", "24:00:00-15:59:59", "00:00:00+15:59:59"},
	"tsmultirange":   {"{}", "{[2024-01-01 00:00:00,2024-02-01 00:00:00)}"},
	"tsquery":        {"'a' & !'b'", ""},
	"tsrange":        {"empty", "[2024-01-01 00:00:00,infinity)"},
	"tstzmultirange": {"{}", "{[2024-01-01 00:00:00+00,2024-02-01 00:00:00+00)}"},
	"tstzrange":      {"empty", "[2024-01-01 00:00:00+00,)"},
	"tsvector":       {"", "'a':1A 'b c':2"},
	"txid_snapshot":  {"10:20:10,14,15"},
	"uuid":           {"00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
	"varbit":         {"", "10101"},
	"varchar(5)":     {"", "ab"},
	"xid":            {"0", "4294967295"},
	"xid8":           {"0", "18446744073709551615"},
	"xml":            {"", "<a>é</a>", "text &amp; more"},

	// Types of one's own.
	"judge_enum":   {"small", "not so, small", ""},
	"judge_domain": {"1", "100"},
	"judge_pair":   {"(1,a)", `(,"a ""b"" c")`, "(,)"},
	"judge_nested": {`("(1,a)",{1.5})`, `("(,)",)`},
}

// valueless are the types whose input function takes no value.
var valueless = []string{"gtsvector", "pg_brin_bloom_summary", "pg_brin_minmax_multi_summary", "pg_dependencies", "pg_mcv_list", "pg_ndistinct", "pg_node_tree"}

// judge is a database in which a table is exported, loaded again and compared.
type judge struct {
	t    *testing.T
	db   *sql.DB
	user string
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
	j := &judge{t, db, u.User.Username()}
	j.exec(`CREATE TYPE judge_enum AS ENUM ('small', 'not so, small', '')`)
	j.exec("CREATE DOMAIN judge_domain AS int CHECK (VALUE > 0)")
	j.exec("CREATE TYPE judge_pair AS (a int, b text)")
	j.exec("CREATE TYPE judge_nested AS (p judge_pair, n numeric[])")
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
		j.exec("INSERT INTO "+table+" SELECT $1, v, "+lists[i%len(lists)]+" FROM (SELECT $2::text::"+declared+") x(v)", i, text)
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

func (j *judge) export(table string) files {
	j.t.Helper()
	query := "SELECT * FROM " + table + " ORDER BY n"
	s, err := sections.NewSQL(sections.SQL{Key: "t", DB: j.db, Dialect: sections.Postgres, Files: []sections.RecordFile{
		{File: "t.ndjson", SQL: query, Shared: true}, {File: "t.csv", SQL: query, Shared: true},
	}})
	if err != nil {
		j.t.Fatal(err)
	}
	out := make(files)
	if err := s.Export(j.t.Context(), export.Scope{Organization: export.Organization{ID: export.NewID()}}, out); err != nil {
		j.t.Errorf("%s: %v", table, err)
	}
	return out
}

// asHex makes of the base64 texts in JSON the form that PostgreSQL reads.
func asHex(t *testing.T, v any) any {
	t.Helper()
	switch v := v.(type) {
	case string:
		b, err := base64.StdEncoding.DecodeString(v)
		if err != nil {
			t.Fatal(err)
		}
		return `\x` + hex.EncodeToString(b)
	case []any:
		for i := range v {
			v[i] = asHex(t, v[i])
		}
	}
	return v
}

// loadNDJSON loads each line by json_populate_record.
func (j *judge) loadNDJSON(table, into string, binary bool, text []byte) {
	j.t.Helper()
	j.exec("CREATE TABLE " + into + " (LIKE " + table + ")")
	for line := range bytes.Lines(text) {
		if binary {
			var row map[string]any
			if err := json.Unmarshal(line, &row); err != nil {
				j.t.Fatal(err)
			}
			row["v"], row["list"] = asHex(j.t, row["v"]), asHex(j.t, row["list"])
			var err error
			if line, err = json.Marshal(row); err != nil {
				j.t.Fatal(err)
			}
		}
		j.exec("INSERT INTO "+into+" SELECT * FROM json_populate_record(NULL::"+table+", $1::text::json)", string(line))
	}
}

// loadCSV loads the file by COPY into texts. An array is JSON text in its cell.
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
	value, list := "v::"+declared, "(json_populate_record(NULL::"+table+", json_build_object('list', CASE WHEN list LIKE '[%' THEN list::json ELSE to_json(list) END))).list"
	if declared == "bytea" {
		value = "decode(v, 'base64')"
		list = "(SELECT CASE WHEN list IS NULL THEN NULL ELSE list::bytea[] END)"
		j.bytesOfCSV(into)
	}
	j.exec("CREATE TABLE " + into + " AS SELECT n::int, " + value + " AS v, " + list + " AS list FROM " + into + "_raw")
}

// bytesOfCSV makes of arrays of base64 texts the form that PostgreSQL reads.
func (j *judge) bytesOfCSV(into string) {
	j.t.Helper()
	lists := make(map[string]string)
	j.each("SELECT n, list FROM "+into+"_raw WHERE list IS NOT NULL", func(rows *sql.Rows) error {
		var n, text string
		if err := rows.Scan(&n, &text); err != nil {
			return err
		}
		var list any
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			return err
		}
		b, err := json.Marshal(asHex(j.t, list))
		lists[n] = strings.NewReplacer("[", "{", "]", "}", "null", "NULL").Replace(string(b))
		return err
	})
	for n, list := range lists {
		j.exec("UPDATE "+into+"_raw SET list = $1 WHERE n = $2", list, n)
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
		table := fmt.Sprintf("t%d", i)
		cells += j.fill(table, declared, edges[declared])
		out := j.export(table)
		j.loadNDJSON(table, table+"_ndjson", declared == "bytea", out["t.ndjson"])
		j.same(declared, "NDJSON", table, table+"_ndjson")
		j.loadCSV(table, table+"_csv", declared, out["t.csv"])
		if !t.Failed() {
			j.same(declared, "CSV", table, table+"_csv")
		}
	}
	t.Logf("%d types, %d cells", len(edges), cells)
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
