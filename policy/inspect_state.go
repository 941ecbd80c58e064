package policy

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy/breaker"
	"github.com/signpost-gateway/signpost/policy/limit"
	"github.com/signpost-gateway/signpost/policy/tenant"
)

// BreakerInfo is what a breaker does at the moment.
type BreakerInfo struct {
	Policy    string     `json:"policy"` // "store" or "store.order_status".
	Config    string     `json:"config"` // As PolicyInfo.Breaker.
	Held      string     `json:"held,omitempty"`
	HeldUntil time.Time  `json:"held_until,omitzero"` // Zero: until it is reset.
	Cells     []CellInfo `json:"cells"`               // At most 100, the worst first.
	LeftOut   int        `json:"left_out"`            // How many more there are.
}

// CellInfo is the state of one host, or of one tenant's calls to it.
type CellInfo struct {
	Host    string     `json:"host"`
	Tenant  string     `json:"tenant,omitempty"` // Empty: all tenants'.
	State   string     `json:"state"`            // "closed", "half-open" or "open".
	Since   time.Time  `json:"since,omitzero"`
	ProbeAt time.Time  `json:"probe_at,omitzero"` // When an open one lets the next call pass.
	Counts  CountsInfo `json:"counts"`
}

// CountsInfo are the attempts that a breaker looks at, as breaker.Counts.
type CountsInfo struct {
	Finished     uint32 `json:"finished"`
	Failed       uint32 `json:"failed"`
	FailedInARow uint32 `json:"failed_in_a_row"`
	ProbesOut    int    `json:"probes_out"`
}

// TenantInfo is how a tenant stands with its limits and breakers.
type TenantInfo struct {
	Name        string              `json:"name"`
	Plan        string              `json:"plan"`
	Known       bool                `json:"known"`          // On a plan or in the tenants file.
	Vars        []string            `json:"vars,omitempty"` // Names alone, sorted.
	Limits      []TenantLimit       `json:"limits"`
	Concurrency []TenantConcurrency `json:"concurrency"`
	Breakers    []BreakerInfo       `json:"breakers"` // Those with a cell of the tenant's own, and only these cells.
}

// TenantLimit is what is left of one rate limit.
type TenantLimit struct {
	Scope     string `json:"scope"`  // "plan gold", "policy store" or "operation store.order_status".
	Window    string `json:"window"` // "10/m".
	Limit     int    `json:"limit"`
	Remaining int    `json:"remaining"`
	Reset     Millis `json:"reset_ms"` // Until Remaining grows; 0 when nothing is used.
	Shared    bool   `json:"shared"`   // Of all tenants together.
}

// TenantConcurrency is how many calls are in flight under one limit.
type TenantConcurrency struct {
	Scope    string `json:"scope"`
	Limit    int    `json:"limit"`
	InFlight int    `json:"in_flight"`
	Shared   bool   `json:"shared"`
}

// BreakerStates gives the state of every breaker cell there is, by policy or
// policy.operation.
func (g *Gateway) BreakerStates() map[string][]breaker.Status {
	states := make(map[string][]breaker.Status, len(g.policies))
	for _, b := range g.allBreakers() {
		states[b.Policy()] = b.States()
	}
	return states
}

// breakers gives the policy's breaker, then those that operations have for
// themselves.
func (p *Policy) breakers() []*breaker.Breaker {
	all := []*breaker.Breaker{p.own.breaker}
	for _, op := range p.operations {
		if op.breaker != p.own.breaker {
			all = append(all, op.breaker)
		}
	}
	return all
}

// Breakers tells of every breaker, in the order of Policies. Safe for concurrent
// use.
func (g *Gateway) Breakers() []BreakerInfo {
	infos := make([]BreakerInfo, 0, len(g.policies))
	for _, p := range g.ordered() {
		for _, b := range p.breakers() {
			infos = append(infos, breakerInfo(b, b.States()))
		}
	}
	return infos
}

// breakerInfo tells of a breaker and those of its cells.
func breakerInfo(b *breaker.Breaker, cells []breaker.Status) BreakerInfo {
	// Stable, since they come sorted by host and tenant.
	slices.SortStableFunc(cells, func(x, y breaker.Status) int {
		return cmp.Or(cmp.Compare(y.State, x.State), cmp.Compare(y.Counts.Failed, x.Counts.Failed))
	})
	shown := min(len(cells), maxCells)
	info := BreakerInfo{
		Policy: b.Policy(), Config: breakerText(b.Config()),
		Cells: make([]CellInfo, 0, shown), LeftOut: len(cells) - shown,
	}
	if state, until, held := b.Held(); held {
		info.Held, info.HeldUntil = state.String(), until
	}
	for _, s := range cells[:shown] {
		info.Cells = append(info.Cells, CellInfo{
			Host: s.Host, Tenant: s.Tenant, State: s.State.String(), Since: s.Since, ProbeAt: s.ProbesAt, Counts: CountsInfo(s.Counts),
		})
	}
	return info
}

// breaker finds a breaker by "store" or "store.order_status", nil where an
// operation has none of its own.
func (g *Gateway) breaker(name string) *breaker.Breaker {
	short, _, _ := strings.Cut(name, ".")
	p := g.policies[short]
	if p == nil {
		return nil
	}
	for _, b := range p.breakers() {
		if b.Policy() == name {
			return b
		}
	}
	return nil
}

// ResetBreaker closes a breaker as breaker.Breaker.Reset does: that of a policy
// with those of its operations, "store", or that which one operation has of its
// own, "store.order_status". It gives false where there is none of that name.
// Safe for concurrent use.
func (g *Gateway) ResetBreaker(name string) bool {
	b := g.breaker(name)
	if b == nil {
		return false
	}
	b.Reset()
	return true
}

// HoldBreaker keeps a breaker open or closed as breaker.Breaker.Hold does; names
// are as for ResetBreaker. It gives false where there is none of that name, and
// where state is neither or until has passed; a zero until has no end. Safe for
// concurrent use.
func (g *Gateway) HoldBreaker(name string, state breaker.State, until time.Time) bool {
	b := g.breaker(name)
	return b != nil && b.Hold(state, until)
}

// Tenant tells how a tenant stands: what is left of each of its limits, of its
// plan, then of the policies in the order of Policies, and its own breaker cells.
// vars asks for the names of its variables too. It takes nothing, and a tenant
// that was never seen stays unseen. The error is for what cannot be a tenant's
// name. Safe for concurrent use.
func (g *Gateway) Tenant(name string, vars bool) (TenantInfo, error) {
	if err := tenant.Check(name); err != nil {
		return TenantInfo{}, fmt.Errorf("checking the tenant's name: %w", err)
	}
	p, known := g.onPlan[name], true
	if p == nil {
		p, known = g.planInFile(name)
	}
	info := TenantInfo{
		Name: name, Plan: p.name, Known: known,
		Limits: []TenantLimit{}, Concurrency: []TenantConcurrency{}, Breakers: []BreakerInfo{},
	}
	if vars && g.tenants != nil {
		entry, _ := g.tenants.File().Lookup(name)
		info.Vars = slices.Sorted(maps.Keys(entry.Vars))
	}
	now := time.Now()
	g.standing(&info, now, "plan "+p.name, p.limits)
	for _, p := range g.ordered() {
		g.standing(&info, now, "policy "+p.name, p.limits)
		for _, op := range p.operations {
			g.standing(&info, now, "operation "+op.label, op.limits)
		}
		for _, b := range p.breakers() {
			if own := b.TenantStates(name); len(own) > 0 {
				info.Breakers = append(info.Breakers, breakerInfo(b, own))
			}
		}
	}
	return info, nil
}

// standing adds how the tenant stands with the limits of one scope.
func (g *Gateway) standing(info *TenantInfo, now time.Time, scope string, set *limit.Set) {
	add := func(states []limit.State, shared bool) {
		for _, s := range states {
			info.Limits = append(info.Limits, TenantLimit{scope, s.Rate.String(), s.Rate.N, s.Remaining, Millis(s.Reset), shared})
		}
	}
	own, all, inFlight := g.standings(now, info.Name, set)
	add(own, false)
	add(all, true)
	for _, f := range inFlight {
		info.Concurrency = append(info.Concurrency, TenantConcurrency{scope, f.N, f.Calls, f.Shared})
	}
}

// standings looks at the limits of a set, over all sidecars where they share them.
func (g *Gateway) standings(now time.Time, tenant string, set *limit.Set) (own, all []limit.State, inFlight []limit.InFlight) {
	if s := g.shared.Load(); s != nil {
		ctx := context.Background() // The link bounds the wait.
		return s.limits.States(ctx, now, tenant, nil, set), s.limits.SharedStates(ctx, now, nil, set), s.limits.InFlight(ctx, tenant, nil, set)
	}
	table := g.state.limits
	return table.States(now, tenant, nil, set), table.SharedStates(now, nil, set), table.InFlight(tenant, nil, set)
}
