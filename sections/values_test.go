package sections

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"
)

func TestValue(t *testing.T) {
	paris := time.FixedZone("", 2*60*60)
	day := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	instant := time.Date(2026, 1, 2, 0, 30, 0, 5, paris)
	for _, c := range []struct {
		dialect  Dialect
		declared string
		in, want any
	}{
		{SQLite, "", nil, nil},
		{SQLite, "JSON", nil, nil},
		{SQLite, "", int64(1), int64(1)},
		{SQLite, "", 1.5, 1.5},
		{SQLite, "", "a", "a"},
		{SQLite, "", []byte("a"), []byte("a")},
		{SQLite, "blob", []byte("a"), []byte("a")},
		{SQLite, "varchar(10)", []byte("é"), []byte("é")},
		{SQLite, "TEXT", []byte("\xff"), []byte("\xff")},
		{SQLite, "BOOLEAN", int64(1), true},
		{SQLite, "bool", int64(0), false},
		{SQLite, "BOOLEAN", int64(2), int64(2)},
		{SQLite, "INTEGER", int64(1), int64(1)},
		{SQLite, "decimal (10, 2)", ".50", ".50"},
		{SQLite, "REAL", 1.0, json.Number("1.0")},
		{SQLite, "", -1e20, json.Number("-100000000000000000000.0")},
		{SQLite, "", 1e21, 1e21},
		{SQLite, "", math.Inf(-1), math.Inf(-1)},
		{SQLite, "NUMERIC", 1.5, 1.5},
		{SQLite, "NUMERIC", "about 1", "about 1"},
		{SQLite, "TEXT", "1.50", "1.50"},
		{SQLite, "JSON", `{"a": 1}`, json.RawMessage(`{"a": 1}`)},
		{SQLite, "json", `{"a": `, json.RawMessage(`{"a": `)},
		{SQLite, "JSON", int64(1), int64(1)},
		{SQLite, "JSONB", []byte{0x0c}, []byte{0x0c}},
		{SQLite, "DATE", day, "2026-01-02"},
		{SQLite, "DATE", instant, instant.UTC()},
		{SQLite, "DATETIME", day, day},
		{SQLite, "TIMESTAMP", instant, instant.UTC()},

		{Postgres, "DATE", time.Date(2026, 1, 2, 0, 0, 0, 0, paris), "2026-01-02"},
		{Postgres, "TIMESTAMPTZ", instant, instant.UTC()},
		{Postgres, "BYTEA", []byte("a"), []byte("a")},
		{Postgres, "UUID", []byte("a"), "a"},
		{Postgres, "_TEXT", "{a,b}", []any{"a", "b"}},
		{Postgres, "_TEXT", `{"a b","NULL",NULL,"","\"\\",{x,y}}`, []any{"a b", "NULL", nil, "", `"\`, []any{"x", "y"}}},
		{Postgres, "_TEXT", "{}", []any{}},
		{Postgres, "_INT4", "[0:1]={1,-2}", []any{json.Number("1"), json.Number("-2")}},
		{Postgres, "_INT4", "[1:1][-2:-1]={{1,2}}", []any{[]any{json.Number("1"), json.Number("2")}}},
		{Postgres, "_BOOL", "{t,f,NULL}", []any{true, false, nil}},
		{Postgres, "_FLOAT4", "{0.1,NaN,-Infinity}", []any{float32(0.1), float32(math.NaN()), float32(math.Inf(-1))}},
		{Postgres, "_FLOAT8", "{0.1,1e+300}", []any{0.1, 1e300}},
		{Postgres, "_NUMERIC", "{1.50,NaN}", []any{json.Number("1.50"), json.Number("NaN")}},
		{Postgres, "_BYTEA", `{"\\x00ff","\\x"}`, []any{[]byte{0, 255}, []byte{}}},
		{Postgres, "_JSONB", `{"{\"a\": 1}",NULL}`, []any{json.RawMessage(`{"a": 1}`), nil}},
		{Postgres, "_TIMESTAMPTZ", `{"2024-02-03 02:05:06.5+00","0044-03-15 12:00:00+00 BC",infinity,"2024-02-03 02:05:06+05:30"}`,
			[]any{"2024-02-03T02:05:06.5Z", "0044-03-15T12:00:00Z BC", "infinity", "2024-02-03T02:05:06+05:30"}},
		{Postgres, "_TIMESTAMP", `{"2024-02-03 02:05:06"}`, []any{"2024-02-03T02:05:06"}},
		{Postgres, "_BOX", "{(1,1),(0,0);(2,2),(1,1)}", []any{"(1,1),(0,0)", "(2,2),(1,1)"}},
		{Postgres, "_TEXT", []byte("{a}"), []any{"a"}},
		{Postgres, "_TEXT", "{a", "{a"}, {Postgres, "_TEXT", "{a}b", "{a}b"}, {Postgres, "_TEXT", "{,}", "{,}"}, {Postgres, "_TEXT", `{"a`, `{"a`}, {Postgres, "_TEXT", "", ""},
		{Postgres, "TIMESTAMP", instant, "2026-01-02T00:30:00.000000005"},
		{SQLite, "_TEXT", "{a}", "{a}"},
		{Postgres, "NUMERIC", []byte("1.50"), json.Number("1.50")},
		{Postgres, "NUMERIC", "12345678901234567890.123456789", json.Number("12345678901234567890.123456789")},
		{Postgres, "NUMERIC", "NaN", json.Number("NaN")},
		{SQLite, "NUMERIC", "NaN", "NaN"},
		{Postgres, "FLOAT4", float64(float32(0.1)), float32(0.1)},
		{Postgres, "FLOAT8", 0.1, 0.1},
		{Postgres, "DATE", time.Date(-43, 3, 15, 0, 0, 0, 0, time.UTC), "0044-03-15 BC"},
		{Postgres, "JSONB", []byte(`[1]`), json.RawMessage(`[1]`)},
		{Postgres, "JSON", `[1]`, json.RawMessage(`[1]`)},
		{Postgres, "BOOL", true, true},
	} {
		column := columnOf(c.dialect, c.declared)
		got := column.value(c.dialect, c.in)
		if g, w := fmt.Sprintf("%T %v", got, got), fmt.Sprintf("%T %v", c.want, c.want); g != w {
			t.Errorf("%T %v of type %q in dialect %d is %s, want %s", c.in, c.in, c.declared, c.dialect, g, w)
		}
	}
}
