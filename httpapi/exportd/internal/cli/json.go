package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
)

// writeJSON writes a value as JSON and a line feed. What is not visible is escaped in it, so that
// stored texts move nothing on a terminal.
func writeJSON(w io.Writer, v any, indent string) error {
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	out.SetEscapeHTML(false)
	out.SetIndent("", indent)
	if err := out.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escapeUnseen(text.String()))
	return err
}

// escapeUnseen escapes what the encoder leaves as it is, which is in texts only: control characters
// beyond ASCII, and such as change the direction of text.
func escapeUnseen(text string) []byte {
	escaped := make([]byte, 0, len(text))
	for _, r := range text {
		if r < 0x7f || unicode.IsPrint(r) {
			escaped = append(escaped, string(r)...)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			escaped = fmt.Appendf(escaped, `\u%04x`, unit)
		}
	}
	return escaped
}

// jsonLines writes JSON values, each a line.
type jsonLines struct{ buf *bufio.Writer }

func newJSONLines(w io.Writer) *jsonLines { return &jsonLines{bufio.NewWriter(w)} }

func (l *jsonLines) add(v any) error { return writeJSON(l.buf, v, "") }
func (l *jsonLines) flush() error    { return l.buf.Flush() }
