package stale

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// gatherFor is how long a change waits before Redis hears of it. A key whose
	// answers come faster costs one write in that time.
	gatherFor = 50 * time.Millisecond

	// awayPause is after how long Redis is told again of what has ended.
	awayPause = 500 * time.Millisecond

	// maxQueued and maxQueuedBytes bound the changes that wait.
	maxQueued      = 1024
	maxQueuedBytes = 8 << 20

	// changeOverhead is what a change occupies beside its entry and its lines.
	changeOverhead = 512
)

// change is what Redis is to hear of one answer.
type change struct {
	at    time.Time // When the answer came.
	keep  time.Duration
	entry *entry // Shared with the memory; nil ends what it supersedes and puts nothing in its place.
	lines []line // The request's header,
	all   bool   // or, when it is too large, any request's.
	size  int64
}

// newChange makes a change. It copies no value, as strings never change.
func newChange(e *entry, reqHeader http.Header, keep time.Duration) *change {
	c := &change{at: time.Now(), keep: keep, entry: e, size: changeOverhead}
	lines, ok := linesOf(reqHeader)
	c.lines, c.all = lines, !ok
	for _, l := range lines {
		c.size += int64(valueOverhead + len(l.name) + len(l.value))
	}
	if e != nil {
		c.size += e.size
	}
	return c
}

// batch is the changes of one key, in their order.
type batch struct {
	name    keyName
	changes []*change
}

// queue holds the changes that Redis has not heard of. It is safe for concurrent
// use.
type queue struct {
	mu      sync.Mutex
	batches []*batch // The key changed first comes first.
	byName  map[keyName]*batch
	changes int // Those counted, taken or not, until they are done.
	bytes   int64
	awaited bool // Somebody will take what is there.
}

// add puts a change behind the others of its key, in place of those that it makes
// superfluous. It gives whether there was room for it, and whether the caller is
// to see to it that the queue is emptied.
func (q *queue) add(name keyName, reqHeader http.Header, c *change) (added, alone bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.byName[name]
	if b != nil {
		b.changes = slices.DeleteFunc(b.changes, func(old *change) bool {
			return q.replaces(c, reqHeader, old)
		})
	}
	if q.changes >= maxQueued || q.bytes+c.size > maxQueuedBytes {
		return false, false
	}
	if b == nil {
		b = &batch{name: name}
		q.batches = append(q.batches, b)
		q.byName[name] = b
	}
	b.changes = append(b.changes, c)
	q.changes++
	q.bytes += c.size
	alone, q.awaited = !q.awaited, true
	return true, alone
}

// replaces takes an old change out of the count where the new one makes it
// superfluous. Two ends become one of every variant: that is more than was asked,
// but it keeps a key that is ended at each call to one change. The caller holds
// q.mu.
func (q *queue) replaces(c *change, reqHeader http.Header, old *change) bool {
	switch {
	case c.all:
	case old.entry != nil && old.entry.matches(reqHeader):
	case old.entry == nil && c.entry == nil:
		c.all = true
	default:
		return false
	}
	q.forget(old)
	return true
}

// forget takes a change out of the count. The caller holds q.mu.
func (q *queue) forget(c *change) {
	q.changes--
	q.bytes -= c.size
}

// take empties the queue. What it gives counts until it is done.
func (q *queue) take() []*batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	batches := q.batches
	q.batches = nil
	clear(q.byName)
	return batches
}

// again puts a change back that Redis has not heard of, in front of those that came
// meanwhile. It counts already.
func (q *queue) again(name keyName, c *change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b := q.byName[name]
	if b == nil {
		b = &batch{name: name}
		q.batches = append(q.batches, b)
		q.byName[name] = b
	}
	b.changes = slices.Insert(b.changes, 0, c)
}

// done takes a change out of the count.
func (q *queue) done(c *change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.forget(c)
}

// more gives whether the queue is to be emptied again.
func (q *queue) more() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.awaited = len(q.batches) > 0
	return q.awaited
}
