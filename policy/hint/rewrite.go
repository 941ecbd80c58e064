package hint

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// rewriter replaces every name by a read and puts the budget's calls where work
// is done. It visits a syntax tree from the leaves up, so a member access meets
// its object already rewritten.
type rewriter struct {
	source string
	scope  Scope
	err    *Error

	places  map[ast.Node]*place              // by the node that now stands for it
	order   []*place                         // as first met
	calls   map[*ast.IdentifierNode]struct{} // exists and path, until called
	charged map[ast.Node]struct{}            // operands that already pay
	reads   []read
}

// place is where the condition reads a value: the source, and the members below.
type place struct {
	source source
	key    string
	name   string
	steps  []any
	number *ast.IntegerNode // the argument of the read, set when all is known
	offset int
	read   int
}

func newRewriter(src string, s Scope) *rewriter {
	return &rewriter{
		source:  src,
		scope:   s,
		places:  make(map[ast.Node]*place),
		calls:   make(map[*ast.IdentifierNode]struct{}),
		charged: make(map[ast.Node]struct{}),
	}
}

func (r *rewriter) fail(at ast.Node, format string, args ...any) {
	// The first mistake in the text is the one to be told.
	e := errorAt(r.source, at.Location().From, format, args...)
	if r.err == nil || cmp.Or(cmp.Compare(e.Line, r.err.Line), cmp.Compare(e.Column, r.err.Column)) < 0 {
		r.err = e
	}
}

// Visit rewrites one node whose children have been visited.
func (r *rewriter) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		r.identifier(node, n)
	case *ast.MemberNode:
		r.member(node, n.Node, n.Property)
	case *ast.ChainNode: // the group around a?.b
		if p := r.places[n.Node]; p != nil {
			r.move(n.Node, n, p)
		}
	case *ast.CallNode:
		r.call(node, n)
	case *ast.BuiltinNode:
		r.builtin(node, n)
	case *ast.BinaryNode:
		r.binary(node, n)
	case *ast.PredicateNode:
		ast.Walk(&n.Node, &charging{r})
		tick := newCall(fnTick, reflect.TypeFor[func() any]())
		n.Node = &ast.SequenceNode{Nodes: []ast.Node{tick, n.Node}}
	}
}

func (r *rewriter) identifier(node *ast.Node, n *ast.IdentifierNode) {
	if strings.HasPrefix(n.Value, "$") {
		r.fail(n, "unknown name %q", n.Value)
		return
	}
	if _, ok := functions[n.Value]; ok {
		r.calls[n] = struct{}{}
		return
	}
	if src, ok := roots[n.Value]; ok {
		r.add(node, &place{source: src, name: n.Value})
	}
}

// add puts a read in the place of a node, of the same type.
func (r *rewriter) add(node *ast.Node, p *place) {
	p.number = &ast.IntegerNode{}
	p.offset = (*node).Location().From
	r.order = append(r.order, p)
	r.put(node, p)
}

func (r *rewriter) put(node *ast.Node, p *place) {
	call := newCall(fnRead, reflect.TypeFor[func(any) any](), p.number)
	if t := (*node).Type(); t.Kind() != reflect.Interface {
		call.SetNature(*(*node).Nature())
	}
	ast.Patch(node, call)
	r.places[call] = p
}

func (r *rewriter) move(from, to ast.Node, p *place) {
	delete(r.places, from)
	r.places[to] = p
}

// newCall makes a call of one of the functions of Env.run. The callee's type is
// set because the checker does not look inside a call that has a type.
func newCall(name string, t reflect.Type, args ...ast.Node) *ast.CallNode {
	callee := &ast.IdentifierNode{Value: name}
	callee.SetType(t)
	return &ast.CallNode{Callee: callee, Arguments: args}
}

// member makes object.property a part of the place that object is.
func (r *rewriter) member(node *ast.Node, object, property ast.Node) {
	p := r.places[object]
	if p == nil {
		return
	}
	step, literal := literalStep(property)
	if !literal {
		return
	}
	name, _ := step.(string)
	src, ok := r.narrow(p, name, property)
	if !ok {
		return
	}
	delete(r.places, object)
	p.name += stepName(step)
	if src == p.source {
		p.steps = append(p.steps, step)
		r.places[*node] = p
		return
	}
	p.source, p.key = src, name
	r.put(node, p)
}

// literalStep gives the member name or the index that a property is.
func literalStep(property ast.Node) (any, bool) {
	switch n := property.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode:
		return n.Value, true
	case *ast.UnaryNode:
		if i, ok := n.Node.(*ast.IntegerNode); ok && n.Operator == "-" {
			return -i.Value, true
		}
	}
	return nil, false
}

// narrow says what reading the member of a place reads: the same place and a
// step below it, or a place of its own. False: it must not be read.
func (r *rewriter) narrow(p *place, name string, at ast.Node) (source, bool) {
	switch p.source {
	case srcVars:
		return srcVar, r.known(p.source, name, at)
	case srcInput:
		return srcInputOne, r.known(p.source, name, at)
	case srcHeaders:
		return srcHeader, r.known(p.source, name, at)
	case srcRequestHeaders:
		return srcRequestHeader, r.known(p.source, name, at)
	case srcQuery:
		return srcQueryOne, true
	case srcRequest:
		src, ok := requestMembers[name]
		if !ok {
			r.fail(at, "request has no member %q, known are headers, method, path, query", name)
		}
		return src, ok
	}
	return p.source, true
}

// known checks a literal name of a member.
func (r *rewriter) known(src source, name string, at ast.Node) bool {
	switch src {
	case srcVars:
		if !slices.Contains(r.scope.Vars, name) {
			r.fail(at, "unknown variable %q, extracted are: %s", name, list(r.scope.Vars))
			return false
		}
	case srcInput:
		if !slices.Contains(r.scope.Inputs, name) {
			r.fail(at, "unknown input %q, known are: %s", name, list(r.scope.Inputs))
			return false
		}
	case srcHeaders, srcRequestHeaders:
		if lower := strings.ToLower(name); lower != name {
			r.fail(at, "header names are lower-case here: write %q", lower)
			return false
		}
	}
	return true
}

// call rewrites exists("…") and path("…").
func (r *rewriter) call(node *ast.Node, n *ast.CallNode) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return
	}
	if _, ok := r.calls[callee]; !ok {
		return
	}
	delete(r.calls, callee)
	if len(n.Arguments) != 1 {
		r.fail(n, "%s takes one path, got %d arguments", callee.Value, len(n.Arguments))
		return
	}
	path, ok := n.Arguments[0].(*ast.StringNode)
	if !ok {
		r.fail(n.Arguments[0], `%s takes a literal path such as "$.order"`, callee.Value)
		return
	}
	if r.scope.CheckPath != nil {
		if err := r.scope.CheckPath(path.Value); err != nil {
			before := r.err
			r.fail(path, "%s: %v", callee.Value, err)
			if r.err != before {
				r.err.cause = err
			}
			return
		}
	}
	r.add(node, &place{
		source: functions[callee.Value],
		key:    path.Value,
		name:   callee.Value + "(" + strconv.Quote(path.Value) + ")",
	})
}

func (r *rewriter) builtin(node *ast.Node, n *ast.BuiltinNode) {
	switch n.Name {
	case "get": // get(vars, "x") is vars?.x
		if len(n.Arguments) == 2 {
			r.member(node, n.Arguments[0], n.Arguments[1])
		}
	case "date":
		if len(n.Arguments) > 2 {
			r.fail(n, "date takes a text and a layout in a condition, no time zone")
		}
	case "replace":
		r.bounded(node, fnReplace, n.Arguments)
	case "join":
		r.bounded(node, fnJoin, n.Arguments)
	case "toJSON", "toBase64": // these grow what they are given
		r.charge(node)
	}
}

func (r *rewriter) binary(node *ast.Node, n *ast.BinaryNode) {
	switch n.Operator {
	case "in":
		if name, ok := n.Left.(*ast.StringNode); ok {
			if p := r.places[n.Right]; p != nil && len(p.steps) == 0 {
				r.known(p.source, name.Value, name)
			}
		}
		constantList(n)
	case "matches":
		if _, ok := n.Right.(*ast.StringNode); !ok {
			r.fail(n.Right, "the pattern of matches is a literal text")
		}
	case "+":
		_, left := n.Left.(*ast.StringNode)
		_, right := n.Right.(*ast.StringNode)
		if !left || !right {
			r.charge(node)
		}
	}
}

// constantList makes a list of literals on the right of "in" once. Left to
// itself, the language turns a list of texts into a map, in which a number on
// the left is an error and nil is found as the empty text.
func constantList(n *ast.BinaryNode) {
	array, ok := n.Right.(*ast.ArrayNode)
	if !ok {
		return
	}
	values := make([]any, 0, len(array.Nodes))
	for _, element := range array.Nodes {
		switch element := element.(type) {
		case *ast.BoolNode:
			values = append(values, element.Value)
		case *ast.FloatNode:
			values = append(values, element.Value)
		case *ast.NilNode:
			values = append(values, nil)
		default:
			value, literal := literalStep(element)
			if !literal {
				return
			}
			values = append(values, value)
		}
	}
	ast.Patch(&n.Right, &ast.ConstantNode{Value: values})
}
