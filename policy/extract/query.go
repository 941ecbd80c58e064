package extract

import "github.com/ohler55/ojg/jp"

// What follows turns a parsed query into an expression of ojg. Its fragments
// are ojg's own where ojg answers as RFC 9535 says. They are ours (a jp.Proc)
// where it does not: a slice backwards from before the beginning gives an
// element, descendants come before the node that they are below, and filters
// panic when they compare containers, count bytes for characters, and know no
// order but that of numbers and strings.

// expression is the query as ojg runs it, from the node that it starts at.
func expression(segments []segment) jp.Expr {
	var x jp.Expr
	for _, seg := range segments {
		if seg.descendant {
			x = append(x, procedure(descend))
		}
		x = append(x, seg.frag())
	}
	return x
}

// frag is the fragment for all selectors of the segment.
func (seg *segment) frag() jp.Frag {
	if len(seg.selectors) == 1 {
		return seg.selectors[0].frag()
	}
	var union jp.Union
	for _, sel := range seg.selectors {
		switch sel := sel.(type) {
		case name:
			union = append(union, string(sel))
		case index:
			union = append(union, int64(sel))
		default:
			return procedure(concat(seg.selectors))
		}
	}
	return union
}

func (n name) frag() jp.Frag { return jp.Child(n) }

func (i index) frag() jp.Frag { return jp.Nth(i) }

func (wildcard) frag() jp.Frag { return jp.Wildcard('*') }

func (s slice) frag() jp.Frag { return procedure(s.choose) }

func (f *filter) frag() jp.Frag { return procedure(f.choose) }

// procedure is a fragment of our own.
func procedure(f choose) jp.Frag { return &jp.Proc{Procedure: f} }

// choose gives what a fragment selects from a node, in order.
type choose func(node any) []any

// Get is called by ojg for each node that the fragment is applied to.
func (f choose) Get(node any) []any { return f(node) }

// First makes a choose a jp.Procedure. Queries here are only ever asked for
// all their nodes.
func (f choose) First(node any) any {
	if nodes := f(node); len(nodes) > 0 {
		return nodes[0]
	}
	return nil
}

// concat applies selectors one after the other. A node that two of them select
// comes twice.
func concat(selectors []selector) choose {
	parts := make([]jp.Expr, len(selectors))
	for i, sel := range selectors {
		parts[i] = jp.Expr{sel.frag()}
	}
	return func(node any) []any {
		var nodes []any
		for _, part := range parts {
			nodes = append(nodes, part.Get(node)...)
		}
		return nodes
	}
}

// choose gives the elements that the slice selects (RFC 9535, section 2.3.4).
func (s slice) choose(node any) []any {
	a, ok := node.(*array)
	if !ok || s.step == 0 {
		return nil
	}
	from, to := s.bounds(len(a.elements))
	var nodes []any
	for i := from; s.step > 0 && i < to || s.step < 0 && i > to; i += s.step {
		a.tree.spend(1)
		nodes = append(nodes, a.elements[i])
	}
	return nodes
}

// bounds are the first index and the one to stop before, for n elements. The
// distance between two bounds is far below what an int holds, so that adding a
// step cannot overflow.
func (s slice) bounds(n int) (from, to int) {
	low, high := 0, n // What a bound can at most be.
	from, to = low, high
	if s.step < 0 {
		low, high = -1, n-1
		from, to = high, low
	}
	place := func(i int) int {
		if i < 0 {
			i += n
		}
		return min(max(i, low), high)
	}
	if s.hasStart {
		from = place(s.start)
	}
	if s.hasEnd {
		to = place(s.end)
	}
	return from, to
}

// descend gives a node and all containers below it, each one before what is
// in it. Scalars are left out: no segment selects anything from them.
func descend(node any) []any {
	return appendContainers(nil, node)
}

func appendContainers(dst []any, node any) []any {
	nodes, t := children(node)
	if t == nil {
		return dst
	}
	t.spend(1 + len(nodes))
	dst = append(dst, node)
	for _, child := range nodes {
		dst = appendContainers(dst, child)
	}
	return dst
}

// choose gives the children for which the test holds.
func (f *filter) choose(node any) []any {
	nodes, t := children(node)
	var chosen []any
	for _, child := range nodes {
		t.spend(1)
		if f.test.holds(t, child) {
			chosen = append(chosen, child)
		}
	}
	return chosen
}

// nodes evaluates a query, at the document or at the current node.
func (t *tree) nodes(q *query, current any) []any {
	if q.singular {
		if node, ok := t.place(q, current); ok {
			return []any{node}
		}
		return nil
	}
	if q.absolute {
		current = t.root
	}
	return q.expr.Get(current)
}

// place evaluates a query that names at most one place.
func (t *tree) place(q *query, node any) (any, bool) {
	if q.absolute {
		node = t.root
	}
	t.spend(1 + len(q.steps))
	for _, s := range q.steps {
		switch n := node.(type) {
		case *object:
			i := n.find(s.name)
			if !s.isMember || i < 0 {
				return nil, false
			}
			node = n.members[i]
		case *array:
			i := s.index
			if i < 0 {
				i += len(n.elements)
			}
			if s.isMember || i < 0 || i >= len(n.elements) {
				return nil, false
			}
			node = n.elements[i]
		default:
			return nil, false
		}
	}
	return node, true
}
