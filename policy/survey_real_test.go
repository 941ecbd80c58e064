package policy_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

// pool are conditions that overlap in many ways.
var pool = []string{
	`status == 404`, `status in [404, 410]`, `status in 400..499`, `status >= 500`, `status == 503 and vars.state == "down"`, `not answered`, `answered`,
	`ok`, `not ok`, `outcome == "timeout"`, `outcome in ["timeout", "unreachable"]`, `outcome == "rejected"`, `outcome == "rate_limited"`, `outcome == "unmappable"`,
	`outcome == "client_error" and status != 404`, `vars.state == "shipped"`, `vars.state in ["shipped", "paid"]`, `vars.state != "shipped"`, `vars.state == nil`,
	`vars.n > 3`, `vars.n >= 10`, `vars.n in 1..5`, `not (vars.n > 3)`, `vars.eta == "soon"`, `exists("$.state")`, `path("$.n") == 12 or ok`, `body.state == "paid"`,
	`text contains "paid"`, `headers["content-type"] == "application/json"`, `request.method == "GET"`, `input.id == "7"`, `true`, `status > 1000`, `vars.flag`, `vars.flag ? ok : answered`,
}

// bodies are what a third party may say.
var bodies = []string{
	`{"state":"shipped","n":12,"eta":"now","flag":true}`, `{"state":"paid","n":4,"flag":false}`, `{"state":"down","n":1}`, `{"n":"x","flag":1}`, `{}`, `no JSON, but paid`, ``, `[1]`,
}

// randomRules puts rules together of the pool.
func randomRules(r *rand.Rand) policy.Rules {
	rules := policy.Rules{Extracts: []policy.Extract{
		{Var: "state", Path: "$.state"}, {Var: "n", Path: "$.n"}, {Var: "eta", Path: "$.eta", Default: []byte(`"soon"`)}, {Var: "flag", Path: "$.flag"},
	}}
	for range 2 + r.IntN(5) {
		rules.Hints = append(rules.Hints, policy.Hint{Route: "r", When: pool[r.IntN(len(pool))]})
	}
	if r.IntN(3) == 0 {
		rules.Success = pool[r.IntN(len(pool))]
	}
	for range r.IntN(3) {
		f := policy.Fallback{When: pool[r.IntN(len(pool))]}
		switch r.IntN(3) {
		case 0:
			f.Stale = policy.Duration(time.Hour)
		case 1:
			f.Route = "f"
		default:
			f.Respond = &policy.Respond{Status: 200, Body: "later"}
		}
		rules.Fallbacks = append(rules.Fallbacks, f)
	}
	return rules
}

// tried are calls that end in many ways, with what was recorded of each.
func tried(t *testing.T, rules policy.Rules, tell func(*policy.Record)) {
	t.Helper()
	spec := store(policy.Rules{})
	spec.Plans = nil
	spec.Policies[0].Operations = []policy.OperationSpec{{Name: "order", Method: "GET", Template: "/orders/{{id}}", Rules: rules}}
	status, body := 200, ""
	g := open(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) { return reply(r, status, body), nil }), func(o *policy.Options) {
		o.Observe = tell
	})
	tenants := 0
	send := func(suppose policy.Outcome) {
		info := &policy.Call{Policy: "store", Path: "/orders/7", Tenant: fmt.Sprint("t", tenants), Suppose: suppose}
		g.Answer(request("GET", "/orders/7", ""), info).Body.Close()
	}
	for _, status = range []int{200, 204, 302, 400, 404, 410, 429, 500, 503, 999} {
		for _, body = range bodies {
			tenants++
			send("")
		}
	}
	status, body = 200, bodies[0]
	for _, o := range policy.Outcomes() {
		if o != policy.NotFound && o != policy.Canceled && !o.Answered() {
			tenants++
			send(o)
			send("") // Kept for the next one.
			send(o)
		}
	}
}

// The seed is fixed, so that a failure can be looked into.
func TestWhatASurveyIsSureOfIsSoInRealCalls(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 31))
	sure := 0
	for range 150 {
		rules := randomRules(r)
		spec := store(policy.Rules{})
		spec.Plans = nil
		spec.Policies[0].Operations = []policy.OperationSpec{{Name: "order", Method: "GET", Template: "/orders/{{id}}", Rules: rules}}
		found := surveyed(t, spec)
		for _, h := range found.Hints {
			if h.Never || h.Always || len(h.Behind) > 0 {
				sure++
			}
		}
		met := make(map[policy.Outcome]bool)
		tried(t, rules, func(rec *policy.Record) {
			for i, asked := range rec.Hints {
				h := found.Hints[i]
				if asked.Holds && (h.Never || len(h.Behind) > 0) || !asked.Holds && h.Always {
					t.Errorf("%s of %+v: the survey says %+v, and for %s with status %d it is %v", asked.Condition, rules, h, rec.Outcome, rec.UpstreamStatus, asked.Holds)
				}
			}
			if rec.Route == rec.Outcome.DefaultRoute() && rec.RouteBy == policy.RouteByOutcome && rec.Fallback == "" && rec.Next == "stop" {
				met[rec.Outcome] = true
			}
		})
		for _, o := range found.Unplanned {
			if !met[o] && o != policy.Overloaded {
				t.Errorf("%+v: the survey says that nobody planned for %s, and somebody did in all calls", rules, o)
			}
		}
		if slices.Contains(found.Unplanned, policy.Overloaded) {
			t.Errorf("%+v: nothing bounds the calls in flight, and overloaded is unplanned", rules)
		}
	}
	if sure < 100 {
		t.Errorf("the survey was sure of %d hints only", sure)
	}
}
