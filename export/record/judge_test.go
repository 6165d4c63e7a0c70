package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"testing"

	goccy "github.com/goccy/go-yaml"
	"go.yaml.in/yaml/v3"
)

// What the judges read is compared as trees of nil, bool, string, number,
// []any and fields.
type (
	number string // as text, or as the judge prints it
	fields []field
	field  struct {
		key   string
		value any
	}
)

// sameTree compares what was to be written with what was read.
func sameTree(want, got any) error {
	switch want := want.(type) {
	case fields:
		got, ok := got.(fields)
		if !ok || len(got) != len(want) {
			return fmt.Errorf("got %#v, want %#v", got, want)
		}
		for i := range want {
			if got[i].key != want[i].key {
				return fmt.Errorf("got key %q, want %q", got[i].key, want[i].key)
			}
			if err := sameTree(want[i].value, got[i].value); err != nil {
				return fmt.Errorf("%q: %w", want[i].key, err)
			}
		}
		return nil
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return fmt.Errorf("got %#v, want %#v", got, want)
		}
		for i := range want {
			if err := sameTree(want[i], got[i]); err != nil {
				return fmt.Errorf("%d: %w", i, err)
			}
		}
		return nil
	case number:
		return sameNumber(string(want), got)
	}
	if got != want {
		return fmt.Errorf("got %#v, want %#v", got, want)
	}
	return nil
}

// sameNumber allows readers what their numbers allow: 64 bits of float, or the
// exact digits as text where the number does not fit one of their types.
func sameNumber(want string, got any) error {
	bad := fmt.Errorf("got %#v, want the number %s", got, want)
	f, err := strconv.ParseFloat(want, 64)
	exact, _ := new(big.Rat).SetString(want)
	switch got := got.(type) {
	case number:
		if r, ok := new(big.Rat).SetString(string(got)); ok && r.Cmp(exact) == 0 {
			return nil
		}
		if !strings.ContainsAny(string(got), ".en") { // an integer must be exact
			return bad
		}
		if g, _ := strconv.ParseFloat(string(got), 64); g == f {
			return nil
		}
	case string:
		r, ok := new(big.Rat).SetString(got)
		fits := err == nil && (!exact.IsInt() || exact.Num().IsInt64() || exact.Num().IsUint64())
		if ok && r.Cmp(exact) == 0 && !fits {
			return nil
		}
	}
	return bad
}

// treeOfJSON reads with encoding/json.
func treeOfJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	tree, err := treeOfTokens(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one text")
	}
	return tree, nil
}

func treeOfTokens(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := treeOfTokens(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	case json.Delim('{'):
		object := fields{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := treeOfTokens(d)
			if err != nil {
				return nil, err
			}
			object = append(object, field{key.(string), v})
		}
		_, err := d.Token()
		return object, err
	}
	if n, ok := token.(json.Number); ok {
		return number(n), nil
	}
	return token, nil
}

// treesOfYAML reads documents with go.yaml.in/yaml.
func treesOfYAML(text []byte) (trees []any, err error) {
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var n yaml.Node
		if err := d.Decode(&n); errors.Is(err, io.EOF) {
			return trees, nil
		} else if err != nil {
			return nil, err
		}
		tree, err := treeOfNode(n.Content[0])
		if err != nil {
			return nil, err
		}
		trees = append(trees, tree)
	}
}

func treeOfNode(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.MappingNode:
		object := fields{}
		for i := 0; i < len(n.Content); i += 2 {
			key, err := treeOfNode(n.Content[i])
			if err != nil {
				return nil, err
			}
			text, ok := key.(string)
			if !ok {
				return nil, fmt.Errorf("key is %#v", key)
			}
			v, err := treeOfNode(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			object = append(object, field{text, v})
		}
		return object, nil
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			v, err := treeOfNode(item)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, err
	}
	return treeOfGo(v)
}

// treesOfGoccy reads documents with github.com/goccy/go-yaml.
func treesOfGoccy(text []byte) (trees []any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("goccy panicked: %v", p)
		}
	}()
	for d := goccy.NewDecoder(bytes.NewReader(text), goccy.UseOrderedMap()); ; {
		var v any
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			return trees, nil
		} else if err != nil {
			return nil, err
		}
		tree, err := treeOfGo(v)
		if err != nil {
			return nil, err
		}
		trees = append(trees, tree)
	}
}

func treeOfGo(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string:
		return v, nil
	case float64:
		return number(strconv.FormatFloat(v, 'e', -1, 64)), nil
	case int, int64, uint64:
		return number(fmt.Sprint(v)), nil
	case []any:
		list := []any{}
		for _, item := range v {
			tree, err := treeOfGo(item)
			if err != nil {
				return nil, err
			}
			list = append(list, tree)
		}
		return list, nil
	case goccy.MapSlice:
		object := fields{}
		for _, item := range v {
			tree, err := treeOfGo(item.Value)
			if err != nil {
				return nil, err
			}
			key, ok := item.Key.(string)
			if !ok {
				return nil, fmt.Errorf("key is %#v", item.Key)
			}
			object = append(object, field{key, tree})
		}
		return object, nil
	}
	return nil, fmt.Errorf("read a %T: %v", v, v)
}

// checkYAML has all judges read documents, and compares them with those of another writer.
// The order of their fields counts.
func checkYAML(t *testing.T, py *python, text []byte, want ...any) {
	t.Helper()
	other, err := yamlOfTrees(want)
	if err != nil {
		t.Fatal(err)
	}
	if trees, err := treesOfYAML(other); err != nil || sameTree(want, trees) != nil {
		t.Errorf("another writer: %v, %v\n%s", err, sameTree(want, trees), other)
	}
	read := map[string]func() (any, error){
		"go.yaml.in/yaml": func() (any, error) { trees, err := treesOfYAML(text); return trees, err },
		"goccy/go-yaml":   func() (any, error) { trees, err := treesOfGoccy(text); return trees, err },
		"PyYAML":          func() (any, error) { return py.read('y', text) },
		"libyaml":         func() (any, error) { return py.read('l', text) },
	}
	for judge, read := range read {
		got, err := read()
		if err == nil {
			err = sameTree(want, got)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s\n%q", judge, err, text, text)
		}
	}
}
