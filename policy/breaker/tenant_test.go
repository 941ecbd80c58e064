package breaker

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestATenantsOwnTroubleDoesNotOpenForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Default())
		attempts(t, 20, b, "acme", TenantFailure)

		opened := time.Now()
		want := Refusal{State: Open, RetryAfter: 15 * time.Second, TenantOnly: true, Since: opened}
		if got := *refused(t, b, "acme"); got != want {
			t.Errorf("acme refused with %+v, want %+v", got, want)
		}
		attempts(t, 100, b, "globex", Success)
		attempts(t, 100, b, "", Success)
		wantState(t, b, "acme", Open)
		wantState(t, b, "globex", Closed)
		if got := b.State(host, ""); got.Counts.Failed != 0 {
			t.Errorf("the host's cell counted %+v, want no failures", got.Counts)
		}
	})
}

func TestTroubleWithoutATenantOpensNothing(t *testing.T) {
	b := fresh(Config{Consecutive: 1})
	attempts(t, 100, b, "", TenantFailure)
	if got := b.States(); len(got) != 1 || got[0].State != Closed || got[0].Counts.Finished != 0 {
		t.Errorf("states = %+v, want the host's alone, closed, nothing counted", got)
	}
}

func TestATenantHasACellOnlyAfterItsFirstTrouble(t *testing.T) {
	b := fresh(Default())
	for _, r := range []Result{Success, Failure, Ignored} {
		attempt(t, b, "acme", r)
	}
	if got := len(b.States()); got != 1 {
		t.Fatalf("%d cells, want the host's alone", got)
	}
	attempt(t, b, "acme", TenantFailure)
	got := b.States()
	if len(got) != 2 || got[1].Tenant != "acme" || got[1].Counts.Failed != 1 {
		t.Errorf("states = %+v, want the host's and acme's with one failure", got)
	}
}

func TestASuccessCountsInBothCellsAndAFailureInTheHosts(t *testing.T) {
	b := fresh(Default())
	attempt(t, b, "acme", TenantFailure)
	attempts(t, 2, b, "acme", Success)
	attempt(t, b, "acme", Failure)
	states := b.States()
	if got, want := states[0].Counts, (Counts{Finished: 3, Failed: 1, FailedInARow: 1}); got != want {
		t.Errorf("host counted %+v, want %+v", got, want)
	}
	if got, want := states[1].Counts, (Counts{Finished: 3, Failed: 1}); got != want {
		t.Errorf("tenant counted %+v, want %+v", got, want)
	}
}

func TestATenantThatIsWellAgainCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Default())
		attempts(t, 20, b, "acme", TenantFailure)
		time.Sleep(15 * time.Second)
		// The host's failures say nothing of the tenant.
		attempts(t, 5, b, "acme", Failure)
		wantState(t, b, "acme", HalfOpen)
		attempts(t, 3, b, "acme", Success)
		wantState(t, b, "acme", Closed)
	})
}

func TestARefusedTenantTakesNoProbeOfTheHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Config{Consecutive: 2, Open: 10 * time.Second, Probes: 1})
		attempts(t, 2, b, "", Failure)
		time.Sleep(9 * time.Second)
		// The host is about to probe while the tenant's cell opens.
		b.tenantCell(cellKey{host, "acme"}).countNew(errFailed)
		b.tenantCell(cellKey{host, "acme"}).countNew(errFailed)
		time.Sleep(time.Second)
		for range 5 {
			if got := refused(t, b, "acme"); !got.TenantOnly {
				t.Fatalf("refused with %+v, want the tenant's own", *got)
			}
		}
		if got := b.State(host, ""); got.State != HalfOpen || got.Counts.ProbesOut != 0 {
			t.Fatalf("host = %+v, want half-open with no probe out", got)
		}
		attempt(t, b, "globex", Success)
		wantState(t, b, "globex", Closed)
	})
}

func TestTheWorseOfTheTwoStatesIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Config{Consecutive: 1})
		attempt(t, b, "acme", TenantFailure)
		if got := b.State(host, "acme"); got.State != Open || got.Tenant != "acme" || got.Policy != "store" {
			t.Errorf("state = %+v, want acme's own open cell", got)
		}
		attempt(t, b, "", Failure)
		if got := b.State(host, "acme"); got.State != Open || got.Tenant != "" {
			t.Errorf("state = %+v, want the host's open cell", got)
		}
		if got := b.State("never.example", "acme"); got != (Status{Policy: "store", Host: "never.example"}) {
			t.Errorf("state of a host never called = %+v, want closed since never", got)
		}
	})
}

func TestTenantsAreBoundedAndTheHostKeepsItsState(t *testing.T) {
	b := fresh(Config{Consecutive: 2})
	attempt(t, b, "", Failure)
	for i := range MaxTenants + 500 {
		attempt(t, b, fmt.Sprint("flood", i), TenantFailure)
	}
	if got := len(b.States()); got != MaxTenants+1 {
		t.Errorf("%d cells, want %d tenants' and the host's", got, MaxTenants)
	}
	if got := b.State(host, "").Counts.FailedInARow; got != 1 {
		t.Errorf("host has %d failures in a row after the flood, want 1", got)
	}
}

func TestIdleTenantsAreForgottenButNotOpenOnes(t *testing.T) {
	for _, c := range []Config{Default(), {Consecutive: 20}} {
		synctest.Test(t, func(t *testing.T) {
			b := fresh(c)
			attempts(t, 20, b, "stuck", TenantFailure)
			for i := range 10 {
				attempt(t, b, fmt.Sprint("idle", i), TenantFailure)
			}
			if got := len(b.States()); got != 12 {
				t.Fatalf("%v: %d cells, want 12", b.Config(), got)
			}
			time.Sleep(b.idleAfter())
			got := b.States()
			if len(got) != 2 || got[1].Tenant != "stuck" || got[1].State != HalfOpen {
				t.Errorf("%v: states = %+v, want the host and the tenant stuck", b.Config(), got)
			}
		})
	}
}

func TestNewTroubleMakesRoomWithoutPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Default())
		for i := range 100 {
			attempt(t, b, fmt.Sprint("first", i), TenantFailure)
		}
		time.Sleep(time.Hour)
		for i := range 60 {
			attempt(t, b, fmt.Sprint("second", i), TenantFailure)
		}
		if got := b.tenants.size.Load(); got != 60 {
			t.Errorf("%d tenants' cells, want the 60 with recent trouble", got)
		}
	})
}

func TestTroubleThatBeganBeforeTheCellKeepsItToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Default())
		first, _ := b.Allow(host, "acme", time.Minute)
		second, _ := b.Allow(host, "acme", time.Minute)
		first.Done(TenantFailure)
		time.Sleep(20 * time.Second)
		second.Done(TenantFailure)
		time.Sleep(20 * time.Second)
		if own := b.TenantStates("acme"); len(own) != 1 || own[0].Counts.Failed != 1 {
			t.Errorf("the tenant's own cells are %+v, want one with the second failure", own)
		}
		b.States() // Drops what is idle.
		if own := b.TenantStates("acme"); len(own) != 1 {
			t.Errorf("the tenant's own cells are %+v, want it kept", own)
		}
		if own := b.TenantStates(""); own != nil {
			t.Errorf("nobody's own cells are %+v, want none", own)
		}
	})
}
