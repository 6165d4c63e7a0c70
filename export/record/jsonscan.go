package record

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonScanner walks over JSON text that is valid and UTF-8. Between calls it stands before
// a byte that is no white space, or at the end.
type jsonScanner struct {
	src []byte
	pos int
}

func scanJSON(text []byte) jsonScanner {
	s := jsonScanner{src: text}
	s.skip(0)
	return s
}

// peek returns the byte that tells what comes next.
func (s *jsonScanner) peek() byte { return s.src[s.pos] }

// skip passes over n bytes and white space.
func (s *jsonScanner) skip(n int) {
	for s.pos += n; s.pos < len(s.src) && s.src[s.pos] <= ' '; {
		s.pos++
	}
}

// open begins the object or list that comes next, and returns 0 if it is empty, else 1. Its
// elements are read for as long as more reports true.
func (s *jsonScanner) open() int {
	s.skip(1)
	if c := s.peek(); c == '}' || c == ']' {
		return 0
	}
	return 1
}

func (s *jsonScanner) more() bool {
	switch s.peek() {
	case '}', ']':
		s.skip(1)
		return false
	case ',':
		s.skip(1)
	}
	return true
}

// key reads the name of the object's next field, in its quotes.
func (s *jsonScanner) key() []byte {
	name := s.raw()
	s.skip(1) // the colon
	return name
}

// raw skips the next value and returns its text.
func (s *jsonScanner) raw() []byte {
	start := s.pos
	switch s.peek() {
	case '"':
		s.passString()
	case '{', '[':
		s.passNested()
	default:
		for s.pos < len(s.src) && !endsJSON(s.src[s.pos]) {
			s.pos++
		}
	}
	text := s.src[start:s.pos]
	s.skip(0)
	return text
}

// endsJSON reports whether c is none of a number or of null, true and false.
func endsJSON(c byte) bool { return c == ',' || c == ']' || c == '}' || c <= ' ' }

func (s *jsonScanner) passString() {
	for s.pos++; s.src[s.pos] != '"'; s.pos++ {
		if s.src[s.pos] == '\\' {
			s.pos++
		}
	}
	s.pos++
}

func (s *jsonScanner) passNested() {
	for depth := 0; ; {
		switch s.peek() {
		case '"':
			s.passString()
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

// unquoteJSON returns the text of a valid JSON string. Unlike encoding/json it fails, rather
// than replace it, on what is no character. Text with escapes is put in buf, which is
// returned for use again.
func unquoteJSON(quoted, buf []byte) (text, _ []byte, err error) {
	in := quoted[1 : len(quoted)-1]
	n := bytes.IndexByte(in, '\\')
	if n < 0 {
		return in, buf, nil
	}
	out := grow(buf[:0], len(in))
	for ; n >= 0; n = bytes.IndexByte(in, '\\') {
		out = append(out, in[:n]...)
		in = in[n+1:] // at least one more byte follows a backslash
		if in[0] != 'u' {
			out = append(out, unescapeJSON(in[0]))
			in = in[1:]
			continue
		}
		r, used, err := unescapeRune(in)
		if err != nil {
			return nil, out, err
		}
		out = utf8.AppendRune(out, r)
		in = in[used:]
	}
	out = append(out, in...)
	return out, out, nil
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
func unescapeRune(in []byte) (r rune, used int, err error) {
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

func hexRune(digits []byte) rune {
	n, _ := strconv.ParseUint(string(digits), 16, 32) // valid JSON has four digits here
	return rune(n)
}

// grow makes room for n more elements with one step, and for the few that end them, such as a
// bracket: these alone would take another step. slices.Grow would take twice the memory
// in a program that looks for data races, and so in tests of that.
func grow[E any](list []E, n int) []E {
	if n <= cap(list)-len(list) {
		return list
	}
	return append(make([]E, 0, max(len(list)+n+endSize, cap(list)+cap(list)/4)), list...)
}

// endSize is how many elements grow makes room for at the end.
const endSize = 16
