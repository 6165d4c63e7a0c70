package record

import (
	"errors"
	"slices"
)

// A document grows with the number of its values and with how deep they are: each level
// indents all that is below.
const (
	maxYAMLValues = 1 << 20  // what Read reads
	maxYAMLIndent = 32 << 20 // bytes
)

var errTooLargeForYAML = errors.New("too many or too deeply nested values for YAML")

// enter begins a list or object of n values, or writes it if there are none.
func (e *yamlEncoder) enter(dst []byte, n int, empty string) ([]byte, error) {
	if err := e.json.enter(); err != nil {
		return dst, err
	}
	switch {
	case n == 0:
		dst = append(append(e.inline(dst), empty...), '\n')
	case !e.begun: // behind a name
		dst = append(dst, '\n')
	}
	return dst, nil
}

// line begins the line of an item, or of a field, whose name counts too.
func (e *yamlEncoder) line(dst []byte, values int) ([]byte, error) {
	if e.values += values; e.values > maxYAMLValues || e.indent > maxYAMLIndent {
		return dst, errTooLargeForYAML
	}
	if !e.begun {
		dst = e.spaces(dst)
	}
	e.begun = false
	return dst, nil
}

func (e *yamlEncoder) spaces(dst []byte) []byte {
	n := 2 * (e.json.depth - 1)
	e.indent += n
	return appendSpaces(dst, n)
}

// item begins an item of a list.
func (e *yamlEncoder) item(dst []byte) ([]byte, error) {
	dst, err := e.line(dst, 1)
	e.begun = true
	return append(dst, "- "...), err
}

// inline begins a value on the line of its name or dash.
func (e *yamlEncoder) inline(dst []byte) []byte {
	if !e.begun {
		dst = append(dst, ' ')
	}
	e.begun = false
	return dst
}

// maxImplicitKey is how many bytes a name may have, quotes included, that stands before its
// colon and nothing else. Readers look ahead for 1,024 characters.
const maxImplicitKey = 1000

// colon ends the name that begins at dst[at]. A name that is too long is put behind a
// question mark, and its value behind a colon on a line of its own. goccy/go-yaml refuses
// literal blocks there.
func (e *yamlEncoder) colon(dst []byte, at int) []byte {
	if len(dst)-at <= maxImplicitKey {
		return append(dst, ':')
	}
	e.marked++
	dst = append(slices.Insert(dst, at, '?', ' '), '\n')
	e.begun = true
	return append(e.spaces(dst), ": "...)
}

// literalIndent is the indentation of a literal block that would come next, or 0 if there is
// to be none.
func (e *yamlEncoder) literalIndent() int {
	if e.marked > 0 {
		return 0
	}
	return literalIndent(e.json.depth)
}
