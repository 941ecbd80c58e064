package drift

// Merge gives the structure to compare with after changes were accepted. They
// were found against old, over several answers, oldest first; latest is the
// structure of the answer that showed the last of them.
//
// What a change says is taken from the change itself, since latest may not show
// it. A place that is missing goes, with everything below it, though latest may
// have it in some elements of an array. A place with other types has those of
// Is and no more, so that the old ones are drift again; if latest has one of
// them there, the place has all that latest has there and below it, and has
// nothing below it otherwise. Of several changes to a place the last one counts,
// and a change below a place outweighs an earlier one to the place itself. What
// is no change to old, or at no place of it, is ignored.
//
// What no change is about stays, also where latest lacks it: one odd answer must
// not leave a structure that nothing drifts from. What only latest has is added,
// but for what is below a place where old saw nothing but null, which goes on to
// accept anything. Past the bounds of a structure, what is in old comes first.
//
// A nil structure counts as one without places; if old has none, the result is
// latest. It is never nil, and for each change costs at most a walk over old.
func Merge(old, latest *Structure, changes []Change) *Structure {
	if latest == nil {
		latest = new(Structure)
	}
	if old == nil || len(old.nodes) == 0 {
		return latest
	}
	m := merger{builder: newBuilder(), old: old, latest: latest, verdicts: make([]verdict, len(old.nodes))}
	for i, c := range changes {
		m.judge(i+1, c)
	}
	m.keep()
	m.add()
	m.truncated = m.truncated || old.truncated || latest.truncated
	return m.finish()
}

// merger puts what is kept of one structure, and then what is new in another,
// into a builder.
type merger struct {
	builder
	old, latest *Structure
	verdicts    []verdict // By node of old.
	kept        []int32   // By node of old: its draft, or -1.
}

// verdict is what the changes say of a place. Changes are numbered from 1.
type verdict struct {
	is        kinds // By the last change to it.
	at        int   // The number of that change, or 0.
	below     int   // That of the last change to a single place below it, or 0.
	sometimes kinds // Missing, if any change said so.
}

// counts tells whether a change to the place is to be carried out. A later one
// below it shows that it stands there as it did before.
func (v verdict) counts() bool { return v.at > v.below }

// isGone tells whether the place goes.
func (v verdict) isGone() bool { return v.counts() && v.is == missing }

// isRetyped tells whether the place stays, with other types.
func (v verdict) isRetyped() bool { return v.counts() && v.is != missing }

// judge notes what the change with a number says.
func (m *merger) judge(number int, c Change) {
	places, is := m.subjects(c)
	for _, n := range places {
		v := &m.verdicts[n]
		v.is, v.at, v.sometimes = is, number, v.sometimes|is&missing
		if len(places) > 1 {
			continue // Some of them may be below what changed in another way.
		}
		for p := m.old.nodes[n].parent; p >= 0; p = m.old.nodes[p].parent {
			m.verdicts[p].below = number
		}
	}
}

// subjects gives the places that a change is about, and what is there: none for
// what Compare would not say.
func (m *merger) subjects(c Change) (places []int32, is kinds) {
	steps, ok := parseSteps(c.Path)
	if !ok {
		return nil, 0
	}
	places = m.old.resolve(0, steps)
	if c.Is == missing.String() {
		if len(steps) == 0 {
			return nil, 0
		}
		return places, missing
	}
	is, err := parseKinds(c.Is)
	// Types change at a single place, where [*] is the elements of an array. It
	// comes first, since elements come before members.
	if err != nil || len(places) == 0 || m.old.path(places[0]) != c.Path || m.old.nodes[places[0]].types.accepts(is) {
		return nil, 0
	}
	return places[:1], is
}

// keep adds what stays of the old structure.
func (m *merger) keep() {
	m.kept = make([]int32, len(m.old.nodes))
	for i := range m.old.nodes {
		n, v := &m.old.nodes[i], m.verdicts[i]
		if n.parent >= 0 {
			m.kept[i] = -1
			parent := m.kept[n.parent]
			if parent < 0 || m.verdicts[n.parent].isRetyped() || v.isGone() {
				continue
			}
			if m.kept[i] = m.child(parent, n, m.drafts[parent].last); m.kept[i] < 0 {
				continue
			}
		}
		types := n.types
		if v.isRetyped() {
			types = v.is | n.types&missing
		}
		m.grow(m.kept[i], types|v.sometimes)
	}
}

// add adds what is new in the latest structure, behind what it follows there.
func (m *merger) add() {
	nodes := m.latest.nodes
	from := make([]int32, len(nodes))   // The node of old, or -1.
	into := make([]int32, len(nodes))   // The draft, or -1.
	behind := make([]int32, len(nodes)) // The draft of the last member so far, or 0.
	for i := range nodes {
		n := &nodes[i]
		if n.parent >= 0 {
			from[i], into[i] = m.old.twin(from[n.parent], n), -1
			if into[n.parent] < 0 {
				continue
			}
		}
		if o := from[i]; o >= 0 {
			into[i] = m.kept[o]
			if v := m.verdicts[o]; into[i] >= 0 && v.isRetyped() {
				from[i] = -1 // All below it is new.
				if v.is.known()&n.types == 0 {
					into[i] = -1
				} else {
					m.grow(into[i], n.types)
				}
			}
		} else if m.holds(into[n.parent], n) {
			into[i] = m.child(into[n.parent], n, behind[n.parent])
			m.lead(into, i)
		}
		if into[i] >= 0 && n.parent >= 0 && !n.element {
			behind[n.parent] = into[i]
		}
	}
}

// lead sets the types of a place that was added, and has those that hold it
// missing where the latest structure says so: a path to what is new must not be
// missed in the elements of an array that never led there.
func (m *merger) lead(into []int32, i int) {
	if into[i] < 0 {
		return
	}
	m.grow(into[i], m.latest.nodes[i].types)
	for p := m.latest.nodes[i].parent; p >= 0; p = m.latest.nodes[p].parent {
		m.grow(into[p], m.latest.nodes[p].types&missing)
	}
}

// holds tells whether the types of a draft allow a child such as n.
func (m *merger) holds(parent int32, n *node) bool {
	if n.element {
		return m.drafts[parent].types&array != 0
	}
	return m.drafts[parent].types&object != 0
}

// child makes a draft of a node, or gives -1 if it is left out.
func (m *merger) child(parent int32, n *node, behind int32) int32 {
	if n.element {
		return m.element(parent)
	}
	return m.memberBehind(parent, []byte(n.name), behind)
}

// grow adds types to those of a draft. Only members can be missing.
func (m *merger) grow(draft int32, types kinds) {
	if draft == 0 || m.drafts[draft].isElement {
		types &^= missing
	}
	m.drafts[draft].types |= types
}
