package pgvalue

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export/record"
)

// What is nested is decoded in memory that is bounded, and otherwise its record is left out.
func TestNestedIsBounded(t *testing.T) {
	list := func(n int) string { return "{" + strings.Repeat("1,", n-1) + "1}" }
	long := strings.Repeat("x", maxNested)
	integers := Array(',', BuiltIn("INT4"))
	for name, c := range map[string]struct {
		decode Decoder
		text   string
		large  bool
	}{
		"as many as there may be": {integers, list(maxElements), false},
		"one more":                {integers, list(maxElements + 1), true},
		"many more":               {integers, list(5 * maxElements), true},
		"many in many":            {integers, "{" + strings.Repeat("{1,1},", maxElements/2) + "{1,1}}", true},
		"commas in a text":        {Array(',', nil), `{"` + strings.Repeat(",", 2*maxElements) + `"}`, false},
		"long array":              {Array(',', nil), "{" + long + "}", true},
		"long row":                {Composite([]string{"a"}, []Decoder{nil}), "(" + long + ")", true},
		"long hstore":             {HStore, `"a"=>"` + long + `"`, true},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		v := c.decode(c.text)
		runtime.ReadMemStats(&after)
		if _, large := v.(tooLarge); large != c.large {
			t.Errorf("%s: it is a %T", name, v)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 160<<20 {
			t.Errorf("%s: it took %d MiB", name, took>>20)
		}
		if c.large {
			_, err := record.Encode("a.json", record.JSON, record.Row{Columns: []string{"a"}, Values: []any{v}}, record.Options{})
			if !errors.Is(err, record.ErrTooLarge) {
				t.Errorf("%s: it is encoded: %v", name, err)
			}
		}
	}
}
