package sections

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

var lexerCases = []struct {
	name, query  string
	sqlite, post string // the result; or, after "!", a part of the error
}{
	{"plain", "SELECT * FROM t WHERE o = :organization_id", "SELECT * FROM t WHERE o = ?1", "SELECT * FROM t WHERE o = $1"},
	{"twice", ":organization_id = a OR b=:organization_id", "?1 = a OR b=?1", "$1 = a OR b=$1"},
	{"none", "SELECT 1", "SELECT 1", "SELECT 1"},
	{"between brackets", "o IN (:organization_id,:organization_id)", "o IN (?1,?1)", "o IN ($1,$1)"},
	{"at the end with semicolon", "SELECT :organization_id; -- done\n ;", "SELECT ?1; -- done\n ;", "SELECT $1; -- done\n ;"},
	{"after a word", "o LIKE:organization_id", "o LIKE?1", "!needs a space"},
	{"not ASCII", "SELECT 'é', é FROM ü WHERE ö=:organization_id", "SELECT 'é', é FROM ü WHERE ö=?1", "SELECT 'é', é FROM ü WHERE ö=$1"},

	{"UUID", "o = :organization_uuid", "o = ?1", "o = $1"},
	{"number", "o = :organization_number", "o = ?1", "o = ($1::pg_catalog.int8)"},
	{"all parameters", ":organization_number,:organization_id,:organization_uuid,:organization_number,:organization_id", "?1,?2,?3,?1,?2", "($1::pg_catalog.int8),$2,$3,($1::pg_catalog.int8),$2"},
	{"a longer name", ":organization_ids", "!unknown parameter :organization_ids", "!unknown parameter"},

	{"string", "':organization_id' || :organization_id", "':organization_id' || ?1", "':organization_id' || $1"},
	{"doubled quote", "'it''s :organization_id' :organization_id", "'it''s :organization_id' ?1", "'it''s :organization_id' $1"},
	{"backslash in a plain string", `'\' :organization_id`, `'\' ?1`, `'\' $1`},
	{"E string", `E'\' :organization_id' :organization_id`, "!quote without an end", `E'\' :organization_id' $1`},
	{"e string", `e'a''\\' :organization_id`, `e'a''\\' ?1`, `e'a''\\' $1`},
	{"doubled quote in an E string", `E'a''\' :organization_id' :organization_id`, "!quote without an end", `E'a''\' :organization_id' $1`},
	{"word that ends in e", `name'\' :organization_id`, `name'\' ?1`, `name'\' $1`},
	{"E string that goes on", "E'a' -- b\n '\\' :organization_id' :organization_id", "!quote without an end", "E'a' -- b\n '\\' :organization_id' $1"},
	{"E string that does not go on", "E'a' '\\' :organization_id", "E'a' '\\' ?1", "E'a' '\\' $1"},
	{"U& string", `U&'\:organization_id' :organization_id`, `U&'\:organization_id' ?1`, `U&'\:organization_id' $1`},
	{"X string", `x'00' = :organization_id`, `x'00' = ?1`, `x'00' = $1`},
	{"identifier", `":organization_id" = ":a""b" = :organization_id`, `":organization_id" = ":a""b" = ?1`, `":organization_id" = ":a""b" = $1`},
	{"backticks", "`:organization_id` = ``", "`:organization_id` = ``", "`$1` = ``"},
	{"square brackets", "SELECT [:organization_id], [it's] FROM t", "SELECT [:organization_id], [it's] FROM t", "!in square brackets"},

	{"line comment", "a -- :organization_id's\n = :organization_id", "a -- :organization_id's\n = ?1", "a -- :organization_id's\n = $1"},
	{"line comment and carriage return", "a -- x\r = :organization_id", "a -- x\r = :organization_id", "a -- x\r = $1"},
	{"minus", "a - - :organization_id", "a - - ?1", "a - - $1"},
	{"block comment", "/* :organization_id ' */ :organization_id", "/* :organization_id ' */ ?1", "/* :organization_id ' */ $1"},
	{"comment in an operator", "a +/* ' */ :organization_id", "a +/* ' */ ?1", "a +/* ' */ $1"},
	{"nested comment", "/* /* */ :organization_id /* */", "/* /* */ ?1 /* */", "!comment without an end"},
	{"nested comment, closed", "/* /* */ :organization_id */ 1", "/* /* */ ?1 */ 1", "/* /* */ :organization_id */ 1"},
	{"stars", "/***/ :organization_id /**/", "/***/ ?1 /**/", "/***/ $1 /**/"},

	{"cast", "a::organization_id", "a::organization_id", "a::organization_id"},
	{"cast of the parameter", ":organization_id::uuid", "?1::uuid", "$1::uuid"},
	{"assignment", "f(a := :organization_id)", "f(a := ?1)", "f(a := $1)"},
	{"slice", "a[1:2]", "a[1:2]", "a[1:2]"},
	{"slice with space", "a[1: organization_id]", "a[1: organization_id]", "a[1: organization_id]"},
	{"slice with a column", "a[1:n]", "a[1:n]", "!unknown parameter :n"},
	{"slice or parameter", "a[ :organization_id]", "a[ :organization_id]", "!in square brackets"},
	{"parameter in a subscript", "a[(:organization_id)::int]", "a[(:organization_id)::int]", "a[($1)::int]"},
	{"array", "ANY(ARRAY[:organization_id, a[1]])", "ANY(ARRAY[:organization_id, a[1]])", "ANY(ARRAY[$1, a[1]])"},
	{"nested array", "ARRAY [[1], [:organization_id]]", "ARRAY [[1], [:organization_id]]", "ARRAY [[1], [$1]]"},

	{"dollar quote", "$$ :organization_id ' $$ :organization_id", "!other than", "$$ :organization_id ' $$ $1"},
	{"tagged dollar quote", "$a$ $b$ $$ :organization_id $a$ :organization_id", "!other than", "$a$ $b$ $$ :organization_id $a$ $1"},
	{"dollar in a word", "a$b$c = :organization_id", "a$b$c = ?1", "a$b$c = $1"},
	{"dollar after a number", "1$$ :organization_id $$", "!other than", "1$$ :organization_id $$"},
	{"dollar quote, not ASCII", "$é$ :organization_id $é$", "!other than", "$é$ :organization_id $é$"},
	{"dollar quote, open", "$a$ :organization_id", "!other than", "!quote without an end"},

	{"other name", "o = :organisation_id", "!unknown parameter :organisation_id", "!unknown parameter :organisation_id"},
	{"longer name", "o = :organization_ids", "!:organization_ids", "!:organization_ids"},
	{"other case", "o = :Organization_ID", "!:Organization_ID", "!:Organization_ID"},
	{"question mark", "o = ?", "!other than", "o = ?"},
	{"question mark as an operator", "tags ? 'a' AND o = :organization_id", "!other than", "tags ? 'a' AND o = $1"},
	{"dollar parameter", "o = $1", "!other than", "!other than"},
	{"at", "o = @organization_id", "!other than", "o = @organization_id"},
	{"number as a name", "o = :1", "!unknown parameter :1", "o = :1"},
	{"open string", "o = 'a :organization_id", "!quote without an end", "!quote without an end"},
	{"open identifier", `o = "a :organization_id`, "!quote without an end", "!quote without an end"},
	{"open comment", "o /* :organization_id", "!comment without an end", "!comment without an end"},
	{"two statements", "SELECT 1; DELETE FROM t", "!more than one statement", "!more than one statement"},
	{"semicolon in a string", "SELECT ';' ", "SELECT ';' ", "SELECT ';' "},
	{"empty", "", "!empty", "!empty"},
	{"only a comment", " -- a", "!empty", "!empty"},
	{"NUL", "SELECT 1\x00", "!NUL", "!NUL"},
	{"colon at the end", "SELECT :", "SELECT :", "SELECT :"},
}

func TestBindParameter(t *testing.T) {
	for _, c := range lexerCases {
		for dialect, want := range map[Dialect]string{SQLite: c.sqlite, Postgres: c.post} {
			t.Run(fmt.Sprint(c.name, "/", dialect), func(t *testing.T) {
				got, names, err := bindParameters(dialect, c.query)
				if problem, fails := strings.CutPrefix(want, "!"); fails {
					if err == nil || !strings.Contains(err.Error(), problem) {
						t.Fatalf("bindParameters(%q) = %q, %v; want error %q", c.query, got, err, problem)
					}
					return
				}
				if err != nil || got != want {
					t.Fatalf("bindParameters(%q) = %q, %v; want %q", c.query, got, err, want)
				}
				for i := range 3 { // as many as there are numbers
					if uses := strings.Contains(got, fmt.Sprint("?", i+1)) || strings.Contains(got, fmt.Sprint("$", i+1)); uses != (i < len(names)) {
						t.Errorf("parameters are %v", names)
					}
				}
			})
		}
	}
}

// SQLite knows :organization_id by itself. So it is the judge: the program that
// it makes of the query must be the one that it makes of what we rewrite.
func FuzzBindParameter(f *testing.F) {
	for _, c := range lexerCases {
		f.Add(c.query)
		f.Add("SELECT " + c.query)
		f.Add("SELECT * FROM t WHERE " + c.query)
	}
	f.Add("SELECT \ufeff:organization_id")
	f.Add("SELECT \ufeff$a")
	f.Add("SELECT * FROM t WHERE o = :organization_uuid OR a = :organization_number OR b = :organization_id OR c = :organization_uuid")
	f.Add("SELECT :organization_id::x, :::organization_id, $::organization_id, :organization_id(')")
	db := explainDB(f)
	f.Fuzz(func(t *testing.T, query string) {
		for _, d := range []Dialect{SQLite, Postgres} {
			got, names, err := bindParameters(d, query)
			if err != nil {
				continue
			}
			checkOnlyReplaced(t, query, got, d, names)
			if d == SQLite {
				checkSameProgram(t, db, query, got, names)
			}
		}
	})
}

func checkOnlyReplaced(t *testing.T, query, got string, d Dialect, names []parameter) {
	t.Helper()
	replaced := make(map[parameter]bool)
walk:
	for query != "" || got != "" {
		if query != "" && got != "" && query[0] == got[0] {
			query, got = query[1:], got[1:]
			continue
		}
		for i, name := range names {
			rest, ok1 := strings.CutPrefix(query, ":"+string(name))
			after, ok2 := strings.CutPrefix(got, name.numbered(d, i+1))
			if ok1 && ok2 {
				query, got = rest, after
				replaced[name] = true
				continue walk
			}
		}
		t.Fatalf("query goes on with %q, result with %q", query, got)
	}
	if len(replaced) != len(names) {
		t.Fatalf("%v were replaced, the parameters are %v", replaced, names)
	}
}

func explainDB(tb testing.TB) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite", "file::memory:")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(tb.Context(), "CREATE TABLE t (o, a, b, c, name, tags, a$b$c, [it's], [:organization_id])"); err != nil {
		tb.Fatal(err)
	}
	return db
}

func checkSameProgram(t *testing.T, db *sql.DB, query, rewritten string, names []parameter) {
	t.Helper()
	var named, positional []any
	for i, name := range names {
		named, positional = append(named, sql.Named(string(name), i)), append(positional, i)
	}
	want, wantErr := explain(t.Context(), db, query, named)
	got, gotErr := explain(t.Context(), db, rewritten, positional)
	if (wantErr == nil) != (gotErr == nil) {
		t.Fatalf("SQLite says %v to %q, but %v to %q", wantErr, query, gotErr, rewritten)
	}
	if want != got {
		t.Fatalf("SQLite takes %q for\n%s\nbut %q for\n%s", query, want, rewritten, got)
	}
	if gotErr != nil && strings.Contains(gotErr.Error(), "missing") {
		t.Fatalf("%q has parameters that were not found: %v", query, gotErr)
	}
}

// explain returns the program of a query, which is not run.
func explain(ctx context.Context, db *sql.DB, query string, args []any) (string, error) {
	rows, err := db.QueryContext(ctx, "EXPLAIN "+query, args...)
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	var program strings.Builder
	values := make([]any, len(columns))
	fields := make([]any, len(columns))
	for i := range values {
		fields[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(fields...); err != nil {
			return "", err
		}
		fmt.Fprintln(&program, values...)
	}
	return program.String(), rows.Err()
}
