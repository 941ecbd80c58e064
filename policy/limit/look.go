package limit

import (
	"context"
	"time"
)

// appendStates appends how the windows of one side stood when Redis spoke of them.
func (t *remoteTicket) appendStates(now time.Time, dst []State, sets []*Set, s side) []State {
	said := t.windows[s]
	passed := max(0, now.Sub(t.since))
	for _, set := range sets {
		for i := range set.parts[s].rules {
			r := &set.parts[s].rules[i]
			calls, room := said[0], micros(said[1])
			said = said[2:]
			if t.given[s] {
				calls = max(0, calls-1)
			}
			state := State{Name: r.name, Rate: r.rate, Remaining: r.rate.N - int(min(calls, int64(r.rate.N)))}
			if calls > 0 {
				state.Reset = max(0, room-passed)
			}
			dst = append(dst, state)
		}
	}
	return dst
}

// appendFlying appends how many calls were in flight when Redis spoke of them.
func appendFlying(dst []InFlight, calls []int64, sets []*Set) []InFlight {
	for s := own; s < sides; s++ {
		for _, set := range sets {
			for i := range set.parts[s].gates {
				g := &set.parts[s].gates[i]
				dst = append(dst, InFlight{Name: g.name, N: int(g.n), Calls: int(calls[0]), Shared: s == shared})
				calls = calls[1:]
			}
		}
	}
	return dst
}

// look asks Redis how the limits of a tenant stand. It counts nothing, and says whether
// Redis answered.
func (r *Remote) look(ctx context.Context, tenant string, slots bool, first side, sets []*Set) (remoteTicket, bool) {
	k := Ticket{tenant: tenant, known: true, sets: fill(sets)}
	a := asking{first: first, slots: slots, permits: 1}
	f := k.shapeOf(a)
	if f.empty() || !r.link.There() {
		return remoteTicket{}, false
	}
	q := r.ask(&k, a, f)
	defer q.free()
	answer, err := f.hear(r.link.Run(ctx, 0, takeScript, q.keys, q.args))
	if err != nil {
		return remoteTicket{}, false
	}
	return remoteTicket{since: r.clock(), windows: answer.windows, flying: answer.flying}, true
}

// Try is what [Remote.Take] would say of a call that does not go out whatever that is. It
// counts nothing, where Redis is there: a call that is not sent takes nothing, not even
// for a moment. The ticket is to be treated as that of Take.
func (r *Remote) Try(now time.Time, patience time.Duration, tenant string, known bool, sets ...*Set) (Ticket, *Refusal) {
	k := Ticket{table: r.table, tenant: tenant, known: known, sets: fill(sets), remote: &remoteTicket{of: r}}
	a := asking{first: own, slots: true, permits: 1}
	f := k.shapeOf(a)
	if f.empty() || !r.link.There() {
		refusal := r.decide(&k, now, patience, asking{first: own, slots: true, counts: true, permits: 1})
		return k, refusal
	}
	k.standBy(a)
	answer, q, err := r.put(&k, patience, a, f)
	defer q.free()
	if err != nil {
		return k, r.unheard(&k, patience, a)
	}
	k.believe(answer, q.keys[0], r.clock(), a)
	if answer.stands != standsNothing {
		return k, k.refused(answer, a)
	}
	return k, nil
}

// States is [Table.States] over all processes: it asks Redis, and the table where Redis
// does not answer. Ctx bounds the wait, beside the link's time-out. Safe for concurrent
// use.
func (r *Remote) States(ctx context.Context, now time.Time, tenant string, dst []State, sets ...*Set) []State {
	t, told := r.look(ctx, tenant, false, own, sets)
	if !told {
		return r.table.States(now, tenant, dst, sets...)
	}
	all := fill(sets)
	return t.appendStates(now, dst, all[:], own)
}

// SharedStates is [Table.SharedStates] over all processes, as [Remote.States] is.
func (r *Remote) SharedStates(ctx context.Context, now time.Time, dst []State, sets ...*Set) []State {
	t, told := r.look(ctx, "", false, shared, sets)
	if !told {
		return r.table.SharedStates(now, dst, sets...)
	}
	all := fill(sets)
	return t.appendStates(now, dst, all[:], shared)
}

// InFlight is [Table.InFlight] over all processes, as [Remote.States] is.
func (r *Remote) InFlight(ctx context.Context, tenant string, dst []InFlight, sets ...*Set) []InFlight {
	t, told := r.look(ctx, tenant, true, own, sets)
	if !told {
		return r.table.InFlight(tenant, dst, sets...)
	}
	all := fill(sets)
	return appendFlying(dst, t.flying, all[:])
}
