package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

type (
	status   string
	level    int8
	badBytes struct{ S string }
	product  struct {
		Name  string          `json:"name"`
		Attrs json.RawMessage `json:"attrs,omitempty"`
		Row   *Row            `json:"row,omitempty"`
		Any   any             `json:"any,omitempty"`
	}
)

func (b badBytes) MarshalText() ([]byte, error) { return []byte(b.S), nil }

// appender is an Appender that answers with itself.
type appender string

func (a appender) AppendRecord(dst []byte, _ Encoding) ([]byte, error) {
	if a == "fail" {
		return append(dst, "half"...), errors.New("no")
	}
	return append(dst, a...), nil
}

// pointerAppender has its method on the pointer.
type pointerAppender struct{ text string }

func (a *pointerAppender) AppendRecord(dst []byte, _ Encoding) ([]byte, error) {
	return append(dst, a.text...), nil
}

func TestJSONValues(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 30, 0, 120, time.FixedZone("", 2*3600))
	text := "x"
	for _, test := range []struct {
		value any
		want  string
	}{
		{nil, `null`},
		{true, `true`},
		{int(-1), `-1`}, {int8(-128), `-128`}, {int16(-3), `-3`}, {int32(-4), `-4`}, {int64(math.MinInt64), `-9223372036854775808`},
		{uint(1), `1`}, {uint8(255), `255`}, {uint16(3), `3`}, {uint32(4), `4`}, {uint64(math.MaxUint64), `18446744073709551615`}, {uintptr(5), `5`},
		{1.5, `1.5`}, {float32(0.1), `0.1`}, {1e21, `1e+21`}, {1e-7, `1e-7`}, {math.Copysign(0, -1), `-0`}, {float32(1e21), `1e+21`},
		{"", `""`}, {"<a>&\u2028", "\"<a>&\u2028\""}, {"\"\\/\b\f\n\r\t\x00\x1f\x7f", `"\"\\/\u0008\u000c\n\r\t\u0000\u001f` + "\x7f\""}, {"å😀", `"å😀"`},
		{at, `"2026-11-23T10:30:00.00000012Z"`}, {&at, `"2026-11-23T10:30:00.00000012Z"`}, {time.Time{}, `"0001-01-01T00:00:00Z"`},
		{[]byte("ab?"), `"YWI/"`}, {[]byte{}, `""`},
		{json.Number("1.50"), `1.50`}, {json.Number("123456789012345678901234567890e-5"), `123456789012345678901234567890e-5`},
		{json.RawMessage(" { \"b\" : [ 1.0 , \"x\\u0041\\ud83d\" ],\n\"a\":null, \"b\": 1e400 } "), `{"b":[1.0,"x\u0041\ud83d"],"a":null,"b":1e400}`},
		{Row{Columns: []string{"b", "a"}, Values: []any{1, Row{}}}, `{"b":1,"a":{}}`},
		{&Row{Columns: []string{"b"}, Values: []any{nil}}, `{"b":null}`},
		{[]any{1, "a", []any{}, at, Row{}}, `[1,"a",[],"2026-11-23T10:30:00.00000012Z",{}]`},
		{[]string{"a", "<"}, `["a","<"]`},
		{appender(" [1, 2]\n"), `[1,2]`}, {&pointerAppender{"1"}, `1`},
		{status("<on>"), `"<on>"`}, {level(3), `3`}, {&text, `"x"`}, {map[string]any{"b": "<", "a": 1.0}, `{"a":1,"b":"<"}`},
		{product{Name: "<", Attrs: json.RawMessage(`{ "é" : 1.10 }`), Row: &Row{Columns: []string{"z", "a"}, Values: []any{at, []byte("1")}}},
			`{"name":"<","attrs":{"é":1.10},"row":{"z":"2026-11-23T10:30:00.00000012Z","a":"MQ=="}}`},
		{netip.MustParseAddr("10.0.0.1"), `"10.0.0.1"`},
		{(*Row)(nil), `null`}, {(*time.Time)(nil), `null`}, {(*string)(nil), `null`}, {(*product)(nil), `null`}, {(*pointerAppender)(nil), `null`}, {(*appender)(nil), `null`},
		{[]byte(nil), `null`}, {json.RawMessage(nil), `null`}, {[]any(nil), `null`}, {[]string(nil), `null`}, {map[string]int(nil), `null`},
	} {
		for _, enc := range []Encoding{JSON, NDJSON} {
			got, err := Encode("x", enc, test.value, Options{})
			if err != nil || string(got) != test.want+"\n" {
				t.Errorf("%s of %T %v: got %q, %v, want %q", enc, test.value, test.value, got, err, test.want)
			}
		}
	}
}

func TestUnencodable(t *testing.T) {
	loop := []any{nil}
	loop[0] = loop
	fields := map[string]any{}
	fields["row"] = Row{Columns: []string{"x"}, Values: []any{fields}}
	for _, value := range []any{
		map[string]float64{"a": math.NaN()}, status("\xff"), map[string]any{"\xff": 1}, map[string]int{"\xff": 1}, product{Name: "\xff"}, &product{Any: []any{"\xff"}},
		badBytes{"\xff"}, map[string]badBytes{"a": {"\xff"}}, []status{"\xff"}, [1]string{"\xff"},
		product{Attrs: json.RawMessage("\"\xff\"")}, appender("\"\xff\""), product{Attrs: json.RawMessage("{")},
		Row{Columns: []string{"\xff"}, Values: []any{1}},
		appender(""), appender("fail"), appender("a"), appender("1,2"),
		Row{Columns: []string{"a", "a"}, Values: []any{1, 2}}, Row{Columns: []string{"a"}, Values: []any{}}, Row{Columns: []string{"a"}, Values: []any{1, 2}}, []any{Row{Columns: []string{"a"}}}, []Row{{Columns: []string{"a"}}},
		make(chan int), func() {}, loop, fields,
	} {
		for _, enc := range []Encoding{JSON, NDJSON, YAML, CSV} {
			for _, value := range []any{value, Row{Columns: []string{"x"}, Values: []any{value}}} {
				got, err := Encode("x", enc, value, Options{})
				if a, ok := value.(Row); ok && enc == CSV && len(a.Values) == 1 && isText(a.Values[0]) {
					continue // an appender's cell may be any text, and bytes
				}
				if e, ok := errors.AsType[*EncodeError](err); !ok || e.Name != "x" || len(got) > 0 {
					t.Errorf("%s of %T: got %q, %v", enc, value, got, err)
				}
			}
		}
	}
}

func isText(v any) bool {
	a, ok := v.(appender)
	return ok && a != "fail"
}

// Replacement characters that were in the data are no reason to fail.
func TestReplacementCharacter(t *testing.T) {
	for _, value := range []any{
		"\ufffd", json.RawMessage(`"\ufffd"`), product{Name: "\ufffd", Attrs: json.RawMessage(`"\ufffd"`)},
		map[string]any{"\ufffd": []any{&product{Attrs: json.RawMessage(`"\uFFFD\ufffd"`)}}}, badBytes{"\ufffd"}, []any{nil, (*product)(nil), status("\ufffd")},
	} {
		got, err := Encode("x", JSON, value, Options{})
		if err != nil || !json.Valid(got) {
			t.Errorf("%T: got %q, %v", value, got, err)
		}
	}
}

// encoding/json is the judge of how floats are written.
func TestJSONFloats(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		f, g := math.Float64frombits(random.Uint64()), math.Float32frombits(random.Uint32())
		for _, v := range []any{f, g, float64(g), random.Float64() * 1e-5, random.Float64() * 1e22, float32(random.Float64() * 1e22)} {
			want, err := json.Marshal(v)
			got, err2 := Encode("x", NDJSON, v, Options{})
			if err2 != nil || err == nil && string(got) != string(want)+"\n" {
				t.Fatalf("%T %v: got %q, %v, want %q, %v", v, v, got, err2, want, err)
			}
		}
	}
}

func TestAppenderEncoding(t *testing.T) {
	row := Row{Columns: []string{"a", "b"}, Values: []any{encodingAppender{}, []any{encodingAppender{}}}}
	for enc, want := range map[Encoding]string{
		JSON:   `{"a":"json","b":["json"]}` + "\n",
		NDJSON: `{"a":"ndjson","b":["ndjson"]}` + "\n",
		YAML:   "a: yaml\nb:\n  - yaml\n",
		CSV:    "a,b\r\n\"\"\"csv\"\"\",\"[\"\"json\"\"]\"\r\n",
	} {
		got, err := Encode("x", enc, row, Options{})
		if err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", enc, got, err, want)
		}
	}
}

type encodingAppender struct{}

func (encodingAppender) AppendRecord(dst []byte, enc Encoding) ([]byte, error) {
	return fmt.Appendf(dst, "%q", enc), nil
}

// FuzzJSONText writes text as text and as key, read by encoding/json and
// Python.
func FuzzJSONText(f *testing.F) {
	py := startPython(f)
	for _, text := range texts() {
		f.Add(text)
	}
	f.Add("\xff")
	f.Fuzz(func(t *testing.T, text string) {
		row := Row{Columns: []string{text}, Values: []any{[]any{text}}}
		got, err := Encode("x", NDJSON, row, Options{})
		if !utf8.ValidString(text) {
			if err == nil {
				t.Errorf("the name %q is not UTF-8 and gave %q", text, got)
			}
			return
		}
		if err != nil || strings.Count(string(got), "\n") != 1 {
			t.Fatalf("%q: got %q, %v", text, got, err)
		}
		want := fields{{text, []any{text}}}
		tree, err := treeOfJSON(got)
		if err == nil {
			err = sameTree(want, tree)
		}
		if err != nil {
			t.Errorf("encoding/json: %v\n%q", err, got)
		}
		if tree, err = py.read('j', got); err == nil {
			err = sameTree(want, tree)
		}
		if err != nil {
			t.Errorf("Python: %v\n%q", err, got)
		}
	})
}
