package limit

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// oracle is the exact truth about one limit for those who count together: when each
// call was admitted that was not given back.
type oracle struct {
	rate  Rate
	slack time.Duration // By how much longer than its window a call may count.
	calls []time.Duration
}

// within counts the calls that are younger than span at the time at.
func (o *oracle) within(at, span time.Duration) int {
	n := 0
	for _, t := range o.calls {
		if at-t < span {
			n++
		}
	}
	return n
}

// worst is the largest number of calls in any span of the window.
func (o *oracle) worst() int {
	slices.Sort(o.calls)
	worst, first := 0, 0
	for i, t := range o.calls {
		for t-o.calls[first] >= o.rate.Window {
			first++
		}
		worst = max(worst, i-first+1)
	}
	return worst
}

// oracles has the oracle of each limit of the groups, by tenant.
type oracles struct {
	groups []group
	of     map[string]*oracle
}

// each calls do with every oracle of a tenant's call, shared ones last as limits are asked.
func (all *oracles) each(tenant string, do func(l Limit, o *oracle)) {
	for _, wantShared := range []bool{false, true} {
		for _, g := range all.groups {
			for _, l := range g.limits {
				if l.Shared != wantShared {
					continue
				}
				key := l.Name
				if !l.Shared {
					key += " of " + tenant
				}
				if all.of[key] == nil {
					slack := 2 * time.Microsecond // Redis's clock has no less.
					if l.Rate.N > sliceCount {
						slack += (l.Rate.Window+sliceCount-1)/sliceCount + time.Microsecond
					}
					all.of[key] = &oracle{rate: l.Rate, slack: slack}
				}
				do(l, all.of[key])
			}
		}
	}
}

// judge holds one decision against the truth. So many permits lie unused somewhere.
func (all *oracles) judge(t *testing.T, what, tenant string, at time.Duration, refusal *Refusal, unused int) {
	t.Helper()
	all.each(tenant, func(l Limit, o *oracle) {
		switch {
		case refusal == nil:
			if held := o.within(at, l.Rate.Window); held >= l.Rate.N {
				t.Fatalf("%s: at %v a call of %s was admitted although %s had %d", what, at, tenant, l.Name, held)
			}
		case refusal.Limit == l.Name:
			if held := o.within(at, l.Rate.Window+o.slack); held+unused < l.Rate.N {
				t.Fatalf("%s: at %v a call of %s was refused by %s with only %d", what, at, tenant, l.Name, held)
			}
			if refusal.Rate != l.Rate || refusal.Shared != l.Shared || refusal.RetryAfter <= 0 {
				t.Fatalf("%s: at %v refusal %+v by %+v", what, at, *refusal, l)
			}
		}
	})
}

// randomGroups draws limits that lie across each other: of a tenant and of all, small
// ones and large ones, over windows of which one is longer than the other.
func randomGroups(rng *rand.Rand, sizes ...int) []group {
	windows := []time.Duration{time.Second, 1500*time.Millisecond + 3*time.Microsecond, 10 * time.Second, time.Minute}
	var groups []group
	for i, scope := range []string{"plan", "store", "store.orders"}[:1+rng.IntN(3)] {
		var g group
		first := rng.IntN(len(windows))
		for j := range 1 + rng.IntN(2) {
			l := Limit{Scope: scope, Rate: Rate{N: sizes[rng.IntN(len(sizes))], Window: windows[(first+j)%len(windows)]}}
			l.Shared = i > 0 && rng.IntN(3) == 0
			l.Name = fmt.Sprint(scope, " ", l.Rate, " ", l.Shared)
			g.limits = append(g.limits, l)
		}
		groups = append(groups, g)
	}
	return groups
}

// checkPromise makes calls of two tenants at random through all processes of a world,
// some of which are given back or sent again, and holds every decision against the
// truth. It says how many were admitted and refused.
func checkPromise(t *testing.T, what string, w *world, groups []group, rng *rand.Rand, calls int) (admitted, refused int) {
	t.Helper()
	truth := oracles{groups: groups, of: make(map[string]*oracle)}
	w.compile(groups...)
	least := time.Hour
	for _, g := range truth.groups {
		for _, l := range g.limits {
			least = min(least, l.Rate.Window/time.Duration(l.Rate.N))
		}
	}
	for range calls {
		switch rng.IntN(60) {
		case 0:
			w.pass(time.Duration(rng.Int64N(int64(90 * time.Second)))) // A pause.
		default:
			w.pass(time.Duration(rng.Int64N(int64(least)/2 + 1)))
		}
		w.sweep()
		tenant := []string{"acme", "globex"}[rng.IntN(2)]
		s := w.sidecar[rng.IntN(len(w.sidecar))]
		unused := w.unused()
		k, refusal := s.take(tenant)
		if s.remote != nil && k.Decided() != Redis {
			t.Fatalf("%s: at %v Redis did not answer", what, w.passed)
		}
		truth.judge(t, what, tenant, w.passed, refusal, unused)
		if refusal != nil {
			refused++
			continue
		}
		admitted++
		switch rng.IntN(10) {
		case 0:
			k.Refund()
		case 1: // A further attempt, which counts where limits are shared.
			truth.each(tenant, func(_ Limit, o *oracle) { o.calls = append(o.calls, w.passed) })
			w.pass(time.Duration(rng.Int64N(int64(time.Second))))
			again := k.Again(s.now(), 0, nil)
			truth.each(tenant, func(l Limit, o *oracle) {
				if again == nil && l.Shared {
					if held := o.within(w.passed, l.Rate.Window); held >= l.Rate.N {
						t.Fatalf("%s: a further attempt was admitted although %s had %d", what, l.Name, held)
					}
					o.calls = append(o.calls, w.passed)
				}
			})
		default:
			truth.each(tenant, func(_ Limit, o *oracle) { o.calls = append(o.calls, w.passed) })
		}
		k.Release()
	}
	for name, o := range truth.of {
		if worst := o.worst(); worst > o.rate.N {
			t.Fatalf("%s: %s let %d out in one window", what, name, worst)
		}
	}
	return admitted, refused
}

func TestNoSpanHoldsMoreThanALimitAndNoCallIsRefusedWithoutReason(t *testing.T) {
	all := []int{1, 2, 5, 31, 32, 33, 40, 100}
	for _, c := range []struct {
		name  string
		seeds uint64
		calls int
		sizes []int
		world func(t *testing.T) *world
	}{
		{"in memory", 60, 2000, all, func(t *testing.T) *world { return newLonelyWorld(t) }},
		{"one process on Redis", 5, 600, all, func(t *testing.T) *world { return newWorld(t, 1, RemoteOptions{}) }},
		{"four processes on Redis", 10, 600, all, func(t *testing.T) *world { return newWorld(t, 4, RemoteOptions{}) }},
		{"three processes with leases", 6, 1500, []int{33, 40, 100, 400}, func(t *testing.T) *world {
			return newWorld(t, 3, RemoteOptions{Leases: true})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			admitted, refused := 0, 0
			for seed := range c.seeds {
				rng := rand.New(rand.NewPCG(seed, 6))
				what := fmt.Sprintf("%s, seed %d", c.name, seed)
				a, r := checkPromise(t, what, c.world(t), randomGroups(rng, c.sizes...), rng, c.calls)
				admitted, refused = admitted+a, refused+r
			}
			if calls := admitted + refused; admitted < calls/10 || refused < calls/10 {
				t.Errorf("%d calls admitted and %d refused, want many of both", admitted, refused)
			}
		})
	}
}
