package record

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// python is a child process that reads with Python's own parsers.
type python struct {
	mu  sync.Mutex
	in  io.Writer
	out io.Reader
}

const pythonJudge = `
import csv, io, json, re, struct, sys, yaml
undo = re.compile(r"""` + undoExpression + `""")
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
        return list(yaml.load_all(data, yaml.SafeLoader))
    if kind == b"l":
        return list(yaml.load_all(data, yaml.CSafeLoader))
    if kind in (b",", b";", b"\t"):
        text = data.decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=kind.decode(), strict=True))
    text = data.decode("utf-8")
    if kind == b"u":
        return re.sub(undo, r"\1", text)
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

// startPython skips the test if there is no Python with PyYAML and libyaml, unless
// REQUIRE_TOOLS is 1.
func startPython(t testing.TB) *python {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), name, "-c", "from yaml import CSafeLoader").Run() != nil {
			continue
		}
		cmd := exec.CommandContext(t.Context(), name, "-c", pythonJudge)
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
		t.Fatal("there is no python3 with PyYAML and libyaml, and REQUIRE_TOOLS is 1")
	}
	t.Skip("there is no python3 with PyYAML and libyaml")
	return nil
}

// read returns the tree of text: of its YAML documents as Python reads them (kind y) or
// libyaml (l), its CSV rows (c, or the delimiter), its JSON (j), or what the guard against
// formulas was put on (u).
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
