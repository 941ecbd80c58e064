package breaker

import (
	"sync"
	"sync/atomic"
)

// maxUntold bounds the transitions that wait for an observer. Those beyond it
// are not told; polled state stays true.
const maxUntold = 4096

// teller tells transitions to an observer in their order, one at a time, and
// outside every lock. It has no goroutine: whoever is done with a cell calls
// tell, and the first to come tells everything, also what others add meanwhile.
type teller struct {
	observe func(Transition)

	waiting atomic.Bool // Something is untold; to be read without mu.

	mu      sync.Mutex // Innermost: held for an append or a swap only.
	untold  []Transition
	telling bool
}

// add queues a transition. The cell's lock may be held.
func (t *teller) add(tr Transition) {
	if t.observe == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.untold) < maxUntold {
		t.untold = append(t.untold, tr)
		t.waiting.Store(true)
	}
}

// tell empties the queue unless somebody else is doing so. No lock may be held.
func (t *teller) tell() {
	for batch := t.take(); len(batch) > 0; batch = t.more() {
		t.deliver(batch)
	}
}

// take gives what is queued and makes the caller the one who tells it. When
// nothing is queued it takes no lock.
func (t *teller) take() []Transition {
	if !t.waiting.Load() {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.telling {
		return nil
	}
	return t.next()
}

// more gives what was queued meanwhile, and ends the telling when there is
// nothing.
func (t *teller) more() []Transition {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next()
}

// next empties the queue. mu is held.
func (t *teller) next() []Transition {
	batch := t.untold
	t.untold = nil
	t.waiting.Store(false)
	t.telling = len(batch) > 0
	return batch
}

// deliver hands a batch to the observer. A panic of the observer's passes, but
// the next transition finds somebody to tell it.
func (t *teller) deliver(batch []Transition) {
	finished := false
	defer func() {
		if !finished {
			t.mu.Lock()
			t.telling = false
			t.mu.Unlock()
		}
	}()
	for _, tr := range batch {
		t.observe(tr)
	}
	finished = true
}
