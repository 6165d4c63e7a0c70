package record

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// FuzzCSVRead compares the reader with encoding/csv, which passes over empty lines and
// makes \r\n in quotes \n.
func FuzzCSVRead(f *testing.F) {
	for _, text := range []string{"", "a", "a,b\r\n1,2\r\n", "a\n\n\"\"\nx", "\"a\"\"b\",\"c\r\nd\"\r\n", "\"a", "a\"b", "\"a\"b", ",\n", "\r\n", "a\rb\r", "\"a\"\rb", "\"a\"\r", "\"\"\r\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		judge := csv.NewReader(bytes.NewReader(text))
		judge.FieldsPerRecord = -1
		want, wantErr := judge.ReadAll()
		c := &csvReader{in: bufio.NewReader(bytes.NewReader(text)), comma: ','}
		var got [][]string
		err := c.read()
		for ; err == nil; err = c.read() {
			if len(c.cells) == 1 && c.null[0] {
				continue
			}
			line := slices.Clone(c.cells)
			for i := range line {
				line[i] = strings.ReplaceAll(line[i], "\r\n", "\n")
				if line[i] != "" && c.null[i] {
					t.Errorf("%q is null", line[i])
				}
			}
			got = append(got, line)
		}
		if fails := !errors.Is(err, io.EOF); fails != (wantErr != nil) {
			t.Fatalf("%q: got %v, want %v", text, err, wantErr)
		}
		if wantErr == nil && !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	})
}
