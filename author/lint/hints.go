package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// unreachableHints finds hints that name the route of no call. A hint of the policy's
// is asked in each of its operations, and found where it names none in any.
func unreachableHints(c *checker, r *Rule) {
	c.hints(func(h policy.ConditionSurvey) bool { return h.Never || len(h.Behind) > 0 }, func(p part, h policy.ConditionSurvey, at *policy.Hint) {
		name := p.name + ": hint " + at.Route
		if h.Never {
			c.add(r, at.Place, name, at.When, "mend the condition, or drop the hint", "never holds, whatever a call comes to%s", noOutcome(at.When))
			return
		}
		c.add(r, at.Place, name, at.When, "put it before the more general ones, or drop it", "is never reached: %s whenever this one could", p.earlier(h.Behind))
	})
}

// alwaysTrueHints finds hints that hold for every call.
func alwaysTrueHints(c *checker, r *Rule) {
	c.hints(func(h policy.ConditionSurvey) bool { return h.Always && len(h.Behind) == 0 }, func(p part, _ policy.ConditionSurvey, at *policy.Hint) {
		c.add(r, at.Place, p.name+": hint "+at.Route, at.When, "write `otherwise "+at.Route+"` below the hints, or mend the condition",
			"holds for every call, one that failed included: nothing below it is asked")
	})
}

// hints tells of each hint for which something is the case, in all operations that
// ask it: that of an operation is its own, that of a policy is asked by all.
func (c *checker) hints(is func(policy.ConditionSurvey) bool, tell func(part, policy.ConditionSurvey, *policy.Hint)) {
	for _, parts := range c.policies() {
		for _, p := range parts {
			for i := range p.rules.Hints {
				askers := parts
				if p.op != nil {
					askers = []part{p}
				}
				found, by, all := sharedBy(askers, p.op == nil, i, is)
				if all {
					tell(part{name: p.name, policy: p.policy, op: by.op}, found, &p.rules.Hints[i])
				}
			}
		}
	}
}

// sharedBy tells whether something is the case with a hint in all parts that ask it,
// and gives what was found in the one that says most: that others come before it.
func sharedBy(askers []part, ofPolicy bool, index int, is func(policy.ConditionSurvey) bool) (found policy.ConditionSurvey, by part, all bool) {
	for _, p := range askers {
		i := slices.IndexFunc(p.survey.Hints, func(h policy.ConditionSurvey) bool { return h.Policy == ofPolicy && h.Index == index })
		if i < 0 || !is(p.survey.Hints[i]) {
			return found, by, false
		}
		if !all || found.Never && !p.survey.Hints[i].Never {
			found, by, all = p.survey.Hints[i], p, true
		}
	}
	return found, by, all
}

// earlier names hints by their numbers among all that a part asks.
func (p part) earlier(numbers []int) string {
	asked := p.policy.Hints
	if p.op != nil {
		asked = slices.Concat(p.op.Hints, p.policy.Hints)
	}
	names := make([]string, len(numbers))
	for i, n := range numbers {
		names[i] = "hint " + asked[n].Route
		if at := asked[n].Place.String(); at != "" {
			names[i] += " at " + at
		}
	}
	if len(names) == 1 {
		return names[0] + " holds"
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1] + " holds"
}

// outcomeCompared finds the words that a condition compares an outcome with.
var outcomeCompared = regexp.MustCompile(`\boutcome\s*[!=]=\s*["']([^"']*)["']`)

// noOutcome says which word of a condition is no outcome.
func noOutcome(when string) string {
	for _, m := range outcomeCompared.FindAllStringSubmatch(when, -1) {
		if !slices.Contains(policy.Outcomes(), policy.Outcome(m[1])) {
			return fmt.Sprintf("; there is no outcome %q", m[1])
		}
	}
	return ""
}

// constantConditions finds conditions that say the same of every call: of success,
// retries and fallbacks.
func constantConditions(c *checker, r *Rule) {
	for _, parts := range c.policies() {
		for _, p := range parts {
			askers := parts
			if p.op != nil {
				askers = []part{p}
			}
			c.constantSuccess(r, p, askers)
			c.constantRetry(r, p, askers)
			c.constantFallbacks(r, p, askers)
		}
	}
}

func (c *checker) constantSuccess(r *Rule, p part, askers []part) {
	if p.rules.Success == "" {
		return
	}
	says := "no answer is rejected"
	never, always := constant(askers, p.op == nil, func(s *policy.Survey) policy.ConditionSurvey { return s.Success })
	if never {
		says = "every answer is rejected"
	}
	if never || always {
		c.add(r, p.places["success"], p.name+": success", p.rules.Success, "let it read what tells a good answer from a bad one", "says the same of every 2xx answer: %s", says)
	}
}

func (c *checker) constantRetry(r *Rule, p part, askers []part) {
	if p.rules.Retry == nil || p.rules.Retry.On == "" {
		return
	}
	on := p.rules.Retry.On
	never, always := constant(askers, p.op == nil, func(s *policy.Survey) policy.ConditionSurvey { return s.RetryOn })
	at, name := p.rules.Retry.Places["on"], p.name+": retry: on"
	switch {
	case never:
		c.add(r, at, name, on, "a third party's own 429 is `status == 429`; calls that Signpost keeps back are not sent again",
			"never holds after an attempt, so nothing is sent again%s", noOutcome(on))
	case always:
		c.add(r, at, name, on, "leave it out for the usual failures, or name those that are worth another attempt",
			"holds after every attempt, so that good answers are asked for again, too")
	}
}

func (c *checker) constantFallbacks(r *Rule, p part, askers []part) {
	for i := range p.rules.Fallbacks {
		f := &p.rules.Fallbacks[i]
		at, name := f.Places["fallback"], p.name+": fallback"
		never, behind, always := true, true, len(askers) > 1 || !p.policy.OperationsOnly || p.op != nil
		for _, a := range askers {
			n := slices.IndexFunc(a.survey.Fallbacks, func(s policy.ConditionSurvey) bool { return s.Policy == (p.op == nil) && s.Index == i })
			if n < 0 {
				continue
			}
			s := a.survey.Fallbacks[n]
			never, behind, always = never && s.Never, behind && (s.Never || len(s.Behind) > 0), always && s.Always
		}
		switch {
		case never:
			c.add(r, at, name, f.When, "mend the condition, or drop the block", "never holds, whatever a call comes to%s", noOutcome(f.When))
		case behind:
			c.add(r, at, name, f.When, "put it before the more general one, or drop it", "is never taken: one of the fallbacks before it holds whenever this one could")
		case always && (f.Respond != nil || f.Stale > 0):
			c.add(r, at, name, f.When, "leave the condition out for the usual failures, or name those that it is for", "holds for every call that succeeded, and answers instead of the third party")
		}
	}
}

// constant tells whether a condition never holds, or always does, in all operations
// that ask it. Of those in which it is never asked, both are true.
func constant(askers []part, ofPolicy bool, of func(*policy.Survey) policy.ConditionSurvey) (never, always bool) {
	never, always = true, true
	asked := false
	for _, p := range askers {
		s := of(p.survey)
		if s.Policy != ofPolicy || s.Never && s.Always {
			continue // Another condition, or none.
		}
		asked, never, always = true, never && s.Never, always && s.Always
	}
	return asked && never, asked && always
}
