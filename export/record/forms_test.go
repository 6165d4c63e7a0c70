package record

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

// TestForms has the values that JSON has no form for, in every encoding.
func TestForms(t *testing.T) {
	far := time.Date(294276, 12, 31, 23, 59, 59, 999999000, time.UTC)
	for _, test := range []struct {
		value           any
		json, yaml, csv string
	}{
		{math.NaN(), `"NaN"`, ".nan", "NaN"},
		{math.Inf(1), `"Infinity"`, ".inf", "Infinity"},
		{math.Inf(-1), `"-Infinity"`, "-.inf", "-Infinity"},
		{float32(math.Inf(-1)), `"-Infinity"`, "-.inf", "-Infinity"},
		{json.Number("NaN"), `"NaN"`, ".nan", "NaN"},
		{json.Number("-Infinity"), `"-Infinity"`, "-.inf", "-Infinity"},
		{json.Number("0x10"), `"0x10"`, `"0x10"`, "0x10"},
		{"NaN", `"NaN"`, `"NaN"`, "NaN"},
		{"-Infinity", `"-Infinity"`, `"-Infinity"`, "'-Infinity"},
		{map[string]any{"b": math.NaN(), "a": "\xff"}, `{"a":"/w==","b":"NaN"}`, "\n  a: \"/w==\"\n  b: .nan", `"{""a"":""/w=="",""b"":""NaN""}"`},
		{appender(`{"a":1,"a":2}`), `{"a":1,"a":2}`, `"{\"a\":1,\"a\":2}"`, `"{""a"":1,""a"":2}"`},
		{struct{ R json.RawMessage }{json.RawMessage(`{"a":1,"a":2}`)}, `{"R":{"a":1,"a":2}}`, `"{\"R\":{\"a\":1,\"a\":2}}"`, `"{""R"":{""a"":1,""a"":2}}"`},
		{[]any{math.NaN()}, `["NaN"]`, "\n  - .nan", `"[""NaN""]"`},
		{far, `"294276-12-31T23:59:59.999999Z"`, `"294276-12-31T23:59:59.999999Z"`, "294276-12-31T23:59:59.999999Z"},
		{time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -5*3600)), `"10000-01-01T04:59:59Z"`, `"10000-01-01T04:59:59Z"`, "10000-01-01T04:59:59Z"},
		{time.Date(-43, 3, 15, 12, 0, 0, 0, time.UTC), `"0044-03-15T12:00:00Z BC"`, `"0044-03-15T12:00:00Z BC"`, "0044-03-15T12:00:00Z BC"},
		{time.Date(0, 12, 31, 0, 0, 0, 0, time.UTC), `"0001-12-31T00:00:00Z BC"`, `"0001-12-31T00:00:00Z BC"`, "0001-12-31T00:00:00Z BC"},
		{time.Date(-4712, 1, 1, 0, 0, 0, 0, time.UTC), `"4713-01-01T00:00:00Z BC"`, `"4713-01-01T00:00:00Z BC"`, "4713-01-01T00:00:00Z BC"},
		{"M\xfcller", `"TfxsbGVy"`, "TfxsbGVy", "TfxsbGVy"},
		{[]string{"a", "\xff"}, `["a","/w=="]`, "\n  - a\n  - \"/w==\"", `"[""a"",""/w==""]"`},
		{json.RawMessage("\"\xff\""), `"Iv8i"`, "Iv8i", "Iv8i"},
		{json.RawMessage("{"), `"{"`, `"{"`, "{"},
		{json.RawMessage(""), `""`, `""`, `""`},
		{json.RawMessage(`[NaN]`), `"[NaN]"`, `"[NaN]"`, "[NaN]"},
		{json.RawMessage(`{"a": 1, "a": 2}`), `{"a":1,"a":2}`, `"{\"a\": 1, \"a\": 2}"`, `"{""a"":1,""a"":2}"`},
		{json.RawMessage(`"\ud83d"`), `"\ud83d"`, `"\"\\ud83d\""`, `"""\ud83d"""`},
	} {
		for enc, want := range map[Encoding]string{
			JSON: `{"x":` + test.json + "}\n", NDJSON: `{"x":` + test.json + "}\n", CSV: "x\r\n" + test.csv + "\r\n",
			YAML: "x: " + test.yaml + "\n",
		} {
			if enc == YAML && test.yaml[0] == '\n' {
				want = "x:" + test.yaml + "\n"
			}
			got, err := Encode("x", enc, Row{Columns: []string{"x"}, Values: []any{test.value}}, Options{})
			if err != nil || string(got) != want {
				t.Errorf("%s of %T %v: got %q, %v, want %q", enc, test.value, test.value, got, err, want)
			}
		}
	}
}

// Little JSON that would be much YAML, or that nobody could read, is text.
func TestFormsOfMuchJSON(t *testing.T) {
	nested := func(depth, values int) string {
		return strings.Repeat("[", depth) + strings.Repeat("1,", values-1) + "1" + strings.Repeat("]", depth)
	}
	for _, test := range []struct {
		json             string
		inYAML, inOthers bool
	}{
		{nested(1, 100_000), true, true},
		{nested(900, 1), true, true},
		{nested(20, 1000), true, true},
		{nested(20, 10_000), false, true},
		{nested(900, 1000), false, true},
		{strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200), true, true},
		{strings.Repeat(`{"a":`, 400) + "1" + strings.Repeat("}", 400), false, true},
		{`{"a":[` + strings.Repeat(`{"b":"c\nd\n"},`, 10_000) + `1]}`, true, true},
		{strings.Repeat("[", 10) + strings.Repeat(`"c\nd\n",`, 10_000) + "1" + strings.Repeat("]", 10), false, true},
		{nested(1, 200_000), false, true},
		{nested(8999, 1), false, true},
		{nested(9001, 1), false, false},
		{`["` + strings.Repeat("[", 20_000) + `"]`, true, true},
	} {
		for enc, nests := range map[Encoding]bool{YAML: test.inYAML, NDJSON: test.inOthers} {
			got, err := Encode("x", enc, Row{Columns: []string{"x"}, Values: []any{json.RawMessage(test.json)}}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if text := bytes.HasPrefix(got, []byte(`x: "`)) || bytes.HasPrefix(got, []byte(`{"x":"`)); text == nests || len(got) > 4*len(test.json)+freeIndent {
				t.Errorf("%s of %.20q…, %d bytes: %d bytes, text is %t", enc, test.json, len(test.json), len(got), text)
			}
		}
	}
	many := make([]any, maxYAMLValues+1)
	if _, err := Encode("x", YAML, many, Options{}); err == nil {
		t.Error("a document of too many values is made")
	}
}

func TestAppendLocalTime(t *testing.T) {
	zone := time.FixedZone("", -5*3600)
	for want, at := range map[string]time.Time{
		"2026-11-29T23:30:00.5":  time.Date(2026, 11, 29, 23, 30, 0, 5e8, zone),
		"10000-01-01T00:00:00":   time.Date(10000, 1, 1, 0, 0, 0, 0, zone),
		"0044-03-15T12:00:00 BC": time.Date(-43, 3, 15, 12, 0, 0, 0, time.UTC),
	} {
		if got := string(AppendLocalTime(nil, at)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAppendDate(t *testing.T) {
	for want, at := range map[string]time.Time{
		"2026-11-29":    time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC),
		"0001-01-01":    {},
		"0999-01-02":    time.Date(999, 1, 2, 0, 0, 0, 0, time.UTC),
		"5874897-12-31": time.Date(5874897, 12, 31, 0, 0, 0, 0, time.UTC),
		"0044-03-15 BC": time.Date(-43, 3, 15, 0, 0, 0, 0, time.UTC),
	} {
		if got := string(AppendDate(nil, at)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
