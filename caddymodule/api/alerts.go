package api

import (
	"net/http"

	"github.com/signpost-gateway/signpost/caddymodule/alert"
)

// alertsAnswer is what GET alerts gives.
type alertsAnswer struct {
	Alerts   []alertAnswer `json:"alerts"`
	Channels []string      `json:"channels"`
}

// alertAnswer is what is known of a policy's messages of one kind.
type alertAnswer struct {
	Policy    string `json:"policy"`
	Kind      string `json:"kind"` // "failed" or "drift".
	LastTold  stamp  `json:"last_told"`
	Failed    int    `json:"failed"`
	Next      stamp  `json:"next"` // null: at once.
	Pending   bool   `json:"pending"`
	LastError string `json:"last_error"`
}

// alerts tells what was told, and what waits.
func (a *api) alerts(run *Running, r *http.Request) (any, *problem) {
	if p := nothingSaid(r); p != nil {
		return nil, p
	}
	return alertsOf(run, ""), nil
}

// alertsOf gives the alerts of a policy; all, where it is empty.
func alertsOf(run *Running, name string) alertsAnswer {
	answer := alertsAnswer{Alerts: []alertAnswer{}, Channels: orEmpty(run.Channels)}
	if run.Alerts == nil {
		return answer
	}
	for _, s := range run.Alerts.Status() {
		if name != "" && s.Policy != name {
			continue
		}
		kind := "failed"
		if s.Kind == alert.Drifting {
			kind = "drift"
		}
		answer.Alerts = append(answer.Alerts, alertAnswer{
			Policy: s.Policy, Kind: kind, LastTold: stamp(s.LastTold), Failed: s.Failed, Next: stamp(s.NextAt),
			Pending: s.Pending > 0, LastError: s.LastError,
		})
	}
	return answer
}

// resetAlerts forgets what was told of a policy. That there was nothing to forget
// is no mistake where there is such a policy.
func (a *api) resetAlerts(run *Running, r *http.Request) (any, *problem) {
	if p := nothingSaid(r); p != nil {
		return nil, p
	}
	name := r.PathValue("policy")
	if forgot := run.Alerts != nil && run.Alerts.Reset(name); !forgot && run.Gateway.Policy(name) == nil {
		return nil, missing("There is no policy %q.", name)
	}
	return alertsOf(run, name), nil
}
