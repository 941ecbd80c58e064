package policy

import (
	"math"
	"net/http"
	"slices"

	"github.com/signpost-gateway/signpost/policy/hint"
)

// possible is an ending that a call may have, as conditions see it.
type possible struct {
	outcome Outcome
	status  int  // 0: the third party did not answer
	stale   bool // conditions read a stale body
	known   *hint.Case
}

// asksSuccess tells whether `success` is asked then.
func (p *possible) asksSuccess() bool { return p.outcome == Success && p.status/100 == 2 }

// wasSent tells whether an attempt can have ended so.
func (p *possible) wasSent() bool {
	switch p.outcome {
	case RateLimited, Overloaded, BadRequest, NotFound:
		return false
	default:
		return !p.stale
	}
}

// What conditions see of an ending.
var (
	knownAlways  = []string{"status", "outcome", "ok", "answered"}
	knownUnread  = append(slices.Clone(knownAlways), "vars", "body", "path")
	knownNothing = append(slices.Clone(knownUnread), "text", "headers")
	knownStale   = append(slices.Clone(knownAlways), "headers")
)

// suppose gives all endings that calls of the operation can have, as far as
// conditions can tell them apart. Answers come first, the usual ones before others.
func (s *surveyor) suppose() []possible {
	var all []possible
	add := func(o Outcome, status int, stale bool, known []string, vars map[string]any) {
		known = slices.Clip(known)
		if s.op.method != "" {
			known = append(known, "request.method")
		}
		env := &hint.Env{
			Status: status, Outcome: string(o), OK: o == Success, Answered: o.Answered(),
			Method: s.op.method, Vars: vars,
		}
		all = append(all, possible{o, status, stale, &hint.Case{Env: env, Known: known, Left: s.left}})
	}
	numbers, few := s.statuses()
	defaults := s.defaults()
	for _, o := range s.outcomes() {
		statuses := []int{0}
		if o.Answered() {
			statuses = statusesOf(o, numbers, few)
		}
		for _, status := range statuses {
			if o.Answered() {
				add(o, status, false, knownAlways, nil)
				add(o, status, false, knownUnread, defaults)
			} else {
				add(o, status, false, knownNothing, defaults)
			}
			if s.op.keepStale > 0 {
				add(o, status, true, knownStale, nil)
			}
		}
	}
	return all
}

// defaults are the variables of an answer that cannot be read.
func (s *surveyor) defaults() map[string]any {
	vars := make(map[string]any, len(s.op.variables))
	for i := range s.op.variables {
		if v := &s.op.variables[i]; v.hasDefault {
			vars[v.name] = v.fallback.Any()
		}
	}
	return vars
}

// outcomes are those that the operation's calls can have and that ask conditions.
func (s *surveyor) outcomes() []Outcome {
	op := s.op
	if op.spec == nil && op.policy.operationsOnly {
		return []Outcome{Denied, BadRequest, NotFound}
	}
	all := []Outcome{Success, ClientError, ServerError}
	if op.success != nil {
		all = append(all, Rejected)
	}
	if op.readsJSON || op.readsText {
		all = append(all, Unmappable)
	}
	all = append(all, Timeout, Unreachable, Incomplete)
	if !op.breaker.Config().Off {
		all = append(all, CircuitOpen)
	}
	rates, slots := s.limits()
	if rates {
		all = append(all, RateLimited)
	}
	if slots {
		all = append(all, Overloaded)
	}
	all = append(all, Denied, BadRequest, Internal)
	if op.spec == nil {
		all = append(all, NotFound) // A named call of an operation that is not there.
	}
	return all
}

// limits tells whether a rate, and whether the calls in flight, are limited for
// anyone.
func (s *surveyor) limits() (rates, slots bool) {
	p := s.op.policy.spec
	rates, slots = len(p.RateLimits) > 0, len(p.Concurrency) > 0
	if s.op.spec != nil {
		rates = rates || len(s.op.spec.RateLimits) > 0
	}
	written := false
	for i := range s.spec.Plans {
		plan := &s.spec.Plans[i]
		written = written || plan.Name == "default"
		rates, slots = rates || len(plan.RateLimits) > 0, slots || len(plan.Concurrency) > 0
	}
	return rates || !written, slots
}

// statuses gives the numbers that conditions compare a status with; few is false
// where any status may make a difference.
func (s *surveyor) statuses() (numbers []float64, few bool) {
	few = true
	conditions := slices.Concat(s.hints, s.fallbacks)
	for _, when := range []*hint.Condition{s.op.success, s.op.retry.on} {
		if when != nil {
			conditions = append(conditions, s.parts.of(when))
		}
	}
	for _, c := range conditions {
		compared, all := c.Statuses()
		numbers, few = append(numbers, compared...), few && all
	}
	slices.Sort(numbers)
	return slices.Compact(numbers), few
}

// statusesOf gives the statuses that an outcome with an answer can have: all, or
// those around the numbers, and the usual ones.
func statusesOf(o Outcome, numbers []float64, few bool) []int {
	usual, from, to := http.StatusOK, 200, 299
	switch o {
	case Success:
		to = 399
	case ClientError:
		usual, from, to = http.StatusNotFound, 400, 499
	case ServerError:
		usual, from, to = http.StatusServiceUnavailable, 500, 999 // net/http takes any three digits.
	}
	all := []int{usual, from, to}
	if o == Success {
		all = append(all, http.StatusSwitchingProtocols, 300)
	}
	if !few {
		for status := from; status <= to; status++ {
			all = append(all, status)
		}
	}
	for _, n := range numbers {
		for _, status := range []float64{math.Floor(n) - 1, math.Floor(n), math.Floor(n) + 1} {
			if status >= float64(from) && status <= float64(to) {
				all = append(all, int(status))
			}
		}
	}
	seen := make(map[int]bool, len(all))
	return slices.DeleteFunc(all, func(status int) bool {
		again := seen[status]
		seen[status] = true
		return again
	})
}
