package record

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// csvEncoder writes a header line and a line for each record (RFC 4180).
type csvEncoder struct {
	raw       bool // no guard against formulas
	delimiter byte
	mark      string // before the header
	lineEnd   string

	piece      bool   // the header is not for the file, ...
	headerLine string // ... but kept here

	json    jsonAppender   // of what is not plain text
	columns map[string]int // place of each column in the header; nil before it is written

	// fields tells for each column of the header which field of the row stands
	// there, or -1. It holds for rows with these names.
	fields []int
	names  []string

	object  []byte // JSON text of a record that is no Row
	value   []byte // JSON or other text of one cell
	guarded []byte // text of one cell
}

func newCSVEncoder(o Options) *csvEncoder {
	e := &csvEncoder{raw: o.RawCSV, delimiter: o.CSV.Delimiter, lineEnd: "\r\n", json: jsonAppender{enc: JSON}}
	if e.delimiter == 0 {
		e.delimiter = ','
	}
	if o.CSV.LineFeed {
		e.lineEnd = "\n"
	}
	if o.CSV.BOM {
		e.mark = byteOrderMark
	}
	return e
}

// delimiters are what may stand between cells, and byteOrderMark what a file in UTF-8 may
// begin with.
const (
	delimiters    = ",;\t"
	byteOrderMark = "\ufeff"
)

func (e *csvEncoder) header(dst []byte, names []string) ([]byte, error) {
	if e.columns != nil || len(names) == 0 {
		return dst, e.arrange(names)
	}
	if err := checkColumns(names); err != nil {
		return dst, err
	}
	if err := (CSVForm{Delimiter: e.delimiter}).Check(); err != nil {
		return dst, err
	}
	keep := len(dst)
	dst = append(dst, e.mark...)
	e.columns = make(map[string]int, len(names))
	for i, name := range names {
		e.columns[name] = i
		if i > 0 {
			dst = append(dst, e.delimiter)
		}
		dst = e.nameCell(dst, name, i == 0)
	}
	dst = append(dst, e.lineEnd...)
	if e.piece {
		e.headerLine = string(dst[keep:])
		dst = dst[:keep]
	}
	return dst, e.arrange(names)
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
			dst = append(dst, e.delimiter)
		}
		if field < 0 {
			continue
		}
		if dst, err = e.cell(dst, row.Values[field]); err != nil {
			return dst[:keep], fmt.Errorf("column %q: %w", row.Columns[field], err)
		}
	}
	return append(dst, e.lineEnd...), nil
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
		return textCell(e, dst, v), nil
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
		return e.saidCell(dst, v), nil
	case Appender:
		if isNilPointer(v) {
			return dst, nil
		}
		if e.value, err = appendOwn(e.value[:0], v, CSV); err != nil {
			return dst, err
		}
		return textCell(e, dst, e.value), nil
	}
	room, _ := checkSize(v, -1) // which is no error: any size is allowed
	if e.value, err = e.json.appendValue(roomFor(e.value[:0], room), v); err != nil {
		return dst, err
	}
	return e.saidCell(dst, e.value), nil
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
		return textCell(e, dst, raw)
	case text[0] == '"', text[0] == '{', text[0] == '[':
		return e.jsonCell(dst, text)
	default:
		return append(dst, text...)
	}
}

// saidCell appends a cell with what compact JSON text says.
func (e *csvEncoder) saidCell(dst, value []byte) []byte {
	switch value[0] {
	case 'n': // null
		return dst
	case '{', '[':
		return e.jsonCell(dst, value)
	case '"':
		text, _, err := unquoteJSON(value, nil)
		if err != nil { // it is no text, but JSON
			text = value
		}
		return textCell(e, dst, text)
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

// textCell appends a cell with text. Empty text is in quotes: a cell without them is null.
// Text that is not UTF-8 is written like bytes. The guard is that of [Options.RawCSV].
func textCell[T string | []byte](e *csvEncoder, dst []byte, text T) []byte {
	if !isUTF8(text) {
		return appendCell(e, dst, base64.StdEncoding.EncodeToString([]byte(text)), false)
	}
	return appendCell(e, dst, text, false)
}

// appendCell appends a cell with text that is UTF-8, in quotes if need be.
func appendCell[T string | []byte](e *csvEncoder, dst []byte, text T, quote bool) []byte {
	special, exposed := look(e.delimiter, text)
	quote = quote || special || len(text) == 0 || isBlank(text[0]) || isBlank(text[len(text)-1]) ||
		string(text) == `\.` // ends the data for PostgreSQL
	if exposed && !e.raw {
		e.guarded = appendGuarded(e.guarded[:0], text)
		if quote {
			return appendCSVQuoted(dst, e.guarded)
		}
		return append(dst, e.guarded...)
	}
	if quote {
		return appendCSVQuoted(dst, text)
	}
	return append(dst, text...)
}

// nameCell appends the name of a column. The first one of a file is in quotes if it begins
// with what would make the file another one: ID is the beginning of a SYLK file, which is
// what Excel takes it for, and a byte order mark is not read as text. So is a name with any
// delimiter, by which [Read] finds out which one the file has.
func (e *csvEncoder) nameCell(dst []byte, name string, first bool) []byte {
	quote := strings.ContainsAny(name, delimiters) ||
		first && (strings.HasPrefix(name, "ID") || strings.HasPrefix(name, byteOrderMark))
	return appendCell(e, dst, name, quote)
}

// jsonCell appends a cell with compact JSON text, which is always in quotes.
func (e *csvEncoder) jsonCell(dst, json []byte) []byte {
	if _, exposed := look(e.delimiter, json); exposed && !e.raw {
		e.guarded = appendGuardedJSON(e.guarded[:0], json)
		json = e.guarded
	}
	return appendCSVQuoted(dst, json)
}

func appendCSVQuoted[T string | []byte](dst []byte, text T) []byte {
	if len(text) > largeText && cap(dst)-len(dst) < 2*len(text)+4 { // which is enough for any
		dst = grow(dst, len(text)+countOf(text, '"')+len("\"\"\r\n"))
	}
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

func countOf[T string | []byte](text T, c byte) (n int) {
	for i := range len(text) {
		if text[i] == c {
			n++
		}
	}
	return n
}

// look reports whether a text has a character that wants quotes, and whether the guard may
// have something to do in it.
func look[T string | []byte](delimiter byte, text T) (quote, exposed bool) {
	begins := true // a cell may begin here
	for i := 0; i < len(text); i++ {
		c := text[i]
		if !begins && ('A' <= c && c <= 'z' || c == ' ' || '0' <= c && c <= '9') {
			continue // most are these
		}
		switch c {
		case '\r', '\n':
			quote, begins = true, true
		case ',', ';', '|', '\t':
			quote = quote || c == ',' || c == delimiter
			begins = true
		case '"':
			quote = true
		default:
			if begins {
				sort, size := sortOf(text[i:])
				exposed = exposed || sort == sign
				begins = sort == passedOver
				i += size - 1
			}
		}
	}
	return quote, exposed || hasBreak(text)
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
