package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// MarshalJSON writes the row as a JSON object with its fields in order, so
// that rows may also stand inside other values.
func (r Row) MarshalJSON() ([]byte, error) {
	e := jsonAppender{enc: JSON}
	return e.appendRow(nil, r)
}

// jsonAppender writes values as compact JSON text on one line. It may be used
// again, by one goroutine at a time. After an error what was appended is
// undefined.
type jsonAppender struct {
	enc     Encoding      // what an Appender is asked for
	depth   int           // of rows and lists around what is appended
	columns []string      // the row columns last found to be all different
	own     []byte        // what an Appender wrote
	compact bytes.Buffer  // for appendCompact
	buf     bytes.Buffer  // what std wrote
	std     *json.Encoder // writes to buf
}

func (e *jsonAppender) appendRow(dst []byte, r Row) ([]byte, error) {
	if err := e.checkRow(r); err != nil {
		return dst, err
	}
	if err := e.enter(); err != nil {
		return dst, err
	}
	defer e.leave()
	dst = append(dst, '{')
	var err error
	for i, name := range r.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSONString(dst, name)
		dst = append(dst, ':')
		if dst, err = e.appendValue(dst, r.Values[i]); err != nil {
			return dst, fmt.Errorf("column %q: %w", name, err)
		}
	}
	return append(dst, '}'), nil
}

// checkRow finds rows that are no objects. Rows mostly share their columns, so
// those that were found good are remembered.
func (e *jsonAppender) checkRow(r Row) error {
	if len(r.Columns) != len(r.Values) {
		return fmt.Errorf("row has %d columns but %d values", len(r.Columns), len(r.Values))
	}
	if sameSlice(e.columns, r.Columns) {
		return nil
	}
	if err := checkColumns(r.Columns); err != nil {
		return err
	}
	e.columns = r.Columns
	return nil
}

// checkColumns returns an error if the names are not all different and UTF-8.
func checkColumns(names []string) error {
	if i := slices.IndexFunc(names, func(name string) bool { return !utf8.ValidString(name) }); i >= 0 {
		return fmt.Errorf("name of column %d: %w", i+1, errNotUTF8)
	}
	if i := duplicate(len(names), func(i int) string { return names[i] }); i >= 0 {
		return fmt.Errorf("row has two columns %q", names[i])
	}
	return nil
}

func sameSlice(a, b []string) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// duplicate returns the first of n names that occurred before, or -1.
func duplicate(n int, name func(i int) string) int {
	if n <= 16 { // faster than a map
		for i := range n {
			for j := range i {
				if name(i) == name(j) {
					return i
				}
			}
		}
		return -1
	}
	seen := make(map[string]struct{}, n)
	for i := range n {
		if _, ok := seen[name(i)]; ok {
			return i
		}
		seen[name(i)] = struct{}{}
	}
	return -1
}

func (e *jsonAppender) appendValue(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case *Value:
		if v != nil {
			return e.appendField(dst, v)
		}
	case string:
		return appendText(dst, v), nil
	case json.Number:
		return appendNumber(dst, v), nil
	case time.Time:
		return appendJSONTime(dst, v), nil
	case *time.Time: // encoding/json would keep its time zone
		if v != nil {
			return appendJSONTime(dst, *v), nil
		}
	case []byte:
		if v != nil {
			return appendBytes(dst, v), nil
		}
	case json.RawMessage:
		if v != nil {
			return e.appendRaw(dst, v), nil
		}
	case Row:
		return e.appendRow(dst, v)
	case *Row:
		if v != nil {
			return e.appendRow(dst, *v)
		}
	case []string:
		if v != nil {
			return appendList(dst, v, func(dst []byte, text string) ([]byte, error) { return appendText(dst, text), nil })
		}
	case []any:
		if v != nil {
			return e.appendAnys(dst, v)
		}
	case map[string]any:
		if v != nil {
			return e.appendMap(dst, v)
		}
	case nil:
	case float64:
		return appendFloat(dst, v, 64), nil
	case float32:
		return appendFloat(dst, float64(v), 32), nil
	case Appender:
		if !isNilPointer(v) {
			return e.appendOwn(dst, v)
		}
	default:
		if dst, ok := appendBasic(dst, v); ok {
			return dst, nil
		}
		return e.appendStd(dst, v)
	}
	return append(dst, "null"...), nil
}

// appendBasic appends booleans and integers.
func appendBasic(dst []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case bool:
		return strconv.AppendBool(dst, v), true
	case int:
		return strconv.AppendInt(dst, int64(v), 10), true
	case int8:
		return strconv.AppendInt(dst, int64(v), 10), true
	case int16:
		return strconv.AppendInt(dst, int64(v), 10), true
	case int32:
		return strconv.AppendInt(dst, int64(v), 10), true
	case int64:
		return strconv.AppendInt(dst, v, 10), true
	case uint:
		return strconv.AppendUint(dst, uint64(v), 10), true
	case uint8:
		return strconv.AppendUint(dst, uint64(v), 10), true
	case uint16:
		return strconv.AppendUint(dst, uint64(v), 10), true
	case uint32:
		return strconv.AppendUint(dst, uint64(v), 10), true
	case uint64:
		return strconv.AppendUint(dst, v, 10), true
	case uintptr:
		return strconv.AppendUint(dst, uint64(v), 10), true
	}
	return dst, false
}

func appendList[T any](dst []byte, list []T, one func([]byte, T) ([]byte, error)) ([]byte, error) {
	dst = append(dst, '[')
	var err error
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = one(dst, v); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func (e *jsonAppender) appendAnys(dst []byte, list []any) ([]byte, error) {
	if err := e.enter(); err != nil {
		return dst, err
	}
	defer e.leave()
	return appendList(dst, list, e.appendValue)
}

// appendMap appends a map with its keys in order, as encoding/json does. It counts as a
// level: a row may be part of itself by way of a map.
func (e *jsonAppender) appendMap(dst []byte, m map[string]any) ([]byte, error) {
	if err := e.enter(); err != nil {
		return dst, err
	}
	defer e.leave()
	dst = append(dst, '{')
	for i, name := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !utf8.ValidString(name) {
			return dst, fmt.Errorf("name of a field: %w", errNotUTF8)
		}
		dst = append(appendJSONString(dst, name), ':')
		var err error
		if dst, err = e.appendValue(dst, m[name]); err != nil {
			return dst, fmt.Errorf("field %q: %w", name, err)
		}
	}
	return append(dst, '}'), nil
}

// maxDepth is how deep rows, lists and YAML documents may be nested. Few
// readers go so deep. A row that is part of itself must not end the process.
const maxDepth = 1000

var errTooDeep = fmt.Errorf("nested more than %d levels deep", maxDepth)

func (e *jsonAppender) enter() error {
	if e.depth == maxDepth {
		return errTooDeep
	}
	e.depth++
	return nil
}

func (e *jsonAppender) leave() { e.depth-- }
