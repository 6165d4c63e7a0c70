package wire_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/orgexport/orgexport/export/record"
)

// undoInPostgres is the regular expression of [record.Options.RawCSV] for PostgreSQL, which
// has no text with a NUL.
const undoInPostgres = `(^|[,;|\t\r\n])'(?=[\x01-\x08\x0b\x0c\x0e-\x20"'\x7f-\xa0\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]*[=+\-@＝＋－＠])|^'(?='*[\t\r\n])`

// TestCopyReadsEveryForm: PostgreSQL's COPY reads the cells of a .csv with each delimiter and
// line end, tells null from empty text, and undoes the guard by one expression.
func TestCopyReadsEveryForm(t *testing.T) {
	texts := []string{
		"=1+1", "\n=1+1", "\r\n+1", "\t@x", "＝1", "a;=1+1", "a\t-x", "a|'=b", " =1", "\ufeff=1", `"=1"`, "'=1", "''=", "-5", "1, -2", "1;-2;x", "a\n- b\n- c", "a,b", "\\.", "", "é", "x\u200b;\u3000＠y",
	}
	j := newJudge(t)
	n := 0
	for _, delimiter := range []byte{0, ';', '\t'} {
		for _, lineFeed := range []bool{false, true} {
			for _, raw := range []bool{false, true} {
				n++
				table := fmt.Sprintf("form%d", n)
				j.exec("CREATE TABLE " + table + " (n int, v text)")
				form := record.CSVForm{Delimiter: delimiter, LineFeed: lineFeed}
				copyInto(j, table, form, csvOf(t, texts, record.Options{RawCSV: raw, CSV: form}))
				value := "v"
				if !raw {
					value = "regexp_replace(v, $re$" + undoInPostgres + "$re$, '\\1', 'g')"
				}
				got := textsOf(t, j.db, "SELECT coalesce("+value+", 'NULL') FROM "+table+" ORDER BY n")
				if want := append(slices.Clone(texts), "NULL"); !slices.Equal(got, want) {
					t.Errorf("%+v, raw %t: got\n%q, want\n%q", form, raw, got, want)
				}
			}
		}
	}
}

func textsOf(t *testing.T, db *sql.DB, query string) (texts []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return texts
}

// csvOf is a file of the texts and, at the end, null.
func csvOf(t *testing.T, texts []string, o record.Options) []byte {
	t.Helper()
	columns := []string{"ID", "v"}
	file := record.NewFile("t.csv", record.CSV, func(yield func(any, error) bool) {
		for i, text := range texts {
			if !yield(record.Row{Columns: columns, Values: []any{i, text}}, nil) {
				return
			}
		}
		yield(record.Row{Columns: columns, Values: []any{len(texts), nil}}, nil)
	}, o, func(ref string, err error) { t.Errorf("%s: %v", ref, err) })
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// copyInto loads a file into a table.
func copyInto(j *judge, table string, form record.CSVForm, text []byte) {
	j.t.Helper()
	delimiter := strings.Trim(string(rune(form.Delimiter)), "\x00")
	if delimiter == "" {
		delimiter = ","
	}
	conn, err := j.db.Conn(j.t.Context())
	if err != nil {
		j.t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(driver any) error {
		_, err := driver.(*stdlib.Conn).Conn().PgConn().CopyFrom(j.t.Context(), bytes.NewReader(text),
			"COPY "+table+" FROM STDIN (FORMAT csv, HEADER, DELIMITER '"+delimiter+"')")
		return err
	})
	if err != nil {
		j.t.Errorf("%+v: %v\n%q", form, err, text)
	}
}
