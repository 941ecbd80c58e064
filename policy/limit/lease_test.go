package limit

import (
	"fmt"
	"testing"
	"time"
)

// manyPerMinute is a group of a large window of a tenant and one of all.
var manyPerMinute = group{limits: []Limit{
	{Scope: "plan", Name: "plan", Rate: Rate{N: 6000, Window: time.Minute}},
	{Scope: "store", Name: "all", Rate: Rate{N: 600_000, Window: time.Hour}, Shared: true},
}}

func TestCallsAtAHighRateSeldomAskRedis(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{Leases: true})
	w.compile(manyPerMinute)
	s := w.sidecar[0]
	const calls = 3000
	for i := range calls {
		w.pass(time.Millisecond)
		w.sweep()
		k, refusal := s.take("acme")
		if refusal != nil || k.Decided() != Redis {
			t.Fatalf("call %d: %+v, decided by %d", i, refusal, k.Decided())
		}
		k.Release()
	}
	if n := s.wire.trips.Load(); n > calls/20 {
		t.Errorf("%d round trips for %d calls, want at most a twentieth", n, calls)
	}
	t.Logf("%d round trips for %d calls", s.wire.trips.Load(), calls)
	w.pass(2 * time.Second)
	w.sweep()
	if got := s.remote.States(t.Context(), s.now(), "acme", nil, s.sets...)[0]; got.Remaining != 6000-calls {
		t.Errorf("%d left when all leases have ended, want %d", got.Remaining, 6000-calls)
	}
}

func TestNearTheLimitEveryCallAsksRedis(t *testing.T) {
	w := newWorld(t, 2, RemoteOptions{Leases: true})
	w.compile(group{limits: []Limit{{Scope: "plan", Name: "plan", Rate: Rate{N: 100, Window: time.Hour}}}})
	admitted := 0
	for range 300 {
		for _, s := range w.sidecar {
			left, before := 100-admitted-w.unused(), s.unused()
			if _, refusal := s.take("acme"); refusal == nil {
				admitted++
			}
			if n := s.unused(); n > before && n+1 > left/8 {
				t.Fatalf("%d permits were taken with %d left, want an eighth at most", n+1, left)
			}
		}
	}
	if admitted != 100 {
		t.Errorf("%d calls admitted, want all 100: near the limit nothing lies unused", admitted)
	}
}

func TestOnlyCallsThatTakeLargeWindowsAloneUseLeases(t *testing.T) {
	large := Limit{Scope: "plan", Name: "plan", Rate: Rate{N: 6000, Window: time.Minute}}
	for name, c := range map[string]struct {
		group group
		claim []Claim
	}{
		"a small window":        {group{limits: []Limit{large, {Scope: "store", Name: "small", Rate: Rate{N: 32, Window: time.Second}}}}, nil},
		"calls in flight":       {group{limits: []Limit{large}, slots: []Concurrency{{Scope: "plan", Name: "slots", N: 9}}}, nil},
		"a claim":               {group{limits: []Limit{large}}, []Claim{{Key: "{signpost}:probe", Member: "me", N: 1, Lease: time.Hour}}},
		"a further attempt":     {group{}, nil},
		"what there is to take": {manyPerMinute, nil},
	} {
		w := newWorld(t, 1, RemoteOptions{Leases: true})
		w.compile(c.group)
		s := w.sidecar[0]
		for range 20 {
			if k, refusal := s.take("acme", c.claim...); refusal == nil {
				k.Release()
			}
			w.pass(50 * time.Millisecond)
		}
		if got, want := len(s.remote.leases.held), 0; name == "what there is to take" {
			if got != 1 {
				t.Errorf("%s: %d leases, want 1", name, got)
			}
		} else if got != want {
			t.Errorf("%s: %d leases, want none", name, got)
		}
	}
}

func TestAPermitThatIsNotSentGoesBackToItsLeaseOrToRedis(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{Leases: true})
	w.compile(manyPerMinute)
	s := w.sidecar[0]
	var k *Ticket
	for range 40 {
		k, _ = s.take("acme")
	}
	if k.remote.lease == nil {
		t.Fatal("the last of many calls has no lease")
	}
	unused, trips := w.unused(), s.wire.trips.Load()
	k.Refund()
	k.Refund()
	if got := w.unused(); got != unused+1 || s.wire.trips.Load() != trips {
		t.Errorf("%d permits after a refund, want %d, and %d round trips, want none", got, unused+1, s.wire.trips.Load()-trips)
	}
	late, _ := s.take("acme")
	w.pass(time.Second)
	w.sweep()
	late.Refund()
	if got := s.remote.States(t.Context(), s.now(), "acme", nil, s.sets...)[0]; got.Remaining != 6000-39 {
		t.Errorf("%d left, want %d: 41 calls, two of them given back", got.Remaining, 6000-39)
	}
	// A further attempt counts where limits are shared, not by a permit.
	if refusal := k.Again(s.now(), 0, nil); refusal != nil || k.remote.lease != nil {
		t.Errorf("a further attempt: %+v, lease %v", refusal, k.remote.lease)
	}
}

func TestLeasesEndWithTheirProcessAndWithRedis(t *testing.T) {
	w := newWorld(t, 2, RemoteOptions{Leases: true})
	w.compile(manyPerMinute)
	for _, s := range w.sidecar {
		for range 40 {
			s.take("acme")
		}
		if s.remote.leases.held[leaseKey{"acme", fill(s.sets)}].permits == 0 {
			t.Fatal("the process holds no permits")
		}
	}
	w.sidecar[0].remote.leaveAll()
	w.sidecar[1].remote.Back()
	if n := w.unused(); n != 0 {
		t.Errorf("%d permits are left, want none", n)
	}
	trips := w.sidecar[1].wire.trips.Load()
	if _, refusal := w.sidecar[1].take("acme"); refusal != nil || w.sidecar[1].wire.trips.Load() == trips {
		t.Errorf("a call after Redis came back: %+v, decided without Redis", refusal)
	}
}

func TestLeasesAreBoundedAndForgotten(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{Leases: true})
	w.compile(manyPerMinute)
	s := w.sidecar[0]
	s.take("acme")
	l := &s.remote.leases
	for i := range maxLeases + 10 {
		l.of(&Ticket{tenant: fmt.Sprint("tenant", i), sets: fill(s.sets)})
	}
	if n := len(l.held); n != maxLeases {
		t.Errorf("%d leases, want %d", n, maxLeases)
	}
	if k, refusal := s.take("one more"); refusal != nil || k.Decided() != Redis {
		t.Errorf("a call beyond the bound: %+v, decided by %d", refusal, k.Decided())
	}
	w.pass(idleLease + time.Second)
	if _, left := l.ended(s.now()); left {
		t.Errorf("%d leases are left that nobody asks for", len(l.held))
	}
}

func TestWithLeasesTooTheLimitIsUsedUp(t *testing.T) {
	// Demand is three times the limit, and comes to all processes alike.
	for _, sidecars := range []int{1, 2, 4, 8} {
		w := newWorld(t, sidecars, RemoteOptions{Leases: true})
		const n, window, spans, over = 400, 10 * time.Second, 3, 3
		w.compile(group{limits: []Limit{{Scope: "plan", Name: "plan", Rate: Rate{N: n, Window: window}}}})
		admitted := 0
		for i := range spans * over * n {
			w.sweep()
			if _, refusal := w.sidecar[i%sidecars].take("acme"); refusal == nil {
				admitted++
			}
			w.pass(window / (over * n))
		}
		share := float64(admitted) / (n * spans)
		t.Logf("%d processes: %.1f%% of the limit", sidecars, 100*share)
		if share < 0.95 || share > 1 {
			t.Errorf("%d processes: %d calls admitted of %d, want 95%% to 100%%", sidecars, admitted, n*spans)
		}
	}
}

func TestAPermitIsNotUsedAfterItsEnd(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{Leases: true})
	w.compile(manyPerMinute)
	s := w.sidecar[0]
	for range 40 {
		s.take("acme")
	}
	if s.unused() == 0 {
		t.Fatal("the process holds no permits")
	}
	// Nobody has looked for permits to give back yet.
	w.pass(time.Second)
	trips := s.wire.trips.Load()
	if k, refusal := s.take("acme"); refusal != nil || s.wire.trips.Load() != trips+1 {
		t.Errorf("got %+v, decided by %d without Redis", refusal, k.Decided())
	}
	w.pass(time.Second)
	w.sweep()
	if got := s.remote.States(t.Context(), s.now(), "acme", nil, s.sets...)[0]; got.Remaining != 6000-41 {
		t.Errorf("%d left when all leases have ended, want %d", got.Remaining, 6000-41)
	}
}

func TestAPermitOfACallThatTheTableRefusesIsLeft(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{Leases: true})
	w.compile(manyPerMinute)
	s := w.sidecar[0]
	for range 40 {
		s.take("acme")
	}
	for range 6000 - 40 {
		s.table.Take(s.now(), "acme", false, s.sets...)
	}
	unused := s.unused()
	k, refusal := s.take("acme")
	if refusal == nil || refusal.Limit != "plan" || unused == 0 || s.unused() != unused {
		t.Errorf("got %+v, with %d permits before and %d after", refusal, unused, s.unused())
	}
	if got := k.States(s.now(), nil)[0].Remaining; got != 0 {
		t.Errorf("the ticket says that %d are left, want none", got)
	}
}
