package hint

import "slices"

// maxSuppositions bounds how many combinations of values one question tries.
const maxSuppositions = 2000

// Case is what is known of calls of one kind before there is one. It is for one
// goroutine at a time.
type Case struct {
	// Env holds what is known, and Known names it: status, outcome, ok, answered,
	// latency_ms, attempts, tenant, plan, vars, input, headers, body, text, path
	// (which exists reads, too), request.method, request.path, request.query and
	// request.headers.
	Env   *Env
	Known []string

	// Left is how many parts may still be looked at before every question is answered
	// by yes; cases may share it. Default: no bound but that of each question.
	Left *int

	decided map[*Part]Truth
}

// CanBe tells whether there may be such a call for which want holds and none of
// others does. It is false only where that is certain: two parts that read values
// in other ways than comparing them with literals are taken to have nothing in
// common, and a question that would take too long is answered by yes.
func (c *Case) CanBe(want *Part, others ...*Part) bool {
	s := supposition{c: c, goals: []goal{{want, true}}}
	for _, o := range others {
		s.goals = append(s.goals, goal{o, false})
	}
	return s.possible()
}

// CanFail tells whether there may be such a call for which the part does not hold.
func (c *Case) CanFail(p *Part) bool {
	s := supposition{c: c, goals: []goal{{p, false}}}
	return s.possible()
}

// spent takes from what is left, and tells whether nothing is.
func (c *Case) spent(parts int) bool {
	if c.Left == nil {
		return false
	}
	*c.Left -= parts
	return *c.Left < 0
}

// known is what is certain of a leaf.
func (c *Case) known(p *Part) Truth {
	if t, done := c.decided[p]; done {
		return t
	}
	t := unknown
	if p.leaf != nil && !slices.ContainsFunc(p.leaf.reads, func(r read) bool { return !slices.Contains(c.Known, r.source.name()) }) {
		holds, err := p.leaf.Holds(c.Env)
		t = truthOf(holds)
		if err != nil {
			t = Broken
		}
	}
	if c.decided == nil {
		c.decided = make(map[*Part]Truth)
	}
	c.decided[p] = t
	return t
}

// name is how Case.Known calls a source.
func (s source) name() string { return sourceNames[s] }

var sourceNames = map[source]string{
	srcStatus: "status", srcOutcome: "outcome", srcOK: "ok", srcAnswered: "answered",
	srcLatency: "latency_ms", srcAttempts: "attempts", srcTenant: "tenant", srcPlan: "plan",
	srcVars: "vars", srcVar: "vars", srcInput: "input", srcInputOne: "input",
	srcHeaders: "headers", srcHeader: "headers", srcBody: "body", srcText: "text",
	srcExists: "path", srcPath: "path",
	srcMethod: "request.method", srcURLPath: "request.path",
	srcQuery: "request.query", srcQueryOne: "request.query",
	srcRequestHeaders: "request.headers", srcRequestHeader: "request.headers",
}

// goal is what a part is to come to.
type goal struct {
	part  *Part
	holds bool
}

// supposition is a search for values with which all goals are met.
type supposition struct {
	c     *Case
	goals []goal
	texts map[string]Truth // of leaves of which nothing else is known, by their text
	vals  map[string]any   // of places that are compared with literals
	tried int
}

// leaf is what a leaf can come to with all that is supposed.
func (s *supposition) leaf(p *Part) Truth {
	if t := s.c.known(p); t != unknown {
		return t
	}
	if p.compared != nil {
		if v, supposed := s.vals[p.compared.place]; supposed {
			return p.compared.truth(v)
		}
		return unknown
	}
	if t, supposed := s.texts[p.text]; supposed {
		return t
	}
	return unknown
}

// possible tells whether the goals can be met, by supposing one thing after the
// other until they are or cannot be.
func (s *supposition) possible() bool {
	if s.tried++; s.tried > maxSuppositions || s.c.spent(len(s.goals)) {
		return true
	}
	var open *Part
	first := True
	for _, g := range s.goals {
		t := g.part.truth(s.leaf)
		can, cannot := t&True != 0, t&^True != 0
		if g.holds && !can || !g.holds && !cannot {
			return false
		}
		if can && cannot && open == nil {
			if !g.holds {
				first = False
			}
			g.part.leaves(func(p *Part) bool {
				if s.leaf(p) == unknown {
					open = p
				}
				return open == nil
			})
		}
	}
	if open == nil {
		return true
	}
	return s.try(open, first)
}

// try supposes each thing that a leaf, or the place that it compares, can be.
func (s *supposition) try(p *Part, first Truth) bool {
	if p.compared == nil {
		if s.texts == nil {
			s.texts = make(map[string]Truth)
		}
		defer delete(s.texts, p.text)
		return slices.ContainsFunc([]Truth{first, (True | False) &^ first, Broken}, func(t Truth) bool {
			s.texts[p.text] = t
			return s.possible()
		})
	}
	place := p.compared.place
	if s.vals == nil {
		s.vals = make(map[string]any)
	}
	defer delete(s.vals, place)
	return slices.ContainsFunc(s.samples(place), func(v any) bool {
		s.vals[place] = v
		return s.possible()
	})
}

// samples are the values that can make a difference to the goals.
func (s *supposition) samples(place string) []any {
	var all []*comparison
	for _, g := range s.goals {
		g.part.leaves(func(p *Part) bool {
			if p.compared != nil && p.compared.place == place {
				all = append(all, p.compared)
			}
			return true
		})
	}
	return samples(all)
}
