package sections

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

func TestNames(t *testing.T) {
	row := record.Row{
		Columns: []string{"id", "n", "ok", "price", "f", "at", "path", "win", "up", "none", "bytes", "empty", "unit price"},
		Values: []any{"a1", int64(7), true, json.Number("1.50"), 2.5e6, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			"img/b c.png", `C:\img\d.png`, "../x", nil, []byte("x"), "", "cheap"},
	}
	const slash, missing = "!slash", "!missing"
	for _, c := range []struct{ template, file, source string }{
		{"plain.yaml", "plain.yaml", "plain.yaml"},
		{"{{.id}}/product.yaml", "a1/product.yaml", "a1/product.yaml"},
		{"{{.id}}-{{.n}}-{{.ok}}", "a1-7-true", "a1-7-true"},
		{`{{printf "%03d" .n}}`, "007", "007"},
		{"{{.price}} {{.f}} {{.at}}", "1.50 2500000 2026-01-02T030405Z", "1.50 2500000 2026-01-02T03:04:05Z"},
		{"{{slice .at 0 10}}", "2026-01-02", "2026-01-02"},
		{"{{safe .path}}", "img_b c~" + hashOf("img/b c.png") + ".png", "img_b c~" + hashOf("img/b c.png") + ".png"},
		{"{{safe .id}}.txt", "a1.txt", "a1.txt"},
		{"{{urlquery .path}}", "img%2Fb+c.png", "img%2Fb+c.png"},
		{"{{len .id}}", "2", "2"},
		{`{{printf "%s-%d" .id .n}} {{print .id .n}} {{html .id}} {{js .id}}`, "a1-7 a17 a1 a1", "a1-7 a17 a1 a1"},
		{"{{.path}}", slash, "img/b c.png"},
		{"x/{{.up}}", slash, "x/../x"},
		{"{{.win}}", slash, `C:\img\d.png`},
		{"{{base .path}}", "b c.png", "b c.png"},
		{"{{base .win}}", "d.png", "d.png"},
		{"{{base .empty}}x", "x", "x"},
		{"{{path .path}}", "img/b c.png", "img/b c.png"},
		{`{{printf "%s/%s" .id .id}}`, slash, "a1/a1"},
		{"{{.none}}", missing, missing},
		{"{{base .none}}", missing, missing},
		{"{{path .none}}", missing, missing},
		{"{{.bytes}}", missing, missing},
		{"{{urlquery .none}}", missing, missing},
		{"{{.none | urlquery}}", missing, missing},
		{"{{html .none}}", missing, missing},
		{"{{js .id .none}}", missing, missing},
		{"{{print .none}}", missing, missing},
		{"{{println .id .none}}", missing, missing},
		{`{{printf "%v" .none}}`, missing, missing},
		{`{{printf "%s" (print .bytes)}}`, missing, missing},
		{"{{len .none}}", missing, missing},
		{"{{safe .none}}", missing, missing},
		{"{{$x := .none}}{{urlquery $x}}", missing, missing},
		{`{{urlquery (index . "none")}}`, missing, missing},
		{"{{with .id}}{{urlquery $.none}}{{end}}", missing, missing},
		{"{{if eq .id (print .none)}}x{{end}}", missing, missing},
		{`{{slice .none 0 1}}`, "!out of", "!out of"},
		{`{{index .none 0}}`, "!out of", "!out of"},
		{`{{len .n}}`, "!out of", "!out of"},
		{"{{if not .none}}x{{end}}", "x", "x"},
		{"{{or .none .id}}", "a1", "a1"},
		{"{{if .none}}{{.none}}{{else}}{{.id}}{{end}}", "a1", "a1"},
		{"{{if .ok}}{{.path}}{{end}}", slash, "img/b c.png"},
		{"{{with .path}}{{.}}{{$.id}}{{end}}", slash, "img/b c.pnga1"},
		{"{{with .none}}x{{else}}{{.path}}{{end}}", slash, "img/b c.png"},
		{"{{$x := .path}}{{base $x}}", "b c.png", "b c.png"},
		{"{{$x := .path}}{{$x}}", slash, "img/b c.png"},
		{`{{index . "unit price"}}`, "cheap", "cheap"},
		{`{{slice .id 0 1}}`, "a", "a"},
		{`{{slice .id 0 9}}`, "!out of", "!out of"},
		{"{{range 2}}{{.}}{{end}}", "01", "01"},
	} {
		for guard, want := range map[string]string{guardElement: c.file, guardText: c.source} {
			n, err := parseName(c.template, guard)
			if err != nil {
				t.Errorf("%s: %v", c.template, err)
				continue
			}
			data := make(map[string]any)
			setNameData(data, row)
			if guard == guardElement {
				setNameTimes(data)
			}
			got, err := n.of(data)
			switch want {
			case slash:
				if _, ok := errors.AsType[*export.NameError](err); !ok {
					t.Errorf("%s: %q, %v; want a NameError", c.template, got, err)
				}
			case missing:
				if !errors.Is(err, errNoText) || export.PublicText(err) != "The name needs a value that is missing." {
					t.Errorf("%s: %q, %v; want %v", c.template, got, err, errNoText)
				}
			case "!out of":
				if err == nil || export.PublicText(err) != "The name could not be made of its values." {
					t.Errorf("%s: %q, %v", c.template, got, err)
				}
			default:
				if err != nil || got != want {
					t.Errorf("%s: %q, %v; want %q", c.template, got, err, want)
				}
			}
		}
	}
}

func hashOf(text string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:10]
}

func TestNameTimes(t *testing.T) {
	for text, want := range map[string]string{
		"2024-01-01 10:20:30": "2024-01-01T102030", "2024-01-01T10:20:30Z": "2024-01-01T102030Z", "2024-01-01T10:20:30.123456+05:30": "2024-01-01T102030.123456+0530",
		"2024-01-01 10:20": "2024-01-01T1020", "10000-01-01T04:59:59Z": "10000-01-01T045959Z", "0044-03-15T12:00:00Z BC": "0044-03-15T120000Z BC",
		"2024-01-01": "2024-01-01", "10:20:30": "10:20:30", "16:9": "16:9", "2024-01-01 10:20:30 x": "2024-01-01 10:20:30 x", "at 2024-01-01 10:20:30": "at 2024-01-01 10:20:30",
	} {
		if got := asNameTime(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestNameNeeds(t *testing.T) {
	n, err := parseName(`{{.a}}{{base .b}}{{printf "%s" (path .c)}}{{if .d}}{{.e}}{{else}}{{.f}}{{end}}`+
		`{{with .g}}{{.inside}}{{$.h}}{{else}}{{.i}}{{end}}{{$x := .j}}{{.a}}`, guardElement)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}; !slices.Equal(n.needs, want) {
		t.Errorf("needs %v, want %v", n.needs, want)
	}
}

func TestBadTemplates(t *testing.T) {
	for _, source := range []string{"", " ", "{{.id", "{{nothing .id}}", `{{define "x"}}{{.id}}{{end}}x`} {
		if _, err := parseName(source, guardText); err == nil {
			t.Errorf("%q was accepted", source)
		}
	}
}

// Whatever the data is, it adds no folder and leads nowhere else.
func FuzzName(f *testing.F) {
	for _, s := range []string{"a", "..", "../x", `a\b`, "/", "", "{{.b}}", "a\x00b"} {
		f.Add(s, "b")
		f.Add("a", s)
	}
	n, err := parseName("{{.a}}/x-{{.b}}.yaml", guardElement)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		name, err := n.of(map[string]any{"a": a, "b": b})
		if err != nil {
			return
		}
		if name != a+"/x-"+b+".yaml" || strings.Count(name, "/") != 1 || strings.Contains(name, `\`) {
			t.Fatalf("%q and %q make the name %q", a, b, name)
		}
		if export.CheckName(name) == nil && !filepath.IsLocal(name) {
			t.Fatalf("%q leads out of its folder", name)
		}
	})
}
