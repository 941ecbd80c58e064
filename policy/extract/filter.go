package extract

import (
	"regexp"
	"unicode/utf8"
)

// test is a logical expression of a filter.
type test interface {
	holds(t *tree, current any) bool
}

// operand gives at most one value: what decoded gives, a container, or
// nothing.
type operand interface {
	value(t *tree, current any) any
}

// nothing is the value of an operand that has none, which is not null.
type nothing struct{}

type (
	anyOf []test
	allOf []test
	not   struct{ test test }

	// exists holds when the query selects anything, be it null or false.
	exists struct{ query *query }

	comparison struct {
		op          string
		left, right operand
	}

	// patternTest is a call of match or search.
	patternTest struct {
		text operand
		re   *regexp.Regexp
		size int // in instructions
	}
)

func (a anyOf) holds(t *tree, current any) bool {
	for _, alternative := range a {
		if alternative.holds(t, current) {
			return true
		}
	}
	return false
}

func (a allOf) holds(t *tree, current any) bool {
	for _, part := range a {
		if !part.holds(t, current) {
			return false
		}
	}
	return true
}

func (n not) holds(t *tree, current any) bool { return !n.test.holds(t, current) }

func (e exists) holds(t *tree, current any) bool {
	if e.query.singular {
		_, ok := t.place(e.query, current)
		return ok
	}
	return len(t.nodes(e.query, current)) > 0
}

func (c comparison) holds(t *tree, current any) bool {
	left, right := c.left.value(t, current), c.right.value(t, current)
	switch c.op {
	case "==":
		return t.equal(left, right)
	case "!=":
		return !t.equal(left, right)
	case "<":
		return t.less(left, right)
	case "<=":
		return t.less(left, right) || t.equal(left, right)
	case ">":
		return t.less(right, left)
	default:
		return t.less(right, left) || t.equal(left, right)
	}
}

func (p patternTest) holds(t *tree, current any) bool {
	s, ok := p.text.value(t, current).(string)
	if !ok {
		return false
	}
	t.spend(len(s) * p.size / bytesPerStep)
	return p.re.MatchString(s)
}

type (
	literal    struct{ constant any }
	singular   struct{ query *query }
	lengthCall struct{ of operand }
	countCall  struct{ query *query }
	valueCall  struct{ query *query }
)

func (l literal) value(*tree, any) any { return l.constant }

func (s singular) value(t *tree, current any) any {
	if node, ok := t.place(s.query, current); ok {
		return t.decoded(node)
	}
	return nothing{}
}

// value is the number of characters, elements or members.
func (l lengthCall) value(t *tree, current any) any {
	switch v := l.of.value(t, current).(type) {
	case string:
		return utf8.RuneCountInString(v)
	case *array:
		return len(v.elements)
	case *object:
		return len(v.members)
	}
	return nothing{}
}

func (c countCall) value(t *tree, current any) any {
	return len(t.nodes(c.query, current))
}

// value is that of the only node, if there is only one.
func (v valueCall) value(t *tree, current any) any {
	if nodes := t.nodes(v.query, current); len(nodes) == 1 {
		return t.decoded(nodes[0])
	}
	return nothing{}
}
