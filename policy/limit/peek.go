package limit

import (
	"hash/maphash"
	"time"
)

// InFlight is how much of a limit on calls in flight is taken.
type InFlight struct {
	// Name is the limit's name.
	Name string
	// N is how many calls the limit lets be in flight.
	N int
	// Calls is how many are.
	Calls int
	// Shared says that those of all tenants count together.
	Shared bool
}

// SharedStates appends what is left of the windows that all tenants share to dst,
// in the order of the sets and of their limits. It counts nothing. Safe for
// concurrent use.
func (t *Table) SharedStates(now time.Time, dst []State, sets ...*Set) []State {
	all := fill(sets)
	t.common.mu.Lock()
	defer t.common.mu.Unlock()
	return appendStates(dst, t.clock(now), &t.common.cell, all[:], shared)
}

// InFlight appends how many calls are in flight to dst, for each such limit of the
// sets: the tenant's own of all sets, then the shared ones. It counts nothing. A
// tenant without counters, such as one that shares the overflow's, has none. Safe
// for concurrent use.
func (t *Table) InFlight(tenant string, dst []InFlight, sets ...*Set) []InFlight {
	all := fill(sets)
	s := &t.shards[maphash.String(t.seed, tenant)%shardCount]
	s.mu.Lock()
	dst = appendInFlight(dst, s.cells[tenant], all[:], own)
	s.mu.Unlock()
	t.common.mu.Lock()
	defer t.common.mu.Unlock()
	return appendInFlight(dst, &t.common.cell, all[:], shared)
}

// appendInFlight is InFlight for one side's cell, whose lock must be held; nil has
// no calls.
func appendInFlight(dst []InFlight, c *cell, sets []*Set, s side) []InFlight {
	for _, set := range sets {
		for i := range set.parts[s].gates {
			g := &set.parts[s].gates[i]
			f := InFlight{Name: g.name, N: int(g.n), Shared: s == shared}
			if c != nil {
				if n := c.find(g.slot); n != nil {
					f.Calls = int(n.n)
				}
			}
			dst = append(dst, f)
		}
	}
	return dst
}
