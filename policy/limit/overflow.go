package limit

import "sync"

// straySlots is how many groups of tenants the overflow tells apart, 8 bytes each.
const straySlots = 1 << 16

// overflow counts the tenants that found the table full. Its calls belong to
// tenants that may later get a cell of their own, so it remembers roughly who
// they were: a tenant that comes out of the overflow starts with what was counted
// there, as if all of it had been its own. Otherwise moving would give it a second
// helping. Calls in flight are not carried over.
type overflow struct {
	mu    sync.Mutex
	cell  cell
	calls uint64 // How many calls were counted here.
	// strays holds when a tenant of each group was last counted here, 0 for
	// never; nil until the table is full for the first time.
	strays []int64
}

// stray remembers that the tenant with this hash was counted at the time at.
// Requires o.mu.
func (o *overflow) stray(hash uint64, at int64) {
	if o.strays == nil {
		o.strays = make([]int64, straySlots)
	}
	o.strays[hash%straySlots] = at
	o.calls++
}

// lastStray is when the tenant with this hash may last have been counted here, 0
// for never.
func (o *overflow) lastStray(hash uint64) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.strays == nil {
		return 0
	}
	return o.strays[hash%straySlots]
}

// bequeath gives c, a cell whose tenant has strayed, the counter that it lacks for
// r: what the overflow counted until the tenant's last call there. It returns nil
// when that was nothing.
func (o *overflow) bequeath(c *cell, r *rule, at int64) *counter {
	if c.strayed == 0 || c.strayed+r.window <= at {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	from := o.cell.find(r.slot)
	if from == nil {
		return nil
	}
	k := c.obtain(r.slot)
	for i, m := range from.log {
		// The tenant's last call here is in the first mark that is not older, or in
		// another of the same time.
		if i > 0 && from.log[i-1].last >= c.strayed && m.last > c.strayed {
			break
		}
		m.last = min(m.last, c.strayed)
		k.log = append(k.log, m)
		k.n += m.n
	}
	return k
}
