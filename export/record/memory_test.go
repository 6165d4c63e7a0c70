package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// What a record takes in memory, in every encoding, is bounded by what it has, and by what
// becomes of it if that is more: all that is allocated for it, also what is free again.
func TestMemoryPerRecord(t *testing.T) {
	const size = 1 << 20
	same := func(text string) func(int) string { return func(int) string { return text } }
	wide := Row{Columns: make([]string, 1000), Values: make([]any, 1000)}
	for i := range wide.Columns {
		wide.Columns[i], wide.Values[i] = fmt.Sprintf("column %d", i), strings.Repeat("ab\"\n", size/4000)
	}
	for name, value := range map[string]any{
		"list":               repeated("[", size, "]", same("12345678901234567890")),
		"deep lists":         json.RawMessage(strings.Repeat("[", size/2) + strings.Repeat("]", size/2)),
		"objects":            repeated("[", size, "]", same(`{"a":"=1234567890"}`)),
		"names":              repeated("{", size, "}", func(i int) string { return fmt.Sprintf(`"k%06d":%d`, i, i%10) }),
		"long name":          json.RawMessage(`{"` + strings.Repeat("n\\n", size/3) + `":1}`),
		"text with escapes":  json.RawMessage(`"` + strings.Repeat(`\u00e5\t\"`, size/10) + `"`),
		"formulas in JSON":   repeated("[", size, "]", same(`"=1"`)),
		"text":               strings.Repeat("lang ", size/5),
		"quotes":             strings.Repeat(`"a`, size/2),
		"controls":           strings.Repeat("\x01", size),
		"formulas":           strings.Repeat(",=", size/2),
		"formulas in quotes": strings.Repeat("\"=\n=", size/4),
		"bytes":              []byte(strings.Repeat("lang ", size/5)),
		"no UTF-8":           strings.Repeat("lang\xff", size/5),
		"digits":             json.Number(strings.Repeat("1", size)),
		"no digits":          json.Number(strings.Repeat("x", size)),
		"no JSON":            json.RawMessage(strings.Repeat("x", size)),
		"wide row":           wide,
	} {
		for _, enc := range []Encoding{JSON, NDJSON, CSV, YAML} {
			row, ok := value.(Row)
			if !ok {
				row = Row{Columns: []string{"x"}, Values: []any{value}}
			}
			var before, after runtime.MemStats
			f := NewFile("x", enc, seqOf(row), Options{}, noSkip(t))
			runtime.ReadMemStats(&before)
			n, err := io.Copy(io.Discard, f)
			runtime.ReadMemStats(&after)
			took, most := int64(after.TotalAlloc-before.TotalAlloc), 4*max(n, size)
			t.Logf("%-20s %-6s becomes %.1f times, took %.1f times", name, enc, float64(n)/size, float64(took)/size)
			if err != nil || took > most {
				t.Errorf("%s in %s took %d bytes for %d, %v", name, enc, took, n, err)
			}
		}
	}
}

// A record that is too large is left out, before it takes any memory, and the file goes on.
func TestTooLargeRecord(t *testing.T) {
	var value Value
	value.SetText(make([]byte, 600))
	var nested Value
	nested.Set([]any{Row{Columns: []string{"a"}, Values: []any{strings.Repeat("x", 300), json.RawMessage(strings.Repeat(" ", 300))}}})
	loop := []any{nil, nil}
	loop[0], loop[1] = loop, loop
	for name, values := range map[string][]any{
		"one": {strings.Repeat("x", 1001), nil}, "two": {strings.Repeat("x", 600), []byte(strings.Repeat("x", 600))}, "Values": {&value, &nested},
		"texts": {slices.Repeat([]string{"xxxxxxxxxx"}, 101), 1}, "numbers": {json.Number(strings.Repeat("1", 1001)), loop},
	} {
		for _, enc := range []Encoding{JSON, NDJSON, CSV, YAML} {
			columns := []string{"a", "b"}
			fits := Row{Columns: columns, Values: []any{strings.Repeat("x", 1000), nil}}
			large := Row{Columns: columns, Values: values}
			var skipped []string
			f := NewFile("f", enc, seqOf(fits, large, &large, fits), Options{MaxBytes: 1000}, func(ref string, err error) {
				skipped = append(skipped, ref)
				if e, ok := errors.AsType[*EncodeError](err); !ok || !errors.Is(err, ErrTooLarge) || e.Public() != "The record is too large to be exported." ||
					e.LogText() != "record: not encoded: record: too large" {
					t.Errorf("%s in %s: %v", name, enc, err)
				}
			})
			if _, err := io.Copy(io.Discard, f); err != nil || f.Err() != nil || f.Count() != 2 || len(skipped) != 2 {
				t.Errorf("%s in %s: %d records, skipped %.100q, %v, %v", name, enc, f.Count(), skipped, err, f.Err())
			}
			if _, err := Encode("f", enc, large, Options{MaxBytes: 1000}); !errors.Is(err, ErrTooLarge) {
				t.Errorf("%s in %s: Encode gives %v", name, enc, err)
			}
			if _, err := Encode("f", enc, fits, Options{MaxBytes: -1}); err != nil {
				t.Error(err)
			}
		}
	}
}
