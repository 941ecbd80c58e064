package telemetry

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/breaker"
)

// The names of Caddy events. Each has the data "policy".
const (
	// breakerOpened and breakerClosed tell of a host's breaker. Their further data
	// are "host", and "from", the state before: "closed", "half-open" or "open".
	breakerOpened = "signpost.breaker_opened"
	breakerClosed = "signpost.breaker_closed"

	// driftSeen tells that the answers of an operation have another structure:
	// "operation", "changes" such as "$.order.status: string, now missing", and
	// "trace_id".
	driftSeen = "signpost.drift"

	// policyFailed tells that calls of a policy fail, as an alert does: "outcome",
	// "reason" and "trace_id" of the last one, and "failed", how many did since it
	// was told last.
	policyFailed = "signpost.policy_failed"
)

const (
	// maxEvents is how many events wait at most for a slow handler.
	maxEvents = 64

	// emitPatience is how long Close waits for a handler that is at work.
	emitPatience = time.Second

	// maxToldChanges is how many changes of a structure an event names.
	maxToldChanges = 5
)

// Events emits Caddy events. Caddy runs an event's handlers where it is emitted,
// a command among them, so this is done on a goroutine of its own and never on a
// call's path. It is safe for concurrent use.
type Events struct {
	emit    func(name string, data map[string]any)
	dropped prometheus.Counter
	queue   chan event
	quit    chan struct{}
	done    chan struct{}
}

// event is one that waits.
type event struct {
	name string
	data map[string]any
}

// NewEvents starts the goroutine that emits, which ends with Close. emit is
// caddyevents.App.Emit with the context of the configuration. Events that find
// maxEvents before them are dropped and counted.
func NewEvents(emit func(name string, data map[string]any)) *Events {
	return newEvents(emit, Process().eventsDropped)
}

// newEvents is NewEvents with the counter of what is dropped.
func newEvents(emit func(name string, data map[string]any), dropped prometheus.Counter) *Events {
	e := &Events{
		emit:    emit,
		dropped: dropped,
		queue:   make(chan event, maxEvents),
		quit:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	go e.run()
	return e
}

// Breaker tells of a breaker that opened or closed. One that probes is no news,
// and a tenant's own cell is that tenant's affair: handlers may pass on whatever
// an event holds.
func (e *Events) Breaker(t breaker.Transition) {
	name := ""
	switch {
	case t.Tenant != "":
	case t.To == breaker.Open:
		name = breakerOpened
	case t.To == breaker.Closed:
		name = breakerClosed
	}
	if name != "" {
		e.put(name, map[string]any{"policy": clipped(t.Policy), "host": clipped(t.Host), "from": t.From.String()})
	}
}

// Drift tells of answers with another structure.
func (e *Events) Drift(d policy.Drift) {
	e.put(driftSeen, map[string]any{
		"policy": clipped(d.Policy), "operation": clipped(d.Operation), "changes": DriftText(d), "trace_id": d.TraceID,
	})
}

// DriftText says in a line what has changed, at most five places of it.
func DriftText(d policy.Drift) string {
	var texts []string
	for i, c := range d.Changes {
		if i == maxToldChanges {
			texts = append(texts, "…")
			break
		}
		texts = append(texts, clipped(c.Path)+": "+c.Was+", now "+c.Is)
	}
	return strings.Join(texts, "; ")
}

// PolicyFailed tells that calls of a policy fail.
func (e *Events) PolicyFailed(name, outcome, reason, traceID string, failed int) {
	e.put(policyFailed, map[string]any{
		"policy": clipped(name), "outcome": outcome, "reason": clipped(reason), "trace_id": traceID, "failed": failed,
	})
}

// put hands an event over. It never waits, and drops after Close.
func (e *Events) put(name string, data map[string]any) {
	select {
	case <-e.quit:
		e.dropped.Inc()
		return
	default:
	}
	select {
	case e.queue <- event{name, data}:
	default:
		e.dropped.Inc()
	}
}

// run emits until it is closed, in order.
func (e *Events) run() {
	defer close(e.done)
	for {
		select {
		case <-e.quit:
			e.dropped.Add(float64(len(e.queue)))
			return
		case next := <-e.queue:
			e.emit(next.name, next.data)
		}
	}
}

// Close ends the goroutine and waits for the handler that is at work, at most
// emitPatience, so that Caddy's context outlives it; of what waits behind it a
// few events may still be emitted, the others are dropped. It must be called
// once, before that context ends.
func (e *Events) Close() {
	close(e.quit)
	patience := time.NewTimer(emitPatience)
	defer patience.Stop()
	select {
	case <-e.done:
	case <-patience.C:
	}
}
