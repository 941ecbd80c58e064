package alert

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxQueued is how many failures wait at most to be noted. What comes on top
	// is counted, without its reason.
	maxQueued = 256

	// maxCounters bounds the policies and outcomes that are counted apart while
	// the queue is full: 1,000 policies with a few outcomes each.
	maxCounters = 4000
)

// kind is what a note is about. The kinds of a policy share its hour.
type kind int

const (
	failing  kind = iota // a call failed
	drifting             // the structure of answers changed
)

// Failure is one failed call. It names no tenant on purpose: mails are read by
// people who need not know the bot's customers.
type Failure struct {
	// Policy and Operation name what was called; Operation may be empty.
	Policy, Operation string

	// Outcome is the word of the closed list, Reason the sentence of
	// Signpost-Reason, and Route the branch that the bot took.
	Outcome, Reason, Route string

	// TraceID is the call's trace, in hexadecimal, or empty.
	TraceID string

	// Time is when the call was over. Default: now.
	Time time.Time
}

// note is what happened, as it waits in the queue.
type note struct {
	kind kind
	Failure
}

// tally is what is counted apart while the queue is full.
type tally struct {
	kind            kind
	policy, outcome string
}

// queue takes notes from calls without ever making them wait. It is safe for
// concurrent use.
type queue struct {
	notes chan note

	// wake has room for one word that something was put in. Notes are taken
	// under the lock of the Book alone, so that a reset misses none.
	wake chan struct{}

	// counters maps a tally to a *atomic.Int64. It is a sync.Map because calls
	// of all policies add to it at once while nothing is added to its keys.
	counters sync.Map
	size     atomic.Int64
	missed   atomic.Int64
	counted  atomic.Bool // since the counters were last taken
}

func newQueue() *queue {
	return &queue{notes: make(chan note, maxQueued), wake: make(chan struct{}, 1)}
}

// put takes a note, or counts it where the queue is full. It never waits, and
// allocates nothing but a counter that is new.
func (q *queue) put(n note) {
	select {
	case q.notes <- n:
	default:
		q.count(tally{kind: n.kind, policy: n.Policy, outcome: n.Outcome})
	}
	nudge(q.wake)
}

// count counts what found no room.
func (q *queue) count(t tally) {
	counter, known := q.counters.Load(t)
	if !known {
		if q.size.Load() >= maxCounters {
			q.missed.Add(1)
			return
		}
		// Calls at the same moment may pass the bound by their number.
		if counter, known = q.counters.LoadOrStore(t, new(atomic.Int64)); !known {
			q.size.Add(1)
		}
	}
	counter.(*atomic.Int64).Add(1)
	q.counted.Store(true)
}

// nudge leaves word in a channel with room for one, and never waits.
func nudge(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// take calls yield for all that was counted since it was last called. The
// notes are left in their channel.
func (q *queue) take(yield func(t tally, n int)) {
	if !q.counted.Swap(false) {
		return
	}
	q.counters.Range(func(key, counter any) bool {
		if n := counter.(*atomic.Int64).Swap(0); n > 0 {
			yield(key.(tally), int(n))
		}
		return true
	})
}

// lost gives how many were not even counted since it was last called.
func (q *queue) lost() int64 { return q.missed.Swap(0) }
