package httpapi

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

const (
	idLength  = 22
	idPattern = "^[23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz]{22}$"
)

// fault is one thing that is wrong with a request.
type fault struct {
	Loc  []any  `json:"loc"` // such as "path", "job_id"
	Msg  string `json:"msg"`
	Type string `json:"type"`
}

// idFaults returns what is wrong with an id: one fault or none.
func idFaults(in, name, id string) []fault {
	f := fault{Loc: []any{in, name}}
	switch n := utf8.RuneCountInString(id); {
	case export.ValidID(id):
		return nil
	case n < idLength:
		f.Msg, f.Type = fmt.Sprintf(faultTooShort, idLength), "string_too_short"
	case n > idLength:
		f.Msg, f.Type = fmt.Sprintf(faultTooLong, idLength), "string_too_long"
	default:
		f.Msg, f.Type = fmt.Sprintf(faultPattern, idPattern), "string_pattern_mismatch"
	}
	return []fault{f}
}

// number reads a number of the query, from 1 to most. Empty text means otherwise.
func number(name, text string, otherwise, most int) (int, []fault) {
	if text == "" {
		return otherwise, nil
	}
	f := fault{Loc: []any{"query", name}}
	n, err := strconv.Atoi(text)
	switch {
	case errors.Is(err, strconv.ErrRange) && text[0] != '-', n > most:
		f.Msg, f.Type = fmt.Sprintf(faultTooMuch, most), "less_than_equal"
	case errors.Is(err, strconv.ErrRange), err == nil && n < 1:
		f.Msg, f.Type = fmt.Sprintf(faultTooLittle, 1), "greater_than_equal"
	case err != nil:
		f.Msg, f.Type = faultNoNumber, "int_parsing"
	default:
		return n, nil
	}
	return 0, []fault{f}
}

// requestFaults returns the faults that the service has found in a request.
func requestFaults(err error) []fault {
	var faults []fault
	for _, err := range flatten(err) {
		var e *jobs.RequestError
		if !errors.As(err, &e) {
			continue
		}
		f := fault{Loc: []any{"query", e.Field}, Msg: e.Public(), Type: "enum"}
		if e.Field == "retry_of" {
			f.Type = "value_error"
		}
		faults = append(faults, f)
	}
	return faults
}

// flatten returns the errors that err was joined of.
func flatten(err error) []error {
	var joined interface{ Unwrap() []error }
	if err == nil {
		return nil
	}
	if !errors.As(err, &joined) {
		return []error{err}
	}
	var all []error
	for _, err := range joined.Unwrap() {
		all = append(all, flatten(err)...)
	}
	return all
}
