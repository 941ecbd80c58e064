package breaker

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// opened gives sidecars whose cell for the host has been open and lets probes pass.
func (r *testRedis) opened(n int, c Config) []*sidecar {
	r.t.Helper()
	c.Consecutive = 1
	all := r.starts(n, c)
	all[0].attempts(1, "", Failure)
	settle()
	time.Sleep(all[0].store.Config().Open)
	want(r.t, all, "", HalfOpen)
	return all
}

func TestProbesAreCountedOverAllSidecars(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.opened(8, Config{Probes: 3})
		var mu sync.Mutex
		var out []*Permit
		for round := range 5 {
			var callers sync.WaitGroup
			for i := range 8 * 20 {
				callers.Go(func() {
					p, refusal := all[i%8].allow(fmt.Sprint("tenant", i%3), time.Minute)
					mu.Lock()
					defer mu.Unlock()
					if refusal == nil {
						out = append(out, &p)
					} else if refusal.State != HalfOpen || refusal.RetryAfter <= 0 || refusal.RetryAfter > time.Minute {
						t.Errorf("refused with %+v, want half-open and at most a minute", *refusal)
					}
				})
			}
			callers.Wait()
			if len(out) != 3 {
				t.Fatalf("round %d: %d probes are out, want 3", round, len(out))
			}
			// One says nothing, and its place is free again.
			out[0].Done(Ignored)
			out = out[1:]
			settle()
		}
		want(t, all, "", HalfOpen)
	})
}

func TestAllCloseWhenAllProbesSucceedWhereverTheyWere(t *testing.T) {
	for _, where := range [][]int{{0, 1, 2}, {3, 3, 3}, {2, 0, 2}} {
		together(t, func(t *testing.T, r *testRedis) {
			all := r.opened(4, Config{Probes: 3})
			for n, i := range where {
				want(t, all, "", HalfOpen)
				all[i].attempts(1, "", Success)
				settle()
				time.Sleep(MaxLease) // A place that is kept outlives all leases.
				if n < 2 {
					want(t, all, "", HalfOpen)
				}
			}
			want(t, all, "", Closed)
			for _, s := range all {
				if got := s.states(); !slices.Equal(got, []string{"open", "half-open", "closed"}) {
					t.Errorf("probes at %v: %s told %q", where, s.peers.sidecar, got)
				}
				s.attempts(5, "acme", Success)
			}
			if got := r.Keys(); len(got) != 0 {
				t.Errorf("probes at %v: redis still has %q", where, got)
			}
		})
	}
}

func TestASuccessfulProbeKeepsItsPlace(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.opened(3, Config{Probes: 2})
		all[0].attempts(1, "", Success)
		settle()
		last := all[1].probe("", 10*time.Second)
		got := all[2].refused("")
		if got.State != HalfOpen || got.RetryAfter != 10*time.Second {
			t.Errorf("refused with %+v, want half-open until the lease of 10s ends", *got)
		}
		last.Done(Success)
		settle()
		want(t, all, "", Closed)
	})
}

func TestOneFailingProbeOpensAgainForAll(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.opened(3, Config{Probes: 3, Open: 10 * time.Second})
		first := all[0].record(host, "")
		late := all[2].probe("", time.Minute)
		all[1].attempts(1, "", Success)
		settle()
		all[0].attempts(1, "", Failure)
		settle()
		want(t, all, "", Open)
		if second := all[2].record(host, ""); second == first || second != all[0].record(host, "") {
			t.Errorf("the record is %q after %q, want another one", second, first)
		}
		time.Sleep(10 * time.Second)
		want(t, all, "", HalfOpen)
		late.Done(Failure) // Of an earlier try.
		settle()
		want(t, all, "", HalfOpen)
		for _, s := range all { // The success of the first try does not count any more.
			want(t, all, "", HalfOpen)
			s.attempts(1, "", Success)
			settle()
		}
		want(t, all, "", Closed)
	})
}

func TestAProbeThatFailsAtOnceOpensAgainAlthoughRedissClockIsBehind(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(2, Config{Consecutive: 1, Open: 10 * time.Second})
		all[0].attempts(1, "", Failure)
		time.Sleep(10 * time.Second)
		want(t, all[:1], "", HalfOpen)
		r.SetTime(time.Now().Add(-time.Second))
		all[0].attempts(1, "", Failure)
		settle()
		if got := all[1].refused("").RetryAfter; got < 9*time.Second {
			t.Errorf("to come back after %v, want nearly 10s", got)
		}
	})
}

func TestThePlaceOfAKilledProberIsFreeWhenItsLeaseEnds(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.opened(3, Config{Probes: 1})
		all[0].probe("", 20*time.Second)
		all[0].kill()
		if got := all[1].refused("").RetryAfter; got != 20*time.Second {
			t.Errorf("to come back after %v, want 20s", got)
		}
		time.Sleep(20 * time.Second)
		all[2].attempts(1, "", Success)
		settle()
		want(t, all[1:], "", Closed)
	})
}

func TestAProbeThatSucceedsAfterItsLeaseSaysNothing(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.opened(2, Config{Probes: 1})
		late := all[0].probe("", time.Second)
		time.Sleep(time.Second)
		other := all[1].probe("", time.Minute)
		late.Done(Success)
		settle()
		want(t, all, "", HalfOpen)
		other.Done(Success)
		settle()
		want(t, all, "", Closed)
	})
}

func TestALeaseEndsByRedissClock(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.opened(3, Config{Probes: 2})
		late, other := all[0].probe("", 10*time.Second), all[1].probe("", time.Minute)
		r.SetTime(time.Now().Add(10 * time.Second)) // Which is ahead.
		late.Done(Success)
		settle()
		other.Done(Success)
		settle()
		want(t, all, "", HalfOpen)
		all[2].attempts(1, "", Success)
		settle()
		want(t, all, "", Closed)
	})
}

func TestAHalfOpenCellLetsNobodyPassWithoutAPlace(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		s := r.start(Config{Consecutive: 1, Probes: 2})
		places := s.store.Places(host, "acme", time.Second)
		if places != nil {
			t.Fatalf("a closed cell needs places %+v, want none", places)
		}
		s.attempts(1, "", Failure)
		if places := s.store.Places(host, "acme", time.Second); places != nil {
			t.Fatalf("an open cell needs places %+v, want none", places)
		}
		time.Sleep(15 * time.Second)
		_, got := s.store.AllowProbe(host, "acme", time.Second, places)
		if got == nil || got.State != HalfOpen || got.RetryAfter != shortly {
			t.Errorf("without a place: %+v, want refused as half-open for a moment", got)
		}
		places = s.store.Places(host, "acme", time.Hour)
		if len(places) != 1 || places[0].N != 2 || places[0].Lease != MaxLease {
			t.Fatalf("places are %+v, want one of 2 for %v", places, MaxLease)
		}
		places[0].Key += "x" // Of an earlier record, as it were.
		if _, got := s.store.AllowProbe(host, "acme", time.Second, places); got == nil {
			t.Error("a place of another record let a call pass")
		}
	})
}

func TestPlacesThatAreNotUsedAreGivenBack(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.opened(2, Config{Probes: 1})
		for range 3 {
			places := all[0].store.Places(host, "", time.Minute)
			args := []string{places[0].Member, "1", "60000"}
			if wait, err := all[0].link.Run(t.Context(), 0, claimScript, []string{places[0].Key}, args).AsInt64(); wait != 0 || err != nil {
				t.Fatalf("the place was not free: %d, %v", wait, err)
			}
			if _, refusal := all[0].store.AllowProbe("other.example", "", time.Minute, places); refusal != nil {
				t.Fatalf("another host refused %+v", *refusal)
			}
			settle()
		}
		all[1].attempts(1, "", Success)
		settle()
		want(t, all, "", Closed)
	})
}

func TestATenantProbesInBothCells(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.opened(2, Config{Probes: 1})
		x := all[0].store.tenantCell(cellKey{host, "acme"})
		x.countNew(errFailed)
		settle()
		// The tenant's own is open: no place of the host's is taken for it.
		if places := all[1].store.Places(host, "acme", time.Minute); places != nil {
			t.Errorf("a call that is refused anyway needs places %+v", places)
		}
		if got := all[1].refused("acme"); got.State != Open || !got.TenantOnly {
			t.Errorf("refused with %+v, want for the tenant's open cell", *got)
		}
		time.Sleep(15 * time.Second)
		p := all[1].probe("acme", time.Minute)
		if got := all[0].refused("acme"); got.State != HalfOpen || got.TenantOnly {
			t.Errorf("refused with %+v, want for the host's cell", *got)
		}
		p.Done(Success)
		settle()
		want(t, all, "acme", Closed)
		want(t, all, "", Closed)
	})
}
