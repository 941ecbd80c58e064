package policytest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/author/stage"
	"github.com/signpost-gateway/signpost/policy"
)

// job is a test that is ready to run.
type job struct {
	file   *File
	test   *Test
	config *config
	label  string
	stage  stage.Options
	calls  []stage.Call // one for each step
}

// planner turns tests into jobs, and collects what keeps them from running.
type planner struct {
	mistakes policy.Mistakes
}

// wrong notes a mistake of a test.
func (p *planner) wrong(at policy.Place, t *Test, format string, args ...any) {
	p.mistakes = append(p.mistakes, policy.Mistake{Place: at, Name: "test " + t.Name, Text: fmt.Sprintf(format, args...)})
}

// place is where a part of a test stands, or else what it is a part of.
func place(f *File, t *Test, s *Step, at policy.Place) policy.Place {
	for _, at := range []policy.Place{at, s.Place, t.Place} {
		if at != (policy.Place{}) {
			return at
		}
	}
	return policy.Place{File: f.Path, Line: 1}
}

// labels names what a test calls, and the test.
func labels(f *File, t *Test) (policyName, operation, label string) {
	policyName, operation = cmp.Or(t.Policy, f.Policy), t.Operation
	if operation == "" && t.Policy == "" {
		operation = f.Operation
	}
	return policyName, operation, labelOf(policyName, operation) + "/" + t.Name
}

// job makes a test ready.
func (p *planner) job(f *File, t *Test, c *config) job {
	policyName, operation, label := labels(f, t)
	j := job{file: f, test: t, config: c, label: label}
	target, err := c.target(policyName, operation)
	if err != nil {
		p.wrong(place(f, t, &Step{}, t.Place), t, "%v", err)
		return j
	}
	c.tested[policyName] = true
	j.stage = stage.Options{Policy: policyName, Operations: []string{}, Callers: []string{}, Tenants: c.tenants}
	for i := range t.Steps {
		s := &t.Steps[i]
		at := place(f, t, s, s.Place)
		call := stage.Call{Policy: policyName, Tenant: s.Tenant}
		if s.Request == nil && operation != "" {
			call.Operation = operation
			p.named(at, t, s, target, &call)
		} else {
			p.baseURL(at, t, s, target, &call)
		}
		op := call.Operation
		if op == "" {
			op = c.whole.Recognises(call)
		}
		if op != "" && !slices.Contains(j.stage.Operations, op) {
			j.stage.Operations = append(j.stage.Operations, op)
		}
		p.given(f, t, s, &call)
		p.expected(place(f, t, s, s.Expect.Place), t, &s.Expect, target)
		if s.Tenant != "" {
			j.stage.Callers = append(j.stage.Callers, s.Tenant)
		}
		j.calls = append(j.calls, call)
	}
	return j
}

// named makes a named call of a step.
func (p *planner) named(at policy.Place, t *Test, s *Step, to *target, call *stage.Call) {
	for _, name := range slices.Sorted(maps.Keys(s.Input)) {
		if !slices.Contains(to.inputs, name) {
			p.wrong(at, t, "the operation %s has no such input: %s", to.operation.Name, unknown(name, to.inputs))
		}
	}
	inputs := s.Input
	if inputs == nil {
		var err error
		if inputs, err = to.sampleInputs(); err != nil {
			p.wrong(at, t, "%v", err)
			return
		}
	}
	var err error
	if call.Input, err = json.Marshal(inputs); err != nil {
		p.wrong(at, t, "the input is not JSON: %v", err)
	}
}

// baseURL makes a base-URL call of a step.
func (p *planner) baseURL(at policy.Place, t *Test, s *Step, to *target, call *stage.Call) {
	if len(s.Input) > 0 {
		p.wrong(at, t, "a base-URL call has no input: write request, or the operation of a named call")
	}
	r := s.Request
	if r == nil {
		r = new(Request)
	}
	call.Method, call.Path, call.Query, call.Body = cmp.Or(r.Method, to.method()), r.Path, r.Query, r.Body
	call.Header = headerOf(r.Headers)
	if call.Path != "" {
		return
	}
	var err error
	if call.Path, err = to.samplePath(); err != nil {
		p.wrong(at, t, "%v", err)
	}
}

// headerOf makes a header of what a test says.
func headerOf(values map[string]string) http.Header {
	if len(values) == 0 {
		return nil
	}
	header := make(http.Header, len(values))
	for name, value := range values {
		header.Set(name, value)
	}
	return header
}

// expected looks for variables that nobody extracts, which could not be missing
// either.
func (p *planner) expected(at policy.Place, t *Test, e *Expect, to *target) {
	names := slices.Concat(slices.Sorted(maps.Keys(e.Vars)), e.Missing)
	for _, name := range names {
		switch {
		case slices.Contains(to.vars, name):
		case len(to.vars) == 0:
			p.wrong(at, t, "%s is expected, but nothing is extracted here", name)
		default:
			p.wrong(at, t, "nothing extracts a variable of that name: %s", unknown(name, to.vars))
		}
	}
}

// given turns what the third party does into turns, or into what the call is
// supposed to come to.
func (p *planner) given(f *File, t *Test, s *Step, call *stage.Call) {
	for i := range s.Given {
		g := &s.Given[i]
		at := place(f, t, s, g.Place)
		turn := stage.Turn{After: g.After, Status: g.Status, Header: headerOf(g.Headers), Body: g.Body}
		switch o := g.Outcome; {
		case o == "":
		case o == policy.Timeout, o == policy.Unreachable, o == policy.Incomplete:
			turn.Fails = o
		case o == policy.ServerError:
			turn.Status = cmp.Or(g.Status, http.StatusInternalServerError)
		case o == policy.ClientError:
			turn.Status = cmp.Or(g.Status, http.StatusBadRequest)
		case !isSupposed(o):
			p.wrong(at, t, "%s cannot be given: expected %s", o, strings.Join(givable(), ", "))
		case len(s.Given) > 1:
			p.wrong(at, t, "%s decides the call before there is an attempt: it stands alone", o)
		default:
			call.Suppose = o
			return
		}
		call.Turns = append(call.Turns, turn)
	}
}

// givable are the outcomes that can be given. All others are what the policy makes
// of an answer.
func givable() []string {
	var names []string
	for _, o := range policy.Outcomes() {
		switch o {
		case policy.Success, policy.Rejected, policy.Unmappable:
		default:
			names = append(names, string(o))
		}
	}
	return names
}
