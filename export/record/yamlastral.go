package record

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The YAML emitter escapes all characters beyond U+FFFF, such as emoji, and
// makes no literal block of text that has one (yaml/go-yaml issue 354). So the
// visible ones are hidden from it: each becomes four of the 32 noncharacters
// from U+FDD0, for five bits each. In what was emitted they are put back.
// Noncharacters of the text itself stand as private characters from U+F0000,
// which are not visible and so never hidden for their own sake.
const (
	firstNonchar = 0xFDD0
	lastNonchar  = 0xFDEF
	nonchars     = "\xEF\xB7" // how all of them begin in UTF-8
	nonchar0     = 0x90       // the third byte of the first
	astral       = 0x10000
	private      = 0xF0000
)

// byteOrderMark at its beginning makes the emitter escape all characters of a text. Then
// nothing is to be hidden, and could not be found again.
const byteOrderMark = "\ufeff"

func hasAstral(text string) bool {
	for i := range len(text) {
		if text[i] >= 0xF0 {
			return true
		}
	}
	return strings.Contains(text, nonchars)
}

func hideAstral(text string) string {
	out := make([]byte, 0, 2*len(text))
	for _, r := range text {
		switch {
		case r >= firstNonchar && r <= lastNonchar:
			r += private - firstNonchar
		case r < astral || !unicode.IsPrint(r):
			out = utf8.AppendRune(out, r)
			continue
		}
		for shift := 15; shift >= 0; shift -= 5 {
			out = utf8.AppendRune(out, firstNonchar+(r-astral)>>shift&31)
		}
	}
	return string(out)
}

// showAstral undoes hideAstral in text[from:].
func showAstral(text []byte, from int) []byte {
	out := text[:from]
	for in := text[from:]; len(in) > 0; {
		if in[0] != nonchars[0] || in[1] != nonchars[1] || in[2] < nonchar0 || in[2] >= nonchar0+32 {
			out = append(out, in[0])
			in = in[1:]
			continue
		}
		r := rune(0)
		for i := 2; i < 12; i += 3 {
			r = r<<5 | rune(in[i]-nonchar0)
		}
		if r += astral; r >= private {
			r += firstNonchar - private
		}
		out = utf8.AppendRune(out, r)
		in = in[12:]
	}
	return out
}
