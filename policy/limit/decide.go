package limit

import (
	"context"
	"time"
)

// remoteTicket is the part of a ticket that a [Remote] keeps.
type remoteTicket struct {
	of *Remote
	by Decider
	// counted is what Refund gives back at Redis.
	counted counted
	// lease is where the call's permit is from, nil when it has none.
	lease *lease
	// flight is the number of the call among those that hold places, 0 for none.
	flight int
	// What Redis said last, since when, and what was given back from then on. A
	// side of which it said nothing, or which the table decided later, is nil.
	since   time.Time
	windows [sides][]int64
	flying  []int64
	given   [sides]bool
	// now is Redis's time then, in microseconds, and permits how many calls it
	// counted.
	now     int64
	permits int64
}

// Take is [Table.Take] over all processes, in one round trip of at most patience, or
// the link's time-out where that is shorter; 0 is the time-out. It also takes a place
// for each of the claims, at Redis alone: who has to know whether they were granted
// asks [Ticket.Decided]. A call without limits and claims asks nobody.
//
// When Redis is away, or does not answer in time, this process decides by itself, or
// refuses if it is to. Safe for concurrent use.
func (r *Remote) Take(now time.Time, patience time.Duration, tenant string, known bool, claims []Claim, sets ...*Set) (Ticket, *Refusal) {
	k := Ticket{table: r.table, tenant: tenant, known: known, sets: fill(sets), remote: &remoteTicket{of: r}}
	refusal := r.decide(&k, now, patience, asking{first: own, slots: true, counts: true, permits: 1, claims: claims})
	return k, refusal
}

// Again counts a further attempt of an admitted call as [Ticket.TakeShared] does, over
// all processes where the ticket is a [Remote]'s, with claims as in [Remote.Take]. It
// asks nobody where there are neither windows that count attempts nor claims.
func (k *Ticket) Again(now time.Time, patience time.Duration, claims []Claim) *Refusal {
	if k.remote == nil {
		return k.TakeShared(now)
	}
	a := asking{first: shared, counts: true, permits: 1, claims: claims}
	if !k.counted {
		a.first = own
	}
	return k.remote.of.decide(k, now, patience, a)
}

// Decided says who decided about the call, or about its last attempt that anybody was
// asked about.
func (k *Ticket) Decided() Decider {
	if k.remote == nil {
		return Here
	}
	return k.remote.by
}

// decide asks Redis about a ticket, and then the table, or the table alone.
func (r *Remote) decide(k *Ticket, now time.Time, patience time.Duration, a asking) *Refusal {
	k.owed, k.remote.counted, k.remote.lease = [sides]bool{}, counted{}, nil
	f := k.shapeOf(a)
	if f.empty() {
		return k.here(now, a)
	}
	if !r.link.There() {
		return r.alone(k, now, a)
	}
	if r.leasing && f.leasable(k, a) {
		return r.lease(k, patience, a, f)
	}
	return r.inquire(k, patience, a, f)
}

// inquire asks Redis about a ticket, and then the table.
func (r *Remote) inquire(k *Ticket, patience time.Duration, a asking, f shape) *Refusal {
	answer, q, err := r.put(k, patience, a, f)
	defer q.free()
	if err != nil {
		return r.unheard(k, patience, a)
	}
	k.believe(answer, q.keys[0], r.clock(), a)
	if answer.stands != standsNothing {
		return k.refused(answer, a)
	}
	return r.confirm(k, q, a)
}

// put puts a question to Redis. The question is to be freed.
func (r *Remote) put(k *Ticket, patience time.Duration, a asking, f shape) (reply, *question, error) {
	q := r.ask(k, a, f)
	answer, err := f.hear(r.link.Run(context.Background(), patience, takeScript, q.keys, q.args))
	if err != nil && q.member != "" {
		// Nobody knows whether Redis counts the call as in flight.
		r.flights.ended(q.gates, q.member)
	}
	return answer, q, err
}

// believe keeps what Redis said, of the tenant's windows under this key.
func (k *Ticket) believe(answer reply, key string, since time.Time, a asking) {
	t := k.remote
	t.by, t.since, t.now, t.permits = Redis, since, answer.now, answer.permits
	for s := a.first; s < sides; s++ {
		t.windows[s], t.given[s] = answer.windows[s], false
	}
	if a.slots {
		t.flying = answer.flying
	}
	if answer.stands != standsNothing || answer.permits == 0 {
		return
	}
	if answer.crowded {
		key = t.of.names.overflow
	}
	t.counted = countedAt(answer, key)
}

// refused is the refusal that Redis said.
func (k *Ticket) refused(answer reply, a asking) *Refusal {
	which := answer.which
	switch answer.stands {
	case standsWindow:
		r := numbered(k, a.first, which, func(p *part) []rule { return p.rules })
		return &Refusal{Limit: r.name, Rate: r.rate, Shared: r.side == shared, RetryAfter: answer.wait}
	case standsFlights:
		g := numbered(k, own, which, func(p *part) []gate { return p.gates })
		return &Refusal{Limit: g.name, Shared: g.side == shared, Overloaded: true}
	default:
		return &Refusal{Claim: which + 1, RetryAfter: answer.wait}
	}
}

// numbered is the rule or the gate of this number, counted in the order of questions.
func numbered[T any](k *Ticket, first side, n int, of func(*part) []T) *T {
	for s := first; s < sides; s++ {
		for _, set := range k.sets {
			list := of(&set.parts[s])
			if n < len(list) {
				return &list[n]
			}
			n -= len(list)
		}
	}
	panic("limit: a limit that was not asked about")
}

// confirm holds a call that Redis admitted against the table, by the time at which it
// goes out. The table has no room when Redis has lost what it knew, or does not know
// what went out while it was away: then Redis takes the call back.
func (r *Remote) confirm(k *Ticket, q *question, a asking) *Refusal {
	refusal := k.here(k.remote.since, a)
	if refusal == nil {
		if q.member != "" {
			k.remote.flight = r.flights.begin(q.member, q.gates, k.remote.since)
		}
		return nil
	}
	places := make([]place, 0, len(q.gates)+len(a.claims))
	for _, key := range q.gates {
		places = append(places, place{key, q.member})
	}
	for i := range a.claims {
		places = append(places, place{a.claims[i].Key, a.claims[i].Member})
	}
	r.undo(k.remote.counted, k.sets[:], k.remote.permits, places...)
	k.forget(a)
	return refusal
}

// forget drops what Redis said, so that the table is asked from then on.
func (k *Ticket) forget(a asking) {
	t := k.remote
	t.counted = counted{}
	for s := a.first; s < sides; s++ {
		t.windows[s] = nil
	}
	if a.slots {
		t.flying = nil
	}
}

// unheard decides about a call of which Redis said nothing. One that had less patience
// than Redis is given does not go out for that: whoever chooses short deadlines would
// have this process's limits instead of all processes'.
func (r *Remote) unheard(k *Ticket, patience time.Duration, a asking) *Refusal {
	if patience <= 0 || patience >= r.link.Timeout() || !r.link.There() {
		return r.alone(k, r.clock(), a)
	}
	k.forget(a)
	k.standBy(a)
	return &Refusal{Late: true}
}

// standBy finds the tenant's cell for those who ask how the limits of a refused call
// stand.
func (k *Ticket) standBy(a asking) {
	if a.slots {
		k.mu, k.cell = k.table.enter(k.table.clock(k.remote.of.clock()), k.tenant, k.known)
		k.mu.Unlock()
	}
}

// alone decides without Redis.
func (r *Remote) alone(k *Ticket, at time.Time, a asking) *Refusal {
	k.remote.by = Local
	k.forget(a)
	if r.closed {
		k.standBy(a)
		return &Refusal{Overloaded: true, Away: true}
	}
	refusal := k.here(at, a)
	if refusal == nil && a.slots && (k.bounds(own) || k.bounds(shared)) {
		r.board(k)
	}
	return refusal
}

// here holds a call or a further attempt against the table.
func (k *Ticket) here(at time.Time, a asking) *Refusal {
	if !a.slots {
		return k.TakeShared(at)
	}
	now := k.table.clock(at)
	k.mu, k.cell = k.table.enter(now, k.tenant, k.known)
	defer k.mu.Unlock()
	return k.admit(now, own, true)
}

// board notes a call that this process alone has admitted among those in flight, so
// that Redis is told of it when it is there.
func (r *Remote) board(k *Ticket) {
	a := asking{first: own, slots: true, counts: true}
	q := r.ask(k, a, k.shapeOf(a))
	defer q.free()
	k.remote.flight = r.flights.begin(q.member, q.gates, time.Time{})
}

// takeBack is the part of Refund that concerns Redis.
func (k *Ticket) takeBack() {
	t := k.remote
	switch {
	case t == nil || !t.counted.anywhere():
		return
	case t.lease != nil:
		t.of.putBack(k)
	default:
		c := t.counted
		for s := range c.sides {
			c.sides[s] = c.sides[s] && k.owed[s]
		}
		t.of.undoNow(c, k.sets[:])
	}
	for s := range t.given {
		t.given[s] = t.given[s] || t.counted.sides[s] && k.owed[s]
	}
	t.counted, t.lease = counted{}, nil
}

// land is the part of Release that concerns Redis.
func (k *Ticket) land() {
	t := k.remote
	if t == nil || t.flight == 0 {
		return
	}
	if places := t.of.flights.end(t.flight); len(places) > 0 {
		keys, args := tell(places, "0")
		t.of.link.Later(placesScript, keys, args)
	}
	t.flight = 0
}
