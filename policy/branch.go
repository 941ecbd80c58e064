package policy

import "slices"

// Branch is one of the places at which calls of a policy go different ways. It
// is comparable.
type Branch struct {
	// Policy and Operation name whose rule it is. A rule that a policy says for all
	// of its operations has no operation.
	Policy, Operation string

	Kind BranchKind

	// Name is the route of a hint or `otherwise`, or the variable of an extraction.
	Name string

	// Text is the rule, as it could stand in a Caddyfile.
	Text string

	// Place is where the rule stands; of BranchDefault, where its operation does.
	Place Place
}

// BranchKind says what kind of rule a branch is.
type BranchKind string

// The kinds of branches.
const (
	// BranchHint is taken where the hint holds.
	BranchHint BranchKind = "hint"
	// BranchOtherwise is taken where no hint holds.
	BranchOtherwise BranchKind = "otherwise"
	// BranchDefault is the outcome's own route, where no hint holds and there is
	// no `otherwise`.
	BranchDefault BranchKind = "default"
	// BranchExtract is the default of an extraction, where the answer lacks the
	// variable.
	BranchExtract BranchKind = "extract default"
	// BranchFallback is taken where the fallback's expression holds, whether it
	// answers or not.
	BranchFallback BranchKind = "fallback"
)

// Branches gives all branches of all policies that a call can take, each once: of
// each policy, first those of calls that no operation recognises, then those of its
// operations.
func (g *Gateway) Branches() []Branch {
	var all []Branch
	met := make(map[Branch]bool)
	add := func(branches []Branch) {
		for _, b := range branches {
			if !met[b] {
				met[b] = true
				all = append(all, b)
			}
		}
	}
	for _, name := range g.names() {
		p := g.policies[name]
		if !p.operationsOnly || len(p.operations) == 0 {
			own := p.own.branches()
			if last := len(own) - 1; len(p.operations) > 0 && own[last].Kind == BranchDefault {
				own = own[:last] // Nobody planned for such calls.
			}
			add(own)
		}
		for _, op := range p.operations {
			add(op.branches())
		}
	}
	return all
}

// ruleSet are the rules that an operation has from one place, and their name.
type ruleSet struct {
	operation string // empty: the policy's
	rules     *Rules
	places    Places
}

// ruleSets gives the operation's own rules, then the policy's.
func (op *operation) ruleSets() []ruleSet {
	sets := []ruleSet{{rules: &op.policy.spec.Rules, places: op.policy.spec.Places}}
	if op.spec != nil {
		sets = slices.Insert(sets, 0, ruleSet{op.name, &op.spec.Rules, op.spec.Places})
	}
	return sets
}

// branch makes a branch of one set of rules.
func (op *operation) branch(s ruleSet, kind BranchKind, name, text string, at Place) Branch {
	return Branch{Policy: op.policy.name, Operation: s.operation, Kind: kind, Name: name, Text: text, Place: at}
}

// branches gives all that a call of the operation can take; the last one is taken
// where no hint holds.
func (op *operation) branches() []Branch {
	var all []Branch
	said := make(map[string]bool)
	for _, s := range op.ruleSets() {
		for i := range s.rules.Extracts {
			e := &s.rules.Extracts[i]
			if len(e.Default) > 0 && !said[e.Var] {
				all = append(all, op.extractBranch(s, e))
			}
			said[e.Var] = true
		}
		for i := range s.rules.Hints {
			all = append(all, op.hintBranch(s, &s.rules.Hints[i]))
		}
		for i := range s.rules.Fallbacks {
			all = append(all, op.fallbackBranch(s, &s.rules.Fallbacks[i]))
		}
	}
	return append(all, op.elseBranch())
}

func (op *operation) extractBranch(s ruleSet, e *Extract) Branch {
	return op.branch(s, BranchExtract, e.Var, ExtractLine(e.Var, e.Path)+" default "+string(e.Default), e.Place)
}

func (op *operation) hintBranch(s ruleSet, h *Hint) Branch {
	return op.branch(s, BranchHint, h.Route, "hint "+h.Route+" "+h.When, h.Place)
}

func (op *operation) otherwiseBranch(s ruleSet) Branch {
	return op.branch(s, BranchOtherwise, s.rules.Otherwise, "otherwise "+s.rules.Otherwise, s.places["otherwise"])
}

func (op *operation) fallbackBranch(s ruleSet, f *Fallback) Branch {
	return op.branch(s, BranchFallback, "", "fallback "+f.text(), f.Places["fallback"])
}

// elseBranch is taken where no hint holds.
func (op *operation) elseBranch() Branch {
	sets := op.ruleSets()
	for _, s := range sets {
		if s.rules.Otherwise != "" {
			return op.otherwiseBranch(s)
		}
	}
	at := op.policy.spec.Places["policy"]
	if op.spec != nil {
		at = op.spec.Places["operation"]
	}
	return op.branch(ruleSet{operation: op.name}, BranchDefault, "", "the outcome's own route, as no hint holds", at)
}

// tellBranches tells whoever wants to know which branches the call took.
func (c *call) tellBranches(d *decision) {
	if c.info.Took == nil || c.op == nil || d.Outcome == Canceled {
		return
	}
	c.tellDefaults(d)
	if d.HintNamed {
		s, i := c.op.setOf(len(c.rec.Hints)-1, func(r *Rules) int { return len(r.Hints) })
		c.info.Took(c.op.hintBranch(s, &s.rules.Hints[i]))
	} else {
		c.info.Took(c.op.elseBranch())
	}
	if d.used != nil {
		c.info.Took(c.op.heldBranch(d.used))
	}
}

// heldBranch is the branch of one of the operation's fallbacks.
func (op *operation) heldBranch(f *fallback) Branch {
	number := 0
	for f != &op.fallbacks[number] {
		number++
	}
	s, i := op.setOf(number, func(r *Rules) int { return len(r.Fallbacks) })
	return op.fallbackBranch(s, &s.rules.Fallbacks[i])
}

// setOf finds the rules in which one stands that has a number among all of its
// kind, and its number there.
func (op *operation) setOf(number int, count func(*Rules) int) (ruleSet, int) {
	sets := op.ruleSets()
	if own := count(sets[0].rules); number >= own && len(sets) > 1 {
		return sets[1], number - own
	}
	return sets[0], number
}

// tellDefaults tells of the variables that have their default.
func (c *call) tellDefaults(d *decision) {
	a := d.end.answer
	if d.stale != nil {
		a = d.stale
	}
	for i := range c.op.variables {
		v := &c.op.variables[i]
		if !v.hasDefault || a != nil && i < len(a.values) && a.values[i].Exists() {
			continue
		}
		for _, s := range c.op.ruleSets() {
			said := slices.IndexFunc(s.rules.Extracts, func(e Extract) bool { return e.Var == v.name })
			if said >= 0 {
				c.info.Took(c.op.extractBranch(s, &s.rules.Extracts[said]))
				break
			}
		}
	}
}
