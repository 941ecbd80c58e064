package limit

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"
)

// oneAtATime is a group of one call in flight for each tenant.
var oneAtATime = group{slots: []Concurrency{{Scope: "plan", Name: "slots", N: 1}}}

// inFlight is how many calls of a tenant Redis takes to be in flight, by the first limit.
func (s *sidecar) inFlight(tenant string) int {
	return s.remote.InFlight(context.Background(), tenant, nil, s.sets...)[0].Calls
}

func TestCallsInFlightAreCountedOverAllProcesses(t *testing.T) {
	w := newWorld(t, 3, RemoteOptions{})
	w.compile(group{slots: []Concurrency{
		{Scope: "store", Name: "own", N: 2},
		{Scope: "store", Name: "all", N: 3, Shared: true},
	}})
	var tickets []*Ticket
	take := func(s int, tenant, want string) {
		t.Helper()
		k, refusal := w.sidecar[s].take(tenant)
		got := ""
		if refusal != nil {
			got = refusal.Limit
			if !refusal.Overloaded || refusal.Shared != (got == "all") || refusal.RetryAfter != 0 {
				t.Errorf("refusal %+v", *refusal)
			}
		}
		if got != want {
			t.Errorf("call of %s at process %d: refused by %q, want %q", tenant, s, got, want)
		}
		tickets = append(tickets, k)
	}
	take(0, "a", "")
	take(1, "a", "")
	take(2, "a", "own")
	take(2, "b", "")
	take(0, "c", "all")
	want := []InFlight{{Name: "own", N: 2, Calls: 1}, {Name: "all", N: 3, Calls: 3, Shared: true}}
	if got := tickets[3].InFlight(nil); !reflect.DeepEqual(got, want) {
		t.Errorf("the ticket says %+v, want %+v", got, want)
	}
	for _, k := range tickets {
		k.Release()
		k.Release()
	}
	take(1, "c", "")
	if got := tickets[5].InFlight(nil)[1].Calls; got != 1 {
		t.Errorf("after all have ended %d calls are in flight, want 1", got)
	}
}

func TestARateRefusalComesBeforeOverloadOverAllProcesses(t *testing.T) {
	w := newWorld(t, 2, RemoteOptions{})
	w.compile(perMinute(2), oneAtATime)
	first, _ := w.sidecar[0].take("acme")
	if _, refusal := w.sidecar[1].take("acme"); refusal == nil || !refusal.Overloaded {
		t.Fatalf("with one call in flight: got %+v, want overload", refusal)
	}
	first.Release()
	if _, refusal := w.sidecar[1].take("acme"); refusal != nil {
		t.Fatalf("an overload refusal counted in a window: %+v", *refusal)
	}
	if _, refusal := w.sidecar[0].take("acme"); refusal == nil || refusal.Overloaded {
		t.Errorf("with both limits reached: got %+v, want the rate limit", refusal)
	}
}

func TestATenantsNextCallIsNeverRefusedForItsLast(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{})
	w.compile(oneAtATime)
	s := w.sidecar[0]
	s.remote.flights.look(true) // Somebody will tell Redis of what has ended, but does not yet.
	for i := range 300 {
		k, refusal := s.take("acme")
		if refusal != nil {
			t.Fatalf("call %d was refused: %+v", i, *refusal)
		}
		k.Release()
		if i%3 == 0 {
			s.remote.giveUp(t.Context())
		}
	}
	s.remote.giveUp(t.Context())
	if n := s.inFlight("acme"); n != 0 {
		t.Errorf("%d calls are in flight, want none", n)
	}
	if f := &s.remote.flights; f.count != 0 || len(f.over) != 0 || len(f.going) != 1 {
		t.Errorf("%d places and %d keys are kept of calls that have ended, and %d entries, want none and 1", f.count, len(f.over), len(f.going))
	}
}

func TestThePlacesOfAKilledProcessAreFreeAfterTenSeconds(t *testing.T) {
	w := newWorld(t, 2, RemoteOptions{})
	w.compile(oneAtATime)
	killed, other := w.sidecar[0], w.sidecar[1]
	killed.take("acme")
	w.pass(placeLease - time.Millisecond)
	if _, refusal := other.take("acme"); refusal == nil {
		t.Error("the place was free before its lease ended")
	}
	w.pass(time.Millisecond)
	if n := other.inFlight("acme"); n != 0 {
		t.Errorf("after the lease has ended %d calls are in flight, want none", n)
	}
	if _, refusal := other.take("acme"); refusal != nil {
		t.Errorf("after the lease has ended: %+v", *refusal)
	}
	if members, err := w.redis.ZMembers("{signpost}:calls:plan:acme"); err != nil || len(members) != 1 {
		t.Errorf("places are kept for %q, %v, want the last call's alone", members, err)
	}
}

func TestThePlacesOfCallsThatGoOnAreRenewed(t *testing.T) {
	w := newWorld(t, 2, RemoteOptions{})
	w.compile(oneAtATime)
	s, other := w.sidecar[0], w.sidecar[1]
	s.remote.flights.look(true)
	tickets := make([]*Ticket, 300) // More than one script sees to.
	for i := range tickets {
		tickets[i], _ = s.take(fmt.Sprint("tenant", i))
	}
	for range 20 {
		w.pass(renewEvery)
		s.remote.renew(t.Context(), s.now(), freshFor)
		for i := range tickets {
			if i%100 == 99 {
				if _, refusal := other.take(fmt.Sprint("tenant", i)); refusal == nil {
					t.Fatalf("a place that was renewed was taken, tenant %d", i)
				}
			}
		}
	}
	if ttl := w.redis.TTL("{signpost}:calls:plan:tenant0"); ttl < placeLease || ttl > 2*placeLease {
		t.Errorf("a place that was renewed is kept for %v, want %v", ttl, placeLease)
	}
	for _, k := range tickets {
		k.Release()
	}
	s.remote.giveUp(t.Context())
	s.remote.renew(t.Context(), s.now(), 0) // Of nothing.
	for i := range tickets {
		if n := other.inFlight(fmt.Sprint("tenant", i)); n != 0 {
			t.Fatalf("%d calls of tenant %d are in flight after its end, want none", n, i)
		}
	}
}

func TestCallsInFlightAreToldAnewToARedisThatLostThem(t *testing.T) {
	w := newWorld(t, 2, RemoteOptions{})
	w.compile(oneAtATime)
	s, other := w.sidecar[0], w.sidecar[1]
	s.take("known")
	s.wire.away.Store(true)
	if k, _ := s.take("new"); k.Decided() != Local {
		t.Fatal("the call was not decided here")
	}
	w.redis.FlushAll()
	w.pass(time.Second)
	s.remote.Back()
	s.wire.away.Store(false)
	select {
	case <-s.remote.flights.urgent:
	default:
		t.Fatal("nobody is asked to tell Redis")
	}
	s.remote.renew(t.Context(), s.now(), 0)
	for _, tenant := range []string{"known", "new"} {
		if _, refusal := other.take(tenant); refusal == nil || !refusal.Overloaded {
			t.Errorf("the call of %s is not known to be in flight: %+v", tenant, refusal)
		}
	}
}

func TestRenewLooksAfterPlacesUntilItEnds(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{})
	w.compile(oneAtATime)
	s := w.sidecar[0]
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { s.remote.Renew(ctx) })
	k, refusal := s.take("acme")
	if refusal != nil {
		t.Fatalf("refused: %+v", *refusal)
	}
	k.Release()
	for deadline := time.Now().Add(10 * time.Second); s.inFlight("acme") != 0; {
		if time.Now().After(deadline) {
			t.Fatal("the place was not given up")
		}
	}
	last, _ := s.take("last")
	first, _ := s.take("first")
	first.Release()
	stop()
	group.Wait()
	last.Release() // Nobody looks after it any more.
	for _, tenant := range []string{"first", "last"} {
		if n := s.inFlight(tenant); n != 0 {
			t.Errorf("%s: %d calls are in flight, want none", tenant, n)
		}
	}
}

func TestWhatRedisIsToBeToldIsBounded(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{})
	s := w.sidecar[0]
	for i := range maxEnded + 100 {
		s.remote.flights.ended([]string{fmt.Sprint("key", i%7)}, fmt.Sprint(i))
	}
	if f := &s.remote.flights; f.count != maxEnded {
		t.Errorf("%d places are kept, want %d", f.count, maxEnded)
	}
	if got := s.remote.flights.appendEnded(nil, "key0"); len(got) != maxCarried || got[maxCarried-1] != fmt.Sprint(maxEnded-1) {
		t.Errorf("a question carries %d places, %q, want the last %d", len(got), got, maxCarried)
	}
	s.remote.giveUp(t.Context())
	if f := &s.remote.flights; f.count != 0 || len(f.over) != 0 {
		t.Errorf("after all was told %d places are kept", f.count)
	}
}

func TestAClaimIsGrantedWithTheLimitsOrNotAtAll(t *testing.T) {
	w := newWorld(t, 2, RemoteOptions{})
	w.compile(everything)
	a, b := w.sidecar[0], w.sidecar[1]
	claim := func(member string, n int) Claim {
		return Claim{Key: a.wire.Key("probe"), Member: member, N: n, Lease: 5 * time.Second}
	}
	k, refusal := a.take("acme", claim("one", 1))
	if refusal != nil {
		t.Fatalf("the first claim was refused: %+v", *refusal)
	}
	k.Release()
	w.pass(time.Second)
	other := Claim{Key: a.wire.Key("other"), Member: "two", N: 1, Lease: time.Second}
	beside, refusal := b.take("acme", other, claim("two", 1))
	want := &Refusal{Claim: 2, RetryAfter: 4 * time.Second}
	if !reflect.DeepEqual(refusal, want) {
		t.Errorf("a claim on a place that is taken: got %+v, want %+v", refusal, want)
	}
	if w.redis.Exists(a.wire.Key("other")) || beside.States(b.now(), nil)[0].Remaining != 2 {
		t.Error("a refused claim took something")
	}
	if _, refusal := b.take("acme", claim("two", 2)); refusal != nil {
		t.Errorf("with two places: %+v", *refusal)
	}
	if refusal := k.Again(a.now(), 0, []Claim{claim("one", 1)}); refusal != nil {
		t.Errorf("who has a place already was refused: %+v", *refusal)
	}
	w.pass(5 * time.Second)
	if _, refusal := b.take("globex", claim("three", 1)); refusal != nil {
		t.Errorf("after the leases have ended: %+v", *refusal)
	}
	w.compile()
	if k, refusal := a.take("acme", claim("four", 1)); refusal == nil || refusal.Claim != 1 || k.Decided() != Redis {
		t.Errorf("a claim of a call without limits: got %+v, decided by %d", refusal, k.Decided())
	}
}
