package policytest

import (
	"cmp"
	"slices"

	"github.com/signpost-gateway/signpost/policy"
)

// coverage counts for each configuration how many tests took each branch.
func coverage(all []*config, jobs []job, taken []branches, whole bool) []Coverage {
	tests := make(map[*config]map[policy.Branch]int, len(all))
	for i := range jobs {
		counts := tests[jobs[i].config]
		if counts == nil {
			counts = make(map[policy.Branch]int)
			tests[jobs[i].config] = counts
		}
		for b := range taken[i] {
			counts[b]++
		}
	}
	covered := make([]Coverage, 0, len(all))
	for _, c := range all {
		one := Coverage{Config: c.path}
		for _, b := range c.branches {
			if !whole && !c.tested[b.Policy] {
				continue
			}
			n := tests[c][b]
			one.Branches = append(one.Branches, Covered{Branch: b, Tests: n})
			one.Total++
			if n > 0 {
				one.Reached++
			}
		}
		slices.SortStableFunc(one.Branches, func(a, b Covered) int {
			return cmp.Or(cmp.Compare(a.Place.File, b.Place.File), a.Place.Line-b.Place.Line)
		})
		covered = append(covered, one)
	}
	return covered
}
