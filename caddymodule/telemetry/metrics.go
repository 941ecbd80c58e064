package telemetry

import (
	"errors"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signpost-gateway/signpost/policy"
)

// callBuckets are the bounds in seconds that OpenTelemetry's conventions for
// HTTP advise; ownBuckets are for what takes well under a millisecond, and
// tripBuckets for a way over the network to a server nearby.
var (
	callBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}
	ownBuckets  = []float64{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.1, 1}
	tripBuckets = []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1}
)

// Metrics counts calls. There is one of it in a process, so that counters go
// on over reloads, which give each configuration a registry of its own. Label
// values come from configurations, never from requests: no tenant, no path. It
// is safe for concurrent use.
type Metrics struct {
	calls           *prometheus.CounterVec
	callDuration    *prometheus.HistogramVec
	gatewayDuration *prometheus.HistogramVec
	attemptDuration *prometheus.HistogramVec
	rateLimited     *prometheus.CounterVec
	fallbacks       *prometheus.CounterVec
	retries         *prometheus.CounterVec
	hintErrors      *prometheus.CounterVec
	conditionErrors *prometheus.CounterVec
	brokenAnswers   *prometheus.CounterVec

	// decided counts the calls whose limits a shared state decides, and trips how
	// long they waited for that.
	decided *prometheus.CounterVec
	trips   prometheus.Histogram

	drifting *prometheus.CounterVec
	alerts   *prometheus.CounterVec

	// spansDropped is counted by the export of spans, by reason.
	spansDropped *prometheus.CounterVec

	// eventsDropped is counted by the queue of Caddy events.
	eventsDropped prometheus.Counter

	byCall      *series[[4]string, *callSeries]         // policy, operation, outcome, route
	byOperation *series[[2]string, *operationSeries]    // policy, operation
	byAttempt   *series[[3]string, prometheus.Observer] // policy, operation, outcome
	byLimit     *series[[2]string, prometheus.Counter]  // policy, limit
	byFallback  *series[[3]string, prometheus.Counter]  // policy, operation, kind
	byFault     *series[[3]string, prometheus.Counter]  // policy, operation, condition
	byHint      *series[[3]string, prometheus.Counter]  // policy, operation, route
	byDrift     *series[[2]string, prometheus.Counter]  // policy, operation
	byPolicy    *series[[1]string, *policySeries]       // policy
	byDecider   *series[[1]string, prometheus.Counter]  // decided
}

// callSeries is what one look-up finds for a call.
type callSeries struct {
	calls     prometheus.Counter
	operation *operationSeries
	policy    *policySeries
}

// operationSeries are the metrics of an operation.
type operationSeries struct {
	duration prometheus.Observer
	retries  prometheus.Counter
}

// policySeries are the metrics of a policy.
type policySeries struct {
	own    prometheus.Observer
	broken prometheus.Counter
}

// Process gives the metrics of this process.
var Process = sync.OnceValue(newMetrics)

// newMetrics makes the collectors, registered nowhere.
func newMetrics() *Metrics {
	m := &Metrics{
		calls: counters("signpost_calls_total",
			"Calls, by what became of them and the branch that was named.", "policy", "operation", "outcome", "route"),
		callDuration: durations("signpost_call_duration_seconds",
			"How long calls took until the last byte of their answer.", callBuckets, "policy", "operation"),
		gatewayDuration: durations("signpost_gateway_duration_seconds",
			"What calls took beyond their attempts: Signpost's own work, waiting between attempts, and passing the body on.", ownBuckets, "policy"),
		attemptDuration: durations("signpost_attempt_duration_seconds",
			"How long attempts took until their answer was there, as far as mapping reads it, or their failure.", callBuckets, "policy", "operation", "outcome"),
		rateLimited: counters("signpost_rate_limited_total",
			"Calls refused by a rate limit, by that limit.", "policy", "limit"),
		fallbacks: counters("signpost_fallbacks_total",
			"Calls answered by a fallback, by its kind: stale or static.", "policy", "operation", "kind"),
		retries: counters("signpost_retries_total",
			"Attempts after the first of a call.", "policy", "operation"),
		hintErrors: counters("signpost_hint_errors_total",
			"Conditions that could not be evaluated, by the route they would have named.", "policy", "operation", "route"),
		conditionErrors: counters("signpost_condition_errors_total",
			"Conditions other than hints that could not be evaluated, by the word they belong to.", "policy", "operation", "condition"),
		brokenAnswers: counters("signpost_broken_answers_total",
			"Answers that were cut off after their headers had left.", "policy"),
		drifting: counters("signpost_drifting_answers_total",
			"Answers whose structure differed from that of their operation's answers.", "policy", "operation"),
		alerts: counters("signpost_alerts_total",
			"Deliveries of alerts, by channel (mail, webhook) and result (sent, retried, refused).", "channel", "result"),
		spansDropped: counters("signpost_spans_dropped_total",
			"Spans that were not exported, by reason: queue_full, export, shutdown.", "reason"),
		eventsDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "signpost_events_dropped_total",
			Help: "Caddy events that were not emitted because too many waited.",
		}),
	}
	m.share()
	m.cache()
	return m
}

// share makes the metrics of a state that sidecars share.
func (m *Metrics) share() {
	m.decided = counters("signpost_shared_state_calls_total",
		"Calls by who decided on their limits: redis, local (this sidecar alone, as Redis was away), refused (nobody may then).", "decided")
	m.trips = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "signpost_shared_state_round_trip_seconds",
		Help: "How long calls on which Redis decided waited for it in all.", Buckets: tripBuckets,
	})
}

// counters makes a vector of counters.
func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// durations makes a vector of histograms of seconds.
func durations(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

// cache puts the bounded look-ups before the vectors.
func (m *Metrics) cache() {
	const o = otherSeries
	m.byPolicy = newSeries([1]string{o}, func(k [1]string) *policySeries {
		return &policySeries{
			own:    m.gatewayDuration.WithLabelValues(k[:]...),
			broken: m.brokenAnswers.WithLabelValues(k[:]...),
		}
	})
	m.byDecider = newSeries([1]string{o}, func(k [1]string) prometheus.Counter {
		return m.decided.WithLabelValues(k[:]...)
	})
	m.byOperation = newSeries([2]string{o, o}, func(k [2]string) *operationSeries {
		return &operationSeries{
			duration: m.callDuration.WithLabelValues(k[:]...),
			retries:  m.retries.WithLabelValues(k[:]...),
		}
	})
	m.byCall = newSeries([4]string{o, o, o, o}, func(k [4]string) *callSeries {
		return &callSeries{
			calls:     m.calls.WithLabelValues(k[:]...),
			operation: m.byOperation.of([2]string{k[0], k[1]}),
			policy:    m.byPolicy.of([1]string{k[0]}),
		}
	})
	m.byAttempt = newSeries([3]string{o, o, o}, func(k [3]string) prometheus.Observer {
		return m.attemptDuration.WithLabelValues(k[:]...)
	})
	m.byLimit = newSeries([2]string{o, o}, func(k [2]string) prometheus.Counter {
		return m.rateLimited.WithLabelValues(k[:]...)
	})
	m.byDrift = newSeries([2]string{o, o}, func(k [2]string) prometheus.Counter {
		return m.drifting.WithLabelValues(k[:]...)
	})
	m.byFallback = newSeries([3]string{o, o, o}, func(k [3]string) prometheus.Counter {
		return m.fallbacks.WithLabelValues(k[:]...)
	})
	m.byFault = newSeries([3]string{o, o, o}, func(k [3]string) prometheus.Counter {
		return m.conditionErrors.WithLabelValues(k[:]...)
	})
	m.byHint = newSeries([3]string{o, o, o}, func(k [3]string) prometheus.Counter {
		return m.hintErrors.WithLabelValues(k[:]...)
	})
}

// Register adds the collectors to a configuration's registry. A second
// registration with the same registry is no error.
func (m *Metrics) Register(registry prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{
		m.calls, m.callDuration, m.gatewayDuration, m.attemptDuration, m.rateLimited, m.fallbacks,
		m.retries, m.hintErrors, m.conditionErrors, m.brokenAnswers, m.decided, m.trips, m.drifting, m.alerts, m.spansDropped, m.eventsDropped,
	} {
		var already prometheus.AlreadyRegisteredError
		if err := registry.Register(c); err != nil && !errors.As(err, &already) {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}

// Observe counts one call that is over. It keeps nothing of r, and allocates
// only when a label combination is new.
func (m *Metrics) Observe(r *policy.Record) {
	s := m.byCall.of([4]string{r.Policy, r.Operation, string(r.Outcome), r.Route})
	s.calls.Inc()
	s.operation.duration.Observe(r.Duration.Seconds())
	s.policy.own.Observe(max(r.Duration-r.Upstream, 0).Seconds())
	for i := range r.Attempts {
		a := &r.Attempts[i]
		m.byAttempt.of([3]string{r.Policy, r.Operation, string(a.Outcome)}).Observe(a.Duration.Seconds())
	}
	if n := len(r.Attempts); n > 1 {
		s.operation.retries.Add(float64(n - 1))
	}
	if r.Outcome == policy.RateLimited {
		m.byLimit.of([2]string{r.Policy, r.LimitHit}).Inc()
	}
	if r.Fallback != "" {
		m.byFallback.of([3]string{r.Policy, r.Operation, r.Fallback}).Inc()
	}
	for i := range r.Hints {
		if r.Hints[i].Err != nil {
			m.byHint.of([3]string{r.Policy, r.Operation, r.Hints[i].Route}).Inc()
		}
	}
	for i := range r.Faults {
		m.byFault.of([3]string{r.Policy, r.Operation, r.Faults[i].Where}).Inc()
	}
	if r.Broken != "" {
		s.policy.broken.Inc()
	}
	if r.Decided != "" {
		m.byDecider.of([1]string{r.Decided}).Inc()
	}
	if r.Decided == "redis" { // What failed was no round trip, and what is local needs none.
		m.trips.Observe(r.SharedWait.Seconds())
	}
	if len(r.Drift) > 0 {
		m.byDrift.of([2]string{r.Policy, r.Operation}).Inc()
	}
}

// CountAlert counts one delivery of an alert. Both words are of a short list.
func (m *Metrics) CountAlert(channel, result string) { m.alerts.WithLabelValues(channel, result).Inc() }
