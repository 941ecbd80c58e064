package extract

import (
	"fmt"
)

// tree is a checked document in the form on which queries with lists run: its
// containers, with the places of what is in them. Nothing is decoded before a
// filter asks for it. A tree is used by one goroutine at a time.
type tree struct {
	doc   []byte
	root  any
	steps int // that the running query may still take, see MaxSteps
}

// The nodes of a tree are *object, *array and leaf. Nothing of them is
// exported, because ojg looks into unknown structs by reflection.
type (
	// object is a jp.Keyed: ojg asks it for members, in document order.
	object struct {
		span    span
		tree    *tree
		names   []string
		members []any
		byName  map[string]int // nil when there are few members
	}

	// array is a jp.Indexed: ojg asks it for elements.
	array struct {
		span     span
		tree     *tree
		elements []any
	}

	// leaf is a scalar. As a number it is something that ojg looks no further
	// into.
	leaf span
)

// span is a place in the document: where it starts in the upper half, where it
// ends in the lower. MaxBytes fits many times over.
type span uint64

func (s span) of(doc []byte) []byte {
	start, end := s>>32, s&0xFFFFFFFF
	return doc[start:end:end]
}

// fewMembers is how many members are searched one by one.
const fewMembers = 8

func newTree(doc []byte) *tree {
	t := &tree{doc: doc}
	w := walker{raw: doc}
	w.space()
	t.root = t.node(&w)
	return t
}

// node builds the value at which the walker stands.
func (t *tree) node(w *walker) any {
	start := w.pos
	at := func() span { return span(start)<<32 | span(w.pos) }
	switch t.doc[start] {
	case '{':
		o := &object{tree: t}
		for w.open(); w.raw[w.pos] != '}'; w.next() {
			name := decodeString(w.scalar())
			w.colon()
			o.set(name, t.node(w))
		}
		w.pos++
		o.span = at()
		return o
	case '[':
		a := &array{tree: t}
		for w.open(); w.raw[w.pos] != ']'; w.next() {
			a.elements = append(a.elements, t.node(w))
		}
		w.pos++
		a.span = at()
		return a
	}
	w.scalar()
	return leaf(at())
}

// set adds a member. One with the same name as an earlier one takes its place.
func (o *object) set(name string, value any) {
	if i := o.find(name); i >= 0 {
		o.members[i] = value
		return
	}
	i := len(o.names)
	o.names = append(o.names, name)
	o.members = append(o.members, value)
	if o.byName != nil {
		o.byName[name] = i
		return
	}
	if len(o.names) > fewMembers {
		o.byName = make(map[string]int, 2*len(o.names))
		for i, n := range o.names {
			o.byName[n] = i
		}
	}
}

func (o *object) find(name string) int {
	if o.byName != nil {
		if i, ok := o.byName[name]; ok {
			return i
		}
		return -1
	}
	for i, n := range o.names {
		if n == name {
			return i
		}
	}
	return -1
}

// ValueForKey gives the member of that name to ojg.
func (o *object) ValueForKey(name string) (any, bool) {
	o.tree.spend(1)
	if i := o.find(name); i >= 0 {
		return o.members[i], true
	}
	return nil, false
}

// Keys gives the members' names to ojg, in document order.
func (o *object) Keys() []string { return o.names }

// SetValueForKey does nothing: a query changes no document.
func (o *object) SetValueForKey(string, any) {}

// RemoveValueForKey does nothing: a query changes no document.
func (o *object) RemoveValueForKey(string) {}

// ValueAtIndex gives an element to ojg, which asks within the size only.
func (a *array) ValueAtIndex(i int) any {
	a.tree.spend(1)
	return a.elements[i]
}

// Size gives the number of elements to ojg.
func (a *array) Size() int { return len(a.elements) }

// SetValueAtIndex does nothing: a query changes no document.
func (a *array) SetValueAtIndex(int, any) {}

// children are the members or elements of a node, and its tree.
func children(node any) ([]any, *tree) {
	switch n := node.(type) {
	case *object:
		return n.members, n.tree
	case *array:
		return n.elements, n.tree
	}
	return nil, nil
}

// outOfSteps is what spend panics with.
type outOfSteps struct{}

// spend accounts for work. It panics when the query has had its share, since
// there is no other way to stop ojg in the middle; list recovers.
func (t *tree) spend(steps int) {
	if t.steps -= steps; t.steps < 0 {
		panic(outOfSteps{})
	}
}

// list evaluates a query and makes its matches a JSON array, in document order.
// No match gives a missing value.
func (t *tree) list(q *query) (v Value, err error) {
	defer func() {
		switch r := recover(); r.(type) {
		case nil:
		case outOfSteps:
			v, err = Value{}, fmt.Errorf("taking more than %d steps: %w", MaxSteps, ErrTooLarge)
		default:
			v, err = Value{}, fmt.Errorf("evaluating the path: %v", r)
		}
	}()
	t.steps = MaxSteps
	nodes := t.nodes(q, t.root)
	if len(nodes) == 0 {
		return Value{}, nil
	}
	if len(nodes) > MaxMatches {
		return Value{}, fmt.Errorf("giving more than %d values: %w", MaxMatches, ErrTooLarge)
	}
	raw := []byte{'['}
	for i, n := range nodes {
		if i > 0 {
			raw = append(raw, ',')
		}
		text := t.text(n)
		if len(raw)+len(text) >= MaxListBytes {
			return Value{}, fmt.Errorf("giving more than %d bytes: %w", MaxListBytes, ErrTooLarge)
		}
		raw = appendCompact(raw, text)
	}
	return Value{raw: append(raw, ']'), kind: Array}, nil
}

// text is what stands in the document for a node.
func (t *tree) text(node any) []byte {
	switch n := node.(type) {
	case *object:
		return n.span.of(t.doc)
	case *array:
		return n.span.of(t.doc)
	case leaf:
		return span(n).of(t.doc)
	}
	panic(fmt.Sprintf("a %T is no node", node))
}
