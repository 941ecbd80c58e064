package breaker

import (
	"slices"
	"time"
)

// shortly is when a call may come back that met a cell in the middle of a change.
const shortly = 100 * time.Millisecond

// Place is what a call must claim at Redis to be a probe, so that all sidecars
// together send no more than the breaker's number of them.
type Place struct {
	// Key is where the places of one open cell are, whole, as Link.Key gives it: a
	// sorted set of members by the end of their leases, in ms of Redis's clock.
	Key string

	// Member names the call. No other has the same.
	Member string

	// N is how many places there are, 1 to MaxProbes.
	N int

	// Lease is how long the place is the call's if nothing more is heard of it.
	Lease time.Duration
}

// Places gives what a call must claim before AllowProbe, together with all else that
// it asks of Redis: at most 2, for the host's cell and the tenant's own, as they are
// half-open. It is nil, and allocates nothing, when both are closed, when the call
// will be refused anyway, and where no peers are there. Host, tenant and lease are
// those of Allow. Safe for concurrent use.
func (b *Breaker) Places(host, tenant string, lease time.Duration) []Place {
	p := b.registry.peers.Load()
	if p == nil || b.config.Off || !p.link.There() {
		return nil
	}
	o := b.hand.standing()
	x := b.hosts.find(cellKey{host: host})
	var own *cell
	if tenant != "" {
		own = b.tenants.find(cellKey{host, tenant})
	}
	if o.holds() || x.passes(o) && own.passes(o) {
		return nil
	}
	places := b.claimable(p, boundLease(lease), x, own)
	b.teller.tell()
	return places
}

// claimable gives the places of those cells that are half-open; none if one is open.
func (b *Breaker) claimable(p *Peers, lease time.Duration, cells ...*cell) []Place {
	var places []Place
	for _, x := range cells {
		if x == nil {
			continue
		}
		switch state, record := x.standing(); state {
		case Open:
			return nil
		case HalfOpen:
			places = append(places, Place{
				Key: p.placesKey(record), Member: p.member(), N: b.config.Probes, Lease: lease,
			})
		}
	}
	return places
}

// Refuses tells whether AllowProbe would refuse a call whatever it claims: the host's
// cell, or the tenant's own, is open. It changes nothing, and costs little where both
// are closed. Safe for concurrent use.
func (b *Breaker) Refuses(host, tenant string) bool {
	o := b.hand.standing()
	if o.holds() {
		return o.state == Open
	}
	if b.config.Off {
		return false
	}
	if b.isOpen(b.hosts.find(cellKey{host: host}), o) {
		return true
	}
	return tenant != "" && b.isOpen(b.tenants.find(cellKey{host, tenant}), o)
}

// isOpen tells whether a cell refuses all calls; nil refuses none.
func (b *Breaker) isOpen(x *cell, o *order) bool {
	if x.passes(o) {
		return false
	}
	state, _ := x.standing()
	b.teller.tell()
	return state == Open
}

// AllowProbe is Allow for a call that has asked for its Places: claimed are those,
// when they were granted, and nil when there were none to ask for. What it does not
// use it gives back. While peers are there, a call without the place that it needs is
// refused, even if it needed none when it asked; it may come back shortly. While they
// are not, it needs none. Safe for concurrent use.
func (b *Breaker) AllowProbe(host, tenant string, lease time.Duration, claimed []Place) (Permit, *Refusal) {
	p := b.registry.peers.Load()
	if p == nil {
		return b.allow(host, tenant, lease, nil)
	}
	c := claims{peers: p, needed: p.link.There(), places: claimed[:min(len(claimed), maxClaims)]}
	permit, refusal := b.allow(host, tenant, lease, &c)
	for i, place := range c.places {
		if !c.taken[i] {
			p.giveBack(place)
		}
	}
	return permit, refusal
}

// GiveBack gives back places that were granted to a call which AllowProbe was not asked
// for after all. Without it their leases have to end. Safe for concurrent use.
func (b *Breaker) GiveBack(claimed []Place) {
	if p := b.registry.peers.Load(); p != nil {
		for _, place := range claimed {
			p.giveBack(place)
		}
	}
}

// Crowded gives the refusal of a call whose Places were not granted, because other
// probes have them all. Retry is when a place is free for certain; what is beyond
// MaxLease can be none's lease, and such a cell is about to close. Never nil. Safe
// for concurrent use.
func (b *Breaker) Crowded(host, tenant string, retry time.Duration) *Refusal {
	if retry <= 0 || retry > MaxLease {
		retry = shortly
	}
	r := &Refusal{State: HalfOpen, RetryAfter: retry}
	for _, s := range []Status{b.State(host, ""), b.State(host, tenant)} {
		if s.State == HalfOpen {
			r.Since, r.TenantOnly = s.Since, s.Tenant != ""
			break
		}
	}
	return r
}

// maxClaims is how many places a call can need.
const maxClaims = 2

// claims are the places that a call has. Nil needs none.
type claims struct {
	peers  *Peers
	needed bool
	places []Place
	taken  [maxClaims]bool
}

func (c *claims) index(record string) int {
	if c == nil || len(c.places) == 0 {
		return -1
	}
	key := c.peers.placesKey(record)
	return slices.IndexFunc(c.places, func(p Place) bool { return p.Key == key })
}

// allows tells whether a call may be a probe of a record's.
func (c *claims) allows(record string) bool {
	return c == nil || !c.needed || c.index(record) >= 0
}

// take gives the place for it, if there is one.
func (c *claims) take(record string) (Place, *Peers) {
	i := c.index(record)
	if i < 0 {
		return Place{}, nil
	}
	c.taken[i] = true
	return c.places[i], c.peers
}

// passes tells without a lock that every call may pass that knows of the order o.
func (x *cell) passes(o *order) bool {
	return x == nil || x.obeyed.Load() == o && x.current() == Closed
}

// standing gives the state and the record.
func (x *cell) standing() (State, string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.state(), x.record
}
