package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signpost-gateway/signpost/policy/breaker"
)

const (
	// breakerEvent is the name of the Caddy event for a breaker's change of
	// state. Its data are "policy", "host", "from" and "to"; the states are
	// "closed", "half-open" and "open".
	breakerEvent = "breaker"

	// maxTransitions is how many events wait at most for a slow handler.
	maxTransitions = 64

	// emitPatience is how long close waits for a handler that is at work.
	emitPatience = time.Second
)

// Transitions emits Caddy events for breakers that change their state.
// Caddy runs an event's handlers where it is emitted, a command among them, so
// this is done on a goroutine of its own and never on a call's path. It is
// safe for concurrent use.
type Transitions struct {
	emit    func(name string, data map[string]any)
	dropped prometheus.Counter
	queue   chan breaker.Transition
	quit    chan struct{}
	done    chan struct{}
}

// NewTransitions starts the goroutine that emits, which ends with Close. emit is
// caddyevents.App.Emit with the context of the configuration.
func NewTransitions(emit func(name string, data map[string]any)) *Transitions {
	return newTransitions(emit, Process().eventsDropped)
}

// newTransitions starts the goroutine, which ends with Close. emit is
// caddyevents.App.Emit with the context of the configuration; events that find
// maxTransitions before them are dropped and counted in dropped.
func newTransitions(emit func(name string, data map[string]any), dropped prometheus.Counter) *Transitions {
	e := &Transitions{
		emit:    emit,
		dropped: dropped,
		queue:   make(chan breaker.Transition, maxTransitions),
		quit:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	go e.run()
	return e
}

// Emit hands over the change of a host's breaker. It never waits, and
// drops after Close. A tenant's own cell is that tenant's affair and makes no
// event, for handlers may pass on whatever an event holds.
func (e *Transitions) Emit(t breaker.Transition) {
	if t.Tenant != "" {
		return
	}
	select {
	case <-e.quit:
		e.dropped.Inc()
		return
	default:
	}
	select {
	case e.queue <- t:
	default:
		e.dropped.Inc()
	}
}

// run emits until it is closed, in the order of the changes.
func (e *Transitions) run() {
	defer close(e.done)
	for {
		select {
		case <-e.quit:
			e.dropped.Add(float64(len(e.queue)))
			return
		case t := <-e.queue:
			e.emit(breakerEvent, map[string]any{
				"policy": clipped(t.Policy),
				"host":   clipped(t.Host),
				"from":   t.From.String(),
				"to":     t.To.String(),
			})
		}
	}
}

// Close ends the goroutine and waits for the handler that is at work, at most
// emitPatience, so that Caddy's context outlives it; of what waits behind it a
// few events may still be emitted, the others are dropped. It must be called
// once, before that context ends.
func (e *Transitions) Close() {
	close(e.quit)
	patience := time.NewTimer(emitPatience)
	defer patience.Stop()
	select {
	case <-e.done:
	case <-patience.C:
	}
}
