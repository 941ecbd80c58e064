package drift

import "strings"

// builder collects places, in any order that has parents first, and makes a
// structure of them. Place 0 is the root and is there from the start.
type builder struct {
	drafts    []draft
	members   map[key]int32
	bytes     int // Of all paths together.
	truncated bool
}

// draft is a place that is being built. 0 stands for "none" where it names
// another place, since nothing leads to the root.
type draft struct {
	name      string
	types     kinds
	isElement bool
	depth     int
	bytes     int // Of its path.

	elements    int32 // Its own child for elements.
	first, last int32 // Its own members.
	sibling     int32 // The next member of its parent.

	objects  int // How many objects stood here.
	seen     int // In how many of its parent's objects it was.
	instance int // The last of these, by number.
}

func newBuilder() builder {
	return builder{drafts: []draft{{bytes: len("$")}}, members: make(map[key]int32), bytes: len("$")}
}

// element gives the place of the elements of n, or -1 if it is left out.
func (b *builder) element(n int32) int32 {
	if e := b.drafts[n].elements; e != 0 {
		return e
	}
	e := b.add(n, draft{isElement: true}, len(every))
	if e >= 0 {
		b.drafts[n].elements = e
	}
	return e
}

// member gives the place of a member of n, or -1 if it is left out. A new one
// comes behind the others.
func (b *builder) member(n int32, name []byte) int32 {
	return b.memberBehind(n, name, b.drafts[n].last)
}

// memberBehind is like member, but a new one comes behind a certain other, or
// before all others if that is 0.
func (b *builder) memberBehind(n int32, name []byte, behind int32) int32 {
	if m, ok := b.members[key{n, string(name)}]; ok {
		return m
	}
	if len(name) > MaxNameBytes {
		b.truncated = true
		return -1
	}
	d := draft{name: string(name)}
	m := b.add(n, d, len(appendName(nil, d.name)))
	if m < 0 {
		return -1
	}
	b.members[key{n, d.name}] = m
	next := &b.drafts[n].first
	if behind != 0 {
		next = &b.drafts[behind].sibling
	}
	b.drafts[m].sibling, *next = *next, m
	if b.drafts[n].last == behind {
		b.drafts[n].last = m
	}
	return m
}

// add appends a place whose path is longer than its parent's by size.
func (b *builder) add(parent int32, d draft, size int) int32 {
	d.depth, d.bytes = b.drafts[parent].depth+1, b.drafts[parent].bytes+size
	if len(b.drafts) == MaxNodes || d.depth > MaxDepth || b.bytes+d.bytes > MaxPathBytes {
		b.truncated = true
		return -1
	}
	b.bytes += d.bytes
	b.drafts = append(b.drafts, d)
	return int32(len(b.drafts) - 1)
}

// finish puts the places into document order.
func (b *builder) finish() *Structure {
	s := &Structure{nodes: make([]node, 0, len(b.drafts)), truncated: b.truncated}
	b.place(s, 0, -1, 0)
	return s
}

// place adds a place and what is below it. objects is how many objects stood
// at its parent. The depth of the recursion is that of the structure.
func (b *builder) place(s *Structure, from, parent int32, objects int) {
	d := &b.drafts[from]
	n := int32(len(s.nodes))
	added := node{name: d.name, parent: parent, types: d.types, element: d.isElement}
	added.plain = !d.isElement && !strings.ContainsAny(d.name, `"\\`)
	if !d.isElement && d.seen < objects {
		added.types |= missing
	}
	s.nodes = append(s.nodes, added)
	if d.elements != 0 {
		b.place(s, d.elements, n, 0)
	}
	members := 0
	for m := d.first; m != 0; m = b.drafts[m].sibling {
		b.place(s, m, n, d.objects)
		members++
	}
	s.nodes[n].end = int32(len(s.nodes))
	if members > wideObject {
		s.widen(n)
	}
}

// widen makes the members of n be looked up in the map.
func (s *Structure) widen(n int32) {
	if s.wide == nil {
		s.wide = make(map[key]int32)
	}
	s.nodes[n].wide = true
	for m := s.firstMember(n); m < s.nodes[n].end; m = s.nodes[m].end {
		s.wide[key{n, s.nodes[m].name}] = m
	}
}
