package breaker

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// Bounds of a Breaker.
const (
	// MaxHosts is how many hosts a breaker remembers. A host beyond it takes
	// the place of the one not called for longest.
	MaxHosts = 1024

	// MaxTenants is how many pairs of host and tenant a breaker remembers. A
	// pair beyond it takes the place of the one not called for longest, which
	// is then as if it never had trouble. A cell takes about 1 KiB.
	MaxTenants = 10_000

	// MaxLease is the longest time a probe keeps its place without reporting.
	MaxLease = 2 * time.Minute

	// sweepStep is how many tenants' cells are looked at, whether they are
	// idle, when one more is made. Two, so that the idle ones run out.
	sweepStep = 2

	// idleConsecutive is when a tenant's closed cell is idle if no window says
	// so.
	idleConsecutive = 10 * time.Minute
)

// Result is what an attempt says about the third party's health.
type Result uint8

// The results of an attempt. The zero value says nothing.
const (
	// Ignored counts nowhere: the client went away, a 403, nothing was sent.
	Ignored Result = iota
	// Success counts for the host and, if it has a cell, the tenant.
	Success
	// Failure counts for the host, that is, for everyone.
	Failure
	// TenantFailure counts in the tenant's own cell alone: 401 and 429 answers,
	// timeouts under a deadline that the tenant made shorter. Without a tenant
	// it counts nowhere.
	TenantFailure
)

// Refusal says why a call may not go out.
type Refusal struct {
	// State is Open, or HalfOpen when all probes are on their way.
	State State

	// RetryAfter is how long until a call can pass: until the open time ends,
	// or, when half-open, until the first lease does at the latest.
	RetryAfter time.Duration

	// TenantOnly is set when the refusal is for the tenant's own trouble.
	TenantOnly bool

	// Held is set when somebody holds the breaker open. See Breaker.Hold.
	Held bool

	// Since is when State began.
	Since time.Time
}

// Breaker is a policy's circuit breaker: a cell for each host, and one for
// each tenant with trouble of its own. Make it with Registry.Breaker. Safe for
// concurrent use.
type Breaker struct {
	policy   string
	config   Config
	registry *Registry
	teller   *teller // The registry's.
	hand     *hand
	hosts    *table
	tenants  *table
}

func newBreaker(policy string, c Config, r *Registry, h *hand) *Breaker {
	b := &Breaker{policy: policy, config: c, registry: r, teller: &r.teller, hand: h}
	makeCell := func(k cellKey) *cell { return newCell(b, k) }
	b.hosts = newTable(MaxHosts, makeCell)
	b.tenants = newTable(MaxTenants, makeCell)
	return b
}

func (b *Breaker) emit(tr Transition) {
	tr.Policy = b.policy
	b.teller.add(tr)
}

// Policy is the name of the policy.
func (b *Breaker) Policy() string { return b.policy }

// Config is the configuration with its defaults filled in.
func (b *Breaker) Config() Config { return b.config }

// Allow asks whether an attempt for the tenant may go out to the host. Either
// it gives a Permit, whose Done must be called when it is known what became of
// the attempt, or it says why not. It takes a place in both cells or in
// neither.
//
// A probe whose Done was not called within lease gives its place back; what is
// reported later says nothing. Lease should be what is left of the attempt's
// deadline; 0, and more than MaxLease, is MaxLease. Where a registry has joined peers,
// calls ask AllowProbe.
func (b *Breaker) Allow(host, tenant string, lease time.Duration) (Permit, *Refusal) {
	return b.allow(host, tenant, lease, nil)
}

// allow is Allow and AllowProbe.
func (b *Breaker) allow(host, tenant string, lease time.Duration, c *claims) (Permit, *Refusal) {
	o := b.hand.standing()
	if o.holds() && o.state == Open {
		return Permit{}, o.refuse(b.config)
	}
	if b.config.Off {
		return Permit{}, nil
	}
	lease = boundLease(lease)
	hostKey := cellKey{host: host}
	x := b.hosts.find(hostKey)
	if x == nil {
		x = b.hosts.findOrMake(hostKey)
	}
	p := Permit{breaker: b, key: cellKey{host, tenant}}
	refusal := p.enter(x, o, lease, c)
	b.teller.tell()
	if refusal != nil {
		return Permit{}, refusal
	}
	if b.config.Slow > 0 {
		p.start = time.Now()
	}
	return p, nil
}

func boundLease(lease time.Duration) time.Duration {
	if lease <= 0 || lease > MaxLease {
		return MaxLease
	}
	return lease
}

// State tells of the cell that a call of the tenant's to the host would meet:
// the host's, or the tenant's own where that is in the worse state. Polled:
// ask each time.
func (b *Breaker) State(host, tenant string) Status {
	worst := Status{Host: host}
	if o := b.hand.standing(); o.holds() {
		worst.State, worst.Since = o.state, o.since
		o.mark(&worst)
	}
	if x := b.hosts.find(cellKey{host: host}); x != nil {
		worst = x.status()
	}
	if tenant != "" {
		if x := b.tenants.find(cellKey{host, tenant}); x != nil {
			if own := x.status(); own.State > worst.State {
				worst = own
			}
		}
	}
	worst.Policy = b.policy
	b.teller.tell()
	return worst
}

// States tells of all cells, sorted by host and tenant: at most MaxHosts and
// MaxTenants. Polled: ask each time. Idle cells of tenants are dropped first.
func (b *Breaker) States() []Status {
	b.tenants.sweep(MaxTenants, b.idleAfter())
	return b.told(append(b.hosts.all(), b.tenants.all()...))
}

// TenantStates tells of one tenant's own cells, sorted by host: as a rule none
// or one, at most MaxTenants. It looks through the names of all tenants' cells, so it
// is for people rather than for calls.
func (b *Breaker) TenantStates(tenant string) []Status {
	if tenant == "" {
		return nil
	}
	return b.told(slices.DeleteFunc(b.tenants.all(), func(x *cell) bool { return x.key.tenant != tenant }))
}

// told gives the states of cells, sorted by host and tenant.
func (b *Breaker) told(cells []*cell) []Status {
	b.hand.standing()
	states := make([]Status, len(cells))
	for i, x := range cells {
		states[i] = x.status()
		states[i].Policy = b.policy
	}
	b.teller.tell()
	slices.SortFunc(states, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Tenant, b.Tenant))
	})
	return states
}

// idleAfter is when nothing that a closed cell counted is in its window.
func (b *Breaker) idleAfter() time.Duration {
	if b.config.Consecutive > 0 {
		return idleConsecutive
	}
	return b.config.Window
}

// retire makes the cells silent.
func (b *Breaker) retire() {
	for _, x := range append(b.hosts.all(), b.tenants.all()...) {
		x.retire()
	}
}

// Permit is the leave to make one attempt. Done must be called once it is
// known what became of it. The zero Permit is one that nobody counts. Done is
// safe for concurrent use; a Permit must not be copied once in use.
type Permit struct {
	breaker *Breaker
	key     cellKey
	host    ticket
	tenant  ticket
	start   time.Time // Zero unless slow answers count.
	done    uint32    // Atomic; 1 after the first Done.
}

// State is that of the worse of the two cells as the attempt met them: closed, or
// half-open for a probe. It is closed without a breaker.
func (p *Permit) State() State {
	if p.host.probe != nil || p.tenant.probe != nil {
		return HalfOpen
	}
	return Closed
}

// OfTenant tells whether the tenant's own cell was asked too: it has one only after
// trouble of its own.
func (p *Permit) OfTenant() bool { return p.tenant.cell != nil }

// enter takes a place in the host's cell and in the tenant's, or in neither.
func (p *Permit) enter(host *cell, o *order, lease time.Duration, c *claims) (refusal *Refusal) {
	if p.host, refusal = host.enter(o, lease, c); refusal != nil {
		return p.worse(refusal, o, lease, c)
	}
	if own := p.own(); own != nil {
		if p.tenant, refusal = own.enter(o, lease, c); refusal != nil {
			p.host.leave(errIgnored)
		}
	}
	return refusal
}

// own is the tenant's own cell, nil if it has none.
func (p *Permit) own() *cell {
	if p.key.tenant == "" {
		return nil
	}
	return p.breaker.tenants.find(p.key)
}

// worse gives the refusal of the tenant's own cell where that is open. A call that
// it refuses has claimed no place in the host's, and would else be told that.
func (p *Permit) worse(refusal *Refusal, o *order, lease time.Duration, c *claims) *Refusal {
	if c == nil || refusal.State != HalfOpen {
		return refusal
	}
	if own := p.own(); own != nil && !own.passes(o) {
		if state, _ := own.standing(); state == Open {
			_, refusal = own.enter(o, lease, c)
		}
	}
	return refusal
}

// Done reports what became of the attempt. Only the first call counts, and
// only if the cells are still in the state in which the attempt began. Where
// slow answers count, a Success later than Config.Slow after Allow is a
// Failure; so call it when the answer is known, not when its last byte has
// been passed on.
func (p *Permit) Done(r Result) {
	if p.breaker == nil || !atomic.CompareAndSwapUint32(&p.done, 0, 1) {
		return
	}
	if r == Success && !p.start.IsZero() && time.Since(p.start) > p.breaker.config.Slow {
		r = Failure
	}
	forHost, forTenant := errIgnored, errIgnored
	switch r {
	case Success:
		forHost, forTenant = nil, nil
	case Failure:
		forHost = errFailed
	case TenantFailure:
		forTenant = errFailed
	}
	p.host.leave(forHost)
	if p.tenant.cell == nil && r == TenantFailure && p.key.tenant != "" {
		p.breaker.tenantCell(p.key).countNew(errFailed)
	} else {
		p.tenant.leave(forTenant)
	}
	p.breaker.teller.tell()
}

// tenantCell makes the cell at a tenant's first trouble.
func (b *Breaker) tenantCell(k cellKey) *cell {
	if x := b.tenants.find(k); x != nil {
		return x
	}
	b.tenants.sweep(sweepStep, b.idleAfter())
	return b.tenants.findOrMake(k)
}

// Begin starts the clock of slow answers anew, for a caller that had something
// else to wait for before its attempt. Call it before Done, if at all.
func (p *Permit) Begin() {
	if !p.start.IsZero() {
		p.start = time.Now()
	}
}
