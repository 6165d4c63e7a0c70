package export

import (
	"fmt"
	"unicode/utf8"
)

// maxText is how many bytes a text may have in a log, in the list of skipped items and in that
// of notes.
const maxText = 1 << 10

// shorten cuts a text that is longer than 1 KiB out of its middle, so that a number, a code or
// an extension at its end stays, and says how much was cut. It cuts between characters.
func shorten(text string) string { return shortenTo(text, maxText) }

// shortenTo is shorten for texts of most bytes, of which there must be 64 or more.
func shortenTo(text string, most int) string {
	if len(text) <= most {
		return text
	}
	const room = 40 // for the mark
	tail := (most - room) / 4
	head := most - room - tail
	from := len(text) - tail
	for range utf8.UTFMax - 1 {
		if !utf8.RuneStart(text[head]) {
			head--
		}
		if !utf8.RuneStart(text[from]) {
			from++
		}
	}
	return fmt.Sprintf("%s…(%d bytes cut)…%s", text[:head], from-head, text[from:])
}
