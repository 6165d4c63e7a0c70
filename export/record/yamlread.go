package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

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
