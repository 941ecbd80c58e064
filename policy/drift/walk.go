package drift

import (
	"math/bits"
	"sync"
)

// walk is one pass over a document. It is used again and again, so that
// comparing allocates nothing while nothing drifts.
type walk struct {
	scanner
	structure *Structure
	pass      *pass
	buf       []byte // A name with its escapes resolved; at most 3*maxRawName bytes.

	// By depth: the paths of which some value is that far from the root, and
	// those that ended one step before, at an object without the member. The
	// structure has the member in all objects there (gone), or not (absent).
	reached, gone, absent []uint64

	// excused are the paths that somewhere ended at a null, at something empty,
	// behind the end of an array, or at a changed type.
	excused uint64

	// other is, for each node, the types that it should not have, and changed
	// the nodes where there are any: the first MaxNodes at most.
	other   []kinds
	changed []int32
}

var walks = sync.Pool{New: func() any { return new(walk) }}

// start makes a walk ready for a watch.
func (w *walk) start(s *Structure, doc []byte) {
	w.scanner = scanner{doc: doc}
	w.structure = s
	if len(w.other) < len(s.nodes) {
		w.other = make([]kinds, len(s.nodes))
	}
}

// release gives the walk back; it keeps nothing of the document.
func (w *walk) release() {
	for _, n := range w.changed {
		w.other[n] = 0
	}
	w.changed = w.changed[:0]
	w.scanner, w.structure, w.pass = scanner{}, nil, nil
	walks.Put(w)
}

// run makes one pass and tells whether the document could be read.
func (w *walk) run(p *pass) bool {
	depths := len(p.goesOn)
	if cap(w.reached) < depths {
		sets := make([]uint64, 3*(MaxDepth+1))
		w.reached, w.gone, w.absent = sets[:MaxDepth+1:MaxDepth+1], sets[MaxDepth+1:2*(MaxDepth+1):2*(MaxDepth+1)], sets[2*(MaxDepth+1):]
	}
	w.reached, w.gone, w.absent = w.reached[:depths], w.gone[:depths], w.absent[:depths]
	clear(w.reached)
	clear(w.gone)
	clear(w.absent)
	w.pass, w.excused = p, 0
	w.pos, w.broken = 0, false
	root := int32(0)
	if len(w.structure.nodes) == 0 {
		root = -1
	}
	w.space()
	w.value(root, 1<<len(p.paths)-1, 0)
	return !w.broken
}

// value walks the value at a place of the structure, or at none (n is -1).
// active are the paths that led here. It recurses at most MaxDepth deep.
func (w *walk) value(n int32, active uint64, depth int) {
	kind := kindOf[w.peek()]
	if kind == 0 {
		w.broken = true
		return
	}
	if active != 0 {
		w.reached[depth] |= active
		active &= w.pass.goesOn[depth] // What nobody looks into is skipped.
	}
	if n >= 0 && !w.structure.nodes[n].types.accepts(kind) {
		w.excused |= active
		w.change(n, kind)
		w.skip()
		return
	}
	switch {
	case active == 0 && w.structure.isLeaf(n) || depth >= MaxDepth:
		w.skip()
	case kind == object:
		w.object(n, active, depth)
	case kind == array:
		w.array(n, active, depth)
	default:
		if kind == null {
			w.excused |= active
		}
		w.skip()
	}
}

func (w *walk) change(n int32, kind kinds) {
	if w.other[n] == 0 {
		w.changed = append(w.changed, n)
	}
	w.other[n] |= kind
}

func (w *walk) object(n int32, active uint64, depth int) {
	var seen uint64
	isEmpty := true
	expected, end := int32(0), int32(0)
	if n >= 0 {
		expected, end = w.structure.firstMember(n), w.structure.nodes[n].end
	}
	for w.enter(); w.more('}'); w.next() {
		isEmpty = false
		// Most answers have their members in the same order as the first one.
		if expected < end && w.structure.nodes[expected].plain && w.scanner.named(w.structure.nodes[expected].name) {
			child := expected
			expected = w.structure.nodes[child].end
			into := active & w.pass.at[child]
			seen |= into
			w.value(child, into, depth+1)
			continue
		}
		child, into := w.member(n, active, depth)
		if w.broken {
			return
		}
		if child >= 0 {
			expected = w.structure.nodes[child].end
		}
		seen |= into
		w.value(child, into, depth+1)
	}
	if active == 0 || w.broken {
		return
	}
	if isEmpty {
		w.excused |= active & w.pass.every[depth]
	}
	if lost := active & w.pass.member[depth] &^ seen; lost != 0 {
		always := uint64(0)
		if n >= 0 {
			always = w.pass.always[n]
		}
		w.gone[depth+1] |= lost & always
		w.absent[depth+1] |= lost &^ always
	}
}

// member reads a name in an object at n: which place it is, or -1, and which of
// the active paths step into it.
func (w *walk) member(n int32, active uint64, depth int) (child int32, into uint64) {
	name, ok := w.memberName()
	child = -1
	if ok && n >= 0 {
		child = w.structure.lookup(n, name)
	}
	switch {
	case active == 0:
		return child, 0
	case child >= 0:
		return child, active & w.pass.at[child]
	}
	into = active & w.pass.every[depth]
	others := active & w.pass.member[depth]
	if n >= 0 {
		others &^= w.pass.has[n] // Theirs would have been found.
	}
	if ok {
		into |= w.pass.named(others, depth, name)
	}
	return child, into
}

func (w *walk) array(n int32, active uint64, depth int) {
	element := w.structure.elementOf(n)
	var all, some, hit uint64
	size := 0
	if active != 0 {
		all, some = active&w.pass.every[depth], active&w.pass.index[depth]
		if some&w.pass.negative[depth] != 0 {
			size = w.count()
		}
	}
	i := 0
	for w.enter(); w.more(']'); w.next() {
		into := all
		if some != 0 {
			into |= w.pass.indexed(some, depth, i, size)
		}
		hit |= into
		w.value(element, into, depth+1)
		i++
	}
	w.excused |= (all | some) &^ hit
}

// memberName reads a name and goes to its value. It is not ok where it is too
// long for any structure.
func (w *walk) memberName() (name []byte, ok bool) {
	raw, plain := w.name()
	if len(raw) > maxRawName {
		return nil, false
	}
	if !plain {
		w.buf = canonical(w.buf[:0], raw)
		raw = w.buf
	}
	return raw, len(raw) <= MaxNameBytes
}

// named gives those of the paths whose step at a depth has a name.
func (p *pass) named(paths uint64, depth int, name []byte) (found uint64) {
	for ; paths != 0; paths &= paths - 1 {
		i := bits.TrailingZeros64(paths)
		if p.paths[i].steps[depth].Name == string(name) {
			found |= 1 << i
		}
	}
	return found
}

// indexed gives those of the paths whose step at a depth is element i of an
// array of that size. The size matters to negative indexes only.
func (p *pass) indexed(paths uint64, depth, i, size int) (found uint64) {
	for ; paths != 0; paths &= paths - 1 {
		bit := bits.TrailingZeros64(paths)
		if at := p.paths[bit].steps[depth].Index; at == i || at < 0 && at == i-size {
			found |= 1 << bit
		}
	}
	return found
}

// lost tells whether a path, which the structure has, is gone, and if so how
// many of its steps lead to what is found nowhere. What was in all objects of
// the first answer is gone from here, wherever else it still is excused.
// What was in some of them may come and go in one element, but not in all
// (twin), and an excuse is taken.
func (w *walk) lost(i int) (steps int, ok bool) {
	bit := uint64(1) << i
	steps = 1
	for steps < len(w.reached) && w.reached[steps]&bit != 0 {
		steps++
	}
	if steps > len(w.pass.paths[i].steps) {
		return 0, false
	}
	if w.gone[steps]&bit != 0 {
		return steps, true
	}
	if w.absent[steps]&bit == 0 || w.excused&bit != 0 {
		return 0, false
	}
	if twin := w.pass.paths[i].twin; twin >= 0 {
		_, ok := w.lost(twin)
		return steps, ok
	}
	return steps, true
}
