package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"

	"github.com/spf13/cobra"
)

// jsonLines writes JSON values, each a line.
type jsonLines struct {
	buf *bufio.Writer
	out *json.Encoder
}

func newJSONLines(w io.Writer) *jsonLines {
	buf := bufio.NewWriter(w)
	out := json.NewEncoder(buf)
	out.SetEscapeHTML(false)
	return &jsonLines{buf, out}
}

func (l *jsonLines) add(v any) error { return l.out.Encode(v) }
func (l *jsonLines) flush() error    { return l.buf.Flush() }

// limitFlag adds the flag --limit of a list that begins with what is newest.
func limitFlag(c *cobra.Command, limit *int, what string) {
	c.Flags().IntVar(limit, "limit", 50, "`NUMBER` of "+what+" at most, the newest ones")
}

func checkLimit(limit int) error {
	if limit < 1 {
		return errors.New("--limit is less than 1")
	}
	return nil
}
