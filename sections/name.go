package sections

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

// nameTemplate makes file names of rows.
type nameTemplate struct {
	source string
	tree   *parse.Tree
	needs  []string // the columns that it uses
}

// These are the guards: functions that each value of a template passes through last.
const (
	guardElement = "_element" // for names in the archive: a value makes no folders
	guardText    = "_text"    // for source paths: a value is not null
	guardRenamed = "_renamed" // for names that are renamed: slashes are backslashes
)

// nameRoot is what errors call a template.
const nameRoot = "name"

// namesOfFuncs are the functions that the parser knows.
var namesOfFuncs = func() map[string]any {
	names := make(map[string]any)
	for name := range nameFuncs {
		names[name] = true
	}
	return names
}()

// parseName parses a template and appends the guard to each {{…}} that inserts a value.
func parseName(source, guard string) (*nameTemplate, error) {
	if strings.TrimSpace(source) == "" {
		return nil, errors.New("is empty")
	}
	trees, err := parse.Parse(nameRoot, source, "", "", namesOfFuncs)
	if err != nil {
		return nil, fmt.Errorf("is not a template: %w", err)
	}
	if len(trees) > 1 {
		return nil, errors.New("defines other templates")
	}
	n := &nameTemplate{source: source, tree: trees[nameRoot]}
	n.list(n.tree.Root, guard, true)
	return n, nil
}

// of returns the name for a row. If it fails other rows may still have names.
func (n *nameTemplate) of(row map[string]any) (string, error) {
	name, err := runName(n.tree, row)
	if err != nil {
		err = fmt.Errorf("sections: name: %w", export.Private(err)) // it may quote values
		return "", export.WithPublic(err, export.PublicTextOr(err, "The name could not be made of its values."))
	}
	return name, nil
}

// list walks over a part of the template. row says that the dot is the row there.
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

// branch walks over an if, with or range. inside says that the dot is the row in it.
func (n *nameTemplate) branch(b *parse.BranchNode, guard string, row, inside bool) {
	n.pipe(b.Pipe, row)
	n.list(b.List, guard, inside)
	n.list(b.ElseList, guard, row)
}

// pipe notes the columns that a pipeline uses.
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

// call returns the call of a function, for the end of a pipeline.
func call(function string, pos parse.Pos) *parse.CommandNode {
	return &parse.CommandNode{
		NodeType: parse.NodeCommand,
		Pos:      pos,
		Args:     []parse.Node{parse.NewIdentifier(function).SetPos(pos)},
	}
}

// slashed is text that element lets have slashes.
type slashed string

var errNoText = export.WithPublic(fileError("sections: name needs a value that is null or binary"),
	"The name needs a value that is missing.")

// nameText returns a value of a template as text. Null is an error.
func nameText(v any) (string, error) {
	if v == nil {
		return "", errNoText
	}
	return fmt.Sprint(v), nil
}

// element is nameText for a part of one element of a path. A slash is an error, unless the
// value is slashed.
func element(v any) (string, error) {
	s, err := nameText(v)
	if _, ok := v.(slashed); !ok && strings.ContainsAny(s, `/\`) {
		return "", &export.NameError{Name: s, Reason: "has a slash"}
	}
	return s, err
}

// renamedElement is element where what is forbidden is renamed: it has backslashes for
// slashes, which are forbidden.
func renamedElement(v any) (string, error) {
	s, err := nameText(v)
	if _, ok := v.(slashed); !ok {
		s = strings.ReplaceAll(s, "/", `\`)
	}
	return s, err
}

// base returns the last element of a path, with the slashes or backslashes of any system.
func base(v any) (string, error) {
	s, err := nameText(v)
	s = strings.TrimRight(s, `/\`)
	return s[strings.LastIndexAny(s, `/\`)+1:], err
}

// keepSlashes returns a value that may make folders.
func keepSlashes(v any) (slashed, error) {
	s, err := nameText(v)
	return slashed(s), err
}

// setNameData fills data with the values of a row as templates get them: texts, integers
// and booleans. Binary values are null.
func setNameData(data map[string]any, row record.Row) {
	for i, v := range row.Values {
		if value, ok := v.(*record.Value); ok {
			v = value.Any()
		}
		switch t := v.(type) {
		case []byte:
			v = nil
		case float32:
			v = strconv.FormatFloat(float64(t), 'f', -1, 32)
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

// setNameTimes makes times in data what they are in names of the archive.
func setNameTimes(data map[string]any) {
	for column, v := range data {
		if text, ok := v.(string); ok {
			data[column] = asNameTime(text)
		}
	}
}
