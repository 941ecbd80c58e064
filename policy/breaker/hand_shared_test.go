package breaker

import (
	"slices"
	"testing"
	"time"
)

// wantHeld tests whether sidecars are held, and for how long.
func wantHeld(t *testing.T, all []*sidecar, state State, left time.Duration, held bool) {
	t.Helper()
	for _, s := range all {
		got, until, isHeld := s.store.Held()
		if isHeld != held || got != state {
			t.Fatalf("%s: held is %v, %v, want %v, %v", s.peers.sidecar, got, isHeld, state, held)
		}
		if left == 0 && !until.IsZero() || left > 0 && (time.Until(until) > left+time.Second || time.Until(until) < left-time.Second) {
			t.Fatalf("%s: held until %v, want in about %v", s.peers.sidecar, until, left)
		}
	}
}

func TestAResetReachesAll(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(3, Config{Consecutive: 1})
		all[0].attempts(1, "acme", TenantFailure)
		settle()
		all[0].attempts(1, "", Failure)
		settle()
		want(t, all, "acme", Open)
		all[1].store.Reset()
		settle()
		want(t, all, "", Closed)
		want(t, all, "acme", Closed)
		for _, s := range all {
			if got := s.states(); !slices.Equal(got, []string{"open", "open", "closed", "closed"}) {
				t.Errorf("%s told %q, want that two cells opened and closed", s.peers.sidecar, got)
			}
		}
		late := r.start(Config{})
		want(t, []*sidecar{late}, "acme", Closed)
		all[2].attempts(1, "", Failure)
		settle()
		want(t, all, "", Open)
	})
}

func TestAHoldReachesAllAndThoseThatComeLater(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(2, Config{Consecutive: 1})
		all[0].attempts(1, "", Success)
		all[1].attempts(1, "", Success)
		all[0].store.Hold(Open, time.Now().Add(time.Hour))
		settle()
		wantHeld(t, all, Open, time.Hour, true)
		time.Sleep(20 * time.Minute)
		all = append(all, r.start(Config{Consecutive: 1}))
		wantHeld(t, all, Open, 40*time.Minute, true)
		all[2].refused("")
		time.Sleep(41 * time.Minute)
		wantHeld(t, all, Closed, 0, false)
		wantHeld(t, []*sidecar{r.start(Config{})}, Closed, 0, false)
		want(t, all, "", Closed)

		all[2].store.Hold(Closed, time.Time{})
		settle()
		all[1].attempts(10, "acme", Failure)
		settle()
		want(t, all, "", Closed)
		time.Sleep(time.Minute)
		all = append(all, r.start(Config{Consecutive: 1}))
		wantHeld(t, all, Closed, 0, true)
		all[3].store.Reset()
		settle()
		wantHeld(t, all, Closed, 0, false)
		for i, s := range all[:2] {
			if got := s.states(); !slices.Equal(got, []string{"open", "closed"}) {
				t.Errorf("sidecar %d told %q, want that it was held open and closed again", i, got)
			}
		}
	})
}

func TestTheLastOfTwoOrdersHoldsForAll(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		for range 5 {
			all := r.starts(3, Config{})
			all[0].store.Hold(Open, time.Time{})
			all[0].store.Reset() // Before the hold is heard.
			all[1].store.Hold(Closed, time.Time{})
			all[2].store.Hold(Open, time.Now().Add(time.Hour))
			settle()
			state, until, held := all[0].store.Held()
			late := r.start(Config{})
			for _, s := range append(all, late) {
				got, gotUntil, gotHeld := s.store.Held()
				if got != state || gotHeld != held || gotUntil.Sub(until).Abs() > time.Second {
					t.Fatalf("%s is held %v, %v, %v; the first %v, %v, %v", s.peers.sidecar, got, gotUntil, gotHeld, state, until, held)
				}
			}
			all[1].store.Reset()
			settle()
			for _, s := range append(all, late) {
				s.kill()
			}
		}
	})
}

func TestAResetIsNotUndoneByWhatCameBeforeItAtRedis(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(2, Config{Consecutive: 2})
		all[0].attempts(1, "", Failure)
		settle()
		all[0].attempts(1, "", Failure) // Opens, which is not told yet.
		all[1].attempts(1, "other", TenantFailure)
		all[1].store.Reset()
		settle()
		want(t, all, "", Closed)
		for _, s := range all {
			if got := s.store.State(host, "").Counts; got != (Counts{}) {
				t.Errorf("%s: after the reset %+v is counted, want nothing", s.peers.sidecar, got)
			}
		}
		time.Sleep(2 * overruleFor)
		all[0].attempts(2, "", Failure)
		settle()
		want(t, all, "", Open)
	})
}

func TestOrdersGivenWhileRedisWasAwayAreToldWhenItIsBack(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(3, Config{Consecutive: 1, Open: time.Hour})
		all[2].attempts(1, "", Failure)
		settle()
		all[0].cut()
		all[0].store.Hold(Open, time.Now().Add(time.Hour))
		time.Sleep(10 * time.Minute)
		all[0].back()
		wantHeld(t, all, Open, 50*time.Minute, true)

		// What others ordered later counts.
		all[0].cut()
		all[0].store.Hold(Closed, time.Time{})
		time.Sleep(time.Minute)
		all[1].store.Hold(Open, time.Time{})
		settle()
		all[0].back()
		wantHeld(t, all, Open, 0, true)

		// And what was ordered earlier does not.
		all[0].cut()
		all[1].store.Hold(Closed, time.Time{})
		time.Sleep(time.Minute)
		all[0].store.Reset()
		all[0].back()
		wantHeld(t, all, Closed, 0, false)
		want(t, all, "", Closed)
	})
}

func TestAResetWhileRedisWasAwayIsNotUndoneByTheRecordsThatItEnds(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(2, Config{Consecutive: 1, Open: time.Hour})
		all[0].cut()
		all[1].attempts(1, "", Failure)
		settle()
		all[0].store.Reset()
		all[0].back()
		want(t, all, "", Closed)
	})
}

func TestAHoldOfAPartThatItsPolicysResetLiftedStaysLifted(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		first := r.start(Config{})
		first.Breaker("store.order_status", Config{}).Hold(Open, time.Time{})
		settle()
		first.store.Reset()
		settle()
		late := r.start(Config{})
		part := late.Breaker("store.order_status", Config{})
		settle()
		if state, _, held := part.Held(); held {
			t.Errorf("the part is held %v at a sidecar that comes later", state)
		}
	})
}

func TestAHoldSurvivesThatRedisLosesEverything(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(2, Config{})
		all[0].store.Hold(Open, time.Now().Add(time.Hour))
		settle()
		r.FlushAll()
		wantHeld(t, all, Open, time.Hour, true)
		all[1].cut()
		all[1].back()
		wantHeld(t, append(all, r.start(Config{})), Open, time.Hour, true)
	})
}

func TestAnOrderAboutAPolicyReachesItsPartsElsewhere(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(2, Config{Consecutive: 1})
		var parts []*Breaker
		for _, s := range all {
			parts = append(parts, s.Breaker("store.order_status", Config{Consecutive: 1}))
		}
		settle()
		parts[0].Hold(Open, time.Time{})
		settle()
		if _, _, held := parts[1].Held(); !held {
			t.Error("a part is not held")
		}
		wantHeld(t, all, Closed, 0, false)
		all[1].store.Hold(Closed, time.Time{})
		settle()
		for i, part := range parts {
			if state, _, held := part.Held(); !held || state != Closed {
				t.Errorf("the part of sidecar %d is held %v, %v, want as its policy", i, state, held)
			}
		}
		late := r.start(Config{})
		if state, _, held := late.Breaker("store.order_status", Config{}).Held(); !held || state != Closed {
			t.Errorf("a part that comes later is held %v, %v, want as its policy", state, held)
		}
		parts[0].Reset() // The part alone.
		settle()
		other := r.start(Config{})
		part := other.Breaker("store.order_status", Config{})
		settle()
		if state, _, held := part.Held(); held {
			t.Errorf("a part that was reset is held %v at a sidecar that comes later", state)
		}
		wantHeld(t, []*sidecar{other}, Closed, 0, true)
	})
}

func TestAResetFromBeforeASidecarSharedIsNoneOfIts(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		first := r.start(Config{Consecutive: 1})
		first.store.Reset()
		settle()
		other := r.add(Config{Consecutive: 1, Open: time.Hour})
		other.attempts(1, "", Failure)
		other.back()
		want(t, []*sidecar{first, other}, "", Open)
	})
}
