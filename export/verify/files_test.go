package verify_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
	"github.com/orgexport/orgexport/export/verify"
)

func TestFiles(t *testing.T) {
	want := map[string][]string{
		"products/1/product.yaml":  {`{"id":1,"name":"Tee 🍵","text":"Grüner Tee\n---\n` + strings.Repeat("of the best sort ", 20) + `"}`},
		"products/offers.ndjson":   {`{"id":1}`, `{"id":2}`, `{"id":3}`},
		"products/prices.json":     {`{"p":"a \"quoted\" [text], with }"}`, `{"p":[1,2]}`},
		"products/all.yaml":        {`{"a":"x"}`, `{"a":"y"}`},
		"products/_skipped.ndjson": {`{"ref":"image 7","reason":"The item could not be exported."}`},
		"members/members.csv":      {`{"id":"1","name":"Ann \"A\"\nLee"}`, `{"id":"2","name":"'=1+1"}`},
	}
	for _, f := range formats {
		b := small(t, f)
		got := make(map[string][]string)
		other := make(map[string]int64)
		for file, err := range verify.Files(t.Context(), f, bytes.NewReader(b), verify.Options{}) {
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimPrefix(file.Section+"/"+file.Name, "/")
			if file.Path != top+"/"+name || file.ModTime.Unix() != 1782507600 {
				t.Errorf("%+v", file)
			}
			if _, err := export.EncodingOf(file.Name); err != nil || file.Section == "" {
				content, err := io.ReadAll(file)
				if err != nil || int64(len(content)) != file.Size {
					t.Errorf("%s: %d bytes, %v", file.Path, len(content), err)
				}
				other[name] = file.Size
				continue
			}
			for record, err := range verify.Records(file) {
				if err != nil {
					t.Fatal(err)
				}
				got[name] = append(got[name], string(record))
			}
		}
		if !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%s: got %q", f.Name(), got)
		}
		if other["products/1/日本.png"] != 300 || len(other) != 4 {
			t.Errorf("%s: other files are %v", f.Name(), other)
		}
	}
}

func TestFilesStop(t *testing.T) {
	for _, f := range formats {
		b := small(t, f)
		n := 0
		for range verify.Files(t.Context(), f, bytes.NewReader(b), verify.Options{}) { //nolint:errcheck // it stops at once
			if n++; n == 2 {
				break
			}
		}
		var last error
		for _, last = range verify.Files(t.Context(), f, bytes.NewReader(b[:len(b)-1]), verify.Options{}) {
			continue
		}
		if !errors.Is(last, archive.ErrDamaged) {
			t.Errorf("%s: cut archive: %v", f.Name(), last)
		}
	}
}

// recordsOf packs one file and reads its records.
func recordsOf(t testing.TB, name, content string) (records []string, err error) {
	t.Helper()
	f := archive.Zip()
	b := pack(t, f, map[string]string{"top/s/" + name: content}, func([]string) {})
	for file, err := range verify.Files(t.Context(), f, bytes.NewReader(b), verify.Options{}) {
		if err != nil {
			return nil, err
		}
		for record, err := range verify.Records(file) {
			if err != nil {
				return records, err
			}
			records = append(records, string(record))
		}
	}
	return records, nil
}

func TestRecords(t *testing.T) {
	for _, c := range []struct {
		name, content string
		want          []string
		bad           bool
	}{
		{"a.ndjson", "", nil, false},
		{"a.ndjson", "1\n\n2", []string{"1", "2"}, false},
		{"a.ndjson", "1\n{\n", []string{"1"}, true},
		{"a.json", "[]\n", nil, false},
		{"a.json", "[1,[2]]", []string{"1", "[2]"}, false},
		{"a.json", `"x"`, []string{`"x"`}, false},
		{"a.json", "", nil, true},
		{"a.json", "1 2", []string{"1"}, true},
		{"a.json", "[1,2", []string{"1", "2"}, true},
		{"a.json", "[1] x", []string{"1"}, true},
		{"a.yaml", "", nil, false},
		{"a.yaml", "a: 1\n", []string{`{"a":1}`}, false},
		{"a.yaml", "---\na: 1.50\n---\n- yes\n- true\n- null\n- 2026-01-02\n", []string{`{"a":1.50}`, `["yes",true,null,"2026-01-02"]`}, false},
		{"a.yaml", "a: 1\na: 2\n", nil, true},
		{"a.yaml", "a: &x 1\nb: *x\n", nil, true},
		{"a.yaml", "{", nil, true},
		{"a.csv", "", nil, false},
		{"a.csv", "a,b\r\n", nil, false},
		{"a.csv", "a,b\r\n1,\"x\r\ny\"\r\n", []string{`{"a":"1","b":"x\r\ny"}`}, false},
		{"a.csv", "a,b\r\n,\"\"\r\n\r\n", []string{`{"a":null,"b":""}`}, false},
		{"a.csv", "a\r\n\r\n\"\"\r\n", []string{`{"a":null}`, `{"a":""}`}, false},
		{"a.csv", "a,b\r\n1\r\n", nil, true},
		{"a.png", "x", nil, true},
	} {
		got, err := recordsOf(t, c.name, c.content)
		if !slices.Equal(got, c.want) || (err != nil) != c.bad {
			t.Errorf("%s %q: %q, %v", c.name, c.content, got, err)
		}
	}
}

func TestRecordTooLarge(t *testing.T) {
	huge := strings.Repeat("x", record.MaxBytes+1<<20)
	for name, content := range map[string]string{
		"a.ndjson": `"` + huge + `"`, "a.json": `["` + huge + `"]`, "a.yaml": huge, "a.csv": "a\n" + huge,
	} {
		if _, err := recordsOf(t, name, content); !errors.Is(err, record.ErrTooLarge) {
			t.Errorf("%s: %.200v", name, err)
		}
		fits := strings.Replace(content, huge, huge[:record.MaxBytes-1<<20], 1)
		if _, err := recordsOf(t, name, fits); err != nil {
			t.Errorf("%s that fits: %.200v", name, err)
		}
	}
}
