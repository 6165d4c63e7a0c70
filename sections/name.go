package sections

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

// nameTemplate makes a name of a row.
type nameTemplate struct {
	source string
	tmpl   *template.Template
	needs  []string // the columns that it is made of
}

// Guards are functions that the value of each action passes through at last.
const (
	guardElement = "_element" // for names in the archive: no folders out of data
	guardText    = "_text"    // for source paths: anything but null
)

// parseName parses the template and puts the guard behind each action.
func parseName(source, guard string) (*nameTemplate, error) {
	if strings.TrimSpace(source) == "" {
		return nil, errors.New("is empty")
	}
	t, err := template.New("name").Option("missingkey=error").Funcs(template.FuncMap{
		"base":       base,
		"path":       keepSlashes,
		guardElement: element,
		guardText:    nameText,
	}).Parse(source)
	if err != nil {
		return nil, fmt.Errorf("is not a template: %w", err)
	}
	if len(t.Templates()) > 1 {
		return nil, errors.New("defines other templates")
	}
	n := &nameTemplate{source: source, tmpl: t}
	n.list(t.Root, guard, true)
	return n, nil
}

// of returns the name for a row. An error is for that row alone.
func (n *nameTemplate) of(row map[string]any) (string, error) {
	var b strings.Builder
	if err := n.tmpl.Execute(&b, row); err != nil {
		return "", fmt.Errorf("sections: name: %w", err)
	}
	return b.String(), nil
}

// list walks over a part of the template. row tells whether the dot is the row
// there.
func (n *nameTemplate) list(l *parse.ListNode, guard string, row bool) {
	if l == nil {
		return
	}
	for _, node := range l.Nodes {
		switch node := node.(type) {
		case *parse.ActionNode:
			n.pipe(node.Pipe, row)
			if len(node.Pipe.Decl) == 0 {
				node.Pipe.Cmds = append(node.Pipe.Cmds, call(guard, node.Pos))
			}
		case *parse.IfNode:
			n.branch(&node.BranchNode, guard, row, row)
		case *parse.WithNode:
			n.branch(&node.BranchNode, guard, row, false)
		case *parse.RangeNode:
			n.branch(&node.BranchNode, guard, row, false)
		}
	}
}

func (n *nameTemplate) branch(b *parse.BranchNode, guard string, row, inside bool) {
	n.pipe(b.Pipe, row)
	n.list(b.List, guard, inside)
	n.list(b.ElseList, guard, row)
}

// pipe notes the columns in a pipeline.
func (n *nameTemplate) pipe(p *parse.PipeNode, row bool) {
	for _, cmd := range p.Cmds {
		for _, arg := range cmd.Args {
			switch arg := arg.(type) {
			case *parse.FieldNode:
				if row {
					n.need(arg.Ident[0])
				}
			case *parse.VariableNode:
				if arg.Ident[0] == "$" && len(arg.Ident) > 1 {
					n.need(arg.Ident[1])
				}
			case *parse.PipeNode:
				n.pipe(arg, row)
			}
		}
	}
}

func (n *nameTemplate) need(column string) {
	if !slices.Contains(n.needs, column) {
		n.needs = append(n.needs, column)
	}
}

func call(function string, pos parse.Pos) *parse.CommandNode {
	return &parse.CommandNode{
		NodeType: parse.NodeCommand,
		Pos:      pos,
		Args:     []parse.Node{parse.NewIdentifier(function).SetPos(pos)},
	}
}

// slashed is text that may have slashes in a name.
type slashed string

var errNoText = export.WithPublic(errors.New("sections: name needs a value that is null or binary"),
	"The name needs a value that is missing.")

// nameText turns what a template inserts into text.
func nameText(v any) (string, error) {
	if v == nil {
		return "", errNoText
	}
	return fmt.Sprint(v), nil
}

// element is nameText for one element of a path, or a part of one.
func element(v any) (string, error) {
	s, err := nameText(v)
	if _, ok := v.(slashed); !ok && strings.ContainsAny(s, `/\`) {
		return "", &export.NameError{Name: s, Reason: "has a slash"}
	}
	return s, err
}

// base is the last element of a path of any system.
func base(v any) (string, error) {
	s, err := nameText(v)
	s = strings.TrimRight(s, `/\`)
	return s[strings.LastIndexAny(s, `/\`)+1:], err
}

// keepSlashes lets a value make folders.
func keepSlashes(v any) (slashed, error) {
	s, err := nameText(v)
	return slashed(s), err
}

// setNameData fills data with the row as templates see it: text, integers and
// booleans.
func setNameData(data map[string]any, row record.Row) {
	for i, v := range row.Values {
		switch t := v.(type) {
		case []byte:
			v = nil
		case float64:
			v = strconv.FormatFloat(t, 'f', -1, 64)
		case time.Time:
			v = t.Format(time.RFC3339Nano)
		case json.Number:
			v = t.String()
		case json.RawMessage:
			v = string(t)
		}
		data[row.Columns[i]] = v
	}
}
