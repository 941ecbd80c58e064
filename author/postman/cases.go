package postman

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/extract"
)

// tests makes a test of each saved response, and of a good one where none was saved.
func (d *drafting) tests(all []*operation) {
	used, left, bodies := make(map[string]int), 0, 0
	d.draft.Tests = append(d.draft.Tests, all[0].testFailure(used))
	for _, o := range all {
		good := func(a answer) bool { return a.outcome() == policy.Success }
		if !slices.ContainsFunc(o.saved, good) {
			o.saved = append(o.saved, answer{status: http.StatusOK})
		}
		routes := make(map[string]bool)
		for _, a := range o.saved {
			again := routes[routeFor(&a)]
			routes[routeFor(&a)] = true
			if full := bodies+len(a.body) > maxTestBytes; full || again && bodies > maxTestBytes/2 {
				left++
				if again {
					continue
				}
				a = emptied(a) // The branch is to be tested, whatever the answer is.
			}
			bodies += len(a.body)
			d.draft.Tests = append(d.draft.Tests, o.test(used, a))
		}
	}
	if left += d.draft.FitTests(); left > 0 {
		d.warnings.add("%s did not become tests: a file has room for %d tests, and these have %d MiB of bodies at most", count(left, "saved response"), policytest.MaxTests, maxTestBytes>>20)
	}
}

// emptied is an answer with as good as no body, in which nothing is read.
func emptied(a answer) answer {
	a.body = nil
	if a.isJSON {
		a.body = []byte("{}")
	}
	return a
}

// testFailure is what must come of a third party that is not there.
func (o *operation) testFailure(used map[string]int) policytest.Test {
	name := o.spec.Name + ", not answered"
	used[name]++
	route := handoff
	return policytest.Test{
		Name: name, Operation: o.spec.Name,
		Steps: []policytest.Step{{
			Repeat: 1, Input: o.given(), Given: []policytest.Given{{Outcome: policy.Unreachable}},
			Expect: policytest.Expect{Outcome: policy.Unreachable, Route: &route},
		}},
	}
}

// routeFor names the branch that an answer leads to.
func routeFor(a *answer) string {
	return cmp.Or(routeOf(a.status), map[policy.Outcome]string{
		policy.Success: "success", policy.ClientError: "failure", policy.ServerError: handoff,
	}[a.outcome()])
}

// test is what must come of an answer. used counts the names of tests.
func (o *operation) test(used map[string]int, a answer) policytest.Test {
	given := policytest.Given{Status: a.status, Body: a.body}
	switch {
	case a.isJSON:
		given.Headers = map[string]string{contentType: "application/json"}
	case a.kind != "":
		given.Headers = map[string]string{contentType: a.kind}
	}
	route := routeFor(&a)
	expect := policytest.Expect{Outcome: a.outcome(), Route: &route}
	if a.reads() && a.isJSON {
		expect.Vars = o.vars(a.body)
	}
	name := fmt.Sprintf("%s, answered %d", o.spec.Name, a.status)
	if said := shown(a.name); said != "" && !strings.EqualFold(said, o.call.name) {
		name += ": " + said
	}
	if used[name]++; used[name] > 1 {
		name = fmt.Sprintf("%s (%d)", name, used[name])
	}
	return policytest.Test{
		Name: name, Operation: o.spec.Name,
		Steps: []policytest.Step{{Repeat: 1, Input: o.given(), Given: []policytest.Given{given}, Expect: expect}},
	}
}

// given gives the inputs of a test: those of which a value is known. Others have one
// that is made up when the test runs.
func (o *operation) given() map[string]json.RawMessage {
	if len(o.in.samples) == 0 {
		return nil
	}
	return o.in.samples
}

// vars gives the variables that the policy reads of a body.
func (o *operation) vars(body []byte) map[string]json.RawMessage {
	paths := make([]*extract.Path, len(o.spec.Extracts))
	for i, e := range o.spec.Extracts {
		path, err := extract.CompilePath(e.Path)
		if err != nil {
			return nil // Not reached: it was compiled when it was made.
		}
		paths[i] = path
	}
	values, err := extract.NewReader(paths).Read(body, nil)
	if err != nil {
		return nil
	}
	vars := make(map[string]json.RawMessage, len(values))
	for i, v := range values {
		if raw := v.AppendJSON(nil); v.Exists() && len(raw) <= maxExpected {
			vars[o.spec.Extracts[i].Var] = raw
		}
	}
	return vars
}
