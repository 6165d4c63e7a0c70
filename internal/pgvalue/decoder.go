// Package pgvalue turns what PostgreSQL sends into fields of records, in the same way for
// every driver.
package pgvalue

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
)

// Decoder makes the field of a record of a value as PostgreSQL's output function writes it
// with the settings of [Fix]. A nil Decoder is that of types whose field is this text.
type Decoder func(text string) any

func (d Decoder) field(text string) any {
	if d == nil {
		return text
	}
	return d(text)
}

// BuiltIn returns the Decoder of a type that is built in, by its name. It decodes what is
// nested: fields of their own mostly have something faster.
func BuiltIn(name string) Decoder {
	switch strings.ToUpper(name) {
	case "BOOL":
		return func(text string) any { return text == "t" }
	case "INT2", "INT4", "INT8", "OID":
		return func(text string) any { return json.Number(text) }
	case "FLOAT4":
		return func(text string) any {
			f, err := strconv.ParseFloat(text, 32)
			return orText(float32(f), text, err)
		}
	case "FLOAT8":
		return func(text string) any {
			f, err := strconv.ParseFloat(text, 64)
			return orText(f, text, err)
		}
	case "BYTEA":
		return func(text string) any {
			b, err := hex.DecodeString(strings.TrimPrefix(text, `\x`))
			return orText(b, text, err)
		}
	case "JSON", "JSONB":
		return func(text string) any { return json.RawMessage(text) }
	case "TIMESTAMP", "TIMESTAMPTZ":
		return func(text string) any { return isoTime(text) }
	case "NUMERIC":
		return Numeric
	}
	return nil
}

// Numeric is the Decoder of numbers, and of NaN, Infinity and -Infinity.
func Numeric(text string) any {
	if n, ok := ExactNumber(text); ok {
		return n
	}
	return json.Number(text)
}

func orText(v any, text string, err error) any {
	if err != nil {
		return text
	}
	return v
}

// isoTime returns a time that PostgreSQL writes, such as 2026-01-31 12:00:00+00, as ISO
// 8601 does and so as a column of its own: with a T and, in UTC, a Z. BC at its end stays.
func isoTime(text string) string {
	text = strings.Replace(text, " ", "T", 1)
	before, bc := strings.CutSuffix(text, " BC")
	if utc, ok := strings.CutSuffix(before, "+00"); ok {
		before = utc + "Z"
	}
	if bc {
		before += " BC"
	}
	return before
}
