package record

import "fmt"

// nestsInYAML reports whether JSON text says the same as YAML, and is not too much for it:
// each name in an object is there once, no text has half of a surrogate pair, nothing is
// nested deeper than depth, and values and their indentation are bounded.
func nestsInYAML(text string, depth int) bool {
	c := yamlCheck{jsonScanner: jsonScanner{text: text}, depth: depth}
	return c.value(0) == nil
}

// Nested data that is larger becomes text.
const (
	maxNestedValues = 1 << 17
	maxNestedIndent = 8 << 20 // bytes
)

// yamlCheck looks whether JSON text can be nested in YAML.
type yamlCheck struct {
	jsonScanner

	depth          int
	values, indent int // so far
}

func (c *yamlCheck) value(depth int) error {
	c.values++
	c.indent += 2 * depth
	switch {
	case depth > c.depth:
		return errTooDeep
	case c.values > maxNestedValues || c.indent > maxNestedIndent:
		return errTooLargeForYAML
	}
	switch c.peek() {
	case '{':
		var names []string
		err := c.list(func() error {
			name, err := c.key()
			if err != nil {
				return err
			}
			names = append(names, name)
			return c.value(depth + 1)
		})
		if i := duplicate(len(names), func(i int) string { return names[i] }); err == nil && i >= 0 {
			err = fmt.Errorf("object has two fields %q", names[i])
		}
		return err
	case '[':
		return c.list(func() error { return c.value(depth + 1) })
	case '"':
		_, err := unquoteJSON(c.raw())
		return err
	}
	c.raw()
	return nil
}

// inYAML reports whether compact JSON text can be nested in what is written. What cannot
// is text: so a record never has what the emitter of YAML would have to refuse.
func (e *jsonAppender) inYAML(text []byte) bool {
	return e.enc != YAML || nestsInYAML(string(text), maxDepth-e.depth)
}
