package limit

import (
	"hash/maphash"
	"time"
)

// verdict gathers what stands in a call's way.
type verdict struct {
	rule *rule // The rule that has room last, nil if none refuses.
	free int64 // When that is.
	gate *gate // The first gate that is full, nil if none is.
}

// refusal turns v into an answer, nil when nothing stands in the way.
func (v *verdict) refusal(at int64) *Refusal {
	switch {
	case v.rule != nil:
		return &Refusal{
			Limit:      v.rule.name,
			Rate:       v.rule.rate,
			Shared:     v.rule.side == shared,
			RetryAfter: time.Duration(v.free - at),
		}
	case v.gate != nil:
		return &Refusal{Limit: v.gate.name, Shared: v.gate.side == shared, Overloaded: true}
	default:
		return nil
	}
}

// admit looks at every limit of the sides from first on, then counts the call in
// all of them or in none. Slots says whether limits on calls in flight are meant
// too. Requires k.mu when first is own.
func (k *Ticket) admit(at int64, first side, slots bool) *Refusal {
	last := own
	if k.concerns(shared) {
		last = shared
		k.table.common.mu.Lock()
		defer k.table.common.mu.Unlock()
	}
	var v verdict
	for s := first; s <= last; s++ {
		k.weigh(&v, s, at, slots)
	}
	if refusal := v.refusal(at); refusal != nil {
		return refusal
	}
	for s := first; s <= last; s++ {
		k.count(s, at)
		if slots {
			k.occupy(s)
		}
	}
	k.slots = k.slots || slots
	return nil
}

// concerns says whether a set has anything on a side.
func (k *Ticket) concerns(s side) bool {
	for _, set := range k.sets {
		if len(set.parts[s].rules) > 0 || len(set.parts[s].gates) > 0 {
			return true
		}
	}
	return false
}

// cellOf gives the cell of a side.
func (k *Ticket) cellOf(s side) *cell {
	if s == shared {
		return &k.table.common.cell
	}
	return k.cell
}

// weigh adds to v what stands in the call's way on one side, and drops what has
// expired there.
func (k *Ticket) weigh(v *verdict, s side, at int64, slots bool) {
	c := k.cellOf(s)
	at = c.advance(at)
	for _, set := range k.sets {
		for i := range set.parts[s].rules {
			r := &set.parts[s].rules[i]
			n := c.find(r.slot)
			if n == nil {
				if n = k.table.overflow.bequeath(c, r, at); n == nil {
					continue
				}
			}
			n.expire(at, r.window)
			if n.n < r.n {
				continue
			}
			if free := n.freeAt(n.n-r.n+1, r.window); free > v.free {
				v.rule, v.free = r, free
			}
		}
		if !slots {
			continue
		}
		for i := range set.parts[s].gates {
			g := &set.parts[s].gates[i]
			if n := c.find(g.slot); n != nil && n.n >= g.n && v.gate == nil {
				v.gate = g
			}
		}
	}
}

// count enters the call into the windows of one side. Weigh has just run.
func (k *Ticket) count(s side, at int64) {
	c := k.cellOf(s)
	at = c.advance(at)
	if c.counters == nil {
		c.counters = make([]counter, 0, k.size(s))
	}
	for _, set := range k.sets {
		for i := range set.parts[s].rules {
			r := &set.parts[s].rules[i]
			c.obtain(r.slot).record(at, r)
		}
	}
	k.owed[s], k.at[s] = true, at
	if s == own {
		k.counted = true
	}
	if c == &k.table.overflow.cell {
		k.table.overflow.stray(maphash.String(k.table.seed, k.tenant), at)
	}
}

// size is how many counters the call has on one side. Most tenants never use more,
// so that their cells need not grow by steps.
func (k *Ticket) size(s side) int {
	n := 0
	for _, set := range k.sets {
		n += len(set.parts[s].rules) + len(set.parts[s].gates)
	}
	return n
}

// giveBack uncounts the call in the windows of one side. What has expired since,
// or may have, has nothing to give back. Requires the side's lock.
func (k *Ticket) giveBack(s side) {
	c := k.cellOf(s)
	for _, set := range k.sets {
		for i := range set.parts[s].rules {
			r := &set.parts[s].rules[i]
			if n := c.find(r.slot); n != nil && k.at[s]+r.window > c.latest {
				n.giveBack(k.at[s])
			}
		}
	}
}

// occupy counts the call as in flight on one side. Requires the side's lock.
func (k *Ticket) occupy(s side) {
	c := k.cellOf(s)
	for _, set := range k.sets {
		for i := range set.parts[s].gates {
			c.obtain(set.parts[s].gates[i].slot).n++
		}
	}
}

// leave undoes occupy. Requires the side's lock.
func (k *Ticket) leave(s side) {
	c := k.cellOf(s)
	for _, set := range k.sets {
		for i := range set.parts[s].gates {
			if n := c.find(set.parts[s].gates[i].slot); n != nil && n.n > 0 {
				n.n--
			}
		}
	}
}

// reenter finds the tenant's cell anew and locks k.mu: since the ticket was taken
// the cell may have been forgotten, or the tenant may have left the overflow. In
// the latter case what is in flight moves along; a cell with calls in flight is
// never forgotten, so there is no other.
func (k *Ticket) reenter(at int64) {
	mu, c := k.table.enter(at, k.tenant, k.known)
	overflow := &k.table.overflow
	moves := k.slots && k.cell == &overflow.cell && c != k.cell
	if moves {
		overflow.mu.Lock()
		k.leave(own)
		overflow.mu.Unlock()
	}
	k.mu, k.cell = mu, c
	if moves {
		k.occupy(own)
	}
}
