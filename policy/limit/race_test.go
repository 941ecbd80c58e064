package limit

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crossing makes two sets whose tenant and shared limits lie across each other. Only
// perTenant and together can be reached.
func crossing(table *Table, perTenant, together int) (*Set, *Set) {
	first := table.Compile([]Limit{
		{Scope: "plan", Name: "plan", Rate: Rate{N: perTenant, Window: time.Hour}},
		{Scope: "all", Name: "all", Rate: Rate{N: together, Window: day}, Shared: true},
	}, []Concurrency{{Scope: "plan", Name: "slots", N: 3}})
	second := table.Compile([]Limit{
		{Scope: "more", Name: "more", Rate: Rate{N: MaxCalls, Window: 2 * time.Hour}, Shared: true},
		{Scope: "wide", Name: "wide", Rate: Rate{N: MaxCalls, Window: day}},
	}, []Concurrency{{Scope: "all", Name: "all-slots", N: 8, Shared: true}})
	return first, second
}

// checkCommon wants every shared window to count so many calls, and nothing in
// flight.
func checkCommon(t *testing.T, table *Table, calls uint32) {
	t.Helper()
	for _, n := range table.common.cell.counters {
		if len(n.log) > 0 && n.n != calls || len(n.log) == 0 && n.n != 0 {
			t.Errorf("shared counter %d counts %d, want %d calls or nothing in flight", n.slot, n.n, calls)
		}
	}
}

func TestManyAtOnceAreTakenTogetherOrNotAtAll(t *testing.T) {
	const workers, calls, perTenant, together = 16, 400, 300, 900
	table := newTable(0)
	first, second := crossing(table, perTenant, together)
	names := []string{"a", "b", "c", "d"}
	var admitted [4]atomic.Int64
	var inFlight, most atomic.Int64
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := range calls {
				now := start.Add(time.Duration(i) * time.Millisecond)
				who := (w + i) % len(names)
				sets := []*Set{first, second}
				if w%2 == 1 {
					sets[0], sets[1] = second, first
				}
				k, refusal := table.Take(now, names[who], w%3 == 0, sets...)
				if refusal != nil {
					continue
				}
				n := inFlight.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				if i%7 == 0 {
					k.Refund()
				} else {
					admitted[who].Add(1)
				}
				k.States(now, nil)
				inFlight.Add(-1)
				k.Release()
			}
		})
	}
	group.Go(func() {
		for range 100 {
			table.Sweep(start)
			table.Compile([]Limit{{Scope: "plan", Name: "plan", Rate: Rate{N: 5, Window: time.Hour}}}, nil)
		}
	})
	group.Wait()
	total := int64(0)
	for i, name := range names {
		want := admitted[i].Load()
		total += want
		states := table.States(start.Add(time.Second), name, nil, first, second)
		plan, wide := int64(perTenant-states[0].Remaining), int64(MaxCalls-states[1].Remaining)
		if plan != want || wide != want {
			t.Errorf("tenant %s: windows count %d and %d, want %d", name, plan, wide, want)
		}
	}
	checkCommon(t, table, uint32(total))
	if total == 0 || total > together || most.Load() > 8 {
		t.Errorf("%d calls admitted and %d in flight at once, want up to %d and 8", total, most.Load(), together)
	}
}

func TestNewcomersRacingForRoomNeverOverfillTheTable(t *testing.T) {
	const room, workers = 50, 8
	table := newTable(room)
	set := table.Compile(
		[]Limit{{Scope: "plan", Name: "plan", Rate: Rate{N: 3, Window: time.Minute}}},
		[]Concurrency{{Scope: "plan", Name: "slots", N: 2}},
	)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := range 2000 {
				now := start.Add(time.Duration(i) * 100 * time.Millisecond)
				k, refusal := table.Take(now, fmt.Sprint("tenant", (i*7+w)%300), false, set)
				if refusal == nil && i%5 == 0 {
					k.Refund()
					k.TakeShared(now)
				}
				k.Release()
				if i%100 == 0 {
					table.Sweep(now)
				}
				if n := table.Len(); n > room+workers {
					t.Errorf("%d cells, want at most %d and those being turned away", n, room)
				}
			}
		})
	}
	group.Wait()
	if n := table.Len(); n > room {
		t.Errorf("%d cells, want at most %d", n, room)
	}
	table.Sweep(start.Add(time.Hour))
	if n := table.Len(); n != 0 {
		t.Errorf("after all has passed %d cells, want none", n)
	}
	if c := &table.overflow.cell; len(c.counters) != 0 {
		t.Errorf("after all has passed the overflow counts %+v", c.counters)
	}
}
