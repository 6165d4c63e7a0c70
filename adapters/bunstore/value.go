package bunstore

import (
	"database/sql"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// millis returns an instant as it is stored. The zero one is NULL.
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

// storable reports whether every database keeps s as it is. NUL is refused by
// PostgreSQL, and bun changes invalid UTF-8, so that different texts become equal.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// checkText returns an error if a text is not storable. pairs are names, for the
// error, each followed by its text.
func checkText(pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if !storable(pairs[i+1]) {
			return fmt.Errorf("%s %q holds a NUL or is not UTF-8", pairs[i], pairs[i+1])
		}
	}
	return nil
}

// cleanText returns s with U+FFFD in place of what is not storable.
func cleanText(s string) string {
	if storable(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
