package record

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// checkCSV has both judges read rows.
func checkCSV(t *testing.T, py *python, text []byte, want ...[]string) {
	t.Helper()
	wantTree, wantGo := []any{}, fmt.Sprintf("%q", want)
	for _, line := range want {
		row := []any{}
		for _, cell := range line {
			row = append(row, cell)
		}
		wantTree = append(wantTree, row)
	}
	got, err := py.read('c', text)
	if err == nil {
		err = sameTree(wantTree, got)
	}
	if err != nil {
		t.Errorf("Python: %v\n%q", err, text)
	}
	// Go's reader makes \r\n in a cell \n.
	wantGo = strings.ReplaceAll(wantGo, `\r\n`, `\n`)
	r := csv.NewReader(strings.NewReader(string(text)))
	lines, err := r.ReadAll()
	if err != nil || fmt.Sprintf("%q", lines) != wantGo {
		t.Errorf("encoding/csv: got %q, %v, want %q\n%q", lines, err, want, text)
	}
}

func TestCSVFiles(t *testing.T) {
	py := startPython(t)
	ab := []string{"a", "b"}
	at := time.Date(2026, 11, 23, 10, 30, 0, 0, time.UTC)
	for _, test := range []struct {
		name    string
		records []any
		want    [][]string
		count   int64
		fails   bool // a header, or a record that is skipped
	}{
		{"nothing", nil, nil, 0, false},
		{"zero row", []any{Row{}}, nil, 0, false},
		{"declared", []any{Row{Columns: ab}}, [][]string{ab}, 0, false},
		{"declared twice", []any{&Row{Columns: ab}, Row{Columns: []string{"b"}}}, [][]string{ab}, 0, false},
		{"declared and used", []any{Row{Columns: ab}, Row{Columns: ab, Values: []any{1, 2}}}, [][]string{ab, {"1", "2"}}, 1, false},
		{"other order", []any{Row{Columns: ab, Values: []any{1, 2}}, Row{Columns: []string{"b", "a"}, Values: []any{2, 1}}}, [][]string{ab, {"1", "2"}, {"1", "2"}}, 2, false},
		{"missing", []any{Row{Columns: ab}, Row{Columns: []string{"b"}, Values: []any{2}}, Row{Columns: []string{}, Values: []any{}}, (*Row)(nil)}, [][]string{ab, {"", "2"}, {"", ""}, {"", ""}}, 3, false},
		{"unknown", []any{Row{Columns: ab, Values: []any{1, 2}}, Row{Columns: []string{"a", "c"}, Values: []any{1, 3}}}, [][]string{ab, {"1", "2"}}, 1, true},
		{"unknown declared", []any{Row{Columns: ab}, Row{Columns: []string{"c"}}}, [][]string{ab}, 0, true},
		{"no fields", []any{Row{Columns: []string{}, Values: []any{}}}, nil, 0, true},
		{"no object", []any{"a"}, nil, 0, true},
		{"nil first", []any{(*Row)(nil)}, nil, 0, true},
		{"twice", []any{Row{Columns: []string{"a", "a"}}}, nil, 0, true},
		{"bad value", []any{Row{Columns: ab, Values: []any{1, func() {}}}}, [][]string{ab}, 0, true},
		{"no UTF-8", []any{Row{Columns: ab, Values: []any{1, "a\xff"}}}, [][]string{ab, {"1", "Yf8="}}, 1, false},
		{"lone column", []any{Row{Columns: []string{"a"}, Values: []any{""}}, Row{Columns: []string{"a"}, Values: []any{"x"}}}, [][]string{{"a"}, {""}, {"x"}}, 2, false},
		{"lone unnamed column", []any{Row{Columns: []string{""}, Values: []any{""}}}, [][]string{{""}, {""}}, 1, false},
		{"objects", []any{json.RawMessage(`{"b":"x\ty","a":[1,{"c":"d,\"e"}]}`), map[string]any{"a": nil, "b": -1.5}, struct {
			A json.RawMessage `json:"a"`
		}{json.RawMessage(`"-x"`)}, appender(`{"a":"1"}`)}, [][]string{{"b", "a"}, {"x\ty", `[1,{"c":"d,\"e"}]`}, {"-1.5", ""}, {"", "'-x"}, {"", "1"}}, 4, false},
		{"object twice", []any{json.RawMessage(`{"a":1,"a":2}`)}, nil, 0, true},
		{"types", []any{Row{Columns: ab, Values: []any{true, at}}, Row{Columns: ab, Values: []any{[]byte("a"), json.Number("-1e5")}}, Row{Columns: ab, Values: []any{Row{Columns: ab, Values: []any{"=", nil}}, []string{}}}, Row{Columns: ab, Values: []any{json.RawMessage("null"), json.RawMessage(`"a\u0000\ud83d\ude00"`)}}, Row{Columns: ab, Values: []any{appender("null"), (*pointerAppender)(nil)}}, Row{Columns: ab, Values: []any{appender(`"a", =`), appender("=")}}},
			[][]string{ab, {"true", "2026-11-23T10:30:00Z"}, {"YQ==", "-1e5"}, {`{"a":"=","b":null}`, "[]"}, {"null", `"a\u0000\ud83d\ude00"`}, {"null", ""}, {`"a",' =`, "'="}}, 6, false},
		{"guarded names", []any{Row{Columns: []string{"=a", "-1", ` "`}, Values: []any{1, 2, 3}}}, [][]string{{"'=a", "-1", ` "`}, {"1", "2", "3"}}, 1, false},
		{"PostgreSQL's end", []any{Row{Columns: []string{`\.`}, Values: []any{`\.`}}}, [][]string{{`\.`}, {`\.`}}, 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var skipped skips
			f := NewFile("x.csv", CSV, seqOf(test.records...), Options{}, skipped.skip)
			text := readFile(t, f)
			checkCSV(t, py, text, test.want...)
			if _, failed := errors.AsType[*EncodeError](f.Err()); f.Count() != test.count || failed != test.fails && (len(skipped) > 0) != test.fails {
				t.Errorf("got %d records, %v, skipped %q", f.Count(), f.Err(), skipped)
			}
			if len(text) > 0 && !strings.HasSuffix(string(text), "\r\n") {
				t.Errorf("%q has another line end", text)
			}
		})
	}
}

// Null is an empty cell, and empty text is in quotes, also where that is all of the line.
func TestCSVNull(t *testing.T) {
	for _, test := range []struct {
		columns []string
		lines   string
	}{{[]string{"a"}, "a\r\n\r\n\"\"\r\nx\r\n"}, {[]string{"a", "b"}, "a,b\r\n,\r\n\"\",\"\"\r\nx,x\r\n"}} {
		var rows []any
		for _, v := range []any{nil, "", "x"} {
			rows = append(rows, Row{Columns: test.columns, Values: []any{v, v}[:len(test.columns)]})
		}
		if got := readFile(t, NewFile("x.csv", CSV, seqOf(rows...), Options{}, noSkip(t))); string(got) != test.lines {
			t.Errorf("got %q, want %q", got, test.lines)
		}
	}
}

func TestCSVGuard(t *testing.T) {
	for text, want := range map[string]string{
		"": `""`, "a": "a", "=1+1": "'=1+1", "+a": "'+a", "-a": "'-a", "@a": "'@a", "\ta": "\"'\ta\"", "\ra": "\"'\ra\"", "=": "'=", "-": "'-", "+": "'+", "=\"": `"'="""`, "-1,5": `"'-1,5"`,
		"-12.50": "-12.50", "+49123": "+49123", "-.5": "-.5", "-5.": "-5.", "+49 123": "'+49 123", "-1e5": "'-1e5", "-1-1": "'-1-1", "--1": "'--1", "-1.2.3": "'-1.2.3", "-.": "'-.", "=1": "'=1", "+1+1": "'+1+1", "-1\n": "\"'-1\n\"",
		"'": "'", "'a": "'a", "'=1": "''=1", "''=1": "'''=1", "'-1": "''-1", "a=1": "a=1", " =1": `"' =1"`, "''": "''",
	} {
		for raw, want := range map[bool]string{false: want, true: ""} {
			got, err := Encode("x.csv", CSV, Row{Columns: []string{"a", "b"}, Values: []any{text, nil}}, Options{RawCSV: raw})
			if err != nil {
				t.Fatal(err)
			}
			got = []byte(strings.TrimSuffix(strings.TrimPrefix(string(got), "a,b\r\n"), ",\r\n"))
			if raw {
				cells, err := csv.NewReader(strings.NewReader(string(got) + ",")).Read()
				if err != nil || cells[0] != text {
					t.Errorf("raw %q: got %q, %v", text, got, err)
				}
			} else if string(got) != want {
				t.Errorf("%q: got %q, want %q", text, got, want)
			}
		}
	}
}

func FuzzCSVText(f *testing.F) {
	py := startPython(f)
	for _, text := range texts() {
		f.Add(text)
	}
	for _, text := range []string{"=1+1", "'=1", "''+a", "-12.50", "+49123", "-1-1", "@x", `\.`, "a,b", "a;b", "\n=1", "\uff1d1", "a;=1", "1;-2", "1;-2;x", "\ufeff=1", " \"'=1", "-1,-2", ",=1", "x|\u3000@y", `""`, "\r\n", "\n\r", "=\r"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			if _, err := Encode("x.csv", CSV, Row{Columns: []string{text}, Values: []any{1}}, Options{RawCSV: true}); err == nil {
				t.Errorf("the name %q is not UTF-8 and gave no error", text)
			}
			return
		}
		cell := guardByWords(text)
		if got := Unguard(cell); got != text {
			t.Errorf("%q becomes %q and back %q", text, cell, got)
		}
		if got, err := py.read('u', []byte(cell)); err != nil || got != text {
			t.Errorf("%q becomes %q and back %q, %v", text, cell, got, err)
		}
		for raw, cell := range map[bool]string{false: cell, true: text} {
			for _, values := range [][]any{{text}, {text, text, text}} {
				columns := []string{text, text + "2", text + "3"}[:len(values)]
				file := NewFile("x.csv", CSV, seqOf(Row{Columns: columns, Values: values}), Options{RawCSV: raw}, noSkip(t))
				got := readFile(t, file)
				if file.Err() != nil {
					t.Fatalf("%q: %v", text, file.Err())
				}
				line, header := []string{cell, cell, cell}[:len(values)], []string{cell}
				for _, name := range columns[1:] {
					if !raw {
						name = guardByWords(name)
					}
					header = append(header, name)
				}
				checkCSV(t, py, got, header, line)
			}
		}
	})
}
