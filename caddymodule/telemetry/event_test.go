package telemetry

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signpost-gateway/signpost/policy/breaker"
)

func TestABreakerThatOpensOrClosesBecomesACaddyEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []map[string]any
		var names []string
		m := newMetrics()
		e := newEvents(func(name string, data map[string]any) {
			names = append(names, name)
			events = append(events, data)
		}, m.eventsDropped)
		e.Breaker(breaker.Transition{Policy: "store", Host: "api.store.example", From: breaker.Closed, To: breaker.Open})
		e.Breaker(breaker.Transition{Policy: "store", Host: "api.store.example", Tenant: "acme", To: breaker.Open})
		e.Breaker(breaker.Transition{Policy: "store", Host: "api.store.example", From: breaker.Open, To: breaker.HalfOpen})
		e.Breaker(breaker.Transition{Policy: "store", Host: strings.Repeat("h", 1000), From: breaker.HalfOpen, To: breaker.Closed})
		synctest.Wait()
		e.Close()
		want := []map[string]any{
			{"policy": "store", "host": "api.store.example", "from": "closed"},
			{"policy": "store", "host": strings.Repeat("h", maxLogValue), "from": "half-open"},
		}
		if want := []string{"signpost.breaker_opened", "signpost.breaker_closed"}; !reflect.DeepEqual(names, want) {
			t.Errorf("got the events %q, want %q", names, want)
		}
		if !reflect.DeepEqual(events, want) {
			t.Errorf("got  %v\nwant %v", events, want)
		}
		if got := testutil.ToFloat64(m.eventsDropped); got != 0 {
			t.Errorf("got %v dropped, want 0", got)
		}
	})
}

func TestAHandlerThatHangsHoldsUpNeitherCallsNorAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		emitted := 0
		m := newMetrics()
		e := newEvents(func(string, map[string]any) { emitted++; <-release }, m.eventsDropped)

		start := time.Now()
		const transitions = 1000
		for i := range transitions {
			e.Breaker(breaker.Transition{Policy: "store", Host: fmt.Sprint(i), To: breaker.Open})
			if i == 0 {
				synctest.Wait() // the handler has the first and hangs
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("handing over %d transitions waited for %v", transitions, took)
		}
		if got := testutil.ToFloat64(m.eventsDropped); got != transitions-1-maxEvents {
			t.Errorf("got %v dropped, want %d", got, transitions-1-maxEvents)
		}

		e.Close()
		if took := time.Since(start); took != emitPatience {
			t.Errorf("close took %v, want %v", took, emitPatience)
		}
		close(release)
		synctest.Wait()
		e.Breaker(breaker.Transition{Policy: "store", To: breaker.Open})
		if got := testutil.ToFloat64(m.eventsDropped); got != float64(transitions-emitted+1) {
			t.Errorf("got %v dropped and %d emitted, want %d in all", got, emitted, transitions+1)
		}
	})
}

func TestClosingWithoutEventsTakesNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		newEvents(func(string, map[string]any) {}, newMetrics().eventsDropped).Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("close took %v", took)
		}
	})
}
