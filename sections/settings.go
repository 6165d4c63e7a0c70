package sections

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// fixed are the settings of PostgreSQL by which a value looks different or a query means
// something else. They have their values of a new server, and UTC, UTF-8 and the locale C:
// a role, a database or an address that sets another one changes no byte.
var fixed = []struct{ name, value string }{
	{"client_encoding", "UTF8"},
	{"TimeZone", "UTC"},
	{"DateStyle", "ISO, MDY"},
	{"IntervalStyle", "postgres"},
	{"extra_float_digits", "1"}, // as many as read back as the same number
	{"bytea_output", "hex"},
	{"xmlbinary", "base64"},
	{"xmloption", "content"},
	{"lc_monetary", "C"},
	{"lc_numeric", "C"},
	{"lc_time", "C"},
	{"standard_conforming_strings", "on"},
	{"transform_null_equals", "off"},
}

// beginner begins transactions, as a [*sql.DB] does.
type beginner interface {
	BeginTx(ctx context.Context, o *sql.TxOptions) (*sql.Tx, error)
}

// ownTransactions reports whether each query may have a transaction of its own. A
// [*sql.Conn] may be in one of its owner's.
func ownTransactions(db Querier) (beginner, bool) {
	if _, conn := db.(*sql.Conn); conn {
		return nil, false
	}
	b, ok := db.(beginner)
	return b, ok
}

// beginFixed begins a read-only transaction with the fixed settings. They end with it, so
// that nobody else who gets the connection has them, from a pooler for example.
func beginFixed(ctx context.Context, db beginner) (*sql.Tx, error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	calls := make([]string, len(fixed))
	for i, s := range fixed {
		calls[i] = "set_config('" + s.name + "', '" + s.value + "', true)"
	}
	if _, err := tx.ExecContext(ctx, "SELECT "+strings.Join(calls, ", ")); err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}
