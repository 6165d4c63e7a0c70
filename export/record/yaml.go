package record

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"
)

// yamlEncoder writes records as YAML documents: lists and objects as blocks that are
// indented by two spaces a level. Nothing is built in between, so that memory is that of the
// document: what is JSON already is read in place.
type yamlEncoder struct {
	json  jsonAppender // checks rows, counts levels, and writes what has JSON only
	check yamlCheck
	many  bool // documents begin with ---

	// What follows is about the document that is being written.
	values, indent int  // values and names so far, and the spaces before their lines
	begun          bool // the line goes on: it is the first, or there is a dash before
	marked         int  // names with a question mark around: see colon
}

func newYAMLEncoder(many bool) *yamlEncoder {
	return &yamlEncoder{json: jsonAppender{enc: YAML}, many: many}
}

func (e *yamlEncoder) header(dst []byte, _ []string) ([]byte, error) { return dst, nil }

func (e *yamlEncoder) end(dst []byte) []byte { return dst }

func (e *yamlEncoder) record(dst []byte, v any) ([]byte, error) {
	keep := len(dst)
	if e.many {
		dst = append(dst, "---\n"...)
	}
	e.json.depth, e.values, e.indent, e.begun, e.marked = 0, 0, 0, true, 0
	dst, err := e.value(dst, v)
	if err != nil {
		return dst[:keep], err
	}
	return dst, nil
}

func (e *yamlEncoder) value(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case *Value:
		if v != nil {
			return e.appendField(dst, v)
		}
	case string:
		return yamlText(e, dst, v), nil
	case bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, uintptr:
		dst, _ = appendBasic(e.inline(dst), v)
		return append(dst, '\n'), nil
	case float64:
		return e.float(dst, v, 64), nil
	case float32:
		return e.float(dst, float64(v), 32), nil
	case json.Number:
		return e.number(dst, []byte(v)), nil
	case time.Time:
		return e.time(dst, v), nil
	case *time.Time:
		if v != nil {
			return e.time(dst, *v), nil
		}
	case []byte:
		if v != nil {
			return e.bytes(dst, v), nil
		}
	case Row:
		return e.row(dst, v)
	case *Row:
		if v != nil {
			return e.row(dst, *v)
		}
	case []string:
		if v != nil {
			return e.strings(dst, v)
		}
	case []any:
		if v != nil {
			return e.list(dst, v)
		}
	case map[string]any:
		if v != nil {
			return e.fields(dst, v)
		}
	case json.RawMessage:
		return e.raw(dst, v)
	case nil:
	default:
		return e.other(dst, v)
	}
	return e.null(dst), nil
}

// raw appends JSON text of others. What is no JSON is text.
func (e *yamlEncoder) raw(dst, raw []byte) ([]byte, error) {
	switch {
	case raw == nil:
		return e.null(dst), nil
	case !utf8.Valid(raw) || !json.Valid(raw):
		return yamlText(e, dst, raw), nil
	}
	return e.nested(dst, raw)
}

// other appends a value that has a JSON form only.
func (e *yamlEncoder) other(dst []byte, v any) (_ []byte, err error) {
	var text []byte
	own, ok := v.(Appender)
	switch {
	case ok && isNilPointer(v):
		return e.null(dst), nil
	case ok:
		text, err = e.json.ownText(own)
	default:
		text, err = e.json.marshal(v)
	}
	if err != nil {
		return dst, err
	}
	return e.nested(dst, text)
}

func (e *yamlEncoder) row(dst []byte, r Row) ([]byte, error) {
	if err := e.json.checkRow(r); err != nil {
		return dst, err
	}
	dst, err := e.enter(dst, len(r.Columns), "{}")
	if err != nil {
		return dst, err
	}
	for i, name := range r.Columns {
		if dst, err = e.field(dst, name, r.Values[i]); err != nil {
			return dst, fmt.Errorf("column %q: %w", name, err)
		}
	}
	e.json.leave()
	return dst, nil
}

func (e *yamlEncoder) fields(dst []byte, m map[string]any) ([]byte, error) {
	dst, err := e.enter(dst, len(m), "{}")
	if err != nil {
		return dst, err
	}
	names := slices.AppendSeq(make([]string, 0, len(m)), maps.Keys(m))
	slices.Sort(names)
	for _, name := range names {
		if !utf8.ValidString(name) {
			return dst, fmt.Errorf("name of a field: %w", errNotUTF8)
		}
		if dst, err = e.field(dst, name, m[name]); err != nil {
			return dst, fmt.Errorf("field %q: %w", name, err)
		}
	}
	e.json.leave()
	return dst, nil
}

func (e *yamlEncoder) field(dst []byte, name string, v any) ([]byte, error) {
	dst, err := e.line(dst, 2)
	if err != nil {
		return dst, err
	}
	marked, at := e.marked, len(dst)
	dst = e.colon(appendYAMLWord(dst, name), at)
	dst, err = e.value(dst, v)
	e.marked = marked
	return dst, err
}

func (e *yamlEncoder) list(dst []byte, list []any) ([]byte, error) {
	dst, err := e.enter(dst, len(list), "[]")
	for i := 0; err == nil && i < len(list); i++ {
		if dst, err = e.item(dst); err == nil {
			dst, err = e.value(dst, list[i])
		}
	}
	e.json.leave()
	return dst, err
}

func (e *yamlEncoder) strings(dst []byte, list []string) ([]byte, error) {
	dst, err := e.enter(dst, len(list), "[]")
	for i := 0; err == nil && i < len(list); i++ {
		if dst, err = e.item(dst); err == nil {
			dst = yamlText(e, dst, list[i])
		}
	}
	e.json.leave()
	return dst, err
}

func (e *yamlEncoder) null(dst []byte) []byte { return append(e.inline(dst), "null\n"...) }

// yamlText appends text as a block, plain or in quotes. Text that is not UTF-8 is written
// like bytes.
func yamlText[T string | []byte](e *yamlEncoder, dst []byte, text T) []byte {
	if !isUTF8(text) {
		return e.bytes(dst, []byte(text))
	}
	return appendYAMLText(e.inline(dst), text, e.literalIndent())
}

func (e *yamlEncoder) bytes(dst, b []byte) []byte {
	dst = e.inline(dst)
	dst = grow(dst, base64.StdEncoding.EncodedLen(len(b))+3)
	at := len(dst)
	dst = base64.StdEncoding.AppendEncode(dst, b)
	if !isYAMLPlain(dst[at:]) {
		dst = append(slices.Insert(dst, at, '"'), '"')
	}
	return append(dst, '\n')
}

func (e *yamlEncoder) time(dst []byte, t time.Time) []byte {
	dst = append(e.inline(dst), '"')
	return append(AppendTime(dst, t), "\"\n"...)
}

func (e *yamlEncoder) float(dst []byte, f float64, bits int) []byte {
	if form, ok := nonFinite(f); ok {
		return append(appendYAMLNumber(e.inline(dst), form), '\n')
	}
	var buf [32]byte
	return append(appendYAMLNumber(e.inline(dst), appendJSONFloat(buf[:0], f, bits)), '\n')
}

// number appends a number digit by digit. What is no JSON number stays text.
func (e *yamlEncoder) number(dst, n []byte) []byte {
	if !isJSONNumber(n) && !isNonFinite(string(n)) {
		return yamlText(e, dst, n)
	}
	return append(appendYAMLNumber(e.inline(dst), n), '\n')
}
