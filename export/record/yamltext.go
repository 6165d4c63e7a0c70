package record

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// appendYAMLText appends UTF-8 and the end of the line: as a literal block with that
// indentation, if it is not 0 and the text can be one, else as a word.
func appendYAMLText[T string | []byte](dst []byte, text T, indent int) []byte {
	if isYAMLPlain(text) {
		return append(append(grow(dst, len(text)+1), text...), '\n')
	}
	if indent > 0 {
		if lines := literalLines(text, indent); lines > 0 {
			dst = grow(dst, len(text)+lines*indent+len("|-\n\n"))
			return appendYAMLLiteral(dst, text, indent)
		}
	}
	return append(appendYAMLQuoted(dst, text), '\n')
}

// appendYAMLWord appends UTF-8 within the line: plain or in quotes.
func appendYAMLWord[T string | []byte](dst []byte, text T) []byte {
	if isYAMLPlain(text) {
		return append(dst, text...)
	}
	return appendYAMLQuoted(dst, text)
}

// appendYAMLLiteral appends a block of lines: see literalLines.
func appendYAMLLiteral[T string | []byte](dst []byte, text T, indent int) []byte {
	dst = append(dst, '|')
	if text[len(text)-1] != '\n' {
		dst = append(dst, '-')
	}
	dst = append(dst, '\n')
	start := 0
	for i := range len(text) {
		if text[i] != '\n' && i+1 < len(text) {
			continue
		}
		if text[start] != '\n' {
			dst = appendSpaces(dst, indent)
		}
		dst = append(dst, text[start:i+1]...)
		start = i + 1
	}
	if text[len(text)-1] != '\n' {
		dst = append(dst, '\n')
	}
	return dst
}

// appendYAMLQuoted appends text in double quotes, on one line. What is not visible is
// escaped.
func appendYAMLQuoted[T string | []byte](dst []byte, text T) []byte {
	if len(text) > 1<<10 && cap(dst)-len(dst) < 4*len(text) { // which is enough for any
		dst = grow(dst, quotedSize(text)+len(`""`+"\n"))
	}
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(text); {
		if c := text[i]; isASCIIVisible(c) && c != '"' && c != '\\' {
			i++
			continue
		}
		r, n := decodeRune(text, i)
		if r < utf8.RuneSelf || !isVisible(r) {
			dst = appendYAMLEscape(append(dst, text[start:i]...), r)
			start = i + n
		}
		i += n
	}
	dst = append(dst, text[start:]...)
	return append(dst, '"')
}

// quotedSize returns how many bytes text takes between double quotes.
func quotedSize[T string | []byte](text T) int {
	size := len(text)
	var buf [10]byte
	for i := 0; i < len(text); {
		if c := text[i]; isASCIIVisible(c) && c != '"' && c != '\\' {
			i++
			continue
		}
		r, n := decodeRune(text, i)
		if r < utf8.RuneSelf || !isVisible(r) {
			size += len(appendYAMLEscape(buf[:0], r)) - n
		}
		i += n
	}
	return size
}

// appendYAMLEscape appends an escape of a character in double quotes.
func appendYAMLEscape(dst []byte, r rune) []byte {
	const (
		// Each character stands before its letter.
		letters = "\x000\aa\bb\tt\nn\vv\ff\rr\x1be\"\"\\\\\u0085N\u00a0_\u2028L\u2029P"
		digits  = "0123456789ABCDEF"
	)
	if i := strings.IndexRune(letters, r); i >= 0 {
		return append(dst, '\\', letters[i+utf8.RuneLen(r)])
	}
	shift := 28
	switch {
	case r <= 0xFF:
		dst, shift = append(dst, '\\', 'x'), 4
	case r <= 0xFFFF:
		dst, shift = append(dst, '\\', 'u'), 12
	default:
		dst = append(dst, '\\', 'U')
	}
	for ; shift >= 0; shift -= 4 {
		dst = append(dst, digits[r>>shift&15])
	}
	return dst
}

// decodeRune returns the character at text[i] and its length.
func decodeRune[T string | []byte](text T, i int) (rune, int) {
	var b [utf8.UTFMax]byte
	return utf8.DecodeRune(b[:copy(b[:], text[i:])])
}

func appendSpaces(dst []byte, n int) []byte {
	const spaces = "                                                                "
	for ; n > len(spaces); n -= len(spaces) {
		dst = append(dst, spaces...)
	}
	return append(dst, spaces[:n]...)
}

// appendYAMLNumber appends a JSON number, true, false or null, or one of the numbers that are
// none in JSON. YAML 1.1 wants a dot and a sign in numbers with an exponent: 1e3 is text
// there.
func appendYAMLNumber[T string | []byte](dst []byte, text T) []byte {
	if text[0] != '-' && (text[0] < '0' || text[0] > '9') || string(text) == minusInfinite {
		return append(dst, yamlWord(string(text))...)
	}
	at := len(dst)
	dst = append(dst, text...)
	e := bytes.IndexAny(dst[at:], "eE")
	if e < 0 {
		return dst
	}
	e += at
	dst[e] = 'e'
	if dst[e+1] != '-' && dst[e+1] != '+' {
		dst = slices.Insert(dst, e+1, '+')
	}
	if bytes.IndexByte(dst[at:e], '.') < 0 {
		dst = slices.Insert(dst, e, '.', '0')
	}
	return dst
}

func yamlWord(text string) string {
	switch text {
	case notANumber:
		return ".nan"
	case infinite:
		return ".inf"
	case minusInfinite:
		return "-.inf"
	}
	return text
}
