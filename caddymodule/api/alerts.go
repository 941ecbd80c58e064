package api

import "net/http"

// alertsAnswer is what GET alerts gives.
type alertsAnswer struct {
	Alerts   []alertAnswer `json:"alerts"`
	Channels []string      `json:"channels"`
}

// alertAnswer is what is known of a policy's messages.
type alertAnswer struct {
	Policy    string `json:"policy"`
	LastTold  stamp  `json:"last_told"`
	Failed    int    `json:"failed"`  // Calls since then.
	Drifted   int    `json:"drifted"` // Changes of answers since then.
	Next      stamp  `json:"next"`    // null: at once.
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
		answer.Alerts = append(answer.Alerts, alertAnswer{
			Policy: s.Policy, LastTold: stamp(s.LastTold), Failed: s.Failed, Drifted: s.Drifted, Next: stamp(s.NextAt),
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
