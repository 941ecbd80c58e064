package api

import (
	"net/http"
	"time"
)

// stateAnswer is what GET state gives. Where nothing is shared, kind is "memory"
// and all else is empty.
type stateAnswer struct {
	Kind        string        `json:"kind"` // "memory" or "redis".
	Fail        string        `json:"fail"` // "local" or "closed".
	There       bool          `json:"there"`
	Since       stamp         `json:"since"`  // Of there.
	Reason      string        `json:"reason"` // Empty while it is there.
	Address     string        `json:"address"`
	Mode        string        `json:"mode"` // "standalone", "sentinel" or "cluster".
	Sidecar     string        `json:"sidecar"`
	RoundTripMS float64       `json:"round_trip_ms"`
	Calls       uint64        `json:"calls"` // To Redis.
	Failures    uint64        `json:"failures"`
	Dropped     uint64        `json:"dropped"`
	TimesAway   uint64        `json:"times_away"`
	Decided     decidedAnswer `json:"decided"`
}

// decidedAnswer counts the calls of bots by who decided on their limits.
type decidedAnswer struct {
	Redis   uint64 `json:"redis"`
	Local   uint64 `json:"local"`
	Refused uint64 `json:"refused"`
}

// state tells how the state stands that sidecars share.
func (a *api) state(run *Running, r *http.Request) (any, *problem) {
	if p := nothingSaid(r); p != nil {
		return nil, p
	}
	s := run.Gateway.SharedState()
	return stateAnswer{
		Kind: s.Kind, Fail: s.Fail, There: s.There, Since: stamp(s.Since), Reason: s.Reason,
		Address: s.Address, Mode: s.Mode, Sidecar: s.Sidecar, RoundTripMS: float64(s.RoundTrip.Round(time.Microsecond).Microseconds()) / 1000,
		Calls: s.Calls, Failures: s.Failures, Dropped: s.Dropped, TimesAway: s.TimesAway, Decided: decidedAnswer(s.Decided),
	}, nil
}
