package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"github.com/orgexport/orgexport/export/record"
)

// readers compares what Go and Python read from the files of several types, in all
// encodings.
type readers struct {
	t      *testing.T
	folder string
	types  []string
	want   [][]any // rows of each type, as Go reads them from NDJSON
}

func newReaders(t *testing.T) *readers { return &readers{t: t, folder: t.TempDir()} }

// add takes the files of a type.
func (r *readers) add(declared string, out files) {
	r.t.Helper()
	for name, text := range out {
		name = fmt.Sprint(len(r.types)) + filepath.Ext(name)
		if err := os.WriteFile(filepath.Join(r.folder, name), text, 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	rows := decode(r.t, out["t.ndjson"])
	r.types = append(r.types, declared)
	r.want = append(r.want, rows)
	r.same("Go", declared, "json", rows, decode(r.t, out["t.json"])[0])
	var documents []any
	for text, err := range record.Read(bytes.NewReader(out["t.yaml"]), record.YAML) {
		if err != nil {
			r.t.Fatal(err)
		}
		documents = append(documents, decode(r.t, text)[0])
	}
	r.same("Go", declared, "yaml", rows, documents)
	var lines []any
	for text, err := range record.Read(bytes.NewReader(out["t.csv"]), record.CSV) { // package csv loses carriage returns
		if err != nil {
			r.t.Fatal(err)
		}
		row := decode(r.t, text)[0].(map[string]any)
		lines = append(lines, []any{row["n"], row["v"], row["list"]})
	}
	r.same("Go", declared, "csv", r.cells(rows, nil)[1:], lines)
}

// decode returns all JSON texts, with numbers as they are.
func decode(t *testing.T, text []byte) (all []any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	for {
		var v any
		switch err := d.Decode(&v); err {
		case nil:
			all = append(all, v)
		case io.EOF:
			return all
		default:
			t.Fatal(err)
		}
	}
}

// cells returns rows as a reader of CSV sees them, who knows no types. Nested data is what
// its JSON says.
func (r *readers) cells(rows []any, null any) []any {
	lines := []any{[]any{"n", "v", "list"}}
	for _, row := range rows {
		var line []any
		for _, name := range []string{"n", "v", "list"} {
			line = append(line, cell(row.(map[string]any)[name], null))
		}
		lines = append(lines, line)
	}
	return lines
}

func cell(v, null any) any {
	switch v := v.(type) {
	case nil:
		return null
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	case string:
		return v
	}
	return v
}

// same fails the test if what was read is not equal.
func (r *readers) same(reader, declared, encoding string, want []any, got any) {
	r.t.Helper()
	list, _ := got.([]any)
	if len(list) != len(want) {
		r.t.Errorf("%s reads %d rows of %s from %s, want %d", reader, len(list), declared, encoding, len(want))
		return
	}
	for i := range want {
		if !equal(want[i], list[i], encoding) {
			r.t.Errorf("%s reads %.300q of %s from %s, want %.300q", reader, fmt.Sprint(list[i]), declared, encoding, fmt.Sprint(want[i]))
		}
	}
}

// equal reports whether two values are the same. Readers of YAML have floats of 64 bits
// only. In a cell of CSV nested data is JSON, and so is the text of a JSON column.
func equal(want, got any, encoding string) bool {
	switch want := want.(type) {
	case json.Number:
		n, ok := got.(json.Number)
		if !ok || n == want {
			return ok
		}
		a, _ := strconv.ParseFloat(string(want), 64)
		b, _ := strconv.ParseFloat(string(n), 64)
		return encoding == "yaml" && a == b
	case []any:
		if text, ok := got.(string); ok && encoding == "csv" {
			return equalJSON(want, text)
		}
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return false
		}
		for i := range want {
			if !equal(want[i], list[i], encoding) {
				return false
			}
		}
		return true
	case map[string]any:
		if text, ok := got.(string); ok && encoding == "csv" {
			return equalJSON(want, text)
		}
		object, ok := got.(map[string]any)
		if !ok || len(object) != len(want) {
			return false
		}
		for name := range want {
			if v, ok := object[name]; !ok || !equal(want[name], v, encoding) {
				return false
			}
		}
		return true
	case string:
		text, ok := got.(string)
		return ok && (text == want || encoding == "csv" && equalJSON(want, text))
	}
	return reflect.DeepEqual(want, got)
}

func equalJSON(want any, text string) bool {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var v any
	return d.Decode(&v) == nil && equal(want, v, "json")
}

// compare has Python read all files.
func (r *readers) compare() {
	r.t.Helper()
	python := ""
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(r.t.Context(), name, "-c", "import yaml").Run() == nil {
			python = name
			break
		}
	}
	if python == "" {
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			r.t.Fatal("no Python with PyYAML")
		}
		r.t.Log("not read by Python: there is none with PyYAML")
		return
	}
	command := exec.CommandContext(r.t.Context(), python, "-c", pythonReader, r.folder, fmt.Sprint(len(r.types)))
	command.Stderr = os.Stderr
	text, err := command.Output()
	if err != nil {
		r.t.Fatal(err)
	}
	for i, read := range decode(r.t, text) {
		read := read.(map[string]any)
		for _, encoding := range []string{"ndjson", "json", "yaml", "csv"} {
			want := r.want[i]
			if encoding == "csv" {
				want = r.cells(want, "") // Python has no null there
			}
			r.same("Python", r.types[i], encoding, want, read[encoding])
		}
	}
}

// pythonReader prints what it reads as JSON, with the digits of numbers as they are.
const pythonReader = `
import csv, io, json, math, sys, yaml
folder, n = sys.argv[1], int(sys.argv[2])
class Digits(float):
    def __new__(cls, text):
        self = super().__new__(cls, text)
        self.text = text
        return self
def show(v):
    if isinstance(v, list): return "[" + ",".join(map(show, v)) + "]"
    if isinstance(v, dict): return "{" + ",".join(json.dumps(k) + ":" + show(x) for k, x in v.items()) + "}"
    if isinstance(v, Digits): return v.text
    if isinstance(v, float) and not math.isfinite(v):
        return {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}[repr(v)]
    return json.dumps(v)
sys.set_int_max_str_digits(0)
def read(i, extension):
    with open(f"{folder}/{i}.{extension}", encoding="utf-8", newline="") as f:
        return f.read()
for i in range(n):
    numbers = dict(parse_float=Digits)
    print(show({
        "ndjson": [json.loads(line, **numbers) for line in read(i, "ndjson").split("\n")[:-1]],
        "json": json.loads(read(i, "json"), **numbers),
        "yaml": list(yaml.load_all(read(i, "yaml"), Loader=yaml.CSafeLoader)),
        "csv": list(csv.reader(io.StringIO(read(i, "csv"), newline=""), strict=True)),
    }))
`
