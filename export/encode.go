package export

import (
	"errors"
	"path"
	"runtime/debug"
)

// EncodingOf is the encoding of a record file of that name: its extension
// picks it. The error is a [*NameError].
func EncodingOf(name string) (Encoding, error) {
	switch path.Ext(name) {
	case ".yaml":
		return YAML, nil
	case ".json":
		return JSON, nil
	case ".ndjson":
		return NDJSON, nil
	case ".csv":
		return CSV, nil
	}
	return "", &NameError{Name: name, Reason: "does not end in .yaml, .json, .ndjson or .csv"}
}

// recordEncoder appends the records of one file.
type recordEncoder interface {
	// header takes note of the columns of the records to come.
	header(dst []byte, columns []string) ([]byte, error)

	// record appends a record. If that fails it returns what is to stay in the
	// file, which has no part of the record.
	record(dst []byte, v any) ([]byte, error)

	// end appends what closes the file.
	end(dst []byte) []byte
}

// newRecordEncoder encodes a file of many records.
func newRecordEncoder(enc Encoding, rawCSV bool) recordEncoder {
	switch enc {
	case YAML:
		return newYAMLEncoder(true)
	case CSV:
		return newCSVEncoder(rawCSV)
	case JSON:
		return &jsonEncoder{json: jsonAppender{enc: JSON}, array: true}
	default:
		return &jsonEncoder{json: jsonAppender{enc: NDJSON}}
	}
}

// encodeRecord returns the contents of a file that holds one record.
func encodeRecord(name string, enc Encoding, v any, rawCSV bool) (text []byte, err error) {
	defer recoverEncode(name, &err)
	var e recordEncoder
	switch enc {
	case YAML:
		e = newYAMLEncoder(false)
	case JSON:
		e = &jsonEncoder{json: jsonAppender{enc: JSON}}
	default:
		e = newRecordEncoder(enc, rawCSV)
	}
	if _, ok := headerOf(v); ok {
		return nil, &EncodeError{Name: name, Err: errors.New("row has no values")}
	}
	if text, err = e.record(nil, v); err != nil {
		return nil, &EncodeError{Name: name, Err: err}
	}
	return text, nil
}

// recoverEncode turns a panic of a value that encodes itself into the error of
// that record: the file must still end well-formed.
func recoverEncode(name string, err *error) {
	if p := recover(); p != nil {
		*err = &EncodeError{Name: name, Err: &PanicError{Value: p, Stack: debug.Stack()}}
	}
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
	begun bool
}

func (e *jsonEncoder) header(dst []byte, _ []string) ([]byte, error) { return dst, nil }

func (e *jsonEncoder) record(dst []byte, v any) ([]byte, error) {
	keep := len(dst)
	switch {
	case e.array && e.begun:
		dst = append(dst, ",\n"...)
	case e.array:
		dst = append(dst, "[\n"...)
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
	case e.array && e.begun:
		return append(dst, "\n]\n"...)
	case e.array:
		return append(dst, "[]\n"...)
	}
	return dst
}
