package telemetry

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/breaker"
)

// maxBreakerHosts bounds the rows of one policy: a base URL that holds a
// tenant's variable has a host for each. The hosts beyond, in the order of
// their names, are joined in the row "_other", which tells the worst of them.
const maxBreakerHosts = 100

// Inspected is what a Gauges looks at: a policy.Gateway. It is asked at every
// scrape, also concurrently.
type Inspected interface {
	// BreakerStates lists the cells of breakers by policy.
	BreakerStates() map[string][]breaker.Status

	// Breakers tells which are held by hand.
	Breakers() []policy.BreakerInfo

	// Structures tells of which operations the answers changed.
	Structures() []policy.StructureInfo

	// SharedState tells whether Redis is there, where sidecars share their state.
	SharedState() policy.SharedStateInfo
}

// Gauges reads, when it is scraped, what changes without a call: an open
// breaker becomes half-open by the clock alone. One belongs to each
// configuration and is registered with that one's registry. No tenant is a
// label: their cells are only counted.
type Gauges struct {
	gateway Inspected
	tenants func() int

	state       *prometheus.Desc
	openTenants *prometheus.Desc
	tenantCount *prometheus.Desc
	held        *prometheus.Desc
	drift       *prometheus.Desc
	shared      *prometheus.Desc
}

// NewGauges gives a collector that asks gateway and tenants, which must be
// safe for concurrent use, and neither of which may be nil.
func NewGauges(gateway Inspected, tenants func() int) *Gauges {
	labels := []string{"policy", "host"}
	return &Gauges{
		gateway: gateway,
		tenants: tenants,
		state: prometheus.NewDesc("signpost_breaker_state",
			"State of a host's breaker: 0 closed, 1 half-open, 2 open.", labels, nil),
		openTenants: prometheus.NewDesc("signpost_breaker_open_tenants",
			"Tenants whose own cell of a host's breaker is not closed.", labels, nil),
		tenantCount: prometheus.NewDesc("signpost_tenants",
			"Tenants for whom limits are kept in memory.", nil, nil),
		held: prometheus.NewDesc("signpost_breaker_held",
			"1 where a breaker is held open or closed by hand, else 0.", []string{"policy"}, nil),
		drift: prometheus.NewDesc("signpost_drift",
			"1 where the structure of an operation's answers changed and nobody accepted or ignored that, else 0.", []string{"policy", "operation"}, nil),
		shared: prometheus.NewDesc("signpost_shared_state_up",
			"1 while Redis decides for all sidecars together, 0 while it is away. Missing where nothing is shared.", nil, nil),
	}
}

// Describe sends the descriptions.
func (g *Gauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- g.state
	ch <- g.openTenants
	ch <- g.tenantCount
	ch <- g.held
	ch <- g.drift
	ch <- g.shared
}

// Collect sends the values of this moment.
func (g *Gauges) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(g.tenantCount, prometheus.GaugeValue, float64(g.tenants()))
	for _, b := range g.gateway.Breakers() {
		ch <- prometheus.MustNewConstMetric(g.held, prometheus.GaugeValue, oneIf(b.Held != ""), b.Policy)
	}
	for _, s := range g.gateway.Structures() {
		ch <- prometheus.MustNewConstMetric(g.drift, prometheus.GaugeValue, oneIf(s.State == "drifting"), s.Policy, s.Operation)
	}
	if s := g.gateway.SharedState(); s.Kind == "redis" {
		ch <- prometheus.MustNewConstMetric(g.shared, prometheus.GaugeValue, oneIf(s.There))
	}
	for policy, cells := range g.gateway.BreakerStates() {
		for host, h := range joinCells(cells, maxBreakerHosts) {
			ch <- prometheus.MustNewConstMetric(g.state, prometheus.GaugeValue, float64(h.state), policy, host)
			ch <- prometheus.MustNewConstMetric(g.openTenants, prometheus.GaugeValue, float64(h.openTenants), policy, host)
		}
	}
}

// oneIf is 1 where something holds, else 0.
func oneIf(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// hostBreaker is the row of one host.
type hostBreaker struct {
	state       breaker.State
	openTenants int
}

// joinCells gives each host of a policy one row, for a registry refuses the
// whole scrape over a repeated one: at most limit hosts and "_other".
func joinCells(cells []breaker.Status, limit int) map[string]hostBreaker {
	rows := make(map[string]hostBreaker)
	for _, c := range cells {
		row := rows[c.Host]
		if c.Tenant == "" {
			row.state = max(row.state, c.State)
		} else if c.State != breaker.Closed {
			row.openTenants++
		}
		rows[c.Host] = row
	}
	if len(rows) <= limit {
		return rows
	}
	var rest hostBreaker
	for _, host := range slices.Sorted(maps.Keys(rows))[limit:] {
		rest.state = max(rest.state, rows[host].state)
		rest.openTenants += rows[host].openTenants
		delete(rows, host)
	}
	rows[otherSeries] = rest
	return rows
}

// Interface guard.
var _ prometheus.Collector = (*Gauges)(nil)
