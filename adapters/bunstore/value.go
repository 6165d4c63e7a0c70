package bunstore

import (
	"database/sql"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// millis is what is stored of an instant: NULL of the zero one.
func millis(t time.Time) sql.Null[int64] {
	return sql.Null[int64]{V: t.UnixMilli(), Valid: !t.IsZero()}
}

// instant is the opposite of millis.
func instant(n sql.Null[int64]) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMilli(n.V).UTC()
}

// storable tells whether every database keeps s as it is: bun would make
// different texts that are not UTF-8 the same one.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// checkText refuses texts that are not storable, given as name and text in turn.
func checkText(pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if !storable(pairs[i+1]) {
			return fmt.Errorf("%s %q holds a NUL or is not UTF-8", pairs[i], pairs[i+1])
		}
	}
	return nil
}

// cleanText makes a text for people storable.
func cleanText(s string) string {
	if storable(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
