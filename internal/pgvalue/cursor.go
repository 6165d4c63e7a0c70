package pgvalue

import "strings"

// cursor is a place in a text of nested values.
type cursor struct {
	text string
	pos  int
}

// next returns the next byte, or 0 at the end.
func (c *cursor) next() byte {
	if c.pos >= len(c.text) {
		return 0
	}
	return c.text[c.pos]
}

// skip skips what comes next if it is this.
func (c *cursor) skip(what string) bool {
	ok := strings.HasPrefix(c.text[c.pos:], what)
	if ok {
		c.pos += len(what)
	}
	return ok
}

// quoted returns the text in quotes that comes next. Quotes and backslashes in it stand
// behind a backslash or, in composite types, are there twice. Without any it is a part of
// the whole text, which may be large.
func (c *cursor) quoted() (string, bool) {
	if !c.skip(`"`) {
		return "", false
	}
	if n := strings.IndexAny(c.text[c.pos:], `"\`); n >= 0 && c.text[c.pos+n] == '"' && !strings.HasPrefix(c.text[c.pos+n+1:], `"`) {
		text := c.text[c.pos : c.pos+n]
		c.pos += n + 1
		return text, true
	}
	var out []byte
	for ; c.pos < len(c.text); c.pos++ {
		b := c.text[c.pos]
		switch {
		case b == '"' && !strings.HasPrefix(c.text[c.pos+1:], `"`):
			c.pos++
			return string(out), true
		case b == '"', b == '\\' && c.pos+1 < len(c.text):
			c.pos++
			b = c.text[c.pos]
		}
		out = append(out, b)
	}
	return "", false
}
