package record

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// yamlOfTrees writes documents with go.yaml.in/yaml, in its own layout.
func yamlOfTrees(trees []any) ([]byte, error) {
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	for _, tree := range trees {
		if err := e.Encode(nodeOfTree(tree)); err != nil {
			return nil, err
		}
	}
	err := e.Close()
	return text.Bytes(), err
}

func nodeOfTree(tree any) *yaml.Node {
	switch v := tree.(type) {
	case fields:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, f := range v {
			n.Content = append(n.Content, nodeOfTree(f.key), nodeOfTree(f.value))
		}
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			n.Content = append(n.Content, nodeOfTree(item))
		}
		return n
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: v, Style: yaml.DoubleQuotedStyle}
	case number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: string(appendYAMLNumber(nil, string(v)))}
	case nil:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: "null"}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(tree)}
}
