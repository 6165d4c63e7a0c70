package wire

import (
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Discreet is a ReplaceAttr of [slog.HandlerOptions] that keeps rows out of the
// log. Messages of some errors of PostgreSQL quote data: of these, only the code is
// left.
func Discreet(_ []string, a slog.Attr) slog.Attr {
	err, ok := a.Value.Any().(error)
	if !ok {
		return a
	}
	text := err.Error()
	for _, message := range quoting(err) {
		text = strings.ReplaceAll(text, message, "the message may quote data")
	}
	return slog.String(a.Key, text)
}

// quoting returns the messages in an error that may quote data: of data exceptions,
// of violated constraints, and of errors that procedures raise.
func quoting(err error) (messages []string) {
	if pg, ok := err.(*pgconn.PgError); ok && pg.Message != "" { //nolint:errorlint // all that it wraps are looked at
		for _, class := range []string{"22", "23", "P0"} {
			if strings.HasPrefix(pg.Code, class) {
				return []string{pg.Message}
			}
		}
	}
	switch err := err.(type) { //nolint:errorlint // as above
	case interface{ Unwrap() error }:
		if inner := err.Unwrap(); inner != nil {
			return quoting(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range err.Unwrap() {
			messages = append(messages, quoting(inner)...)
		}
	}
	return messages
}
