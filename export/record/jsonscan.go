package record

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonScanner walks over JSON text that is valid, compact and UTF-8, such as
// [jsonAppender] writes.
type jsonScanner struct {
	text string
	pos  int
}

// peek returns the byte that tells what comes next.
func (s *jsonScanner) peek() byte { return s.text[s.pos] }

// list calls one for each element of the object or list that comes next.
func (s *jsonScanner) list(one func() error) error {
	s.pos++ // the opening bracket
	for s.peek() != ']' && s.peek() != '}' {
		if err := one(); err != nil {
			return err
		}
		if s.peek() == ',' {
			s.pos++
		}
	}
	s.pos++
	return nil
}

// key reads the name of the object's next field.
func (s *jsonScanner) key() (string, error) {
	name, err := unquoteJSON(s.raw())
	s.pos++ // the colon
	return name, err
}

// raw skips the next value and returns its text.
func (s *jsonScanner) raw() string {
	start := s.pos
	switch s.peek() {
	case '"':
		s.pos++
		for s.peek() != '"' {
			if s.peek() == '\\' {
				s.pos++
			}
			s.pos++
		}
		s.pos++
	case '{', '[':
		s.skipNested()
	default:
		n := strings.IndexAny(s.text[s.pos:], ",]}")
		if n < 0 {
			n = len(s.text) - s.pos
		}
		s.pos += n
	}
	return s.text[start:s.pos]
}

func (s *jsonScanner) skipNested() {
	for depth := 0; ; {
		switch s.peek() {
		case '"':
			s.raw()
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		s.pos++
		if depth == 0 {
			return
		}
	}
}

var errSurrogate = errors.New("JSON text has half of a surrogate pair, which is no character")

// unquoteJSON returns the text of a valid JSON string. Unlike encoding/json it
// fails, rather than replace it, on what is no character.
func unquoteJSON(quoted string) (string, error) {
	in := quoted[1 : len(quoted)-1]
	if strings.IndexByte(in, '\\') < 0 {
		return in, nil
	}
	out := make([]byte, 0, len(in))
	for len(in) > 0 {
		n := strings.IndexByte(in, '\\')
		if n < 0 {
			out = append(out, in...)
			break
		}
		out = append(out, in[:n]...)
		in = in[n+1:] // at least one more byte follows a backslash
		if in[0] != 'u' {
			out = append(out, unescapeJSON(in[0]))
			in = in[1:]
			continue
		}
		r, used, err := unescapeRune(in)
		if err != nil {
			return "", err
		}
		out = utf8.AppendRune(out, r)
		in = in[used:]
	}
	return string(out), nil
}

func unescapeJSON(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// unescapeRune reads uXXXX, or uXXXX\uXXXX for a surrogate pair.
func unescapeRune(in string) (r rune, used int, err error) {
	r = hexRune(in[1:5])
	if !utf16.IsSurrogate(r) {
		return r, 5, nil
	}
	if len(in) >= 11 && in[5] == '\\' && in[6] == 'u' {
		if r = utf16.DecodeRune(r, hexRune(in[7:11])); r != utf8.RuneError {
			return r, 11, nil
		}
	}
	return 0, 0, errSurrogate
}

func hexRune(digits string) rune {
	n, _ := strconv.ParseUint(digits, 16, 32) // valid JSON has four digits here
	return rune(n)
}
