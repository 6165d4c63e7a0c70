package sections

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

// judgeName makes a name of a row with text/template.
func judgeName(source, guard string) (func(row map[string]any) (string, error), error) {
	t, err := template.New(nameRoot).Option("missingkey=error").Funcs(template.FuncMap{
		"base": base, "path": keepSlashes, "safe": safe,
		"html": ofValues(template.HTMLEscaper), "js": ofValues(template.JSEscaper), "urlquery": ofValues(template.URLQueryEscaper),
		"print": ofValues(fmt.Sprint), "println": ofValues(fmt.Sprintln), "printf": format, "len": length,
		guardElement: element, guardText: nameText, guardRenamed: renamedElement,
	}).Parse(source)
	if err != nil {
		return nil, err
	}
	if len(t.Templates()) > 1 {
		return nil, errors.New("defines other templates")
	}
	new(nameTemplate).list(t.Root, guard, true)
	return func(row map[string]any) (string, error) {
		var b strings.Builder
		err := t.Execute(&b, row)
		return b.String(), err
	}, nil
}

type number int32

// nameRows are rows as templates get them.
func nameRows() []map[string]any {
	rows := []record.Row{{
		Columns: []string{"id", "n", "ok", "price", "f", "at", "path", "win", "none", "bytes", "empty", "unit price", "zoë", "text", "minus", "no", "bad"},
		Values: []any{"a1", int64(7), true, json.Number("1.50"), 2.5e6, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "img/b c.png", `C:\img\d.png`, nil, []byte("x"), "",
			"cheap", "ü", "<a href='x'>\"&=\\\u2028\x00\n日本", int64(-3), false, "a\xffb"},
	}, {
		Columns: []string{"id", "n", "list", "map", "row", "texts", "numbers", "byNumber", "byAny", "u", "small", "f", "f32", "nan", "ptr", "nilptr", "nillist", "struct", "array", "byBool", "byFloat"},
		Values: []any{"b/2", int64(0), []any{"x", nil, int64(3), []any{"y", map[string]any{"z": "deep"}}, map[string]any{"k": []any{int64(1)}}},
			map[string]any{"b": "2", "a": int64(1), "c": map[string]any{"d": map[string]any{"e": "deep"}}, "none": nil, "": "nothing"},
			record.Row{Columns: []string{"c"}, Values: []any{"v"}}, []string{"p", "q/r", ""}, []int{3, 1, 2}, map[int64]string{2: "two", -1: "minus", 10: "ten"},
			map[any]any{"a": 1, "b": nil, 3: "c", 1: "d", nil: "e"}, uint64(math.MaxUint64), uint8(4), 1.0, float32(0.5), []any{math.NaN(), math.Copysign(0, -1), math.Inf(1)},
			new("pointed"), (*string)(nil), []any(nil), struct {
				Name string
				none any
				Sub  *struct{ Name string }
			}{Name: "N"}, [3]number{1, 2, 3}, map[bool]string{true: "t", false: "f"}, map[float64]int{1.5: 1, -1: 2, math.NaN(): 3}},
	}, {
		Columns: []string{"id"}, Values: []any{nil},
	}}
	var all []map[string]any
	for _, row := range rows {
		data := make(map[string]any)
		setNameData(data, row)
		all = append(all, data)
	}
	return all
}

// compareNames runs a template for a row by text/template, too.
func compareNames(t *testing.T, source, guard string, row map[string]any) {
	t.Helper()
	judge, wantErr := judgeName(source, guard)
	n, err := parseName(source, guard)
	if strings.TrimSpace(source) == "" {
		return
	}
	if (err != nil) != (wantErr != nil) || err != nil && !strings.HasSuffix(err.Error(), wantErr.Error()) {
		t.Fatalf("%q: error of the parser is %v, want %v", source, err, wantErr)
	}
	if err != nil {
		return
	}
	want, wantErr := judge(row)
	got, err := n.of(row)
	if wantErr != nil && strings.Contains(wantErr.Error(), "cannot index slice/array with type interface {}") {
		return // text/template's own slice takes {{slice .text 0 (.n)}}, and {{slice .text 0 .n}} not
	}
	var bad, wantBad *export.NameError
	switch {
	case (err != nil) != (wantErr != nil) || err == nil && got != want:
		t.Errorf("%q with %v: %q, %v; want %q, %v", source, row, got, err, want, wantErr)
	case err == nil:
	case errors.Is(err, errNoText) != errors.Is(wantErr, errNoText) || errors.As(err, &bad) != errors.As(wantErr, &wantBad) || bad != nil && bad.Name != wantBad.Name:
		t.Errorf("%q with %v: error is %v, want %v", source, row, err, wantErr)
	case !strings.Contains(err.Error(), templateLine.FindString(wantErr.Error())):
		t.Errorf("%q: error is %v, want the line of %v", source, err, wantErr)
	}
}

// templateLine is the part of an error that says in which line of a template it is.
var templateLine = regexp.MustCompile(`template: name:\d+:`)

func TestNamesAsTextTemplate(t *testing.T) {
	n := 0
	for _, row := range nameRows() {
		for _, source := range nameTemplates() {
			compareNames(t, source, []string{guardElement, guardText, guardRenamed}[n%3], row)
			n++
		}
	}
	t.Logf("%d names", n)
}

// This is all that a template may do for text/template and not here: to call methods of
// values, and itself.
func TestNamesCallNothing(t *testing.T) {
	row := map[string]any{"list": []any{time.Unix(0, 0)}, "id": "a"}
	for _, source := range []string{"{{range .list}}{{.Year}}{{end}}", `{{(index .list 0).Format "2006"}}`, `{{with .id}}x{{else}}{{end}}{{template "name" nil}}`} {
		n, err := parseName(source, guardText)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := n.of(row); err == nil || export.PublicText(err) != "The name could not be made of its values." {
			t.Errorf("%s: %q, %v", source, got, err)
		}
	}
}

// A function that calls a method by a name of data makes the linker keep all methods of a
// program.
func TestLinkerDropsMethods(t *testing.T) {
	file := filepath.Join(t.TempDir(), "main.go")
	program := "package main\n\nimport (\n\"context\"\n\n\"github.com/orgexport/orgexport/export\"\n\"github.com/orgexport/orgexport/sections\"\n)\n\n" +
		"func main() {\ns, _ := sections.NewSQL(sections.SQL{})\n_ = s.Export(context.Background(), export.Scope{}, nil)\n}\n"
	if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-dumpdep", "-o", filepath.Join(t.TempDir(), "program"), file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "-> github.com/orgexport/orgexport/sections.runName") {
		t.Fatalf("go build: %v, %d bytes of output", err, len(out))
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "<ReflectMethod>") {
			t.Error(line)
		}
	}
}

// longRun is what may make a template run long, or its name long.
var longRun = regexp.MustCompile(`\d\d\d|[xXeEpP_']\d|'|\$\w*\s*=|index|len`)

// FuzzNamesAsTextTemplate looks for templates whose names differ from those of
// text/template.
func FuzzNamesAsTextTemplate(f *testing.F) {
	rows := nameRows()
	for i, source := range sampleTemplates() {
		f.Add(source, uint8(i))
		f.Add(source, uint8(i+1))
	}
	f.Fuzz(func(t *testing.T, source string, row uint8) {
		loops := strings.Count(source, "range")
		data := rows[int(row)%len(rows)]
		if len(source) > 500 || loops > 2 || loops > 0 && (longRun.MatchString(source) || data["u"] != nil && strings.Contains(source, ".u")) {
			return
		}
		if strings.Contains(source, `template`) { // text/template lets the root call itself
			return
		}
		compareNames(t, source, guardText, data)
	})
}

func BenchmarkName(b *testing.B) {
	row := nameRows()[0]
	for _, source := range []string{"{{.id}}/product.yaml", `{{.id}}/{{printf "%03d" .n}}-{{base .path}}`, `{{if eq .id "a1"}}{{.n}}{{else}}{{.path}}{{end}}`} {
		n, err := parseName(source, guardElement)
		if err != nil {
			b.Fatal(err)
		}
		judge, err := judgeName(source, guardElement)
		if err != nil {
			b.Fatal(err)
		}
		for name, of := range map[string]func(map[string]any) (string, error){"own": n.of, "text": judge} {
			b.Run(source+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := of(row); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
