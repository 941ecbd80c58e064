package limit

import "slices"

const (
	// sliceCount is into how many slices a window is cut. It is also the largest
	// limit whose log keeps every call by itself.
	sliceCount = 32
	// maxMarks bounds a log: a window that begins inside a slice touches one
	// slice more than it is long.
	maxMarks = sliceCount + 1
)

// mark stands for n calls, the youngest of which was at last, in the table's
// nanoseconds.
type mark struct {
	last int64
	n    uint32
}

// counter is the state of one limit: the calls of a window, or the calls in
// flight. Not safe for concurrent use.
type counter struct {
	slot uint32
	// n is how many calls count: the sum over log, or the calls in flight.
	n uint32
	// log is ordered by age, oldest first; at most maxMarks long. Calls in
	// flight have none.
	log []mark
}

// expire drops the marks that are a window old or older.
func (k *counter) expire(at, window int64) {
	i := 0
	for i < len(k.log) && k.log[i].last+window <= at {
		k.n -= k.log[i].n
		i++
	}
	if i > 0 {
		// Moved down rather than sliced off, so that the array is reused.
		k.log = k.log[:copy(k.log, k.log[i:])]
	}
}

// record counts a call at the time at, which must not be before any other of the
// log; expired marks must have been dropped.
func (k *counter) record(at int64, r *rule) {
	k.n++
	if i := len(k.log) - 1; i >= 0 && r.merges(k.log, at) {
		k.log[i].last = at
		k.log[i].n++
		return
	}
	if len(k.log) == cap(k.log) {
		k.log = grow(k.log)
	}
	k.log = append(k.log, mark{last: at, n: 1})
}

// merges says whether a call at the time at joins the youngest mark of log. A full
// log of a large limit can only be left by a smaller limit that was in force
// before; merging then counts calls longer, never shorter.
func (r *rule) merges(log []mark, at int64) bool {
	if len(log) == maxMarks {
		return true
	}
	return r.n > sliceCount && log[len(log)-1].last/r.width == at/r.width
}

// grow doubles the room of log up to maxMarks: most tenants are idle and have one
// mark, busy ones soon have all.
func grow(log []mark) []mark {
	room := max(1, 2*cap(log))
	if room > maxMarks/2 {
		room = maxMarks
	}
	return append(make([]mark, 0, room), log...)
}

// giveBack uncounts one call that was recorded at the time at and has not expired.
// Its mark is the first that is not older: marks only ever move forward over
// younger calls.
func (k *counter) giveBack(at int64) {
	i := 0
	for i < len(k.log) && k.log[i].last < at {
		i++
	}
	if i == len(k.log) {
		return
	}
	k.n--
	k.log[i].n--
	if k.log[i].n == 0 {
		k.log = slices.Delete(k.log, i, i+1)
	}
}

// freeAt is when the oldest calls have expired, calls of them in number; at most
// k.n.
func (k *counter) freeAt(calls uint32, window int64) int64 {
	var freed uint32
	for i := range k.log {
		freed += k.log[i].n
		if freed >= calls {
			return k.log[i].last + window
		}
	}
	return 0
}

// live is how many calls still count at the time at. Unlike expire it changes
// nothing.
func (k *counter) live(at, window int64) uint32 {
	n := k.n
	for i := range k.log {
		if k.log[i].last+window > at {
			break
		}
		n -= k.log[i].n
	}
	return n
}

// idle says whether nothing counts any more.
func (k *counter) idle(at, window int64) bool {
	if k.n == 0 {
		return true
	}
	return window != forever && k.log[len(k.log)-1].last+window <= at
}
