package limit

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// heapInUse is how many bytes live objects take.
func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// flood makes a call for each of so many names of 128 bytes, all within a minute,
// and says how many were admitted.
func flood(table *Table, names int, set *Set) int {
	admitted := 0
	padding := strings.Repeat("x", 128-9)
	for i := range names {
		now := start.Add(time.Duration(i) * time.Minute / time.Duration(names))
		if _, refusal := table.Take(now, fmt.Sprintf("%09d%s", i, padding), false, set); refusal == nil {
			admitted++
		}
	}
	return admitted
}

func TestAFloodOfNamesCannotExhaustMemory(t *testing.T) {
	const room, names = 1000, 1_000_000
	table := newTable(room)
	set := one(table, "plan", 10, time.Minute)
	early, _ := table.Take(start, "early", false, set)
	early.Release()
	before := heapInUse()
	admitted := flood(table, names, set)
	grown := heapInUse() - before
	if table.Len() > room {
		t.Errorf("%d tenants have cells, want at most %d", table.Len(), room)
	}
	// The cells' own, and ten for all the others together.
	if want := room - 1 + 10; admitted != want {
		t.Errorf("%d calls admitted, want %d", admitted, want)
	}
	if table.Overflowed() != 10 {
		t.Errorf("Overflowed() = %d, want 10", table.Overflowed())
	}
	if grown > 2<<20 {
		t.Errorf("the flood left %d bytes behind, want at most 2 MiB", grown)
	}
	now := start.Add(time.Minute - 1)
	if got := remaining(table, now, "early", set); got[0] != 9 {
		t.Errorf("a tenant from before the flood has %d calls left, want 9", got[0])
	}
	for i := range 10 {
		if _, refusal := table.Take(now, "known", true, set); refusal != nil {
			t.Fatalf("call %d of a known tenant was refused: %+v", i, *refusal)
		}
	}
	if _, refusal := table.Take(now, "known", true, set); refusal == nil {
		t.Error("a known tenant got more than its limit")
	}
	if _, refusal := table.Take(now, "newcomer", false, set); refusal == nil {
		t.Error("a newcomer was admitted although the overflow is used up")
	}
	// Everything has passed; newcomers find idle cells to take over.
	later := now.Add(2 * time.Minute)
	full, overflowed := table.Len(), table.Overflowed()
	if _, refusal := table.Take(later, "newcomer", false, set); refusal != nil {
		t.Errorf("a newcomer after the flood was refused: %+v", *refusal)
	}
	if got := table.Overflowed(); got != overflowed {
		t.Errorf("Overflowed() = %d after the flood, want %d: idle cells are there to take", got, overflowed)
	}
	if table.Len() > full {
		t.Errorf("%d cells, want no more than %d: idle ones are there to take", table.Len(), full)
	}
	table.Sweep(later.Add(2 * time.Minute))
	if table.Len() != 0 {
		t.Errorf("after the sweep %d tenants have cells, want none", table.Len())
	}
}

func TestForgettingATenantNeverGivesMoreThanItsLimit(t *testing.T) {
	// A table that is mostly too small, swept at random, with calls that come
	// and go through the overflow: still no tenant gets more than it may.
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 5))
		table := newTable(1 + rng.IntN(12))
		n, m := 1+rng.IntN(6), 20+rng.IntN(60)
		sets := []*Set{one(table, "plan", n, time.Minute), one(table, "store", m, 30*time.Minute)}
		admitted := make(map[string]history)
		now := start
		for range 4000 {
			pause := time.Duration(rng.Int64N(int64(4 * time.Second)))
			if rng.IntN(200) == 0 {
				pause = time.Duration(rng.Int64N(int64(40 * time.Minute)))
			}
			now = now.Add(pause)
			if rng.IntN(10) == 0 {
				table.Sweep(now)
			}
			// Few of many names, and a few that come back again and again.
			name := fmt.Sprint("tenant", rng.IntN(3+rng.IntN(60)))
			known := name == "tenant0"
			k, refusal := table.Take(now, name, known, sets...)
			if refusal != nil {
				continue
			}
			k.Release()
			h := admitted[name]
			if minute, half := h.within(now, time.Minute), h.within(now, 30*time.Minute); minute >= n || half >= m {
				t.Fatalf("seed %d: %s was admitted with %d of %d in a minute, %d of %d in half an hour", seed, name, minute, n, half, m)
			}
			switch rng.IntN(8) {
			case 0:
				k.Refund()
				continue
			case 1:
				// Not sent, then tried again later.
				k.Refund()
				now = now.Add(time.Duration(rng.Int64N(int64(2 * time.Minute))))
				if rng.IntN(2) == 0 {
					table.Sweep(now)
				}
				if k.TakeShared(now) != nil {
					continue
				}
				if minute := h.within(now, time.Minute); minute >= n {
					t.Fatalf("seed %d: %s was admitted again with %d of %d in a minute", seed, name, minute, n)
				}
			}
			admitted[name] = append(h, now)
		}
	}
}

func TestATenantOutOfTheOverflowDoesNotPayForLaterCalls(t *testing.T) {
	table := newTable(1)
	set := one(table, "plan", 4, time.Hour)
	minute := func(i int) time.Time { return start.Add(time.Duration(i) * time.Minute) }
	table.Take(minute(0), "first", false, set)
	for i, name := range []string{"a", "stray", "b", "c"} {
		if _, refusal := table.Take(minute(i+1), name, false, set); refusal != nil {
			t.Fatalf("%s was refused: %+v", name, *refusal)
		}
	}
	if _, refusal := table.Take(minute(6), "stray", false, set); refusal == nil {
		t.Fatal("the overflow admitted more than the limit")
	}
	table.Sweep(minute(60))
	// The first cell is gone now, the overflow's calls of minutes 1 and 2 still
	// count for the tenant that may have made them, those after do not.
	if _, refusal := table.Take(minute(60), "stray", false, set); refusal != nil {
		t.Fatalf("out of the overflow: %+v", *refusal)
	}
	if got := remaining(table, minute(60), "stray", set); got[0] != 1 {
		t.Errorf("%d left, want 1: two from the overflow and its own", got[0])
	}
}

func TestCallsMergedInTheOverflowDoNotOutliveTheStrayOnes(t *testing.T) {
	table := newTable(1)
	set := one(table, "plan", 1000, time.Hour)
	table.Take(start, "first", false, set)
	table.Take(start.Add(time.Second), "stray", false, set)
	table.Take(start.Add(2*time.Second), "other", false, set)
	now := start.Add(time.Hour)
	table.Sweep(now)
	table.Take(now, "stray", false, set)
	// Its call and the other tenant's share a mark.
	for after, want := range map[time.Duration]int{0: 997, time.Second - 1: 997, time.Second: 999} {
		if got := remaining(table, now.Add(after), "stray", set); got[0] != want {
			t.Errorf("%v after an hour %d left, want %d", after, got[0], want)
		}
	}
}

func TestATenantOutOfTheOverflowDoesNotStepBackInTime(t *testing.T) {
	table := newTable(1)
	set := one(table, "plan", 2, time.Minute)
	first, _ := table.Take(start, "first", false, set)
	table.Take(start.Add(30*time.Second), "stray", false, set)
	first.Refund()
	table.Sweep(start)
	k, refusal := table.Take(start.Add(time.Second), "stray", false, set)
	if refusal != nil {
		t.Fatalf("refused: %+v", *refusal)
	}
	// Were the second call counted before the first, the refund would leave the
	// mark that expires sooner.
	k.Refund()
	if got := remaining(table, start.Add(62*time.Second), "stray", set); got[0] != 1 {
		t.Errorf("%d left, want 1: the call of second 30 still counts", got[0])
	}
}

func TestATenantThatNeverOverflowedStartsFresh(t *testing.T) {
	table := newTable(1)
	set := one(table, "plan", 1, time.Hour)
	table.Take(start, "first", false, set)
	table.Take(start.Add(30*time.Minute), "stray", false, set)
	now := start.Add(time.Hour)
	table.Sweep(now)
	if _, refusal := table.Take(now, "other", false, set); refusal != nil {
		t.Errorf("a tenant that was never in the overflow was refused for it: %+v", *refusal)
	}
}

func TestAMoveOutOfTheOverflowTakesWhatIsInFlightAlong(t *testing.T) {
	table := newTable(1)
	set := table.Compile(
		[]Limit{{Scope: "plan", Name: "rate", Rate: Rate{N: 9, Window: time.Minute}}},
		[]Concurrency{{Scope: "plan", Name: "slots", N: 1}},
	)
	first, _ := table.Take(start, "first", false, set)
	k, refusal := table.Take(start, "stray", false, set)
	if refusal != nil {
		t.Fatalf("refused: %+v", *refusal)
	}
	k.Refund()
	first.Refund()
	first.Release()
	table.Sweep(start)
	if refusal := k.TakeShared(start.Add(time.Second)); refusal != nil {
		t.Fatalf("further attempt refused: %+v", *refusal)
	}
	if k.cell == &table.overflow.cell {
		t.Fatal("the ticket is still in the overflow although there is room")
	}
	if _, refusal := table.Take(start.Add(time.Second), "stray", false, set); refusal == nil || !refusal.Overloaded {
		t.Errorf("got %+v, want the slot taken in the new cell", refusal)
	}
	k.Release()
	if _, refusal := table.Take(start.Add(time.Second), "stray", false, set); refusal != nil {
		t.Errorf("after the release: %+v", *refusal)
	}
	if n := table.overflow.cell.counters; !table.overflow.cell.idle(table.clock(start), table.slots.lengths()) {
		t.Errorf("the overflow still counts %+v", n)
	}
}

func TestASweepKeepsWhatStillCounts(t *testing.T) {
	table := newTable(0)
	minute, hour := one(table, "plan", 5, time.Minute), one(table, "plan", 5, time.Hour)
	slot := table.Compile(nil, []Concurrency{{Scope: "store", Name: "slots", N: 1}})
	table.Take(start, "both", false, minute, hour)
	table.Take(start, "short", false, minute)
	flying, _ := table.Take(start, "flying", false, slot)
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{time.Minute - 1, 3}, {time.Minute, 2}, {time.Hour - 1, 2}, {time.Hour, 1}, {MaxWindow, 1}} {
		table.Sweep(start.Add(step.after))
		if table.Len() != step.want {
			t.Errorf("after %v %d tenants have cells, want %d", step.after, table.Len(), step.want)
		}
	}
	flying.Release()
	table.Sweep(start)
	if table.Len() != 0 {
		t.Errorf("after the last call ended %d tenants have cells, want none", table.Len())
	}
}

func TestASweepDropsTheCountersThatABusyTenantNoLongerUses(t *testing.T) {
	table := newTable(0)
	plan := one(table, "plan", 100, 31*day)
	for i := range 300 {
		policy := table.Compile([]Limit{
			{Scope: fmt.Sprint("policy", i), Name: "own", Rate: Rate{N: 5, Window: time.Minute}},
			{Scope: fmt.Sprint("policy", i), Name: "all", Rate: Rate{N: 5, Window: time.Minute}, Shared: true},
		}, nil)
		for call := range 6 {
			_, refusal := table.Take(start, "acme", true, policy)
			if admitted := refusal == nil; admitted != (call < 5) {
				t.Fatalf("policy %d, call %d: admitted is %v", i, call, admitted)
			}
		}
	}
	table.Take(start, "acme", true, plan)
	table.Sweep(start.Add(time.Minute))
	if k := counterOf(t, table, "acme"); k.n != 1 {
		t.Errorf("the counter that is left counts %d calls, want 1", k.n)
	}
	if n := len(table.common.cell.counters); n != 0 {
		t.Errorf("%d shared counters are left, want none", n)
	}
}

func TestARefundAfterTheTenantWasForgottenGivesNothing(t *testing.T) {
	table := newTable(0)
	set := one(table, "plan", 2, time.Minute)
	old, _ := table.Take(start, "acme", false, set)
	now := start.Add(time.Minute)
	table.Sweep(now)
	table.Take(now, "acme", false, set)
	old.Refund()
	if got := remaining(table, now, "acme", set); got[0] != 1 {
		t.Errorf("%d left, want 1", got[0])
	}
	// An attempt on the old ticket counts in the tenant's new cell.
	if refusal := old.TakeShared(now); refusal != nil {
		t.Fatalf("refused: %+v", *refusal)
	}
	if got := remaining(table, now, "acme", set); got[0] != 0 {
		t.Errorf("after another attempt %d left, want 0", got[0])
	}
}

func TestNamesAreNotKeptWithTheRequestTheyCameFrom(t *testing.T) {
	table := newTable(0)
	set := one(table, "plan", 2, time.Minute)
	request := strings.Repeat("header", 100)
	tenant := request[6:12]
	table.Take(start, tenant, false, set)
	for i := range table.shards {
		for name := range table.shards[i].cells {
			if unsafe.StringData(name) == unsafe.StringData(tenant) {
				t.Error("the table keeps a part of the request")
			}
		}
	}
}
