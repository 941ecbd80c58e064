package explain

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"github.com/signpost-gateway/signpost/policy/calllog"
)

// Bounds of what is looked into.
const (
	// maxCondition is how long a condition may be, in bytes; of a longer one only the
	// values are told.
	maxCondition = 4 << 10
	// maxReadings bounds the values that are told of one condition.
	maxReadings = 8
)

// because tells why a condition held or did not, behind its text: for comparisons
// with fixed values, what was compared with what; for all others, what they read.
func because(h *calllog.HintDetail) string {
	if len(h.Condition) <= maxCondition {
		if tree, err := parser.Parse(h.Condition); err == nil {
			r := reasoning{values: valuesOf(h.Values)}
			if truth, known := r.judge(tree.Node); known && truth == h.Result && len(r.said) > 0 {
				return ": " + strings.Join(firstOf(r.said), ", and ")
			}
		}
	}
	if len(h.Values) == 0 {
		return ""
	}
	return ": " + readings(h.Values)
}

// readings tells what a condition read.
func readings(values []calllog.ValueDetail) string {
	parts := make([]string, 0, len(values))
	for _, v := range values {
		parts = append(parts, v.Name+" was "+valueOrNothing(v.Value))
	}
	return strings.Join(firstOf(parts), ", ")
}

// firstOf bounds how much is told.
func firstOf(parts []string) []string {
	if len(parts) <= maxReadings {
		return parts
	}
	return append(parts[:maxReadings:maxReadings], fmt.Sprintf("%d more", len(parts)-maxReadings))
}

// valueOrNothing tells a value that may be missing.
func valueOrNothing(v any) string {
	if v == nil {
		return "missing or null"
	}
	return value(v)
}

// valuesOf are the values by the names under which a condition reads them. Numbers
// are float64, as after a way through JSON.
func valuesOf(read []calllog.ValueDetail) map[string]any {
	values := make(map[string]any, len(read))
	for _, v := range read {
		values[v.Name] = normal(v.Value)
	}
	return values
}

// normal makes numbers comparable.
func normal(v any) any {
	switch n := v.(type) {
	case int:
		return float64(n)
	case json.Number:
		if f, err := n.Float64(); err == nil {
			return f
		}
	}
	return v
}

// reasoning goes through a condition with the values that it read, and collects
// what decides it.
type reasoning struct {
	values map[string]any
	said   []string
}

// judge tells whether a part of the condition is true; known is false where that
// cannot be told. What it has said then counts for the whole.
func (r *reasoning) judge(node ast.Node) (truth, known bool) {
	switch n := node.(type) {
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			truth, known = r.judge(n.Node)
			return !truth, known
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&":
			return r.both(n, true)
		case "or", "||":
			return r.both(n, false)
		}
		return r.compare(n)
	}
	return r.plain(node)
}

// both judges the two sides of `and`, which need is true for, or of `or`. A side
// that decides alone is all that is said.
func (r *reasoning) both(n *ast.BinaryNode, need bool) (truth, known bool) {
	before := len(r.said)
	left, knownLeft := r.judge(n.Left)
	if !knownLeft {
		return false, false
	}
	if left != need { // The other side is not asked.
		return left, true
	}
	// What the left side says does not decide unless the right side agrees.
	leftSaid := slices.Clone(r.said[before:])
	r.said = r.said[:before]
	right, knownRight := r.judge(n.Right)
	if !knownRight {
		return false, false
	}
	if right == need {
		r.said = append(append(r.said[:before:before], leftSaid...), r.said[before:]...)
	}
	return right, true
}

// plain judges a place that is true or false by itself.
func (r *reasoning) plain(node ast.Node) (truth, known bool) {
	name := placeOf(node)
	v, read := r.values[name]
	truth, known = v.(bool)
	if name == "" || !read || !known {
		return false, false
	}
	if path, is := strings.CutPrefix(name, "exists("); is {
		r.say("there was %s%s", map[bool]string{false: "no "}[truth], unquoted(strings.TrimSuffix(path, ")")))
		return truth, true
	}
	r.say("%s was %t", name, truth)
	return truth, true
}

func unquoted(text string) string {
	if plain, err := strconv.Unquote(text); err == nil {
		return plain
	}
	return text
}

// say adds a reason, once.
func (r *reasoning) say(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.said, text) {
		r.said = append(r.said, text)
	}
}

// compare judges a comparison of a place with fixed values.
func (r *reasoning) compare(n *ast.BinaryNode) (truth, known bool) {
	place, fixed, operator := n.Left, n.Right, n.Operator
	if placeOf(place) == "" {
		if flipped := map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}[operator]; flipped != "" {
			place, fixed, operator = n.Right, n.Left, flipped
		}
	}
	name := placeOf(place)
	read, there := r.values[name]
	if name == "" || !there {
		return false, false
	}
	truth, words, known := relate(operator, read, fixed)
	if !known {
		return false, false
	}
	switch {
	case truth == (operator == "==") && (operator == "==" || operator == "!="):
		r.say("%s was %s", name, valueOrNothing(read)) // It is the fixed value, and need not be told twice.
	default:
		r.say("%s was %s, which %s%s", name, valueOrNothing(read), verbs[operator].of(truth), words)
	}
	return truth, true
}

// verb says how a value relates to a fixed one, and how it does not.
type verb struct{ does, doesNot string }

func (v verb) of(truth bool) string {
	if truth {
		return v.does
	}
	return v.doesNot
}

var verbs = map[string]verb{
	"==": {"is ", "is not "}, "!=": {"is not ", "is "}, "in": {"is ", "is not "},
	"<": {"is less than ", "is not less than "}, "<=": {"is at most ", "is more than "},
	">": {"is more than ", "is not more than "}, ">=": {"is at least ", "is less than "},
	"contains":   {"contains ", "does not contain "},
	"startsWith": {"begins with ", "does not begin with "},
	"endsWith":   {"ends with ", "does not end with "},
}

// relate compares a value with what a condition says, and tells that in words.
func relate(operator string, read any, fixed ast.Node) (truth bool, words string, known bool) {
	if operator == "in" {
		return within(read, fixed)
	}
	want, known := literal(fixed)
	if !known {
		return false, "", false
	}
	words = value(want)
	switch operator {
	case "==":
		return reflect.DeepEqual(read, want), words, true
	case "!=":
		return !reflect.DeepEqual(read, want), words, true
	case "<", "<=", ">", ">=":
		truth, known = ordered(operator, read, want)
		return truth, words, known
	}
	text, isText := read.(string)
	part, isPart := want.(string)
	if !isText || !isPart {
		return false, "", false
	}
	switch operator {
	case "contains":
		return strings.Contains(text, part), words, true
	case "startsWith":
		return strings.HasPrefix(text, part), words, true
	case "endsWith":
		return strings.HasSuffix(text, part), words, true
	}
	return false, "", false
}

// ordered compares two numbers.
func ordered(operator string, read, want any) (truth, known bool) {
	a, isNumber := read.(float64)
	b, both := want.(float64)
	if !isNumber || !both {
		return false, false
	}
	switch operator {
	case "<":
		return a < b, true
	case "<=":
		return a <= b, true
	case ">":
		return a > b, true
	default:
		return a >= b, true
	}
}

// within tells whether a value is one of a list, or in a span of numbers.
func within(read any, fixed ast.Node) (truth bool, words string, known bool) {
	switch n := fixed.(type) {
	case *ast.ArrayNode:
		parts := make([]string, 0, len(n.Nodes))
		for _, element := range n.Nodes {
			want, known := literal(element)
			if !known {
				return false, "", false
			}
			truth = truth || reflect.DeepEqual(read, want)
			parts = append(parts, value(want))
		}
		return truth, "one of " + strings.Join(firstOf(parts), ", "), true
	case *ast.BinaryNode:
		from, isFrom := literal(n.Left)
		to, isTo := literal(n.Right)
		if n.Operator != ".." || !isFrom || !isTo {
			return false, "", false
		}
		above, known := ordered(">=", read, from)
		below, _ := ordered("<=", read, to)
		return above && below, "from " + value(from) + " to " + value(to), known
	}
	return false, "", false
}

// literal gives a value that stands in a condition.
func literal(node ast.Node) (any, bool) {
	switch n := node.(type) {
	case *ast.NilNode:
		return nil, true
	case *ast.BoolNode:
		return n.Value, true
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode:
		return float64(n.Value), true
	case *ast.FloatNode:
		return n.Value, true
	case *ast.ConstantNode:
		return normal(n.Value), true
	case *ast.UnaryNode:
		if number, ok := literal(n.Node); ok && n.Operator == "-" {
			f, isNumber := number.(float64)
			return -f, isNumber
		}
	}
	return nil, false
}
