package config

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// quoteTemplate is said of a template without quotes, which YAML takes for a mapping.
const quoteTemplate = `text that begins with {{ needs quotes, as in "{{.id}}/product.yaml": quote it`

var (
	bareTemplate = regexp.MustCompile(`(?:[:\-,]\s+|[\[{,]\s*)\{\{`)
	bareSign     = regexp.MustCompile("(?:[:\\-,]\\s+|[\\[{,]\\s*)([@%`*&|>!])")
	tabIndent    = regexp.MustCompile(`^ *\t`)
	keyAndMore   = regexp.MustCompile(`^\s*(?:- +)*[\w.-]+:(?:\s|$)`)
	behindQuote  = regexp.MustCompile(`[:,-]\s+(?:"[^"]*"|'[^']*')\s*[^\s#,}\]:'"]`)
	colonInText  = regexp.MustCompile(`^\s*(?:- +)*[\w.-]+:\s+[^\s"'].*:(?:\s|$)`)
)

var unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)'`)

// reasonable puts the likely reason of an error of YAML before it, and the line that has
// caused it in the place of the one in which it was noticed.
func reasonable(data []byte, line int, message string) (int, string) {
	lines := strings.Split(string(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))), "\n")
	if m := unknownAnchor.FindStringSubmatch(message); m != nil {
		line = 1 + slices.IndexFunc(lines, func(text string) bool { return strings.Contains(text, "*"+m[1]) })
	}
	if line < 1 || line > len(lines) {
		return line, message
	}
	at, reason := reasonOf(lines, line, message)
	if reason == "" {
		return line, message
	}
	return at, fmt.Sprintf("%s (YAML: %s)", reason, message)
}

// reasonOf returns nothing if it knows of no reason.
func reasonOf(lines []string, line int, message string) (at int, reason string) {
	text := lines[line-1]
	if bareTemplate.MatchString(text) {
		return line, quoteTemplate
	}
	if strings.Contains(message, "did not find expected") && behindQuote.MatchString(text) {
		return line, "the text goes on behind its closing quote: put all of it in quotes"
	}
	switch {
	case strings.Contains(message, "tab character"), strings.Contains(message, "cannot start any token"), strings.Contains(message, "alphabetic or numeric"):
		return tabOrSign(lines, line)
	case strings.Contains(message, "mapping values are not allowed"):
		return unwantedValue(lines, line)
	case strings.Contains(message, "could not find expected ':'"):
		return line, missingColon(text)
	case strings.Contains(message, "expected key"), strings.Contains(message, "expected '-' indicator"):
		return line, "the indentation does not fit: keys of one mapping begin in the same column, as do the items of a list"
	case strings.Contains(message, "expected ',' or"), strings.Contains(message, "node content"):
		return line, "a bracket or a comma is missing or too many, or a text with such characters needs quotes"
	case strings.Contains(message, "unexpected end of stream"):
		return line, "a quote is opened and not closed"
	case strings.Contains(message, "unknown anchor"):
		return line, "a text that begins with * needs quotes"
	}
	return line, ""
}

// tabOrSign looks for a tab in the indentation, which may be that of the next line, or a
// character that texts without quotes cannot begin with.
func tabOrSign(lines []string, line int) (int, string) {
	for at := line; at <= min(line+1, len(lines)); at++ {
		if tabIndent.MatchString(lines[at-1]) {
			return at, "there is a tab in the indentation: use spaces"
		}
	}
	if m := bareSign.FindStringSubmatch(lines[line-1]); m != nil {
		return line, fmt.Sprintf("text that begins with %s needs quotes: quote it", m[1])
	}
	return line, ""
}

// unwantedValue is about a key and a value where YAML wants none.
func unwantedValue(lines []string, line int) (int, string) {
	if colonInText.MatchString(lines[line-1]) {
		return line, `text with a colon and a space in it needs quotes: quote it`
	}
	for at := line - 1; at >= 1; at-- {
		text := strings.TrimSpace(lines[at-1])
		if text == "" || text[0] == '#' {
			continue
		}
		if !keyAndMore.MatchString(lines[at-1]) {
			return at, missingColon(text)
		}
		return line, fmt.Sprintf("the indentation does not fit: it is deeper than that of line %d, whose key has a value already", at)
	}
	return line, ""
}

func missingColon(text string) string {
	return fmt.Sprintf("a colon and a space are missing: %q must be as in \"key: value\"", strings.TrimSpace(text))
}
