package breaker

import (
	"testing"
	"time"
)

func TestWithoutRedisASidecarIsByItself(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(2, Config{Consecutive: 3, Probes: 2})
		for _, s := range all {
			s.cut()
		}
		all[0].attempts(2, "", Failure)
		all[1].attempts(2, "", Failure)
		settle()
		want(t, all, "", Closed)
		all[0].attempts(1, "", Failure)
		settle()
		want(t, all[:1], "", Open)
		want(t, all[1:], "", Closed)
		time.Sleep(15 * time.Second)
		first, second := all[0].probe("", time.Minute), all[0].probe("", time.Minute)
		if got := all[0].refused(""); got.State != HalfOpen || got.RetryAfter != time.Minute {
			t.Errorf("a third probe was refused with %+v, want for a minute", *got)
		}
		first.Done(Success)
		second.Done(Success)
		want(t, all, "", Closed)
	})
}

func TestWhenRedisGoesInTheMiddleOfProbingEachSidecarFindsOutByItself(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.opened(3, Config{Probes: 2})
		all[0].attempts(1, "", Success)
		settle()
		out := all[1].probe("", time.Minute)
		for _, s := range all {
			s.cut()
		}
		out.Done(Success)
		all[0].attempts(1, "", Success)
		all[1].attempts(1, "", Success)
		want(t, all[:2], "", Closed)
		want(t, all[2:], "", HalfOpen)
		// What one has found meanwhile is good for all.
		all[2].back()
		want(t, all[2:], "", HalfOpen)
		all[1].back()
		want(t, all, "", Closed)
		all[0].back()
		want(t, all, "", Closed)
		if got := r.fields("{test}:b:store"); len(got) != 0 {
			t.Errorf("redis still has records of %q", got)
		}
	})
}

func TestATripWhileRedisWasAwayIsToldWhenItIsBack(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(2, Config{Consecutive: 1, Open: time.Minute})
		all[0].cut()
		all[0].attempts(1, "", Failure)
		time.Sleep(40 * time.Second)
		want(t, all[1:], "", Closed)
		all[0].back()
		if got := all[1].refused("").RetryAfter; got > 20*time.Second || got < 19*time.Second {
			t.Errorf("to come back after %v, want the rest of a minute", got)
		}
		time.Sleep(20 * time.Second)
		want(t, all, "", HalfOpen)
		all[1].attempts(3, "", Success)
		settle()
		want(t, all, "", Closed)
	})
}

func TestATripThatWasNotHeardIsReadOnReturn(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(3, Config{Consecutive: 1})
		all[2].cut()
		all[0].attempts(1, "", Failure)
		settle()
		want(t, all[2:], "", Closed)
		all[2].back()
		want(t, all, "", Open)
		all[2].cut()
		time.Sleep(15 * time.Second)
		all[0].attempts(3, "", Success)
		settle()
		want(t, all[:2], "", Closed)
		all[2].back() // Nobody knows the record any more: it probes for itself.
		want(t, all[2:], "", HalfOpen)
		all[2].attempts(3, "", Success)
		want(t, all, "", Closed)
	})
}

func TestRedisMayLoseEverything(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.opened(2, Config{Probes: 2})
		all[0].attempts(1, "", Success)
		settle()
		r.FlushAll()
		all[1].attempts(1, "", Success)
		settle()
		want(t, all, "", HalfOpen)
		all[0].attempts(1, "", Success)
		settle()
		want(t, all, "", Closed)

		all[0].attempts(1, "", Failure)
		settle()
		r.FlushAll()
		want(t, all, "", Open)
		all[1].cut()
		all[1].back() // Tells the trip anew.
		want(t, []*sidecar{r.start(Config{})}, "", Open)
	})
}

func TestReadingIsTriedAgainAMomentAfterRedisIsBack(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(2, Config{Consecutive: 1})
		all[1].cut()
		all[0].attempts(1, "", Failure)
		settle()
		all[1].peers.Back() // The link says so before it lets others run scripts.
		time.Sleep(10 * tellEvery)
		all[1].link.live.Store(true)
		settle()
		want(t, all, "", Open)
	})
}

func TestPeersMayBeLeftAndJoinedAgain(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(3, Config{Consecutive: 2, Open: time.Minute})
		all[1].Join(nil)
		all[0].attempts(1, "", Failure)
		settle()
		all[1].attempts(1, "", Failure)
		settle()
		want(t, all, "", Closed)
		all[2].attempts(1, "", Failure)
		settle()
		want(t, all[1:2], "", Closed)
		all[1].Join(all[1].peers)
		settle()
		want(t, all, "", Open)
		all[1].Join(nil)
		time.Sleep(time.Minute)
		if places := all[1].store.Places(host, "", time.Second); places != nil {
			t.Errorf("by itself it needs places %+v, want none", places)
		}
		all[1].attempts(3, "", Success)
		want(t, all[1:2], "", Closed)
		want(t, all[:1], "", HalfOpen)
	})
}

func TestAPolicyThatAReloadAddsLearnsItsRecords(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		first, second := r.start(Config{}), r.start(Config{})
		added := first.Breaker("added", Config{Consecutive: 1})
		p, _ := added.AllowProbe(host, "", time.Second, nil)
		p.Done(Failure)
		settle()
		same := second.Breaker("added", Config{Consecutive: 7})
		settle()
		if got := same.State(host, "").State; got != Open {
			t.Errorf("the state of a policy that was added is %v, want open", got)
		}
		// So does one whose configuration has changed.
		if changed := first.Breaker("added", Config{Consecutive: 5}); changed.State(host, "").State != Closed {
			t.Error("a new configuration begins open, want closed until it has read")
		} else if settle(); changed.State(host, "").State != Open {
			t.Error("a new configuration stays closed, want open as the record says")
		}
	})
}

func TestRecordsAreReadBeforeRedisIsSaidToBeThere(t *testing.T) {
	together(t, func(t *testing.T, r *testRedis) {
		all := r.starts(2, Config{Consecutive: 1})
		all[1].cut()
		all[0].attempts(1, "", Failure)
		settle()
		all[1].link.live.Store(true)
		all[1].peers.Back()
		want(t, all, "", Open)
	})
}
