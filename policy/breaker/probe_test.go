package breaker

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestHalfOpenLetsOnlyTheProbesPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Default())
		attempts(t, 20, b, "", Failure)
		opened := time.Now()
		time.Sleep(20 * time.Second)

		probes := make([]Permit, 3)
		for i := range probes {
			var refusal *Refusal
			if probes[i], refusal = b.Allow(host, "", 10*time.Second); refusal != nil {
				t.Fatalf("probe %d refused %+v", i, *refusal)
			}
		}
		want := Refusal{State: HalfOpen, RetryAfter: 10 * time.Second, Since: opened.Add(15 * time.Second)}
		if got := *refused(t, b, ""); got != want {
			t.Errorf("fourth refused with %+v, want %+v", got, want)
		}
		if got := b.State(host, "").Counts.ProbesOut; got != 3 {
			t.Errorf("%d probes out, want 3", got)
		}
		probes[0].Done(Success)
		probes[1].Done(Success)
		refused(t, b, "")
		probes[2].Done(Success)
		wantState(t, b, "", Closed)
		if got := b.State(host, "").Counts; got != (Counts{}) {
			t.Errorf("counts after closing = %+v, want none", got)
		}
	})
}

func TestOneFailingProbeOpensAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Default())
		attempts(t, 20, b, "", Failure)
		time.Sleep(15 * time.Second)
		attempts(t, 2, b, "", Success)
		attempt(t, b, "", Failure)
		if got := refused(t, b, "").RetryAfter; got != 15*time.Second {
			t.Errorf("retry after %v, want 15s", got)
		}
	})
}

func TestAProbeThatSaysNothingGivesItsPlaceBack(t *testing.T) {
	for _, r := range []Result{Ignored, TenantFailure} {
		synctest.Test(t, func(t *testing.T) {
			b := fresh(Default())
			attempts(t, 20, b, "", Failure)
			time.Sleep(15 * time.Second)
			attempts(t, 50, b, "", r)
			wantState(t, b, "", HalfOpen)
			attempts(t, 3, b, "", Success)
			wantState(t, b, "", Closed)
		})
	}
}

func TestAProbeThatNeverReportsDoesNotWedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Default())
		attempts(t, 20, b, "", Failure)
		time.Sleep(15 * time.Second)
		lost := make([]Permit, 3)
		for i := range lost {
			lost[i], _ = b.Allow(host, "", 4*time.Second)
		}
		if got := refused(t, b, "").RetryAfter; got != 4*time.Second {
			t.Errorf("retry after %v, want the lease of 4s", got)
		}
		time.Sleep(4 * time.Second)
		if got := b.State(host, "").Counts.ProbesOut; got != 0 {
			t.Errorf("%d probes out after the lease, want 0", got)
		}
		attempts(t, 2, b, "", Success)
		// Reported after the lease: says nothing.
		for i := range lost {
			lost[i].Done(Failure)
		}
		wantState(t, b, "", HalfOpen)
		attempt(t, b, "", Success)
		wantState(t, b, "", Closed)
	})
}

func TestALateProbeDoesNotSpeakForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Default())
		attempts(t, 20, b, "", Failure)
		time.Sleep(15 * time.Second)
		late, _ := b.Allow(host, "", time.Second)
		time.Sleep(time.Second)
		other, _ := b.Allow(host, "", time.Second)
		late.Done(Failure)
		wantState(t, b, "", HalfOpen)
		if got := b.State(host, "").Counts.ProbesOut; got != 1 {
			t.Errorf("%d probes out after a late report, want the other one", got)
		}
		other.Done(Failure)
		wantState(t, b, "", Open)
	})
}

func TestProbesOfAnEarlierTryAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Default())
		attempts(t, 20, b, "", Failure)
		time.Sleep(15 * time.Second)
		early, _ := b.Allow(host, "", time.Minute)
		attempt(t, b, "", Failure)
		time.Sleep(15 * time.Second)
		wantState(t, b, "", HalfOpen)
		if got := b.State(host, "").Counts.ProbesOut; got != 0 {
			t.Errorf("%d probes out at the second try, want 0", got)
		}
		early.Done(Failure)
		attempts(t, 3, b, "", Success)
		wantState(t, b, "", Closed)
	})
}

func TestALeaseIsBounded(t *testing.T) {
	for _, lease := range []time.Duration{-1, 0, 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			b := fresh(Config{Consecutive: 1, Probes: 1})
			attempt(t, b, "", Failure)
			time.Sleep(15 * time.Second)
			if _, refusal := b.Allow(host, "", lease); refusal != nil {
				t.Fatalf("probe refused %+v", *refusal)
			}
			if got := refused(t, b, "").RetryAfter; got != MaxLease {
				t.Errorf("a lease of %v lasts %v, want %v", lease, got, MaxLease)
			}
			time.Sleep(MaxLease)
			attempt(t, b, "", Success)
			wantState(t, b, "", Closed)
		})
	}
}
