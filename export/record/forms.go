package record

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// This file has the forms of values that JSON has no form for. They are those of
// PostgreSQL's to_json, where that has one: see the table in the package's
// documentation.

// The numbers that are none in JSON.
const (
	notANumber    = "NaN"
	infinite      = "Infinity"
	minusInfinite = "-Infinity"
)

// isNonFinite reports whether text is one of them.
func isNonFinite(text string) bool {
	return text == notANumber || text == infinite || text == minusInfinite
}

// nonFinite returns the form of a float that is no finite number.
func nonFinite(f float64) (form string, ok bool) {
	switch {
	case math.IsNaN(f):
		return notANumber, true
	case math.IsInf(f, 1):
		return infinite, true
	case math.IsInf(f, -1):
		return minusInfinite, true
	}
	return "", false
}

// appendFloat appends the shortest text that reads back as f, in the form that
// encoding/json gives it.
func appendFloat(dst []byte, f float64, bits int) []byte {
	if form, ok := nonFinite(f); ok {
		return appendNonFinite(dst, form)
	}
	return appendJSONFloat(dst, f, bits)
}

func appendNonFinite(dst []byte, form string) []byte {
	return append(append(append(dst, '"'), form...), '"')
}

// appendNumber appends a number digit by digit. What is no JSON number stays text.
func appendNumber[T json.Number | []byte](dst []byte, n T) []byte {
	switch {
	case isJSONNumber(n):
		return append(dst, n...)
	case isNonFinite(string(n)):
		return appendNonFinite(dst, string(n))
	default:
		return appendText(dst, string(n))
	}
}

// appendText appends a JSON string. Text that is not UTF-8 is written like bytes.
func appendText[T string | []byte](dst []byte, text T) []byte {
	if !isUTF8(text) {
		return appendBytes(dst, []byte(text))
	}
	return appendJSONString(dst, text)
}

// isUTF8 reports whether text is valid UTF-8.
func isUTF8[T string | []byte](text T) bool {
	switch text := any(text).(type) {
	case string:
		return utf8.ValidString(text)
	case []byte:
		return utf8.Valid(text)
	}
	return false
}

func appendBytes(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

// appendRaw appends JSON text of others as nested data, on one line. Text that is no
// JSON, or cannot be nested without loss, is written like any other text.
func (e *jsonAppender) appendRaw(dst, raw []byte) []byte {
	keep := len(dst)
	dst, err := e.appendCompact(dst, raw)
	if err != nil || tooDeepToRead(raw) {
		return appendText(dst[:keep], raw)
	}
	return dst
}

// maxReadDepth is how deep JSON may be nested to be read by encoding/json, within a record
// that is itself in a list.
const maxReadDepth = 9000

func tooDeepToRead(raw []byte) bool {
	if len(raw) <= maxReadDepth {
		return false
	}
	depth, most, quoted := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[', c == '{':
			depth++
			most = max(most, depth)
		case c == ']', c == '}':
			depth--
		}
	}
	return most > maxReadDepth
}

// AppendTime appends an instant as text, in UTC: by RFC 3339 if the year is one of 1 to
// 9999, and else as PostgreSQL's to_json has it: with more digits of the year, or with
// the year before Christ and " BC" at the end.
func AppendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	if year := t.Year(); year > 0 && year <= 9999 {
		return t.AppendFormat(dst, time.RFC3339Nano) // package time is fast at this one
	}
	return appendYear(dst, t, "-01-02T15:04:05.999999999Z07:00")
}

// AppendLocalTime appends the time of day that t has in its time zone, as [AppendTime]
// does but without a zone: for a time that is the same wherever one reads it.
func AppendLocalTime(dst []byte, t time.Time) []byte {
	return appendYear(dst, t, "-01-02T15:04:05.999999999")
}

// AppendDate appends the day of t, in the time zone of t, as [AppendTime] does.
func AppendDate(dst []byte, t time.Time) []byte {
	return appendYear(dst, t, "-01-02")
}

func appendYear(dst []byte, t time.Time, rest string) []byte {
	year := t.Year()
	before := year <= 0 // the year before 1 is 1 BC
	if before {
		year = 1 - year
	}
	for digits := 1000; digits > year && digits > 1; digits /= 10 {
		dst = append(dst, '0')
	}
	dst = strconv.AppendInt(dst, int64(year), 10)
	dst = t.AppendFormat(dst, rest)
	if before {
		dst = append(dst, " BC"...)
	}
	return dst
}

func appendJSONTime(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = AppendTime(dst, t)
	return append(dst, '"')
}
