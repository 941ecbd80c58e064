package explain

import (
	"strconv"

	"github.com/expr-lang/expr/ast"
)

// placeOf names the place that a part of a condition reads as the call log names it:
// vars.status, headers["retry-after"], path("$.order"). It is empty for a part that
// is none.
func placeOf(node ast.Node) string {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return n.Value
	case *ast.ChainNode:
		return placeOf(n.Node)
	case *ast.MemberNode:
		object := placeOf(n.Node)
		if object == "" {
			return ""
		}
		return member(object, n.Property)
	case *ast.CallNode:
		callee, ok := n.Callee.(*ast.IdentifierNode)
		if !ok || len(n.Arguments) != 1 {
			return ""
		}
		if path, ok := n.Arguments[0].(*ast.StringNode); ok {
			return callee.Value + "(" + strconv.Quote(path.Value) + ")"
		}
	}
	return ""
}

// member names what is below a place.
func member(object string, property ast.Node) string {
	switch p := property.(type) {
	case *ast.IntegerNode:
		return object + "[" + strconv.Itoa(p.Value) + "]"
	case *ast.UnaryNode:
		if i, ok := p.Node.(*ast.IntegerNode); ok && p.Operator == "-" {
			return object + "[-" + strconv.Itoa(i.Value) + "]"
		}
	case *ast.StringNode:
		if isWord(p.Value) {
			return object + "." + p.Value
		}
		return object + "[" + strconv.Quote(p.Value) + "]"
	}
	return ""
}

// isWord tells the names that stand behind a dot in a condition.
func isWord(name string) bool {
	for i, r := range name {
		letter := r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
