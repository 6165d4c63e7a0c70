package record

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// csvEncoder writes a header line and a line for each record (RFC 4180).
type csvEncoder struct {
	raw     bool           // no guard against formulas
	json    jsonAppender   // of what is not plain text
	columns map[string]int // place of each column in the header; nil before it is written

	// fields tells for each column of the header which field of the row stands
	// there, or -1. It holds for rows with these names.
	fields []int
	names  []string

	object []byte // JSON text of a record that is no Row
	value  []byte // JSON or other text of one cell
}

func newCSVEncoder(raw bool) *csvEncoder {
	return &csvEncoder{raw: raw, json: jsonAppender{enc: JSON}}
}

func (e *csvEncoder) header(dst []byte, names []string) ([]byte, error) {
	if e.columns != nil || len(names) == 0 {
		return dst, e.arrange(names)
	}
	if err := checkColumns(names); err != nil {
		return dst, err
	}
	e.columns = make(map[string]int, len(names))
	for i, name := range names {
		e.columns[name] = i
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCSVText(dst, name, !e.raw)
	}
	return append(dst, "\r\n"...), e.arrange(names)
}

// arrange makes e.fields hold for rows with these names, which are all
// different.
func (e *csvEncoder) arrange(names []string) error {
	if len(names) > 0 && sameSlice(e.names, names) {
		return nil
	}
	e.names = nil
	e.fields = e.fields[:0]
	for range e.columns {
		e.fields = append(e.fields, -1)
	}
	for i, name := range names {
		place, ok := e.columns[name]
		if !ok {
			return fmt.Errorf("column %q is not in the header", name)
		}
		e.fields[place] = i
	}
	e.names = names
	return nil
}

func (e *csvEncoder) record(dst []byte, v any) ([]byte, error) {
	row, err := e.row(v)
	if err != nil {
		return dst, err
	}
	if dst, err = e.header(dst, row.Columns); err != nil {
		return dst, err
	}
	keep := len(dst)
	for i, field := range e.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		if field < 0 {
			continue
		}
		if dst, err = e.cell(dst, row.Values[field]); err != nil {
			return dst[:keep], fmt.Errorf("column %q: %w", row.Columns[field], err)
		}
	}
	return append(dst, "\r\n"...), nil
}

func (e *csvEncoder) end(dst []byte) []byte { return dst }

var errNoFields = errors.New("a CSV record must have fields")

// row returns any record as a checked Row.
func (e *csvEncoder) row(v any) (row Row, err error) {
	switch v := v.(type) {
	case Row:
		row, err = v, e.json.checkRow(v)
	case *Row:
		if v != nil {
			row, err = *v, e.json.checkRow(*v)
		}
	default:
		row, err = e.rowOfObject(v)
	}
	if err == nil && len(row.Columns) == 0 && e.columns == nil {
		err = errNoFields
	}
	return row, err
}

func (e *csvEncoder) rowOfObject(v any) (row Row, err error) {
	if e.object, err = e.json.appendValue(e.object[:0], v); err != nil {
		return row, err
	}
	if e.object[0] != '{' {
		return row, errNoFields
	}
	s := scanJSON(e.object)
	for s.open(); s.more(); {
		name, _, err := unquoteJSON(s.key(), nil)
		if err != nil {
			return row, err
		}
		row.Columns = append(row.Columns, string(name))
		row.Values = append(row.Values, member(s.raw()))
	}
	return row, e.json.checkRow(row)
}

// member is the value of a field in an object that is a record, as compact JSON.
type member []byte

func (e *csvEncoder) cell(dst []byte, v any) (_ []byte, err error) {
	switch v := v.(type) {
	case nil:
		return dst, nil
	case *Value:
		if v == nil {
			return dst, nil
		}
		return e.appendFieldCell(dst, v)
	case string:
		return appendCSVText(dst, v, !e.raw), nil
	case float64:
		return appendCSVFloat(dst, v, 64), nil
	case float32:
		return appendCSVFloat(dst, float64(v), 32), nil
	case json.Number:
		if isNonFinite(string(v)) { // no text, so no guard
			return append(dst, v...), nil
		}
	case json.RawMessage:
		return e.rawCell(dst, v), nil
	case member:
		return e.textCell(dst, v), nil
	case Appender:
		if isNilPointer(v) {
			return dst, nil
		}
		if e.value, err = appendOwn(e.value[:0], v, CSV); err != nil {
			return dst, err
		}
		return appendCSVText(dst, e.value, !e.raw), nil
	}
	if e.value, err = e.json.appendValue(e.value[:0], v); err != nil {
		return dst, err
	}
	return e.textCell(dst, e.value), nil
}

// rawCell appends a cell with JSON text as it is, so that "1" is not taken for 1. What is
// no JSON is text.
func (e *csvEncoder) rawCell(dst, raw []byte) []byte {
	if raw == nil {
		return dst
	}
	text, err := e.json.appendCompact(e.value[:0], raw)
	e.value = text
	switch {
	case err != nil:
		return appendCSVText(dst, raw, !e.raw)
	case text[0] == '"', text[0] == '{', text[0] == '[':
		return appendCSVQuoted(dst, text)
	default:
		return append(dst, text...)
	}
}

// textCell appends a cell with what compact JSON text says.
func (e *csvEncoder) textCell(dst, value []byte) []byte {
	switch value[0] {
	case 'n': // null
		return dst
	case '{', '[':
		return appendCSVQuoted(dst, value)
	case '"':
		text, _, err := unquoteJSON(value, nil)
		if err != nil { // it is no text, but JSON
			text = value
		}
		return appendCSVText(dst, text, !e.raw)
	default: // numbers are never guarded
		return append(dst, value...)
	}
}

// appendCSVFloat appends a cell with a number, which is never guarded.
func appendCSVFloat(dst []byte, f float64, bits int) []byte {
	if form, ok := nonFinite(f); ok {
		return append(dst, form...)
	}
	return appendJSONFloat(dst, f, bits)
}

// appendCSVText appends a cell with text. Empty text is in quotes: a cell without them
// is null. Text that is not UTF-8 is written like bytes. The guard is that of
// [Options.RawCSV].
func appendCSVText[T string | []byte](dst []byte, text T, guard bool) []byte {
	if !isUTF8(text) {
		text = T(base64.StdEncoding.EncodeToString([]byte(text)))
	}
	guard = guard && likeFormula(text) && !isPlainNumber(text)
	quote := len(text) == 0 || isBlank(text[0]) || isBlank(text[len(text)-1]) ||
		string(text) == `\.` // ends the data for PostgreSQL
	for i := 0; i < len(text) && !quote; i++ {
		switch text[i] {
		case ',', '"', '\r', '\n':
			quote = true
		}
	}
	switch {
	case !quote && !guard:
		return append(dst, text...)
	case !quote:
		return append(append(dst, '\''), text...)
	case !guard:
		return appendCSVQuoted(dst, text)
	}
	at := len(dst)
	dst = appendCSVQuoted(append(dst, '"'), text)
	dst[at+1] = '\''
	return dst
}

func appendCSVQuoted[T string | []byte](dst []byte, text T) []byte {
	dst = append(dst, '"')
	start := 0
	for i := range len(text) {
		if text[i] == '"' {
			dst = append(dst, text[start:i+1]...)
			start = i // so that it comes twice
		}
	}
	dst = append(dst, text[start:]...)
	return append(dst, '"')
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// likeFormula reports whether text matches ^'*[=+\-@\t\r].
func likeFormula[T string | []byte](text T) bool {
	for i := range len(text) {
		switch text[i] {
		case '\'':
			continue
		case '=', '+', '-', '@', '\t', '\r':
			return true
		default:
			return false
		}
	}
	return false
}

// isPlainNumber reports whether text is digits with at most one dot, and maybe
// a sign before them, such as -12.50 or +49123.
func isPlainNumber[T string | []byte](text T) bool {
	digits, dots := 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case '0' <= c && c <= '9':
			digits++
		case c == '.':
			dots++
		case i > 0 || c != '-' && c != '+':
			return false
		}
	}
	return digits > 0 && dots <= 1
}
