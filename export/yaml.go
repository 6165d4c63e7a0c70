package export

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// appendYAML appends v as one YAML document.
func appendYAML(dst []byte, v any) ([]byte, error) {
	return newYAMLEncoder(false).record(dst, v)
}

// yamlEncoder writes records as YAML documents. A record becomes JSON text and
// that a tree of nodes, so that both encodings say the same. The style of every
// node is chosen here; the library's emitter only lays them out.
type yamlEncoder struct {
	json   jsonAppender
	many   bool         // documents begin with ---
	text   []byte       // JSON text of a record
	nodes  []*yaml.Node // for use again
	used   int
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
	e.used, e.hidden = 0, false
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

// node makes a node of the next value, with literal blocks only if literal is
// set.
func (e *yamlEncoder) node(s *jsonScanner, depth int, literal bool) (*yaml.Node, error) {
	if depth > maxDepth { // each level indents all that is below
		return nil, errTooDeep
	}
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

// fields adds the fields of the next value, an object, to n.
func (e *yamlEncoder) fields(n *yaml.Node, s *jsonScanner, depth int, literal bool) error {
	err := s.list(func() error {
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
	if err != nil {
		return err
	}
	key := func(i int) string { return n.Content[2*i].Value }
	if i := duplicate(len(n.Content)/2, key); i >= 0 {
		return fmt.Errorf("object has two fields %q", key(i))
	}
	return nil
}

func (e *yamlEncoder) textNode(text string, literal bool) *yaml.Node {
	n := e.newNode(yaml.ScalarNode)
	n.Value = text
	if hasAstral(text) {
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
