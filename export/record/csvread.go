package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// csvReader reads the lines of a .csv (RFC 4180). Unlike encoding/csv it tells an empty
// cell from empty text, and passes over no line of a file with one column.
type csvReader struct {
	in    *bufio.Reader
	comma byte // stands between cells; 0: the first delimiter that is not in quotes does
	cells []string
	null  []bool // the cell is empty and has no quotes
}

// read reads the next line into cells and null. It returns [io.EOF] if there is none.
func (c *csvReader) read() error {
	c.cells, c.null = c.cells[:0], c.null[:0]
	if _, err := c.in.Peek(1); err != nil {
		return err
	}
	for more := true; more; {
		var err error
		if more, err = c.cell(); err != nil {
			return err
		}
	}
	return nil
}

// cell reads a cell and what ends it. more reports whether that is a comma.
func (c *csvReader) cell() (more bool, err error) {
	var text []byte
	b, err := c.in.ReadByte()
	quoted := err == nil && b == '"'
	if quoted {
		text, b, err = c.quoted()
	} else {
		for err == nil && b != '\n' && !c.ends(b) {
			if b == '"' {
				return false, errors.New("a quote in a cell without quotes")
			}
			text = append(text, b)
			b, err = c.in.ReadByte()
		}
		if n := len(text); n > 0 && text[n-1] == '\r' && (b == '\n' || err != nil) {
			text = text[:n-1]
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	c.cells = append(c.cells, string(text))
	c.null = append(c.null, !quoted && len(text) == 0)
	return err == nil && b != '\n', nil
}

// ends reports whether b ends a cell within a line.
func (c *csvReader) ends(b byte) bool {
	if c.comma == 0 && b != 0 && strings.IndexByte(delimiters, b) >= 0 {
		c.comma = b
	}
	return b == c.comma && b != 0
}

// quoted reads the rest of a cell that begins with a quote. It returns the text and the
// byte that ends the cell, or [io.EOF].
func (c *csvReader) quoted() (text []byte, end byte, err error) {
	for {
		b, err := c.in.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil, 0, errors.New("a quote is not closed")
		}
		if err != nil {
			return nil, 0, err
		}
		if b != '"' {
			text = append(text, b)
			continue
		}
		b, err = c.in.ReadByte()
		if err == nil && b == '\r' {
			b, err = c.in.ReadByte()
			if err == nil && b != '\n' {
				b = 0
			}
		}
		switch {
		case err != nil || b == '\n' || c.ends(b):
			return text, b, err
		case b != '"':
			return nil, 0, errors.New("something follows a quote")
		}
		text = append(text, '"')
	}
}

func eachRow(in *recordInput, yield func(json.RawMessage, error) bool) error {
	c := &csvReader{in: bufio.NewReader(in)}
	if start, err := c.in.Peek(len(byteOrderMark)); err == nil && string(start) == byteOrderMark {
		_, _ = c.in.Discard(len(byteOrderMark)) // it is in the buffer
	}
	if err := c.read(); err != nil {
		return endOfRows(err)
	}
	if c.comma == 0 { // there is one column
		c.comma = ','
	}
	row := Row{Columns: append([]string(nil), c.cells...), Values: make([]any, len(c.cells))}
	for {
		in.n = 0
		if err := c.read(); err != nil {
			return endOfRows(err)
		}
		if len(row.Columns) > 1 && len(c.cells) == 1 && c.null[0] {
			continue // an empty line
		}
		if len(c.cells) != len(row.Columns) {
			return fmt.Errorf("a row has %d cells, the header %d", len(c.cells), len(row.Columns))
		}
		for i, cell := range c.cells {
			row.Values[i] = cell
			if c.null[i] {
				row.Values[i] = nil
			}
		}
		record, err := row.MarshalJSON()
		if err != nil {
			return err
		}
		if err := in.emit(record, yield); err != nil {
			return err
		}
	}
}

func endOfRows(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
