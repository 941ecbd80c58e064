package extract

import (
	"fmt"
	"slices"
)

// Reader reads a set of paths together. It is immutable and safe for
// concurrent use.
type Reader struct {
	size  int
	root  *branch // the single-place paths, merged; nil when there is none
	lists []listPath
}

// listPath is a path that gives a list, and its number.
type listPath struct {
	path   *Path
	target int
}

// NewReader makes a reader of paths, which may repeat. A reader of no paths
// only checks documents.
func NewReader(paths []*Path) *Reader {
	r := &Reader{size: len(paths)}
	for i, p := range paths {
		if !p.Single() {
			r.lists = append(r.lists, listPath{p, i})
			continue
		}
		if r.root == nil {
			r.root = new(branch)
		}
		r.root.plant(p.query.steps, i)
	}
	return r
}

// Read checks the whole document and gives a value for each path, in the order
// of the paths; the values of dst are overwritten and its memory is used again.
//
// The value of a single-place path is a piece of doc: it is valid as long as
// the bytes of doc are not changed, and keeps all of doc in memory; see
// Value.Clone. A list is a copy.
//
// Errors wrap ErrNotJSON, ErrTooDeep or ErrTooLarge; of the document's own ones
// the type is *DocumentError. All values are then missing.
func (r *Reader) Read(doc []byte, dst []Value) ([]Value, error) {
	dst = slices.Grow(dst[:0], r.size)[:r.size]
	clear(dst)
	s := scanner{doc: doc, out: dst}
	err := s.document(r.root)
	if err == nil && len(r.lists) > 0 {
		err = r.readLists(doc, dst)
	}
	if err != nil {
		clear(dst)
	}
	return dst, err
}

// readLists evaluates the other paths over one tree of the checked document.
func (r *Reader) readLists(doc []byte, dst []Value) error {
	t := newTree(doc)
	for _, l := range r.lists {
		v, err := t.list(l.path.query)
		if err != nil {
			return fmt.Errorf("reading %s: %w", l.path, err)
		}
		dst[l.target] = v
	}
	return nil
}
