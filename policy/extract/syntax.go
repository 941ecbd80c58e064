package extract

import "github.com/ohler55/ojg/jp"

// query is a parsed path: the whole of one, or one inside a filter.
type query struct {
	absolute bool // starts at the document ($), not at the current node (@)
	segments []segment

	// One of the two is set by compile: steps of a query that names at most
	// one place, or the expression that ojg runs.
	singular bool
	steps    []step
	expr     jp.Expr
}

// segment is one step of a query: selectors that are applied to the children
// of a node or, when it is a descendant segment, to the children of that node
// and of every node below it.
type segment struct {
	descendant bool
	selectors  []selector
}

// selector chooses children of a node. It is one of name, index, wildcard,
// slice and *filter.
type selector interface {
	// frag is the selector as a fragment of an ojg expression.
	frag() jp.Frag
}

// name selects the member of that name.
type name string

// index selects an element; a negative one counts from the end.
type index int

// wildcard selects all children.
type wildcard struct{}

// slice selects elements from start to before end, in steps.
type slice struct {
	start, end       int
	hasStart, hasEnd bool
	step             int
}

// filter selects the children for which a test holds.
type filter struct {
	test test
}

// step is one step of a query that names one place: a member or an index.
type step struct {
	name     string
	index    int
	isMember bool
}

// compile decides how the query is read. It is called once, when the query is
// parsed.
func (q *query) compile() {
	q.steps, q.singular = singleSteps(q.segments)
	if !q.singular {
		q.expr = expression(q.segments)
	}
}

// singleSteps gives the steps of a singular query (RFC 9535, section 2.3.5.1):
// one that has only child segments of one name or index each.
func singleSteps(segments []segment) ([]step, bool) {
	steps := make([]step, 0, len(segments))
	for _, seg := range segments {
		if seg.descendant || len(seg.selectors) != 1 {
			return nil, false
		}
		switch sel := seg.selectors[0].(type) {
		case name:
			steps = append(steps, step{name: string(sel), isMember: true})
		case index:
			steps = append(steps, step{index: int(sel)})
		default:
			return nil, false
		}
	}
	return steps, true
}
