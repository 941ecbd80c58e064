package lint_test

import (
	"fmt"
	"testing"

	"github.com/signpost-gateway/signpost/author/lint"
	"github.com/signpost-gateway/signpost/policy"
)

// imported is a policy of many operations, as an import makes.
func imported(operations int) policy.Spec {
	p := policy.PolicySpec{
		Name: "store", BaseURL: "https://store.example",
		Inject: []policy.Inject{{As: "bearer", Value: "{secret.token}"}},
		Rules: policy.Rules{
			Hints:     []policy.Hint{{Route: "none", When: "status == 404"}, {Route: "refused", When: "status in 400..499"}},
			Fallbacks: []policy.Fallback{{Respond: &policy.Respond{Status: 200, Body: "later"}}},
			Extracts:  []policy.Extract{{Var: "id", Path: "$.id"}, {Var: "name", Path: "$.name"}},
		},
	}
	for i := range operations {
		p.Operations = append(p.Operations, policy.OperationSpec{
			Name: fmt.Sprintf("o%d", i), Method: "GET", Template: fmt.Sprintf("/o%d/{{id}}", i),
			Rules: policy.Rules{
				Extracts:   []policy.Extract{{Var: "status", Path: "$.status"}},
				Hints:      []policy.Hint{{Route: "a", When: `vars.status == "a"`}, {Route: "b", When: `vars.status in ["a", "b"]`}},
				RateLimits: []policy.RateLimit{{Rate: "10/m"}},
			},
		})
	}
	return policy.Spec{Policies: []policy.PolicySpec{p}}
}

// BenchmarkCheck checks a policy of 5,000 operations.
func BenchmarkCheck(b *testing.B) {
	spec := imported(5000)
	b.ReportAllocs()
	for b.Loop() {
		if r := lint.Check(lint.Subject{Spec: &spec}); r.Count(lint.Error)+r.Count(lint.Warning) > 0 {
			b.Fatalf("found %+v", r.Findings[0])
		}
	}
}
