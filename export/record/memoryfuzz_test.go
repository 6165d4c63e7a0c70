package record

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// FuzzMemoryPerRecord makes large records of a few bytes: deep, wide, with long names, huge
// numbers and long texts, as JSON and as Go values. None of them may take more memory than
// four times what it has, or what becomes of it if that is more; eight times if it has a Go
// map, which encoding/json writes.
func FuzzMemoryPerRecord(f *testing.F) {
	for _, program := range []string{
		"\x00\x0f\x03", "\x01\x0f\x10", "\x02\x0a\x03\x00\x08\x05", "\x03\x0e\x00\x01", "\x04\x0c\x05\x00", "\x05\x0d\x00\x04", "\x06\x0f\x02",
		"\x07\x0a\x00\x04\x07", "\x08\x06\x08\x06\x00\x05\x01", "\x09\x08\x09\x02\x00\x0a\x0c", "\x0a\x0e\x0b", "\x0b\x0a\x02\x0c\x01", "\x0c\x0b\x04\x0a\x00\x02\x01",
	} {
		f.Add([]byte(program))
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		g := &largeValue{program: program, left: 1 << 20}
		value := g.value(0)
		made := (1 << 20) - g.left
		row := Row{Columns: []string{"x"}, Values: []any{value}}
		if r, ok := value.(Row); ok {
			row = r
		}
		for _, enc := range []Encoding{JSON, NDJSON, CSV, YAML} {
			var before, after runtime.MemStats
			file := NewFile("x", enc, seqOf(row), Options{}, func(string, error) {})
			runtime.ReadMemStats(&before)
			n, err := io.Copy(io.Discard, file)
			runtime.ReadMemStats(&after)
			times := int64(4)
			if g.maps {
				times = 8
			}
			// A file has buffers, however small its record is.
			took, most := int64(after.TotalAlloc-before.TotalAlloc), times*max(n, int64(made))+(512<<10)
			if err != nil || took > most {
				t.Errorf("%s of %d bytes of %.200q: became %d bytes, took %d, %v", enc, made, fmt.Sprint(value), n, took, err)
			}
		}
	})
}

// largeValue makes a value as a program says that is read byte for byte.
type largeValue struct {
	program []byte
	left    int  // of the bytes that the value may have
	maps    bool // there is a map in it
}

// next returns a number below n.
func (g *largeValue) next(n int) int {
	if len(g.program) == 0 {
		return 0
	}
	b := int(g.program[0])
	g.program = g.program[1:]
	return b % n
}

// times returns how often something of so many bytes is repeated.
func (g *largeValue) times(size int) int {
	n := min(1<<g.next(21), g.left/max(size, 1))
	g.left -= n * size
	return n
}

// piece returns a few bytes that texts are made of.
func (g *largeValue) piece() string {
	pieces := []string{"a", "lang ", "\"", "\\", "\n", "\x01", "å", "\u2028", "\xff", "=1", ",", "'", "a: b\n", "\t#", "- x\n", "\r\n", "\U0001F600", "1", "9e9", ":"}
	return pieces[g.next(len(pieces))]
}

// text returns a text that may be long.
func (g *largeValue) text() string {
	piece := g.piece()
	return strings.Repeat(piece, g.times(len(piece)))
}

// value returns a value in Go.
func (g *largeValue) value(depth int) any {
	switch kind := g.next(12); {
	case kind == 0:
		return g.text()
	case kind == 1:
		return []byte(g.text())
	case kind == 2:
		return json.Number(g.number())
	case kind == 3:
		return json.RawMessage(g.text())
	case kind == 4 && depth < 20:
		v, size := g.sized(depth + 1)
		return repeatedValue(v, g.times(size))
	case kind == 5 && depth < 20:
		v, size := g.sized(depth + 1)
		columns := make([]string, g.times(size+eachValue))
		for i := range columns {
			columns[i] = fmt.Sprintf("c%d", i)
		}
		return Row{Columns: columns, Values: repeatedValue(v, len(columns))}
	case kind == 6 && depth < 20:
		g.maps = true
		m := make(map[string]any)
		name := g.text()
		v, size := g.sized(depth + 1)
		for i := range g.times(size + 3*eachValue + len(name)) {
			m[fmt.Sprintf("%s%d", name, i)] = v
		}
		return m
	case kind == 7:
		text := g.text()
		return []string{text, text}
	case kind == 8:
		var v any = g.text()
		for range min(g.times(2*eachValue), 2*maxDepth) {
			v = []any{v}
		}
		return v
	default:
		return json.RawMessage(g.json(depth))
	}
}

// eachValue is what a value of a list takes, more than what is written of a small one.
const eachValue = 16

// sized returns a value and what it takes.
func (g *largeValue) sized(depth int) (v any, size int) {
	before := g.left
	v = g.value(depth)
	return v, eachValue + before - g.left
}

// number returns the text of a number, or of what claims to be one.
func (g *largeValue) number() string {
	digit := []string{"1", "0", "9", "x"}[g.next(4)]
	return []string{"", "-", "1e", "0.", "1."}[g.next(5)] + strings.Repeat(digit, g.times(1))
}

// json returns JSON.
func (g *largeValue) json(depth int) string {
	if depth > 20 {
		return "null"
	}
	switch g.next(8) {
	case 0:
		text, _ := json.Marshal(g.text())
		return string(text)
	case 1:
		return g.number()
	case 2: // deep lists
		n := g.times(2)
		return strings.Repeat("[", n) + g.json(depth+1) + strings.Repeat("]", n)
	case 3: // deep objects
		name, _ := json.Marshal(g.text())
		n := g.times(len(name) + 4)
		return strings.Repeat("{"+string(name)+":", n) + g.json(depth+1) + strings.Repeat("}", n)
	case 4: // long lists
		element := g.json(depth+1) + ","
		return "[" + strings.Repeat(element, g.times(len(element))) + "null]"
	case 5: // many names
		value := g.json(depth + 1)
		var b strings.Builder
		b.WriteByte('{')
		for i := range g.times(len(value) + 10) {
			fmt.Fprintf(&b, `"k%06d":%s,`, i*7919, value)
		}
		return b.String() + `"end":0}`
	case 6: // white space
		return strings.Repeat([]string{" ", "\n", "\t"}[g.next(3)], g.times(1)) + g.json(depth+1)
	default:
		return []string{"null", "true", `""`, "[]", "{}", "1", `"\u00e5"`}[g.next(7)]
	}
}

// repeatedValue returns a list that has the value n times.
func repeatedValue(v any, n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = v
	}
	return list
}
