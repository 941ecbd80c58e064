package replay

import (
	"container/heap"
	"time"
)

// Bounds of what waits to be put into order, in calls and bytes.
const (
	maxWaiting      = 4096
	maxWaitingBytes = 8 << 20
)

// order puts calls into the order of their times, as far as a bounded number of
// calls in hand allows. The zero value is empty.
type order struct {
	waiting waiting
	bytes   int
	before  time.Time // of the last call that came with a time
	last    time.Time // of the last call that left
	late    int       // calls that came too late for their place
}

// waiting is a heap of calls, the earliest first; of those at the same time the one
// that came first.
type waiting []Call

// put takes a call in. One without a time belongs behind the one before it.
func (o *order) put(c Call) {
	if c.Time.IsZero() {
		c.Time = o.before
	}
	o.before = c.Time
	o.bytes += c.weight
	heap.Push(&o.waiting, c)
}

// isFull tells whether a call has to leave before another one comes.
func (o *order) isFull() bool {
	return len(o.waiting) >= maxWaiting || o.bytes > maxWaitingBytes && len(o.waiting) > 0
}

// take gives the earliest call; there must be one.
func (o *order) take() Call {
	c := heap.Pop(&o.waiting).(Call)
	o.bytes -= c.weight
	if c.Time.Before(o.last) {
		o.late++
	} else {
		o.last = c.Time
	}
	return c
}

// Len, Less, Swap, Push and Pop are those of a heap.
func (w waiting) Len() int { return len(w) }

// Less tells which one is earlier.
func (w waiting) Less(i, j int) bool {
	if c := w[i].Time.Compare(w[j].Time); c != 0 {
		return c < 0
	}
	return w[i].order < w[j].order
}

// Swap changes places.
func (w waiting) Swap(i, j int) { w[i], w[j] = w[j], w[i] }

// Push adds a call at the end.
func (w *waiting) Push(x any) { *w = append(*w, x.(Call)) }

// Pop takes the last one.
func (w *waiting) Pop() any {
	last := len(*w) - 1
	c := (*w)[last]
	(*w)[last] = Call{}
	*w = (*w)[:last]
	return c
}
