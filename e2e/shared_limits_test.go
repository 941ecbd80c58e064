//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/e2e/redisserver"
)

// limitsConfig has each kind of limit that sidecars hold together.
var limitsConfig = sharingConfig(patient,
	"plan gold {\nrate_limit 15/m\ntenants gold\n}",
	block("tenant", "rate_limit 10/m"),
	block("everyone", "rate_limit 100/m shared"),
	block("short", "rate_limit 50/10s"),
	block("sliding", "rate_limit 20/1s"),
	block("mixed", "rate_limit 20/m", "rate_limit 12/10s", "rate_limit 30/m shared"),
	block("fragile", "rate_limit 10/m", "breaker 2 consecutive {\nopen 60s\n}"),
	// A name, and not an address: the guard refuses what it resolves to.
	strings.Replace(block("guarded", "rate_limit 20/m"), "{$STORE}", "{$NAMED_STORE}", 1),
	block("narrow", "concurrency 5"),
	block("together", "concurrency 8 shared", "breaker off"),
)

func TestFourSidecarsHoldOneLimit(t *testing.T) {
	t.Parallel()
	redis := redisserver.Start(t)
	f := deploy(t, crew{size: 4, config: limitsConfig, redis: redis.URL(), env: []string{"NAMED_STORE=http://localhost:1"}})
	f.awaitThere(t, true)
	for _, promise := range []struct {
		name string
		test func(*testing.T, *fleet)
	}{
		{"a tenant's window is one over all sidecars", tenantsShareOneWindow},
		{"a shared window is one over all sidecars and tenants", everyoneSharesOneWindow},
		{"a plan is one over all sidecars and policies", plansAreOne},
		{"all windows are taken together or none", windowsAreTakenTogether},
		{"no span holds more, wherever it lies", spansSlide},
		{"what an open breaker refuses takes nothing", breakersGiveBack},
		{"what the dial guard refuses takes nothing", guardsGiveBack},
		{"calls in flight are counted over all sidecars", placesAreShared},
		{"calls in flight of all tenants are counted over all sidecars", placesAreSharedByAll},
		{"the answer says what is left over all sidecars", answersTellWhatIsLeft},
	} {
		t.Run(promise.name, func(t *testing.T) { promise.test(t, f) })
	}
}

// wantReached checks how many calls of a policy reached the third party, as it says
// itself, and that the others were refused with a word.
func wantReached(t *testing.T, f *fleet, policy, tenant string, want int, answers map[string][]told, refusal string) {
	t.Helper()
	if got := len(f.calls(policy, tenant)); got != want {
		t.Errorf("%d calls of %q for %q reached the third party, want %d", got, policy, tenant, want)
	}
	for outcome, told := range answers {
		if outcome != "success" && outcome != refusal {
			t.Errorf("%d calls of %q have the outcome %s, want success or %s: %s", len(told), policy, outcome, refusal, told[0])
		}
	}
}

func tenantsShareOneWindow(t *testing.T, f *fleet) {
	for _, tenant := range []string{"acme", "globex"} {
		answers := f.rush(t, 50, "tenant", "ok", tenant)
		wantReached(t, f, "tenant", tenant, 10, answers, "rate_limited")
		for _, a := range answers["rate_limited"] {
			if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
				t.Errorf("%s, Retry-After %q, want 429 and when to come back", a, a.header.Get("Retry-After"))
			}
		}
	}
	answers := f.rush(t, 25, "short", "ok", "acme")
	wantReached(t, f, "short", "acme", 50, answers, "rate_limited")
}

func everyoneSharesOneWindow(t *testing.T, f *fleet) {
	for _, tenant := range []string{"acme", "globex", "initech"} {
		f.rush(t, 15, "everyone", "ok", tenant)
	}
	wantReached(t, f, "everyone", "", 100, nil, "rate_limited")
}

func plansAreOne(t *testing.T, f *fleet) {
	f.rush(t, 1, "everyone", "ok", "gold") // Refused there, which takes nothing of the plan's.
	f.rush(t, 3, "sliding", "ok", "gold")
	f.rush(t, 3, "short", "ok", "gold")
	if got := len(f.calls("sliding", "gold")) + len(f.calls("short", "gold")) + len(f.calls("everyone", "gold")); got != 15 {
		t.Errorf("%d calls of a plan with 15 a minute reached the third party", got)
	}
}

func windowsAreTakenTogether(t *testing.T, f *fleet) {
	for _, tenant := range []string{"a", "b", "c", "d"} {
		f.rush(t, 25, "mixed", "ok", tenant)
	}
	wantReached(t, f, "mixed", "", 30, nil, "rate_limited")
	for tenant, want := range map[string]int{"a": 12, "b": 12, "c": 6, "d": 0} {
		wantReached(t, f, "mixed", tenant, want, nil, "rate_limited")
	}
}

func spansSlide(t *testing.T, f *fleet) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	began := f.now()
	f.load(ctx, t, load{bots: 2, pause: 4 * time.Millisecond, policy: "sliding", tenants: []string{"slider"}})
	calls := f.calls("sliding", "slider")
	if fullest := most(time.Second, calls); fullest > 20 {
		t.Errorf("%d calls left within a second, want at most 20", fullest)
	}
	// The promise's other half: of what is allowed, at least 95 % under constant demand.
	if allowed := 20 * (f.now() - began).Seconds(); float64(len(calls)) < 0.95*allowed {
		t.Errorf("%d calls left, want at least 95 %% of %.0f", len(calls), allowed)
	}
}

func breakersGiveBack(t *testing.T, f *fleet) {
	for range 2 {
		if a := f.call(t.Context(), f.sidecars[0], "fragile", "fail", "acme"); a.outcome != "server_error" {
			t.Fatalf("a failing call: %s", a)
		}
	}
	soon(t, "the open breaker at all sidecars", func() bool { return f.breakersAre(t, "fragile", "open") })
	for i := range 40 {
		if a := f.call(t.Context(), f.sidecars[i%4], "fragile", "ok", "acme"); a.outcome != "circuit_open" {
			t.Fatalf("call %d: %s, want circuit_open", i, a)
		}
	}
	f.resetBreaker(t, f.sidecars[3], "fragile")
	soon(t, "the closed breaker at all sidecars", func() bool { return f.breakersAre(t, "fragile", "closed") })
	// What was given back is on its way to Redis.
	soon(t, "the calls that were given back", func() bool {
		f.call(t.Context(), f.sidecars[1], "fragile", "ok", "acme")
		return len(f.calls("fragile", "acme")) == 10
	})
	answers := f.rush(t, 5, "fragile", "ok", "acme")
	wantReached(t, f, "fragile", "acme", 10, answers, "rate_limited")
}

func guardsGiveBack(t *testing.T, f *fleet) {
	for i := range 60 {
		a := f.call(t.Context(), f.sidecars[i%4], "guarded", "ok", "acme")
		if err := a.lost(); err != nil || a.outcome != "denied" {
			t.Fatalf("call %d: %v, %s, want it denied for where it goes", i, err, a)
		}
	}
}

// occupyPlaces has bots of one sidecar make calls that the third party holds.
func (f *fleet) occupyPlaces(t *testing.T, s *sidecar, n int, policy, tenant string) (done <-chan told) {
	t.Helper()
	before, answers := f.holding(), make(chan told, n)
	for range n {
		go func() { answers <- f.call(t.Context(), s, policy, "hold", tenant) }()
	}
	soon(t, fmt.Sprintf("%d calls in flight", n), func() bool { return f.holding() == before+n })
	return answers
}

func placesAreShared(t *testing.T, f *fleet) {
	first := f.occupyPlaces(t, f.sidecars[0], 2, "narrow", "acme")
	second := f.occupyPlaces(t, f.sidecars[1], 3, "narrow", "acme")
	answers := f.rush(t, 5, "narrow", "ok", "acme")
	wantReached(t, f, "narrow", "acme", 5, answers, "overloaded")
	wantReached(t, f, "narrow", "globex", 4, f.rush(t, 1, "narrow", "ok", "globex"), "")
	f.release()
	for range 2 {
		<-first
	}
	for range 3 {
		<-second
	}
	for i, s := range f.sidecars {
		soon(t, "a place that became free", func() bool { return f.call(t.Context(), s, "narrow", "ok", "acme").outcome == "success" })
		if got := len(f.calls("narrow", "acme")); got != 6+i {
			t.Errorf("%d calls reached the third party, want %d", got, 6+i)
		}
	}
}

func placesAreSharedByAll(t *testing.T, f *fleet) {
	first := f.occupyPlaces(t, f.sidecars[2], 4, "together", "acme")
	second := f.occupyPlaces(t, f.sidecars[3], 4, "together", "globex")
	answers := f.rush(t, 3, "together", "ok", "initech")
	wantReached(t, f, "together", "initech", 0, answers, "overloaded")
	f.release()
	for range 4 {
		<-first
		<-second
	}
	soon(t, "a place that became free", func() bool {
		return f.call(t.Context(), f.sidecars[0], "together", "ok", "initech").outcome == "success"
	})
}

func answersTellWhatIsLeft(t *testing.T, f *fleet) {
	for i, want := range []string{"r=9", "r=8", "r=7", "r=6"} {
		a := f.call(t.Context(), f.sidecars[i], "tenant", "ok", "counting")
		if got := a.header.Get("RateLimit"); !strings.Contains(got, want) {
			t.Errorf("sidecar %d says RateLimit: %s, want %s", i, got, want)
		}
	}
}

func TestPlacesOfAKilledSidecarAreFreeAgain(t *testing.T) {
	t.Parallel()
	redis := redisserver.Start(t)
	f := deploy(t, crew{size: 2, redis: redis.URL(), config: sharingConfig(patient,
		block("narrow", "concurrency 3", "timeout 30s"), block("long", "concurrency 1", "timeout 30s"))})
	f.awaitThere(t, true)
	victim, other := f.sidecars[0], f.sidecars[1]
	f.occupyPlaces(t, other, 1, "long", "acme")
	f.occupyPlaces(t, victim, 3, "narrow", "acme")
	if a := f.call(t.Context(), other, "narrow", "ok", "acme"); a.outcome != "overloaded" {
		t.Fatalf("beside three calls in flight of three: %s, want overloaded", a)
	}
	victim.kill(t)
	killed := f.now()
	if a := f.call(t.Context(), other, "narrow", "ok", "acme"); a.outcome != "overloaded" {
		t.Errorf("at once after the kill: %s, want overloaded", a)
	}
	soon(t, "the places of the killed sidecar", func() bool {
		time.Sleep(50 * time.Millisecond)
		return f.call(t.Context(), other, "narrow", "ok", "acme").outcome == "success"
	})
	free := f.now() - killed
	t.Logf("the places of a killed sidecar were free after %s", free.Round(10*time.Millisecond))
	if free > 11*time.Second {
		t.Errorf("they were free after %s, want at most the 10s that a lease lasts", free)
	}
	// A call that goes on has its place for longer than a lease lasts.
	if a := f.call(t.Context(), other, "long", "ok", "acme"); a.outcome != "overloaded" {
		t.Errorf("beside a long call in flight of one: %s, want overloaded", a)
	}
	f.release()
}
