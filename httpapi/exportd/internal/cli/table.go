package cli

import (
	"bytes"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"
)

// printList prints items as a JSON array or, for people, as a table: a line with
// the heads of the columns, then a line with the cells of each item.
func printList[T any](w io.Writer, asJSON bool, items []T, heads []string, cells func(T) []string) error {
	if asJSON {
		return unlessUnread(writeJSON(w, items, "  "))
	}
	rows := make([][]string, len(items))
	for i, item := range items {
		rows[i] = cells(item)
	}
	return printTable(w, 0, heads, rows)
}

// printTable prints a line with the heads of columns, unless there are none, and a line with the
// cells of each row. What goes beyond a width is cut, unless that is 0.
func printTable(w io.Writer, width int, heads []string, rows [][]string) error {
	var text bytes.Buffer
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	if len(heads) > 0 {
		rows = append([][]string{heads}, rows...)
	}
	for _, cells := range rows {
		_, _ = io.WriteString(table, strings.Join(cells, "\t")+"\n") // it is in memory
	}
	if err := table.Flush(); err != nil {
		return err
	}
	var out strings.Builder
	for line := range strings.Lines(text.String()) {
		out.WriteString(cut(strings.TrimSuffix(line, "\n"), width) + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return unlessUnread(err)
}

// cut returns what fits into a width, 0 for any, with a sign that there was more.
func cut(line string, width int) string {
	if width == 0 || utf8.RuneCountInString(line) <= width {
		return line
	}
	return strings.TrimRight(string([]rune(line)[:width-1]), " ") + "…"
}

// tableWidth returns how wide a table may be: 0, for any width, unless it is for a terminal.
func tableWidth(f *os.File) int {
	if !isTerminal(f) {
		return 0
	}
	width, _ := terminalSize(f)
	return width
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
