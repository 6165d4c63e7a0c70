package export

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// LogText returns what may be logged of an error: no row's value, no name that is made of one,
// and 1 KiB at most. What code says of itself stays. Of an error that may quote data only its
// kind is told: see [Private] for drivers, and
//
//   - an error that has a method LogText() string is what that returns,
//   - one that has SQLState() string, as drivers of PostgreSQL have them, is its code; the
//     message is told only if it is about the connection, the transaction or the server,
//   - those of packages encoding/json, strconv and time are told without the text that they
//     could not read, and those of net/url without the URL.
//
// The text of a wrapping error stays, without that of its cause if that may quote data.
func LogText(err error) string {
	if err == nil {
		return ""
	}
	return shorten(logText(err, ofProgram))
}

// Private wraps an error whose text may quote data, such as one of a database driver:
// [LogText] tells its type and what is known not to quote any, such as a code of SQL, an error
// of the system, or the end of a context. It returns nil if err is nil.
func Private(err error) error {
	if err == nil {
		return nil
	}
	return &privateError{err}
}

type privateError struct{ error }

func (e *privateError) Unwrap() error   { return e.error }
func (e *privateError) LogText() string { return logText(e.error, ofData) }

// trust is how much of an error's text is told.
type trust int

const (
	ofProgram trust = iota // all that does not quote data
	ofSection              // no paths and hosts either, which may be made of rows
	ofData                 // what is known not to quote data, and nothing else
)

func logText(err error, t trust) string {
	if text, ok := knownText(err, t); ok {
		return text
	}
	causes := causesOf(err)
	if t == ofData {
		return dataText(err, causes)
	}
	text := err.Error()
	for _, cause := range causes {
		whole, told := cause.Error(), logText(cause, t)
		switch {
		case whole == told:
		case whole != "" && strings.Contains(text, whole):
			text = strings.ReplaceAll(text, whole, told)
		default: // it quotes its cause in a form of its own
			return dataText(err, causes)
		}
	}
	return text
}

// dataText tells the causes of an error, or its type if there are none.
func dataText(err error, causes []error) string {
	var texts []string
	for _, cause := range causes {
		if text := logText(cause, ofData); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	if len(texts) == 0 {
		return fmt.Sprintf("an error of type %T", err)
	}
	return strings.Join(texts, "; ")
}

func causesOf(err error) (causes []error) {
	switch err := err.(type) { //nolint:errorlint // all that it wraps are looked at
	case interface{ Unwrap() error }:
		causes = []error{err.Unwrap()}
	case interface{ Unwrap() []error }:
		causes = err.Unwrap()
	}
	return slices.DeleteFunc(slices.Clone(causes), func(err error) bool { return err == nil })
}

// knownText returns the text of an error of which it is known what it quotes.
func knownText(err error, t trust) (string, bool) {
	switch err := err.(type) { //nolint:errorlint // what it wraps is looked at later
	case interface{ LogText() string }:
		return err.LogText(), true
	case interface {
		error
		SQLState() string
	}:
		return sqlText(err, err.SQLState()), true
	case *fs.PathError:
		if t != ofProgram {
			return err.Op + ": " + logText(err.Err, t), true
		}
	case *os.LinkError:
		if t != ofProgram {
			return err.Op + ": " + logText(err.Err, t), true
		}
	case *net.DNSError:
		if t == ofSection {
			return "lookup: " + err.Err, true
		}
		return err.Error(), true
	case *net.OpError:
		if t == ofData { // it has addresses only
			return strings.ReplaceAll(err.Error(), err.Err.Error(), logText(err.Err, t)), true
		}
	}
	if text, ok := parseText(err, t); ok {
		return text, true
	}
	return err.Error(), t == ofData && isPlain(err)
}

// parseText returns the text of an error of something that could not be read, without that.
func parseText(err error, t trust) (string, bool) {
	switch err := err.(type) { //nolint:errorlint // as above
	case *url.Error:
		return err.Op + ": " + logText(err.Err, t), true
	case *strconv.NumError:
		return "strconv." + err.Func + ": " + err.Err.Error(), true
	case *time.ParseError:
		return "a text is no time", true
	case *json.SyntaxError:
		return fmt.Sprintf("JSON is not valid at byte %d", err.Offset), true
	case *json.UnmarshalTypeError:
		return fmt.Sprintf("JSON at byte %d does not fit into a %v", err.Offset, err.Type), true
	case *json.UnsupportedValueError:
		return "JSON has no form for a value", true
	}
	return "", false
}

// isPlain reports whether an error is one whose text is always the same, or of the system.
func isPlain(err error) bool {
	if _, ok := err.(syscall.Errno); ok { //nolint:errorlint // as above
		return true
	}
	return slices.Contains([]error{
		context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed,
		os.ErrDeadlineExceeded, fs.ErrNotExist, fs.ErrPermission, fs.ErrInvalid, fs.ErrClosed, fs.ErrExist,
		ErrSinkFailed, ErrTooLarge, ErrTimeout, ErrNotFound,
	}, err)
}

// sqlText returns the text of an error of a database that has a code of SQL. Messages of most
// classes may quote values: not only of data exceptions (22) and violated constraints (23), but
// also of what was not found (42), as when a text of a row is made a regclass.
func sqlText(err error, code string) string {
	switch code[:min(len(code), 2)] {
	case "08", "25", "28", "40", "53", "55", "57", "58": // of connection, transaction, login, server
		return err.Error()
	}
	return fmt.Sprintf("the message may quote data (SQLSTATE %.5s)", code)
}

// panicText returns what may be logged of a panic's value.
func panicText(v any) string {
	switch v := v.(type) {
	case runtime.Error: // it has numbers and types only
		return v.Error()
	case error:
		return logText(v, ofData)
	}
	return fmt.Sprintf("a value of type %T", v)
}

// sectionText returns what may be logged of the error of a section.
func sectionText(err error) string { return shorten(logText(err, ofSection)) }

// LogText implements what [LogText] asks for: a text without the name.
func (e *NameError) LogText() string { return "export: a name " + e.Reason }

// LogText implements what [LogText] asks for: a text without the name.
func (e *SourceError) LogText() string { return "export: read: " + logText(e.Err, ofSection) }

// LogText implements what [LogText] asks for: a text without the value, which may be made of
// data.
func (e *PanicError) LogText() string { return "export: section panicked: " + panicText(e.Value) }
