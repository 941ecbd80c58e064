package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/breaker"
)

// breakersAnswer is what GET breakers and the changes of one give.
type breakersAnswer struct {
	Breakers []breakerAnswer `json:"breakers"`
}

// breakerAnswer is one breaker.
type breakerAnswer struct {
	Policy    string       `json:"policy"` // "store" or "store.order_status".
	Config    string       `json:"config"`
	Off       bool         `json:"off"`
	Held      string       `json:"held"` // "open", "closed" or empty.
	HeldUntil stamp        `json:"held_until"`
	Cells     []cellAnswer `json:"cells"`
	LeftOut   int          `json:"left_out"`
}

// cellAnswer is the state of one host, or of one tenant's calls to it.
type cellAnswer struct {
	Host     string `json:"host"`
	Tenant   string `json:"tenant"` // Empty: that of all.
	State    string `json:"state"`
	Since    stamp  `json:"since"`
	ProbeAt  stamp  `json:"probe_at"`
	Requests uint32 `json:"requests"`
	Failures uint32 `json:"failures"`
}

func breakerOf(b *policy.BreakerInfo) breakerAnswer {
	answer := breakerAnswer{
		Policy: b.Policy, Config: b.Config, Off: b.Config == "off",
		Held: b.Held, HeldUntil: stamp(b.HeldUntil), Cells: []cellAnswer{}, LeftOut: b.LeftOut,
	}
	for _, c := range b.Cells {
		answer.Cells = append(answer.Cells, cellAnswer{
			Host: c.Host, Tenant: c.Tenant, State: c.State, Since: stamp(c.Since), ProbeAt: stamp(c.ProbeAt),
			Requests: c.Counts.Finished, Failures: c.Counts.Failed,
		})
	}
	return answer
}

// breakers tells of all breakers.
func (a *api) breakers(run *Running, r *http.Request) (any, *problem) {
	if p := nothingSaid(r); p != nil {
		return nil, p
	}
	return breakersOf(run, ""), nil
}

// breakersOf gives the breakers of a name and its parts; all, where it is empty.
func breakersOf(run *Running, name string) breakersAnswer {
	answer := breakersAnswer{Breakers: []breakerAnswer{}}
	for _, b := range run.Gateway.Breakers() {
		if name == "" || b.Policy == name || strings.HasPrefix(b.Policy, name+".") {
			answer.Breakers = append(answer.Breakers, breakerOf(&b))
		}
	}
	return answer
}

// noBreaker is the refusal of a name that no breaker has.
func noBreaker(name string) *problem {
	return missing("There is no breaker %q: expected the name of a policy, or <policy>.<operation> of an operation that writes one of its own.", name)
}

// resetBreaker closes a breaker.
func (a *api) resetBreaker(run *Running, r *http.Request) (any, *problem) {
	if p := nothingSaid(r); p != nil {
		return nil, p
	}
	name := r.PathValue("name")
	if !run.Gateway.ResetBreaker(name) {
		return nil, noBreaker(name)
	}
	return breakersOf(run, name), nil
}

// Bounds of how long a breaker is held that is not held until further notice.
const (
	minHold = time.Second
	maxHold = 365 * 24 * time.Hour
)

// holdUsage describes the body of a hold.
const holdUsage = `{"state": "open" or "closed", "for": "10m"}, without "for" until it is reset`

// holdBreaker keeps a breaker in one state.
func (a *api) holdBreaker(run *Running, r *http.Request) (any, *problem) {
	if _, p := readQuery(r); p != nil {
		return nil, p
	}
	var asked struct {
		State string  `json:"state"`
		For   *string `json:"for"`
	}
	if p := readJSON(r, maxBody, &asked, holdUsage); p != nil {
		return nil, p
	}
	states := map[string]breaker.State{"open": breaker.Open, "closed": breaker.Closed}
	state, known := states[asked.State]
	if !known {
		return nil, bad("state is %q: expected %s.", asked.State, holdUsage)
	}
	var until time.Time
	if asked.For != nil {
		span, err := time.ParseDuration(*asked.For)
		if err != nil || span < minHold || span > maxHold {
			return nil, bad("for is %q: expected a duration from %s to %s, such as 10m.", *asked.For, minHold, maxHold)
		}
		until = time.Now().Add(span)
	}
	name := r.PathValue("name")
	if !run.Gateway.HoldBreaker(name, state, until) {
		return nil, noBreaker(name)
	}
	return breakersOf(run, name), nil
}
