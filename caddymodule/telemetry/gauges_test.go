package telemetry

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/breaker"
)

func someBreakers() map[string][]breaker.Status {
	return map[string][]breaker.Status{
		"store": {
			{Policy: "store", Host: "api.store.example", State: breaker.HalfOpen},
			{Policy: "store", Host: "api.store.example", Tenant: "acme-tenant", State: breaker.Open},
			{Policy: "store", Host: "api.store.example", Tenant: "globex", State: breaker.Closed},
			{Policy: "store", Host: "api.store.example", Tenant: "initech", State: breaker.HalfOpen},
		},
		"crm": {{Policy: "crm", Host: "crm.example", State: breaker.Open}, {Policy: "crm", Host: "crm.example"}},
		"off": nil,
	}
}

func TestBreakersAreReadAtTheScrape(t *testing.T) {
	gateway := &inspected{states: someBreakers()}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(NewGauges(gateway, func() int { return 3 }))
	expectMetrics(t, registry, `
# HELP signpost_breaker_open_tenants Tenants whose own cell of a host's breaker is not closed.
# TYPE signpost_breaker_open_tenants gauge
signpost_breaker_open_tenants{host="api.store.example",policy="store"} 2
signpost_breaker_open_tenants{host="crm.example",policy="crm"} 0
# HELP signpost_breaker_state State of a host's breaker: 0 closed, 1 half-open, 2 open.
# TYPE signpost_breaker_state gauge
signpost_breaker_state{host="api.store.example",policy="store"} 1
signpost_breaker_state{host="crm.example",policy="crm"} 2
# HELP signpost_tenants Tenants for whom limits are kept in memory.
# TYPE signpost_tenants gauge
signpost_tenants 3
`)
	gateway.states = map[string][]breaker.Status{"crm": {{Policy: "crm", Host: "crm.example", State: breaker.HalfOpen}}}
	expectMetrics(t, registry, `
# HELP signpost_breaker_state State of a host's breaker: 0 closed, 1 half-open, 2 open.
# TYPE signpost_breaker_state gauge
signpost_breaker_state{host="crm.example",policy="crm"} 1
`, "signpost_breaker_state")
}

func TestHostsBeyondTheBoundAreJoinedInTheWorst(t *testing.T) {
	var cells []breaker.Status
	for i := range 500 {
		host := fmt.Sprintf("shop%03d.store.example", i)
		cells = append(cells, breaker.Status{Host: host}, breaker.Status{Host: host, Tenant: "t", State: breaker.Open})
	}
	cells[2*499].State = breaker.Open
	rows := joinCells(cells, 100)
	if len(rows) != 101 {
		t.Errorf("got %d rows, want 100 and %s", len(rows), otherSeries)
	}
	want := hostBreaker{state: breaker.Open, openTenants: 400}
	if got := rows[otherSeries]; got != want {
		t.Errorf("%s: got %+v, want %+v", otherSeries, got, want)
	}
	if _, ok := rows["shop099.store.example"]; !ok {
		t.Error("the first hosts by name: shop099 is missing")
	}
	if got := len(joinCells(cells[:200], 100)); got != 100 {
		t.Errorf("at the bound: got %d rows, want 100", got)
	}
}

// inspected is a gateway that is what a test says.
type inspected struct {
	states     map[string][]breaker.Status
	breakers   []policy.BreakerInfo
	structures []policy.StructureInfo
	shared     policy.SharedStateInfo
}

func (i inspected) BreakerStates() map[string][]breaker.Status { return i.states }
func (i inspected) Breakers() []policy.BreakerInfo             { return i.breakers }
func (i inspected) Structures() []policy.StructureInfo         { return i.structures }
func (i inspected) SharedState() policy.SharedStateInfo        { return i.shared }

func TestWhatIsHeldAndWhatDriftsIsReadAtTheScrape(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(NewGauges(inspected{
		breakers:   []policy.BreakerInfo{{Policy: "store", Held: "open"}, {Policy: "crm"}},
		structures: []policy.StructureInfo{{Policy: "store", Operation: "order", State: "drifting"}, {Policy: "crm", Operation: "find", State: "watching"}},
	}, func() int { return 0 }))
	expectMetrics(t, registry, `
# HELP signpost_breaker_held 1 where a breaker is held open or closed by hand, else 0.
# TYPE signpost_breaker_held gauge
signpost_breaker_held{policy="crm"} 0
signpost_breaker_held{policy="store"} 1
# HELP signpost_drift 1 where the structure of an operation's answers changed and nobody accepted or ignored that, else 0.
# TYPE signpost_drift gauge
signpost_drift{operation="find",policy="crm"} 0
signpost_drift{operation="order",policy="store"} 1
# HELP signpost_tenants Tenants for whom limits are kept in memory.
# TYPE signpost_tenants gauge
signpost_tenants 0
`)
}

func TestWhetherRedisIsThereIsToldOnlyWhereStateIsShared(t *testing.T) {
	const help = "# HELP signpost_shared_state_up 1 while Redis decides for all sidecars together, 0 while it is away. Missing where nothing is shared.\n" +
		"# TYPE signpost_shared_state_up gauge\n"
	for want, shared := range map[string]policy.SharedStateInfo{
		"":                                    {Kind: "memory"},
		help + "signpost_shared_state_up 1\n": {Kind: "redis", There: true},
		help + "signpost_shared_state_up 0\n": {Kind: "redis"},
	} {
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(NewGauges(inspected{shared: shared}, func() int { return 0 }))
		expectMetrics(t, registry, want, "signpost_shared_state_up")
	}
}
