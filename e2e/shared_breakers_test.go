//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/e2e/redisserver"
)

// breakersConfig has breakers that trip soon, and answers that are kept.
var breakersConfig = sharingConfig(patient, freeBlock,
	block("quick", "breaker 3 consecutive {\nopen 30s\n}"),
	block("late", "breaker 3 consecutive {\nopen 30s\n}"),
	block("probed", "breaker 3 consecutive {\nopen 1s\nprobes 3\n}"),
	block("failing", "breaker 3 consecutive {\nopen 1s\nprobes 2\n}"),
	block("counted", "breaker 50% of 20 in 30s {\nopen 30s\n}"),
	block("kept", "breaker off", "fallback {\nstale 10m\n}"),
)

// keptBreakers is what the admin API tells of breakers.
type keptBreakers struct {
	Breakers []struct {
		Policy string
		Held   string
		Cells  []struct{ Tenant, State string }
	}
}

// breakersAre tells whether the breaker of a policy's host has a state at all sidecars. One
// that has counted nothing is closed.
func (f *fleet) breakersAre(t *testing.T, policy, state string) bool {
	t.Helper()
	for _, s := range f.sidecars {
		if got := s.breaker(t, policy); got != state {
			return false
		}
	}
	return true
}

// breaker is the state of a policy's breaker for its host.
func (s *sidecar) breaker(t *testing.T, policy string) string {
	t.Helper()
	var kept keptBreakers
	if err := s.inquire("/signpost/breakers", &kept); err != nil {
		t.Fatalf("asking for breakers: %v", err)
	}
	for _, b := range kept.Breakers {
		for _, cell := range b.Cells {
			if b.Policy == policy && cell.Tenant == "" {
				return cell.State
			}
		}
	}
	return "closed"
}

// resetBreaker has the operator of one sidecar reset a breaker.
func (f *fleet) resetBreaker(t *testing.T, s *sidecar, policy string) {
	t.Helper()
	f.changeBreaker(t, s, policy+"/reset", "")
}

// changeBreaker posts to the admin API of breakers.
func (f *fleet) changeBreaker(t *testing.T, s *sidecar, path, body string) {
	t.Helper()
	resp, err := inquirer.Post(s.admin+"/signpost/breakers/"+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatalf("changing a breaker: %v", err)
	}
	if text, err := read(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("changing a breaker: %s %s %v", resp.Status, text, err)
	}
}

// fails has a sidecar's bot meet so many failures of the third party.
func (f *fleet) fails(t *testing.T, s *sidecar, n int, policy string) {
	t.Helper()
	for range n {
		if a := f.call(t.Context(), s, policy, "fail", "acme"); a.outcome != "server_error" {
			t.Fatalf("a failing call of %q: %s", policy, a)
		}
	}
}

func TestSidecarsShareBreakersAndAnswers(t *testing.T) {
	t.Parallel()
	redis := redisserver.Start(t)
	f := deploy(t, crew{size: 4, config: breakersConfig, redis: redis.URL()})
	f.awaitThere(t, true)
	for _, promise := range []struct {
		name string
		test func(*testing.T, *fleet)
	}{
		{"one sidecar's trip opens the others within 100 ms, and a reset closes all", tripsAreHeard},
		{"failures count over all sidecars", failuresAreCounted},
		{"probes are counted over all sidecars, and close all", probesAreShared},
		{"a failing probe opens all anew", probesFail},
		{"a sidecar that comes later finds what is open", latecomersFollow},
		{"what is held by hand is held everywhere", holdsAreShared},
		{"an answer that one sidecar kept another gives, to the same tenant alone", answersAreShared},
	} {
		t.Run(promise.name, func(t *testing.T) { promise.test(t, f) })
	}
}

// heardWithin bounds how long a sidecar's trip takes to the others.
const heardWithin = 100 * time.Millisecond

func tripsAreHeard(t *testing.T, f *fleet) {
	const trips = 20
	var slowest time.Duration
	noise := f.listen(t)
	for trip := range trips {
		at := f.sidecars[trip%len(f.sidecars)]
		f.fails(t, at, 3, "quick")
		tripped := f.now()
		for _, s := range f.sidecars {
			soon(t, "the trip of another sidecar", func() bool { return s.breaker(t, "quick") == "open" })
		}
		slowest = max(slowest, f.now()-tripped)
		for _, s := range f.sidecars {
			if a := f.call(t.Context(), s, "quick", "ok", "acme"); a.outcome != "circuit_open" || a.header.Get("Retry-After") == "" {
				t.Errorf("trip %d: %s, Retry-After %q, want circuit_open and when to come back", trip, a, a.header.Get("Retry-After"))
			}
		}
		f.resetBreaker(t, f.sidecars[(trip+1)%len(f.sidecars)], "quick")
		soon(t, "the reset of another sidecar", func() bool { return f.breakersAre(t, "quick", "closed") })
	}
	t.Logf("of %d trips the slowest was known to all sidecars after %s", trips, slowest.Round(100*time.Microsecond))
	if bound := heardWithin + noise(); slowest > bound {
		t.Errorf("a trip was known to all sidecars after %s, want at most %s", slowest, bound)
	}
}

func failuresAreCounted(t *testing.T, f *fleet) {
	// Ten successes and nine failures at each of two: no sidecar has 20 by itself.
	for i := range 9 {
		f.fails(t, f.sidecars[i%2], 1, "counted")
		f.call(t.Context(), f.sidecars[(i+1)%2], "counted", "ok", "acme")
	}
	time.Sleep(100 * time.Millisecond) // Results are told in batches.
	if !f.breakersAre(t, "counted", "closed") {
		t.Fatal("a breaker is open after 18 attempts, want it to wait for 20")
	}
	f.fails(t, f.sidecars[2], 1, "counted")
	f.call(t.Context(), f.sidecars[3], "counted", "fail", "acme") // It may be open by now.
	soon(t, "breakers that 20 attempts at four sidecars open", func() bool { return f.breakersAre(t, "counted", "open") })
}

func probesAreShared(t *testing.T, f *fleet) {
	f.fails(t, f.sidecars[0], 3, "probed")
	soon(t, "the trip", func() bool { return f.breakersAre(t, "probed", "open") })
	before := len(f.calls("probed", ""))
	// From before the end of the open time bots of all sidecars want to pass; whoever
	// does is held by the third party.
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var bots sync.WaitGroup
	for _, s := range f.sidecars {
		for range 4 {
			bots.Go(func() {
				for rest(ctx, 10*time.Millisecond) {
					if a := f.call(context.WithoutCancel(ctx), s, "probed", "hold", "acme"); a.lost() != nil || a.outcome != "success" && a.outcome != "circuit_open" {
						t.Errorf("beside probes: %v, %s", a.lost(), a)
						return
					}
				}
			})
		}
	}
	soon(t, "three probes", func() bool { return f.holding() == 3 })
	<-ctx.Done()
	if probes := len(f.calls("probed", "")) - before; probes != 3 {
		t.Errorf("%d probes reached the third party while none had ended, want 3", probes)
	}
	done := make(chan struct{})
	go func() { bots.Wait(); close(done) }()
	soon(t, "the end of all calls", func() bool { // Whoever calls after the first release is held, too.
		f.release()
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
	soon(t, "breakers that the probes close", func() bool { return f.breakersAre(t, "probed", "closed") })
}

func probesFail(t *testing.T, f *fleet) {
	f.fails(t, f.sidecars[0], 3, "failing")
	soon(t, "the trip", func() bool { return f.breakersAre(t, "failing", "open") })
	soon(t, "a probe of another sidecar", func() bool {
		time.Sleep(10 * time.Millisecond)
		return f.call(t.Context(), f.sidecars[1], "failing", "fail", "acme").outcome == "server_error"
	})
	failed := f.now()
	soon(t, "the trip of a probe", func() bool { return f.breakersAre(t, "failing", "open") })
	if took := f.now() - failed; took > heardWithin {
		t.Errorf("that a probe failed is known to all after %s, want at most %s", took, heardWithin)
	}
}

func latecomersFollow(t *testing.T, f *fleet) {
	f.fails(t, f.sidecars[0], 3, "late")
	soon(t, "the trip", func() bool { return f.breakersAre(t, "late", "open") })
	latecomer := startSidecar(t, binary, 4, breakersConfig, f.env)
	latecomer.awaitHealth(t, latecomer.ended)
	soon(t, "Redis", func() bool { state, err := latecomer.sharing(); return err == nil && state.There })
	a := f.call(t.Context(), latecomer, "late", "ok", "acme")
	after, err := strconv.Atoi(a.header.Get("Retry-After"))
	if a.outcome != "circuit_open" || err != nil || after > 30 || latecomer.breaker(t, "late") != "open" {
		t.Errorf("at a sidecar that came later: %s, Retry-After %d (%v), breaker %s, want it open for what is left of 30s",
			a, after, err, latecomer.breaker(t, "late"))
	}
}

func holdsAreShared(t *testing.T, f *fleet) {
	f.changeBreaker(t, f.sidecars[2], "quick/hold", `{"state":"open","for":"10m"}`)
	for _, s := range f.sidecars {
		soon(t, "what another sidecar's operator holds open", func() bool {
			return f.call(t.Context(), s, "quick", "ok", "acme").outcome == "circuit_open"
		})
	}
	f.resetBreaker(t, f.sidecars[1], "quick")
	for _, s := range f.sidecars {
		soon(t, "what another sidecar's operator lets go", func() bool {
			return f.call(t.Context(), s, "quick", "ok", "acme").outcome == "success"
		})
	}
}

func answersAreShared(t *testing.T, f *fleet) {
	const path = "/kept/shaky/acme"
	if a := f.ask(t.Context(), f.sidecars[0], path, "acme"); a.outcome != "success" {
		t.Fatalf("the answer to keep: %s", a)
	}
	f.down.Store(true)
	defer f.down.Store(false)
	for _, s := range f.sidecars {
		soon(t, "an answer that another sidecar kept", func() bool {
			return f.ask(t.Context(), s, path, "acme").header.Get("Signpost-Fallback") == "stale"
		})
		a := f.ask(t.Context(), s, path, "acme")
		if a.status != http.StatusOK || a.outcome != "server_error" || a.header.Get("Age") == "" || !strings.Contains(a.body, `"status":"fine"`) {
			t.Errorf("%s with Age %q and %q, want what was kept", a, a.header.Get("Age"), a.body)
		}
		if a := f.ask(t.Context(), s, path, "globex"); a.header.Get("Signpost-Fallback") != "" || strings.Contains(a.body, "fine") {
			t.Errorf("another tenant: %s with %q, want nothing that was kept for acme", a, a.body)
		}
	}
}
