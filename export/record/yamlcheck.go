package record

import (
	"bytes"
	"math"
	"slices"
)

// JSON of others that has more values, or needs more bytes of indentation, becomes text.
// So does JSON that needs more indentation than it has bytes itself, but for some: little
// JSON is not made to be much YAML.
const (
	maxNestedValues = 1 << 17
	maxNestedIndent = 8 << 20
	freeIndent      = 64 << 10
)

// yamlCheck looks whether valid JSON can be nested in YAML. It may be used again.
type yamlCheck struct {
	jsonScanner

	values, indent, most int     // so far, and how much indentation there may be
	names                []int32 // where the names in the objects around begin
	buf, other           []byte  // for text without escapes
}

// nests reports whether JSON text says the same as YAML at that depth, and is not too much
// for it: each name in an object is there once, no text has half of a surrogate pair,
// nothing is nested deeper than maxDepth, and values and their indentation are bounded. The
// size is about that of the YAML.
func (c *yamlCheck) nests(text []byte, depth int, begun bool) (size int, ok bool) {
	if len(text) > math.MaxInt32 {
		return 0, false
	}
	c.jsonScanner = scanJSON(text)
	c.values, c.indent, c.most = 0, 0, min(len(text)+freeIndent, maxNestedIndent)
	c.names = c.names[:0]
	ok = c.value(depth, begun)
	c.jsonScanner = jsonScanner{}
	return len(text) + c.indent + 2*c.values, ok
}

// value checks the next value, which is on a line that is begun or behind a name.
func (c *yamlCheck) value(depth int, begun bool) bool {
	switch c.values++; {
	case c.values > maxNestedValues:
		return false
	case c.peek() == '"':
		return c.text(depth)
	case c.peek() != '{' && c.peek() != '[':
		c.raw()
		return true
	case depth >= maxDepth:
		return false
	case c.peek() == '{':
		return c.object(depth, begun)
	}
	for c.open(); c.more(); begun = false {
		if !c.line(depth, begun) || !c.value(depth+1, true) {
			return false
		}
	}
	return true
}

func (c *yamlCheck) object(depth int, begun bool) bool {
	from := len(c.names)
	for c.open(); c.more(); begun = false {
		if len(c.names) == cap(c.names) {
			c.names = grow(c.names, max(16, len(c.names))) // append makes more and smaller steps
		}
		c.names = append(c.names, int32(c.pos))
		name := c.key()
		if _, err := c.unquote(name); err != nil {
			return false
		}
		long := len(name) > maxImplicitKey
		if !c.line(depth, begun) || long && !c.line(depth, false) || !c.value(depth+1, long) {
			return false
		}
	}
	ok := c.different(c.names[from:])
	c.names = c.names[:from]
	return ok
}

func (c *yamlCheck) line(depth int, begun bool) bool {
	if !begun {
		c.indent += 2 * depth
	}
	return c.indent <= c.most
}

func (c *yamlCheck) text(depth int) bool {
	text, err := c.unquote(c.raw())
	if indent := literalIndent(depth); indent > 0 && bytes.IndexByte(text, '\n') >= 0 {
		c.indent += indent * literalLines(text, indent)
	}
	return err == nil && c.indent <= c.most
}

// unquote returns the text of a JSON string. It is valid until the next call.
func (c *yamlCheck) unquote(quoted []byte) (text []byte, err error) {
	text, c.buf, err = unquoteJSON(quoted, c.buf)
	return text, err
}

// different reports whether no two names are the same. They are sorted for that, which
// takes no more memory.
func (c *yamlCheck) different(names []int32) bool {
	slices.SortFunc(names, c.compare)
	for i := 1; i < len(names); i++ {
		if c.compare(names[i-1], names[i]) == 0 {
			return false
		}
	}
	return true
}

// compare compares the names that begin there.
func (c *yamlCheck) compare(at, other int32) int {
	a, _ := c.unquote(c.nameAt(at))
	var b []byte
	b, c.other, _ = unquoteJSON(c.nameAt(other), c.other)
	return bytes.Compare(a, b)
}

func (c *yamlCheck) nameAt(at int32) []byte {
	s := jsonScanner{src: c.src, pos: int(at)}
	return s.raw()
}
