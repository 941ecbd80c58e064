package breaker

import (
	"testing"
	"testing/synctest"
	"time"
)

// hold holds the breaker, and fails the test when that is refused.
func hold(t *testing.T, b *Breaker, s State, until time.Time) {
	t.Helper()
	if !b.Hold(s, until) {
		t.Fatalf("Hold(%v, %v) = false, want true", s, until)
	}
	if got, gotUntil, held := b.Held(); got != s || gotUntil != until || !held {
		t.Fatalf("Held() = %v, %v, %v after Hold(%v, %v)", got, gotUntil, held, s, until)
	}
}

func TestABreakerHeldOpenRefusesEveryCallUntilTheHoldEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Default())
		attempts(t, 19, b, "", Failure)
		held := time.Now()
		hold(t, b, Open, held.Add(time.Hour))
		time.Sleep(20 * time.Minute) // Long after it would have probed.
		want := Refusal{State: Open, RetryAfter: 40 * time.Minute, Held: true, Since: held}
		for _, called := range []string{host, "never.called.example"} {
			if _, got := b.Allow(called, "acme", time.Second); got == nil || *got != want {
				t.Errorf("Allow(%s) refused with %+v, want %+v", called, got, want)
			}
			s := b.State(called, "acme")
			if s.State != Open || !s.Held || s.HeldUntil != held.Add(time.Hour) || s.ProbesAt != s.HeldUntil || s.Since != held {
				t.Errorf("State(%s) = %+v, want it held open for an hour from %v", called, s, held)
			}
		}
		if got := len(b.States()); got != 1 {
			t.Errorf("%d cells, want none for a host that is only refused", got)
		}
		time.Sleep(40*time.Minute - 1)
		refused(t, b, "")
		time.Sleep(time.Nanosecond)
		if _, _, held := b.Held(); held {
			t.Error("still held at the end of the hold")
		}
		if s := b.State(host, ""); s.State != Closed || s.Held || s.Counts != (Counts{}) || s.Since != held.Add(time.Hour) {
			t.Errorf("after the hold State() = %+v, want closed since its end, with nothing counted", s)
		}
		attempts(t, 19, b, "", Failure) // With one from before the hold they would open it.
		wantState(t, b, "", Closed)
		attempt(t, b, "", Failure)
		wantState(t, b, "", Open)
	})
}

func TestAHoldWithoutAnEndSaysToComeBackAsIfItHadJustOpened(t *testing.T) {
	for _, tt := range []struct {
		config Config
		want   time.Duration
	}{{Config{Open: 7 * time.Second}, 7 * time.Second}, {Config{Off: true}, 15 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			b := fresh(tt.config)
			hold(t, b, Open, time.Time{})
			time.Sleep(1000 * time.Hour)
			if got := refused(t, b, ""); got.RetryAfter != tt.want || !got.Held {
				t.Errorf("%v: refused with %+v, want %v and held", tt.config, *got, tt.want)
			}
			if s := b.State(host, ""); !s.ProbesAt.IsZero() || !s.HeldUntil.IsZero() || s.State != Open {
				t.Errorf("%v: State() = %+v, want open without an end", tt.config, s)
			}
			b.Reset()
			attempt(t, b, "", Success)
		})
	}
}

func TestABreakerHeldClosedCountsButDoesNotOpen(t *testing.T) {
	for _, c := range []Config{Default(), {Consecutive: 3}, {Percent: 50, Attempts: 2}} {
		synctest.Test(t, func(t *testing.T) {
			b := fresh(c)
			attempts(t, 20, b, "", Ignored)
			for b.State(host, "").State == Closed {
				attempt(t, b, "", Failure)
			}
			hold(t, b, Closed, time.Now().Add(time.Minute))
			attempts(t, 30, b, "acme", Failure)
			attempts(t, 30, b, "acme", Success) // The number may be made full by either.
			attempts(t, 30, b, "acme", TenantFailure)
			s := b.State(host, "")
			if s.State != Closed || !s.Held || s.Counts.Failed != 30 || s.Counts.Finished != 60 {
				t.Errorf("%v: State() = %+v, want it held closed with 30 of 60 failed", c, s)
			}
			if own := b.TenantStates("acme"); len(own) != 1 || own[0].Counts.Failed != 30 || own[0].State != Closed || !own[0].Held {
				t.Errorf("%v: the tenant's own cells are %+v, want one, closed, with 30 failures", c, own)
			}
			late, _ := b.Allow(host, "acme", time.Hour)
			time.Sleep(time.Minute)
			late.Done(Failure)
			for _, s := range b.States() { // Nobody has asked before.
				if s.State != Closed || s.Held || s.Counts != (Counts{}) {
					t.Errorf("%v: after the hold there is %+v, want closed with nothing counted", c, s)
				}
			}
			for b.State(host, "").State == Closed {
				attempt(t, b, "", Failure) // It opens again.
			}
		})
	}
}

func TestTheFirstResultAfterAHoldCounts(t *testing.T) {
	for _, s := range []State{Closed, Open} {
		synctest.Test(t, func(t *testing.T) {
			b := fresh(Config{Consecutive: 2})
			attempt(t, b, "", Failure)
			hold(t, b, s, time.Now().Add(time.Minute))
			time.Sleep(time.Minute)
			attempts(t, 2, b, "", Failure)
			wantState(t, b, "", Open)
		})
	}
}

func TestACallThatWasOvertakenByAHoldIsRefusedByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Default())
		attempt(t, b, "", Success)
		x := b.hosts.find(cellKey{host: host})
		b.Hold(Open, time.Now().Add(time.Hour))
		// It has asked for orders before there was one, and comes to the cell now.
		want := Refusal{State: Open, RetryAfter: time.Hour, Held: true, Since: time.Now()}
		if _, got := x.enter(nil, time.Second, nil); got == nil || *got != want {
			t.Errorf("refused with %+v, want %+v", got, want)
		}
	})
}

func TestWhatCannotBeHeldIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Default())
		for _, tt := range []struct {
			state State
			until time.Time
		}{{HalfOpen, time.Time{}}, {State(7), time.Time{}}, {Open, time.Now()}, {Closed, time.Now().Add(-time.Hour)}} {
			if b.Hold(tt.state, tt.until) {
				t.Errorf("Hold(%v, %v) = true, want false", tt.state, tt.until)
			}
		}
		attempt(t, b, "", Failure)
		if s, _, held := b.Held(); held {
			t.Errorf("held %v, want not held", s)
		}
		if got := b.State(host, "").Counts.Failed; got != 1 {
			t.Errorf("%d failures counted, want 1", got)
		}
	})
}

func TestAResetClosesEveryCellAndForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Default())
		attempts(t, 20, b, "acme", TenantFailure)
		wantState(t, b, "acme", Open)
		attempts(t, 20, b, "", Failure)
		p, _ := b.Allow("other.example", "", time.Second)
		p.Done(Failure)
		b.Reset()
		states := b.States()
		if len(states) != 3 {
			t.Errorf("%d cells, want 3", len(states))
		}
		for _, s := range states {
			if s.State != Closed || s.Counts != (Counts{}) || s.Since != time.Now() {
				t.Errorf("after a reset there is %+v, want closed since now with nothing counted", s)
			}
		}
		attempt(t, b, "acme", Success)
		hold(t, b, Open, time.Time{})
		b.Reset()
		attempt(t, b, "acme", Success)
	})
}

// intervene is what may be done by hand to a breaker whose probes are out, and
// what makes it pass calls again.
var intervene = map[string]func(*Breaker){
	"reset":       func(b *Breaker) { b.Reset() },
	"held closed": func(b *Breaker) { b.Hold(Closed, time.Time{}); b.Reset() },
	"held open":   func(b *Breaker) { b.Hold(Open, time.Time{}); b.Reset() },
	"held open for a while": func(b *Breaker) {
		b.Hold(Open, time.Now().Add(time.Second))
		time.Sleep(time.Second)
	},
}

func TestProbesInFlightSayNothingAfterAnInterventionAndWedgeNothing(t *testing.T) {
	for name, do := range intervene {
		for _, result := range []Result{Success, Failure, Ignored} {
			synctest.Test(t, func(t *testing.T) {
				b := fresh(Default())
				attempts(t, 20, b, "", Failure)
				time.Sleep(15 * time.Second)
				probes := make([]Permit, 3)
				for i := range probes {
					probes[i], _ = b.Allow(host, "", time.Minute)
				}
				refused(t, b, "")
				do(b)
				for i := range probes[:2] {
					probes[i].Done(result)
				}
				if s := b.State(host, ""); s.State != Closed || s.Counts != (Counts{}) {
					t.Errorf("%s, probes report %d: %+v, want closed with nothing counted", name, result, s)
				}
				attempts(t, 20, b, "", Failure)
				time.Sleep(15 * time.Second)
				probes[2].Done(result)
				wantState(t, b, "", HalfOpen)
				attempts(t, 3, b, "", Success)
				wantState(t, b, "", Closed)
			})
		}
	}
}

func TestCallsInFlightSayNothingAfterAnIntervention(t *testing.T) {
	for name, do := range intervene {
		synctest.Test(t, func(t *testing.T) {
			b := fresh(Config{Consecutive: 1})
			late, _ := b.Allow(host, "", time.Minute)
			do(b)
			late.Done(Failure)
			if s := b.State(host, ""); s.State != Closed || s.Counts != (Counts{}) {
				t.Errorf("%s: %+v, want closed with nothing counted", name, s)
			}
		})
	}
}

func TestAHoldIsByNameAndStaysOverAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(nil)
		before := r.Breaker("store", Config{Consecutive: 2})
		other := r.Breaker("storefront", Config{})
		until := time.Now().Add(time.Hour)
		hold(t, before, Open, until)
		after := r.Breaker("store", Config{Consecutive: 9})
		r.Prune(after, other)
		if state, got, held := after.Held(); !held || state != Open || got != until {
			t.Errorf("Held() after a reload = %v, %v, %v, want open until %v", state, got, held, until)
		}
		refused(t, after, "")
		attempt(t, other, "", Success)
		time.Sleep(time.Hour)
		attempt(t, after, "", Success)

		hold(t, after, Open, time.Time{})
		r.Prune(other) // The policy is gone.
		if _, _, held := r.Breaker("store", Config{Consecutive: 9}).Held(); held {
			t.Error("a policy that comes back is held, want its hold forgotten with it")
		}
		if len(r.hands) != 2 {
			t.Errorf("%d hands are kept, want those of the two policies", len(r.hands))
		}
	})
}

func TestWhatIsDoneToAPolicyIsDoneToItsParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(nil)
		whole, part := r.Breaker("store", Config{}), r.Breaker("store.order_status", Config{Consecutive: 1})
		attempt(t, part, "", Failure)
		whole.Reset()
		wantState(t, part, "", Closed)

		hold(t, part, Open, time.Time{})
		attempt(t, whole, "", Success)
		part.Reset()
		hold(t, whole, Open, time.Time{})
		refused(t, part, "")
		refused(t, r.Breaker("store.new", Config{}), "") // A reload gives a breaker to one more operation.
		part.Reset()
		attempt(t, part, "", Success)
		refused(t, r.Breaker("store.new", Config{}), "")
		whole.Reset()
		attempt(t, r.Breaker("store.new", Config{}), "", Success)
		attempt(t, r.Breaker("store.newer", Config{}), "", Success)
	})
}

func TestABreakerThatWasPrunedStillObeys(t *testing.T) {
	r := NewRegistry(nil)
	b := r.Breaker("store", Config{Consecutive: 1})
	attempt(t, b, "", Failure)
	r.Prune()
	b.Reset()
	attempt(t, b, "", Success)
	b.Hold(Open, time.Time{})
	refused(t, b, "")
}
