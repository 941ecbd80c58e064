package caddymodule

import (
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"go.uber.org/zap"

	"github.com/signpost-gateway/signpost/caddymodule/alert"
	"github.com/signpost-gateway/signpost/caddymodule/telemetry"
	"github.com/signpost-gateway/signpost/policy"
)

// observe renders a call that is over for all who look at the gateway. It is on
// the call's goroutine, so nothing here waits.
func (a *App) observe(r *policy.Record) {
	telemetry.Process().Observe(r)
	telemetry.ProcessTraffic().Observe(r)
	telemetry.ProcessNearest().Observe(r)
	telemetry.LogCall(a.logger, r)
	if r.Policy != "" && r.Failed() {
		a.alerts.Failed(alert.Failure{
			Policy: r.Policy, Operation: r.Operation, Outcome: string(r.Outcome), Reason: r.Reason, Route: r.Route,
			TraceID: r.Trace.TraceID().String(), Time: r.Start.Add(r.Duration),
		})
	}
}

// drifted tells everybody that the answers of an operation changed.
func (a *App) drifted(d policy.Drift) {
	text := telemetry.DriftText(d)
	a.logger.Warn("the structure of answers changed: accept or ignore it",
		zap.String("policy", d.Policy), zap.String("operation", d.Operation), zap.String("changes", text), zap.String("trace_id", d.TraceID))
	a.alerts.Drifted(d.Policy, d.Operation, text)
	// A call may outlive its configuration, which has given back by then what it
	// shared: whoever has it now is asked.
	if state := pooled(); state != nil {
		if app := state.inCharge.Load(); app != nil {
			app.events.Drift(d)
		}
	}
}

// provisionAlerts prepares who tells people that calls fail. Without `alerts` it
// only keeps the time, for the Caddy event.
func (a *App) provisionAlerts() error {
	titles := make(map[string]string)
	for i := range a.Policies {
		if title := a.Policies[i].Title; title != "" {
			titles[a.Policies[i].Name] = title
		}
	}
	for _, text := range a.Alerts.Templates() {
		if _, err := a.withSecrets(text); err != nil {
			a.missing = errors.Join(a.missing, fmt.Errorf("alerts: %w", err))
		}
	}
	var err error
	a.alerts, err = alert.New(alert.Options{
		Config: a.Alerts, Recipients: a.recipients(), Titles: titles, Book: a.shared.book,
		Log: a.log(), Secret: a.withSecrets,
		TraceURL: a.Trace.LinkTo, Counted: telemetry.Process().CountAlert, OnTold: a.told,
	})
	return err
}

// told emits the Caddy event of a message that became due.
func (a *App) told(t alert.Told) {
	failed := &t.Failed
	if len(failed.Reasons) == 0 {
		return // A drift has an event of its own.
	}
	last := failed.Reasons[len(failed.Reasons)-1]
	a.events.PolicyFailed(t.Policy, last.Outcome, last.Text, last.TraceID, failed.Total)
}

// startOperator starts what tells others of this configuration's calls.
func (a *App) startOperator() error {
	emitter, err := a.ctx.App("events")
	if err != nil {
		return fmt.Errorf("loading the events app: %w", err)
	}
	a.events = telemetry.NewEvents(func(name string, data map[string]any) {
		emitter.(*caddyevents.App).Emit(a.ctx, name, data)
	})
	a.alerts.Start()
	return nil
}
