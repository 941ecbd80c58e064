package policy_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
)

// order is a JSON order of about 1 KiB.
func order() string {
	var lines []string
	for i := range 8 {
		lines = append(lines, fmt.Sprintf(`{"sku":"SKU-%04d","name":"Item number %d of the order","quantity":%d,"price":%d.95}`, i, i, i+1, 10*i))
	}
	return `{"order":{"id":"ord_1001","status":"shipped","total":412.5,"customer":{"name":"Ada Lovelace","tier":"gold"},` +
		`"delivery":{"carrier":"DHL","eta":"2026-11-23","tracking":"JD0146000067"},"lines":[` + strings.Join(lines, ",") + `]}}`
}

// everything is a policy with all that a call usually has.
func everything() policy.Spec {
	spec := store(policy.Rules{
		RateLimits: []policy.RateLimit{{Rate: "1000000000/m"}, {Rate: "1000000000/h"}},
		Extracts: []policy.Extract{
			{Var: "status", Path: "$.order.status"},
			{Var: "eta", Path: "$.order.delivery.eta"},
			{Var: "total", Path: "$.order.total"},
			{Var: "tier", Path: "$.order.customer.tier"},
		},
		Hints: []policy.Hint{
			{Route: "not_found", When: `status == 404`},
			{Route: "preparing", When: `vars.status in ["paid", "packed"]`},
			{Route: "large", When: `vars.total > 1000`},
			{Route: "shipped", When: `vars.status == "shipped"`},
		},
	})
	return spec
}

// BenchmarkMapping is what four extractions and four hints add to a call: the
// difference between the two.
func BenchmarkMapping(b *testing.B) {
	for _, c := range []struct {
		name  string
		rules policy.Spec
	}{{"without", store(policy.Rules{RateLimits: everything().Policies[0].RateLimits})}, {"with", everything()}} {
		b.Run(c.name, func(b *testing.B) {
			g := open(b, c.rules, says(http.StatusOK, order()))
			req := request(http.MethodGet, "/orders/1001", "")
			b.ReportAllocs()
			for b.Loop() {
				// As the sidecar asks: one goroutine reads the answer.
				resp := g.Answer(req, &policy.Call{Policy: "store", Path: "/orders/1001", Tenant: "acme", OneReader: true})
				if _, err := io.Copy(io.Discard, resp.Body); err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
		})
	}
}
