package limit

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// hashes counts the tenants that have counters of their own at Redis.
func (w *world) hashes() int {
	n := 0
	for _, key := range w.redis.Keys() {
		if strings.HasPrefix(key, "{signpost}:t:") {
			n++
		}
	}
	return n
}

func TestNewcomersBeyondTheBoundShareCountersAtRedis(t *testing.T) {
	w := newWorld(t, 2, RemoteOptions{MaxTenants: 5})
	w.compile(perMinute(3))
	admitted := 0
	for i := range 40 {
		if _, refusal := w.sidecar[i%2].take(fmt.Sprint("flood", i)); refusal == nil {
			admitted++
		}
	}
	if want := 5 + 3; admitted != want || w.hashes() != 5 {
		t.Errorf("%d calls admitted and %d tenants at Redis, want %d and 5", admitted, w.hashes(), want)
	}
	if _, refusal := w.sidecar[0].take("flood0"); refusal != nil {
		t.Errorf("a tenant from before was refused: %+v", *refusal)
	}
	if _, refusal := w.sidecar[0].takeAs("known", true); refusal != nil || w.hashes() != 6 {
		t.Errorf("a known tenant got %+v, and there are %d at Redis, want 6", refusal, w.hashes())
	}
	// The hashes outlive the windows a little, and two are forgotten for each newcomer.
	w.pass(80 * time.Second)
	for i := range 5 {
		if _, refusal := w.sidecar[1].take(fmt.Sprint("later", i)); refusal != nil {
			t.Errorf("newcomer %d after the flood was refused: %+v", i, *refusal)
		}
	}
	if n := w.hashes(); n != 5 {
		t.Errorf("%d tenants at Redis, want 5", n)
	}
	w.pass(time.Hour)
	if keys := w.redis.Keys(); len(keys) != 0 {
		t.Errorf("an hour later there are %q, want nothing", keys)
	}
}

func TestARefundOfACallCountedTogetherGivesBackThere(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{MaxTenants: 1})
	w.compile(perMinute(1))
	w.sidecar[0].take("first")
	for i := range 3 {
		k, refusal := w.sidecar[0].take(fmt.Sprint("stray", i))
		if refusal != nil {
			t.Fatalf("call %d was refused: %+v", i, *refusal)
		}
		k.Refund()
	}
}

func TestTenantsThatComeAndGoAtRedisNeverGetMoreThanTheirLimit(t *testing.T) {
	// Mostly there is no room for all. The processes have room, and know each
	// half of the calls.
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 9))
		w := newWorld(t, 2, RemoteOptions{MaxTenants: 1 + rng.IntN(6)})
		n, m := 1+rng.IntN(6), 20+rng.IntN(60)
		w.compile(perMinute(n), group{limits: []Limit{{Scope: "store", Name: "store", Rate: Rate{N: m, Window: 10 * time.Minute}}}})
		truth := make(map[string]*[2]oracle)
		for range 500 {
			pause := time.Duration(rng.Int64N(int64(4 * time.Second)))
			if rng.IntN(60) == 0 {
				pause = time.Duration(rng.Int64N(int64(14 * time.Minute)))
			}
			w.pass(pause)
			name := fmt.Sprint("tenant", rng.IntN(3+rng.IntN(20)))
			s := w.sidecar[rng.IntN(2)]
			k, refusal := s.takeAs(name, name == "tenant0")
			if refusal != nil {
				continue
			}
			k.Release()
			if truth[name] == nil {
				truth[name] = new([2]oracle)
			}
			minute, ten := &truth[name][0], &truth[name][1]
			if a, b := minute.within(w.passed, time.Minute), ten.within(w.passed, 10*time.Minute); a >= n || b >= m {
				t.Fatalf("seed %d: %s was admitted with %d of %d in a minute, %d of %d in ten", seed, name, a, n, b, m)
			}
			switch rng.IntN(8) {
			case 0:
				k.Refund()
				continue
			case 1: // Not sent, then tried again later.
				k.Refund()
				w.pass(time.Duration(rng.Int64N(int64(2 * time.Minute))))
				if k.Again(s.now(), 0, nil) != nil {
					continue
				}
				if a := minute.within(w.passed, time.Minute); a >= n {
					t.Fatalf("seed %d: %s was admitted again with %d of %d in a minute", seed, name, a, n)
				}
			}
			minute.calls, ten.calls = append(minute.calls, w.passed), append(ten.calls, w.passed)
		}
	}
}

func TestATenantThatNoLongerSharesCountersDoesNotPayForLaterCalls(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{MaxTenants: 1})
	hour := group{limits: []Limit{{Scope: "plan", Name: "plan", Rate: Rate{N: 4, Window: time.Hour}}}}
	w.compile(hour)
	s := w.sidecar[0]
	s.take("first")
	for i, name := range []string{"a", "stray", "b", "c"} {
		w.pass(time.Minute)
		if _, refusal := s.take(name); refusal != nil {
			t.Fatalf("call %d was refused: %+v", i, *refusal)
		}
	}
	if _, refusal := s.take("stray"); refusal == nil {
		t.Fatal("more than the limit was admitted together")
	}
	// The first tenant is gone a little after its call has expired.
	w.pass(time.Hour - 4*time.Minute + 11*time.Second)
	if _, refusal := s.take("stray"); refusal != nil {
		t.Fatalf("with counters of its own: %+v", *refusal)
	}
	states := func() int { return s.remote.States(t.Context(), s.now(), "stray", nil, s.sets...)[0].Remaining }
	if got := states(); got != 1 {
		t.Errorf("%d left, want 1: two that were counted together, and its own", got)
	}
}

func TestAWindowThatATenantUsesLaterStartsWithWhatWasCountedTogetherToo(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{MaxTenants: 1})
	s := w.sidecar[0]
	store := group{limits: []Limit{{Scope: "store", Name: "store", Rate: Rate{N: 3, Window: time.Hour}}}}
	w.compile(perMinute(9))
	s.take("first")
	w.compile(perMinute(9), store)
	s.take("stray")
	s.take("stray")
	w.pass(80 * time.Second) // The first tenant is gone.
	s.forget()
	w.compile(perMinute(9))
	if _, refusal := s.take("stray"); refusal != nil || !w.redis.Exists("{signpost}:t:stray") {
		t.Fatalf("the tenant has no counters of its own, %+v", refusal)
	}
	w.compile(perMinute(9), store)
	for i, want := range []bool{true, false} {
		if _, refusal := s.take("stray"); (refusal == nil) != want {
			t.Errorf("call %d under a window of which two were used: got %+v", i, refusal)
		}
	}
}

func TestCallsOfOneMomentAllMoveOutOfTheOverflow(t *testing.T) {
	table := newTable(1)
	set := one(table, "plan", 3, time.Hour)
	first, _ := table.Take(start, "first", false, set)
	for range 2 {
		table.Take(start.Add(time.Second), "stray", false, set)
	}
	first.Refund()
	table.Sweep(start)
	table.Take(start.Add(time.Minute), "stray", false, set)
	if _, refusal := table.Take(start.Add(time.Minute), "stray", false, set); refusal == nil {
		t.Error("a tenant got a fourth call out of a limit of three")
	}
}

func TestCallsMergedTogetherDoNotOutliveTheStrayOnesAtRedis(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{MaxTenants: 1})
	w.compile(group{limits: []Limit{{Scope: "plan", Name: "plan", Rate: Rate{N: 1000, Window: time.Hour}}}})
	s := w.sidecar[0]
	s.take("first")
	w.pass(11 * time.Second)
	s.take("stray")
	w.pass(time.Second)
	s.take("other")
	w.pass(time.Hour - 2*time.Second) // A little more than the first tenant's.
	s.take("stray")
	states := func() int { return s.remote.States(t.Context(), s.now(), "stray", nil, s.sets...)[0].Remaining }
	// Its call and the other tenant's share a mark.
	if got := states(); got != 997 {
		t.Errorf("%d left, want 997", got)
	}
	w.pass(time.Second)
	if got := states(); got != 999 {
		t.Errorf("a window after its call %d left, want 999", got)
	}
}

func TestATenantWithCountersOfItsOwnHasThemForEveryWindow(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{MaxTenants: 1})
	s := w.sidecar[0]
	w.compile(perMinute(9))
	s.take("acme")
	w.compile(group{limits: []Limit{{Scope: "store", Name: "store", Rate: Rate{N: 1, Window: time.Hour}}}})
	for _, tenant := range []string{"stray", "acme"} {
		if _, refusal := s.take(tenant); refusal != nil {
			t.Errorf("%s was refused: %+v", tenant, *refusal)
		}
	}
}

func TestWindowsThatNoLimitAsksForAnyMoreAreDroppedAtRedis(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{})
	s := w.sidecar[0]
	for i := range 20 {
		w.compile(group{limits: []Limit{
			{Scope: fmt.Sprint("policy", i), Name: "own", Rate: Rate{N: 5, Window: time.Second}},
			{Scope: fmt.Sprint("policy", i), Name: "all", Rate: Rate{N: 5, Window: time.Second}, Shared: true},
		}})
		if _, refusal := s.take("acme"); refusal != nil {
			t.Fatalf("refused: %+v", *refusal)
		}
	}
	for range 12 {
		w.compile(perMinute(5), group{limits: []Limit{{Scope: "store", Name: "store", Rate: Rate{N: 5, Window: time.Minute}, Shared: true}}})
		s.take("acme")
		w.pass(30 * time.Second)
	}
	for _, key := range []string{"{signpost}:t:acme", "{signpost}:all"} {
		if fields, err := w.redis.HKeys(key); err != nil || len(fields) != 1 {
			t.Errorf("%s has the windows %q, %v, want the one that is in use", key, fields, err)
		}
	}
}
