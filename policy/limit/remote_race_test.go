package limit

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestManyAtOnceFromManyProcessesAreTakenTogetherOrNotAtAll(t *testing.T) {
	const workers, calls, perTenant, together = 4, 60, 70, 150
	for _, leases := range []bool{false, true} {
		w := newWorld(t, 3, RemoteOptions{Leases: leases})
		first := group{limits: []Limit{
			{Scope: "plan", Name: "plan", Rate: Rate{N: perTenant, Window: time.Hour}},
			{Scope: "all", Name: "all", Rate: Rate{N: together, Window: day}, Shared: true},
		}}
		second := group{limits: []Limit{{Scope: "wide", Name: "wide", Rate: Rate{N: MaxCalls, Window: day}}}}
		if !leases {
			first.slots = []Concurrency{{Scope: "plan", Name: "slots", N: 3}}
			second.slots = []Concurrency{{Scope: "all", Name: "all-slots", N: 8, Shared: true}}
		}
		w.compile(first, second)
		names := []string{"a", "b", "c"}
		var admitted [3]atomic.Int64
		var inFlight, most atomic.Int64
		ctx, stop := context.WithCancel(t.Context())
		var beside, group sync.WaitGroup
		for i, s := range w.sidecar {
			beside.Go(func() { s.remote.Renew(ctx) })
			for j := range workers {
				group.Go(func() {
					for call := range calls {
						who := (i + j + call) % len(names)
						k, refusal := s.take(names[who])
						if refusal != nil {
							continue
						}
						n := inFlight.Add(1)
						for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
						}
						if call%7 == 0 {
							k.Refund()
						} else {
							admitted[who].Add(1)
						}
						k.States(s.now(), nil)
						k.InFlight(nil)
						inFlight.Add(-1)
						k.Release()
					}
				})
			}
		}
		group.Wait()
		stop()
		beside.Wait()
		total := int64(0)
		for i, name := range names {
			want := admitted[i].Load()
			total += want
			states := w.sidecar[0].remote.States(t.Context(), start, name, nil, w.sidecar[0].sets...)
			if plan, wide := int64(perTenant-states[0].Remaining), int64(MaxCalls-states[1].Remaining); plan != want || wide != want {
				t.Errorf("leases %v, tenant %s: windows count %d and %d, want %d", leases, name, plan, wide, want)
			}
			if n := w.sidecar[0].remote.InFlight(t.Context(), name, nil, w.sidecar[0].sets...); !leases && (n[0].Calls != 0 || n[1].Calls != 0) {
				t.Errorf("tenant %s: in flight are %+v, want none", name, n)
			}
		}
		if total == 0 || total > together || !leases && most.Load() > 8 {
			t.Errorf("leases %v: %d calls admitted and %d in flight at once, want up to %d and 8", leases, total, most.Load(), together)
		}
	}
}
