package record

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// texts are what YAML readers like to misread, and what fuzzing found.
func texts() []string {
	return []string{
		"", " ", "  ", "\n", "\t", "no", "yes", "NO", "on", "y", "n", "Y", "N", "~", "null", "Null", "true", "FALSE", "Off", "nan", "NaN", "none",
		"1e3", "1:30", "190:20:30", "2026-11-23", "2026-11-23T10:30:00Z", "2026-11-23 10:30:00", "007", "0x1F", "0o7", "0b1", "1_000", ".5", "5.", "-0", "+1", "+49123",
		".inf", "-.INF", ".nan", "=", "<<", "12e03", "-2E+05", "1,000", "0", "-", "--", "+", ".", "..", "...", "---", "--- a", "... a", "-1",
		"- a", "a: b", "a #b", "#a", "@a", "`a", "%a", "!a", "&a", "*a", "? a", "|", ">", "a|", "a>", "?", ":", ": a", "a:", "a :", "a:b", "a::", ",", "[", "]", "{", "}", "[a]", "{a}", "a]", "a}", "a, b", "'", "''", "'a'", `"`, `"a"`, `a"b`, "a'b", `\`, `a\nb`, `\x41`,
		" a", "a ", " a ", "\ta", "a\t", "a\tb", "a  b", "a\u00a0", "\u00a0a", "a\u3000", "a\u2003b",
		"a\nb", "a\n", "\na", "a\r\nb", "a\rb", "\r", "a\r", "  a\nb", "a\n\n\n", "a\n\nb", "a\n  b\n", "a \nb", "a\n b ", "a\n\tb", "a\n\t\nb", "a\n \nb", "a\n#b", "a\n---\nb", "a\n...\nb", "a\n- b", "a: b\nc: d\n", "# a\nb", "- a\nb", "|\na", "a\n\n", "a\n%b", "a\n\n\n\nb\n", "---\na\n", "a\n: b", "key:\n  - x\n",
		"😀", "a😀b", "😀\nb\n", "a\n😀", "👩\u200d🚀", "🏴\U000e0067\U000e007f", "e\u0301", "\u0301", "\u0301a", "a\u200db", "\u200db", "\u200c", "می\u200cخواهم", "שלום", "a\u202eb",
		"\ufeff", "\ufeffa", "a\ufeffb", "\u0085", "a\u0085b", "\u2028", "a\u2028b", "a\u2029b\n", "\x7f", "a\x7fb", "\ufffe", "\uffff", "\ufffd", "\x00", "a\x00", "\x1b[0m", "\x07\x08\x0b\x0c", "\u009f",
		"\u00ad", "a\u2007b", "\u202f", "\U000e0001", "\u0378", "\U0001fae9", "a\nb\u00a0c", "\ufeffa\nb\n", "\ufdd0", "\ufdef\n\ufdd0",
		"\ufeff😀", "\ufeffHi 😀\nb\n", "\ufeff\ufdd0", "😀\ufeff", "\ufdd0", "\ufdd0\ufdd1\ufdd2\ufdd3", "😀\ufdef", "\ufdd0\nb\n", "\U000f0000", "\U000f001f", "\U0001fffe", "\U0010ffff", "\ue000", "\uf8ff\n😀",
		strings.Repeat("lang", 1250), strings.Repeat("lang ", 1000) + "!", strings.Repeat("lang\n", 1000), strings.Repeat("k", 129), strings.Repeat("k", 1025), strings.Repeat("😀", 40), strings.Repeat("k", maxImplicitKey), strings.Repeat("k", maxImplicitKey+1), strings.Repeat("1", maxImplicitKey-2), strings.Repeat("1", maxImplicitKey-1),
		strings.Repeat("😀", maxImplicitKey/4), strings.Repeat("😀 ", 500), strings.Repeat("😀\n", 300), strings.Repeat("\u0080", 600), strings.Repeat("\x01", 249), strings.Repeat("k", 5000) + "\nl",
		"Blåbærsyltetøy på ølbrød", "纯天然绿茶,产自杭州。", "日本語\nテキスト\n", "Ünïcödé", "Ǆ", "ﬁn", "https://example.com/a?b=c#d", "C:\\Users", "a@b.c", "50% off", "R&D", "a/b", "<b>x</b>", "Tom & Jerry's \"best\"", "(c) 2026", "x=1", "0o17", "2024-01-31", "!!str a", "a<<b", "a <<", "\tb", "b\t", " \t", "a\r", "\ra", "a\r\n", "No", "nO", "$a", "a<<", "a<b", "a>>", "^a", "a;b", "a!b", "a*b",
	}
}

// checkText writes text wherever text can stand.
func checkText(t *testing.T, py *python, text string) {
	t.Helper()
	key := Row{Columns: []string{text, text + "2"}, Values: []any{text, []any{Row{Columns: []string{text}, Values: []any{text}}}}}
	row := Row{Columns: []string{"text", "list", "key"}, Values: []any{text, []any{text, []any{text, text}, key}, key}}
	var skipped skips
	f := NewFile("x.yaml", YAML, seqOf(row, text, key, text), Options{}, skipped.skip)
	got := readFile(t, f)
	if !utf8.ValidString(text) {
		text = base64.StdEncoding.EncodeToString([]byte(text))
		if len(skipped) != 2 { // where it is a name
			t.Errorf("%q: skipped %q", text, skipped)
		}
		checkYAML(t, py, got, text, text)
		return
	}
	if len(skipped) > 0 {
		t.Fatalf("%q: skipped %q", text, skipped)
	}
	keyTree := fields{{text, text}, {text + "2", []any{fields{{text, text}}}}}
	rowTree := fields{{"text", text}, {"list", []any{text, []any{text, text}, keyTree}}, {"key", keyTree}}
	checkYAML(t, py, got, rowTree, text, keyTree, text)
}

func FuzzYAMLText(f *testing.F) {
	py := startPython(f)
	for _, text := range texts() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkText(t, py, text) })
}

func numbers() []string {
	return []string{
		"0", "-0", "1", "-1", "10", "0.0", "-0.0", "1.5", "-12.50", "0.1", "100000000000000000000", "1e3", "1E5", "1E400", "-1E400", "1e-400", "1e+3", "1E-7", "1.0e5", "1.5E+05", "0e0", "-0e-0", "1e00",
		"9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "-9223372036854775808", "-9223372036854775809", "123456789012345678901234567890", "0.1000000000000000055511151231257827021181583404541015625", "5e-324", "1.7976931348623157e308", "1e21", "190", "20261123", "1.0", "3.141592653589793238462643383279",
	}
}

func checkNumber(t *testing.T, py *python, text string) {
	t.Helper()
	values := []any{json.Number(text), json.RawMessage(text), Row{Columns: []string{"n"}, Values: []any{json.Number(text)}}}
	got, err := Encode("x.yaml", YAML, values, Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkYAML(t, py, got, []any{number(text), number(text), fields{{"n", number(text)}}})
}

// beyondJudges are exponents that the exact comparison takes too long for.
var beyondJudges = regexp.MustCompile(`[eE][+-]?[0-9]{5}`)

func FuzzYAMLNumber(f *testing.F) {
	py := startPython(f)
	for _, text := range numbers() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var n json.Number
		if json.Unmarshal([]byte(text), &n) != nil || n.String() != text {
			if text != "null" && isJSONNumber(text) {
				t.Errorf("%q passes for a JSON number", text)
			}
			return
		}
		if !isJSONNumber(text) {
			t.Errorf("%q does not pass for a JSON number", text)
		}
		if len(text) < 4000 && !beyondJudges.MatchString(text) {
			checkNumber(t, py, text)
		}
	})
}

// Whatever a value is, all encodings say the same.
func TestEncodingsAgree(t *testing.T) {
	py := startPython(t)
	row := productRow()
	row.Columns = append(row.Columns, "row", "map", "float", "small", "bytes", "nan", "pointer")
	row.Values = append(row.Values, Row{Columns: []string{"z", "a"}, Values: []any{[]any{}, Row{}}}, map[string]any{"no": "1e3", "a": []float64{1e21, 1e-7}},
		1e300, float32(1e-10), []byte("+/\x00"), "nan", (*Row)(nil))
	text, err := Encode("x", JSON, row, Options{})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := treeOfJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	text, err = Encode("x", YAML, row, Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkYAML(t, py, text, tree)

	text, err = Encode("x", CSV, row, Options{RawCSV: true})
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(lines) != 2 {
		t.Fatalf("got %q, %v", lines, err)
	}
	for i, f := range tree.(fields) {
		var cell any = lines[1][i]
		switch f.value.(type) {
		case nil:
			f.value = ""
		case string:
		default:
			if cell, err = treeOfJSON([]byte(lines[1][i])); err != nil {
				t.Fatal(err)
			}
		}
		if err := sameTree(fields{f}, fields{{lines[0][i], cell}}); err != nil {
			t.Error(err)
		}
	}
}

// What JSON can say but YAML cannot is text there, and nested data in JSON.
func TestYAMLKeepsJSON(t *testing.T) {
	py := startPython(t)
	nested := func(n int) json.RawMessage {
		return json.RawMessage(strings.Repeat("[", n) + "1" + strings.Repeat("]", n))
	}
	many := []byte(`{`)
	for i := range 1000 {
		many = fmt.Appendf(many, `"k%d":1,`, i)
	}
	for _, value := range []json.RawMessage{
		json.RawMessage(`{"a":1, "a":2}`), json.RawMessage(`[{"a":1,"b":{"\u0061":1,"a":2}}]`), json.RawMessage(`"\ud83d"`), json.RawMessage(`{"\ude00\ud83d":1}`), json.RawMessage(`"\ud83d\u0041"`),
		nested(maxDepth), append(many, `"k7":1}`...),
	} {
		row := Row{Columns: []string{"x"}, Values: []any{value}}
		got, err := Encode("x", JSON, row, Options{})
		if err != nil || string(got) != `{"x":`+strings.ReplaceAll(string(value), ", ", ",")+"}\n" {
			t.Errorf("JSON of %.50q: got %.100q, %v", value, got, err)
		}
		if got, err = Encode("x", YAML, row, Options{}); err != nil {
			t.Errorf("YAML of %.50q: %v", value, err)
		}
		checkYAML(t, py, got, fields{{"x", string(value)}})
	}
	for value, want := range map[string]string{string(nested(maxDepth - 1)): "x:\n  - - - ", string(append(many, `"x":1}`...)): "x:\n  k0: 1\n"} {
		got, err := Encode("x", YAML, Row{Columns: []string{"x"}, Values: []any{json.RawMessage(value)}}, Options{})
		if err != nil || !strings.HasPrefix(string(got), want) {
			t.Errorf("YAML of %.50q: got %.50q, %v", value, got, err)
		}
	}
}

// FuzzYAMLTree writes any JSON.
func FuzzYAMLTree(f *testing.F) {
	py := startPython(f)
	for _, text := range []string{
		`{}`, `[]`, `[[]]`, `[{}]`, `{"a":{}}`, `[[1,[2,[3]]],{"a":[{"b":"c\nd","e":[]}]}]`, `{"a":[["x\ny\n"],{"b":{"c":"x\n  y"}}]}`, `null`, `true`, `"a"`, `{"":""}`,
		`{"a b":{"c:":[{"- d":null}]}}`, `"\u00e5\ud83d\ude00\ud83d"`, `"\ud83d\u0041"`, `"\/\b\f\n\r\t\"\\"`, ` { "a" : [ 1 , 2.0E5 ] } `, `{"a":1,"a":2}`, `[null,true,false,-1.5e-3]`,
		`[[],{},[[],{}],{"a":[]},{"b":{}}]`, `{"a":{"b":[{"c":[[{}]]}]}}`, "\t[\r\n1 ,\t{ \"a\" : \"b\" } ]\n", `{"a\nb":{"\r":["\u2028"]}}`, `{"no":"no","😀":"no\n😀"}`,
		strings.Repeat("[", 20) + `"a\nb\n"` + strings.Repeat("]", 20), strings.Repeat(`{"a":`, 16) + `"a\nb\n"` + strings.Repeat("}", 16), strings.Repeat(`[{"a":`, 8) + `["a\nb"]` + strings.Repeat("}]", 8),
		`{"` + strings.Repeat("k", maxImplicitKey) + `":{"a":["a\nb",{"c":"a\nb"}],"b":[]},"a":"a\nb"}`, `[{"` + strings.Repeat("k", maxImplicitKey) + `":[[1,2],{}]}]`,
		`{"` + strings.Repeat("k", maxImplicitKey) + `":{"` + strings.Repeat("l", maxImplicitKey) + `":1,"c":{"d":2}}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		want, err := treeOfJSON(text)
		if !utf8.Valid(text) {
			want = base64.StdEncoding.EncodeToString(text)
		} else if err != nil || !json.Valid(text) || !nestsInYAML(text) {
			want = string(text)
		}
		got, err := Encode("x.yaml", YAML, json.RawMessage(text), Options{})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if len(text) < 4000 && bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) < 500 && !beyondJudges.Match(text) { // Python limits depth
			checkYAML(t, py, got, want)
		}
	})
}

func nestsInYAML(text []byte) bool {
	_, ok := new(yamlCheck).nests(text, 0, true)
	return ok
}
