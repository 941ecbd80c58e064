package extract

// Step is one step of a path that consists of members, indexes and wildcards.
type Step struct {
	// Name is a member's name where IsMember is set, else Index an element's
	// number, negative from the end.
	Name     string
	Index    int
	IsMember bool

	// All stands for every member and element.
	All bool
}

// Steps gives the steps of a path. A path with anything but members, indexes and
// wildcards has none that could be told, and plain is false.
func (p *Path) Steps() (steps []Step, plain bool) {
	for _, seg := range p.query.segments {
		if seg.descendant || len(seg.selectors) != 1 {
			return nil, false
		}
		switch sel := seg.selectors[0].(type) {
		case name:
			steps = append(steps, Step{Name: string(sel), IsMember: true})
		case index:
			steps = append(steps, Step{Index: int(sel)})
		case wildcard:
			steps = append(steps, Step{All: true})
		default:
			return nil, false
		}
	}
	return steps, true
}
