package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlEncoder writes records as YAML documents. A record becomes JSON text and
// that a tree of nodes, so that both encodings say the same. The style of every
// node is chosen here; the library's emitter only lays them out.
type yamlEncoder struct {
	json   jsonAppender
	many   bool         // documents begin with ---
	text   []byte       // JSON text of a record
	nodes  []*yaml.Node // for use again
	used   int
	indent int  // bytes of the document
	hidden bool // some text went through hideAstral
	out    appendWriter
}

type appendWriter []byte

func (w *appendWriter) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

func newYAMLEncoder(many bool) *yamlEncoder {
	return &yamlEncoder{json: jsonAppender{enc: YAML}, many: many}
}

func (e *yamlEncoder) header(dst []byte, _ []string) ([]byte, error) { return dst, nil }

func (e *yamlEncoder) end(dst []byte) []byte { return dst }

func (e *yamlEncoder) record(dst []byte, v any) (_ []byte, err error) {
	if e.text, err = e.json.appendValue(e.text[:0], v); err != nil {
		return dst, err
	}
	e.used, e.indent, e.hidden = 0, 0, false
	root, err := e.node(&jsonScanner{text: string(e.text)}, 0, true)
	if err != nil {
		return dst, err
	}
	keep := len(dst)
	if e.many {
		dst = append(dst, "---\n"...)
	}
	e.out = dst
	// An emitter keeps all that it emitted in memory: each document has its own.
	emitter := yaml.NewEncoder(&e.out)
	emitter.SetIndent(2)
	if err := emitter.Encode(root); err != nil {
		return e.out[:keep], err
	}
	if e.hidden {
		return showAstral(e.out, keep), nil
	}
	return e.out, nil
}

// A document grows with the number of its values and with how deep they are: each level
// indents all that is below.
const (
	maxYAMLValues = 1 << 20  // what Read reads
	maxYAMLIndent = 32 << 20 // bytes
	maxLiteral    = 16       // levels, for blocks whose lines are all indented
)

var errTooLargeForYAML = errors.New("too many or too deeply nested values for YAML")

// node makes a node of the next value, with literal blocks only if literal is
// set.
func (e *yamlEncoder) node(s *jsonScanner, depth int, literal bool) (*yaml.Node, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	if e.indent += 2 * depth; e.indent > maxYAMLIndent || e.used > maxYAMLValues {
		return nil, errTooLargeForYAML
	}
	literal = literal && depth <= maxLiteral
	switch s.peek() {
	case '{':
		n := e.newNode(yaml.MappingNode)
		return n, e.fields(n, s, depth, literal)
	case '[':
		n := e.newNode(yaml.SequenceNode)
		return n, s.list(func() error {
			item, err := e.node(s, depth+1, literal)
			n.Content = append(n.Content, item)
			return err
		})
	case '"':
		text, err := unquoteJSON(s.raw())
		if err != nil {
			return nil, err
		}
		return e.textNode(text, literal && isYAMLLiteral(text)), nil
	}
	n := e.newNode(yaml.ScalarNode)
	n.Value = yamlScalar(s.raw())
	return n, nil
}

// fields adds the fields of the next value, an object, to n. They have different names:
// see inYAML and checkColumns.
func (e *yamlEncoder) fields(n *yaml.Node, s *jsonScanner, depth int, literal bool) error {
	return s.list(func() error {
		name, err := s.key()
		if err != nil {
			return err
		}
		key := e.textNode(name, false)
		// goccy/go-yaml refuses literal blocks below a key that the emitter
		// begins with a question mark.
		marked := len(key.Value) > 128 || strings.ContainsAny(name, "\n\r\u0085\u2028\u2029")
		value, err := e.node(s, depth+1, literal && !marked)
		n.Content = append(n.Content, key, value)
		return err
	})
}

func (e *yamlEncoder) textNode(text string, literal bool) *yaml.Node {
	n := e.newNode(yaml.ScalarNode)
	n.Value = text
	if hasAstral(text) && !strings.HasPrefix(text, byteOrderMark) {
		n.Value = hideAstral(text)
		e.hidden = true
	}
	switch {
	case literal:
		n.Style = yaml.LiteralStyle
	case !isYAMLPlain(text):
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

func (e *yamlEncoder) newNode(kind yaml.Kind) *yaml.Node {
	if e.used == len(e.nodes) {
		e.nodes = append(e.nodes, new(yaml.Node))
	}
	n := e.nodes[e.used]
	e.used++
	*n = yaml.Node{Kind: kind, Content: n.Content[:0]}
	return n
}

// maxRecordValues is how many values one YAML document of [Read] may have.
const maxRecordValues = 1 << 20

// YAMLToJSON returns the data of one YAML document as JSON. Numbers stay digit
// for digit; what JSON has no form for, such as times, becomes text. A document
// with anchors or aliases, with a name twice in one object, nested more than
// 1,000 deep or with more than about maxValues values is refused, so that memory
// is bounded.
func YAMLToJSON(text []byte, maxValues int) (json.RawMessage, error) {
	b, err := yamlToJSON(text, maxValues)
	if err != nil {
		return nil, fmt.Errorf("YAML: %w", err)
	}
	return b, nil
}

func yamlToJSON(text []byte, maxValues int) ([]byte, error) {
	if countYAML(text) > maxValues {
		return nil, errors.New("too many values")
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	var root, more yaml.Node
	if err := d.Decode(&root); err != nil {
		return nil, err
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one document")
	}
	return appendNode(nil, root.Content[0], 0)
}

// countYAML returns at least half of how many nodes the text has: between any
// two stands one of these characters.
func countYAML(text []byte) (n int) {
	for _, b := range text {
		switch b {
		case ':', '-', '?', ',', '[', ']', '{', '}':
			n++
		}
	}
	return n
}

// appendNode appends a node as JSON.
func appendNode(dst []byte, n *yaml.Node, depth int) (_ []byte, err error) {
	switch {
	case n.Anchor != "" || n.Kind == yaml.AliasNode:
		return nil, fmt.Errorf("line %d: anchors and aliases are not read", n.Line)
	case depth > maxDepth:
		return nil, fmt.Errorf("line %d: %w", n.Line, errTooDeep)
	case n.Kind == yaml.ScalarNode:
		return appendScalar(dst, n)
	case n.Kind == yaml.SequenceNode:
		dst = append(dst, '[')
		for i, item := range n.Content {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendNode(dst, item, depth+1); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	}
	return appendObject(dst, n, depth)
}

func appendObject(dst []byte, n *yaml.Node, depth int) (_ []byte, err error) {
	key := func(i int) string { return n.Content[2*i].Value }
	if i := duplicate(len(n.Content)/2, key); i >= 0 {
		return nil, fmt.Errorf("line %d: two fields %q", n.Line, key(i))
	}
	dst = append(dst, '{')
	for i := 0; i < len(n.Content); i += 2 {
		name := n.Content[i]
		if name.Kind != yaml.ScalarNode || name.Anchor != "" {
			return nil, fmt.Errorf("line %d: a field without a plain name", name.Line)
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, name.Value), ':')
		if dst, err = appendNode(dst, n.Content[i+1], depth+1); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func appendScalar(dst []byte, n *yaml.Node) ([]byte, error) {
	switch n.ShortTag() {
	case "!!null":
		return append(dst, "null"...), nil
	case "!!bool", "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return append(dst, n.Value...), nil
		}
	}
	return appendQuoted(dst, n.Value), nil
}

// appendQuoted appends text as JSON has it.
func appendQuoted(dst []byte, text string) []byte {
	b, err := json.Marshal(text)
	if err != nil { // cannot be: any text can be encoded
		return append(dst, `""`...)
	}
	return append(dst, b...)
}
