package limit

import (
	"testing"
	"time"
)

func TestACallWithLessPatienceThanRedisIsGivenIsNotHeldAgainstThisProcessAlone(t *testing.T) {
	for _, closed := range []bool{false, true} {
		w := newWorld(t, 1, RemoteOptions{Closed: closed})
		w.compile(group{limits: []Limit{{Scope: "plan", Name: "gold", Rate: Rate{N: 5, Window: time.Minute}}}})
		s := w.sidecar[0]
		s.wire.deaf.Store(true)
		short, whole := s.wire.Timeout()/2, s.wire.Timeout()
		for range 8 {
			k, refusal := s.remote.Take(s.now(), short, "acme", true, nil, s.sets...)
			if refusal == nil || !refusal.Late || refusal.Away {
				t.Fatalf("closed %v: with little patience got %+v, want a refusal that is late", closed, refusal)
			}
			k.Release()
		}
		k, refusal := s.remote.Take(s.now(), whole, "acme", true, nil, s.sets...)
		if closed != (refusal != nil && refusal.Away) || k.Decided() != Local {
			t.Errorf("closed %v: with patience enough got %+v, decided by %v", closed, refusal, k.Decided())
		}
	}
}

func TestATryCountsNothingAndSaysWhatTakeWould(t *testing.T) {
	w := newWorld(t, 2, RemoteOptions{})
	w.compile(group{
		limits: []Limit{{Scope: "plan", Name: "gold", Rate: Rate{N: 2, Window: time.Minute}}},
		slots:  []Concurrency{{Scope: "plan", Name: "gold", N: 3}},
	})
	one, other := w.sidecar[0], w.sidecar[1]
	try := func() *Refusal {
		k, refusal := one.remote.Try(one.now(), 0, "acme", false, one.sets...)
		if left := k.States(one.now(), nil); len(left) != 1 {
			t.Errorf("%d windows are told of, want 1", len(left))
		}
		k.Refund()
		k.Release()
		return refusal
	}
	for n := range 2 {
		for range 5 {
			if refusal := try(); refusal != nil {
				t.Fatalf("after %d calls: refused, %+v", n, refusal)
			}
		}
		if _, refusal := other.take("acme"); refusal != nil {
			t.Fatalf("call %d is refused: %+v", n+1, refusal)
		}
	}
	if refusal := try(); refusal == nil || refusal.Limit != "gold" || refusal.RetryAfter != time.Minute {
		t.Errorf("got %+v, want what Take says: gold is full for a minute", refusal)
	}
}
