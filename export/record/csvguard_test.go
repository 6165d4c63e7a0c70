package record

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// undoExpression is the regular expression that the documentation gives.
const undoExpression = `(^|[,;|\t\r\n])'(?=[\x00-\x08\x0b\x0c\x0e-\x20"'\x7f-\xa0\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]*[=+\-@＝＋－＠])|^'(?='*[\t\r\n])`

func TestUndoExpressionIsDocumented(t *testing.T) {
	source, err := os.ReadFile("options.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(source), "\n\t//\t"+undoExpression+"\n") {
		t.Error("the documentation has another expression")
	}
}

// The words of Options.RawCSV, apart from the implementation.
var (
	separators = regexp.MustCompile(`[,;|\t\r\n]`)
	signFirst  = regexp.MustCompile(`^[\x00-\x20"'\x7f-\x{a0}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{206f}\x{3000}\x{feff}]*[=+\-@＝＋－＠]`)
	breakFirst = regexp.MustCompile(`^'*[\t\r\n]`)
	plain      = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$`)
)

func guardByWords(text string) string {
	var cells []string
	start, numbers := 0, true
	for _, at := range append(separators.FindAllStringIndex(text, -1), []int{len(text), len(text)}) {
		cells = append(cells, text[start:at[1]])
		numbers = numbers && plain.MatchString(strings.Trim(text[start:at[0]], " "))
		start = at[1]
	}
	var out strings.Builder
	for i, cell := range cells {
		inCell := strings.TrimRight(cell, ",;|\t\r\n") // what follows that is another cell
		sign := signFirst.MatchString(inCell)
		if i == 0 && !plain.MatchString(text) && (sign || breakFirst.MatchString(text)) || i > 0 && sign && !numbers {
			out.WriteByte('\'')
		}
		out.WriteString(cell)
	}
	return out.String()
}

// What OWASP lists, by itself and behind what a spreadsheet may take away or take for the
// end of a cell.
func TestGuard(t *testing.T) {
	for text, want := range map[string]string{
		"\n=1+1": "'\n'=1+1", "＝1+1": "'＝1+1", "＋1": "'＋1", "－1": "'－1", "＠a": "'＠a", "\t5": "'\t5", "\r": "'\r", "\n": "'\n", "'\n": "''\n",
		" =1": "' =1", "\ufeff=1": "'\ufeff=1", "\u3000=1": "'\u3000=1", "\"=1\"": "'\"=1\"", "'=1": "''=1", "\x00=1": "'\x00=1", "\u200b-1a": "'\u200b-1a",
		"a;=1": "a;'=1", "a,=1": "a,'=1", "a\t=1": "a\t'=1", "a|=1": "a|'=1", "a\r\n=1": "a\r\n'=1", "a\n- b\n- c": "a\n'- b\n'- c", ";=1": ";'=1",
		"a;\" =1": "a;'\" =1", "a;＝1": "a;'＝1", "a;'=1": "a;''=1", "a, b=c": "a, b=c", "a;\n=1": "a;\n'=1", "a =1": "a =1", "a\"=1": "a\"=1", "x;\t": "x;\t",
		"-5": "-5", "48.1,-11.5": "48.1,-11.5", "1, -2, +3.": "1, -2, +3.", "1;-2;x": "1;'-2;x", "1,-2-3": "1,'-2-3", "-1,-2": "'-1,-2", "-1,5": "'-1,5", "1,,-2": "1,,'-2",
		"%0A=1": "%0A=1", "O'Brien": "O'Brien", "": "", "'": "'",
	} {
		if got := string(appendGuarded(nil, text)); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
		if got := guardByWords(text); got != want {
			t.Errorf("by words %q becomes %q, want %q", text, got, want)
		}
		if got := Unguard(want); got != text {
			t.Errorf("%q becomes %q, want %q", want, got, text)
		}
		_, exposed := look(',', text)
		if want != text && !exposed {
			t.Errorf("nobody looks at %q", text)
		}
	}
}

// FuzzUnguard: the guard is undone without loss, whatever the text is. What it leaves
// exposed are numbers.
func FuzzUnguard(f *testing.F) {
	for _, text := range []string{"'=1", "''\n", "a;=1", "'a;'=1", "1,-2", "\xff=1", "\xe3\x80;=", "＝", "a|'\"@"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		guarded := string(appendGuarded(nil, text))
		if got := Unguard(guarded); got != text {
			t.Fatalf("%q becomes %q and back %q", text, guarded, got)
		}
		if _, exposed := look(',', text); guarded != text && !exposed {
			t.Fatalf("nobody looks at %q", text)
		}
		if !utf8.ValidString(text) {
			return
		}
		if want := guardByWords(text); guarded != want {
			t.Fatalf("%q becomes %q, want %q", text, guarded, want)
		}
		for _, delimiter := range []string{",", ";", "|", "\t", "\n", "\r"} {
			for i, cell := range strings.Split(guarded, delimiter) {
				first := separators.Split(cell, 2)[0]
				if signFirst.MatchString(first) && !strings.HasPrefix(strings.TrimLeft(first, " "), "'") && strings.Trim(text, " 0123456789.+-,;|\t\r\n") != "" {
					t.Fatalf("%q becomes %q, whose cell %d by %q is a formula", text, guarded, i, delimiter)
				}
			}
		}
	})
}

// FuzzGuardJSON: JSON in a cell means the same, and begins no formula behind a delimiter.
func FuzzGuardJSON(f *testing.F) {
	f.Add("=1", ";=1;")
	f.Add(`a\`, `,"=1`)
	f.Add("＝", "|\ufeff＝1")
	f.Fuzz(func(t *testing.T, a, b string) {
		value := []any{a, map[string]any{b: a + b}, -1.5, []any{-2.0, b}}
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		guarded := appendGuardedJSON(nil, text)
		var want, got any
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(guarded, &got); err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("%s becomes %s: %v", text, guarded, err)
		}
		for _, cell := range separators.Split(string(guarded), -1)[1:] {
			if signFirst.MatchString(cell) && !regexp.MustCompile(`^\[?-[0-9.]+$`).MatchString(cell) {
				t.Fatalf("%s becomes %s: the cell %q is a formula", text, guarded, cell)
			}
		}
	})
}

// Every form is read alike by Python's csv and by Read, also where cells and names have the
// delimiters of other forms.
func TestCSVForms(t *testing.T) {
	py := startPython(t)
	rows := [][]string{{"x;y", "a,b", "c\td"}, {"1", "", "\ufeff"}, {"line\r\nbreak", "\"q\"", " pad "}, {"é", "\\.", ";"}, {",", "\t", "|"}}
	for _, columns := range [][]string{{"ID", "b;c", "d"}, {"IDs", "b", "c"}, {"\ufeffa", "b", "c"}, {"a;b", "c,d", "e\tf"}, {"one"}} {
		for _, delimiter := range []byte{0, ',', ';', '\t'} {
			for _, bom := range []bool{false, true} {
				for _, lineFeed := range []bool{false, true} {
					o := Options{RawCSV: true, CSV: CSVForm{Delimiter: delimiter, BOM: bom, LineFeed: lineFeed}}
					records, want := []any{Row{Columns: columns}}, [][]string{columns}
					for _, row := range rows {
						values := []any{row[0], row[1], row[2]}[:len(columns)]
						records, want = append(records, Row{Columns: columns, Values: values}), append(want, row[:len(columns)])
					}
					text := readFile(t, NewFile("x.csv", CSV, seqOf(records...), o, noSkip(t)))
					checkForm(t, py, text, o.CSV, want)
				}
			}
		}
	}
}

func checkForm(t *testing.T, py *python, text []byte, form CSVForm, want [][]string) {
	t.Helper()
	kind := form.Delimiter
	if kind == 0 {
		kind = ','
	}
	mark := strings.HasPrefix(string(text), byteOrderMark)
	end := regexp.MustCompile("\r\n$").Match(text)
	if mark != form.BOM || end == form.LineFeed || strings.HasPrefix(string(text), "ID") {
		t.Errorf("%+v: got %q", form, text)
	}
	tree, err := py.read(kind, text)
	var wantTree []any
	for _, row := range want {
		var cells []any
		for _, cell := range row {
			cells = append(cells, cell)
		}
		wantTree = append(wantTree, cells)
	}
	if err == nil {
		err = sameTree(wantTree, tree)
	}
	if err != nil {
		t.Errorf("%+v: Python: %v\n%q", form, err, text)
	}
	n := 0
	for record, err := range Read(strings.NewReader(string(text)), CSV) {
		if err != nil {
			t.Fatalf("%+v: %v\n%q", form, err, text)
		}
		n++
		var row []string
		for _, name := range want[0] {
			var fields map[string]string
			if err := json.Unmarshal(record, &fields); err != nil {
				t.Fatal(err)
			}
			row = append(row, fields[name])
		}
		if !slices.Equal(row, want[n]) {
			t.Errorf("%+v: row %d is %q, want %q\n%q", form, n, row, want[n], text)
		}
	}
	if n != len(want)-1 {
		t.Errorf("%+v: %d rows", form, n)
	}
}

func TestCSVFormCheck(t *testing.T) {
	o := Options{CSV: CSVForm{Delimiter: '|'}}
	if _, err := Encode("x.csv", CSV, Row{Columns: []string{"a"}, Values: []any{1}}, o); err == nil || !strings.Contains(err.Error(), "delimiter") {
		t.Errorf("error is %v", err)
	}
	if text := readFile(t, NewFile("x.csv", CSV, seqOf(), Options{CSV: CSVForm{BOM: true}}, noSkip(t))); len(text) > 0 {
		t.Errorf("a file without a header has %q", text)
	}
}
