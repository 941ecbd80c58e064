package policy

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/signpost-gateway/signpost/policy/hint"
)

// look presents an ending to conditions: the variables of its answer, and what
// else they may read.
func (c *call) look(end ending) {
	if c.op == nil {
		return
	}
	if c.env == nil {
		c.env = hint.NewEnv()
		c.env.Tenant, c.env.Plan = c.tenant, c.rec.Plan
		c.env.Method, c.env.URLPath, c.env.RawQuery = c.asked.method, c.asked.path, c.asked.query
		c.env.RequestHeader = c.req.Header
		c.env.Input = c.givenInputs()
	} else {
		c.env.Forget()
	}
	env, a := c.env, end.answer
	env.Status, env.Header = 0, nil
	if a != nil {
		env.Status, env.Header = a.status, a.resp.Header
	}
	env.Outcome, env.OK, env.Answered = string(end.outcome), end.outcome == Success, end.outcome.Answered()
	env.LatencyMS = float64(time.Since(c.rec.Start).Microseconds()) / 1e3
	env.Attempts = len(c.rec.Attempts)
	c.readFrom(a)
}

// readFrom sets the variables and the body that conditions read: those of the
// third party's answer, or of a stale one.
func (c *call) readFrom(a *answer) {
	c.setVars(a)
	c.env.Vars = c.vars
	if c.op.readsJSON {
		c.env.Body = a.document
	}
	if c.op.readsText {
		c.env.Text = a.plain
	}
	if len(c.op.paths) > 0 {
		c.env.Path = func(source string) (any, bool) { return a.at(c.op.paths, source) }
	}
}

// givenInputs are the bot's variables by name: those of a named call, or the
// segments that the path captured.
func (c *call) givenInputs() map[string]any {
	if len(c.inputs)+len(c.captured) == 0 {
		return nil
	}
	if c.given == nil {
		c.given = make(map[string]any, len(c.inputs)+len(c.captured))
	}
	if c.inputs == nil {
		for i, name := range c.op.captures {
			c.given[name] = c.captured[i]
		}
		return c.given
	}
	for i, name := range c.op.sends.names {
		if i < len(c.inputs) && c.inputs[i].Exists() {
			c.given[name] = c.inputs[i].Any()
		}
	}
	return c.given
}

// setVars takes each variable from the answer, else from its default. Defaults
// hold on every outcome, so that what a bot says never has a hole in it.
func (c *call) setVars(a *answer) {
	if len(c.op.variables) == 0 {
		return
	}
	c.rec.Vars = slices.Grow(c.rec.Vars[:0], len(c.op.variables))
	if c.vars == nil {
		c.vars = make(map[string]any, len(c.op.variables))
	} else {
		clear(c.vars)
	}
	for i := range c.op.variables {
		v := &c.op.variables[i]
		value := v.fallback
		if a != nil && i < len(a.values) && a.values[i].Exists() {
			value = a.values[i]
		} else if !v.hasDefault {
			continue
		}
		c.rec.Vars = append(c.rec.Vars, Var{Name: v.name, Value: value})
		c.vars[v.name] = value.Any()
	}
}

// missingRequired names the first required variable that the answer lacks, or
// is empty.
func (c *call) missingRequired(a *answer) string {
	for i := range c.op.variables {
		v := &c.op.variables[i]
		if v.required && (i >= len(a.values) || !a.values[i].Exists()) {
			return v.name
		}
	}
	return ""
}

// judge tells what a 2xx answer is worth: whether it can be mapped, then
// whether it is a success, then whether it has what is required.
func (c *call) judge(end *ending) {
	a := end.answer
	if a == nil || end.outcome != Success || a.status < 200 || a.status > 299 {
		return
	}
	success := c.op.success
	missing := c.missingRequired(a)
	switch {
	case a.why != "":
		c.rule(end, Unmappable, a.why)
	case success != nil && !(a.skip && c.op.successReads) && !c.holds("success", success):
		c.rule(end, Rejected, "The third party's answer says that it did not succeed.")
	case missing != "" && !exempt(c.asked.method, a):
		c.rule(end, Unmappable, "Response Mapping Not Done, the answer lacks the required variable "+missing)
	}
}

// rule changes the outcome of an answer, also for the conditions that follow.
func (c *call) rule(end *ending, outcome Outcome, reason string) {
	end.outcome, end.reason = outcome, reason
	c.env.Outcome, c.env.OK = string(outcome), false
}

// holds asks a condition that is not a hint. One that cannot be evaluated does
// not hold, and is noted.
func (c *call) holds(where string, when *hint.Condition) bool {
	holds, err := when.Holds(c.env)
	if err == nil {
		return holds
	}
	again := func(f ConditionFault) bool { return f.Where == where && f.Condition == when.String() }
	if !slices.ContainsFunc(c.rec.Faults, again) {
		c.rec.Faults = append(c.rec.Faults, ConditionFault{Where: where, Condition: when.String(), Err: told(when, err)})
	}
	return holds
}

// errNotTold stands for why a condition could not be evaluated that reads what the
// bot sent in headers and query: the error may quote it.
var errNotTold = errors.New("the condition cannot be evaluated with what the bot sent")

// told is an error of a condition as it may be shown.
func told(when *hint.Condition, err error) error {
	if err == nil {
		return nil
	}
	if needs := when.Needs(); needs.RequestHeaders || needs.RequestQuery {
		var located *hint.Error
		if errors.As(err, &located) {
			return fmt.Errorf("%d:%d: %w", located.Line, located.Column, errNotTold)
		}
		return errNotTold
	}
	return err
}

// exempt tells the 2xx answers that nobody can expect values from: they have no
// body of their own, or one that never ends.
func exempt(method string, a *answer) bool {
	return method == http.MethodHead || isEventStream(a.resp.Header)
}

// askHints asks the hints in order; the first that holds names the route.
func (c *call) askHints() (route string, named bool) {
	c.rec.Hints = slices.Grow(c.rec.Hints, len(c.op.hints))
	for i := range c.op.hints {
		h := &c.op.hints[i]
		holds, err := h.when.Holds(c.env)
		result := HintResult{Route: h.route, Condition: h.when.String(), Holds: holds, Err: told(h.when, err)}
		if c.explains() {
			from := len(c.readings)
			c.readings = h.when.AppendReadings(c.readings, c.env)
			result.Readings = c.readings[from:len(c.readings):len(c.readings)]
		}
		c.rec.Hints = append(c.rec.Hints, result)
		if holds {
			return h.route, true
		}
	}
	return "", false
}

// pickFallback gives the first fallback that holds, nil where none does.
func (c *call) pickFallback(outcome Outcome) *fallback {
	for i := range c.op.fallbacks {
		f := &c.op.fallbacks[i]
		if f.when == nil {
			if slices.Contains(defaultFallback, outcome) {
				return f
			}
			continue
		}
		if c.holds("fallback", f.when) {
			return f
		}
	}
	return nil
}

// varText gives a variable for a fallback's body.
func (c *call) varText(name string) (json []byte, text string, ok bool) {
	for i := range c.rec.Vars {
		if c.rec.Vars[i].Name == name {
			value := c.rec.Vars[i].Value
			return value.AppendJSON(nil), string(value.AppendText(nil)), true
		}
	}
	return nil, "", false
}
