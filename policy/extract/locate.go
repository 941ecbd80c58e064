package extract

import (
	"cmp"
	"fmt"
	"slices"
)

// Place is where a value stands in a document: doc[Start:End].
type Place struct{ Start, End int }

// Locate gives the places of all that the paths find in a document, in its order.
// One inside another is left out. Errors are those of Reader.Read; a path that
// finds too much, or takes too long, is one of them, so that whoever asks can
// treat the whole document as found.
func Locate(doc []byte, paths []*Path) ([]Place, error) {
	s := scanner{doc: doc}
	if err := s.document(nil); err != nil {
		return nil, err
	}
	t := newTree(doc)
	var found []Place
	for _, p := range paths {
		more, err := t.locate(p.query)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", p, err)
		}
		found = append(found, more...)
	}
	slices.SortFunc(found, func(a, b Place) int { return cmp.Or(a.Start-b.Start, b.End-a.End) })
	outer := found[:0]
	for _, p := range found {
		if len(outer) == 0 || p.Start >= outer[len(outer)-1].End {
			outer = append(outer, p)
		}
	}
	return outer, nil
}

// locate evaluates one path, within the bounds of a list.
func (t *tree) locate(q *query) (places []Place, err error) {
	defer func() {
		switch r := recover(); r.(type) {
		case nil:
		case outOfSteps:
			places, err = nil, fmt.Errorf("taking more than %d steps: %w", MaxSteps, ErrTooLarge)
		default:
			places, err = nil, fmt.Errorf("evaluating the path: %v", r)
		}
	}()
	t.steps = MaxSteps
	nodes := t.nodes(q, t.root)
	if len(nodes) > MaxMatches {
		return nil, fmt.Errorf("finding more than %d values: %w", MaxMatches, ErrTooLarge)
	}
	for _, n := range nodes {
		places = append(places, t.placeOf(n))
	}
	return places, nil
}

// placeOf is where a node stands.
func (t *tree) placeOf(node any) Place {
	at := span(0)
	switch n := node.(type) {
	case *object:
		at = n.span
	case *array:
		at = n.span
	case leaf:
		at = span(n)
	}
	return Place{Start: int(at >> 32), End: int(at & 0xFFFFFFFF)}
}
