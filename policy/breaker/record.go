package breaker

import (
	"crypto/rand"
	"errors"
	"time"
)

// shared is what a cell has to do with its peers. The cell's mu guards it.
type shared struct {
	record   string // Names the trip that it obeys together with its peers; empty while closed.
	past     string // The last record that is over.
	borrowed bool   // The machine is open for as long as a record says, not the configuration.
	forcing  bool   // The machine is being opened for a record.
	tally    tally  // What the peers are to be told.
	listed   *Peers // Who have the cell on their list of those with something to tell.
}

// newID names a record or an order.
func newID() string { return rand.Text()[:16] }

// current is the state that was begun last, which may be over. mu is held.
func (x *cell) current() State { return State(x.epoch.Load() & 3) }

// tripped tells the peers that the cell has opened by itself. mu is held.
func (x *cell) tripped() {
	prior := x.record
	x.record = newID()
	if p := x.peers.Load(); p != nil && !x.retired {
		p.tellTrip(x.policy, x.key, x.record, prior, x.config.Open)
	}
}

// ended forgets the record. mu is held.
func (x *cell) ended() {
	if x.record != "" {
		x.past, x.record = x.record, ""
	}
}

// open makes a machine that is open for so long from now on. mu is held.
func (x *cell) open(d time.Duration) {
	x.machine, x.borrowed = x.newMachine(d), d != x.config.Open
	x.forcing = true
	if report, err := x.machine.Allow(); err == nil {
		report(errFailed)
	}
	x.forcing = false
}

// probed tells the machine what became of a probe, and the peers what it means. That
// it failed they hear as a trip.
func (x *cell) probed(p *probe, result error) {
	record := x.record
	p.report(result)
	peers := x.peers.Load()
	switch {
	case x.current() == Closed:
		if peers != nil {
			peers.tellClosed(x.policy, x.key, record)
		}
	case p.peers == nil:
	case result == nil:
		p.peers.tellProbed(x.policy, x.key, record, p.place)
	case errors.Is(result, errIgnored):
		p.peers.giveBack(p.place)
	}
	if !x.borrowed {
		return
	}
	switch x.current() {
	case Open:
		x.open(x.config.Open)
	case Closed:
		x.machine, x.borrowed = x.newMachine(x.config.Open), false
	}
}

// adopt opens the cell with a record of its peers', for what is left of that one's
// open time; then probes may pass. A cell that is held obeys the hold alone. It
// gives true when the record was over here already.
func (x *cell) adopt(record string, left time.Duration) (over bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	state := x.state()
	if record == x.record || record == x.past || x.obeyed.Load().holds() {
		return record == x.past
	}
	now := time.Now()
	x.record = record
	x.open(left)
	if state != Open {
		x.begin(Open, now)
	}
	x.ends = now.Add(left)
	return false
}

// heal closes the cell because the probes of a record succeeded.
func (x *cell) heal(record string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.state()
	if record != x.record {
		x.past = record
		return
	}
	x.ended()
	x.machine, x.borrowed = x.newMachine(x.config.Open), false
	x.begin(Closed, time.Now())
}

// retell tells a trip that Redis does not know of, while it lasts.
func (x *cell) retell(p *Peers) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state() == Open && !x.obeyed.Load().holds() {
		p.tellTrip(x.policy, x.key, x.record, "", time.Until(x.ends))
	}
}
