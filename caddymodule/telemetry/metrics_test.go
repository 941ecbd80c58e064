package telemetry

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signpost-gateway/signpost/policy"
)

// shippedCall is an ordinary call with one attempt and one hint.
func shippedCall() *policy.Record {
	return &policy.Record{
		Policy: "store", Operation: "order_status", Method: "GET", Path: "/orders/1", Tenant: "acme-tenant", Plan: "gold",
		Verdict:  policy.Verdict{Outcome: policy.Success, Status: 200, UpstreamStatus: 200, Route: "shipped", Next: "continue"},
		Attempts: []policy.Attempt{{Duration: 43 * time.Millisecond, Status: 200, Outcome: policy.Success}},
		Hints:    []policy.HintResult{{Route: "shipped", Holds: true}},
		Duration: 43*time.Millisecond + 120*time.Microsecond, Upstream: 43 * time.Millisecond,
	}
}

func registryOf(t *testing.T, m *Metrics) *prometheus.Registry {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := m.Register(registry); err != nil {
		t.Fatalf("register: %v", err)
	}
	return registry
}

// expectMetrics compares the named metrics with their exposition.
func expectMetrics(t *testing.T, registry prometheus.Gatherer, want string, names ...string) {
	t.Helper()
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
}

func TestACallIsCountedWhereverItBelongs(t *testing.T) {
	m := newMetrics()
	registry := registryOf(t, m)

	m.Observe(shippedCall())

	failed := shippedCall() // a retry, a condition that broke, a static fallback
	failed.Verdict = policy.Verdict{Outcome: policy.ServerError, Status: 200, UpstreamStatus: 503, Route: "error", Fallback: "static"}
	failed.Hints[0] = policy.HintResult{Route: "shipped", Err: errors.New("comparing null")}
	failed.Attempts = []policy.Attempt{{Outcome: policy.Unreachable}, {Outcome: policy.ServerError}}
	m.Observe(failed)

	limited := &policy.Record{Policy: "store", Operation: "order_status", LimitHit: "10/m",
		Verdict: policy.Verdict{Outcome: policy.RateLimited, Route: "error"}}
	m.Observe(limited)

	overloaded := &policy.Record{Policy: "store", LimitHit: "concurrency",
		Verdict: policy.Verdict{Outcome: policy.Overloaded, Route: "error"}}
	m.Observe(overloaded)

	unknown := &policy.Record{Broken: "bot went away", Verdict: policy.Verdict{Outcome: policy.NotFound, Route: "error"}}
	m.Observe(unknown)

	expectMetrics(t, registry, `
# HELP signpost_calls_total Calls, by what became of them and the branch that was named.
# TYPE signpost_calls_total counter
signpost_calls_total{operation="",outcome="not_found",policy="",route="error"} 1
signpost_calls_total{operation="",outcome="overloaded",policy="store",route="error"} 1
signpost_calls_total{operation="order_status",outcome="rate_limited",policy="store",route="error"} 1
signpost_calls_total{operation="order_status",outcome="server_error",policy="store",route="error"} 1
signpost_calls_total{operation="order_status",outcome="success",policy="store",route="shipped"} 1
# HELP signpost_rate_limited_total Calls refused by a rate limit, by that limit.
# TYPE signpost_rate_limited_total counter
signpost_rate_limited_total{limit="10/m",policy="store"} 1
# HELP signpost_fallbacks_total Calls answered by a fallback, by its kind: stale or static.
# TYPE signpost_fallbacks_total counter
signpost_fallbacks_total{kind="static",operation="order_status",policy="store"} 1
# HELP signpost_retries_total Attempts after the first of a call.
# TYPE signpost_retries_total counter
signpost_retries_total{operation="",policy=""} 0
signpost_retries_total{operation="",policy="store"} 0
signpost_retries_total{operation="order_status",policy="store"} 1
# HELP signpost_hint_errors_total Conditions that could not be evaluated, by the route they would have named.
# TYPE signpost_hint_errors_total counter
signpost_hint_errors_total{operation="order_status",policy="store",route="shipped"} 1
# HELP signpost_broken_answers_total Answers that were cut off after their headers had left.
# TYPE signpost_broken_answers_total counter
signpost_broken_answers_total{policy=""} 1
signpost_broken_answers_total{policy="store"} 0
`, "signpost_calls_total", "signpost_rate_limited_total", "signpost_fallbacks_total", "signpost_retries_total",
		"signpost_hint_errors_total", "signpost_broken_answers_total")
	if got := testutil.CollectAndCount(m.attemptDuration); got != 3 {
		t.Errorf("got %d series of attempts, want 3: success, unreachable, server_error", got)
	}
}

func TestCallsAreCountedByWhoDecidedOnTheirLimits(t *testing.T) {
	m := newMetrics()
	registry := registryOf(t, m)
	for _, call := range []struct {
		decided string
		wait    time.Duration
	}{
		{"", 0}, {"redis", 400 * time.Microsecond}, {"redis", 20 * time.Millisecond}, {"redis", 2 * time.Second},
		{"local", 30 * time.Millisecond}, {"local", time.Microsecond}, {"refused", 200 * time.Millisecond},
	} {
		r := shippedCall()
		r.Decided, r.SharedWait = call.decided, call.wait
		m.Observe(r)
	}
	expectMetrics(t, registry, `
# HELP signpost_shared_state_calls_total Calls by who decided on their limits: redis, local (this sidecar alone, as Redis was away), refused (nobody may then).
# TYPE signpost_shared_state_calls_total counter
signpost_shared_state_calls_total{decided="local"} 2
signpost_shared_state_calls_total{decided="redis"} 3
signpost_shared_state_calls_total{decided="refused"} 1
# HELP signpost_shared_state_round_trip_seconds How long calls on which Redis decided waited for it in all.
# TYPE signpost_shared_state_round_trip_seconds histogram
signpost_shared_state_round_trip_seconds_bucket{le="0.0001"} 0
signpost_shared_state_round_trip_seconds_bucket{le="0.00025"} 0
signpost_shared_state_round_trip_seconds_bucket{le="0.0005"} 1
signpost_shared_state_round_trip_seconds_bucket{le="0.001"} 1
signpost_shared_state_round_trip_seconds_bucket{le="0.0025"} 1
signpost_shared_state_round_trip_seconds_bucket{le="0.005"} 1
signpost_shared_state_round_trip_seconds_bucket{le="0.01"} 1
signpost_shared_state_round_trip_seconds_bucket{le="0.025"} 2
signpost_shared_state_round_trip_seconds_bucket{le="0.05"} 2
signpost_shared_state_round_trip_seconds_bucket{le="0.1"} 2
signpost_shared_state_round_trip_seconds_bucket{le="0.25"} 2
signpost_shared_state_round_trip_seconds_bucket{le="0.5"} 2
signpost_shared_state_round_trip_seconds_bucket{le="1"} 2
signpost_shared_state_round_trip_seconds_bucket{le="+Inf"} 3
signpost_shared_state_round_trip_seconds_sum 2.0204
signpost_shared_state_round_trip_seconds_count 3
`, "signpost_shared_state_calls_total", "signpost_shared_state_round_trip_seconds")
}

func TestDurationsAreInSecondsAndNeverNegative(t *testing.T) {
	m := newMetrics()
	registry := registryOf(t, m)
	call := shippedCall()
	call.Duration, call.Upstream = 2*time.Second, 3*time.Second // attempts that overlap
	call.Attempts[0].Duration = 1500 * time.Millisecond
	m.Observe(call)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		"signpost_call_duration_seconds": 2, "signpost_attempt_duration_seconds": 1.5, "signpost_gateway_duration_seconds": 0,
	}
	for _, f := range families {
		if sum, ok := want[f.GetName()]; ok {
			delete(want, f.GetName())
			if got := f.GetMetric()[0].GetHistogram().GetSampleSum(); got != sum {
				t.Errorf("%s: got a sum of %v, want %v", f.GetName(), got, sum)
			}
		}
	}
	if len(want) != 0 {
		t.Errorf("not found: %v", want)
	}
}

func TestCountersGoOnOverAReload(t *testing.T) {
	m := newMetrics()
	first := registryOf(t, m)
	m.Observe(shippedCall())
	second := registryOf(t, m) // a reload gives the process a new registry
	m.Observe(shippedCall())
	for name, registry := range map[string]*prometheus.Registry{"old": first, "new": second} {
		t.Run(name, func(t *testing.T) {
			expectMetrics(t, registry, `
# HELP signpost_calls_total Calls, by what became of them and the branch that was named.
# TYPE signpost_calls_total counter
signpost_calls_total{operation="order_status",outcome="success",policy="store",route="shipped"} 2
`, "signpost_calls_total")
		})
	}
	if err := m.Register(first); err != nil {
		t.Errorf("registering again: %v", err)
	}
}

func TestAnotherModulesMetricOfTheSameNameIsAnError(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "signpost_calls_total", Help: "not ours"}))
	if err := newMetrics().Register(registry); err == nil {
		t.Error("register beside a foreign signpost_calls_total: got no error")
	}
}

func TestMetricsAreNamedAsPrometheusAdvises(t *testing.T) {
	m := newMetrics()
	registry := registryOf(t, m)
	registry.MustRegister(NewGauges(inspected{states: someBreakers()}, func() int { return 3 }))
	call := shippedCall()
	call.Fallback, call.Outcome, call.LimitHit, call.Hints[0].Err = "stale", policy.RateLimited, "10/m", errors.New("x")
	m.Observe(call)
	m.spansDropped.WithLabelValues(droppedExport).Inc()
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) != 0 {
		t.Errorf("got the problems %v, %v", problems, err)
	}
}

func TestNoTenantAndNoPathIsALabel(t *testing.T) {
	m := newMetrics()
	registry := registryOf(t, m)
	registry.MustRegister(NewGauges(inspected{states: someBreakers()}, func() int { return 3 }))
	m.Observe(shippedCall())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, private := range []string{"acme-tenant", "/orders/1"} {
			if strings.Contains(f.String(), private) {
				t.Errorf("%s holds %q: %s", f.GetName(), private, f)
			}
		}
	}
}

func TestLabelsBeyondTheBoundShareOneSeries(t *testing.T) {
	m := newMetrics()
	const surplus = 50
	call := shippedCall()
	for i := range maxSeries + surplus {
		call.Route = fmt.Sprintf("route%d", i)
		m.Observe(call)
	}
	if got, want := testutil.CollectAndCount(m.calls), maxSeries+1; got != want {
		t.Errorf("got %d series, want %d", got, want)
	}
	const o = otherSeries
	if got := testutil.ToFloat64(m.calls.WithLabelValues(o, o, o, o)); got != surplus {
		t.Errorf("got %v calls in the series %s, want %d", got, o, surplus)
	}
	call.Route = "route0"
	m.Observe(call)
	if got := testutil.ToFloat64(m.calls.WithLabelValues("store", "order_status", "success", "route0")); got != 2 {
		t.Errorf("got %v calls of a series within the bound, want 2", got)
	}
}

func TestConcurrentCallsMakeEachSeriesOnceAndLoseNoCount(t *testing.T) {
	s := newSeries("rest", func(string) *int { return new(int) })
	s.limit = 8
	const workers, keys = 4, 16
	seen := make([][keys]*int, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range keys {
				seen[w][i] = s.of(fmt.Sprint(i))
			}
		})
	}
	wg.Wait()
	if got := len(s.children); got != 8 {
		t.Errorf("got %d children, want 8", got)
	}
	distinct := make(map[*int]bool)
	for i := range keys {
		// A key's child never changes, but from its own to nothing else.
		for w := range workers {
			if seen[w][i] != s.of(fmt.Sprint(i)) {
				t.Errorf("key %d, worker %d: got another child than now", i, w)
			}
			distinct[seen[w][i]] = true
		}
	}
	if got := len(distinct); got != 9 {
		t.Errorf("got %d children in use, want 8 and the overflow", got)
	}
}

func TestObservingACallAllocatesNothing(t *testing.T) {
	m := newMetrics()
	call := shippedCall()
	call.Fallback, call.Outcome, call.LimitHit, call.Broken = "stale", policy.RateLimited, "10/m", "reset"
	call.Decided, call.SharedWait = "redis", time.Millisecond
	call.Hints[0].Err = errors.New("x")
	call.Attempts = append(call.Attempts, call.Attempts[0])
	m.Observe(call)
	if got := testing.AllocsPerRun(100, func() { m.Observe(call) }); got != 0 {
		t.Errorf("got %v allocations a call, want 0", got)
	}
}

func BenchmarkObserve(b *testing.B) {
	m, call := newMetrics(), shippedCall()
	b.ReportAllocs()
	for b.Loop() {
		m.Observe(call)
	}
}

func BenchmarkObserveParallel(b *testing.B) {
	m := newMetrics()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		call := shippedCall()
		for pb.Next() {
			m.Observe(call)
		}
	})
}

func BenchmarkObserveBeyondTheBound(b *testing.B) {
	m, call := newMetrics(), shippedCall()
	m.byCall.limit = 1
	m.Observe(call)
	call.Route = "another"
	b.ReportAllocs()
	for b.Loop() {
		m.Observe(call)
	}
}
