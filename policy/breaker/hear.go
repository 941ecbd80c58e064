package breaker

import (
	"strings"
	"time"
)

// overruleFor is how long an order of this sidecar's goes before what it hears, while
// Redis has not told it: what is heard until then came before it at Redis.
const overruleFor = time.Second

// Hear takes a message of the channel, from whomever it is: what is not understood,
// or is about policies that there are not, is ignored. It takes a millisecond or two
// at most. Safe for concurrent use.
func (p *Peers) Hear(payload string) {
	if len(payload) > maxMessage || p.registry.peers.Load() != p {
		return
	}
	l := newLines(payload)
	switch l.next() {
	case wordResults:
		p.hearResults(l)
	case wordOpen:
		policy, record, left := l.next(), l.name(maxID), l.span(MaxSpan)
		if k := l.cell(); l.good && !p.overrules(policy) {
			p.hearRecord(policy, k, record, left)
		}
	case wordClosed:
		policy, record := l.next(), l.name(maxID)
		if k := l.cell(); l.good {
			p.registry.heal(policy, k, record)
		}
	case wordOrder:
		if o := l.order(); l.good {
			p.hearOrder(o)
		}
	}
	p.registry.teller.tell()
}

// hearResults counts what a peer has counted.
func (p *Peers) hearResults(l *lines) {
	if l.next() == p.sidecar {
		return
	}
	for heard := uint32(0); l.more; {
		policy, t := l.next(), l.tally()
		k := cellKey{l.name(maxHostName), l.next()}
		if heard += t.total(); !l.good || heard > maxHeard || !k.tellable() {
			return
		}
		if p.overrules(policy) {
			continue
		}
		for _, b := range p.registry.breakersOf(policy) {
			if x := b.heardCell(k, t.failed()); x != nil {
				x.hearResults(t)
			}
		}
	}
}

// heardCell gives the cell that something was heard of. A tenant's is made at its
// first trouble only.
func (b *Breaker) heardCell(k cellKey, trouble bool) *cell {
	switch {
	case b.config.Off:
		return nil
	case k.tenant == "":
		return b.hosts.findOrMake(k)
	case trouble:
		return b.tenantCell(k)
	}
	return b.tenants.find(k)
}

// hearRecord opens the cells of a policy with a record. One that is over here, by a
// reset perhaps that overtook the trip, is over for all.
func (p *Peers) hearRecord(policy string, k cellKey, record string, left time.Duration) {
	over := false
	for _, b := range p.registry.breakersOf(policy) {
		if x := b.heardCell(k, true); x != nil {
			over = x.adopt(record, left) || over
		}
	}
	if over {
		p.tellClosed(policy, k, record)
	}
}

// heal closes the cells of a policy that obey a record.
func (r *Registry) heal(policy string, k cellKey, record string) {
	for _, b := range r.breakersOf(policy) {
		if x := b.heardCell(k, false); x != nil {
			x.heal(record)
		}
	}
}

// order gives what a message says was ordered.
func (l *lines) order() *order {
	o := &order{policy: l.next(), id: l.name(maxID)}
	kind, now := l.next(), time.Now()
	o.since = now.Add(-l.span(maxHold))
	left := l.span(maxHold)
	if left > 0 {
		o.until = now.Add(left)
	}
	switch kind {
	case "reset":
		l.good = l.good && left == 0
	case Open.String():
		o.held, o.state = true, Open
	case Closed.String():
		o.held, o.state = true, Closed
	default:
		l.good = false
	}
	return o
}

// hearOrder obeys an order of a peer's. One of this sidecar's own was obeyed when it
// was given, but Redis says which is the last.
func (p *Peers) hearOrder(o *order) {
	p.mu.Lock()
	given := p.given[o.policy]
	if given != nil && given.id == o.id {
		delete(p.given, o.policy)
		o = given
	}
	p.mu.Unlock()
	latest := p.registry.latest(o.policy)
	switch {
	case latest != nil && latest.id == o.id:
	case o != given && (strings.HasPrefix(o.id, p.sidecar+".") || p.overrules(o.policy)):
	default:
		p.registry.impose(o)
	}
}

// overrules tells whether this sidecar has ordered something of the policy that Redis
// will tell after what is heard now.
func (p *Peers) overrules(policy string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, o := range p.given {
		if isPartOf(policy, name) && time.Since(o.since) < overruleFor {
			return true
		}
	}
	return false
}

// give tells an order of this sidecar's.
func (p *Peers) give(o *order) {
	p.mu.Lock()
	p.given[o.policy] = o
	p.mu.Unlock()
	p.tellOrder(o, p.registry.parts(o.policy))
}
