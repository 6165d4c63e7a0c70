package record

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// repeated returns JSON of about size bytes: before, elements with commas, after.
func repeated(before string, size int, after string, element func(i int) string) json.RawMessage {
	text := []byte(before)
	for i := 0; len(text) < size; i++ {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, element(i)...)
	}
	return append(text, after...)
}

// lengthOf returns about what a value takes in memory.
func lengthOf(value any) int {
	switch v := value.(type) {
	case json.RawMessage:
		return len(v)
	case []byte:
		return len(v)
	case string:
		return len(v)
	}
	return 16 * len(value.([]any))
}

// What a record of YAML takes is bounded by what the record has: all that is allocated for
// it, also what is free again, is no more than three times that.
func TestYAMLMemory(t *testing.T) {
	same := func(text string) func(int) string { return func(int) string { return text } }
	for _, size := range []int{1 << 20, 4 << 20} {
		names := size / 10
		for name, value := range map[string]any{
			"list of small numbers": repeated("[", min(size, 2*maxNestedValues-10), "]", same("1")),
			"list":                  repeated("[", size, "]", same("12345678901234567890123456789012")),
			"list that is text":     repeated("[", size, "]", same(`"a"`)),
			"deep lists":            repeated(strings.Repeat("[", 900), size, strings.Repeat("]", 900), same("1")),
			"deep objects":          json.RawMessage(strings.Repeat(`{"a":`, 9*size/60) + "1" + strings.Repeat("}", 9*size/60)),
			"nests":                 repeated("[", size, "]", same(strings.Repeat(`{"a":`, 50)+"1"+strings.Repeat("}", 50))),
			"names":                 repeated("{", size, "}", func(i int) string { return fmt.Sprintf(`"k%06d":%d`, names-i, i%10) }),
			"names with escapes":    repeated("{", size, "}", func(i int) string { return fmt.Sprintf(`"\u006b\n%09d":"\t"`, i*7919%names) }),
			"text":                  json.RawMessage(`"` + strings.Repeat("lang ", size/5) + `"`),
			"text with escapes":     json.RawMessage(`"` + strings.Repeat(`\u00e5\t\"`, size/10) + `"`),
			"controls":              json.RawMessage(`"` + strings.Repeat(`\u0001`, size/6) + `"`),
			"short lines":           json.RawMessage(`{"a":{"b":["` + strings.Repeat(`a\n`, size/3) + `"]}}`),
			"lines":                 json.RawMessage(`{"a":{"b":["` + strings.Repeat(`lang lang lang\n`, size/16) + `"]}}`),
			"short texts of lines":  repeated(`[[[[`, size, "]]]]", same(`"a\nb"`)),
			"Go text":               strings.Repeat("lang ", size/5),
			"Go text of quotes":     strings.Repeat(`"a`, size/2),
			"Go lines":              strings.Repeat("a\n", size/2),
			"bytes":                 []byte(strings.Repeat("lang ", size/5)),
			"Go list":               slices.Repeat([]any{"lang", 1, nil}, size/30),
			"no UTF-8":              strings.Repeat("lang\xff", size/5),
		} {
			if size > 1<<20 && !slices.Contains([]string{"list", "deep lists", "names", "text", "text with escapes"}, name) {
				continue // to save time
			}
			var before, after runtime.MemStats
			row := Row{Columns: []string{"x"}, Values: []any{value}}
			f := NewFile("x.yaml", YAML, seqOf(row), Options{}, noSkip(t))
			runtime.ReadMemStats(&before)
			n, err := io.Copy(io.Discard, f)
			runtime.ReadMemStats(&after)
			if err != nil || f.Count() != 1 {
				t.Errorf("%s: %d records, %v", name, f.Count(), err)
			}
			length := lengthOf(value)
			took := int(after.TotalAlloc - before.TotalAlloc)
			t.Logf("%-25s %8d bytes: YAML %.1f times, took %.1f times", name, length, float64(n)/float64(length), float64(took)/float64(length))
			if took > 3*length+256<<10 {
				t.Errorf("%s: %d bytes took %d", name, length, took)
			}
		}
	}
}
