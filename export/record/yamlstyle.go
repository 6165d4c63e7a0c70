package record

import (
	"strings"
	"unicode"
)

// isYAMLPlain reports whether text means itself to every YAML reader when it is
// written as it is. The rule is stricter than YAML's: text begins with a letter
// and has nothing but visible characters and spaces between them.
func isYAMLPlain(text string) bool {
	if isYAMLWord(text) {
		return false
	}
	last := rune(-1)
	for _, r := range text {
		switch {
		case last < 0:
			if !unicode.IsLetter(r) {
				return false
			}
		case !isVisible(r):
			return false
		case r == '#' && last == ' ', r == ' ' && last == ':':
			return false
		case r == '<' && last == '<': // goccy/go-yaml takes "a<<:" for a merge
			return false
		}
		last = r
	}
	return last >= 0 && last != ' ' && last != ':'
}

// isVisible reports whether r is a space or makes a mark on paper, or joins
// letters. No other spaces are: some readers trim them.
func isVisible(r rune) bool {
	return unicode.IsPrint(r) || unicode.Is(unicode.Join_Control, r)
}

// isYAMLWord reports whether text is a word that some YAML 1.1 or 1.2 reader
// takes for a boolean, null or number.
func isYAMLWord(text string) bool {
	if len(text) > len("false") {
		return false
	}
	switch strings.ToLower(text) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nil", "none", "nan", "inf":
		return true
	}
	return false
}

// isYAMLLiteral reports whether text has several lines and comes back the same
// from a literal block: nothing but visible characters, spaces and line feeds,
// no space or empty line at its beginning, no spaces at the end of a line, and
// at most one line feed at its end.
func isYAMLLiteral(text string) bool {
	if !strings.Contains(text, "\n") || strings.HasSuffix(text, "\n\n") {
		return false
	}
	last := '\n'
	for i, r := range text {
		switch {
		case r == '\n':
			if i == 0 || last == ' ' {
				return false
			}
		case !isVisible(r), i == 0 && r == ' ':
			return false
		}
		last = r
	}
	return last != ' '
}

// yamlScalar returns a JSON number, true, false or null as YAML, and so the numbers that
// are none in JSON. YAML 1.1 wants a dot and a sign in numbers with an exponent: 1e3 is
// text there.
func yamlScalar(s string) string {
	switch s {
	case notANumber:
		return ".nan"
	case infinite:
		return ".inf"
	case minusInfinite:
		return "-.inf"
	}
	if s[0] != '-' && (s[0] < '0' || s[0] > '9') {
		return s
	}
	mantissa, exponent, ok := strings.Cut(strings.ToLower(s), "e")
	if !ok {
		return s
	}
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	if exponent[0] != '-' && exponent[0] != '+' {
		exponent = "+" + exponent
	}
	return mantissa + "e" + exponent
}
