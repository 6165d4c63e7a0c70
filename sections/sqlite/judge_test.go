package sqlite_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
	"github.com/orgexport/orgexport/sections"
)

// declarations are types of all affinities, and those whose names mean something to
// drivers.
var declarations = []string{
	"", "BLOB", "TEXT", "VARCHAR(10)", "CLOB", "CHAR", "INTEGER", "INT", "BIGINT", "UNSIGNED BIG INT", "BOOLEAN", "REAL", "DOUBLE PRECISION", "FLOAT",
	"NUMERIC", "DECIMAL(10,2)", "DATE", "DATETIME", "TIMESTAMP", "TIME", "UUID", "JSON", "JSONB", "ANY",
}

// literals are values of all storage classes.
var literals = []string{
	"NULL", "0", "1", "-1", "2", "9223372036854775807", "-9223372036854775808", "9007199254740993", "1700000000",
	"0.0", "-0.0", "1.0", "-0.5", "0.1", "0.30000000000000004", "1e15", "1e20", "1e21", "1e-6", "1e-7", "5e-324", "1.7976931348623157e308", "9e999", "-9e999",
	"''", "'a'", "'1'", "'1.0'", "'007'", "'.5'", "'+1'", "'1e5'", "'0x10'", "'9e999'", "'12345678901234567890.123'", "'é😀'", "'a' || char(10) || 'b'", "char(13)", "'\"'", "''''", "',;'",
	"'NaN'", "'Infinity'", "'true'", "'null'", "'NULL'", "'2026-01-31'", "'2026-01-31 12:00:00'", "'2026-01-31T12:00:00.5+02:00'", "'m=+1'",
	`'{"a":1}'`, `'{"a":1,"a":2}'`, "'[]'", "'{'", "'=1+1'", "'-1+1'", "'a' || char(0) || 'b'", "'\\.'", "char(65279)", "char(133)", "'YWI='",
	"x''", "x'00'", "x'6162'", "x'ff'", "zeroblob(1000)", "x'7b7d'",
}

// notUTF8 is a text that is not UTF-8.
const notUTF8 = "CAST(x'4fff' AS TEXT)"

// TestSQLiteJudge exports values of all storage classes from columns of all types. A
// program of another language loads what comes out into an empty copy, knowing the class
// of each value and the table in the package's documentation. SQLite compares.
func TestSQLiteJudge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "judge.db")
	var columns, table, query []string
	for i, declared := range declarations {
		column := fmt.Sprintf("c%d", i)
		columns = append(columns, column)
		table = append(table, column+" "+declared)
		query = append(query, column, "typeof("+column+") AS t"+column[1:])
	}
	create := "(id INTEGER PRIMARY KEY, valid INT, " + strings.Join(table, ", ") + ")"
	var script strings.Builder
	fmt.Fprintf(&script, "CREATE TABLE judge %s; CREATE TABLE ndjson %[1]s; CREATE TABLE csv %[1]s;\n", create)
	for i, literal := range append(slices.Clone(literals), notUTF8) {
		fmt.Fprintf(&script, "INSERT INTO judge SELECT %d, %t, v%s FROM (SELECT %s AS v);\n", i, literal != notUTF8, strings.Repeat(", v", len(columns)-1), literal)
	}
	write(t, path, script.String())
	folder := t.TempDir()
	exportTo(t, folder, sections.SQL{Key: "t", Source: opened(t, path), Files: []sections.RecordFile{
		{File: "judge.ndjson", SQL: "SELECT id, valid, " + strings.Join(query, ", ") + " FROM judge ORDER BY id", Shared: true},
		{File: "judge.csv", SQL: "SELECT id, valid, " + strings.Join(query, ", ") + " FROM judge ORDER BY id", Shared: true},
	}})
	load(t, path, folder, len(columns))
	for _, into := range []string{"ndjson", "csv"} {
		cells := 0
		for i, column := range columns {
			same := "SELECT id, typeof(" + column + "), hex(" + column + ") FROM "
			for what, query := range map[string]string{
				"lost":  same + "judge EXCEPT " + same + into,
				"added": same + into + " EXCEPT " + same + "judge",
			} {
				rows, err := all(t.Context(), opened(t, path), query)
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range rows {
					t.Errorf("%s of a column %q is %s by %s", row, declarations[i], what, into)
				}
			}
			cells += len(literals) + 1
		}
		t.Logf("%d types, %d cells by %s", len(columns), cells, into)
	}
}

// Every storage class has a row in the table of the package's documentation.
func TestEveryClassHasARow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	write(t, path, "CREATE TABLE t (v); INSERT INTO t VALUES (NULL), (1), (1.5), ('a'), (x'00')")
	source, err := os.ReadFile("sqlite.go")
	if err != nil {
		t.Fatal(err)
	}
	classes, err := all(t.Context(), opened(t, path), "SELECT upper(typeof(v)) AS c FROM t")
	if err != nil || len(classes) != 5 {
		t.Fatal(classes, err)
	}
	for _, class := range classes {
		if row := "\n//\t" + strings.TrimPrefix(class, "c=string ") + " "; !strings.Contains(string(source), row) {
			t.Errorf("%s has no row", class)
		}
	}
}

// load loads both files with Python.
func load(t *testing.T, path, folder string, columns int) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatal(err)
		}
		t.Skip("no Python")
	}
	c := exec.CommandContext(t.Context(), python, "-c", loader, path, folder, fmt.Sprint(columns))
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

const loader = `
import base64, json, re, sqlite3, sys
path, folder, columns = sys.argv[1], sys.argv[2], int(sys.argv[3])
class Number(str): pass
def nested(v):
    "JSON text of what was text in a column of JSON"
    if isinstance(v, Number): return str(v)
    if isinstance(v, list): return "[" + ",".join(map(nested, v)) + "]"
    if isinstance(v, Pairs): return "{" + ",".join(json.dumps(k) + ":" + nested(x) for k, x in v) + "}"
    return json.dumps(v, ensure_ascii=False)
class Pairs(tuple): pass
def of_json(v, kind, valid):
    if kind == "null":
        assert v is None
        return v
    if kind == "integer":
        return int(v)
    if kind == "real":
        assert v in ("Infinity", "-Infinity") and not isinstance(v, Number) or re.search("[.e]", v), v
        return float(v)
    if kind == "blob":
        return base64.b64decode(v, validate=True)
    if not valid:
        return base64.b64decode(v, validate=True).decode("utf-8", "surrogateescape")
    return nested(v) if v is None or isinstance(v, (Number, list, Pairs, bool)) else v
def of_csv(text, kind, valid):
    if kind == "null":
        assert text is None
        return text
    if kind == "integer":
        return {"true": 1, "false": 0}.get(text) if text in ("true", "false") else int(text)
    return text if kind == "text" and valid else of_json(text, kind, valid)
def lines_of_csv(data):
    "cells by RFC 4180; one that is empty and not quoted is None"
    for line in re.findall(r'((?:"(?:[^"]|"")*"|[^"\r\n])*)\r\n', data):
        yield [None if c == "" else c[1:-1].replace('""', '"') if c[0] == '"' else c
               for c in re.findall(r'(?:^|,)("(?:[^"]|"")*"|[^,"]*)', line)]
db = sqlite3.connect(path)
def insert(table, rows, of):
    for id, valid, *cells in rows:
        values = [of(cells[2*i], cells[2*i+1], int(valid)) for i in range(columns)]
        marks = ["CAST(? AS TEXT)" if cells[2*i+1] == "text" else "?" for i in range(columns)]
        values = [v.encode("utf-8", "surrogateescape") if isinstance(v, str) else v for v in values]
        db.execute(f"INSERT INTO {table} VALUES (?, ?, {', '.join(marks)})", [int(id), int(valid)] + values)
with open(folder + "/judge.ndjson", encoding="utf-8") as f:
    insert("ndjson", ([v for _, v in json.loads(line, object_pairs_hook=Pairs, parse_int=Number, parse_float=Number)] for line in f), of_json)
with open(folder + "/judge.csv", encoding="utf-8", newline="") as f:
    rows = list(lines_of_csv(f.read()))
    assert len(rows[0]) == 2 + 2 * columns, rows[0]
    insert("csv", rows[1:], of_csv)
db.commit()
`

// exportTo writes the files of a section into a folder, without the guard against formulas.
func exportTo(t *testing.T, folder string, config sections.SQL) {
	t.Helper()
	s, err := sections.NewSQL(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Export(context.WithoutCancel(t.Context()), export.Scope{}, folderSink{t, folder}); err != nil {
		t.Fatal(err)
	}
}

type folderSink struct {
	t      *testing.T
	folder string
}

func (s folderSink) Records(name string, seq iter.Seq2[any, error]) error {
	enc, err := export.EncodingOf(name)
	if err != nil {
		return err
	}
	f := record.NewFile(name, enc, seq, record.Options{RawCSV: true}, func(ref string, err error) { s.t.Errorf("%s: %v", ref, err) })
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.folder, name), text, 0o600); err != nil {
		return err
	}
	return f.Err()
}

func (s folderSink) Record(string, any) error       { return os.ErrInvalid }
func (s folderSink) Binary(string, io.Reader) error { return os.ErrInvalid }
func (s folderSink) Skip(string, error)             {}
