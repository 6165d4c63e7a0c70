package record

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"unicode/utf8"
)

var errNotUTF8 = errors.New("text is not valid UTF-8")

func (e *jsonAppender) appendOwn(dst []byte, v Appender) ([]byte, error) {
	var err error
	if e.own, err = appendOwn(e.own[:0], v, e.enc); err != nil {
		return dst, err
	}
	return e.appendCompact(dst, e.own)
}

// ownText returns the valid JSON that v writes. It is valid until the next call.
func (e *jsonAppender) ownText(v Appender) (_ []byte, err error) {
	if e.own, err = appendOwn(e.own[:0], v, e.enc); err != nil {
		return nil, err
	}
	if !utf8.Valid(e.own) || !json.Valid(e.own) {
		_, err = e.appendCompact(nil, e.own) // tells why
	}
	return e.own, err
}

// appendCompact appends JSON text of others, checked and on one line.
func (e *jsonAppender) appendCompact(dst, text []byte) ([]byte, error) {
	if !utf8.Valid(text) {
		return dst, errNotUTF8
	}
	e.compact = *bytes.NewBuffer(dst)
	err := json.Compact(&e.compact, text)
	dst = e.compact.Bytes()
	e.compact = bytes.Buffer{} // dst is the caller's
	return dst, err
}

// appendStd appends v as encoding/json writes it, but fails where that would
// replace text that is not valid UTF-8.
func (e *jsonAppender) appendStd(dst []byte, v any) ([]byte, error) {
	text, err := e.marshal(v)
	return append(dst, text...), err
}

// marshal returns v as encoding/json writes it. The text is valid until the next call.
func (e *jsonAppender) marshal(v any) (_ []byte, err error) {
	defer recoverPanic(&err)
	if e.std == nil {
		e.std = json.NewEncoder(&e.buf)
		e.std.SetEscapeHTML(false)
	}
	e.buf.Reset()
	if err := e.std.Encode(v); err != nil {
		return nil, err
	}
	text := bytes.TrimSuffix(e.buf.Bytes(), []byte("\n"))
	// A replacement character may as well have been in the data: only then is
	// the slow look at all of v needed.
	replaced := bytes.Contains(text, []byte(`\ufffd`)) || bytes.Contains(text, []byte("\ufffd"))
	if !utf8.Valid(text) || replaced && hasBadText(reflect.ValueOf(v)) {
		return nil, errNotUTF8
	}
	return text, nil
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// hasBadText reports whether v, which encoding/json can encode, holds text that
// is not valid UTF-8. Unexported fields count too.
func hasBadText(v reflect.Value) bool {
	if !v.IsValid() || isNil(v) {
		return false
	}
	if v.Type().Implements(jsonMarshaler) || v.CanAddr() && reflect.PointerTo(v.Type()).Implements(jsonMarshaler) {
		return false // its text is taken as it is
	}
	if v.CanInterface() && v.Type().Implements(textMarshaler) {
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		return err == nil && !utf8.Valid(text)
	}
	switch v.Kind() {
	case reflect.String:
		return !utf8.ValidString(v.String())
	case reflect.Pointer, reflect.Interface:
		return hasBadText(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if hasBadText(v.Field(i)) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if hasBadText(v.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if hasBadText(it.Key()) || hasBadText(it.Value()) {
				return true
			}
		}
	}
	return false
}

func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
		return v.IsNil()
	}
	return false
}

func isNilPointer(v any) bool {
	p := reflect.ValueOf(v)
	return p.Kind() == reflect.Pointer && p.IsNil()
}
