package breaker

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// order is what somebody decided about a policy's breakers by hand. It does not
// change, and each has an address of its own: a cell that has obeyed another one
// has yet to start afresh. Without a hold it is a reset.
type order struct {
	policy string // Of which it was ordered.
	id     string // Names it among those of all peers.
	held   bool
	state  State     // Of a hold: Closed or Open.
	since  time.Time // When it was given, or, for the end of a hold, when that was.
	until  time.Time // Of a hold: zero is until another order.
}

// hand is where the breakers of one policy, of every configuration, find the
// latest order. Calls read it and never wait for it.
type hand struct {
	latest atomic.Pointer[order] // Nil while nobody has given one.
}

// standing gives the order that is in force, nil if there never was one. It is
// small enough to be inlined: every call asks.
func (h *hand) standing() *order {
	if h.latest.Load() == nil {
		return nil
	}
	return h.settle()
}

// settle is standing where there was an order. The first to ask after the end of a
// hold puts a reset in its place; no timer does.
func (h *hand) settle() *order {
	o := h.latest.Load()
	for !o.until.IsZero() && !time.Now().Before(o.until) {
		h.latest.CompareAndSwap(o, &order{policy: o.policy, id: o.id, since: o.until})
		o = h.latest.Load()
	}
	return o
}

// holds reports whether the order is a hold.
func (o *order) holds() bool { return o != nil && o.held }

// kind is what peers call it.
func (o *order) kind() string {
	if o.held {
		return o.state.String()
	}
	return "reset"
}

// left is how long a hold has to go; zero has no end.
func (o *order) left() time.Duration {
	if o.until.IsZero() {
		return 0
	}
	return min(max(time.Until(o.until), time.Millisecond), maxHold)
}

// target is the state in which a cell begins that obeys the order.
func (o *order) target() State {
	if o.holds() {
		return o.state
	}
	return Closed
}

// refuse is the refusal of a breaker that is held open. One that is held until
// further notice says to come back as if it had opened just now.
func (o *order) refuse(c Config) *Refusal {
	retry := c.Open
	switch {
	case !o.until.IsZero():
		retry = max(time.Until(o.until), 0)
	case retry == 0:
		retry = Default().Open // Of a breaker that is off.
	}
	return &Refusal{State: Open, RetryAfter: retry, Held: true, Since: o.since}
}

// mark puts the order into what is told of a cell.
func (o *order) mark(s *Status) {
	if !o.holds() {
		return
	}
	s.Held, s.HeldUntil = true, o.until
	if o.state == Open {
		s.ProbesAt = o.until
	}
}

// Reset closes every cell of the policy, of all hosts and tenants, as if it had
// counted nothing, and lifts a hold. What is still on its way says nothing when
// it reports. It covers the policy's parts too: "store.order_status" when it is
// asked of "store", and reaches all peers. The open cells' transitions are told. It
// looks at every cell, so it is for people rather than for calls. Safe for
// concurrent use.
func (b *Breaker) Reset() { b.registry.command(b, &order{since: time.Now()}) }

// Hold keeps every cell of the policy, of all hosts and tenants, also those to
// come, in one state: Open refuses all calls, whatever the third party does, and
// Closed lets all pass. Until is when the hold ends by itself; zero is never.
// The cells begin afresh with the hold, and again, closed, after its end. While
// held closed they count, but do not open.
//
// A hold belongs to the policy's name: it replaces an earlier one, stays over a
// reload that changes the configuration, and covers the policy's parts, also
// those that a reload adds. It reaches all peers, also those that come later, for
// as long as it lasts. Else it is kept in memory alone, and goes when no
// configuration has the name any more. It holds a breaker that is off too. The
// transitions of the cells there are, into the hold and out of it, are told; the
// end is noticed when something asks.
//
// It does nothing and gives false when state is HalfOpen or until has passed.
// Safe for concurrent use.
func (b *Breaker) Hold(state State, until time.Time) bool {
	now := time.Now()
	if state != Open && state != Closed || !until.IsZero() && !now.Before(until) {
		return false
	}
	b.registry.command(b, &order{held: true, state: state, since: now, until: until})
	return true
}

// Held tells of the hold that is in force. Until is zero if it does not end by
// itself. Safe for concurrent use.
func (b *Breaker) Held() (state State, until time.Time, held bool) {
	o := b.hand.standing()
	if !o.holds() {
		return Closed, time.Time{}, false
	}
	return o.state, o.until, true
}

// isPartOf reports whether name is the policy's or that of a part of it.
func isPartOf(name, policy string) bool {
	rest, found := strings.CutPrefix(name, policy)
	return found && (rest == "" || rest[0] == '.')
}

// handOf gives the hand of a name. That of a part which is new takes over what
// its policy was ordered. mu is held.
func (r *Registry) handOf(name string) *hand {
	if h, ok := r.hands[name]; ok {
		return h
	}
	if r.hands == nil {
		r.hands = map[string]*hand{}
	}
	h := new(hand)
	if policy, _, isPart := strings.Cut(name, "."); isPart {
		if whole, ok := r.hands[policy]; ok {
			h.latest.Store(whole.latest.Load())
		}
	}
	r.hands[name] = h
	return h
}

// command gives an order to a breaker's policy and its parts, tells peers of it, and
// makes the cells obey. Calls see the order at once, and the cells they meet obey it
// then, so they need not wait for the rest.
func (r *Registry) command(b *Breaker, o *order) {
	o.policy, o.id = b.policy, newID()
	if p := r.peers.Load(); p != nil {
		o.id = p.sidecar + "." + o.id
		p.give(o)
	}
	r.impose(o, b)
}

// impose makes a policy and its parts obey an order, if there are such, and a breaker
// that Prune may have forgotten.
func (r *Registry) impose(o *order, forgotten ...*Breaker) {
	obeying := forgotten
	r.mu.Lock()
	for _, b := range forgotten {
		b.hand.latest.Store(o)
	}
	for name, h := range r.hands {
		if isPartOf(name, o.policy) {
			h.latest.Store(o)
		}
	}
	for name, all := range r.named {
		if isPartOf(name, o.policy) {
			obeying = append(obeying, slices.DeleteFunc(slices.Clone(all), func(b *Breaker) bool {
				return slices.Contains(forgotten, b)
			})...)
		}
	}
	r.mu.Unlock()
	for _, b := range obeying {
		for _, x := range append(b.hosts.all(), b.tenants.all()...) {
			x.catchUp()
		}
	}
	r.teller.tell()
}
