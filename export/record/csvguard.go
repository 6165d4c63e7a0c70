package record

import (
	"strings"
	"unicode/utf8"
)

// This file has the guard against formulas of [Options.RawCSV]. A cell may begin at the start
// of a text, and behind each character in it that some reader of a .csv takes for the end of a
// cell or line: spreadsheets read files with other delimiters than they were written with,
// and some take no notice of quotes around a line feed.

// isSeparator reports whether a cell may begin behind c.
func isSeparator(c byte) bool {
	switch c {
	case ',', ';', '|', '\t', '\r', '\n':
		return true
	}
	return false
}

// sortOf says what the character at the beginning of text is, for the guard.
func sortOf[T string | []byte](text T) (sort charSort, size int) {
	c := text[0]
	switch {
	case c == '=', c == '+', c == '-', c == '@':
		return sign, 1
	case isSeparator(c):
		return separator, 1
	case c <= ' ', c == '"', c == '\'', c == 0x7f:
		return passedOver, 1
	case c < utf8.RuneSelf:
		return other, 1
	}
	r, size := utf8.DecodeRuneInString(string(text[:min(len(text), utf8.UTFMax)]))
	switch {
	case r == '＝', r == '＋', r == '－', r == '＠':
		return sign, size
	case r < 0xa1, r >= 0x2000 && r <= 0x200f, r >= 0x2028 && r <= 0x202f, r >= 0x205f && r <= 0x206f, r == 0x3000, r == 0xfeff:
		return passedOver, size
	}
	return other, size
}

type charSort uint8

const (
	other      charSort = iota
	sign                // begins a formula
	separator           // a cell may begin behind it
	passedOver          // spaces, quotes and what is not visible, which may be cut off a cell
)

// hasSign reports whether a sign is the first thing in a cell that begins at the start of text.
func hasSign[T string | []byte](text T) bool {
	for len(text) > 0 {
		sort, size := sortOf(text)
		if sort != passedOver {
			return sort == sign
		}
		text = text[size:]
	}
	return false
}

// hasBreak reports whether text begins with a tab, carriage return or line feed, maybe after
// apostrophes.
func hasBreak[T string | []byte](text T) bool {
	for i := range len(text) {
		switch text[i] {
		case '\'':
			continue
		case '\t', '\r', '\n':
			return true
		}
		return false
	}
	return false
}

// appendGuarded appends a text with an apostrophe at each place where the guard wants one.
func appendGuarded[T string | []byte](dst []byte, text T) []byte {
	if isPlainNumber(text) {
		return append(dst, text...)
	}
	numbers := isNumbers(text)
	if len(text) > largeText {
		dst = grow(dst, len(text)+1+countSeparators(text))
	}
	if hasSign(text) || hasBreak(text) {
		dst = append(dst, '\'')
	}
	for i := range len(text) {
		dst = append(dst, text[i])
		if isSeparator(text[i]) && !numbers && hasSign(text[i+1:]) {
			dst = append(dst, '\'')
		}
	}
	return dst
}

func countSeparators[T string | []byte](text T) (n int) {
	for i := range len(text) {
		if isSeparator(text[i]) {
			n++
		}
	}
	return n
}

// Unguard undoes the guard against formulas of a cell or column name of a .csv, with
// nothing lost: see [Options.RawCSV]. The text of JSON in a cell needs no undoing.
func Unguard(text string) string {
	var b strings.Builder
	for i := range len(text) {
		rest := text[i+1:]
		if text[i] == '\'' && (i == 0 && hasBreak(rest) || (i == 0 || isSeparator(text[i-1])) && hasSign(rest)) {
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// isNumbers reports whether text is plain numbers with separators, and maybe spaces, between
// them.
func isNumbers[T string | []byte](text T) bool {
	for start, i := 0, 0; i <= len(text); i++ {
		if i < len(text) && !isSeparator(text[i]) {
			continue
		}
		cell := text[start:i]
		for len(cell) > 0 && cell[0] == ' ' {
			cell = cell[1:]
		}
		for len(cell) > 0 && cell[len(cell)-1] == ' ' {
			cell = cell[:len(cell)-1]
		}
		if !isPlainNumber(cell) {
			return false
		}
		start = i + 1
	}
	return true
}

// isPlainNumber reports whether text is digits with at most one dot, and maybe
// a sign before them, such as -12.50 or +49123.
func isPlainNumber[T string | []byte](text T) bool {
	digits, dots := 0, 0
	for i := range len(text) {
		switch c := text[i]; {
		case '0' <= c && c <= '9':
			digits++
		case c == '.':
			dots++
		case i > 0 || c != '-' && c != '+':
			return false
		}
	}
	return digits > 0 && dots <= 1
}

// appendGuardedJSON appends JSON text whose strings have no sign where a cell may begin: it
// is escaped, which is the same text for who reads the JSON. Outside of strings a sign is
// that of a number.
func appendGuardedJSON(dst, text []byte) []byte {
	if len(text) > largeText {
		dst = grow(dst, len(text)+len(`\u0000`)*countExposed(text))
	}
	g := newJSONGuard()
	for i := 0; i < len(text); {
		size, exposed := g.next(text[i:])
		if exposed {
			r, _ := utf8.DecodeRune(text[i:])
			dst = appendJSONEscape(dst, r)
		} else {
			dst = append(dst, text[i:i+size]...)
		}
		i += size
	}
	return dst
}

// countExposed returns how many signs appendGuardedJSON escapes.
func countExposed(text []byte) (n int) {
	g := newJSONGuard()
	for i := 0; i < len(text); {
		size, exposed := g.next(text[i:])
		if exposed {
			n++
		}
		i += size
	}
	return n
}

// jsonGuard finds the signs in JSON text that are to be escaped.
type jsonGuard struct {
	begins bool // a cell may begin here
	quoted bool // in a string
}

func newJSONGuard() jsonGuard { return jsonGuard{begins: true} }

// next returns how many bytes come next, and whether they are a sign that is to be escaped.
func (g *jsonGuard) next(rest []byte) (size int, exposed bool) {
	if g.quoted && rest[0] == '\\' && len(rest) > 1 { // what follows is no end of the string
		g.begins = false
		return 2, false
	}
	if rest[0] == '"' {
		g.quoted = !g.quoted
	}
	sort, size := sortOf(rest)
	exposed = sort == sign && g.begins && g.quoted
	g.begins = sort == separator || g.begins && sort == passedOver
	return size, exposed
}

// appendJSONEscape appends \u and the number of a character.
func appendJSONEscape(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '\\', 'u')
	for shift := 12; shift >= 0; shift -= 4 {
		dst = append(dst, digits[r>>shift&0xf])
	}
	return dst
}
