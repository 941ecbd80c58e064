package policytest_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

func TestARequestIsRecognisedByWhicheverOperation(t *testing.T) {
	spec := store()
	spec.Policies[0].Operations = append(spec.Policies[0].Operations, policy.OperationSpec{
		Name: "stock", Method: "POST", Template: "/stock/{{article}}", Rules: policy.Rules{Otherwise: "in_stock"},
	})
	named := policytest.Step{Expect: policytest.Expect{Route: ptr("something_else")}}
	step := policytest.Step{Request: &policytest.Request{Method: "POST", Path: "/stock/1"}, Expect: policytest.Expect{Route: ptr("in_stock")}}
	if got := told(run(t, orders(named, step), spec, policytest.Options{})); len(got) > 0 {
		t.Errorf("got %q, want nothing to be told", got)
	}
	files := []policytest.File{{Path: "a_test.yaml", Policy: "store", Operation: "stock", Tests: []policytest.Test{{Name: "it", Steps: []policytest.Step{
		{Request: &policytest.Request{Body: []byte("x")}, Expect: policytest.Expect{Route: ptr("in_stock"), Sent: &policytest.Sent{Method: "POST", URL: "/v2/stock/sample", Body: &policytest.Body{Text: "x"}}}},
	}}}}}
	if got := told(run(t, files, spec, policytest.Options{})); len(got) > 0 {
		t.Errorf("got %q of a request with the operation's own method and path, want nothing to be told", got)
	}
}

func TestEachOutcomeCanBeGiven(t *testing.T) {
	spec := store()
	spec.Policies[0].Operations[0].Success = "body.error == nil"
	spec.Policies[0].Operations[0].Extracts[0].Required = true
	shipped := []byte(`{"order":{"status":"shipped"}}`)
	for o, g := range map[policy.Outcome]policytest.Given{
		policy.Success:     {Body: shipped},
		policy.Rejected:    {Body: []byte(`{"error":1}`)},
		policy.Unmappable:  {Body: []byte(`{}`)},
		policy.ClientError: {Outcome: policy.ClientError},
		policy.ServerError: {Outcome: policy.ServerError},
		policy.RateLimited: {Outcome: policy.RateLimited},
		policy.Overloaded:  {Outcome: policy.Overloaded},
		policy.CircuitOpen: {Outcome: policy.CircuitOpen},
		policy.Timeout:     {Outcome: policy.Timeout},
		policy.Unreachable: {Outcome: policy.Unreachable},
		policy.Incomplete:  {Outcome: policy.Incomplete, Body: shipped},
		policy.Denied:      {Outcome: policy.Denied},
		policy.BadRequest:  {Outcome: policy.BadRequest},
		policy.NotFound:    {Outcome: policy.NotFound},
		policy.Canceled:    {Outcome: policy.Canceled},
		policy.Internal:    {Outcome: policy.Internal},
	} {
		step := policytest.Step{Given: []policytest.Given{g}, Expect: policytest.Expect{Outcome: o}}
		if !o.Answered() && o != policy.Timeout && o != policy.Incomplete {
			step.Expect.Sent = &policytest.Sent{Nothing: true}
		}
		if got := told(run(t, orders(step), spec, policytest.Options{})); len(got) > 0 {
			t.Errorf("%s: got %q, want nothing to be told", o, got)
		}
	}
	if got := len(policy.Outcomes()); got != 16 {
		t.Errorf("there are %d outcomes, want the 16 above", got)
	}
}

func TestEverythingThatKeepsTestsFromRunningIsToldAtOnce(t *testing.T) {
	at := func(n int) policy.Place { return policy.Place{File: "x_test.yaml", Line: n} }
	ok := policytest.Expect{Route: ptr("x")}
	test := func(n int, name, policyName, operation string, s policytest.Step) policytest.Test {
		s.Place, s.Expect.Place = at(n), at(n)
		return policytest.Test{Name: name, Policy: policyName, Operation: operation, Steps: []policytest.Step{s}, Place: at(n)}
	}
	files := []policytest.File{{Path: "x_test.yaml", Tests: []policytest.Test{
		test(1, "a", "stoer", "", policytest.Step{Expect: ok}),
		test(2, "b", "store", "order_staus", policytest.Step{Expect: ok}),
		test(3, "c", "store", "order_status", policytest.Step{Input: map[string]json.RawMessage{"order": json.RawMessage("1")}, Expect: ok}),
		test(4, "d", "store", "order_status", policytest.Step{Given: outcome(policy.Rejected), Expect: ok}),
		test(5, "e", "store", "order_status", policytest.Step{Given: []policytest.Given{{Status: 503}, {Outcome: policy.Denied}}, Expect: ok}),
		test(6, "f", "store", "order_status", policytest.Step{Expect: policytest.Expect{Missing: []string{"statu"}}}),
		test(7, "g", "help", "ticket", policytest.Step{Expect: policytest.Expect{Vars: map[string]json.RawMessage{"x": json.RawMessage("1")}}}),
		test(8, "h", "store", "", policytest.Step{Input: map[string]json.RawMessage{"order": json.RawMessage("1")}, Expect: ok}),
	}}}
	_, err := policytest.Run(t.Context(), files, loading(store()), policytest.Options{})
	mistakes, placed := errors.AsType[policy.Mistakes](err)
	if !placed {
		t.Fatalf("got %v, want mistakes", err)
	}
	want := []string{
		`x_test.yaml:1: test a: the policy "stoer" is not known here: expected store, help; did you mean store?`,
		`x_test.yaml:2: test b: the operation "order_staus" is not known here: expected order_status; did you mean order_status?`,
		`x_test.yaml:3: test c: the operation order_status has no such input: "order" is not known here: expected order_number`,
		`x_test.yaml:4: test d: rejected cannot be given: expected client_error, server_error, rate_limited, overloaded, circuit_open, timeout, unreachable, incomplete, denied, bad_request, not_found, canceled, internal`,
		`x_test.yaml:5: test e: denied decides the call before there is an attempt: it stands alone`,
		`x_test.yaml:6: test f: nothing extracts a variable of that name: "statu" is not known here: expected status, eta; did you mean status?`,
		`x_test.yaml:7: test g: x is expected, but nothing is extracted here`,
		`x_test.yaml:8: test h: a base-URL call has no input: write request, or the operation of a named call`,
	}
	if got := strings.Split(mistakes.Error(), "\n"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMatchChoosesTestsByWhatTheyCallAndTheirNames(t *testing.T) {
	step := policytest.Step{Expect: policytest.Expect{Outcome: policy.Success}}
	files := []policytest.File{
		{Path: "a_test.yaml", Policy: "store", Operation: "order_status", Tests: []policytest.Test{{Name: "first", Steps: []policytest.Step{step}}, {Name: "second", Steps: []policytest.Step{step}}}},
		{Path: "b_test.yaml", Policy: "help", Tests: []policytest.Test{{Name: "first", Steps: []policytest.Step{step}}, {Name: "named", Operation: "ticket", Steps: []policytest.Step{step}}}},
	}
	for pattern, want := range map[string][]string{
		"":                     {"store.order_status/first", "store.order_status/second", "help/first", "help.ticket/named"},
		"first":                {"store.order_status/first", "help/first"},
		`^store\.`:             {"store.order_status/first", "store.order_status/second"},
		`^help\.ticket/named$`: {"help.ticket/named"},
		"nothing of that sort": {},
	} {
		got := []string{}
		for _, r := range run(t, files, store(), policytest.Options{Match: regexp.MustCompile(pattern)}).Results {
			got = append(got, r.Label)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", pattern, got, want)
		}
	}
}
