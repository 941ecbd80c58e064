package drift

// Suggest gives the JSONPath to read instead, where what a variable read in
// old seems to have moved to in new, or "" if that is not clear. It is for
// people to look at: it compares names and types, not values.
//
// The value is taken to be at the place that old does not have and whose last
// name and type are the same; of several the one that has most of its path in
// common with the old place, if only one has. If there is none, it is taken to
// be renamed, if its parent has exactly one new member of the type. Nothing is
// suggested where new still has the place, or for a path that reads all
// members of an object.
//
// Indexes of the old path are kept; an array that is new on the way is read at
// [0], or at [*] if the old path read a list anyway.
func Suggest(old, new *Structure, r Read) string {
	last := -1
	for i, step := range r.Steps {
		if step.Kind == Member {
			last = i
		}
	}
	places := old.resolve(0, r.Steps)
	if last < 0 || len(places) != 1 || readsMembers(old, r.Steps) || len(new.resolve(0, r.Steps)) > 0 {
		return ""
	}
	m := mover{old: old, new: new, steps: r.Steps, last: last, types: old.nodes[places[0]].types}
	m.from = old.steps(places[0])
	to, ok := m.moved()
	if to < 0 && ok {
		to = m.renamed()
	}
	if to < 0 {
		return ""
	}
	return string(appendSteps([]byte("$"), m.instead(new.steps(to))))
}

// readsMembers tells whether some step leads to all members of an object.
func readsMembers(s *Structure, steps []Step) bool {
	for i, step := range steps {
		if step.Kind != Every {
			continue
		}
		for _, n := range s.resolve(0, steps[:i]) {
			if s.firstMember(n) < s.nodes[n].end {
				return true
			}
		}
	}
	return false
}

// mover looks for one value.
type mover struct {
	old, new *Structure
	steps    []Step // How it was read.
	from     []Step // The same, as steps of a structure.
	last     int    // The last of them with a name.
	types    kinds
}

// fits gives the place of the value if its last name is now that of n, or -1.
func (m *mover) fits(n int32) int32 {
	for range m.steps[m.last+1:] {
		n = m.new.elementOf(n)
	}
	if n < 0 {
		return -1
	}
	is := m.new.nodes[n].types
	if !m.types.accepts(is) || m.types.known() != 0 && is.known() == 0 {
		return -1
	}
	return n
}

// moved looks for the same name elsewhere. It is not ok when several places
// are as good as one another.
func (m *mover) moved() (to int32, ok bool) {
	to, ok = -1, true
	best := -1
	for i := range m.new.nodes {
		n := int32(i)
		if m.new.nodes[n].element || m.new.nodes[n].name != m.steps[m.last].Name || n == 0 {
			continue
		}
		place := m.fits(n)
		steps := m.new.steps(n)
		if place < 0 || len(m.old.resolve(0, steps)) > 0 {
			continue
		}
		switch common := commonSteps(m.from, steps); {
		case common > best:
			to, ok, best = place, true, common
		case common == best:
			to, ok = -1, false
		}
	}
	return to, ok
}

// renamed looks for the one new member of the same parent.
func (m *mover) renamed() int32 {
	was := m.old.resolve(0, m.steps[:m.last])
	is := m.new.resolve(0, m.steps[:m.last])
	if len(was) != 1 || len(is) != 1 {
		return -1
	}
	to := int32(-1)
	for n := m.new.firstMember(is[0]); n < m.new.nodes[is[0]].end; n = m.new.nodes[n].end {
		if m.old.member(was[0], m.new.nodes[n].name) >= 0 {
			continue
		}
		if place := m.fits(n); place >= 0 {
			if to >= 0 {
				return -1
			}
			to = place
		}
	}
	return to
}

// instead makes of a place the path to read it by.
func (m *mover) instead(place []Step) []Step {
	common := commonSteps(m.from, place)
	copy(place, m.steps[:common])
	inNew := Step{Kind: Element}
	var kept []Step // How the rest of the old path read arrays.
	for i, step := range m.steps {
		if step.Kind == Every {
			inNew = step
		}
		if i >= common && step.Kind != Member {
			kept = append(kept, step)
		}
	}
	for i := len(place) - 1; i >= common; i-- {
		if place[i].Kind == Member {
			continue
		}
		place[i] = inNew
		if len(kept) > 0 {
			place[i], kept = kept[len(kept)-1], kept[:len(kept)-1]
		}
	}
	return place
}

// commonSteps is how many steps two places have in common.
func commonSteps(a, b []Step) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
