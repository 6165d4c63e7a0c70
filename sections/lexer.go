package sections

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Dialect is the SQL of a database: how it writes quotes, comments and parameters.
type Dialect int

// The dialects.
const (
	// SQLite quotes identifiers with `…` and […] as well; comments do not nest.
	SQLite Dialect = iota

	// Postgres has E'…' strings with backslashes, $tag$…$tag$ strings and nested
	// comments. A backslash in a plain string must stand for itself, which is the
	// server's default (standard_conforming_strings).
	Postgres
)

// lexer finds the parameters in a query. It knows just enough of SQL to tell a parameter
// from text that looks like one. What could be either is an error, so that nothing is bound
// by mistake.
type lexer struct {
	dialect Dialect
	src     string
	pos     int
	first   string  // the first token: a word in lower case, or one character
	last    string  // the token before, in the same form
	verb    string  // what a statement with WITH does, if it was found
	ended   bool    // there was a semicolon
	end     int     // where the first one stands
	open    []byte  // the brackets that are open; A is the one of ARRAY[…]
	stray   bool    // a bracket was closed that was not open
	found   []place // the parameters
}

// place is where a parameter stands.
type place struct {
	at   int
	name parameter
}

// bindParameters replaces the parameters of a query with those of the dialect, which are
// numbered. It returns the new query and which parameter has which number, from 1 on.
func bindParameters(d Dialect, query string) (string, []parameter, error) {
	l := &lexer{dialect: d, src: query}
	if err := l.run(); err != nil {
		return "", nil, err
	}
	var b strings.Builder
	var names []parameter
	rest := 0
	for _, p := range l.found {
		number := slices.Index(names, p.name) + 1
		if number == 0 {
			names = append(names, p.name)
			number = len(names)
		}
		b.WriteString(query[rest:p.at])
		b.WriteString(p.name.numbered(d, number))
		rest = p.at + len(":") + len(p.name)
	}
	b.WriteString(query[rest:])
	return b.String(), names, nil
}

// run reads the whole query.
func (l *lexer) run() error {
	if strings.ContainsRune(l.src, 0) {
		return errors.New("has a NUL byte") // C libraries would cut it there
	}
	for l.pos < len(l.src) {
		space, err := l.space()
		if err != nil {
			return err
		}
		if space {
			continue
		}
		if l.ended && l.src[l.pos] != ';' {
			return errors.New("has more than one statement")
		}
		before := l.last
		if l.last, err = l.token(); err != nil {
			return err
		}
		l.note(before)
	}
	if l.last == "" {
		return errors.New("is empty")
	}
	return nil
}

// space skips a space or a comment. It reports false if there is neither.
func (l *lexer) space() (bool, error) {
	rest := l.src[l.pos:]
	switch {
	case strings.IndexByte(" \t\n\v\f\r", rest[0]) >= 0:
		l.pos++
	case l.dialect == SQLite && strings.HasPrefix(rest, "\ufeff"):
		l.pos += len("\ufeff")
	case strings.HasPrefix(rest, "--"):
		l.lineComment()
	case strings.HasPrefix(rest, "/*"):
		return true, l.blockComment()
	default:
		return false, nil
	}
	return true, nil
}

func (l *lexer) lineComment() {
	ends := "\n"
	if l.dialect == Postgres {
		ends = "\r\n"
	}
	if n := strings.IndexAny(l.src[l.pos:], ends); n >= 0 {
		l.pos += n
	} else {
		l.pos = len(l.src)
	}
}

func (l *lexer) blockComment() error {
	depth := 1
	for l.pos += 2; l.pos < len(l.src); {
		switch rest := l.src[l.pos:]; {
		case strings.HasPrefix(rest, "*/"):
			l.pos += 2
			if depth--; depth == 0 {
				return nil
			}
		case l.dialect == Postgres && strings.HasPrefix(rest, "/*"):
			l.pos += 2
			depth++
		default:
			l.pos++
		}
	}
	return errors.New("has a comment without an end")
}

// token reads one token and returns what run keeps of it in l.last.
func (l *lexer) token() (string, error) {
	c := l.src[l.pos]
	switch {
	case isWordStart(c):
		return l.word()
	case isDigit(c):
		l.skip(func(c byte) bool { return isWordStart(c) || isDigit(c) || c == '.' })
		return "0", nil
	case c == '\'', c == '"', c == '`' && l.dialect == SQLite:
		return string(c), l.quoted(c, false)
	case c == '[' && l.dialect == SQLite:
		return "[]", l.until("]", 1)
	case c == '$':
		return "$", l.dollar()
	case c == ':':
		return ":", l.colon()
	case l.dialect == SQLite && strings.IndexByte("?@#", c) >= 0:
		return "", errOtherParameter
	case strings.IndexByte("([])", c) >= 0:
		l.bracket(c)
	case c == ';' && !l.ended:
		l.ended, l.end = true, l.pos
	}
	l.pos++
	return string(c), nil
}

var errOtherParameter = errors.New("has a parameter other than " + parameterNames)

func (l *lexer) word() (string, error) {
	start := l.pos
	l.skip(isWord)
	word := strings.ToLower(l.src[start:l.pos])
	if word == "e" && l.dialect == Postgres && strings.HasPrefix(l.src[l.pos:], "'") {
		return "'", l.escapeString()
	}
	return word, nil
}

// escapeString skips the rest of E'…'. If another quote follows on a later line, with only
// space between, the string goes on there, and still has backslashes.
func (l *lexer) escapeString() error {
	for {
		if err := l.quoted('\'', true); err != nil {
			return err
		}
		next := *l
		for next.pos < len(next.src) && !strings.HasPrefix(next.src[next.pos:], "/*") {
			if space, _ := next.space(); !space {
				break
			}
		}
		between := l.src[l.pos:next.pos]
		if !strings.HasPrefix(l.src[next.pos:], "'") || !strings.ContainsAny(between, "\r\n") {
			return nil
		}
		l.pos = next.pos
	}
}

// quoted skips a quoted text. A quote within the text is written twice or, if backslash is
// set, behind a backslash.
func (l *lexer) quoted(quote byte, backslash bool) error {
	for l.pos++; l.pos < len(l.src); l.pos++ {
		switch c := l.src[l.pos]; {
		case c == '\\' && backslash:
			l.pos++
		case c == quote && l.pos+1 < len(l.src) && l.src[l.pos+1] == quote:
			l.pos++
		case c == quote:
			l.pos++
			return nil
		}
	}
	return errOpenQuote
}

var errOpenQuote = errors.New("has a quote without an end")

// until skips begin bytes, and all text up to the end of the next mark.
func (l *lexer) until(mark string, begin int) error {
	n := strings.Index(l.src[l.pos+begin:], mark)
	if n < 0 {
		return errOpenQuote
	}
	l.pos += begin + n + len(mark)
	return nil
}

// dollar reads a token that begins with a dollar sign.
func (l *lexer) dollar() error {
	if l.dialect == SQLite {
		return errOtherParameter
	}
	start := l.pos
	l.pos++
	if l.pos < len(l.src) && isDigit(l.src[l.pos]) {
		return errOtherParameter
	}
	l.skip(func(c byte) bool { return isWordStart(c) || isDigit(c) })
	if !strings.HasPrefix(l.src[l.pos:], "$") {
		l.pos = start + 1 // a dollar sign and a word, which the server will refuse
		return nil
	}
	mark := l.src[start : l.pos+1]
	l.pos = start
	return l.until(mark, len(mark))
}

// colon reads a token that begins with a colon: a parameter or something else.
func (l *lexer) colon() error {
	start := l.pos
	l.pos++
	rest := l.src[l.pos:]
	switch {
	case rest == "":
		return nil
	case rest[0] == ':': // a cast
		l.pos++
		return nil
	case !isWordStart(rest[0]) && (l.dialect == Postgres || !isWord(rest[0])):
		return nil
	}
	l.skip(isWord)
	name := parameter(l.src[start+1 : l.pos])
	if !name.known() {
		return fmt.Errorf("has the unknown parameter :%s; there are %s", name, parameterNames)
	}
	if l.dialect == Postgres {
		if start > 0 && isWord(l.src[start-1]) {
			return fmt.Errorf("needs a space before :%s", name)
		}
		// a[:x] could be a slice up to the column x.
		if n := len(l.open); n > 0 && l.open[n-1] == '[' {
			return fmt.Errorf("has :%[1]s in square brackets: write (:%[1]s) for the parameter, or a space after the colon of a slice", name)
		}
	}
	l.found = append(l.found, place{start, name})
	return nil
}

// bracket notes a bracket that opens or closes. It does not check that they match: the
// server does.
func (l *lexer) bracket(c byte) {
	n := len(l.open)
	switch {
	case c == '[' && (l.last == "array" || n > 0 && l.open[n-1] == 'A' && (l.last == "[" || l.last == ",")):
		l.open = append(l.open, 'A')
	case c == '[', c == '(':
		l.open = append(l.open, c)
	case n > 0:
		l.open = l.open[:n-1]
	default:
		l.stray = true
	}
}

// skip skips bytes for as long as kind reports true.
func (l *lexer) skip(kind func(byte) bool) {
	for l.pos < len(l.src) && kind(l.src[l.pos]) {
		l.pos++
	}
}

func isWordStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isWord(c byte) bool { return isWordStart(c) || isDigit(c) || c == '$' }
