package telemetry

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/limit"
)

// window is what is left of a limit of 100 calls a minute, until one comes back.
func window(name string, remaining int, reset time.Duration) limit.State {
	return limit.State{Name: name, Rate: limit.Rate{N: 100, Window: time.Minute}, Remaining: remaining, Reset: reset}
}

// limited is a call of a tenant that was answered at once.
func limited(tenant string, at time.Time, states ...limit.State) *policy.Record {
	return &policy.Record{
		Tenant: tenant, Plan: "gold", Policy: "store", Operation: "order_status",
		Start: at, Duration: time.Millisecond, Limits: states,
	}
}

// sharing gives n tenants that have the same place.
func sharing(n *Nearest, count int) []string {
	first := n.placeOf("tenant0")
	tenants := []string{"tenant0"}
	for i := 1; len(tenants) < count; i++ {
		if name := fmt.Sprint("tenant", i); n.placeOf(name) == first {
			tenants = append(tenants, name)
		}
	}
	return tenants
}

// expectNearest compares the tenants and the windows of a list, as "tenant window".
func expectNearest(t *testing.T, what string, got []NearLimit, want ...string) {
	t.Helper()
	var names []string
	for _, near := range got {
		names = append(names, near.Tenant+" "+near.Window)
	}
	if !slices.Equal(names, want) {
		t.Errorf("%s: got %q, want %q", what, names, want)
	}
}

func TestATenantIsNearFromHalfOfALimitOn(t *testing.T) {
	for _, tc := range []struct {
		name   string
		states []limit.State
		want   []string
	}{
		{name: "no limits"},
		{name: "nothing used", states: []limit.State{window("gold", 100, 0)}},
		{name: "less than half", states: []limit.State{window("gold", 51, time.Minute)}},
		{name: "half", states: []limit.State{window("gold", 50, time.Minute)}, want: []string{"acme gold"}},
		{name: "all", states: []limit.State{window("gold", 0, time.Minute)}, want: []string{"acme gold"}},
		{
			name:   "the one of which most is used",
			states: []limit.State{window("gold", 40, time.Minute), window("store", 10, time.Minute), window("late", 30, time.Minute)},
			want:   []string{"acme store"},
		},
		{
			name:   "the first of several",
			states: []limit.State{window("low", 90, time.Minute), window("gold", 50, time.Minute), window("store", 50, time.Minute)},
			want:   []string{"acme gold"},
		},
		{
			name: "the share, not what is left",
			states: []limit.State{
				{Name: "few", Rate: limit.Rate{N: 4, Window: time.Minute}, Remaining: 2, Reset: time.Minute}, window("many", 10, time.Minute),
			},
			want: []string{"acme many"},
		},
	} {
		n := NewNearest()
		n.Observe(limited("acme", noon, tc.states...))
		expectNearest(t, tc.name, n.Top(noon, 10), tc.want...)
	}
}

func TestWhatIsRememberedIsTheCallsOwnAndOutlivesIt(t *testing.T) {
	n := NewNearest()
	call := limited(policy.Anonymous, noon, window("gold:100/m", 20, 13*time.Second))
	n.Observe(call)
	call.Limits[0], *call = limit.State{}, policy.Record{} // as its memory is used again
	got := n.Top(noon, 1)
	want := NearLimit{
		Tenant: "anonymous", Plan: "gold", Policy: "store", Operation: "order_status",
		Window: "gold:100/m", Rate: limit.Rate{N: 100, Window: time.Minute}, Remaining: 20,
		At: noon, Reset: noon.Add(13 * time.Second),
	}
	if len(got) != 1 || got[0] != want || math.Abs(got[0].Share()-0.8) > 1e-9 {
		t.Errorf("got %+v, want %+v with the share 0.8", got, want)
	}
}

func TestAStreamsLimitsAreAsOldAsItsAnswersHeaders(t *testing.T) {
	n := NewNearest()
	stream := limited("acme", noon, window("gold", 0, 10*time.Second))
	stream.Attempts = []policy.Attempt{
		{Start: noon, Duration: time.Second}, {Start: noon.Add(2 * time.Second), Duration: 3 * time.Second},
	}
	stream.Duration = 20 * time.Minute
	n.Observe(stream)
	got := n.Top(noon, 1)
	if want := noon.Add(5 * time.Second); len(got) != 1 || !got[0].At.Equal(want) || !got[0].Reset.Equal(want.Add(10*time.Second)) {
		t.Errorf("got %+v, want it at %s and 10 s later", got, want)
	}
	expectNearest(t, "when the stream is over", n.Top(noon.Add(stream.Duration), 1))
}

func TestAShareFallsFromItsResetUntilItsWindowIsOver(t *testing.T) {
	for _, tc := range []struct {
		remaining    int
		reset, after time.Duration
		want         float64
	}{
		{0, 20 * time.Second, -time.Hour, 1},
		{0, 20 * time.Second, 0, 1},
		{0, 20 * time.Second, 20 * time.Second, 1},
		{0, 20 * time.Second, 40 * time.Second, 0.5},
		{20, 20 * time.Second, 30 * time.Second, 0.6},
		{0, 20 * time.Second, 60*time.Second - 1, 0},
		{0, 20 * time.Second, 60 * time.Second, 0},
		{0, 0, 15 * time.Second, 0.75},
		{0, time.Minute, time.Minute, 1}, // in one burst
		{0, time.Minute, time.Minute + 1, 0},
		{0, 2 * time.Minute, 3 * time.Minute, 0}, // a limit cannot say so
	} {
		near := NearLimit{Rate: limit.Rate{N: 100, Window: time.Minute}, Remaining: tc.remaining, At: noon, Reset: noon.Add(tc.reset)}
		if got := near.shareAt(noon.Add(tc.after)); math.Abs(got-tc.want) > 1e-6 {
			t.Errorf("%+v: got %v, want %v", tc, got, tc.want)
		}
	}
}

func TestTheNearestComeFirstAndWhoIsNearNoMoreIsLeftOut(t *testing.T) {
	n := NewNearest()
	var tenants []string // with a place of their own each
	taken := make(map[uint64]bool)
	for i := 0; len(tenants) < 5; i++ {
		if name := fmt.Sprint("tenant", i); !taken[n.placeOf(name)] {
			tenants, taken[n.placeOf(name)] = append(tenants, name), true
		}
	}
	for i, call := range []limit.State{
		window("w", 10, 59*time.Second), window("w", 30, time.Second), window("w", 0, 2*time.Second), window("w", 10, 59*time.Second), window("w", 50, time.Second),
	} {
		n.Observe(limited(tenants[i], noon, call))
	}
	name := func(i int) string { return tenants[i] + " w" }
	first, second := name(0), name(3) // equally near: by name
	if tenants[3] < tenants[0] {
		first, second = second, first
	}
	expectNearest(t, "at once", n.Top(noon, 10), name(2), first, second, name(1), name(4))
	expectNearest(t, "the first two", n.Top(noon, 2), name(2), first)
	expectNearest(t, "half a minute later", n.Top(noon.Add(28*time.Second), 10), first, second, name(2))
	expectNearest(t, "when the windows are over", n.Top(noon.Add(time.Minute), 10))
	for _, count := range []int{0, -1, math.MinInt} {
		if got := n.Top(noon, count); got == nil || len(got) != 0 {
			t.Errorf("the first %d: got %v, want none and no nil", count, got)
		}
	}
}

func TestOfTwoTenantsWithOnePlaceTheNearerKeepsIt(t *testing.T) {
	n := NewNearest()
	pair := sharing(n, 2)
	a, b := pair[0], pair[1]
	n.Observe(limited(a, noon, window("w", 20, 10*time.Second)))
	n.Observe(limited(b, noon, window("w", 21, time.Minute)))
	expectNearest(t, "one less near", n.Top(noon, 10), a+" w")
	n.Observe(limited(b, noon, window("w", 20, time.Minute)))
	expectNearest(t, "one as near", n.Top(noon, 10), a+" w")
	n.Observe(limited(b, noon, window("w", 19, 10*time.Second)))
	expectNearest(t, "one nearer", n.Top(noon, 10), b+" w")
	later := noon.Add(30 * time.Second) // b has come down to 49 of 100
	n.Observe(limited(a, later, window("w", 50, 10*time.Second)))
	expectNearest(t, "one nearer than what has come down", n.Top(later, 10), a+" w")
	later = noon.Add(time.Hour)
	n.Observe(limited(b, later, window("w", 50, 10*time.Second)))
	expectNearest(t, "one after the other's window", n.Top(later, 10), b+" w")
}

func TestATenantsLaterCallTellsOfTheSameWindowAnew(t *testing.T) {
	n := NewNearest()
	remaining := func(want int) {
		t.Helper()
		if got := n.Top(noon, 1); len(got) != 1 || got[0].Remaining != want {
			t.Errorf("got %+v, want %d remaining", got, want)
		}
	}
	n.Observe(limited("acme", noon.Add(-time.Second), window("w", 10, time.Minute)))
	n.Observe(limited("acme", noon, window("w", 30, time.Minute)))
	remaining(30)
	n.Observe(limited("acme", noon.Add(-2*time.Second), window("w", 0, time.Minute))) // a stream that ends late
	remaining(30)
	n.Observe(limited("acme", noon, window("another", 40, time.Minute)))
	remaining(30)
	n.Observe(limited("acme", noon, window("another", 5, time.Minute)))
	remaining(5)
}

func TestATenantThatCallsSteadilyStaysNearBetweenItsCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rate := limit.Rate{N: 20, Window: time.Hour}
		table := limit.NewTable(0)
		set := table.Compile([]limit.Limit{{Scope: "plan", Name: "gold:20/h", Rate: rate}}, nil)
		n := NewNearest()
		for i := range 40 { // one in three minutes and ten seconds: 95 % of the limit
			now := time.Now()
			ticket, refusal := table.Take(now, "acme", true, set)
			if refusal != nil {
				t.Fatalf("call %d: refused", i)
			}
			ticket.Release()
			n.Observe(limited("acme", now, ticket.States(now, nil)...))
			time.Sleep(190 * time.Second)
			if i < 20 {
				continue
			}
			// One call has come back since, and yet the tenant is as near as ever.
			left := table.States(time.Now(), "acme", nil, set)[0].Remaining
			if got := n.Top(time.Now(), 1); len(got) != 1 || left > 2 {
				t.Errorf("after call %d, with %d of %d left: got %+v, want acme", i, left, rate.N, got)
			}
		}
		time.Sleep(time.Hour)
		expectNearest(t, "an hour without a call", n.Top(time.Now(), 1))
	})
}

func TestManyTenantsTakeOnlyTheMemoryThatThereIs(t *testing.T) {
	n := NewNearest()
	rnd := rand.New(rand.NewPCG(3, 4))
	nearest := make(map[uint64]int) // the least remaining of each place
	for i := range 20 * nearestPlaces {
		name, left := fmt.Sprint("tenant", i), rnd.IntN(100)
		n.Observe(limited(name, noon, window("w", left, time.Minute)))
		place := n.placeOf(name)
		if before, ok := nearest[place]; left <= 50 && (!ok || left < before) {
			nearest[place] = left
		}
	}
	got := n.Top(noon, math.MaxInt)
	if len(got) != len(nearest) {
		t.Errorf("got %d tenants, want %d", len(got), len(nearest))
	}
	for _, near := range got {
		if want := nearest[n.placeOf(near.Tenant)]; near.Remaining != want {
			t.Errorf("the place of %s: got %d remaining, want %d", near.Tenant, near.Remaining, want)
		}
	}
	if !slices.IsSortedFunc(got, func(a, b NearLimit) int { return a.Remaining - b.Remaining }) {
		t.Error("they are in no order")
	}
}

func TestConcurrentTenantsWithOnePlaceLeaveItToTheNearest(t *testing.T) {
	n := NewNearest()
	tenants := sharing(n, 8)
	var observers, readers sync.WaitGroup
	var over atomic.Bool
	readers.Go(func() {
		for !over.Load() {
			for _, near := range n.Top(noon, 10) {
				if near.Operation != near.Tenant || near.Share() < nearShare {
					t.Errorf("got %+v, a mixture", near)
				}
			}
		}
	})
	const calls = 40_000
	for i, name := range tenants {
		observers.Go(func() {
			call := limited(name, noon, limit.State{Name: "w", Rate: limit.Rate{N: calls, Window: time.Minute}, Reset: time.Minute})
			call.Operation = name
			seen := calls
			for left := calls / 2; left >= i; left-- { // The first of them goes to the limit.
				for range 2 {
					now := seen
					if near := n.places[n.placeOf(name)].Load(); near != nil {
						now = near.Remaining
					}
					if now > seen {
						t.Errorf("got %d remaining after %d: somebody less near took the place", now, seen)
						return
					}
					seen = now
				}
				call.Limits[0].Remaining = left
				n.Observe(call)
			}
		})
	}
	observers.Wait()
	over.Store(true)
	readers.Wait()
	if got := n.Top(noon, 10); len(got) != 1 || got[0].Tenant != tenants[0] || got[0].Remaining != 0 {
		t.Errorf("got %+v, want only %s with nothing left", got, tenants[0])
	}
}

func TestObservingATenantAllocatesOnlyWhatIsRemembered(t *testing.T) {
	n := NewNearest()
	pair := sharing(n, 2)
	near, far := limited(pair[0], noon, window("w", 10, time.Minute)), limited(pair[0], noon, window("w", 90, time.Minute))
	loser := limited(pair[1], noon, window("w", 20, time.Minute))
	n.Observe(near)
	for _, tc := range []struct {
		name string
		call *policy.Record
		want float64
	}{{"far from its limit", far, 0}, {"near, but less than another", loser, 0}, {"near", near, 1}} {
		if got := testing.AllocsPerRun(100, func() { n.Observe(tc.call) }); got != tc.want {
			t.Errorf("a tenant %s: got %v allocations a call, want %v", tc.name, got, tc.want)
		}
	}
}

func BenchmarkNearestObserve(b *testing.B) {
	for name, remaining := range map[string]int{"far": 90, "near": 10} {
		b.Run(name, func(b *testing.B) {
			n := NewNearest()
			call := limited("acme", noon, window("gold:100/m", 95, time.Minute), window("store:100/m", remaining, time.Minute))
			b.ReportAllocs()
			for b.Loop() {
				n.Observe(call)
			}
		})
	}
}

func BenchmarkNearestObserveParallel(b *testing.B) {
	n := NewNearest()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		call := limited("acme", noon, window("gold:100/m", 10, time.Minute))
		for pb.Next() {
			n.Observe(call)
		}
	})
}

func BenchmarkNearestTop(b *testing.B) {
	n := NewNearest()
	for i := range 20 * nearestPlaces {
		n.Observe(limited(fmt.Sprint("tenant", i), noon, window("w", i%50, time.Minute)))
	}
	b.ReportAllocs()
	for b.Loop() {
		n.Top(noon, 50)
	}
}
