package limit

import (
	"math/rand/v2"
	"testing"
	"time"
)

// start is when the tests' clocks begin. What they read is all computed.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newTable makes a table whose clock begins with the tests', so that the slices of
// windows fall on the same times in each run.
func newTable(maxTenants int) *Table {
	t := NewTable(maxTenants)
	t.epoch = start
	return t
}

// one compiles a set of a single limit.
func one(t *Table, scope string, n int, window time.Duration) *Set {
	return t.Compile([]Limit{{Scope: scope, Name: scope, Rate: Rate{N: n, Window: window}}}, nil)
}

// history is the brute-force truth: when calls were admitted, in order.
type history []time.Time

// within counts the calls that are younger than span at now.
func (h history) within(now time.Time, span time.Duration) int {
	n := 0
	for i := len(h) - 1; i >= 0 && now.Sub(h[i]) < span; i-- {
		n++
	}
	return n
}

// counterOf gives a tenant's only counter.
func counterOf(t *testing.T, table *Table, tenant string) counter {
	t.Helper()
	for i := range table.shards {
		if c := table.shards[i].cells[tenant]; c != nil && len(c.counters) == 1 {
			return c.counters[0]
		}
	}
	t.Fatalf("tenant %q has no single counter", tenant)
	return counter{}
}

func TestNoSpanOfTheWindowHoldsMoreThanTheLimit(t *testing.T) {
	windows := []time.Duration{time.Millisecond, time.Second + 7, time.Minute, day, MaxWindow}
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := []int{1, 2, 10, 31, 32, 33, 34, 100, 1000}[rng.IntN(9)]
		window := windows[rng.IntN(len(windows))]
		table := newTable(0)
		set := one(table, "plan", n, window)
		var admitted history
		now := start
		arrivals := 3000
		if window == MaxWindow {
			arrivals = 300 // The table's clock ends after 73 years.
		}
		for range arrivals {
			if rng.IntN(50) == 0 {
				now = now.Add(time.Duration(rng.Int64N(int64(2 * window)))) // A pause.
			} else {
				now = now.Add(time.Duration(rng.Int64N(int64(2*window)/int64(n) + 1)))
			}
			if rng.IntN(20) == 0 {
				table.Sweep(now)
			}
			k, refusal := table.Take(now, "acme", false, set)
			k.Release()
			held := admitted.within(now, window)
			if refusal == nil {
				if held >= n {
					t.Fatalf("seed %d, %d in %v: a call was admitted although %d calls were in its window", seed, n, window, held)
				}
				if rng.IntN(10) == 0 {
					k.Refund()
					continue
				}
				admitted = append(admitted, now)
				continue
			}
			slack := time.Duration(0)
			if n > sliceCount {
				slack = window/sliceCount + 1
			}
			if held = admitted.within(now, window+slack); held < n {
				t.Fatalf("seed %d, %d in %v: a call was refused although only %d calls were in its window", seed, n, window, held)
			}
		}
		if k := counterOf(t, table, "acme"); cap(k.log) > maxMarks {
			t.Errorf("seed %d, %d in %v: room for %d marks, want at most %d", seed, n, window, cap(k.log), maxMarks)
		}
	}
}

func TestConstantDemandGetsAtLeast95PercentOfTheLimit(t *testing.T) {
	const window = time.Minute
	for _, n := range []int{1, 2, 3, 10, 31, 32, 33, 34, 47, 63, 64, 65, 100, 999, 1000, 10_000, 100_000} {
		// Demand comes evenly, a little over the limit, twice it, or fifty times.
		for _, over := range []float64{1.02, 2, 50} {
			// Calls so far apart that the next may come a twentieth of a
			// window late could not fill any exact limit; too many only take time.
			spans := min(20, int(310_000/(float64(n)*over)))
			if float64(n)*over < 20 || spans < 3 {
				continue
			}
			table := newTable(0)
			set := one(table, "plan", n, window)
			step := max(1, time.Duration(float64(window)/(float64(n)*over)))
			admitted := 0
			for at := time.Duration(0); at < time.Duration(spans)*window; at += step {
				if _, refusal := table.Take(start.Add(at), "acme", false, set); refusal == nil {
					admitted++
				}
			}
			if least := 95 * n * spans / 100; admitted < least {
				t.Errorf("limit %d, demand %.2f times that: %d calls admitted in %d windows, want at least %d", n, over, admitted, spans, least)
			}
		}
	}
}

func TestARetryAfterWaitIsNeitherTooShortNorTooLong(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 2))
		table := newTable(0)
		set := table.Compile([]Limit{
			{Scope: "plan", Name: "minute", Rate: Rate{N: 1 + rng.IntN(40), Window: time.Minute}},
			{Scope: "plan", Name: "hour", Rate: Rate{N: 1 + rng.IntN(300), Window: time.Hour}},
			{Scope: "store", Name: "shared", Rate: Rate{N: 1 + rng.IntN(100), Window: 10 * time.Minute}, Shared: true},
		}, nil)
		now := start
		for range 500 {
			now = now.Add(time.Duration(rng.Int64N(int64(2 * time.Second))))
			_, refusal := table.Take(now, "acme", false, set)
			if refusal == nil {
				continue
			}
			if refusal.RetryAfter <= 0 {
				t.Fatalf("seed %d: refused by %q with a wait of %v", seed, refusal.Limit, refusal.RetryAfter)
			}
			if _, early := table.Take(now.Add(refusal.RetryAfter-1), "acme", false, set); early == nil {
				t.Fatalf("seed %d: refused by %q for %v, but admitted a nanosecond earlier", seed, refusal.Limit, refusal.RetryAfter)
			}
			now = now.Add(refusal.RetryAfter)
			if _, again := table.Take(now, "acme", false, set); again != nil {
				t.Fatalf("seed %d: refused by %q for %v, and then by %q", seed, refusal.Limit, refusal.RetryAfter, again.Limit)
			}
		}
	}
}

func TestALimitThatChangesKeepsWhatWasCounted(t *testing.T) {
	const window = time.Minute
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 3))
		table := newTable(0)
		limits := []int{1, 5, 31, 32, 33, 40, 200, 1000}
		var admitted history
		now := start
		for range 60 {
			n := limits[rng.IntN(len(limits))]
			set := one(table, "plan", n, window)
			for range rng.IntN(200) {
				now = now.Add(time.Duration(rng.Int64N(int64(window) / 50)))
				if _, refusal := table.Take(now, "acme", false, set); refusal != nil {
					continue
				}
				if held := admitted.within(now, window); held >= n {
					t.Fatalf("seed %d: a limit of %d admitted a call with %d in its window", seed, n, held)
				}
				admitted = append(admitted, now)
				if k := counterOf(t, table, "acme"); len(k.log) > maxMarks {
					t.Fatalf("seed %d: a log of %d marks, want at most %d", seed, len(k.log), maxMarks)
				}
			}
		}
	}
}

func TestAClockThatStepsBackGivesNothing(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 4))
		table := newTable(0)
		n := 1 + rng.IntN(50)
		set := one(table, "plan", n, time.Minute)
		// Told is what the clock says, latest what it has said at most.
		var admitted history
		told, latest := start, time.Time{}
		for range 2000 {
			told = told.Add(time.Duration(rng.Int64N(int64(5 * time.Second))))
			if rng.IntN(20) == 0 {
				told = told.Add(-time.Duration(rng.Int64N(int64(3 * time.Minute))))
			}
			if told.After(latest) {
				latest = told
			}
			k, refusal := table.Take(told, "acme", false, set)
			for _, s := range k.States(told, nil) {
				if s.Remaining < 0 || s.Remaining > n || s.Reset < 0 {
					t.Fatalf("seed %d: state %+v of a limit of %d", seed, s, n)
				}
			}
			if refusal != nil {
				continue
			}
			if held := admitted.within(latest, time.Minute); held >= n {
				t.Fatalf("seed %d: a limit of %d admitted a call with %d in its window", seed, n, held)
			}
			admitted = append(admitted, latest)
		}
	}
}

func TestOnlyTheMonotonicClockCounts(t *testing.T) {
	table := NewTable(0)
	set := one(table, "plan", 1, time.Hour)
	now := time.Now()
	table.Take(now, "acme", false, set)
	if _, refusal := table.Take(now.Add(59*time.Minute), "acme", false, set); refusal == nil {
		t.Error("a second call within the hour was admitted")
	}
	if _, refusal := table.Take(now.Add(time.Hour), "acme", false, set); refusal != nil {
		t.Errorf("a call an hour later was refused: %+v", *refusal)
	}
	for _, odd := range []time.Time{{}, time.Unix(0, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if at := table.clock(odd); at < 1 {
			t.Errorf("clock(%v) = %d, want it positive", odd, at)
		}
	}
}
