package sections

import (
	"errors"
	"fmt"
	"strings"
	"text/template/parse"
)

// nameRun makes one name. A template means what it means to [text/template], but calls no
// methods of values: a program that may call any method by its name keeps those of all its
// types, which made exportd 10 MB larger.
type nameRun struct {
	tree *parse.Tree
	out  strings.Builder
	vars []nameVar // the last of a name counts
}

type nameVar struct {
	name  string
	value any
}

// absent stands for the value that a pipeline hands to its first command.
type absent struct{}

func given(v any) bool {
	_, none := v.(absent)
	return !none
}

// A break and a continue end lists of nodes as errors do, up to their range.
var (
	errBreak    = errors.New("break")
	errContinue = errors.New("continue")
)

// runName returns the name that a template makes of a row.
func runName(tree *parse.Tree, row map[string]any) (string, error) {
	r := &nameRun{tree: tree, vars: []nameVar{{"$", row}}}
	err := r.list(row, tree.Root)
	return r.out.String(), err
}

func (r *nameRun) list(dot any, list *parse.ListNode) error {
	for _, node := range list.Nodes {
		if err := r.node(dot, node); err != nil {
			return err
		}
	}
	return nil
}

func (r *nameRun) node(dot any, node parse.Node) error {
	switch node := node.(type) {
	case *parse.TextNode:
		r.out.Write(node.Text)
	case *parse.ActionNode:
		v, err := r.pipe(dot, node.Pipe)
		if err == nil && len(node.Pipe.Decl) == 0 {
			fmt.Fprint(&r.out, v)
		}
		return err
	case *parse.IfNode:
		return r.branch(dot, &node.BranchNode, false)
	case *parse.WithNode:
		return r.branch(dot, &node.BranchNode, true)
	case *parse.RangeNode:
		return r.loop(dot, node)
	case *parse.BreakNode:
		return errBreak
	case *parse.ContinueNode:
		return errContinue
	case *parse.TemplateNode:
		return r.fail(node, "template %q not defined", node.Name)
	}
	return nil
}

// branch takes one of the ways of an if or a with, which has another dot.
func (r *nameRun) branch(dot any, b *parse.BranchNode, with bool) error {
	defer r.forget(len(r.vars))
	v, err := r.pipe(dot, b.Pipe)
	switch {
	case err != nil:
		return err
	case truth(v) && with:
		return r.list(v, b.List)
	case truth(v):
		return r.list(dot, b.List)
	case b.ElseList != nil:
		return r.list(dot, b.ElseList)
	}
	return nil
}

func (r *nameRun) loop(dot any, node *parse.RangeNode) error {
	defer r.forget(len(r.vars))
	over, err := r.pipe(dot, node.Pipe)
	if err != nil {
		return err
	}
	seq, err := elements(over, len(node.Pipe.Decl))
	if err != nil {
		return r.fail(node, "%w", err)
	}
	ran := false
	for key, element := range seq {
		ran = true
		if err = r.turn(node, key, element); err != nil {
			break
		}
	}
	if !ran && node.ElseList != nil {
		err = r.list(dot, node.ElseList)
	}
	if errors.Is(err, errBreak) { // one in the else, too, though it is meant for the range around
		return nil
	}
	return err
}

// turn runs the body of a range for one element.
func (r *nameRun) turn(node *parse.RangeNode, key, element any) error {
	defer r.forget(len(r.vars))
	decl := node.Pipe.Decl
	values := []any{key, element}[2-len(decl):] // a single variable is the element
	for i, v := range decl {
		if !node.Pipe.IsAssign {
			r.vars[len(r.vars)-len(decl)+i].value = values[i]
		} else if err := r.assign(v, values[i]); err != nil {
			return err
		}
	}
	if err := r.list(element, node.List); !errors.Is(err, errContinue) {
		return err
	}
	return nil
}

// forget ends the life of the variables that have come since there were n.
func (r *nameRun) forget(n int) { r.vars = r.vars[:n] }

// variable returns the variable of a name. The parser knows all that may be named, but
// "and" and "or" pass over arguments, which may declare some.
func (r *nameRun) variable(node *parse.VariableNode) (*nameVar, error) {
	for i := len(r.vars) - 1; i >= 0; i-- {
		if r.vars[i].name == node.Ident[0] {
			return &r.vars[i], nil
		}
	}
	return nil, r.fail(node, "undefined variable: %s", node.Ident[0])
}

func (r *nameRun) assign(node *parse.VariableNode, value any) error {
	v, err := r.variable(node)
	if err == nil {
		v.value = value
	}
	return err
}

func (r *nameRun) pipe(dot any, p *parse.PipeNode) (any, error) {
	var value any = absent{}
	for _, cmd := range p.Cmds {
		var err error
		if value, err = r.command(dot, cmd, value); err != nil {
			return nil, err
		}
	}
	for _, v := range p.Decl {
		if !p.IsAssign {
			r.vars = append(r.vars, nameVar{v.Ident[0], value})
		} else if err := r.assign(v, value); err != nil {
			return nil, err
		}
	}
	return value, nil
}

// command returns the value of a command. piped is that of the one before it.
func (r *nameRun) command(dot any, cmd *parse.CommandNode, piped any) (any, error) {
	first := cmd.Args[0]
	switch node := first.(type) {
	case *parse.IdentifierNode:
		return r.call(dot, node.Ident, cmd, cmd.Args[1:], piped)
	case *parse.NilNode:
		return nil, r.fail(node, "nil is not a command")
	}
	if len(cmd.Args) == 1 && !given(piped) {
		return r.operand(dot, first)
	}
	if chain, ok := first.(*parse.ChainNode); ok { // the error of what it begins with goes first
		if _, err := r.operand(dot, chain.Node); err != nil {
			return nil, err
		}
	}
	return nil, r.fail(first, "can't give argument to non-function %s", first)
}

// operand returns the value of a term.
func (r *nameRun) operand(dot any, node parse.Node) (any, error) {
	switch node := node.(type) {
	case *parse.DotNode:
		return dot, nil
	case *parse.NilNode:
		return nil, nil
	case *parse.BoolNode:
		return node.True, nil
	case *parse.StringNode:
		return node.Text, nil
	case *parse.NumberNode:
		return r.number(node)
	case *parse.FieldNode:
		return r.fields(node, dot, node.Ident)
	case *parse.VariableNode:
		v, err := r.variable(node)
		if err != nil {
			return nil, err
		}
		return r.fields(node, v.value, node.Ident[1:])
	case *parse.ChainNode:
		v, err := r.operand(dot, node.Node)
		if err != nil {
			return nil, err
		}
		return r.fields(node, v, node.Field)
	case *parse.PipeNode:
		return r.pipe(dot, node)
	case *parse.IdentifierNode:
		return r.call(dot, node.Ident, node, nil, absent{})
	}
	return nil, r.fail(node, "can't handle %s", node)
}

// number returns the value of a literal. Its type is that of the same literal in Go.
func (r *nameRun) number(node *parse.NumberNode) (any, error) {
	switch hex := strings.HasPrefix(strings.ToLower(node.Text), "0x"); {
	case node.IsComplex:
		return node.Complex128, nil
	case strings.HasPrefix(node.Text, "'"):
		return int(node.Int64), nil
	case strings.ContainsAny(node.Text, "pP"), !hex && strings.ContainsAny(node.Text, ".eE"):
		return node.Float64, nil
	case node.IsInt && int64(int(node.Int64)) == node.Int64:
		return int(node.Int64), nil
	}
	return nil, r.fail(node, "%s overflows int", node.Text)
}

func (r *nameRun) fields(node parse.Node, v any, names []string) (any, error) {
	for _, name := range names {
		var err error
		if v, err = fieldOf(v, name); err != nil {
			return nil, r.fail(node, "%w", err)
		}
	}
	return v, nil
}

// call calls a function with arguments and the piped value.
func (r *nameRun) call(dot any, name string, node parse.Node, args []parse.Node, piped any) (any, error) {
	f := nameFuncs[name]
	n := len(args)
	if given(piped) {
		n++
	}
	if n < f.least || n > f.most {
		return nil, r.fail(node, "wrong number of args for %s: %d", name, n)
	}
	if f.call == nil {
		return r.logic(dot, name == "or", args, piped)
	}
	values := make([]any, n)
	for i := range values {
		v, err := piped, error(nil)
		if i < len(args) {
			v, err = r.operand(dot, args[i])
		}
		if err == nil && i == 0 && f.layout {
			v, err = r.layout(node, v)
		}
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	v, err := safely(f.call, values)
	if err != nil {
		return nil, r.fail(node, "error calling %s: %w", name, err)
	}
	return v, nil
}

// logic returns the first argument that decides an "and" or "or", or the last one. It looks
// at no more of them.
func (r *nameRun) logic(dot any, decides bool, args []parse.Node, piped any) (v any, err error) {
	for _, arg := range args {
		if v, err = r.operand(dot, arg); err != nil || truth(v) == decides {
			return v, err
		}
	}
	if given(piped) {
		v = piped
	}
	return v, nil
}

// layout returns the layout of printf. A text of a type of its own is none.
func (r *nameRun) layout(node parse.Node, v any) (any, error) {
	if s, ok := v.(*string); ok && s != nil {
		v = *s
	}
	if _, ok := v.(string); !ok {
		return nil, r.fail(node, "wrong type for value; expected string; got %T", v)
	}
	return v, nil
}

// safely calls a function, whose panic is an error.
func safely(call func([]any) (any, error), args []any) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = nil, fmt.Errorf("%v", p)
		}
	}()
	return call(args)
}

// fail returns an error that says where in the template it is.
func (r *nameRun) fail(node parse.Node, format string, args ...any) error {
	location, context := r.tree.ErrorContext(node)
	return fmt.Errorf("template: %s: executing %q at <%s>: %w", location, r.tree.Name, context, fmt.Errorf(format, args...))
}
