package breaker

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTransitionsByHandAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Transition
		r := NewRegistry(func(tr Transition) { told = append(told, tr) })
		b := r.Breaker("store", Config{Consecutive: 1})
		start := time.Now()
		attempt(t, b, "", Failure)
		time.Sleep(time.Second)
		b.Hold(Open, start.Add(time.Minute)) // Open already: nothing to tell.
		time.Sleep(time.Second)
		b.Hold(Closed, start.Add(time.Minute))
		time.Sleep(time.Second)
		b.Hold(Open, start.Add(4*time.Second))
		time.Sleep(time.Minute) // Its end is noticed late.
		attempt(t, b, "", Success)
		b.Reset() // Nor does this change anything.
		attempt(t, b, "", Failure)
		b.Reset()

		at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
		want := []Transition{
			{"store", host, "", Closed, Open, at(0)},
			{"store", host, "", Open, Closed, at(2)},
			{"store", host, "", Closed, Open, at(3)},
			{"store", host, "", Open, Closed, at(4)},
			{"store", host, "", Closed, Open, at(63)},
			{"store", host, "", Open, Closed, at(63)},
		}
		if !slices.Equal(told, want) {
			t.Errorf("told %+v\nwant %+v", told, want)
		}
	})
}

func TestWhatIsDoneToAPolicyIsToldOfItsPartsAtOnce(t *testing.T) {
	var told []string
	r := NewRegistry(func(tr Transition) { told = append(told, tr.Policy+" "+tr.To.String()) })
	whole, part := r.Breaker("store", Config{}), r.Breaker("store.order_status", Config{})
	attempt(t, part, "", Success)
	attempt(t, r.Breaker("storefront", Config{}), "", Success)
	whole.Hold(Open, time.Time{})
	whole.Reset()
	if want := []string{"store.order_status open", "store.order_status closed"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

func TestATenantsTroubleThatComesInWhileItIsHeldOpenIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Transition
		b := NewRegistry(func(tr Transition) { told = append(told, tr) }).Breaker("store", Config{Consecutive: 1})
		late, _ := b.Allow(host, "acme", time.Minute)
		hold(t, b, Open, time.Now().Add(time.Minute))
		late.Done(TenantFailure) // The tenant's first cell is made under the hold.
		if own := b.TenantStates("acme"); len(own) != 1 || own[0].State != Open || !own[0].Held {
			t.Errorf("the tenant's own cells are %+v, want one, held open", own)
		}
		time.Sleep(time.Minute)
		wantState(t, b, "acme", Closed)
		attempt(t, b, "acme", Success)
		for i, tr := range told {
			if want := []State{Closed, Open}[i/2]; tr.From != want || tr.To != Open-want {
				t.Errorf("transition %d is %+v", i, tr)
			}
		}
		if len(told) != 4 {
			t.Errorf("told %+v, want both cells to open and to close", told)
		}
	})
}

func TestTheTransitionsOfEachCellFollowOneAnotherWhateverIsDoneByHand(t *testing.T) {
	var told []Transition
	r := NewRegistry(func(tr Transition) { told = append(told, tr) })
	b := r.Breaker("store", Config{Consecutive: 2, Open: time.Millisecond, Probes: 2})
	var callers, people sync.WaitGroup
	var over atomic.Bool
	for g := range 3 {
		callers.Go(func() {
			for i := range 4000 {
				p, refusal := b.Allow(host, fmt.Sprint("tenant", i%2), time.Second)
				if refusal == nil {
					p.Done([]Result{Success, Failure, TenantFailure, Ignored}[(g+i/7)%4])
				}
			}
		})
	}
	people.Go(func() {
		for i := 0; !over.Load(); i++ {
			switch i % 4 {
			case 0:
				b.Hold(Open, time.Now().Add(50*time.Microsecond))
			case 1:
				b.Hold(Closed, time.Now().Add(time.Millisecond))
			case 2:
				b.Reset()
			default:
				b.States()
			}
		}
	})
	callers.Wait()
	over.Store(true)
	people.Wait()
	b.Reset()

	now := map[string]State{}
	for i, tr := range told {
		if tr.From != now[tr.Tenant] || tr.To == tr.From {
			t.Fatalf("transition %d of %d is %v to %v of tenant %q, but the one before went to %v",
				i, len(told), tr.From, tr.To, tr.Tenant, now[tr.Tenant])
		}
		now[tr.Tenant] = tr.To
	}
	if len(told) == 0 {
		t.Error("nothing told")
	}
	for _, s := range b.States() {
		if s.State != Closed || now[s.Tenant] != Closed || s.Counts != (Counts{}) {
			t.Errorf("after the last reset there is %+v, told last %v", s, now[s.Tenant])
		}
	}
	attempts(t, 1, b, "tenant0", Success)
}

func TestACallThatBeginsAfterAHoldObeysItAndOneBeforeDoesNotUndoIt(t *testing.T) {
	b := fresh(Config{Consecutive: 1, Open: time.Hour})
	b.Hold(Open, time.Time{})
	var wg sync.WaitGroup
	var round atomic.Int64 // Even: held open. Odd: held closed. Changed while gate is locked.
	var gate sync.RWMutex
	const rounds = 300
	for range 3 {
		wg.Go(func() {
			var late []Permit
			for round.Load() < rounds {
				gate.RLock()
				wantOpen := round.Load()%2 == 0
				p, refusal := b.Allow(host, "acme", time.Second)
				if (refusal != nil) != wantOpen {
					t.Errorf("refusal %+v, want one: %v", refusal, wantOpen)
				}
				gate.RUnlock()
				if refusal == nil {
					late = append(late, p)
				}
				if len(late) > 20 {
					for i := range late {
						late[i].Done([]Result{Failure, TenantFailure}[i%2])
					}
					late = nil
				}
			}
		})
	}
	for i := int64(1); i <= rounds; i++ {
		gate.Lock()
		b.Hold([]State{Open, Closed}[i%2], time.Time{})
		round.Store(i)
		gate.Unlock()
		b.States()
	}
	wg.Wait()
}
