package breaker

import (
	"strconv"
	"time"
)

// maxTally bounds each number of a tally: what is counted beyond it in so short a
// time is not told.
const maxTally = 1000

// tally is what was counted in a closed cell since it was last told, in so far as
// thresholds look at it: failures before the first success, successes, failures
// between them, and failures after the last.
type tally struct{ before, successes, between, after uint32 }

// add counts one more.
func (t *tally) add(failed bool) {
	switch {
	case !failed:
		t.between = min(t.between+t.after, maxTally)
		t.after = 0
		t.successes = min(t.successes+1, maxTally)
	case t.successes == 0:
		t.before = min(t.before+1, maxTally)
	default:
		t.after = min(t.after+1, maxTally)
	}
}

// failed tells whether there was any failure.
func (t tally) failed() bool { return t.before > 0 || t.between > 0 || t.after > 0 }

// total is how many results it is.
func (t tally) total() uint32 { return t.before + t.successes + t.between + t.after }

// each gives the results in their order. Failures between successes are spread
// evenly: wherever they stood, no run of them opened the cell of the sidecar that
// counted them.
func (t tally) each(count func(failed bool) bool) {
	repeat := func(n uint32, failed bool) bool {
		for range n {
			if !count(failed) {
				return false
			}
		}
		return true
	}
	if !repeat(t.before, true) {
		return
	}
	for i := range t.successes {
		if i > 0 && !repeat(t.between*i/(t.successes-1)-t.between*(i-1)/(t.successes-1), true) {
			return
		}
		if !count(false) {
			return
		}
	}
	repeat(t.after, true)
}

// append writes a cell's tally behind a message of results.
func (t tally) append(b []byte, policy string, k cellKey) []byte {
	b = append(append(b, '\n'), policy...)
	for i, n := range [...]uint32{t.before, t.successes, t.between, t.after} {
		b = append(b, "\n "[min(i, 1)])
		b = strconv.AppendUint(b, uint64(n), 10)
	}
	b = append(append(b, '\n'), k.host...)
	return append(append(b, '\n'), k.tenant...)
}

// note adds a result of this sidecar's to what its peers are to be told. mu is held.
func (x *cell) note(result error) {
	p := x.peers.Load()
	if p == nil || x.retired || !p.link.There() {
		return
	}
	if x.listed != p {
		if !p.list(x) {
			return
		}
		x.listed, x.tally = p, tally{}
	}
	x.tally.add(result != nil)
}

// takeTally gives what is to be told, once.
func (x *cell) takeTally() tally {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.tally
	x.tally, x.listed = tally{}, nil
	return t
}

// hearResults counts in a closed cell what a peer has counted.
func (x *cell) hearResults(t tally) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state() != Closed {
		return
	}
	epoch := x.epoch.Load()
	t.each(func(failed bool) bool {
		var result error
		if failed {
			result = errFailed
		}
		x.count(result)
		return x.epoch.Load() == epoch
	})
	x.used = time.Now()
}
