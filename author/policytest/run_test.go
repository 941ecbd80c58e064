package policytest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// line is a place in the configuration.
func line(n int) policy.Place { return policy.Place{File: "Caddyfile", Line: n} }

// store is a configuration with one policy that has every kind of branch.
func store() *policy.Spec {
	return &policy.Spec{
		Plans: []policy.Plan{{Name: "default", RateLimits: []policy.RateLimit{{Rate: "100/m"}}}, {Name: "gold", RateLimitOff: true, Tenants: []string{"acme"}}},
		Policies: []policy.PolicySpec{{
			Name: "store", BaseURL: "https://api.store.example/v2",
			Places: policy.Places{"policy": line(10), "otherwise": line(12)},
			Inject: []policy.Inject{{As: "bearer", Value: "{secret.store_token}"}},
			Rules: policy.Rules{
				Otherwise: "something_else",
				Fallbacks: []policy.Fallback{{
					Stale: policy.Duration(10 * time.Minute), Respond: &policy.Respond{Status: 200, Body: `{"message":"Later: {{vars.eta}}"}`},
					Places: policy.Places{"fallback": line(13)},
				}},
			},
			Operations: []policy.OperationSpec{{
				Name: "order_status", Method: "GET", Template: "/orders/{{order_number}}",
				Places: policy.Places{"operation": line(20)},
				Inputs: []policy.InputSpec{{Var: "order_number", Matches: "[0-9]{4,10}"}},
				Rules: policy.Rules{
					Extracts: []policy.Extract{
						{Var: "status", Path: "$.order.status", Place: line(21)},
						{Var: "eta", Path: "$.order.eta", Default: json.RawMessage(`"unknown"`), Place: line(22)},
					},
					Hints: []policy.Hint{
						{Route: "shipped", When: `vars.status == "shipped"`, Place: line(23)},
						{Route: "not_found", When: "status == 404", Place: line(24)},
					},
				},
			}},
		}, {
			Name: "help", BaseURL: "https://help.example", Places: policy.Places{"policy": line(30)},
			Operations: []policy.OperationSpec{{
				Name: "ticket", Method: "POST", Template: "/tickets", Places: policy.Places{"operation": line(31)},
				Body:   &policy.BodySpec{As: "json", Template: `{"subject": {{subject}}, "urgent": {{urgent}}}`},
				Inputs: []policy.InputSpec{{Var: "urgent", Type: "bool", Default: json.RawMessage("false")}},
			}},
		}},
	}
}

// loading gives the same configuration to every file.
func loading(spec *policy.Spec) func(policytest.File) (*policy.Spec, error) {
	return func(policytest.File) (*policy.Spec, error) { return spec, nil }
}

// ptr is a text that is expected.
func ptr(s string) *string { return &s }

// answers is a third party that answers.
func answers(status int, body string) []policytest.Given {
	return []policytest.Given{{Status: status, Body: []byte(body)}}
}

// outcome is a third party that does not.
func outcome(o policy.Outcome) []policytest.Given { return []policytest.Given{{Outcome: o}} }

// orders is a file with one test of the steps.
func orders(steps ...policytest.Step) []policytest.File {
	return []policytest.File{{Path: "store_test.yaml", Policy: "store", Operation: "order_status", Tests: []policytest.Test{{Name: "it", Steps: steps}}}}
}

// run runs files that have no mistakes.
func run(t testing.TB, files []policytest.File, spec *policy.Spec, o policytest.Options) *policytest.Report {
	t.Helper()
	report, err := policytest.Run(t.Context(), files, loading(spec), o)
	if err != nil {
		t.Fatalf("running: %v", err)
	}
	return report
}

// told is what failed of a report, in short.
func told(r *policytest.Report) []string {
	lines := []string{}
	for _, one := range r.Results {
		if one.Stopped != "" {
			lines = append(lines, one.Label+" stopped: "+one.Stopped)
		}
		for _, f := range one.Failures {
			for _, m := range f.Mismatches {
				lines = append(lines, fmt.Sprintf("%s step %d.%d %s: got %s, want %s", one.Label, f.Step, f.Repeat, m.What, m.Got, m.Want))
			}
		}
	}
	return lines
}

func TestATestThatHoldsPasses(t *testing.T) {
	attempts := 1
	for name, step := range map[string]policytest.Step{
		"a shipped order": {
			Given: answers(200, `{"order":{"status":"shipped"}}`),
			Expect: policytest.Expect{
				Route: ptr("shipped"), Next: ptr("continue"), Fallback: ptr("none"), Reason: ptr(""), Outcome: policy.Success, Status: 200, Attempts: &attempts,
				Vars:    map[string]json.RawMessage{"status": json.RawMessage(`"shipped"`), "eta": json.RawMessage(` "unknown" `)},
				Body:    &policytest.Body{JSON: json.RawMessage(`{"order":  {"status": "\u0073hipped"}}`)},
				Headers: map[string]string{"signpost-route": "shipped"},
			},
		},
		"no such order": {Given: answers(404, ``), Expect: policytest.Expect{Route: ptr("not_found"), Missing: []string{"status"}}},
		"the store is down": {
			Given: outcome(policy.Timeout),
			Expect: policytest.Expect{
				Route: ptr("something_else"), Fallback: ptr("static"), Reason: ptr("The third party did not answer within 4s."),
				Body: &policytest.Body{Text: `{"message":"Later: unknown"}`},
			},
		},
		"what goes out": {
			Input: map[string]json.RawMessage{"order_number": json.RawMessage(`"12345"`)}, Given: answers(200, `{}`),
			Expect: policytest.Expect{Sent: &policytest.Sent{
				Method: "GET", URL: "https://api.store.example/v2/orders/12345",
				Headers: map[string]string{"authorization": "Bearer {secret.store_token}"}, Body: &policytest.Body{},
			}},
		},
		"a sample of what is not given":     {Expect: policytest.Expect{Sent: &policytest.Sent{URL: "/v2/orders/12345"}}},
		"a variable that is not allowed":    {Input: map[string]json.RawMessage{"order_number": json.RawMessage(`"1"`)}, Expect: policytest.Expect{Outcome: policy.BadRequest, Sent: &policytest.Sent{Nothing: true}}},
		"a variable that is left out":       {Input: map[string]json.RawMessage{"order_number": json.RawMessage(`null`)}, Expect: policytest.Expect{Outcome: policy.BadRequest}},
		"a request of the operation's path": {Request: &policytest.Request{Path: "/orders/77777"}, Given: answers(200, `{"order":{"status":"shipped"}}`), Expect: policytest.Expect{Route: ptr("shipped")}},
		"a request with a sample path":      {Request: &policytest.Request{Query: "a=b"}, Expect: policytest.Expect{Sent: &policytest.Sent{URL: "/v2/orders/12345?a=b"}}},
		"a request that none recognises":    {Request: &policytest.Request{Path: "/other"}, Given: answers(200, ""), Expect: policytest.Expect{Route: ptr("something_else")}},
	} {
		if got := told(run(t, orders(step), store(), policytest.Options{})); len(got) > 0 {
			t.Errorf("%s: got %q, want nothing to be told", name, got)
		}
	}
}

func TestWhatIsNotMetIsToldWithGotAndWant(t *testing.T) {
	shipped := answers(200, `{"order":{"status":"shipped","eta":[1,{"b":1e2,"a":null}]}}`)
	three := 3
	for _, c := range []struct {
		expect policytest.Expect
		want   string
	}{
		{policytest.Expect{Route: ptr("lost")}, "route: got shipped, want lost"},
		{policytest.Expect{Next: ptr("stop")}, "next: got continue, want stop"},
		{policytest.Expect{Fallback: ptr("stale")}, "fallback: got none, want stale"},
		{policytest.Expect{Reason: ptr("Bad luck.")}, "reason: got (nothing), want Bad luck."},
		{policytest.Expect{Outcome: policy.Timeout}, "outcome: got success, want timeout"},
		{policytest.Expect{Status: 500}, "status: got 200, want 500"},
		{policytest.Expect{Attempts: &three}, "attempts: got 1, want 3"},
		{policytest.Expect{Vars: map[string]json.RawMessage{"status": json.RawMessage(`1`)}}, `vars.status: got "shipped", want 1`},
		{policytest.Expect{Vars: map[string]json.RawMessage{"eta": json.RawMessage(`[1.0,{"a":false,"b":100}]`)}}, `vars.eta: got [1,{"a":null,"b":1e2}], want [1.0,{"a":false,"b":100}]`},
		{policytest.Expect{Missing: []string{"status"}}, `vars.status: got "shipped", want (nothing)`},
		{policytest.Expect{Body: &policytest.Body{JSON: json.RawMessage(`{}`)}}, `body: got {"order":{"eta":[1,{"a":null,"b":1e2}],"status":"shipped"}}, want {}`},
		{policytest.Expect{Body: &policytest.Body{Text: "x"}}, `body: got {"order":{"status":"shipped","eta":[1,{"b":1e2,"a":null}]}}, want x`},
		{policytest.Expect{Headers: map[string]string{"X-None": "x"}}, "headers.X-None: got (nothing), want x"},
		{policytest.Expect{Sent: &policytest.Sent{Nothing: true}}, "sent: got GET https://api.store.example/v2/orders/12345, want nothing"},
		{policytest.Expect{Sent: &policytest.Sent{Method: "PUT"}}, "sent.method: got GET, want PUT"},
		{policytest.Expect{Sent: &policytest.Sent{URL: "/orders"}}, "sent.url: got /v2/orders/12345, want /orders"},
		{policytest.Expect{Sent: &policytest.Sent{Headers: map[string]string{"Authorization": "x"}}}, "sent.headers.Authorization: got Bearer {secret.store_token}, want x"},
		{policytest.Expect{Sent: &policytest.Sent{Body: &policytest.Body{Text: "x"}}}, "sent.body: got (nothing), want x"},
	} {
		got := told(run(t, orders(policytest.Step{Given: shipped, Expect: c.expect}), store(), policytest.Options{}))
		if want := []string{"store.order_status/it step 1.1 " + c.want}; !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	refused := policytest.Step{Given: outcome(policy.Denied), Expect: policytest.Expect{Sent: &policytest.Sent{Method: "GET"}}}
	if got := told(run(t, orders(refused), store(), policytest.Options{})); !slices.Equal(got, []string{"store.order_status/it step 1.1 sent: got (nothing), want a request"}) {
		t.Errorf("got %q of a call that is refused", got)
	}
}

func TestAFailureTellsWhyTheBranchWasTaken(t *testing.T) {
	step := policytest.Step{Place: policy.Place{File: "store_test.yaml", Line: 7}, Given: answers(200, `{"order":{"status":"paid"}}`), Expect: policytest.Expect{Route: ptr("shipped")}}
	r := run(t, orders(step), store(), policytest.Options{}).Results[0]
	if len(r.Failures) != 1 || r.Failures[0].Entry == nil || r.Failures[0].Place.Line != 7 {
		t.Fatalf("got %+v, want one failure with its entry and place", r)
	}
	hints := r.Failures[0].Entry.Hints
	if len(hints) != 2 || hints[0].Route != "shipped" || hints[0].Holds || len(hints[0].Values) != 1 || hints[0].Values[0].Value != "paid" {
		t.Errorf("got the hints %+v, want both, and that vars.status was paid", hints)
	}
}

func TestStepsShareLimitsBreakersAndStaleAnswersInVirtualTime(t *testing.T) {
	one := policytest.Expect{Outcome: policy.Success}
	good := answers(200, `{"order":{"status":"shipped"}}`)
	for name, steps := range map[string][]policytest.Step{
		"a rate limit": {
			{Repeat: 100, Given: good, Expect: one},
			{Given: good, Expect: policytest.Expect{Outcome: policy.RateLimited, Reason: ptr("Rate Limit Exceeded")}},
			{Wait: 61 * time.Second, Given: good, Expect: one},
		},
		"a plan without limits": {{Repeat: 300, Tenant: "acme", Given: good, Expect: one}},
		"another tenant": {
			{Repeat: 100, Tenant: "a", Given: good, Expect: one},
			{Tenant: "b", Given: good, Expect: one},
			{Tenant: "a", Given: good, Expect: policytest.Expect{Outcome: policy.RateLimited}},
		},
		"a breaker": {
			{Repeat: 20, Tenant: "acme", Given: answers(500, ""), Expect: policytest.Expect{Outcome: policy.ServerError}},
			{Tenant: "acme", Given: good, Expect: policytest.Expect{Outcome: policy.CircuitOpen, Sent: &policytest.Sent{Nothing: true}}},
			{Wait: 16 * time.Second, Repeat: 3, Tenant: "acme", Given: good, Expect: one},
		},
		"a stale answer": {
			{Given: good, Expect: one},
			{Wait: 9 * time.Minute, Given: outcome(policy.Unreachable), Expect: policytest.Expect{Fallback: ptr("stale"), Outcome: policy.Unreachable, Route: ptr("shipped")}},
			{Wait: 2 * time.Minute, Given: outcome(policy.Unreachable), Expect: policytest.Expect{Fallback: ptr("static")}},
		},
		"an answer that comes too late": {
			{Given: []policytest.Given{{After: 3900 * time.Millisecond, Body: []byte(`{}`)}}, Expect: one},
			{Given: []policytest.Given{{After: 4100 * time.Millisecond}}, Expect: policytest.Expect{Outcome: policy.Timeout}},
		},
	} {
		began := time.Now()
		if got := told(run(t, orders(steps...), store(), policytest.Options{})); len(got) > 0 {
			t.Errorf("%s: got %q, want nothing to be told", name, got)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %s really", name, took)
		}
	}
}

func TestAttemptsGetWhatIsGivenToEach(t *testing.T) {
	spec := store()
	spec.Policies[0].Retry = &policy.Retry{Attempts: 2}
	two, three := 2, 3
	for name, step := range map[string]policytest.Step{
		"the second answers":    {Given: []policytest.Given{{Status: 503}, {Body: []byte(`{"order":{"status":"shipped"}}`)}}, Expect: policytest.Expect{Route: ptr("shipped"), Attempts: &two}},
		"the last one holds on": {Given: []policytest.Given{{Status: 503}, {Outcome: policy.Unreachable}}, Expect: policytest.Expect{Outcome: policy.Unreachable, Attempts: &three}},
	} {
		if got := told(run(t, orders(step), spec, policytest.Options{})); len(got) > 0 {
			t.Errorf("%s: got %q, want nothing to be told", name, got)
		}
	}
}

func TestATestThatTakesTooLongIsStopped(t *testing.T) {
	endless := policytest.Step{Repeat: policytest.MaxRepeat, Tenant: "acme", Given: answers(200, ""), Expect: policytest.Expect{Outcome: policy.Success}}
	began := time.Now()
	r := run(t, orders(endless, endless, endless, endless), store(), policytest.Options{Longest: 50 * time.Millisecond})
	if got := r.Results[0].Stopped; !strings.Contains(got, "stopped after 50ms") || r.Results[0].Passed() {
		t.Errorf("got %q, want that the test was stopped", got)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("it took %s until the test was stopped", took)
	}
}

func TestNothingRunsOnceTheContextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := policytest.Run(ctx, orders(policytest.Step{Expect: policytest.Expect{Outcome: policy.Success}}), loading(store()), policytest.Options{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that the context was canceled", err)
	}
}
