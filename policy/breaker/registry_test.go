package breaker

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAReloadKeepsTheState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(nil)
		before := r.Breaker("store", Config{})
		attempts(t, 20, before, "", Failure)
		attempts(t, 1, r.Breaker("other", Config{}), "", Success)

		after := r.Breaker("store", Default())
		r.Prune(after)
		wantState(t, after, "", Open)
		if after != before {
			t.Error("an equal configuration has another breaker")
		}
	})
}

func TestARejectedReloadDisturbsNothing(t *testing.T) {
	r := NewRegistry(nil)
	running := r.Breaker("store", Config{Consecutive: 1})
	attempt(t, running, "", Failure)

	tried := r.Breaker("store", Config{Consecutive: 2})
	wantState(t, tried, "", Closed)
	wantState(t, running, "", Open)
	wantState(t, r.Breaker("store", Config{Consecutive: 1}), "", Open)
}

func TestPruneForgetsWhatNobodyUses(t *testing.T) {
	var told []Transition
	r := NewRegistry(func(tr Transition) { told = append(told, tr) })
	old := r.Breaker("store", Config{Consecutive: 2})
	attempt(t, old, "", Failure)
	last, _ := old.Allow(host, "", time.Second)
	used := r.Breaker("store", Config{Consecutive: 3})
	r.Prune(used)

	last.Done(Failure)
	if len(told) != 0 {
		t.Errorf("told %+v of a forgotten breaker, want nothing", told)
	}
	if got := r.Breaker("store", Config{Consecutive: 2}).State(host, "").Counts.Failed; got != 0 {
		t.Errorf("%d failures remembered after Prune, want 0", got)
	}
	if r.Breaker("store", Config{Consecutive: 3}) != used {
		t.Error("Prune forgot a breaker in use")
	}
}

func TestTransitionsAreToldOnceInOrderAndWithoutALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *Breaker
		var told []Transition
		r := NewRegistry(func(tr Transition) {
			told = append(told, tr)
			// Asking everything here must not lock up.
			b.State(tr.Host, "acme")
			b.States()
			if p, refusal := b.Allow("elsewhere.example", "acme", time.Second); refusal == nil {
				p.Done(Success)
			}
		})
		b = r.Breaker("store", Config{Consecutive: 1, Probes: 1})
		start := time.Now()
		attempt(t, b, "", Failure)
		time.Sleep(20 * time.Second)
		wantState(t, b, "", HalfOpen) // Noticed five seconds late.
		attempt(t, b, "", Success)
		attempt(t, b, "acme", TenantFailure)

		at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
		want := []Transition{
			{"store", host, "", Closed, Open, at(0)},
			{"store", host, "", Open, HalfOpen, at(15)},
			{"store", host, "", HalfOpen, Closed, at(20)},
			{"store", host, "acme", Closed, Open, at(20)},
		}
		if !slices.Equal(told, want) {
			t.Errorf("told %+v\nwant %+v", told, want)
		}
	})
}

func TestTheObserverMayCauseTransitions(t *testing.T) {
	var b *Breaker
	var told []string
	r := NewRegistry(func(tr Transition) {
		told = append(told, tr.Host)
		if next := tr.Host + "x"; len(next) <= 3 {
			p, _ := b.Allow(next, "", time.Second)
			p.Done(Failure)
		}
		told = append(told, "end "+tr.Host)
	})
	b = r.Breaker("store", Config{Consecutive: 1})
	p, _ := b.Allow("x", "", time.Second)
	p.Done(Failure)
	want := []string{"x", "end x", "xx", "end xx", "xxx", "end xxx"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want one after the other: %q", told, want)
	}
}

func TestAPanickingObserverDoesNotSilenceTheNext(t *testing.T) {
	n := 0
	b := NewRegistry(func(Transition) {
		if n++; n == 1 {
			panic("observer")
		}
	}).Breaker("store", Config{Consecutive: 1})
	func() {
		defer func() { _ = recover() }()
		attempt(t, b, "", Failure)
	}()
	p, _ := b.Allow("other.example", "", time.Second)
	p.Done(Failure)
	if n != 2 {
		t.Errorf("observer called %d times, want 2", n)
	}
}

func TestConcurrentTransitionsOfACellAreToldInOrder(t *testing.T) {
	var told []Transition // Written by one at a time: that is the promise.
	r := NewRegistry(func(tr Transition) { told = append(told, tr) })
	b := r.Breaker("store", Config{Consecutive: 1, Open: time.Millisecond, Probes: 1})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 3000 {
				if p, refusal := b.Allow(host, "", time.Second); refusal == nil {
					p.Done([]Result{Success, Failure}[(g+i)%2])
				}
			}
		})
	}
	wg.Wait()
	b.States()
	state := Closed
	for i, tr := range told {
		if tr.From != state || tr.To == tr.From {
			t.Fatalf("transition %d of %d goes from %v to %v, but the one before went to %v", i, len(told), tr.From, tr.To, state)
		}
		state = tr.To
	}
	if len(told) == 0 {
		t.Error("nothing told")
	}
}

func TestWhatAnObserverCannotTakeIsBounded(t *testing.T) {
	n := 0
	tl := teller{observe: func(Transition) { n++ }}
	for range maxUntold + 10 {
		tl.add(Transition{})
	}
	tl.tell()
	if n != maxUntold {
		t.Errorf("%d told, want %d", n, maxUntold)
	}
}
