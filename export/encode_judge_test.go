package export

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
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
		if err := d.Decode(&n); err == io.EOF {
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
		if err := d.Decode(&v); err == io.EOF {
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

// python is a child process that reads with Python's own parsers.
type python struct {
	mu  sync.Mutex
	in  io.Writer
	out io.Reader
}

const pythonJudge = `
import csv, io, json, struct, sys, yaml
def show(v):
    if v is None or isinstance(v, (bool, str)):
        return v
    if isinstance(v, (int, float)):
        return {"number": repr(v)}
    if isinstance(v, list):
        return [show(x) for x in v]
    if isinstance(v, dict):
        return {"fields": [[show(k), show(x)] for k, x in v.items()]}
    return {"other": repr(v)}
def read(kind, data):
    if kind == b"y":
        return list(yaml.safe_load_all(data))
    text = data.decode("utf-8")
    if kind == b"c":
        return list(csv.reader(io.StringIO(text, newline=""), strict=True))
    return json.loads(text)
while True:
    head = sys.stdin.buffer.read(5)
    if len(head) < 5:
        break
    data = sys.stdin.buffer.read(struct.unpack(">I", head[1:])[0])
    try:
        answer = {"tree": show(read(head[:1], data))}
    except Exception as e:
        answer = {"error": repr(e)}
    answer = json.dumps(answer).encode()
    sys.stdout.buffer.write(struct.pack(">I", len(answer)) + answer)
    sys.stdout.buffer.flush()
`

// startPython skips the test if there is no Python with PyYAML, unless
// REQUIRE_TOOLS is 1.
func startPython(t testing.TB) *python {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import yaml").Run() != nil {
			continue
		}
		cmd := exec.Command(name, "-c", pythonJudge)
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = in.Close()
			_ = cmd.Wait()
		})
		return &python{in: in, out: out}
	}
	if os.Getenv("REQUIRE_TOOLS") == "1" {
		t.Fatal("there is no python3 with PyYAML, and REQUIRE_TOOLS is 1")
	}
	t.Skip("there is no python3 with PyYAML")
	return nil
}

// read returns the tree of text: of its YAML documents (kind y), its CSV rows
// (c) or its JSON (j).
func (p *python) read(kind byte, text []byte) (any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	question := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(text)))
	if _, err := p.in.Write(append(question, text...)); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(p.out, size[:]); err != nil {
		return nil, err
	}
	answer := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(p.out, answer); err != nil {
		return nil, err
	}
	var a struct {
		Tree  any
		Error string
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return nil, err
	}
	if a.Error != "" {
		return nil, errors.New(a.Error)
	}
	return treeOfPython(a.Tree)
}

func treeOfPython(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		list := []any{}
		for _, item := range v {
			tree, err := treeOfPython(item)
			if err != nil {
				return nil, err
			}
			list = append(list, tree)
		}
		return list, nil
	case map[string]any:
		if n, ok := v["number"].(string); ok {
			return number(n), nil
		}
		pairs, ok := v["fields"].([]any)
		if !ok {
			return nil, fmt.Errorf("Python read %v", v)
		}
		object := fields{}
		for _, pair := range pairs {
			pair := pair.([]any)
			key, ok := pair[0].(string)
			if !ok {
				return nil, fmt.Errorf("Python read key %v", pair[0])
			}
			tree, err := treeOfPython(pair[1])
			if err != nil {
				return nil, err
			}
			object = append(object, field{key, tree})
		}
		return object, nil
	}
	return v, nil
}

// checkYAML has all judges read documents. The order of their fields counts.
func checkYAML(t *testing.T, py *python, text []byte, want ...any) {
	t.Helper()
	read := map[string]func() (any, error){
		"go.yaml.in/yaml": func() (any, error) { trees, err := treesOfYAML(text); return trees, err },
		"goccy/go-yaml":   func() (any, error) { trees, err := treesOfGoccy(text); return trees, err },
		"PyYAML":          func() (any, error) { return py.read('y', text) },
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
