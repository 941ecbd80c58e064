package drift

import (
	"cmp"
	"slices"
)

// MaxChanges is how many changes a comparison gives: the first in the order of
// the structure.
const MaxChanges = 100

// Change is one thing that drifted.
type Change struct {
	// Path is where, as a JSONPath: $.order.items[*].id. All elements of an
	// array share [*]; names that are no identifiers are written ['a b'].
	Path string `json:"path"`

	// Was is what stood there in the first answer, in the words object, array,
	// string, number, bool, null, and missing where some objects were without
	// it; several are joined by bars.
	Was string `json:"was"`

	// Is is what stands there now and should not, in the same words; missing
	// where it is gone.
	Is string `json:"is"`

	// Vars are the variables that the change concerns, in the order of the
	// reads: those that read the place, something below it, or, if it is still
	// there, something that holds it.
	Vars []string `json:"vars,omitempty"`
}

// finding is a change that is being made.
type finding struct {
	node  int32  // The place, or the one that holds all of several.
	many  bool   // Several, below members of an object that a wildcard reads.
	path  string // Of several; a single place has its own.
	was   kinds
	is    kinds
	reads []int // Who misses it.
}

// Compare tells how a document differs from the structure: nil if it does not.
// Each change is reported once, at the topmost place, in the order of the
// structure; at most MaxChanges. The document must have been checked to be JSON;
// from other bytes nothing is learned, or nothing of use, but it does not panic.
//
// It is one pass over the document for each 64 different paths that are read,
// and one more over an array that a negative index reads. Without changes it
// allocates nothing.
func (w *Watch) Compare(doc []byte) []Change {
	walk := walks.Get().(*walk)
	defer walk.release()
	walk.start(w.structure, doc)
	var found []finding
	for i := range w.passes {
		if !walk.run(&w.passes[i]) {
			return nil
		}
		found = w.missed(found, walk)
	}
	for _, n := range walk.changed {
		found = append(found, finding{node: n, is: walk.other[n]})
	}
	if len(found) == 0 {
		return nil
	}
	return w.changes(w.topmost(found))
}

// missed adds what a pass found to be gone.
func (w *Watch) missed(found []finding, walk *walk) []finding {
	for i := range walk.pass.paths {
		p := &walk.pass.paths[i]
		if len(p.reads) == 0 {
			continue
		}
		steps, ok := walk.lost(i)
		if !ok {
			continue
		}
		f := finding{is: missing, reads: p.reads}
		places := w.structure.resolve(0, p.steps[:steps])
		f.node, f.many = w.structure.holder(places), len(places) > 1
		for _, n := range places {
			f.was |= w.structure.nodes[n].types
		}
		if f.many {
			f.path = string(appendSteps([]byte("$"), generalized(p.steps[:steps])))
		}
		found = append(found, f)
	}
	return found
}

// topmost drops what lies below something else that changed, and makes one of
// what is at the same place.
func (w *Watch) topmost(found []finding) []finding {
	slices.SortStableFunc(found, func(a, b finding) int {
		// A single place has no path yet, and so comes before several.
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.path, b.path))
	})
	kept := found[:0]
	top := -1 // In kept: the last single place.
	for _, f := range found {
		if top >= 0 && f.node < w.structure.nodes[kept[top].node].end {
			if f.node == kept[top].node && !f.many {
				kept[top].is |= f.is
			}
			kept[top].reads = append(slices.Clip(kept[top].reads), f.reads...)
			continue
		}
		if last := len(kept) - 1; f.many && last >= 0 && kept[last].many && kept[last].path == f.path {
			kept[last].reads = append(slices.Clip(kept[last].reads), f.reads...)
			continue
		}
		kept = append(kept, f)
		if !f.many {
			top = len(kept) - 1
		}
	}
	return kept
}

// changes renders findings.
func (w *Watch) changes(found []finding) []Change {
	found = found[:min(len(found), MaxChanges)]
	changes := make([]Change, 0, len(found))
	for _, f := range found {
		if !f.many {
			f.path, f.was = w.structure.path(f.node), w.structure.nodes[f.node].types
		}
		if f.is != missing {
			place := w.structure.steps(f.node)
			for i, r := range w.reads {
				if r.touches(place) {
					f.reads = append(slices.Clip(f.reads), i)
				}
			}
		}
		slices.Sort(f.reads)
		f.reads = slices.Compact(f.reads)
		c := Change{Path: f.path, Was: f.was.String(), Is: f.is.String()}
		for _, i := range f.reads {
			c.Vars = append(c.Vars, w.reads[i].Var)
		}
		changes = append(changes, c)
	}
	return changes
}
