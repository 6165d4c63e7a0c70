package record

import (
	"errors"
	"fmt"
	"path"
	"runtime/debug"
)

// EncodingOf returns the encoding of a record file of that name. ok reports
// whether the name has the extension of one: .yaml, .json, .ndjson or .csv.
func EncodingOf(name string) (enc Encoding, ok bool) {
	switch path.Ext(name) {
	case ".yaml":
		return YAML, true
	case ".json":
		return JSON, true
	case ".ndjson":
		return NDJSON, true
	case ".csv":
		return CSV, true
	}
	return "", false
}

// EncodeError tells why a record could not be encoded.
type EncodeError struct {
	Name   string // of the file
	Shard  int    // of a file that is written in pieces, from 1 on; else 0
	Number int64  // of the record in a file or piece of many, from 1 on; else 0
	Err    error
}

func (e *EncodeError) Error() string { return fmt.Sprintf("record: encode %s: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *EncodeError) Unwrap() error { return e.Err }

// Public returns a text without the cause, which may quote data, unless the record is too
// large.
func (e *EncodeError) Public() string {
	if errors.Is(e.Err, ErrTooLarge) {
		return "The record is too large to be exported."
	}
	return "A record could not be encoded."
}

// LogText returns a text for logs, which has no name and no value. Of the cause it has what is
// always the same, or the type.
func (e *EncodeError) LogText() string {
	for _, said := range []error{errTooDeep, errTooLargeForYAML, errNotUTF8, errSurrogate, errNoFields, errNoValues, ErrTooLarge} {
		if errors.Is(e.Err, said) {
			return "record: not encoded: " + said.Error()
		}
	}
	cause := e.Err
	for inner := cause; inner != nil; inner = errors.Unwrap(inner) {
		cause = inner
	}
	return fmt.Sprintf("record: not encoded: an error of type %T", cause)
}

var errNoValues = errors.New("row has no values")

// PanicError is a panic of a value that encodes itself.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("record: encoding panicked: %v", e.Value) }

// encoder appends the records of one file.
type encoder interface {
	// header takes note of the columns of the records to come.
	header(dst []byte, columns []string) ([]byte, error)

	// record appends a record. If that fails it returns what is to stay in the
	// file, which has no part of the record.
	record(dst []byte, v any) ([]byte, error)

	// end appends what closes the file.
	end(dst []byte) []byte
}

// newEncoder returns the encoder of a file of many records.
func newEncoder(enc Encoding, o Options) encoder {
	switch enc {
	case YAML:
		return newYAMLEncoder(true)
	case CSV:
		return newCSVEncoder(o)
	case JSON:
		return &jsonEncoder{json: jsonAppender{enc: JSON}, array: true}
	default:
		return &jsonEncoder{json: jsonAppender{enc: NDJSON}}
	}
}

// Encode returns the contents of a file that holds one record. The name of the
// file is for the error, which is an [*EncodeError].
func Encode(name string, enc Encoding, v any, o Options) ([]byte, error) {
	var e encoder
	switch enc {
	case YAML:
		e = newYAMLEncoder(false)
	case JSON:
		e = &jsonEncoder{json: jsonAppender{enc: JSON}}
	default:
		e = newEncoder(enc, o)
	}
	if _, ok := headerOf(v); ok {
		return nil, &EncodeError{Name: name, Err: errNoValues}
	}
	room, err := checkSize(v, o.most())
	var text []byte
	if err == nil {
		text, err = e.record(roomFor(nil, room), v)
	}
	if err != nil {
		return nil, &EncodeError{Name: name, Err: err}
	}
	return text, nil
}

// recoverPanic makes an error of a panic of a value that encodes itself: that is the end
// of a record and of nothing else.
func recoverPanic(err *error) {
	if p := recover(); p != nil {
		*err = &PanicError{Value: p, Stack: debug.Stack()}
	}
}

// appendOwn calls [Appender.AppendRecord].
func appendOwn(dst []byte, v Appender, enc Encoding) (_ []byte, err error) {
	defer recoverPanic(&err)
	return v.AppendRecord(dst, enc)
}

// headerOf returns the columns that v declares if it is no record but a
// header.
func headerOf(v any) ([]string, bool) {
	switch v := v.(type) {
	case Row:
		return v.Columns, v.Values == nil
	case *Row:
		if v != nil {
			return v.Columns, v.Values == nil
		}
	}
	return nil, false
}

// jsonEncoder writes one JSON text on each line, and for an array also what
// stands around them.
type jsonEncoder struct {
	json  jsonAppender
	array bool
	piece bool // of an array, of which others write the beginning and the end
	begun bool
}

// What stands in an array besides its records.
const (
	arrayBegin = "[\n"
	arrayComma = ",\n"
	arrayEnd   = "\n]\n"
	arrayEmpty = "[]\n"
)

func (e *jsonEncoder) header(dst []byte, _ []string) ([]byte, error) { return dst, nil }

func (e *jsonEncoder) record(dst []byte, v any) ([]byte, error) {
	keep := len(dst)
	switch {
	case e.array && e.begun:
		dst = append(dst, arrayComma...)
	case e.array && !e.piece:
		dst = append(dst, arrayBegin...)
	}
	dst, err := e.json.appendValue(dst, v)
	if err != nil {
		return dst[:keep], err
	}
	e.begun = true
	if !e.array {
		dst = append(dst, '\n')
	}
	return dst, nil
}

func (e *jsonEncoder) end(dst []byte) []byte {
	switch {
	case !e.array || e.piece:
		return dst
	case e.begun:
		return append(dst, arrayEnd...)
	}
	return append(dst, arrayEmpty...)
}
