package hint

import (
	"math"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// comparison is a leaf that compares the value of one place with literals, so that
// a few values stand for all that the place can have.
type comparison struct {
	place    string // as a Reading names it
	operator string // "" for a place that is asked by itself
	values   []any  // string, int, float64, bool or nil
}

// swapped are the operators of a comparison read from the right.
var swapped = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// compare gives the comparison that a leaf is, or nil. Texts are not ordered here:
// a few could not stand for all.
func compare(node ast.Node, leaf *Condition) *comparison {
	if len(leaf.readings) != 1 {
		return nil
	}
	c := &comparison{place: leaf.readings[0].name}
	n, ok := node.(*ast.BinaryNode)
	if !ok {
		if isPlace(node) {
			return c
		}
		return nil
	}
	if n.Operator == "in" && isPlace(n.Left) {
		return c.among(n.Right)
	}
	place, other, operator := n.Left, n.Right, n.Operator
	if !isPlace(place) {
		place, other, operator = other, place, swapped[n.Operator]
	}
	value, literal := literalOf(other)
	_, known := swapped[operator]
	if _, isText := value.(string); !known || !literal || !isPlace(place) || isText && operator != "==" && operator != "!=" {
		return nil
	}
	c.operator, c.values = operator, []any{value}
	return c
}

// among completes the comparison with a list or a range of literals.
func (c *comparison) among(node ast.Node) *comparison {
	var elements []ast.Node
	switch n := node.(type) {
	case *ast.ArrayNode:
		c.operator, elements = "in", n.Nodes
	case *ast.BinaryNode:
		if n.Operator != ".." {
			return nil
		}
		c.operator, elements = "..", []ast.Node{n.Left, n.Right}
	default:
		return nil
	}
	for _, element := range elements {
		value, literal := literalOf(element)
		if _, whole := value.(int); !literal || c.operator == ".." && !whole {
			return nil
		}
		c.values = append(c.values, value)
	}
	return c
}

// isPlace tells the nodes that are nothing but a value that is read. That it is one,
// and which, the compiled leaf knows.
func isPlace(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return true
	case *ast.MemberNode:
		_, literal := literalStep(n.Property)
		return literal && isPlace(n.Node)
	case *ast.ChainNode:
		return isPlace(n.Node)
	case *ast.CallNode:
		callee, ok := n.Callee.(*ast.IdentifierNode)
		if !ok {
			return false
		}
		_, known := functions[callee.Value]
		return known
	}
	return false
}

// literalOf gives the value of a literal.
func literalOf(node ast.Node) (any, bool) {
	switch n := node.(type) {
	case *ast.NilNode:
		return nil, true
	case *ast.BoolNode:
		return n.Value, true
	case *ast.FloatNode:
		return n.Value, true
	case *ast.UnaryNode:
		if f, ok := n.Node.(*ast.FloatNode); ok && n.Operator == "-" {
			return -f.Value, true
		}
	}
	return literalStep(node)
}

// truth is what the comparison comes to where the place has the value.
func (c *comparison) truth(v any) Truth {
	switch c.operator {
	case "":
		if b, ok := v.(bool); ok {
			return truthOf(b)
		}
		return Broken
	case "==", "in":
		return truthOf(slices.ContainsFunc(c.values, func(want any) bool { return same(v, want) }))
	case "!=":
		return truthOf(!same(v, c.values[0]))
	}
	left, isNumber := number(v)
	right, isToo := number(c.values[0])
	if !isNumber || !isToo {
		if c.operator == ".." {
			return False
		}
		return Broken
	}
	switch c.operator {
	case "..":
		to, _ := number(c.values[1])
		return truthOf(left == math.Trunc(left) && right <= left && left <= to)
	case "<":
		return truthOf(left < right)
	case "<=":
		return truthOf(left <= right)
	case ">":
		return truthOf(left > right)
	default:
		return truthOf(left >= right)
	}
}

func truthOf(b bool) Truth {
	if b {
		return True
	}
	return False
}

// same compares as the language does: numbers by value, lists with no literal.
func same(a, b any) bool {
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x == y
	}
	if _, list := a.([]any); list {
		return false
	}
	return a == b
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// Statuses gives the numbers with which the part compares the status of an answer.
// all is false where it reads the status in any other way, so that no few can stand
// for the rest.
func (p *Part) Statuses() (numbers []float64, all bool) {
	all = p.leaves(func(leaf *Part) bool {
		if leaf.leaf == nil {
			return false
		}
		if !slices.ContainsFunc(leaf.leaf.reads, func(r read) bool { return r.source == srcStatus }) {
			return true
		}
		if leaf.compared == nil {
			return false
		}
		for _, v := range leaf.compared.values {
			if f, ok := number(v); ok {
				numbers = append(numbers, f)
			}
		}
		return true
	})
	return numbers, all
}

// samples gives values that stand for all that a place can have, as far as these
// comparisons can tell them apart: the literals, values between each two numbers,
// whole and not, and one beyond either end, another text, and what is neither.
func samples(all []*comparison) []any {
	values := []any{nil, true, false, []any{}}
	var numbers []float64
	other := "other"
	for _, c := range all {
		for _, v := range c.values {
			if f, ok := number(v); ok {
				numbers = append(numbers, f)
				continue
			}
			if text, ok := v.(string); ok {
				if !slices.Contains(values, any(text)) {
					values = append(values, text)
				}
				other = longer(other, text)
			}
		}
	}
	values = append(values, other)
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	if len(numbers) == 0 {
		return append(values, 0.0)
	}
	values = append(values, numbers[0]-1)
	for i, f := range numbers {
		values = append(values, f)
		if i+1 < len(numbers) {
			values = append(values, between(f, numbers[i+1])...)
		}
	}
	return append(values, numbers[len(numbers)-1]+1)
}

// between gives a number between two that is not whole, and a whole one where there
// is any.
func between(low, high float64) []any {
	middle := (low + high) / 2
	whole := math.Floor(middle)
	if middle == whole {
		middle += min(0.5, (high-low)/4)
	}
	if whole > low {
		return []any{middle, whole}
	}
	return []any{middle}
}

// longer gives a text that is neither a nor b: a, or more than b.
func longer(a, b string) string {
	if len(a) > len(b) {
		return a
	}
	return b + "x"
}
