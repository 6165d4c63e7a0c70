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

// noSkip fails the test if a record is skipped.
func noSkip(t testing.TB) func(string, error) {
	return func(ref string, err error) {
		t.Helper()
		t.Errorf("%s was skipped: %v", ref, err)
	}
}

// skips notes what is skipped.
type skips []string

func (s *skips) skip(ref string, err error) {
	if _, ok := errors.AsType[*EncodeError](err); !ok {
		ref = fmt.Sprintf("%s, with the error %v", ref, err)
	}
	*s = append(*s, ref)
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
			if err != nil && yield(last, err) {
				panic("went on after an error")
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
		name    string
		seq     iter.Seq2[any, error]
		want    map[Encoding]string
		count   int64
		source  bool
		skipped string
	}{
		{"empty", end, none, 0, false, ""},
		{"two", some(nil, nil), two, 2, false, ""},
		{"source fails", some(idRow(3), failure), two, 2, true, ""},
		{"record fails", seqOf(idRow(1), Row{Columns: []string{"id", "name"}, Values: []any{7, func() {}}}, idRow(2)), two, 2, false, "x, row 2 (id 7)"},
		{"source fails first", func(yield func(any, error) bool) { yield(nil, failure) }, none, 0, true, ""},
		{"records fail first", seqOf(func() {}, idRow(1), idRow(func() {}), idRow(2)), two, 2, false, "x, row 1 x, row 3"},
	} {
		for _, enc := range allEncodings {
			t.Run(test.name+" "+string(enc), func(t *testing.T) {
				var skipped skips
				f := NewFile("x", enc, test.seq, Options{}, skipped.skip)
				defer f.Close()
				if err := iotest.TestReader(f, []byte(test.want[enc])); err != nil {
					t.Error(err)
				}
				if f.Count() != test.count || errors.Is(f.Err(), failure) != test.source || strings.Join(skipped, " ") != test.skipped {
					t.Errorf("got %d records, %v, skipped %q", f.Count(), f.Err(), skipped)
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
		}, Options{}, noSkip(t))
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
		}, Options{}, noSkip(t))
		if n, err := f.Read(make([]byte, read)); n != read || err != nil {
			t.Fatal(n, err)
		}
		f.Close()
		f.Close()
		if !ended {
			t.Error("the source was left hanging")
		}
	}
	NewFile("x", CSV, seqOf(), Options{}, noSkip(t)).Close()
}

// A panic of seq reaches the reader, who loses nothing by it.
func TestRecordFilePanic(t *testing.T) {
	f := NewFile("x", JSON, func(yield func(any, error) bool) {
		yield(1, nil)
		panic("ouch")
	}, Options{}, noSkip(t))
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

// A panic of a value is that record's error, and of no other.
func TestEncodePanic(t *testing.T) {
	for _, enc := range allEncodings {
		for _, value := range []any{panicker{}, Row{Columns: []string{"a"}, Values: []any{panicker{}}}, panicAppender{}} {
			var got error
			f := NewFile("x", enc, seqOf(idRow(value), idRow(1), idRow(value), idRow(3)), Options{}, func(_ string, err error) { got = err })
			text := string(readFile(t, f))
			if p, ok := errors.AsType[*PanicError](got); !ok || p.Value != "ouch" || f.Count() != 2 || f.Err() != nil {
				t.Errorf("%s: got %d records, %v, skipped %v", enc, f.Count(), f.Err(), got)
			}
			if want := readFile(t, NewFile("x", enc, seqOf(idRow(1), idRow(3)), Options{}, noSkip(t))); text != string(want) {
				t.Errorf("%s: got %q, want %q", enc, text, want)
			}
			text2, err := Encode("x", enc, idRow(value), Options{})
			if _, ok := errors.AsType[*PanicError](err); !ok || text2 != nil {
				t.Errorf("%s: got %q, %v", enc, text2, err)
			}
		}
	}
}

type panicAppender struct{}

func (panicAppender) AppendRecord([]byte, Encoding) ([]byte, error) { panic("ouch") }

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
