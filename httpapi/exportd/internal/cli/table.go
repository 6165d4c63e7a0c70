package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// printList prints items as a JSON array or, for people, as a table: a line with
// the heads of the columns, then a line with the cells of each item.
func printList[T any](w io.Writer, asJSON bool, items []T, heads []string, cells func(T) []string) error {
	if asJSON {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(items)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cells []string) { fmt.Fprintln(table, strings.Join(cells, "\t")) } //nolint:errcheck // Flush returns it
	line(heads)
	for _, item := range items {
		line(cells(item))
	}
	return table.Flush()
}

// instant returns nil for the zero time.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func day(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

// dash stands for an empty text.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
