package limit

import (
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// MaxSets is how many sets one call can be held against: its plan, its policy, its
// operation, and one to spare.
const MaxSets = 4

// Refusal says why a call may not go out.
type Refusal struct {
	// Limit is the name of the limit that stands in the way for longest.
	Limit string
	// Rate is that limit's rate; zero when Overloaded.
	Rate Rate
	// Shared says that all tenants together reached the limit.
	Shared bool
	// Overloaded says that it was a limit on calls in flight, and that no rate
	// limit stood in the way.
	Overloaded bool
	// Away says that Redis was away and that calls are then refused.
	Away bool
	// Late says that Redis did not answer in the time that the call had left, which
	// was less than Redis is given: nothing is known of the limits.
	Late bool
	// Claim is the number of the claim, from 1, whose places are all taken
	// although every limit has room; else 0.
	Claim int
	// RetryAfter is how long it takes until every rate limit has room for the
	// call, never too short. With Claim it is until the first place is given up
	// at the latest. Zero when Overloaded, Away or Late: nobody knows when a call in
	// flight ends.
	RetryAfter time.Duration
}

// State is what is left of one rate limit.
type State struct {
	// Name is the limit's name.
	Name string
	// Rate is what the limit allows.
	Rate Rate
	// Remaining is how many calls the limit would admit now.
	Remaining int
	// Reset is how long it takes until Remaining grows; zero when nothing is used.
	Reset time.Duration
}

// Ticket is the claim of one call on its limits. It is a value so that admission
// allocates nothing, but it is not to be copied once it is in use, and not safe
// for concurrent use. The zero value claims nothing.
type Ticket struct {
	table  *Table
	tenant string
	known  bool
	// counted says that the tenant's windows hold the call.
	counted bool
	// slots says that the call is counted as in flight.
	slots bool
	// owed says what Refund gives back, at when that was counted.
	owed [sides]bool
	at   [sides]int64
	sets [MaxSets]*Set
	// cell is the tenant's, or the overflow's. mu guards it.
	mu     *sync.Mutex
	cell   *cell
	remote *remoteTicket // Nil when the ticket is a table's own.
}

// Take admits a call of the tenant or refuses it. The call is counted by every
// limit of the sets or, when one of them has no room, by none. At most [MaxSets]
// sets, or it panics; nil sets are skipped. The sets must be of this table and of
// different scopes: a counter that two of them name counts the call twice.
//
// A known tenant is on a plan or in the tenants file, and always has counters of
// its own. The others have while the table has room; then they share one cell.
//
// The ticket must be released when the call ends. The one beside a refusal only
// answers [Ticket.States]. Allocates nothing for a tenant that is in the table and
// admitted. Safe for concurrent use.
func (t *Table) Take(now time.Time, tenant string, known bool, sets ...*Set) (Ticket, *Refusal) {
	k := Ticket{table: t, tenant: tenant, known: known, sets: fill(sets)}
	at := t.clock(now)
	k.mu, k.cell = t.enter(at, tenant, known)
	defer k.mu.Unlock()
	refusal := k.admit(at, own, true)
	return k, refusal
}

// nothing stands where a call has no further set.
var nothing = new(Set)

// fill gives the sets of a call as an array without holes.
func fill(sets []*Set) (all [MaxSets]*Set) {
	if len(sets) > MaxSets {
		panic(fmt.Sprintf("limit: a call with %d sets, at most %d", len(sets), MaxSets))
	}
	for i := range all {
		all[i] = nothing
		if i < len(sets) && sets[i] != nil {
			all[i] = sets[i]
		}
	}
	return all
}

// TakeShared counts a further attempt of an admitted call: the shared windows
// count attempts, the tenant's count calls. When the admission was refunded the
// tenant's windows count the call again too. A refusal leaves nothing to refund.
func (k *Ticket) TakeShared(now time.Time) *Refusal {
	if k.table == nil {
		return nil
	}
	at := k.table.clock(now)
	k.owed = [sides]bool{}
	if k.counted {
		return k.admit(at, shared, false)
	}
	k.reenter(at)
	defer k.mu.Unlock()
	return k.admit(at, own, false)
}

// Refund gives back what the last [Table.Take] or [Ticket.TakeShared] counted,
// because the attempt was not sent: for the first attempt all windows, for a
// further one the shared windows. Calls in flight stay counted until
// [Ticket.Release]. Call it only before the attempt begins to dial; a second
// Refund does nothing.
func (k *Ticket) Refund() {
	k.takeBack()
	if k.owed[own] {
		k.mu.Lock()
		k.giveBack(own)
		k.mu.Unlock()
		k.counted = false
	}
	if k.owed[shared] && k.concerns(shared) {
		k.table.common.mu.Lock()
		k.giveBack(shared)
		k.table.common.mu.Unlock()
	}
	k.owed = [sides]bool{}
}

// Release says that the call is no longer in flight. Call it exactly when the call
// ends, best by defer; a second Release does nothing.
func (k *Ticket) Release() {
	if !k.slots {
		return
	}
	k.slots = false
	k.mu.Lock()
	k.leave(own)
	k.mu.Unlock()
	if k.concerns(shared) {
		k.table.common.mu.Lock()
		k.leave(shared)
		k.table.common.mu.Unlock()
	}
	// Last: from here on Redis may give the place to a call that the table must
	// have room for.
	k.land()
}

// States appends what is left of the tenant's windows to dst, in the order of the
// sets and of their limits. Shared windows are not among them.
func (k *Ticket) States(now time.Time, dst []State) []State {
	if k.table == nil {
		return dst
	}
	if k.remote != nil && k.remote.windows[own] != nil {
		return k.remote.appendStates(now, dst, k.sets[:], own)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return appendStates(dst, k.table.clock(now), k.cell, k.sets[:], own)
}

// SharedStates appends what is left of the windows that all tenants share to dst, as
// States does of the tenant's.
func (k *Ticket) SharedStates(now time.Time, dst []State) []State {
	if k.table == nil || !k.concerns(shared) {
		return dst
	}
	if k.remote != nil && k.remote.windows[shared] != nil {
		return k.remote.appendStates(now, dst, k.sets[:], shared)
	}
	k.table.common.mu.Lock()
	defer k.table.common.mu.Unlock()
	return appendStates(dst, k.table.clock(now), &k.table.common.cell, k.sets[:], shared)
}

// InFlight appends how many calls are in flight to dst, this one among them if it was
// admitted, for each such limit: the tenant's own of all sets, then the shared ones.
// Call it before Release.
func (k *Ticket) InFlight(dst []InFlight) []InFlight {
	if k.table == nil {
		return dst
	}
	if k.remote != nil && k.remote.flying != nil {
		return appendFlying(dst, k.remote.flying, k.sets[:])
	}
	if k.bounds(own) {
		k.mu.Lock()
		dst = appendInFlight(dst, k.cell, k.sets[:], own)
		k.mu.Unlock()
	}
	if k.bounds(shared) {
		k.table.common.mu.Lock()
		dst = appendInFlight(dst, &k.table.common.cell, k.sets[:], shared)
		k.table.common.mu.Unlock()
	}
	return dst
}

// bounds says whether a set limits the calls in flight on a side.
func (k *Ticket) bounds(s side) bool {
	for _, set := range k.sets {
		if len(set.parts[s].gates) > 0 {
			return true
		}
	}
	return false
}

// States appends what is left of a tenant's windows to dst as [Ticket.States] does,
// without a call. A tenant without counters has everything left.
func (t *Table) States(now time.Time, tenant string, dst []State, sets ...*Set) []State {
	s := &t.shards[maphash.String(t.seed, tenant)%shardCount]
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.cells[tenant]
	if c == nil {
		c = new(cell)
	}
	all := fill(sets)
	return appendStates(dst, t.clock(now), c, all[:], own)
}

// appendStates is States for one side's cell, whose lock must be held.
func appendStates(dst []State, at int64, c *cell, sets []*Set, s side) []State {
	clock := max(at, c.latest)
	for _, set := range sets {
		for i := range set.parts[s].rules {
			r := &set.parts[s].rules[i]
			state := State{Name: r.name, Rate: r.rate, Remaining: r.rate.N}
			if n := c.find(r.slot); n != nil {
				live := n.live(clock, r.window)
				state.Remaining = int(r.n - min(r.n, live))
				if live > 0 {
					// A limit that was lowered may have to free more than one.
					expired := n.n - live
					free := n.freeAt(expired+max(1, live-min(live, r.n-1)), r.window)
					state.Reset = time.Duration(free - at)
				}
			}
			dst = append(dst, state)
		}
	}
	return dst
}
