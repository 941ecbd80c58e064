package limit

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// perMinute is a group of one limit of a tenant.
func perMinute(n int) group {
	return group{limits: []Limit{{Scope: "plan", Name: "plan", Rate: Rate{N: n, Window: time.Minute}}}}
}

// everything is mixed as a group.
var everything = group{
	limits: []Limit{
		{Scope: "store", Name: "store", Rate: Rate{N: 3, Window: time.Minute}},
		{Scope: "store", Name: "store-all", Rate: Rate{N: 5, Window: time.Minute}, Shared: true},
	},
	slots: []Concurrency{
		{Scope: "store", Name: "store-slots", N: 2},
		{Scope: "store", Name: "store-all-slots", N: 3, Shared: true},
	},
}

func TestProcessesOnOneRedisGet95PercentOfTheLimitTogether(t *testing.T) {
	const window = time.Minute
	for _, n := range []int{10, 32, 33, 64, 100} {
		for _, sidecars := range []int{1, 3} {
			w := newWorld(t, sidecars, RemoteOptions{})
			w.compile(perMinute(n))
			const spans, over = 4, 3
			admitted := 0
			for i := range spans * over * n {
				if _, refusal := w.sidecar[i%sidecars].take("acme"); refusal == nil {
					admitted++
				}
				w.pass(window / time.Duration(over*n))
			}
			if least := 95 * n * spans / 100; admitted < least || admitted > n*spans {
				t.Errorf("limit %d, %d processes: %d calls admitted in %d windows, want %d to %d", n, sidecars, admitted, spans, least, n*spans)
			}
		}
	}
}

// TestASidecarByItselfNeverLetsMoreThanItsLimitOutWhateverHappensToRedis has Redis go away
// and come back, lose everything, and answer what nobody hears.
func TestASidecarByItselfNeverLetsMoreThanItsLimitOutWhateverHappensToRedis(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t, 2, RemoteOptions{Leases: seed%2 == 1})
		groups := randomGroups(rng, 1, 5, 32, 33, 40, 100)
		w.compile(groups...)
		truth := make([]oracles, len(w.sidecar))
		for i := range truth {
			truth[i] = oracles{groups: groups, of: make(map[string]*oracle)}
		}
		for range 700 {
			w.pass(time.Duration(rng.Int64N(int64(100 * time.Millisecond))))
			i := rng.IntN(len(w.sidecar))
			s := w.sidecar[i]
			disturb(rng, w, s)
			tenant := []string{"acme", "globex"}[rng.IntN(2)]
			k, refusal := s.take(tenant)
			if refusal != nil {
				continue
			}
			k.Release()
			if rng.IntN(8) == 0 {
				k.Refund()
				continue
			}
			truth[i].each(tenant, func(_ Limit, o *oracle) { o.calls = append(o.calls, w.passed) })
		}
		for i := range truth {
			for name, o := range truth[i].of {
				if worst := o.worst(); worst > o.rate.N {
					t.Errorf("seed %d: process %d let %d calls out in one window of %s", seed, i, worst, name)
				}
			}
		}
	}
}

// disturb does to Redis what may happen to it.
func disturb(rng *rand.Rand, w *world, s *sidecar) {
	switch rng.IntN(30) {
	case 0:
		s.wire.away.Store(true)
	case 1, 2:
		if s.wire.away.Load() {
			s.remote.Back()
			s.wire.away.Store(false)
		}
	case 3:
		w.redis.FlushAll()
	case 4:
		s.wire.deaf.Store(!s.wire.deaf.Load())
	case 5:
		rests, _ := s.remote.leases.ended(s.now())
		s.remote.giveBack(rests...)
	}
}

func TestWhatRedisRefusesIsCountedNowhere(t *testing.T) {
	w := newWorld(t, 2, RemoteOptions{})
	w.compile(perMinute(2), group{limits: []Limit{{Scope: "store", Name: "store", Rate: Rate{N: 9, Window: time.Hour}}}})
	a, b := w.sidecar[0], w.sidecar[1]
	a.take("acme")
	a.take("acme")
	k, refusal := b.take("acme")
	want := &Refusal{Limit: "plan", Rate: Rate{N: 2, Window: time.Minute}, RetryAfter: time.Minute}
	if !reflect.DeepEqual(refusal, want) {
		t.Fatalf("the third call: got refusal %+v, want %+v", refusal, want)
	}
	wantStates := []State{
		{Name: "plan", Rate: Rate{N: 2, Window: time.Minute}, Reset: time.Minute},
		{Name: "store", Rate: Rate{N: 9, Window: time.Hour}, Remaining: 7, Reset: time.Hour},
	}
	if got := k.States(b.now(), nil); !reflect.DeepEqual(got, wantStates) {
		t.Errorf("beside the refusal:\n got %+v\nwant %+v", got, wantStates)
	}
	if got := remaining(b.table, b.now(), "acme", b.sets...); got[0] != 2 || got[1] != 9 {
		t.Errorf("the table of the process that was refused has %v left, want all", got)
	}
}

func TestTheRefusalOverAllProcessesNamesTheLimitThatWaitsLongest(t *testing.T) {
	w := newWorld(t, 2, RemoteOptions{})
	w.compile(group{limits: []Limit{
		{Scope: "plan", Name: "minute", Rate: Rate{N: 1, Window: time.Minute}},
		{Scope: "store", Name: "all", Rate: Rate{N: 1, Window: time.Hour}, Shared: true},
		{Scope: "plan", Name: "second", Rate: Rate{N: 1, Window: time.Second}},
	}})
	w.sidecar[0].take("acme")
	w.pass(10 * time.Second)
	_, refusal := w.sidecar[1].take("acme")
	want := &Refusal{Limit: "all", Rate: Rate{N: 1, Window: time.Hour}, Shared: true, RetryAfter: time.Hour - 10*time.Second}
	if !reflect.DeepEqual(refusal, want) {
		t.Errorf("got %+v, want %+v", refusal, want)
	}
}

func TestARetryAfterWaitOverAllProcessesIsNeitherTooShortNorTooLong(t *testing.T) {
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 8))
		w := newWorld(t, 2, RemoteOptions{})
		w.compile(group{limits: []Limit{
			{Scope: "plan", Name: "minute", Rate: Rate{N: 1 + rng.IntN(40), Window: time.Minute}},
			{Scope: "store", Name: "shared", Rate: Rate{N: 1 + rng.IntN(60), Window: 5 * time.Minute}, Shared: true},
		}})
		for range 120 {
			w.pass(time.Duration(rng.Int64N(int64(2*time.Second))) / 1000 * 1000)
			_, refusal := w.sidecar[0].take("acme")
			if refusal == nil {
				continue
			}
			w.pass(refusal.RetryAfter - time.Microsecond)
			if _, early := w.sidecar[1].take("acme"); early == nil {
				t.Fatalf("seed %d: refused by %q for %v, but admitted earlier", seed, refusal.Limit, refusal.RetryAfter)
			}
			w.pass(time.Microsecond)
			if k, again := w.sidecar[1].take("acme"); again != nil || k.Decided() != Redis {
				t.Fatalf("seed %d: refused by %q for %v, and then %+v by %d", seed, refusal.Limit, refusal.RetryAfter, again, k.Decided())
			}
		}
	}
}

func TestARefundOverAllProcessesGivesBackEveryWindowOnce(t *testing.T) {
	w := newWorld(t, 2, RemoteOptions{})
	w.compile(everything)
	a, b := w.sidecar[0], w.sidecar[1]
	a.take("acme")
	k, _ := a.take("acme")
	k.Refund()
	k.Refund()
	if got := k.States(a.now(), nil)[0]; got.Remaining != 2 {
		t.Errorf("the ticket says %d left after its refund, want 2", got.Remaining)
	}
	look := func(what string, own, all int) {
		t.Helper()
		states := b.remote.States(t.Context(), b.now(), "acme", nil, b.sets...)
		states = b.remote.SharedStates(t.Context(), b.now(), states, b.sets...)
		if states[0].Remaining != own || states[1].Remaining != all {
			t.Errorf("%s: %+v left, want %d and %d", what, states, own, all)
		}
	}
	look("after the refund", 2, 4)
	if refusal := k.Again(a.now(), 0, nil); refusal != nil {
		t.Fatalf("a further attempt was refused: %+v", *refusal)
	}
	look("after an attempt that counts the call again", 1, 3)
	if refusal := k.Again(a.now(), 0, nil); refusal != nil {
		t.Fatalf("a third attempt was refused: %+v", *refusal)
	}
	look("after a further attempt", 1, 2)
	k.Refund()
	look("after it was not sent", 1, 3)
	w.pass(time.Minute)
	k.Refund()
	look("a minute later", 3, 5)
	w.redis.FastForward(time.Hour)
	if keys := w.redis.Keys(); len(keys) > 0 {
		t.Errorf("an hour later the keys %q are left, want none", keys)
	}
}

func TestARefundOfAnExpiredCallTakesNoOthersMarkAtRedis(t *testing.T) {
	for _, n := range []int{2, 1000} {
		w := newWorld(t, 1, RemoteOptions{})
		w.compile(perMinute(n))
		s := w.sidecar[0]
		old, _ := s.take("acme")
		w.pass(time.Minute)
		s.take("acme")
		old.Refund()
		if got := s.remote.States(t.Context(), s.now(), "acme", nil, s.sets...); got[0].Remaining != n-1 {
			t.Errorf("limit %d: %d left, want %d", n, got[0].Remaining, n-1)
		}
	}
}

func TestACallThatOnlyTheTableRefusesIsTakenBackAtRedis(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{})
	w.compile(everything)
	s := w.sidecar[0]
	for i := range 3 {
		k, refusal := s.take("acme")
		if refusal != nil {
			t.Fatalf("call %d was refused: %+v", i, *refusal)
		}
		k.Release()
	}
	w.redis.FlushAll()
	claim := Claim{Key: s.wire.Key("probe"), Member: "me", N: 1, Lease: time.Minute}
	k, refusal := s.take("acme", claim)
	want := &Refusal{Limit: "store", Rate: Rate{N: 3, Window: time.Minute}, RetryAfter: time.Minute}
	if !reflect.DeepEqual(refusal, want) {
		t.Errorf("after Redis has lost all: got %+v, want %+v", refusal, want)
	}
	if got := k.States(s.now(), nil); got[0].Remaining != 0 {
		t.Errorf("the ticket says %+v, want none left", got)
	}
	if keys := w.redis.Keys(); fmt.Sprint(keys) != "[{signpost}:newcomers]" {
		t.Errorf("the keys %q are left, want none but of who has come", keys)
	}
}
