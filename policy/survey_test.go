package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

// surveyed gives the survey of the policy "store", or of its only operation.
func surveyed(t testing.TB, spec policy.Spec) policy.Survey {
	t.Helper()
	all := policy.Surveys(&spec)
	if len(all) != 1+len(spec.Policies[0].Operations) {
		t.Fatalf("got %d surveys, want one for the policy and each operation: %v", len(all), policy.Check(&spec))
	}
	return all[len(all)-1]
}

// said writes what was found out about conditions, shortly.
func said(conditions []policy.ConditionSurvey) string {
	var all []string
	for _, c := range conditions {
		switch {
		case c.Never:
			all = append(all, "never")
		case len(c.Behind) > 0:
			all = append(all, fmt.Sprintf("behind %v", c.Behind))
		case c.Always:
			all = append(all, "always")
		default:
			all = append(all, "may")
		}
	}
	return strings.Join(all, ", ")
}

// hints makes hints of conditions, with the routes a, b, c, …
func hints(conditions ...string) []policy.Hint {
	var all []policy.Hint
	for i, when := range conditions {
		all = append(all, policy.Hint{Route: string(rune('a' + i)), When: when})
	}
	return all
}

func TestASurveyFindsHintsThatNeverOrAlwaysHoldAndThoseBehindOthers(t *testing.T) {
	status := []policy.Extract{{Var: "status", Path: "$.status"}, {Var: "eta", Path: "$.eta", Default: []byte(`"soon"`)}}
	for _, c := range []struct {
		hints []string
		want  string
	}{
		{[]string{`status == 404`, `status == 503`, `ok`}, "may, may, may"},
		{[]string{`true`, `ok`}, "always, behind [0]"},
		{[]string{`status >= 0`}, "always"},
		{[]string{`status == 99`}, "never"},
		{[]string{`status == 1000`}, "never"},
		{[]string{`status == 404 and ok`}, "never"},
		{[]string{`status == 302 and ok`}, "may"},
		{[]string{`status == 101 and ok`}, "may"},
		{[]string{`outcome == "succes"`}, "never"},
		{[]string{`outcome == "canceled"`}, "never"},
		{[]string{`outcome == "rejected"`}, "never"}, // There is no `success`.
		{[]string{`outcome == "unmappable"`}, "may"},
		{[]string{`outcome == "overloaded"`}, "never"}, // Nothing bounds the calls in flight.
		{[]string{`outcome == "not_found"`}, "may"},
		{[]string{`not answered`, `outcome == "timeout"`}, "may, behind [0]"},
		{[]string{`answered`, `not answered`, `vars.status == "a"`, `latency_ms > 1`}, "may, may, behind [0], behind [0 1]"},
		{[]string{`status in 400..499`, `status == 404`}, "may, behind [0]"},
		{[]string{`status == 404`, `status in 400..499`}, "may, may"},
		{[]string{`vars.status == "a"`, `vars.status in ["a"]`, `status == 404 and vars.status == "a"`}, "may, behind [0], behind [0]"},
		{[]string{`outcome == "timeout" and vars.status == "a"`}, "never"},
		{[]string{`outcome == "timeout" and vars.eta == "soon"`}, "may"},
		{[]string{`outcome == "timeout" and vars.eta != "soon"`}, "never"},
		{[]string{`outcome == "timeout" and headers["retry-after"] != nil`}, "never"},
		{[]string{`status == 503 and exists("$.error")`}, "may"},
		{[]string{`not answered and (text != "" or exists("$.error") or body != nil)`}, "never"},
		{[]string{`latency_ms > 100`, `attempts > 1`, `tenant == "acme"`}, "may, may, may"},
		{[]string{`request.method == "POST"`}, "may"},
	} {
		spec := store(policy.Rules{Hints: hints(c.hints...), Extracts: status})
		spec.Plans = nil // Tenants have the usual limit.
		if got := said(surveyed(t, spec).Hints); got != c.want {
			t.Errorf("%q: got %s, want %s", c.hints, got, c.want)
		}
	}
}

func TestASurveyOfAnOperationKnowsItsMethodAndAsksThePolicysHintsLast(t *testing.T) {
	spec := store(policy.Rules{Hints: hints(`status == 404`, `request.method == "GET"`)})
	spec.Policies[0].Operations = []policy.OperationSpec{{
		Name: "order", Method: "GET", Template: "/orders/{{id}}",
		Rules: policy.Rules{Hints: hints(`status in [404, 410]`, `outcome == "not_found"`, `input.id == "7"`, `request.method == "POST"`)},
	}}
	found := surveyed(t, spec).Hints
	if got, want := said(found), "may, never, may, never, behind [0], always"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if last := found[len(found)-1]; !last.Policy || last.Index != 1 || found[2].Policy || found[2].Index != 2 {
		t.Errorf("got %+v, want the hints named by whose they are", found)
	}
}

func TestASurveyWithAStaleAnswerKnowsNothingOfItsVariables(t *testing.T) {
	rules := policy.Rules{
		Extracts:  []policy.Extract{{Var: "status", Path: "$.status"}},
		Hints:     hints(`outcome == "timeout" and vars.status == "a"`, `outcome == "timeout" and headers["etag"] != nil`),
		Fallbacks: []policy.Fallback{{Stale: policy.Duration(1e9)}},
	}
	if got := said(surveyed(t, store(rules)).Hints); got != "may, never" {
		t.Errorf("got %s, want a hint that may hold with a stale body and one that never does", got)
	}
}

func TestASurveyNamesTheFailuresThatNobodyPlannedFor(t *testing.T) {
	respond := &policy.Respond{Status: 200}
	for _, c := range []struct {
		name  string
		rules policy.Rules
		want  string
	}{
		{"nothing", policy.Rules{}, "timeout unreachable incomplete server_error circuit_open"},
		{"no breaker", policy.Rules{Breaker: &policy.BreakerSpec{Trip: "off"}}, "timeout unreachable incomplete server_error"},
		{"otherwise", policy.Rules{Otherwise: "handoff"}, ""},
		{"a hint for those without an answer", policy.Rules{Hints: hints(`not answered`)}, "server_error"},
		{"a hint for one status", policy.Rules{Hints: hints(`not answered`, `status == 503`)}, "server_error"},
		{"hints for all", policy.Rules{Hints: hints(`not answered`, `status >= 500`)}, ""},
		{"a hint for what a person knows", policy.Rules{Hints: hints(`not ok and tenant == "acme"`)}, ""},
		{"a variable that is not there", policy.Rules{
			Extracts: []policy.Extract{{Var: "s", Path: "$.s"}}, Hints: hints(`vars.s == "a"`),
		}, "timeout unreachable incomplete server_error circuit_open"},
		{"a fallback that answers", policy.Rules{Fallbacks: []policy.Fallback{{Respond: respond}}}, ""},
		{"a fallback with a route", policy.Rules{Fallbacks: []policy.Fallback{{Route: "handoff"}}}, ""},
		{"a stale answer, if there is one", policy.Rules{Fallbacks: []policy.Fallback{{Stale: policy.Duration(1e9)}}},
			"timeout unreachable incomplete server_error circuit_open"},
		{"a stale answer before one that answers", policy.Rules{Fallbacks: []policy.Fallback{{Stale: policy.Duration(1e9)}, {Respond: respond}}},
			"timeout unreachable incomplete server_error circuit_open"},
		{"a fallback for some", policy.Rules{Fallbacks: []policy.Fallback{{When: `outcome == "timeout"`, Respond: respond}}},
			"unreachable incomplete server_error circuit_open"},
	} {
		var got []string
		for _, o := range surveyed(t, store(c.rules)).Unplanned {
			got = append(got, string(o))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestASurveyTellsOfSuccessRetryAndFallbacks(t *testing.T) {
	found := surveyed(t, store(policy.Rules{
		Success: `status == 200 or status != 200`,
		Retry:   &policy.Retry{Attempts: 1, On: `outcome == "rate_limited"`},
		Fallbacks: []policy.Fallback{
			{When: `status >= 500`, Route: "down"}, {When: `status == 503`, Route: "busy"}, {Route: "gone"}, {When: `outcome == "timeout"`, Route: "late"},
			{When: `status == 404`, Route: "none"}, {When: "status == 600 and ok", Route: "never"},
		},
	}))
	if !found.Success.Always || found.Success.Never || !found.RetryOn.Never {
		t.Errorf("got success %+v and retry %+v, want one that always holds and one that never does", found.Success, found.RetryOn)
	}
	for when, want := range map[string]bool{`ok`: true, `status < 400`: true, `not answered`: false, `status == 200`: false, ``: false} {
		spec := store(policy.Rules{Fallbacks: []policy.Fallback{{When: when, Route: "a"}}})
		if got := surveyed(t, spec).Fallbacks[0].Always; got != want {
			t.Errorf("a fallback for %q stands for every good answer: %v, want %v", when, got, want)
		}
	}
	if got, want := said(found.Fallbacks), "may, behind [0], may, behind [2], may, never"; got != want {
		t.Errorf("the fallbacks: got %s, want %s", got, want)
	}
}

func TestASurveyListsWhatConditionsAndBodiesRead(t *testing.T) {
	found := surveyed(t, store(policy.Rules{
		Extracts: []policy.Extract{{Var: "a", Path: "$.a"}, {Var: "b", Path: "$.b"}, {Var: "c", Path: "$.c"}, {Var: "d", Path: "$.d"}, {Var: "e", Path: "$.e"}, {Var: "f", Path: "$.f"}},
		Success:  "vars.a == 1", Hints: hints(`vars.b == 1`), Retry: &policy.Retry{Attempts: 1, On: "vars.c == 1"},
		Fallbacks: []policy.Fallback{{When: "vars.d == 1", Respond: &policy.Respond{Status: 200, Body: "{{vars.e}}"}}},
	}))
	if want := []string{"a", "b", "c", "d", "e"}; !slices.Equal(found.Reads, want) {
		t.Errorf("got %v, want %v", found.Reads, want)
	}
}

func TestThereIsNoSurveyOfASpecWithMistakes(t *testing.T) {
	spec := store(policy.Rules{Hints: hints(`status ==`)})
	if got := policy.Surveys(&spec); got != nil {
		t.Errorf("got %v, want nothing", got)
	}
}

func TestASurveyOfManyHintsTakesBoundedTime(t *testing.T) {
	var conditions []string
	for i := range 400 {
		conditions = append(conditions, fmt.Sprintf(`text contains "a%d" or headers["x-%d"] matches "b"`, i, i%7))
	}
	rules := policy.Rules{Hints: hints(conditions...)}
	for i := range rules.Hints {
		rules.Hints[i].Route = "a"
	}
	start := time.Now()
	found := surveyed(t, store(rules))
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it took %v, want less than a minute", took)
	}
	if strings.Contains(said(found.Hints), "behind") {
		t.Error("a hint that reads another text is said to be out of reach")
	}
}

// BenchmarkSurveys looks at a policy of 5,000 operations, as may be imported.
func BenchmarkSurveys(b *testing.B) {
	spec := store(policy.Rules{Hints: hints(`status == 404`, `status in 400..499`), Fallbacks: []policy.Fallback{{Respond: &policy.Respond{Status: 200}}}})
	for i := range 5000 {
		spec.Policies[0].Operations = append(spec.Policies[0].Operations, policy.OperationSpec{
			Name: fmt.Sprintf("o%d", i), Method: "GET", Template: fmt.Sprintf("/o%d/{{id}}", i),
			Rules: policy.Rules{Extracts: []policy.Extract{{Var: "a", Path: "$.a"}}, Hints: hints(`vars.a == "x"`)},
		})
	}
	b.ReportAllocs()
	for b.Loop() {
		policy.Surveys(&spec)
	}
}
