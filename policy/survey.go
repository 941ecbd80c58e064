package policy

import (
	"slices"

	"github.com/signpost-gateway/signpost/policy/hint"
	"github.com/signpost-gateway/signpost/policy/template"
)

// Survey is what the conditions of one operation can come to, found by supposing
// every ending that a call can have: each outcome, with each status that makes a
// difference, with and without an answer that can be read. What it says never or
// always happens is certain. The rest may, as far as can be told.
type Survey struct {
	Policy string

	// Operation is empty for the calls that no operation recognises.
	Operation string

	// Hints are in the order in which they are asked: the operation's, then the
	// policy's. Fallbacks are, too.
	Hints, Fallbacks []ConditionSurvey

	// Success and RetryOn are zero where none is written.
	Success, RetryOn ConditionSurvey

	// Unplanned are the failures for which, in some ending that they have, neither a
	// hint nor `otherwise` names a route, and no fallback answers or says route or
	// next. Of those outcomes for which a fallback is made, but for faults of the
	// gateway: timeout, unreachable, incomplete, server_error, circuit_open and
	// overloaded.
	Unplanned []Outcome

	// Reads are the variables that conditions and the bodies of fallbacks read, sorted.
	Reads []string
}

// ConditionSurvey is what is known of one condition.
type ConditionSurvey struct {
	// Policy tells that it is the policy's, which operations share, and Index is its
	// place there or among the operation's own.
	Policy bool
	Index  int

	// Never tells that it holds for no call, and Always that it does for every one;
	// of a fallback, for every call that succeeded.
	Never, Always bool

	// Behind are the numbers of those that are asked before, of which one holds
	// whenever this one could. Empty where it can be reached, and with Never.
	Behind []int
}

// maxSurveyed bounds the work of a survey, in conditions looked at. 5,000 operations of
// an imported policy take a tenth; beyond it, conditions are said to be possible.
const maxSurveyed = 12_000_000

// Surveys tells what conditions can come to: of each policy, first for the calls
// that no operation recognises, then for each operation, in the order written. It
// is nil for a Spec that has mistakes, and touches no file, no network and no state.
func Surveys(spec *Spec) []Survey {
	g, mistakes := compile(spec, NewState(nil))
	if len(mistakes) > 0 {
		return nil
	}
	var all []Survey
	left := maxSurveyed
	for i := range spec.Policies {
		p := g.policies[spec.Policies[i].Name]
		parts := partsOf{scope: (&compiler{}).policyScope(p.spec), known: make(map[string]*hint.Part)}
		for _, op := range slices.Insert(slices.Clone(p.operations), 0, p.own) {
			s := surveyor{op: op, spec: spec, parts: &parts, left: &left}
			all = append(all, s.survey())
		}
	}
	return all
}

// partsOf takes the conditions of a policy apart, each text once.
type partsOf struct {
	scope hint.Scope
	known map[string]*hint.Part
}

func (p *partsOf) of(c *hint.Condition) *hint.Part {
	if known := p.known[c.String()]; known != nil {
		return known
	}
	part := c.Parts(p.scope)
	p.known[c.String()] = part
	return part
}

// surveyor finds out about one operation.
type surveyor struct {
	op    *operation
	spec  *Spec
	parts *partsOf
	left  *int

	hints, fallbacks []*hint.Part // a fallback without a condition has one in words
	endings          []possible
}

func (s *surveyor) survey() Survey {
	op := s.op
	for i := range op.hints {
		s.hints = append(s.hints, s.parts.of(op.hints[i].when))
	}
	for i := range op.fallbacks {
		s.fallbacks = append(s.fallbacks, s.parts.of(whenOf(&op.fallbacks[i])))
	}
	s.endings = s.suppose()
	found := Survey{Policy: op.policy.name, Operation: op.name, Reads: s.reads()}
	anyOutcome := func(*possible) bool { return true }
	found.Hints = s.judge(s.hints, anyOutcome, func(r *Rules) int { return len(r.Hints) })
	found.Fallbacks = s.judge(s.fallbacks, func(e *possible) bool { return !e.stale }, func(r *Rules) int { return len(r.Fallbacks) })
	for i := range found.Fallbacks {
		_, found.Fallbacks[i].Always = s.extremes(s.fallbacks[i], func(e *possible) bool { return e.outcome == Success && !e.stale })
	}
	if op.success != nil {
		found.Success = s.alone(op.success, func(e *possible) bool { return e.asksSuccess() }, func(r *Rules) bool { return r.Success != "" })
	}
	if op.retry.on != nil {
		found.RetryOn = s.alone(op.retry.on, func(e *possible) bool { return e.wasSent() }, func(r *Rules) bool { return r.Retry != nil })
	}
	if !op.policy.operationsOnly || op.spec != nil {
		found.Unplanned = s.unplanned()
	}
	return found
}

// whenOf is the condition of a fallback, in words where it has none.
func whenOf(f *fallback) *hint.Condition {
	if f.when != nil {
		return f.when
	}
	return usualFailures
}

// usualFailures is the condition of a fallback that has none.
var usualFailures = func() *hint.Condition {
	source := ""
	for _, o := range defaultFallback {
		if source != "" {
			source += " or "
		}
		source += `outcome == "` + string(o) + `"`
	}
	c, err := hint.Compile(source, hint.Scope{})
	if err != nil {
		panic(err) // It is a constant.
	}
	return c
}()

// judge says of each of a list of conditions, of which the first that holds is
// taken, what it can come to in the endings in which it is asked.
func (s *surveyor) judge(conditions []*hint.Part, asked func(*possible) bool, count func(*Rules) int) []ConditionSurvey {
	found := make([]ConditionSurvey, len(conditions))
	for i, c := range conditions {
		f := &found[i]
		set, index := s.op.setOf(i, count)
		f.Policy, f.Index = set.operation == "", index
		f.Never, f.Always = s.extremes(c, asked)
		if f.Never || s.canBe(asked, c, conditions[:i]...) {
			continue
		}
		f.Behind = s.behind(c, conditions[:i], asked)
	}
	return found
}

// behind gives the numbers of those conditions that keep one from being reached: one
// alone where there is such, else those without which it could be.
func (s *surveyor) behind(c *hint.Part, earlier []*hint.Part, asked func(*possible) bool) []int {
	for i, e := range earlier {
		if !s.canBe(asked, c, e) {
			return []int{i}
		}
	}
	all := make([]int, len(earlier))
	for i := range all {
		all[i] = i
	}
	for i := len(earlier) - 1; i >= 0; i-- {
		fewer := slices.DeleteFunc(slices.Clone(all), func(n int) bool { return n == i })
		others := make([]*hint.Part, len(fewer))
		for k, n := range fewer {
			others[k] = earlier[n]
		}
		if !s.canBe(asked, c, others...) {
			all = fewer
		}
	}
	return all
}

// alone says what a condition that stands alone can come to.
func (s *surveyor) alone(when *hint.Condition, asked func(*possible) bool, said func(*Rules) bool) ConditionSurvey {
	var found ConditionSurvey
	found.Never, found.Always = s.extremes(s.parts.of(when), asked)
	found.Policy = s.op.spec == nil || !said(&s.op.spec.Rules)
	return found
}

// extremes tells whether a condition never holds, and whether it always does.
func (s *surveyor) extremes(c *hint.Part, asked func(*possible) bool) (never, always bool) {
	canFail := slices.ContainsFunc(s.endings, func(e possible) bool { return asked(&e) && e.known.CanFail(c) })
	return !s.canBe(asked, c), !canFail
}

// canBe tells whether there is an ending in which one condition holds and others do
// not.
func (s *surveyor) canBe(asked func(*possible) bool, want *hint.Part, others ...*hint.Part) bool {
	return slices.ContainsFunc(s.endings, func(e possible) bool { return asked(&e) && e.known.CanBe(want, others...) })
}

// plannable are the failures for which a policy is expected to have a plan: those of
// a fallback without a condition, but for the gateway's own.
var plannable = []Outcome{Timeout, Unreachable, Incomplete, ServerError, CircuitOpen, Overloaded}

// unplanned gives the failures in which nothing may name a route or answer.
func (s *surveyor) unplanned() []Outcome {
	if s.op.otherwise != "" {
		return nil
	}
	var found []Outcome
	for _, outcome := range plannable {
		if slices.ContainsFunc(s.endings, func(e possible) bool { return e.outcome == outcome && !e.stale && !s.plans(&e) }) {
			found = append(found, outcome)
		}
	}
	return found
}

// plans tells whether a hint may name the route in an ending without a stale answer,
// or a fallback may do something.
func (s *surveyor) plans(e *possible) bool {
	if slices.ContainsFunc(s.hints, func(h *hint.Part) bool { return e.known.CanBe(h) }) {
		return true
	}
	for i := range s.op.fallbacks {
		f := &s.op.fallbacks[i]
		if (f.respond || f.route != "" || f.next != "") && e.known.CanBe(s.fallbacks[i], s.fallbacks[:i]...) {
			return true
		}
	}
	return false
}

// reads gives the variables that anything but the bot reads.
func (s *surveyor) reads() []string {
	op := s.op
	conditions := []*hint.Condition{op.success, op.retry.on}
	for i := range op.hints {
		conditions = append(conditions, op.hints[i].when)
	}
	var names []string
	for i := range op.fallbacks {
		conditions = append(conditions, op.fallbacks[i].when)
		if op.fallbacks[i].body == nil {
			continue
		}
		for _, ref := range op.fallbacks[i].body.Refs() {
			if ref.Kind == template.Vars {
				names = append(names, ref.Name)
			}
		}
	}
	for _, when := range conditions {
		if when != nil {
			names = append(names, when.Needs().Vars...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
