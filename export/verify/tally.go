package verify

import (
	"bytes"
	"io"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

// tally counts the files of a section. A file with the extension of a record
// file may be an asset all the same: only the section knows. So the records
// are a range, and what the manifest says must be possible.
type tally struct {
	skipped bool
	assets  int64 // files that can hold no records
	files   int64 // files that can
	least   int64 // records in them
	most    int64
	counter counter
}

// file returns what the next file is to be written to, if it matters.
func (t *tally) file(name string) io.Writer {
	switch name {
	case skippedFile:
		t.skipped = true
		return nil
	case renamedFile, notesFile:
		return nil
	}
	enc, err := export.EncodingOf(name)
	if err != nil {
		t.assets++
		return nil
	}
	t.files++
	t.counter = counter{tally: t, enc: enc, start: true}
	return &t.counter
}

// possible tells whether a section with these files can have written so many
// records and assets.
func (t *tally) possible(records, binaries int64) bool {
	assets := binaries - t.assets // with the extension of a record file
	switch {
	case assets < 0 || assets > t.files:
		return false
	case assets == 0:
		return t.least <= records && records <= t.most
	case assets == t.files:
		return records == 0
	}
	return records <= t.most
}

// counter counts the records in a file without understanding them.
type counter struct {
	tally *tally
	enc   record.Encoding
	start bool // nothing but white space yet (JSON); or at the beginning of a line
	begun bool

	quoted, escaped bool
	depth           int64
	array, filled   bool // JSON: an array, with something in it
	dashes          int  // YAML: of a line, -1 if it is no separator
}

func (n *counter) add(least, most int64) {
	n.tally.least += least
	n.tally.most += most
}

func (n *counter) Write(p []byte) (int, error) {
	switch n.enc {
	case record.NDJSON:
		n.lines(p)
	case record.CSV:
		n.rows(p)
	case record.YAML:
		n.documents(p)
	case record.JSON:
		n.elements(p)
	}
	return len(p), nil
}

// lines counts the beginnings of lines.
func (n *counter) lines(p []byte) {
	for len(p) > 0 {
		if n.start {
			n.add(1, 1)
			n.start = false
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			return
		}
		p = p[i+1:]
		n.start = true
	}
}

// rows counts the beginnings of lines outside of quotes, without the header.
func (n *counter) rows(p []byte) {
	for len(p) > 0 {
		if n.start {
			if n.begun {
				n.add(1, 1)
			}
			n.start, n.begun = false, true
		}
		i := bytes.IndexAny(p, "\"\n")
		if i < 0 {
			return
		}
		if p[i] == '"' {
			n.quoted = !n.quoted
		} else {
			n.start = !n.quoted
		}
		p = p[i+1:]
	}
}

// documents counts lines of three dashes, and what comes before the first.
func (n *counter) documents(p []byte) {
	for len(p) > 0 {
		if n.start {
			n.start, n.dashes = false, 0
		}
		if n.dashes >= 0 && n.dashes < 3 {
			if p[0] == '-' {
				n.dashes++
				p = p[1:]
				if n.dashes < 3 {
					continue
				}
				n.add(1, 1)
				n.begun = true
				n.dashes = -1
				continue
			}
			if !n.begun {
				n.add(1, 1)
				n.begun = true
			}
			n.dashes = -1
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			return
		}
		p = p[i+1:]
		n.start = true
	}
}

// elements counts those of an array, which may be one record as well. Anything
// else is one record.
func (n *counter) elements(p []byte) {
	for _, b := range p {
		switch {
		case n.escaped:
			n.escaped = false
		case n.quoted:
			n.escaped = b == '\\'
			n.quoted = b != '"'
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
		default:
			n.token(b)
		}
	}
}

func (n *counter) token(b byte) {
	if n.start {
		n.start = false
		n.array = b == '['
		if n.array {
			n.depth++
			n.add(0, 1)
		} else {
			n.add(1, 1)
			n.depth = 2 // nothing more is counted
		}
		n.quoted = b == '"'
		return
	}
	switch b {
	case ']', '}':
		n.depth--
		return
	case ',':
		if n.array && n.depth == 1 && n.filled {
			n.add(0, 1)
		}
		return
	}
	if n.array && n.depth == 1 && !n.filled {
		n.filled = true
		n.add(1, 0)
	}
	switch b {
	case '[', '{':
		n.depth++
	case '"':
		n.quoted = true
	}
}
