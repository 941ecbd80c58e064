package limit

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Limit is one rate limit of a plan, a policy or an operation.
type Limit struct {
	// Scope is the identity of what is limited, such as "plan", "store" or
	// "store.order_status". Limits of one scope with the same window count on
	// the same counter, in every configuration and whatever their rate's N is:
	// plans that all use the scope "plan" give a tenant that moves between
	// them no fresh window.
	Scope string
	// Name is what people see: in the RateLimit header, in a refusal, in
	// metrics.
	Name string
	// Rate is how many calls are allowed.
	Rate Rate
	// Shared makes all tenants count together. A shared limit counts attempts,
	// one of a tenant counts calls.
	Shared bool
}

// Concurrency limits the calls in flight of a plan or a policy.
type Concurrency struct {
	// Scope is the identity of what is limited, as in [Limit].
	Scope string
	// Name is what people see.
	Name string
	// N is the number of calls in flight, from 1 to [MaxCalls].
	N int
	// Shared makes all tenants count together.
	Shared bool
}

// Validate says whether c is within the bounds of its fields.
func (c Concurrency) Validate() error {
	if c.N < 1 || c.N > MaxCalls {
		return fmt.Errorf("want from 1 to %d calls in flight, got %d", MaxCalls, c.N)
	}
	return nil
}

// Set is what one plan, policy or operation asks for, compiled by
// [Table.Compile] for that table alone. It never changes, so it is safe for
// concurrent use.
type Set struct {
	parts [sides]part
}

// side says whose counters are meant.
type side int

const (
	own    side = iota // The counters of one tenant.
	shared             // The counters of all tenants together.
	sides
)

// sideOf gives the side of a limit by its Shared field.
func sideOf(isShared bool) side {
	if isShared {
		return shared
	}
	return own
}

// part is the half of a set that concerns one side. Both lists keep the order in
// which the limits were given and name each counter once.
type part struct {
	rules []rule
	gates []gate
}

// rule is a compiled Limit.
type rule struct {
	slot   uint32
	n      uint32
	window int64 // In nanoseconds.
	width  int64 // The slice of the window whose calls share one mark, in nanoseconds.
	name   string
	rate   Rate
	side   side
	remote remoteRule
}

// gate is a compiled Concurrency.
type gate struct {
	slot   uint32
	n      uint32
	name   string
	side   side
	remote remoteGate
}

// Compile makes a set of limits and conc. Of two that count on the same counter
// the stricter one is kept. It panics when a [Rate] or a [Concurrency] is not
// valid: configurations are validated before they are compiled. Each scope and
// window that the table has not seen before costs it about a hundred bytes for
// as long as the process lives. Safe for concurrent use.
func (t *Table) Compile(limits []Limit, conc []Concurrency) *Set {
	s := new(Set)
	for _, l := range limits {
		if err := l.Rate.Validate(); err != nil {
			panic(fmt.Errorf("compiling limit %q: %w", l.Name, err))
		}
		s.addRule(rule{
			slot:   t.slots.of(slotKey{l.Scope, l.Rate.Window, l.Shared}),
			n:      uint32(l.Rate.N),
			window: int64(l.Rate.Window),
			// Rounded up, so that a window never spans more than maxMarks slices.
			width:  (int64(l.Rate.Window) + sliceCount - 1) / sliceCount,
			name:   l.Name,
			rate:   l.Rate,
			side:   sideOf(l.Shared),
			remote: newRemoteRule(l),
		})
	}
	for _, c := range conc {
		if err := c.Validate(); err != nil {
			panic(fmt.Errorf("compiling concurrency %q: %w", c.Name, err))
		}
		s.addGate(gate{
			slot:   t.slots.of(slotKey{c.Scope, 0, c.Shared}),
			n:      uint32(c.N),
			name:   c.Name,
			side:   sideOf(c.Shared),
			remote: newRemoteGate(c),
		})
	}
	return s
}

// addRule adds r, or lets the stricter of r and its namesake stand.
func (s *Set) addRule(r rule) {
	rules := &s.parts[r.side].rules
	i := slices.IndexFunc(*rules, func(o rule) bool { return o.slot == r.slot })
	switch {
	case i < 0:
		*rules = append(*rules, r)
	case r.n < (*rules)[i].n:
		(*rules)[i] = r
	}
}

// addGate adds g, or lets the stricter of g and its namesake stand.
func (s *Set) addGate(g gate) {
	gates := &s.parts[g.side].gates
	i := slices.IndexFunc(*gates, func(o gate) bool { return o.slot == g.slot })
	switch {
	case i < 0:
		*gates = append(*gates, g)
	case g.n < (*gates)[i].n:
		(*gates)[i] = g
	}
}

// slotKey is the identity of a counter. Calls in flight have no window.
type slotKey struct {
	scope  string
	window time.Duration
	shared bool
}

// forever is the window of a slot that counts calls in flight: time alone never
// frees it.
const forever = math.MaxInt64
