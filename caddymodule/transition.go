package caddymodule

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

// transitionEvents emits Caddy events for breakers that change their state.
// Caddy runs an event's handlers where it is emitted, a command among them, so
// this is done on a goroutine of its own and never on a call's path. It is
// safe for concurrent use.
type transitionEvents struct {
	emit    func(name string, data map[string]any)
	dropped prometheus.Counter
	queue   chan breaker.Transition
	quit    chan struct{}
	done    chan struct{}
}

// newTransitionEvents starts the goroutine, which ends with close. emit is
// caddyevents.App.Emit with the context of the configuration; events that find
// maxTransitions before them are dropped and counted in dropped.
func newTransitionEvents(emit func(name string, data map[string]any), dropped prometheus.Counter) *transitionEvents {
	e := &transitionEvents{
		emit:    emit,
		dropped: dropped,
		queue:   make(chan breaker.Transition, maxTransitions),
		quit:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	go e.run()
	return e
}

// emitTransition hands over the change of a host's breaker. It never waits, and
// drops after close. A tenant's own cell is that tenant's affair and makes no
// event, for handlers may pass on whatever an event holds.
func (e *transitionEvents) emitTransition(t breaker.Transition) {
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
func (e *transitionEvents) run() {
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

// close ends the goroutine and waits for the handler that is at work, at most
// emitPatience, so that Caddy's context outlives it; of what waits behind it a
// few events may still be emitted, the others are dropped. It must be called
// once, before that context ends.
func (e *transitionEvents) close() {
	close(e.quit)
	patience := time.NewTimer(emitPatience)
	defer patience.Stop()
	select {
	case <-e.done:
	case <-patience.C:
	}
}
