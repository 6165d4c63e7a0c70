package sections

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export/record"
	"github.com/orgexport/orgexport/internal/pgvalue"
)

// column turns the values that the driver returns for a column into fields of records.
type column struct {
	kind  kind
	json  []byte          // the nested data of this row, if any
	array pgvalue.Decoder // of an array
}

// columnOf returns the column of a declared type.
func columnOf(d Dialect, declared string) column {
	if name, ok := strings.CutPrefix(strings.ToUpper(declared), "_"); ok && d == Postgres {
		between := byte(',')
		if name == "BOX" { // the only one that has another
			between = ';'
		}
		return column{kind: array, array: pgvalue.Array(between, pgvalue.BuiltIn(name))}
	}
	return column{kind: kindOf(d, declared)}
}

// kind says how the values of a column are to be understood.
type kind int

const (
	plain   kind = iota
	bytes        // bytes stay bytes
	nested       // text is JSON
	maybe        // text is JSON, bytes are not
	numeric      // text is a number, or one of NaN, Infinity and -Infinity
	single       // a float has 32 bits
	date         // a time at midnight is a day
	local        // a time has no zone
	boolean      // 0 and 1 are false and true
	counter      // an integer is a text
	array        // text is an array of PostgreSQL
)

// kindOf returns the kind of a column by its declared type.
func kindOf(d Dialect, declared string) kind {
	name, _, _ := strings.Cut(strings.ToUpper(declared), "(")
	switch name = strings.TrimSpace(name); name {
	case "JSON", "JSONB":
		if d == SQLite {
			return maybe
		}
		return nested
	case "NUMERIC", "DECIMAL":
		if d == Postgres {
			return numeric
		}
	case "FLOAT4":
		if d == Postgres { // the driver makes it 64 bits, with digits of its own
			return single
		}
	case "DATE":
		return date
	case "TIMESTAMP":
		if d == Postgres {
			return local
		}
	case "BOOLEAN", "BOOL":
		return boolean
	case "BYTEA":
		return bytes
	case "XID", "CID":
		return counter
	}
	return plain // on SQLite the storage class of a value says more than the type of its column
}

// value returns the field of a record for a value of the driver. It is valid until the
// next call.
func (c *column) value(d Dialect, v any) any {
	switch v := v.(type) {
	case string:
		return c.text(v)
	case []byte:
		return c.bytes(d, v)
	case time.Time:
		if h, m, s := v.Clock(); c.kind == date && h+m+s+v.Nanosecond() == 0 {
			return string(record.AppendDate(nil, v))
		}
		if c.kind == local {
			return string(record.AppendLocalTime(nil, v))
		}
		return v.UTC()
	case float64:
		switch {
		case c.kind == single:
			return float32(v)
		case d == SQLite && v == math.Trunc(v) && math.Abs(v) < 1e21: // no dot would make it an integer
			return json.Number(strconv.FormatFloat(v, 'f', -1, 64) + ".0")
		}
	case int64:
		if c.kind == boolean && (v == 0 || v == 1) {
			return v == 1
		}
		if c.kind == counter {
			return strconv.FormatInt(v, 10)
		}
	}
	return v
}

// text returns the field for a text.
func (c *column) text(s string) any {
	switch c.kind {
	case nested, maybe:
		c.json = append(c.json[:0], s...)
		return json.RawMessage(c.json)
	case array:
		return c.array(s)
	case numeric:
		return pgvalue.Numeric(s)
	}
	return s
}

// bytes returns the field for bytes, as which a driver may return a text of PostgreSQL.
func (c *column) bytes(d Dialect, b []byte) any {
	switch {
	case c.kind == nested:
		return json.RawMessage(b)
	case d == Postgres && c.kind != bytes:
		return c.text(string(b))
	}
	return b
}
