package record

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// isYAMLPlain reports whether text means itself to every YAML reader when it is
// written as it is. The rule is stricter than YAML's: text begins with a letter
// and has nothing but visible characters and spaces between them.
func isYAMLPlain[T string | []byte](text T) bool {
	if len(text) == 0 || isYAMLWord(text) {
		return false
	}
	first, i := decodeRune(text, 0)
	if !unicode.IsLetter(first) {
		return false
	}
	for i < len(text) {
		switch c := text[i]; {
		case c >= utf8.RuneSelf:
			r, n := decodeRune(text, i)
			if !isVisible(r) {
				return false
			}
			i += n
			continue
		case c > '<' && c <= '~':
		case !isASCIIVisible(c):
			return false
		case c == '#' && text[i-1] == ' ', c == ' ' && text[i-1] == ':':
			return false
		case c == '<' && text[i-1] == '<': // goccy/go-yaml takes "a<<:" for a merge
			return false
		}
		i++
	}
	last := text[len(text)-1]
	return last != ' ' && last != ':'
}

// isVisible reports whether r is a space or makes a mark on paper, or joins
// letters. No other spaces are: some readers trim them.
func isVisible(r rune) bool {
	return strconv.IsPrint(r) || unicode.Is(unicode.Join_Control, r)
}

func isASCIIVisible(c byte) bool { return ' ' <= c && c <= '~' }

// isYAMLWord reports whether text is a word that some YAML 1.1 or 1.2 reader
// takes for a boolean, null or number.
func isYAMLWord[T string | []byte](text T) bool {
	var lower [len("false")]byte
	if len(text) > len(lower) {
		return false
	}
	n := copy(lower[:], text)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] += 'a' - 'A'
		}
	}
	switch string(lower[:n]) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nil", "none", "nan", "inf":
		return true
	}
	return false
}

const (
	maxLiteral  = 16      // levels, for blocks whose lines are all indented
	freeLiteral = 1 << 10 // bytes of a block's indentation that need no longer text
)

// literalIndent returns the indentation of literal blocks that are so many levels deep. It
// is 0 if there are to be none.
func literalIndent(depth int) int {
	if depth > maxLiteral {
		return 0
	}
	return 2 * max(depth, 1)
}

// literalLines returns how many line feeds a text has that comes back the same from a
// literal block: it has several lines, nothing but visible characters, spaces and line
// feeds, no space or empty line at its beginning, no spaces at the end of a line, and at
// most one line feed at its end. For other texts, and those that would be mostly
// indentation, it returns 0.
func literalLines[T string | []byte](text T, indent int) (lines int) {
	last := byte('\n')
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c >= utf8.RuneSelf:
			r, n := decodeRune(text, i)
			if !isVisible(r) {
				return 0
			}
			i += n
			last = c
			continue
		case c == '\n':
			if i == 0 || last == ' ' {
				return 0
			}
			lines++
		case !isASCIIVisible(c), i == 0 && c == ' ':
			return 0
		}
		last = text[i]
		i++
	}
	if last == ' ' || len(text) > 1 && last == '\n' && text[len(text)-2] == '\n' || lines*indent > len(text)+freeLiteral {
		return 0
	}
	return lines
}
