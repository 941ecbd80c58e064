package drift

// Bounds of a structure. What is over them is left out of it, and so never
// drifts.
const (
	// MaxNodes is the greatest number of places.
	MaxNodes = 2000
	// MaxDepth is how many steps a place may be away from the root.
	MaxDepth = 128
	// MaxNameBytes is the greatest length of a member's name, escapes resolved.
	MaxNameBytes = 256
	// MaxPathBytes is the greatest length of all paths together. It bounds the
	// stored form, where each place has its whole path.
	MaxPathBytes = 512 << 10
)

// wideObject is how many members an object may have before they are looked up
// in a map: comparing a few names is faster.
const wideObject = 16

// Structure is the shape of a JSON document: its places with their types. It
// is immutable and safe for concurrent use; MaxNodes and the other bounds limit
// its size. The zero value has no places, and nothing drifts from it.
type Structure struct {
	nodes     []node
	wide      map[key]int32
	truncated bool
}

// node is one place. Nodes are in document order: a node's children follow it,
// the element of an array before the members of an object.
type node struct {
	name    string // Of a member.
	parent  int32  // -1 for the root.
	end     int32  // Behind the last node of the subtree.
	types   kinds
	element bool // Not a member: all elements of its parent.
	plain   bool // A member whose name has no quotes or backslashes.
	wide    bool // Its members are in Structure.wide.
}

// key finds a member.
type key struct {
	parent int32
	name   string
}

// Len is the number of places, at most MaxNodes.
func (s *Structure) Len() int { return len(s.nodes) }

// Truncated tells that the document had places that are not in the structure,
// because they are over one of the bounds.
func (s *Structure) Truncated() bool { return s.truncated }

// Equal tells whether both have the same places with the same types. The order
// of members does not matter.
func (s *Structure) Equal(o *Structure) bool {
	if len(s.nodes) != len(o.nodes) || s.truncated != o.truncated {
		return false
	}
	// The same number of nodes, each with a twin, and no two with the same one.
	twins := make([]int32, len(s.nodes))
	for i := range s.nodes {
		n := &s.nodes[i]
		if n.parent >= 0 {
			twins[i] = o.twin(twins[n.parent], n)
		}
		if twins[i] < 0 || o.nodes[twins[i]].types != n.types {
			return false
		}
	}
	return true
}

// twin is the child of parent that stands for the same step as n, or -1.
func (s *Structure) twin(parent int32, n *node) int32 {
	if n.element {
		return s.elementOf(parent)
	}
	return s.member(parent, n.name)
}

// elementOf is the place of the elements of n, or -1.
func (s *Structure) elementOf(n int32) int32 {
	if n >= 0 && n+1 < s.nodes[n].end && s.nodes[n+1].element {
		return n + 1
	}
	return -1
}

// firstMember is the first member of n; without members, it is the end of n.
func (s *Structure) firstMember(n int32) int32 {
	if e := s.elementOf(n); e >= 0 {
		return s.nodes[e].end
	}
	return n + 1
}

// member is the member of n with that name, or -1.
func (s *Structure) member(n int32, name string) int32 {
	if n < 0 {
		return -1
	}
	return s.lookup(n, []byte(name))
}

// lookup is member for names as a document has them.
func (s *Structure) lookup(n int32, name []byte) int32 {
	if s.nodes[n].wide {
		if m, ok := s.wide[key{n, string(name)}]; ok {
			return m
		}
		return -1
	}
	for m, end := s.firstMember(n), s.nodes[n].end; m < end; m = s.nodes[m].end {
		if s.nodes[m].name == string(name) {
			return m
		}
	}
	return -1
}

// isLeaf tells that there is nothing below n.
func (s *Structure) isLeaf(n int32) bool { return n < 0 || s.nodes[n].end == n+1 }

// path is a place as a JSONPath: $.order.items[*].id.
func (s *Structure) path(n int32) string { return string(s.appendPath(nil, n)) }

func (s *Structure) appendPath(dst []byte, n int32) []byte {
	if s.nodes[n].parent < 0 {
		return append(dst, '$')
	}
	dst = s.appendPath(dst, s.nodes[n].parent)
	if s.nodes[n].element {
		return append(dst, every...)
	}
	return appendName(dst, s.nodes[n].name)
}

// steps are the steps from the root to n.
func (s *Structure) steps(n int32) []Step {
	if s.nodes[n].parent < 0 {
		return nil
	}
	steps := s.steps(s.nodes[n].parent)
	if s.nodes[n].element {
		return append(steps, Step{Kind: Every})
	}
	return append(steps, Step{Kind: Member, Name: s.nodes[n].name})
}

// resolve gives the places that steps lead to from n: at most one, but for an
// Every over the members of an object.
func (s *Structure) resolve(n int32, steps []Step) []int32 {
	if n < 0 || int(n) >= len(s.nodes) {
		return nil
	}
	places := []int32{n}
	for _, step := range steps {
		var next []int32
		for _, p := range places {
			next = s.follow(next, p, step)
		}
		places = next
	}
	return places
}

// follow appends where one step leads to from n.
func (s *Structure) follow(places []int32, n int32, step Step) []int32 {
	if step.Kind == Member {
		if m := s.member(n, step.Name); m >= 0 {
			places = append(places, m)
		}
		return places
	}
	if e := s.elementOf(n); e >= 0 {
		places = append(places, e)
	}
	if step.Kind == Every {
		for m := s.firstMember(n); m < s.nodes[n].end; m = s.nodes[m].end {
			places = append(places, m)
		}
	}
	return places
}

// holder is the place that all of the places are, or are below.
func (s *Structure) holder(places []int32) int32 {
	n := places[0]
	for _, p := range places {
		for p < n || p >= s.nodes[n].end {
			n = s.nodes[n].parent
		}
	}
	return n
}
