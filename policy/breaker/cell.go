package breaker

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// buckets is how many parts a window moves in. See Config.Window.
const buckets = 20

// What the state machine is told of an attempt; nil is a success.
var (
	errFailed  = errors.New("attempt failed")
	errIgnored = errors.New("attempt says nothing")
)

// cellKey names a cell of a policy. Tenant is empty for a host's own cell.
type cellKey struct{ host, tenant string }

// cell is one breaker. Everything that touches the state machine holds mu,
// which is why the state can change only under mu.
type cell struct {
	policy string
	key    cellKey
	config Config
	hand   *hand
	emit   func(Transition)
	peers  *atomic.Pointer[Peers] // The registry's; holds nil while it is by itself.

	// obeyed is the latest order that the cell knows of. Set under mu.
	obeyed atomic.Pointer[order]

	// epoch is the number of beginnings so far, transitions and resets, shifted
	// left by two, and the state. In one word, so that a call can enter a closed
	// cell without mu and its result be recognised as late when the cell has
	// changed since.
	epoch atomic.Uint64

	mu      sync.Mutex
	machine *gobreaker.TwoStepCircuitBreaker[struct{}]
	since   time.Time // When the state began.
	ends    time.Time // When the open time does, or did.
	used    time.Time // When a tenant's result was last counted.
	probes  []*probe  // On their way; at most config.Probes.
	retired bool      // Dropped by its breaker; tells no transitions any more.
	shared            // What it has to do with its peers.
}

// probe is a place in a half-open cell.
type probe struct {
	report  func(error)
	expires time.Time
	place   Place  // At Redis; none while it is by itself.
	peers   *Peers // Who know of the place.
}

// ticket is what a call holds of one cell.
type ticket struct {
	cell  *cell
	epoch uint64
	probe *probe // Nil unless the cell was half-open.
}

func newCell(b *Breaker, key cellKey) *cell {
	now, h := time.Now(), b.hand
	x := &cell{
		policy: b.policy, key: key, config: b.config, hand: h, emit: b.emit, peers: &b.registry.peers,
		since: now, used: now,
	}
	x.machine = x.newMachine(x.config.Open)
	if o := h.standing(); !o.holds() {
		x.obeyed.Store(o) // A new cell is as good as reset. Into a hold it has to change.
	}
	return x
}

// newMachine makes a state machine that has counted nothing, and is open for so long
// when it opens.
func (x *cell) newMachine(open time.Duration) *gobreaker.TwoStepCircuitBreaker[struct{}] {
	c := x.config
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests: uint32(c.Probes),
		// Both zero with a consecutive threshold: nothing is forgotten by time.
		Interval:     c.Window,
		BucketPeriod: (c.Window + buckets - 1) / buckets,
		// The machine stays open while the time has not been exceeded; probes
		// are promised for the very moment.
		Timeout: max(open-1, 1),
		// These run under the machine's lock: they may not call it.
		ReadyToTrip: func(n gobreaker.Counts) bool {
			return x.ripe(n)
		},
		OnStateChange: func(_ string, _, to gobreaker.State) { x.changed(stateOf(to)) },
		IsExcluded:    func(err error) bool { return errors.Is(err, errIgnored) },
	})
}

// finished leaves out attempts in flight and those that say nothing.
func finished(n gobreaker.Counts) uint32 { return n.TotalSuccesses + n.TotalFailures }

// ripe reports whether the counts open the cell, which they do not while it is
// held. mu is held.
func (x *cell) ripe(n gobreaker.Counts) bool {
	return x.forcing || !x.obeyed.Load().holds() && x.config.ripe(finished(n), n.TotalFailures, n.ConsecutiveFailures)
}

// changed notes a transition of the machine. mu and the machine's lock are held.
func (x *cell) changed(to State) {
	now := time.Now()
	switch {
	case x.forcing:
	case to == HalfOpen:
		x.begin(to, x.ends)
	case to == Open:
		x.begin(to, now)
		x.ends = now.Add(x.config.Open)
		x.tripped()
	default:
		x.begin(to, now)
		x.ended()
	}
}

// begin starts a state. Whatever is on its way reports to none. mu is held.
func (x *cell) begin(to State, at time.Time) {
	epoch := x.epoch.Load()
	from := State(epoch & 3)
	x.since, x.probes, x.tally = at, nil, tally{}
	x.epoch.Store((epoch>>2+1)<<2 | uint64(to))
	if from != to && !x.retired {
		x.emit(Transition{Host: x.key.host, Tenant: x.key.tenant, From: from, To: to, At: at})
	}
}

// obey starts afresh when there is an order that the cell has not obeyed. mu is
// held.
func (x *cell) obey() {
	if x.obeyed.Load() != x.hand.latest.Load() {
		x.startAfresh()
	}
}

// startAfresh forgets all that was counted, and obeys the latest order. mu is
// held.
func (x *cell) startAfresh() {
	o := x.hand.latest.Load()
	x.machine, x.borrowed = x.newMachine(x.config.Open), false
	x.ended()
	x.begin(o.target(), o.since)
	x.obeyed.Store(o) // Last: who sees it sees the new epoch.
}

// catchUp obeys what was ordered.
func (x *cell) catchUp() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.obey()
}

// state is the order's while the cell is held, else the machine's. Asking makes
// an open cell notice that its time has passed. mu is held.
func (x *cell) state() State {
	x.obey()
	if o := x.obeyed.Load(); o.holds() {
		return o.state
	}
	return stateOf(x.machine.State())
}

// enter asks to let a call pass that knows of the order o. In a closed cell that
// has obeyed it, it takes no lock and allocates nothing. A probe needs one of the
// places that were claimed, where peers are there.
func (x *cell) enter(o *order, lease time.Duration, c *claims) (ticket, *Refusal) {
	if x.obeyed.Load() == o {
		if epoch := x.epoch.Load(); State(epoch&3) == Closed {
			return ticket{cell: x, epoch: epoch}, nil
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()

	state := x.state()
	now := time.Now()
	switch state {
	case Closed:
		return ticket{cell: x, epoch: x.epoch.Load()}, nil
	case Open:
		if o := x.obeyed.Load(); o.holds() {
			return ticket{}, o.refuse(x.config)
		}
		return ticket{}, x.refuse(state, x.ends.Sub(now))
	}
	x.expire(now)
	if !c.allows(x.record) {
		return ticket{}, x.refuse(state, shortly)
	}
	report, err := x.machine.Allow()
	if err != nil {
		return ticket{}, x.refuse(state, x.nextPlace(now))
	}
	p := &probe{report: report, expires: now.Add(lease)}
	p.place, p.peers = c.take(x.record)
	x.probes = append(x.probes, p)
	return ticket{cell: x, epoch: x.epoch.Load(), probe: p}, nil
}

// expire takes back the places whose lease has passed. mu is held.
func (x *cell) expire(now time.Time) {
	x.probes = slices.DeleteFunc(x.probes, func(p *probe) bool {
		over := !now.Before(p.expires)
		if over {
			// Neither good nor bad is known of the host: the place is free
			// again, and the state stays.
			p.report(errIgnored)
		}
		return over
	})
}

// nextPlace is how long until a place is free for certain: the earliest end of
// a lease. mu is held.
func (x *cell) nextPlace(now time.Time) time.Duration {
	next := MaxLease
	for _, p := range x.probes {
		next = min(next, p.expires.Sub(now))
	}
	return next
}

func (x *cell) refuse(s State, retry time.Duration) *Refusal {
	return &Refusal{State: s, RetryAfter: max(retry, 0), TenantOnly: x.key.tenant != "", Since: x.since}
}

// leave reports what became of a call: nil, errFailed or errIgnored. A report
// that comes after the state has changed, or after the lease, says nothing.
func (t ticket) leave(result error) {
	x := t.cell
	if x == nil || t.probe == nil && errors.Is(result, errIgnored) {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.epoch.Load() != t.epoch {
		return
	}
	if x.key.tenant != "" {
		x.used = time.Now()
	}
	if t.probe == nil {
		x.note(result)
		x.count(result)
		return
	}
	if t.probe.peers != nil {
		x.expire(time.Now()) // Another sidecar's call may have the place by now.
	}
	if i := slices.Index(x.probes, t.probe); i >= 0 {
		x.probes = slices.Delete(x.probes, i, i+1)
		x.probed(t.probe, result)
	}
}

// count adds a finished attempt to a closed cell. It enters the machine only
// now, so that the attempt belongs to the moment it finished. mu is held.
func (x *cell) count(result error) {
	report, err := x.machine.Allow()
	if err != nil {
		return
	}
	report(result)
	if result != nil {
		return
	}
	// The machine asks ReadyToTrip after failures only. When a success fills
	// the number, one more failure opens the cell; the transition clears it
	// from the counts.
	if x.ripe(x.machine.Counts()) {
		if report, err = x.machine.Allow(); err == nil {
			report(errFailed)
		}
	}
}

// countNew adds an attempt that entered before the cell was made.
func (x *cell) countNew(result error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state() == Closed {
		x.used = time.Now()
		x.note(result)
		x.count(result)
	}
}

// status polls the cell.
func (x *cell) status() Status {
	x.mu.Lock()
	defer x.mu.Unlock()
	state := x.state()
	if state == HalfOpen {
		x.expire(time.Now())
	}
	n := x.machine.Counts()
	s := Status{
		Host: x.key.host, Tenant: x.key.tenant, State: state, Since: x.since,
		Counts: Counts{
			Finished: finished(n), Failed: n.TotalFailures, FailedInARow: n.ConsecutiveFailures,
			ProbesOut: len(x.probes),
		},
	}
	if state == Open {
		s.ProbesAt = x.ends
	}
	x.obeyed.Load().mark(&s)
	return s
}

// idle reports whether a tenant's cell says what no cell would say: it is closed and
// nothing was counted for so long.
func (x *cell) idle(now time.Time, after time.Duration) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.state() == Closed && now.Sub(x.used) >= after
}

// retire makes the cell silent. Calls that hold a ticket of it may still
// report.
func (x *cell) retire() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.retired = true
}
