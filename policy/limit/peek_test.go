package limit

import (
	"reflect"
	"sync"
	"testing"
	"time"
)

func TestSharedStatesTellWhatIsLeftForAllTogether(t *testing.T) {
	table := newTable(0)
	set := mixed(table)
	all := Rate{N: 5, Window: time.Minute}
	if got, want := table.SharedStates(start, nil, set), []State{{Name: "store-all", Rate: all, Remaining: 5}}; !reflect.DeepEqual(got, want) {
		t.Errorf("before any call: got %+v, want %+v", got, want)
	}
	for i, tenant := range []string{"a", "b", "a"} {
		k, refusal := table.Take(start.Add(time.Duration(i)*time.Second), tenant, false, set)
		if refusal != nil {
			t.Fatalf("call %d refused by %+v", i, *refusal)
		}
		k.Release()
	}
	got := table.SharedStates(start.Add(10*time.Second), []State{{Name: "before"}}, nil, set)
	want := []State{{Name: "before"}, {Name: "store-all", Rate: all, Remaining: 2, Reset: 50 * time.Second}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("after three calls: got %+v, want %+v", got, want)
	}
	if got := table.SharedStates(start.Add(time.Hour), nil, set)[0]; got.Remaining != 5 || got.Reset != 0 {
		t.Errorf("an hour later: got %+v, want all left", got)
	}
}

func TestCallsInFlightAreToldForTheTenantAndForAll(t *testing.T) {
	table := newTable(0)
	set := mixed(table)
	calls := func(tenant string) []InFlight { return table.InFlight(tenant, nil, nil, set) }
	want := func(own, together int) []InFlight {
		return []InFlight{{Name: "store-slots", N: 2, Calls: own}, {Name: "store-all-slots", N: 3, Calls: together, Shared: true}}
	}
	a, _ := table.Take(start, "a", false, set)
	b, _ := table.Take(start, "b", false, set)
	if got := calls("a"); !reflect.DeepEqual(got, want(1, 2)) {
		t.Errorf("with one call each of two tenants: got %+v, want %+v", got, want(1, 2))
	}
	if got := calls("nobody"); !reflect.DeepEqual(got, want(0, 2)) {
		t.Errorf("for a tenant without calls: got %+v, want %+v", got, want(0, 2))
	}
	a.Release()
	b.Release()
	if got := calls("a"); !reflect.DeepEqual(got, want(0, 0)) {
		t.Errorf("when all have ended: got %+v, want %+v", got, want(0, 0))
	}
}

func TestLookingTakesNothingAndMakesNoTenant(t *testing.T) {
	table := newTable(0)
	set := mixed(table)
	for range 100 {
		table.States(start, "nobody", nil, set)
		table.SharedStates(start, nil, set)
		table.InFlight("nobody", nil, set)
	}
	if n := table.Len(); n != 0 {
		t.Errorf("%d tenants after looking, want none", n)
	}
	for i := range table.shards {
		if n := len(table.shards[i].cells); n != 0 {
			t.Errorf("shard %d has %d tenants after looking, want none", i, n)
		}
	}
	if n := len(table.common.cell.counters); n != 0 {
		t.Errorf("%d shared counters after looking, want none", n)
	}
}

func TestLookingWhileCallsComeAndGoSeesNoMoreThanTheLimits(t *testing.T) {
	table := newTable(0)
	set := mixed(table)
	var wg sync.WaitGroup
	for _, tenant := range []string{"a", "b"} {
		wg.Go(func() {
			for i := range 2000 {
				if k, refusal := table.Take(start.Add(time.Duration(i)*time.Second), tenant, false, set); refusal == nil {
					k.Release()
				}
			}
		})
		wg.Go(func() {
			for i := range 2000 {
				for _, f := range table.InFlight(tenant, nil, set) {
					if f.Calls < 0 || f.Calls > f.N {
						t.Errorf("%s: %d calls in flight, want at most %d", f.Name, f.Calls, f.N)
					}
				}
				for _, s := range table.SharedStates(start.Add(time.Duration(i)*time.Second), nil, set) {
					if s.Remaining < 0 || s.Remaining > s.Rate.N {
						t.Errorf("%s: %d left of %v", s.Name, s.Remaining, s.Rate)
					}
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkLookingAtATenant(b *testing.B) {
	table := NewTable(0)
	set := mixed(table)
	now := time.Now()
	table.Take(now, "acme", false, set)
	states, calls := make([]State, 0, 8), make([]InFlight, 0, 8)
	b.ReportAllocs()
	for b.Loop() {
		states = table.States(now, "acme", states[:0], set)
		states = table.SharedStates(now, states, set)
		calls = table.InFlight("acme", calls[:0], set)
	}
}
