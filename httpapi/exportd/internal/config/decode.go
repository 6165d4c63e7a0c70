package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/nearest"
)

// decoder fills a Config from a tree of YAML nodes, which know their lines. It
// goes on after a problem, to find them all.
type decoder struct {
	config   *Config
	folder   string // paths are relative to it
	problems FileErrors

	jobsRetention int            // its line
	linksSaid     map[string]int // lines of the keys of links
}

func (d *decoder) problem(line int, format string, args ...any) {
	d.problems = append(d.problems, Problem{File: d.config.File, Line: line, Message: fmt.Sprintf(format, args...)})
}

// missing notes a problem that may follow from others, such as a key that is spelled in
// another way.
func (d *decoder) missing(line int, format string, args ...any) {
	d.problem(line, format, args...)
	d.problems[len(d.problems)-1].follows = true
}

// document decodes the one document that a file has.
func (d *decoder) document(data []byte) {
	var root, more yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(data))
	err := in.Decode(&root)
	if err == nil {
		d.root(root.Content[0])
		if err = in.Decode(&more); err == nil {
			d.problem(more.Line, "there is more than one YAML document")
			return
		}
	} else if errors.Is(err, io.EOF) {
		d.problem(0, "the file is empty")
	}
	if !errors.Is(err, io.EOF) {
		line, message := syntaxProblem(data, err)
		line, message = reasonable(data, line, message)
		d.problem(line, "%s", message)
	}
}

var (
	syntaxError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)
	parserError = regexp.MustCompile(`^did not find expected (node content|key$|'-' indicator|',' or|<document start>)`)
)

// syntaxProblem takes an error of the library apart. The line is 0 if it is not
// known. Where the library gives the line in which the broken block begins, it
// is the line up to which the file must be read for that error.
func syntaxProblem(data []byte, err error) (line int, message string) {
	m := syntaxError.FindStringSubmatch(err.Error())
	if m == nil {
		return 0, err.Error()
	}
	if !parserError.MatchString(m[2]) {
		line, _ = strconv.Atoi(m[1])
		return line, m[2]
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	return 1 + sort.Search(len(lines)-1, func(n int) bool {
		var node yaml.Node
		e := yaml.Unmarshal(bytes.Join(lines[:n+1], nil), &node)
		return e != nil && e.Error() == err.Error()
	}), m[2]
}

// value decodes one value of a mapping into where it belongs.
type value func(n *yaml.Node)

// mapping decodes a mapping with the keys of values, some of which must be
// there. It returns the lines of the keys that are, or nil if it is no mapping. A key
// that is like one that is not there is taken for that, after a problem was noted.
func (d *decoder) mapping(n *yaml.Node, values map[string]value, required ...string) (seen map[string]int) {
	if n = plain(n); n.Kind != yaml.MappingNode {
		d.wrong(n, "a mapping with the keys "+keys(values))
		return nil
	}
	left := maps.Clone(values)
	for i := 0; i < len(n.Content); i += 2 {
		delete(left, n.Content[i].Value)
	}
	seen = make(map[string]int)
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		name := key.Value
		if values[name] == nil {
			if name = d.unknown(n, i, left, values); name == "" {
				continue
			}
			delete(left, name)
		}
		if first := seen[name]; first > 0 {
			d.problem(key.Line, "key %q is already in line %d", name, first)
			continue
		}
		seen[name] = key.Line
		values[name](n.Content[i+1])
	}
	for _, key := range required {
		if seen[key] == 0 {
			d.missing(n.Line, "key %q is missing", key)
		}
	}
	return seen
}

// unknown notes that the i-th key or value of a mapping is a key that is not known. It
// returns the key that may be meant, of those that are left.
func (d *decoder) unknown(n *yaml.Node, i int, left, values map[string]value) (meant string) {
	key, value := n.Content[i], n.Content[i+1]
	meant = nearest.Of(key.Value, slices.Sorted(maps.Keys(left)))
	switch where := homes[key.Value]; {
	case n.Style == yaml.FlowStyle && value.Tag == "!!null" && value.Value == "":
		d.problem(key.Line, "%q is no key: within {…} a text with a comma needs quotes: quote it", key.Value)
		return ""
	case meant != "":
		d.problem(key.Line, "unknown key %q; did you mean %q?", key.Value, meant)
	case where != "":
		d.problem(key.Line, "unknown key %q; known are %s; it is a key of %s: is it indented as the others there?", key.Value, keys(values), where)
	default:
		d.problem(key.Line, "unknown key %q; known are %s", key.Value, keys(values))
	}
	return meant
}

func keys(values map[string]value) string {
	return strings.Join(slices.Sorted(maps.Keys(values)), ", ")
}

// plain returns the node itself or the one that it is an alias of.
func plain(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// wrong notes a value that is not what it must be.
func (d *decoder) wrong(n *yaml.Node, want string) {
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		d.problem(n.Line, "%q must be %s", n.Value, want)
		return
	}
	got := map[yaml.Kind]string{yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "empty"}
	d.problem(n.Line, "value is %s, must be %s", got[n.Kind], want)
}

// list decodes each item of a list, of which there must be one at least.
func (d *decoder) list(item value) value {
	return func(n *yaml.Node) {
		if n = plain(n); n.Kind != yaml.SequenceNode {
			d.wrong(n, "a list")
			return
		}
		if len(n.Content) == 0 {
			d.problem(n.Line, "the list is empty")
		}
		for _, n := range n.Content {
			item(n)
		}
	}
}

// text decodes text, which is never made of a number or the like.
func (d *decoder) text(use func(Text)) value {
	return func(n *yaml.Node) {
		line := n.Line
		switch n = plain(n); {
		case n.Kind == yaml.MappingNode && n.Style == yaml.FlowStyle && len(n.Content) > 0 && n.Content[0].Kind == yaml.MappingNode:
			d.problem(line, "%s", quoteTemplate)
		case n.Kind != yaml.ScalarNode || n.Tag != "!!str":
			d.wrong(n, "text; put it in quotes")
		case strings.TrimSpace(n.Value) == "":
			d.problem(line, "text is empty")
		default:
			use(Text{n.Value, line})
		}
	}
}

// into is text that is used as it is.
func (d *decoder) into(dst *Text) value {
	return d.text(func(t Text) { *dst = t })
}

func (d *decoder) flag(dst *bool) value {
	return func(n *yaml.Node) {
		if n = plain(n); n.Tag != "!!bool" || n.Decode(dst) != nil {
			d.wrong(n, "true or false")
		}
	}
}

// number decodes a whole number from 1 to most.
func (d *decoder) number(dst *int, most int) value {
	return func(n *yaml.Node) {
		if n = plain(n); n.Tag != "!!int" || n.Decode(dst) != nil || *dst < 1 || *dst > most {
			want := "a whole number from 1"
			if most < math.MaxInt {
				want += fmt.Sprintf(" to %d", most)
			}
			d.wrong(n, want)
		}
	}
}

// none is how a limit is turned off.
const none = "none"

// duration decodes a duration; none becomes -1.
func (d *decoder) duration(dst *time.Duration) value {
	return func(n *yaml.Node) {
		n = plain(n)
		if n.Value == none {
			*dst = -1
			return
		}
		t, err := ParseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || err != nil || t <= 0 {
			d.wrong(n, durationForm+`, or "none"`)
			return
		}
		*dst = t
	}
}

// size decodes a number of bytes; none becomes -1.
func (d *decoder) size(dst *int64) value {
	return func(n *yaml.Node) {
		n = plain(n)
		if n.Value == none {
			*dst = -1
			return
		}
		if size, err := ParseSize(n.Value); n.Kind == yaml.ScalarNode && err == nil {
			*dst = size
			return
		}
		d.wrong(n, sizeForm+`, or "none"`)
	}
}
