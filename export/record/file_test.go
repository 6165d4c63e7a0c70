package record

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"testing/iotest"
)

func seqOf(values ...any) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for _, v := range values {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func readFile(t testing.TB, f *File) []byte {
	t.Helper()
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var allEncodings = []Encoding{YAML, JSON, NDJSON, CSV}

func idRow(id any) Row { return Row{Columns: []string{"id", "name"}, Values: []any{id, "x"}} }

func TestEncodingOf(t *testing.T) {
	for name, want := range map[string]Encoding{
		"a.yaml": YAML, "a/b.c.json": JSON, ".ndjson": NDJSON, "a.csv": CSV,
		"a.YAML": "", "a.yml": "", "a": "", "": "", "a.csv/b": "", "a.json.": "", "csv": "", "a.json ": "",
	} {
		if got, ok := EncodingOf(name); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %t, want %q", name, got, ok, want)
		}
	}
}

func TestRecordFile(t *testing.T) {
	failure := errors.New("source")
	end := func(yield func(any, error) bool) {}
	some := func(last any, err error) iter.Seq2[any, error] {
		return func(yield func(any, error) bool) {
			for _, id := range []int{1, 2} {
				if !yield(idRow(id), nil) {
					return
				}
			}
			if last != nil || err != nil {
				if yield(last, err) {
					panic("went on after an error")
				}
			}
		}
	}
	two := map[Encoding]string{
		YAML:   "---\nid: 1\nname: x\n---\nid: 2\nname: x\n",
		JSON:   "[\n{\"id\":1,\"name\":\"x\"},\n{\"id\":2,\"name\":\"x\"}\n]\n",
		NDJSON: "{\"id\":1,\"name\":\"x\"}\n{\"id\":2,\"name\":\"x\"}\n",
		CSV:    "id,name\r\n1,x\r\n2,x\r\n",
	}
	none := map[Encoding]string{JSON: "[]\n"}
	for _, test := range []struct {
		name   string
		seq    iter.Seq2[any, error]
		want   map[Encoding]string
		count  int64
		source bool
		encode bool
	}{
		{"empty", end, none, 0, false, false},
		{"two", some(nil, nil), two, 2, false, false},
		{"source fails", some(idRow(3), failure), two, 2, true, false},
		{"record fails", some(idRow(func() {}), nil), two, 2, false, true},
		{"source fails first", func(yield func(any, error) bool) { yield(nil, failure) }, none, 0, true, false},
		{"record fails first", seqOf(func() {}), none, 0, false, true},
	} {
		for _, enc := range allEncodings {
			t.Run(test.name+" "+string(enc), func(t *testing.T) {
				f := NewFile("x", enc, test.seq, Options{})
				defer f.Close()
				if err := iotest.TestReader(f, []byte(test.want[enc])); err != nil {
					t.Error(err)
				}
				e, encode := errors.AsType[*EncodeError](f.Err())
				if f.Count() != test.count || errors.Is(f.Err(), failure) != test.source || encode != test.encode || encode && e.Name != "x" {
					t.Errorf("got %d records, %v", f.Count(), f.Err())
				}
				if test.source && f.Err().Error() != failure.Error() {
					t.Errorf("got %v, want the source's error as it is", f.Err())
				}
			})
		}
	}
}

// One value may be yielded again and again.
func TestRecordFileReuse(t *testing.T) {
	for _, enc := range allEncodings {
		row := idRow(nil)
		var want strings.Builder
		f := NewFile("x", enc, func(yield func(any, error) bool) {
			for id := range 5000 {
				row.Values[0] = id
				if !yield(&row, nil) {
					return
				}
				row.Values[0] = "overwritten"
			}
		}, Options{})
		text := readFile(t, f)
		for id := range 5000 {
			switch enc {
			case YAML:
				fmt.Fprintf(&want, "---\nid: %d\nname: x\n", id)
			case JSON, NDJSON:
				fmt.Fprintf(&want, "{\"id\":%d,\"name\":\"x\"}\n", id)
			case CSV:
				fmt.Fprintf(&want, "%d,x\r\n", id)
			}
		}
		got := strings.TrimPrefix(string(text), "id,name\r\n")
		if enc == JSON {
			got = strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(got, "[\n"), "]\n"), "},\n", "}\n")
		}
		if f.Count() != 5000 || got != want.String() {
			t.Errorf("%s: got %d records, %.200q", enc, f.Count(), got)
		}
		if cap(f.buf) > 3*fillBytes {
			t.Errorf("%s: the buffer grew to %d bytes", enc, cap(f.buf))
		}
	}
}

// Closing early ends seq, and may be done again.
func TestRecordFileClose(t *testing.T) {
	for _, read := range []int{0, 1} {
		ended := false
		f := NewFile("x", NDJSON, func(yield func(any, error) bool) {
			defer func() { ended = true }()
			for yield(idRow(strings.Repeat("x", fillBytes)), nil) {
			}
		}, Options{})
		if n, err := f.Read(make([]byte, read)); n != read || err != nil {
			t.Fatal(n, err)
		}
		f.Close()
		f.Close()
		if !ended {
			t.Error("the source was left hanging")
		}
	}
	NewFile("x", CSV, seqOf(), Options{}).Close()
}

// A panic of seq reaches the reader, who loses nothing by it.
func TestRecordFilePanic(t *testing.T) {
	f := NewFile("x", JSON, func(yield func(any, error) bool) {
		yield(1, nil)
		panic("ouch")
	}, Options{})
	defer f.Close()
	read := func() (text []byte, caught any) {
		defer func() { caught = recover() }()
		text, _ = io.ReadAll(f)
		return text, nil
	}
	if _, caught := read(); caught != "ouch" {
		t.Errorf("caught %v", caught)
	}
	text, caught := read()
	if caught != nil || string(text) != "[\n1\n]\n" {
		t.Errorf("after the panic: got %q, %v", text, caught)
	}
}

type panicker struct{}

func (panicker) MarshalJSON() ([]byte, error) { panic("ouch") }

// A panic of a value is that record's error.
func TestEncodePanic(t *testing.T) {
	for _, enc := range allEncodings {
		f := NewFile("x", enc, seqOf(idRow(1), idRow(panicker{}), idRow(3)), Options{})
		text := readFile(t, f)
		if p, ok := errors.AsType[*PanicError](f.Err()); !ok || p.Value != "ouch" || f.Count() != 1 || strings.Contains(string(text), "3") {
			t.Errorf("%s: got %d records, %v, %q", enc, f.Count(), f.Err(), text)
		}
		text, err := Encode("x", enc, idRow(panicker{}), Options{})
		if _, ok := errors.AsType[*PanicError](err); !ok || text != nil {
			t.Errorf("%s: got %q, %v", enc, text, err)
		}
	}
}

// A record alone is neither list nor document.
func TestEncodeRecord(t *testing.T) {
	for enc, want := range map[Encoding]string{
		YAML: "id: 1\nname: x\n", JSON: "{\"id\":1,\"name\":\"x\"}\n", NDJSON: "{\"id\":1,\"name\":\"x\"}\n", CSV: "id,name\r\n1,x\r\n",
	} {
		row := idRow(1)
		for _, v := range []any{row, &row} {
			if got, err := Encode("x", enc, v, Options{}); err != nil || string(got) != want {
				t.Errorf("%s: got %q, %v, want %q", enc, got, err, want)
			}
		}
		for _, header := range []any{Row{}, Row{Columns: row.Columns}, &Row{}} {
			got, err := Encode("x", enc, header, Options{})
			if _, ok := errors.AsType[*EncodeError](err); !ok || got != nil {
				t.Errorf("%s of a header: got %q, %v", enc, got, err)
			}
		}
	}
}
