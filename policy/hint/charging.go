package hint

import (
	"reflect"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// bounded calls our own function instead of the language's, and pays for what it
// makes.
func (r *rewriter) bounded(node *ast.Node, name string, args []ast.Node) {
	ast.Patch(node, newCall(name, reflect.TypeFor[func(...any) any](), args...))
	r.charge(node)
}

// charge lets the value of a node be paid for.
func (r *rewriter) charge(node *ast.Node) {
	if _, done := r.charged[*node]; done || !weighty(*node) {
		return
	}
	call := newCall(fnCharge, reflect.TypeFor[func(any) any](), *node)
	ast.Patch(node, call)
	r.charged[call] = struct{}{}
}

// isLiteral says that a node's value stands in the text.
func isLiteral(node ast.Node) bool {
	switch node.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NilNode, *ast.BytesNode, *ast.ConstantNode:
		return true
	}
	return false
}

// weighty says that a node's value may be large: not a literal, and a text, a
// list, a map, or not known before it is there.
func weighty(node ast.Node) bool {
	if isLiteral(node) {
		return false
	}
	switch node.Type().Kind() {
	case reflect.Interface, reflect.String, reflect.Slice, reflect.Array, reflect.Map:
		return true
	}
	return false
}

// charging visits the body of a loop, where an operation that walks through a
// value must pay for each turn.
type charging struct{ *rewriter }

// Visit makes the operands of one node pay.
func (v *charging) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		switch n.Operator {
		case "==", "!=", "<", ">", "<=", ">=", "startsWith", "endsWith":
			// Comparing with a literal looks at no more than the literal has.
			if isLiteral(n.Left) || isLiteral(n.Right) {
				return
			}
			v.charge(&n.Left)
			v.charge(&n.Right)
		case "in":
			if !isLiteral(n.Right) {
				v.charge(&n.Right)
			}
		case "contains", "matches":
			v.charge(&n.Left)
			v.charge(&n.Right)
		}
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok && (callee.Value == fnReplace || callee.Value == fnJoin) {
			v.chargeAll(n.Arguments)
		}
	case *ast.BuiltinNode:
		if !constantTime[n.Name] {
			v.chargeAll(n.Arguments)
		}
		if n.Name == "split" || n.Name == "splitAfter" {
			v.charge(node) // One element may be one byte.
		}
	}
}

func (v *charging) chargeAll(args []ast.Node) {
	if slices.ContainsFunc(args, func(arg ast.Node) bool { _, loop := arg.(*ast.PredicateNode); return loop }) {
		return // A loop pays by its turns.
	}
	for i := range args {
		v.charge(&args[i])
	}
}

// constantTime are the language's functions that do not walk through their
// arguments.
var constantTime = map[string]bool{
	"len": true, "type": true, "abs": true, "ceil": true, "floor": true, "round": true,
	"int": true, "float": true, "first": true, "last": true, "get": true, "take": true,
	"bitand": true, "bitor": true, "bitxor": true, "bitnand": true, "bitnot": true,
	"bitshl": true, "bitshr": true, "bitushr": true,
}
