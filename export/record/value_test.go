package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"
)

// set sets a Value to what a Row may have.
func set(v *Value, field any) {
	switch field := field.(type) {
	case nil:
		v.SetNull()
	case bool:
		v.SetBool(field)
	case int64:
		v.SetInt(field)
	case float32:
		v.SetFloat32(field)
	case float64:
		v.SetFloat64(field)
	case json.Number:
		v.SetNumber([]byte(field))
	case string:
		v.SetText([]byte(field))
	case []byte:
		v.SetBytes(field)
	case json.RawMessage:
		v.SetJSON(field)
	default:
		v.Set(field)
	}
}

// A Value is written as what it is set to.
func TestValue(t *testing.T) {
	fields := []any{
		nil, true, false, int64(0), int64(math.MinInt64), int64(math.MaxInt64), float32(0.1), float32(math.Inf(-1)), 0.1, 1e21, math.NaN(), math.Copysign(0, -1),
		json.Number("1.50"), json.Number("NaN"), json.Number("-Infinity"), json.Number("about 1"), json.Number(""), []byte{}, []byte("a\x00"),
		json.RawMessage(`{"a": [1]}`), json.RawMessage(`"1"`), json.RawMessage(`{"a":1,"a":2}`), json.RawMessage(`{`), json.RawMessage(nil), json.RawMessage("\xff"),
		time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), []any{"a", nil}, Row{Columns: []string{"a"}, Values: []any{1}}, []string{"a"}, map[string]any{"a": 1},
	}
	for _, text := range texts() {
		fields = append(fields, text)
	}
	fields = append(fields, "\xff", "=1+1", "-1", "-1e5", `\.`, "a,b")
	var v Value
	columns := []string{"x"}
	for _, enc := range []Encoding{JSON, NDJSON, CSV, YAML} {
		for _, o := range []Options{{}, {RawCSV: true}} {
			for _, field := range fields {
				set(&v, field)
				want, err := Encode("x", enc, Row{Columns: columns, Values: []any{field}}, o)
				if err != nil {
					t.Fatal(err)
				}
				got, err := Encode("x", enc, Row{Columns: columns, Values: []any{&v}}, o)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s of %T %v is %q, %v, want %q", enc, field, field, got, err, want)
				}
			}
		}
	}
	for _, field := range fields {
		set(&v, field)
		if got, want := fmt.Sprintf("%T %v", v.Any(), v.Any()), fmt.Sprintf("%T %v", field, field); got != want {
			t.Errorf("Any is %q, want %q", got, want)
		}
	}
}

func TestValueNestText(t *testing.T) {
	for _, c := range []struct{ field, want any }{
		{`{"a":1}`, json.RawMessage(`{"a":1}`)}, {"", json.RawMessage{}}, {[]byte(`[1]`), json.RawMessage(`[1]`)}, {nil, nil}, {int64(1), int64(1)}, {json.Number("1"), json.Number("1")},
	} {
		var v Value
		set(&v, c.field)
		v.NestText()
		if got, want := fmt.Sprintf("%T %#v", v.Any(), v.Any()), fmt.Sprintf("%T %#v", c.want, c.want); got != want {
			t.Errorf("%v becomes %q, want %q", c.field, got, want)
		}
	}
}

// The fields of a row of Values need no memory of their own.
func TestValuesAllocateNothing(t *testing.T) {
	row := valueRow()
	for _, enc := range []Encoding{NDJSON, CSV, YAML} {
		e := newEncoder(enc, Options{})
		var dst []byte
		encode := func() {
			var err error
			if dst, err = e.record(dst[:0], &row); err != nil {
				t.Fatal(err)
			}
		}
		encode()
		// With the race detector a pool loses some of its scanners of JSON.
		if n := testing.AllocsPerRun(100, encode); n > 1 {
			t.Errorf("%s: %v allocations for a row", enc, n)
		}
	}
}
