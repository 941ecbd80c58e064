package policy_test

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/signpost-gateway/signpost/policy"
)

// as sends a call of a tenant, or of nobody, and gives its outcome.
func as(t *testing.T, g *policy.Gateway, tenant string) string {
	t.Helper()
	req := request(http.MethodGet, "/", "")
	req = req.WithContext(policy.WithTenant(req.Context(), tenant))
	resp, _ := call(t, g, req)
	return resp.Header.Get("Signpost-Outcome")
}

func TestWhoIsKnownIsWhoStandsOnAPlan(t *testing.T) {
	spec := store(policy.Rules{})
	spec.KnownTenantsOnly = true
	spec.Plans = append(spec.Plans, policy.Plan{Name: "gold", Tenants: []string{"acme"}})
	g := open(t, spec, says(200, `{}`))
	for tenant, want := range map[string]string{"acme": "success", "globex": "denied", "": "denied", "anonymous": "denied"} {
		if got := as(t, g, tenant); got != want {
			t.Errorf("tenant %q is %s, want %s", tenant, got, want)
		}
	}
	spec.Plans[1].Tenants = []string{"acme", "anonymous"}
	if got := as(t, open(t, spec, says(200, `{}`)), ""); got != "success" {
		t.Errorf("a call without a tenant is %s although anonymous is on a plan, want success", got)
	}
}

func TestATimeoutUnderAPlanThatShortensNothingCountsForEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := store(policy.Rules{Breaker: &policy.BreakerSpec{Trip: "2 consecutive"}})
		spec.Plans[0].Timeout = seconds(5) // Longer than what a call has without a plan.
		g := open(t, spec, hangs)
		as(t, g, "acme")
		as(t, g, "acme")
		if got := as(t, g, "globex"); got != "circuit_open" {
			t.Errorf("another tenant's call is %s, want circuit_open", got)
		}
	})
}

func TestAConditionThatCannotBeEvaluatedIsNotedWhereverItStands(t *testing.T) {
	var noted []string
	rules := policy.Rules{
		Success:   "body.x > 1",
		Fallbacks: []policy.Fallback{{When: "body.y > 1", Route: "a"}},
		Retry:     &policy.Retry{Attempts: 1, On: "body.z > 1"},
	}
	g := open(t, store(rules), says(200, `{"x":null,"y":null,"z":null}`), func(o *policy.Options) {
		o.Observe = func(r *policy.Record) {
			for _, f := range r.Faults {
				noted = append(noted, f.Where)
			}
		}
	})
	call(t, g, request(http.MethodGet, "/", ""))
	if len(noted) != 3 || noted[0] != "success" || noted[1] != "retry" || noted[2] != "fallback" {
		t.Errorf("noted %v, want success, retry and fallback", noted)
	}
}
