package limit

import (
	"reflect"
	"testing"
	"time"
)

func TestACallWithoutLimitsAndClaimsAsksNobody(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{Closed: true})
	w.compile(group{}, group{})
	s := w.sidecar[0]
	k, refusal := s.take("acme")
	if refusal != nil || k.Decided() != Here {
		t.Errorf("got %+v, decided by %d, want it admitted here", refusal, k.Decided())
	}
	if refusal := k.Again(s.now(), 0, nil); refusal != nil {
		t.Errorf("a further attempt: %+v", *refusal)
	}
	k.Refund()
	k.Release()
	w.compile(perMinute(5))
	k, _ = s.take("acme")
	if refusal := k.Again(s.now(), 0, nil); refusal != nil || k.Decided() != Redis {
		t.Errorf("a further attempt where no limit counts attempts: %+v, decided by %d", refusal, k.Decided())
	}
	s.wire.away.Store(true)
	s.remote.States(t.Context(), s.now(), "acme", nil, s.sets...)
	if n := s.wire.trips.Load(); n != 1 {
		t.Errorf("%d round trips, want the first attempt's alone", n)
	}
}

func TestWhileRedisIsAwayEachProcessGoesOnWithItsOwnLimits(t *testing.T) {
	w := newWorld(t, 2, RemoteOptions{})
	w.compile(perMinute(4))
	a, b := w.sidecar[0], w.sidecar[1]
	a.take("acme")
	a.take("acme")
	b.take("acme")
	for _, s := range w.sidecar {
		s.wire.away.Store(true)
	}
	// It knows its own calls, and no others.
	for i, want := range []bool{true, true, false} {
		k, refusal := a.take("acme")
		if (refusal == nil) != want || k.Decided() != Local {
			t.Errorf("call %d while Redis is away: got %+v, decided by %d", i, refusal, k.Decided())
		}
		if got, want := k.States(a.now(), nil)[0].Remaining, max(0, 1-i); got != want {
			t.Errorf("call %d while Redis is away: %d left, want %d", i, got, want)
		}
	}
	for i, want := range []bool{true, true, true, false} {
		if _, refusal := b.take("acme"); (refusal == nil) != want {
			t.Errorf("call %d of the other process: got %+v", i, refusal)
		}
	}
	if n := a.wire.trips.Load(); n != 2 {
		t.Errorf("%d round trips, want 2: none while Redis is away", n)
	}
	// Back again, Redis has room for one call more; the processes have none.
	for _, s := range w.sidecar {
		s.remote.Back()
		s.wire.away.Store(false)
		if _, refusal := s.take("acme"); refusal == nil {
			t.Error("a process let more out than its limit when Redis came back")
		}
	}
}

func TestFailClosedRefusesWhileRedisIsAway(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{Closed: true})
	w.compile(everything)
	s := w.sidecar[0]
	k, refusal := s.take("acme")
	if refusal != nil {
		t.Fatalf("refused: %+v", *refusal)
	}
	want := &Refusal{Overloaded: true, Away: true}
	s.wire.deaf.Store(true)
	if refusal := k.Again(s.now(), 0, nil); !reflect.DeepEqual(refusal, want) {
		t.Errorf("a further attempt without an answer: got %+v, want %+v", refusal, want)
	}
	k.Refund() // Of nothing.
	s.wire.deaf.Store(false)
	s.wire.away.Store(true)
	away, refusal := s.take("acme")
	if !reflect.DeepEqual(refusal, want) {
		t.Errorf("a call: got %+v, want %+v", refusal, want)
	}
	if got := away.States(s.now(), nil); got[0].Remaining != 2 {
		t.Errorf("the ticket says %+v, want 2 left by the table", got)
	}
	away.InFlight(nil)
	away.SharedStates(s.now(), nil)
	away.Refund()
	away.Release()
	s.wire.away.Store(false)
	if got := s.remote.States(t.Context(), s.now(), "acme", nil, s.sets...); got[0].Remaining != 2 {
		t.Errorf("at Redis %d are left, want 2", got[0].Remaining)
	}
	// Nobody heard that a place was taken for the further attempt: it takes none.
	if got := s.remote.InFlight(t.Context(), "acme", nil, s.sets...); got[0].Calls != 1 {
		t.Errorf("got %+v, want one call in flight", got)
	}
}

func TestAnAnswerThatNobodyHeardCountsTheCallHere(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{})
	w.compile(everything)
	s := w.sidecar[0]
	s.wire.deaf.Store(true)
	k, refusal := s.take("acme")
	if refusal != nil || k.Decided() != Local {
		t.Fatalf("got %+v, decided by %d, want it admitted by the table", refusal, k.Decided())
	}
	s.wire.deaf.Store(false)
	// Redis counted it, but the place that it may hold is given up with the next.
	if got := s.remote.States(t.Context(), s.now(), "acme", nil, s.sets...); got[0].Remaining != 2 {
		t.Errorf("at Redis %d are left, want 2: nobody knows that it was counted", got[0].Remaining)
	}
	next, refusal := s.take("acme")
	if refusal != nil {
		t.Fatalf("the next call was refused: %+v", *refusal)
	}
	if got := next.InFlight(nil); got[0].Calls != 1 || got[1].Calls != 1 {
		t.Errorf("got %+v, want the next call alone", got)
	}
	k.Refund()
	if got := remaining(s.table, s.now(), "acme", s.sets...); got[0] != 2 {
		t.Errorf("after the refund the table has %d left, want 2", got[0])
	}
}

func TestAnAnswerThatIsNoneIsAFailureOfRedis(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{})
	w.compile(perMinute(3))
	s := w.sidecar[0]
	w.redis.SetError("READONLY You can't write against a read only replica.")
	if k, refusal := s.take("acme"); refusal != nil || k.Decided() != Local {
		t.Errorf("got %+v, decided by %d, want it admitted by the table", refusal, k.Decided())
	}
	if got := s.remote.States(t.Context(), s.now(), "acme", nil, s.sets...); got[0].Remaining != 2 {
		t.Errorf("%d left, want 2 by the table", got[0].Remaining)
	}
	w.redis.SetError("")
	w.redis.HSet("{signpost}:t:acme", "plan/60000000us", "what nobody of us has written")
	if k, refusal := s.take("acme"); refusal != nil || k.Decided() != Redis {
		t.Errorf("with a log that is none: got %+v, decided by %d", refusal, k.Decided())
	}
}

func TestProcessesSayTheSameOfTheirLimitsAsTheTicketDid(t *testing.T) {
	w := newWorld(t, 2, RemoteOptions{})
	w.compile(perMinute(9), everything)
	a, b := w.sidecar[0], w.sidecar[1]
	a.take("acme")
	w.pass(10 * time.Second)
	b.take("globex")
	w.pass(10 * time.Second)
	k, refusal := a.take("acme")
	if refusal != nil {
		t.Fatalf("refused: %+v", *refusal)
	}
	for _, s := range w.sidecar {
		now := s.now()
		ctx := t.Context()
		if got, want := s.remote.States(ctx, now, "acme", nil, s.sets...), k.States(a.now(), nil); !reflect.DeepEqual(got, want) {
			t.Errorf("the tenant's windows:\n got %+v\nwant %+v", got, want)
		}
		if got, want := s.remote.SharedStates(ctx, now, nil, s.sets...), k.SharedStates(a.now(), nil); !reflect.DeepEqual(got, want) {
			t.Errorf("the shared windows:\n got %+v\nwant %+v", got, want)
		}
		if got, want := s.remote.InFlight(ctx, "acme", nil, s.sets...), k.InFlight(nil); !reflect.DeepEqual(got, want) {
			t.Errorf("calls in flight:\n got %+v\nwant %+v", got, want)
		}
	}
	want := []State{
		{Name: "plan", Rate: Rate{N: 9, Window: time.Minute}, Remaining: 7, Reset: 40 * time.Second},
		{Name: "store", Rate: Rate{N: 3, Window: time.Minute}, Remaining: 1, Reset: 40 * time.Second},
	}
	if got := k.States(a.now(), nil); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	want[0].Reset -= 5 * time.Second
	if got := k.States(a.now().Add(5*time.Second), nil); got[0] != want[0] {
		t.Errorf("five seconds later got %+v, want %+v", got[0], want[0])
	}
	if n := len(w.redis.Keys()); n == 0 {
		t.Error("nothing is at Redis")
	}
}
