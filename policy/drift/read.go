package drift

import "slices"

// StepKind says what a step of a path leads to.
type StepKind uint8

const (
	// Member is the member of an object that has the step's Name.
	Member StepKind = iota
	// Element is the element of an array that has the step's Index.
	Element
	// Every is all elements of an array, or all members of an object.
	Every
)

// Step is one step of a path.
type Step struct {
	Kind StepKind

	// Name is a member's, escapes resolved.
	Name string

	// Index is an element's; a negative one counts from the end.
	Index int
}

// Read is what one variable reads.
type Read struct {
	// Var is the variable's name.
	Var string

	// Steps lead from the root to what is read. Nil stands for a path that
	// cannot be judged (a filter, a slice, a descendant): it is never missed.
	// The root itself is an empty slice, and cannot be missed either.
	Steps []Step

	// Optional is set where the variable has a default, so that nothing is
	// amiss when there is nothing to read.
	Optional bool
}

// touches tells whether what is read is at the place that steps (of a
// structure) lead to, below it, or holds it.
func (r Read) touches(place []Step) bool {
	if r.Steps == nil {
		return false
	}
	for i := range min(len(place), len(r.Steps)) {
		if !r.Steps[i].covers(place[i]) {
			return false
		}
	}
	return true
}

// covers tells whether a step may lead to where a step of a structure leads.
func (s Step) covers(place Step) bool {
	switch s.Kind {
	case Every:
		return true
	case Element:
		return place.Kind == Every
	}
	return place.Kind == Member && s.Name == place.Name
}

// hasIndex tells whether a path depends on the order of an array.
func hasIndex(steps []Step) bool {
	return slices.ContainsFunc(steps, func(s Step) bool { return s.Kind == Element })
}

// generalized gives the steps with every element in place of a certain one.
func generalized(steps []Step) []Step {
	all := slices.Clone(steps)
	for i := range all {
		if all[i].Kind == Element {
			all[i] = Step{Kind: Every}
		}
	}
	return all
}

// appendSteps appends steps as a JSONPath writes them.
func appendSteps(dst []byte, steps []Step) []byte {
	for _, s := range steps {
		switch s.Kind {
		case Member:
			dst = appendName(dst, s.Name)
		case Element:
			dst = appendIndex(dst, s.Index)
		case Every:
			dst = append(dst, every...)
		}
	}
	return dst
}
