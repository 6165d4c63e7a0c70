package sections

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Values of all kinds come back from borders, and a range comes back from its text.
func TestRangeText(t *testing.T) {
	t.Parallel()
	values := []any{
		int64(0), int64(math.MinInt64), int64(math.MaxInt64), 0.1, -0.5, 5e-324, math.MaxFloat64, math.Inf(1), math.Inf(-1),
		"", "a", "'", "\xff\x00\u2028<&>", strings.Repeat("é", 10000), []byte{}, []byte{0, 0xff},
	}
	classes := map[string]string{"int64": "integer", "float64": "real", "string": "text", "[]uint8": "blob"}
	var pieces []piece
	for _, v := range values {
		b, ok := borderOf(SQLite, []any{classes[reflect.TypeOf(v).String()], v})
		if got, back := b.value(); !ok || !back || !reflect.DeepEqual(got, v) {
			t.Errorf("%T %v becomes %v, %v", v, v, got, back)
		}
		pieces = append(pieces, piece{From: b}, piece{To: b}, piece{From: b, To: b})
	}
	pieces = append(pieces, piece{}, piece{None: true}, piece{From: "i1", Mixed: true})
	got, err := parseRange(rangeOf("digest", pieces), "digest")
	if err != nil || !slices.Equal(got, pieces) {
		t.Errorf("%v: other pieces come back", err)
	}
	for _, row := range [][]any{{"integer", "1"}, {"real", int64(1)}, {"text", int64(1)}, {"null", nil}, {"date", "a"}, {nil, "a"}, {"text"}} {
		if b, ok := borderOf(SQLite, row); ok {
			t.Errorf("%v is the border %s", row, b)
		}
	}
}

// FuzzRange looks for texts that are taken for a range and do not come back.
func FuzzRange(f *testing.F) {
	good := rangeOf("d", []piece{{}, {None: true}, {From: "i1", To: "tYQ=="}, {From: "f+Inf", To: "bAA=="}})
	for _, text := range []string{
		good, "", "null", "{}", "[]", good + " ", " " + good, good + good, good[1:], strings.Replace(good, "1", "2", 1),
		strings.Replace(good, `"version"`, `"Version"`, 1), strings.Replace(good, "true", "false", 1), strings.Replace(good, "i1", "i01", 1),
		strings.Replace(good, "+Inf", "NaN", 1), strings.Replace(good, "YQ", "YR", 1), strings.Replace(good, "YQ", `YQ\n`, 1), strings.Replace(good, "i1", "x", 1),
		`{"version":1,"section":"d","pieces":null}`, `{"version":1,"section":"e","pieces":[]}`, `{"version":1,"section":"d","pieces":[{"from":""}]}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		pieces, err := parseRange(text, "d")
		if err != nil {
			if len(text) > 3 && strings.Contains(err.Error(), text) {
				t.Errorf("the error quotes the text: %v", err)
			}
			return
		}
		if again := rangeOf("d", pieces); again != text {
			t.Errorf("%q is taken for %q", text, again)
		}
		for _, p := range pieces {
			for _, b := range []border{p.From, p.To} {
				v, ok := b.value()
				if f, is := v.(float64); b != "" && (!ok || is && math.IsNaN(f)) {
					t.Errorf("%q has the border %q", text, b)
				}
			}
		}
	})
}

// Only the range that is good is taken, of all that are tried before it is fuzzed.
func TestRangeIsStrict(t *testing.T) {
	t.Parallel()
	good := rangeOf("d", []piece{{}, {None: true}, {From: "i1", To: "tYQ=="}})
	for _, text := range []string{
		"", "null", "{}", good + " ", good[1:], strings.Replace(good, `:1`, `:2`, 1), strings.Replace(good, `"version"`, `"Version"`, 1),
		strings.Replace(good, "i1", "i01", 1), strings.Replace(good, "i1", "fNaN", 1), strings.Replace(good, "YQ", "YR", 1), strings.Replace(good, "i1", "x", 1),
		strings.Replace(good, `"none":true`, `"none":false`, 1), strings.Replace(good, `{}`, `{"more":1}`, 1),
	} {
		if pieces, err := parseRange(text, "d"); err == nil || text == good {
			t.Errorf("%q is taken for %v", text, pieces)
		}
	}
	if _, err := parseRange(good, "e"); err == nil {
		t.Error("a range of another section is taken")
	}
}
