package telemetry

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

// noon is the start of a minute, from which the clocks of these tests run.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// handClock is a clock that is set by hand. It is safe for concurrent use.
type handClock struct{ nanos atomic.Int64 }

func clockAt(start time.Time) *handClock {
	c := new(handClock)
	c.set(start)
	return c
}

func (c *handClock) now() time.Time              { return time.Unix(0, c.nanos.Load()) }
func (c *handClock) set(to time.Time)            { c.nanos.Store(to.UnixNano()) }
func (c *handClock) advance(d time.Duration)     { c.nanos.Add(int64(d)) }
func (c *handClock) snapshot(t *Traffic) traffic { return t.Snapshot(c.now()) }

// traffic is a snapshot.
type traffic []PolicyTraffic

// of finds a policy; one without calls is all zero.
func (s traffic) of(name string) PolicyTraffic {
	for _, p := range s {
		if p.Policy == name {
			return p
		}
	}
	return PolicyTraffic{}
}

// ended is a call to a policy that took d.
func ended(name string, outcome policy.Outcome, d time.Duration) *policy.Record {
	return &policy.Record{Policy: name, Verdict: policy.Verdict{Outcome: outcome}, Duration: d}
}

// pastCall is what the oracle keeps of a call.
type pastCall struct {
	minute int64
	record *policy.Record
}

// expectTally compares a tally with the calls that it is about.
func expectTally(t *testing.T, what string, got Tally, calls []*policy.Record) {
	t.Helper()
	want := Tally{Calls: uint64(len(calls)), Outcomes: make(map[policy.Outcome]uint64)}
	var latencies []time.Duration
	for _, r := range calls {
		want.Outcomes[r.Outcome]++
		if r.Failed() {
			want.Failed++
		}
		if r.Outcome != policy.Canceled {
			latencies = append(latencies, r.Duration)
		}
	}
	if got.Calls != want.Calls || got.Failed != want.Failed || !maps.Equal(got.Outcomes, want.Outcomes) {
		t.Errorf("%s: got %d calls, %d failed, %v; want %d, %d, %v",
			what, got.Calls, got.Failed, got.Outcomes, want.Calls, want.Failed, want.Outcomes)
	}
	slices.Sort(latencies)
	expectQuantile(t, what, 0.50, got.P50, latencies)
	expectQuantile(t, what, 0.99, got.P99, latencies)
}

// expectQuantile compares a quantile in milliseconds with that of the nearest rank.
func expectQuantile(t *testing.T, what string, q, got float64, sorted []time.Duration) {
	t.Helper()
	want := 0.0
	if n := len(sorted); n > 0 {
		want = sorted[int(math.Ceil(q*float64(n)))-1].Seconds() * 1000
	}
	if math.Abs(got-want) > 0.10*want {
		t.Errorf("%s: the quantile %v of %d: got %v ms, want %v ms within 10%%", what, q, len(sorted), got, want)
	}
}

// expectTraffic compares the traffic of a policy with the calls that it is about.
func expectTraffic(t *testing.T, got PolicyTraffic, past []pastCall, now time.Time) {
	t.Helper()
	last := now.Unix() / 60
	var all []*policy.Record
	byMinute := make(map[int64][]*policy.Record)
	for _, c := range past {
		if c.minute > last-60 && c.minute <= last {
			all = append(all, c.record)
			byMinute[c.minute] = append(byMinute[c.minute], c.record)
		}
	}
	what := fmt.Sprintf("policy %q at %s", got.Policy, now.UTC().Format(time.TimeOnly))
	expectTally(t, what, got.Tally, all)
	minutes := slices.Sorted(maps.Keys(byMinute))
	if len(got.Minutes) != len(minutes) {
		t.Fatalf("%s: got %d minutes, want %d", what, len(got.Minutes), len(minutes))
	}
	for i, number := range minutes {
		start := time.Unix(60*number, 0).UTC().Format("2006-01-02T15:04:05.000Z")
		if got.Minutes[i].Start != start {
			t.Errorf("%s: minute %d: got the start %s, want %s", what, i, got.Minutes[i].Start, start)
		}
		expectTally(t, what+", minute "+start, got.Minutes[i].Tally, byMinute[number])
	}
	young := 1 - now.Sub(now.Truncate(time.Minute)).Minutes()
	rate := float64(len(byMinute[last])) + young*float64(len(byMinute[last-1]))
	if math.Abs(got.CallsPerMinute-rate) > 0.0501 {
		t.Errorf("%s: got %v calls a minute, want %v to a tenth", what, got.CallsPerMinute, rate)
	}
}

func TestTrafficIsWhatAnExactCountSays(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		clock := clockAt(noon.Add(time.Duration(rnd.Int64N(int64(time.Hour)))))
		tr := NewTraffic(clock.now)
		names := []string{"", "store", "weather", "bank"}
		past := make(map[string][]pastCall)
		longest := time.Duration(math.Exp2(22 + 15*rnd.Float64())) // between two calls: 4 ms to 2 min
		for range 3000 {
			clock.advance(time.Duration(rnd.Int64N(int64(longest))))
			name := names[rnd.IntN(len(names))]
			outcome := policy.Outcomes()[min(rnd.IntN(16), rnd.IntN(16))]
			d := time.Duration(1e5 * math.Pow(1.2e6, rnd.Float64())) // 100 µs to 120 s
			r := ended(name, outcome, d)
			r.HintNamed = rnd.IntN(2) == 0
			tr.Observe(r)
			past[name] = append(past[name], pastCall{clock.now().Unix() / 60, r})
			if rnd.IntN(300) == 0 {
				for _, p := range clock.snapshot(tr) {
					expectTraffic(t, p, past[p.Policy], clock.now())
				}
			}
		}
		got := clock.snapshot(tr)
		if !slices.IsSortedFunc(got, func(a, b PolicyTraffic) int { return slices.Compare([]string{a.Policy}, []string{b.Policy}) }) {
			t.Errorf("seed %d: the policies are in no order", seed)
		}
		for _, name := range names {
			expectTraffic(t, got.of(name), past[name], clock.now())
		}
		if t.Failed() {
			t.Fatalf("with the seed %d", seed)
		}
	}
}

func TestEachOutcomeHasACounterOfItsOwn(t *testing.T) {
	if got := len(policy.Outcomes()); got != outcomeCount {
		t.Fatalf("there are %d outcomes, but %d counters", got, outcomeCount)
	}
	clock := clockAt(noon)
	tr := NewTraffic(clock.now)
	var calls []*policy.Record
	for i, outcome := range policy.Outcomes() {
		for range i + 1 {
			r := ended("store", outcome, time.Second)
			tr.Observe(r)
			calls = append(calls, r)
		}
	}
	expectTally(t, "all outcomes", clock.snapshot(tr).of("store").Tally, calls)
	tr.Observe(ended("odd", "unheard_of", time.Second))
	if got := clock.snapshot(tr).of("odd").Outcomes; got[policy.Internal] != 1 || len(got) != 1 {
		t.Errorf("an outcome that is not of the list: got %v, want one internal", got)
	}
}

func TestACanceledCallCountsButTellsNoLatency(t *testing.T) {
	clock := clockAt(noon)
	tr := NewTraffic(clock.now)
	tr.Observe(ended("store", policy.Canceled, time.Minute))
	if got := clock.snapshot(tr).of("store"); got.Calls != 1 || got.Failed != 0 || got.P50 != 0 || got.P99 != 0 {
		t.Errorf("got %+v, want one call without latency", got)
	}
	tr.Observe(ended("store", policy.Success, 40*time.Millisecond))
	if got := clock.snapshot(tr).of("store"); got.Calls != 2 || math.Abs(got.P99-40) > 4 {
		t.Errorf("got %d calls and p99 %v ms, want 2 and about 40 ms", got.Calls, got.P99)
	}
}

func TestTheRateGivesTheLastMinuteItsShare(t *testing.T) {
	clock := clockAt(noon)
	tr := NewTraffic(clock.now)
	for range 60 {
		tr.Observe(ended("store", policy.Success, time.Millisecond))
	}
	for _, tc := range []struct {
		after time.Duration
		want  float64
	}{
		{0, 60}, {59 * time.Second, 60}, {60 * time.Second, 60}, {75 * time.Second, 45}, {90 * time.Second, 30},
		{119 * time.Second, 1}, {119500 * time.Millisecond, 0.5}, {120 * time.Second, 0}, {10 * time.Minute, 0},
	} {
		if got := traffic(tr.Snapshot(noon.Add(tc.after))).of("store").CallsPerMinute; got != tc.want {
			t.Errorf("%s after noon: got %v calls a minute, want %v", tc.after, got, tc.want)
		}
	}
}

func TestWhatIsAnHourOldIsLeftOut(t *testing.T) {
	clock := clockAt(noon)
	tr := NewTraffic(clock.now)
	tr.Observe(ended("store", policy.Success, time.Millisecond))
	for _, tc := range []struct {
		after time.Duration
		want  int
	}{
		{-time.Second, 0}, {0, 1}, {time.Hour - time.Nanosecond, 1}, {time.Hour, 0}, {2 * time.Hour, 0}, {100 * 24 * time.Hour, 0},
	} {
		if got := tr.Snapshot(noon.Add(tc.after)); len(got) != tc.want || got == nil {
			t.Errorf("%s after noon: got %v, want %d policies and no nil", tc.after, got, tc.want)
		}
	}
	for i := range 200 { // more minutes than there are places
		clock.set(noon.Add(time.Duration(i) * time.Minute))
		tr.Observe(ended("store", policy.Success, time.Millisecond))
	}
	if got := clock.snapshot(tr).of("store"); got.Calls != 60 || len(got.Minutes) != 60 {
		t.Errorf("with a call a minute: got %d calls in %d minutes, want 60 in 60", got.Calls, len(got.Minutes))
	}
}

func TestAClockThatIsSetGoesOnCounting(t *testing.T) {
	for _, jump := range []time.Duration{
		2 * time.Hour, -30 * time.Second, -30 * time.Minute, -time.Hour, -2 * time.Hour, -60 * 365 * 24 * time.Hour, 365 * 24 * time.Hour,
	} {
		clock := clockAt(noon.Add(30 * time.Second))
		tr := NewTraffic(clock.now)
		for range 3 {
			tr.Observe(ended("store", policy.Success, time.Millisecond))
		}
		clock.advance(jump)
		before := clock.snapshot(tr).of("store").Calls
		if apart := jump.Abs() >= time.Minute; apart != (before == 0) {
			t.Errorf("the clock set by %s: got %d calls from before, want them only in their own minute", jump, before)
		}
		for range 5 {
			tr.Observe(ended("store", policy.Success, time.Millisecond))
		}
		if got := clock.snapshot(tr).of("store").Calls; got != before+5 {
			t.Errorf("the clock set by %s: got %d calls, want %d", jump, got, before+5)
		}
	}
}

func TestPoliciesBeyondTheBoundShareOneName(t *testing.T) {
	clock := clockAt(noon)
	tr := NewTraffic(clock.now)
	const surplus = 30
	for range 2 {
		for i := range maxTrafficPolicies + surplus {
			tr.Observe(ended(fmt.Sprintf("policy%03d", i), policy.Success, time.Millisecond))
		}
		tr.Observe(ended("", policy.NotFound, time.Millisecond))
	}
	got := clock.snapshot(tr)
	if len(got) != maxTrafficPolicies+2 {
		t.Errorf("got %d policies, want %d, none and the rest", len(got), maxTrafficPolicies)
	}
	for name, want := range map[string]uint64{"": 2, "policy000": 2, "policy499": 2, "policy500": 0, otherSeries: 2 * surplus} {
		if calls := got.of(name).Calls; calls != want {
			t.Errorf("policy %q: got %d calls, want %d", name, calls, want)
		}
	}
}

func TestConcurrentCallsLoseNoCountWhileMinutesPassAndPoliciesCome(t *testing.T) {
	clock := clockAt(noon)
	tr := NewTraffic(clock.now)
	const workers, calls, policies = 4, 5000, 300
	var observers, readers sync.WaitGroup
	var over atomic.Bool
	readers.Go(func() {
		for !over.Load() {
			for _, p := range clock.snapshot(tr) {
				if p.Failed > p.Calls || len(p.Minutes) == 0 || len(p.Minutes) > 60 {
					t.Errorf("policy %q: got %d failed of %d calls in %d minutes", p.Policy, p.Failed, p.Calls, len(p.Minutes))
				}
			}
		}
	})
	for w := range workers {
		observers.Go(func() {
			for i := range calls {
				if i%100 == 0 { // 200 times in all: 50 minutes, none of which is an hour old.
					clock.advance(15 * time.Second)
				}
				tr.Observe(ended("busy", policy.Timeout, time.Duration(i)*time.Millisecond))
				// Each begins elsewhere, so that they bring different policies at once.
				name := fmt.Sprintf("policy%d", (i+w*policies/workers)%policies)
				tr.Observe(ended(name, policy.Success, time.Millisecond))
			}
		})
	}
	observers.Wait()
	over.Store(true)
	readers.Wait()
	got := clock.snapshot(tr)
	if busy := got.of("busy"); busy.Calls != workers*calls || busy.Failed != workers*calls {
		t.Errorf("got %d calls, %d failed; want %d of each", busy.Calls, busy.Failed, workers*calls)
	}
	var quiet uint64
	for i := range policies {
		quiet += got.of(fmt.Sprintf("policy%d", i)).Calls
	}
	if quiet != workers*calls {
		t.Errorf("got %d calls over all policies, want %d", quiet, workers*calls)
	}
}

func TestTrafficHasTheMembersThatTheInterfaceNames(t *testing.T) {
	clock := clockAt(noon.Add(90 * time.Second))
	tr := NewTraffic(clock.now)
	tr.Observe(ended("store", policy.Success, 40*time.Millisecond))
	tr.Observe(ended("store", policy.Timeout, 40*time.Millisecond))
	got, err := json.Marshal(clock.snapshot(tr))
	if err != nil {
		t.Fatal(err)
	}
	// 40 ms are in the cell from 39.9 to 47.5 ms.
	const tally = `"calls":2,"failed":1,"outcomes":{"success":1,"timeout":1},"p50_ms":43.515,"p99_ms":43.515`
	const want = `[{"policy":"store","calls_per_minute":2,` + tally +
		`,"minutes":[{"start":"2026-11-20T12:01:00.000Z",` + tally + `}]}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, _ := json.Marshal(NewTraffic(clock.now).Snapshot(noon)); string(got) != "[]" {
		t.Errorf("without calls: got %s, want []", got)
	}
}

func TestALatencyIsToldWithinTheErrorOfItsCell(t *testing.T) {
	const shortest, end = 1 << latencyStart, 1 << (latencyStart + latencyDoublings)
	rnd := rand.New(rand.NewPCG(1, 2))
	durations := []time.Duration{shortest, end - 1}
	for doubling := latencyStart; doubling < latencyStart+latencyDoublings; doubling++ {
		for quarter := range 4 {
			bound := time.Duration(math.Exp2(float64(doubling) + float64(quarter)/4))
			durations = append(durations, max(bound, shortest), bound+1, max(bound-1, shortest))
		}
	}
	for range 100_000 {
		durations = append(durations, time.Duration(math.Exp2(latencyStart+latencyDoublings*rnd.Float64())))
	}
	slices.Sort(durations)
	before := 0
	for _, d := range durations {
		cell := latencyCell(d)
		if cell < before {
			t.Fatalf("%s: got the cell %d after %d", d, cell, before)
		}
		before = cell
		if off := math.Abs(float64(latencyMiddle(cell))/float64(d) - 1); off > 0.091 {
			t.Errorf("%s: told as %s, %.2f%% away, want at most 9.1%%", d, latencyMiddle(cell), 100*off)
		}
	}
	if before != latencyCells-1 {
		t.Errorf("the longest is in the cell %d, want %d", before, latencyCells-1)
	}
	for d, want := range map[time.Duration]int{
		math.MinInt64: 0, -1: 0, 0: 0, 1: 0, end: latencyCells - 1, math.MaxInt64: latencyCells - 1,
	} {
		if got := latencyCell(d); got != want {
			t.Errorf("latency %d: got the cell %d, want %d", d, got, want)
		}
	}
}

func TestCountingACallInItsMinuteAllocatesNothing(t *testing.T) {
	tr := NewTraffic(clockAt(noon).now)
	call := shippedCall()
	tr.Observe(call)
	if got := testing.AllocsPerRun(100, func() { tr.Observe(call) }); got != 0 {
		t.Errorf("got %v allocations a call, want 0", got)
	}
}

func BenchmarkTrafficObserve(b *testing.B) {
	tr, call := NewTraffic(time.Now), shippedCall()
	b.ReportAllocs()
	for b.Loop() {
		tr.Observe(call)
	}
}

func BenchmarkTrafficObserveParallel(b *testing.B) {
	tr := NewTraffic(time.Now)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		call := shippedCall()
		for pb.Next() {
			tr.Observe(call)
		}
	})
}

func BenchmarkTrafficSnapshotOfAllThatFits(b *testing.B) {
	clock := clockAt(noon)
	tr := NewTraffic(clock.now)
	for range trafficMinutes {
		for i := range maxTrafficPolicies {
			tr.Observe(ended(fmt.Sprintf("policy%d", i), policy.Success, time.Duration(i)*time.Millisecond))
		}
		clock.advance(time.Minute)
	}
	b.ReportAllocs()
	for b.Loop() {
		clock.snapshot(tr)
	}
}
