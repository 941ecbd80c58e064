package draft_test

import (
	"fmt"
	"testing"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// ending makes a test of an operation that ends on a route.
func ending(operation, route string, n int) policytest.Test {
	return policytest.Test{
		Name: fmt.Sprintf("%s, %s %d", operation, route, n), Operation: operation,
		Steps: []policytest.Step{{Repeat: 1, Expect: policytest.Expect{Outcome: policy.Success, Route: &route}}},
	}
}

func TestTestsThatReachABranchAreTheLastToBeLeftOut(t *testing.T) {
	for _, c := range []struct {
		name                        string
		operations, routes, of      int // of: how many tests each route has
		want, wantLeft, wantLongest int
	}{
		{"few", 3, 2, 2, 12, 0, 1},
		{"as many as there is room for", 5000, 2, 1, policytest.MaxTests, 0, 1},
		{"more of the same", 100, 2, 60, policytest.MaxTests, 2000, 1},
		{"more branches than tests", 4000, 3, 1, 4000, 0, 3},
		{"both", 4000, 3, 2, policytest.MaxTests, 6000, 3},
	} {
		var d draft.Draft
		for op := range c.operations {
			for route := range c.routes {
				for n := range c.of {
					d.Tests = append(d.Tests, ending(fmt.Sprintf("op_%d", op), fmt.Sprintf("route_%d", route), n))
				}
			}
		}
		left := d.FitTests()
		reached, names, longest := make(map[string]bool), make(map[string]bool), 0
		for _, test := range d.Tests {
			names[test.Name] = true
			longest = max(longest, len(test.Steps))
			for _, s := range test.Steps {
				reached[test.Operation+" "+*s.Expect.Route] = true
			}
			if test.Sequence != (len(test.Steps) > 1) {
				t.Errorf("%s: %s has %d steps, and is a sequence: %v", c.name, test.Name, len(test.Steps), test.Sequence)
			}
		}
		if len(d.Tests) != c.want || left != c.wantLeft || longest != c.wantLongest {
			t.Errorf("%s: %d tests of at most %d steps are left, and %d are not; want %d of %d, and %d", c.name, len(d.Tests), longest, left, c.want, c.wantLongest, c.wantLeft)
		}
		if len(reached) != c.operations*c.routes || len(names) != len(d.Tests) {
			t.Errorf("%s: the tests reach %d branches by %d names, want %d", c.name, len(reached), len(names), c.operations*c.routes)
		}
	}
}
