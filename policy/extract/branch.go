package extract

// branch is a node of the tree that the paths of a reader make together: what
// they want of one place of the document. It is immutable once built.
type branch struct {
	targets  []int // numbers of the paths that end here
	below    []int // the same, with all the paths that lead through here
	members  []memberEdge
	elements []elementEdge
	fromEnd  bool // an element is counted from the end
}

type memberEdge struct {
	name string
	to   *branch
}

type elementEdge struct {
	index int
	to    *branch
}

// plant adds a path to the tree.
func (b *branch) plant(steps []step, target int) {
	for _, s := range steps {
		b.below = append(b.below, target)
		b = b.grow(s)
	}
	b.below = append(b.below, target)
	b.targets = append(b.targets, target)
}

// grow is the branch one step further, which is made if there is none.
func (b *branch) grow(s step) *branch {
	if s.isMember {
		for _, e := range b.members {
			if e.name == s.name {
				return e.to
			}
		}
		to := new(branch)
		b.members = append(b.members, memberEdge{s.name, to})
		return to
	}
	if to := b.element(s.index); to != nil {
		return to
	}
	to := new(branch)
	b.elements = append(b.elements, elementEdge{s.index, to})
	b.fromEnd = b.fromEnd || s.index < 0
	return to
}

// member is the branch for a member, or nil. The name is as it stands in the
// document, without quotes.
func (b *branch) member(raw []byte, escaped bool) *branch {
	if len(b.members) == 0 {
		return nil
	}
	if escaped {
		var buf [64]byte
		raw = appendUnquoted(buf[:0], raw)
	}
	for i := range b.members {
		if b.members[i].name == string(raw) {
			return b.members[i].to
		}
	}
	return nil
}

// element is the branch for an index as it was written, or nil.
func (b *branch) element(index int) *branch {
	for i := range b.elements {
		if b.elements[i].index == index {
			return b.elements[i].to
		}
	}
	return nil
}
