package limit

import "slices"

// cell holds the counters of one tenant, of the overflow, or of all tenants
// together. It is guarded by the mutex of whoever holds it. Its size is felt a
// million times over.
type cell struct {
	// latest is the latest time the cell has seen. Earlier times count as
	// latest, so a clock that steps back, or a call that waited for the lock,
	// cannot make a log unordered or bring an expired mark back.
	latest int64
	// strayed is when the tenant was last counted in the overflow, 0 if never.
	strayed int64
	// counters is sorted by slot. It has as many entries as the tenant has used
	// limits since the last sweep.
	counters []counter
}

// advance gives the cell's own time for the time at.
func (c *cell) advance(at int64) int64 {
	c.latest = max(c.latest, at)
	return c.latest
}

// search finds the place of slot among the counters, and whether it is there.
func (c *cell) search(slot uint32) (int, bool) {
	low, high := 0, len(c.counters)
	for low < high {
		mid := int(uint(low+high) / 2)
		if c.counters[mid].slot < slot {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < len(c.counters) && c.counters[low].slot == slot
}

// find gives the counter of slot, or nil. It is valid until the next obtain.
func (c *cell) find(slot uint32) *counter {
	if i, ok := c.search(slot); ok {
		return &c.counters[i]
	}
	return nil
}

// obtain gives the counter of slot and adds it if need be. It is valid until the
// next obtain.
func (c *cell) obtain(slot uint32) *counter {
	i, ok := c.search(slot)
	if !ok {
		c.counters = slices.Insert(c.counters, i, counter{slot: slot})
	}
	return &c.counters[i]
}

// idle says whether the cell can be forgotten without giving anyone more than the
// limits allow.
func (c *cell) idle(at int64, windows []int64) bool {
	at = c.advance(at)
	for i := range c.counters {
		if k := &c.counters[i]; !k.idle(at, windows[k.slot]) {
			return false
		}
	}
	return true
}

// prune drops the counters that count nothing any more.
func (c *cell) prune(at int64, windows []int64) {
	at = c.advance(at)
	c.counters = slices.DeleteFunc(c.counters, func(k counter) bool {
		return k.idle(at, windows[k.slot])
	})
}
