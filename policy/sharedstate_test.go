package policy_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/signpost-gateway/signpost/policy"
)

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so after 10 s: %s", what)
		}
	}
}

// heard keeps what gateways say to their operators.
type heard struct {
	mu    sync.Mutex
	lines strings.Builder
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lines.Write(p)
}

// count tells how often a text was said.
func (h *heard) count(text string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Count(h.lines.String(), text)
}

// onRedis is a Spec with its state at a Redis.
func onRedis(spec policy.Spec, address, fail string) policy.Spec {
	// A long time-out: machines that run tests are slow at times.
	spec.State = &policy.StateSpec{Redis: "redis://" + address, Fail: fail, Timeout: seconds(2)}
	return spec
}

// beside starts a gateway with a state of its own, as a further sidecar has. It waits
// until Redis is there, if it is to be.
func beside(t testing.TB, spec policy.Spec, upstream http.RoundTripper, there bool, options ...func(*policy.Options)) *policy.Gateway {
	t.Helper()
	g := open(t, spec, upstream, append([]func(*policy.Options){func(o *policy.Options) { o.Log = slog.New(slog.DiscardHandler) }}, options...)...)
	if err := g.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Stop)
	if there {
		eventually(t, "Redis is there", func() bool { return g.SharedState().There })
	}
	return g
}

// outcome sends a call of the tenant acme and gives what became of it.
func outcome(t testing.TB, g *policy.Gateway, path string) string {
	t.Helper()
	resp, _ := call(t, g, request("GET", path, ""))
	return resp.Header.Get("Signpost-Outcome")
}

// limited is a Spec whose tenants have a limit.
func limited(rate string, rules policy.Rules) policy.Spec {
	spec := store(rules)
	spec.Plans = []policy.Plan{{Name: "default", RateLimits: []policy.RateLimit{{Rate: rate}}}}
	return spec
}

func TestSidecarsOnOneRedisHoldOneLimitTogether(t *testing.T) {
	redis := miniredis.RunT(t)
	var asked atomic.Int64
	party := thirdParty(func(r *http.Request) (*http.Response, error) {
		asked.Add(1)
		return reply(r, 200, `{}`), nil
	})
	spec := onRedis(limited("20/h", policy.Rules{}), redis.Addr(), "")
	var sidecars [4]*policy.Gateway
	for i := range sidecars {
		sidecars[i] = beside(t, spec, party, true)
	}
	var admitted, refused atomic.Int64
	var bots sync.WaitGroup
	for i := range 80 {
		bots.Go(func() {
			switch got := outcome(t, sidecars[i%len(sidecars)], "/x"); got {
			case "success":
				admitted.Add(1)
			case "rate_limited":
				refused.Add(1)
			default:
				t.Errorf("a call came to %s", got)
			}
		})
	}
	bots.Wait()
	if admitted.Load() != 20 || asked.Load() != 20 || refused.Load() != 60 {
		t.Errorf("admitted %d, sent %d, refused %d, want 20, 20, 60", admitted.Load(), asked.Load(), refused.Load())
	}
}

func TestEachSidecarGoesOnWithItsOwnLimitWhileRedisIsAwayAndWarnsOnce(t *testing.T) {
	redis := miniredis.RunT(t)
	var log heard
	g := beside(t, onRedis(limited("3/h", policy.Rules{}), redis.Addr(), ""), says(200, `{}`), true,
		func(o *policy.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	if got := outcome(t, g, "/x"); got != "success" {
		t.Fatalf("the first call came to %s", got)
	}
	redis.Close()
	for i, want := range []string{"success", "success", "rate_limited", "rate_limited"} {
		if got := outcome(t, g, "/x"); got != want {
			t.Errorf("call %d without Redis came to %s, want %s: the one before counts too", i+1, got, want)
		}
	}
	eventually(t, "it was told", func() bool { return log.count("the shared state is away") > 0 })
	if n := log.count("level=WARN"); n != 1 {
		t.Errorf("warned %d times, want once:\n%s", n, log.lines.String())
	}
	if s := g.SharedState(); s.There || s.Reason == "" || s.Decided.Redis != 1 || s.Decided.Local != 4 {
		t.Errorf("told %+v, want away with a reason, 1 decided by Redis and 4 here", s)
	}
	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Redis is there again", func() bool { return g.SharedState().There })
	if n := log.count("the shared state is there"); n != 2 {
		t.Errorf("said %d times that Redis is there, want twice:\n%s", n, log.lines.String())
	}
}

func TestCallsAreRefusedAsOverloadedWhileRedisIsAwayWhereThatIsSaid(t *testing.T) {
	redis := miniredis.RunT(t)
	g := beside(t, onRedis(limited("3/h", policy.Rules{}), redis.Addr(), "closed"), thirdParty(func(r *http.Request) (*http.Response, error) {
		t.Error("a call was sent")
		return reply(r, 200, `{}`), nil
	}), true)
	redis.Close()
	for range 3 {
		resp, body := call(t, g, request("GET", "/x", ""))
		if resp.StatusCode != 503 || resp.Header.Get("Signpost-Outcome") != "overloaded" || !strings.Contains(body, "away") || resp.Header.Get("Retry-After") == "" {
			t.Errorf("got %d %s %s, want 503, overloaded, when to come back, and why", resp.StatusCode, resp.Header.Get("Signpost-Outcome"), body)
		}
	}
	if s := g.SharedState(); s.Decided.Refused != 3 {
		t.Errorf("told %+v, want 3 refused", s)
	}
}

func TestABreakerThatTripsAtOneSidecarIsOpenAtTheOthers(t *testing.T) {
	redis := miniredis.RunT(t)
	spec := onRedis(limited("1000/h", policy.Rules{Breaker: &policy.BreakerSpec{Trip: "5 consecutive"}}), redis.Addr(), "")
	one := beside(t, spec, says(500, `{}`), true)
	other := beside(t, spec, says(200, `{}`), true)
	for range 5 {
		if got := outcome(t, one, "/x"); got != "server_error" {
			t.Fatalf("a call came to %s", got)
		}
	}
	eventually(t, "the other is open", func() bool { return outcome(t, other, "/x") == "circuit_open" })
	if !one.ResetBreaker("store") {
		t.Fatal("there is no breaker")
	}
	eventually(t, "the other is closed", func() bool { return outcome(t, other, "/x") == "success" })
}

func TestSidecarsOnDifferentDatabasesOfOneRedisHaveNothingInCommon(t *testing.T) {
	redis := miniredis.RunT(t)
	spec := onRedis(limited("1000/h", policy.Rules{Breaker: &policy.BreakerSpec{Trip: "1 consecutive"}}), redis.Addr(), "")
	elsewhere := onRedis(spec, redis.Addr()+"/1", "")
	one := beside(t, elsewhere, says(500, `{}`), true)
	twin := beside(t, elsewhere, says(200, `{}`), true)
	other := beside(t, spec, says(200, `{}`), true)
	outcome(t, one, "/x")
	eventually(t, "the twin is open", func() bool { return outcome(t, twin, "/x") == "circuit_open" })
	if got := outcome(t, other, "/x"); got != "success" {
		t.Errorf("on another database a call came to %s, want success", got)
	}
}

func TestAStaleAnswerOfOneSidecarIsGivenByAnotherToTheSameTenantAlone(t *testing.T) {
	redis := miniredis.RunT(t)
	spec := onRedis(limited("1000/h", policy.Rules{Breaker: &policy.BreakerSpec{Trip: "off"}, Fallbacks: []policy.Fallback{{Stale: seconds(600)}}}), redis.Addr(), "")
	one := beside(t, spec, says(200, `{"from":"one"}`), true)
	other := beside(t, spec, says(500, `{}`), true)
	if got := outcome(t, one, "/x"); got != "success" {
		t.Fatalf("a call came to %s", got)
	}
	eventually(t, "the other gives it", func() bool {
		resp, body := call(t, other, request("GET", "/x", ""))
		return resp.StatusCode == 200 && body == `{"from":"one"}` && resp.Header.Get("Age") != ""
	})
	stranger := request("GET", "/x", "")
	stranger = stranger.WithContext(policy.WithTenant(t.Context(), "globex"))
	if resp, body := call(t, other, stranger); resp.StatusCode != 500 {
		t.Errorf("another tenant got %d %s, want the third party's own failure", resp.StatusCode, body)
	}
}

func TestACallThatTimesOutHasTimeLeftForASharedStaleAnswer(t *testing.T) {
	redis := miniredis.RunT(t)
	spec := onRedis(limited("1000/h", policy.Rules{Timeout: seconds(0.4), Breaker: &policy.BreakerSpec{Trip: "off"}, Fallbacks: []policy.Fallback{{Stale: seconds(600)}}}), redis.Addr(), "")
	one := beside(t, spec, says(200, `{"from":"one"}`), true)
	outcome(t, one, "/x")
	slow := beside(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}), true)
	eventually(t, "the stale answer comes, within the deadline", func() bool {
		began := time.Now()
		resp, body := call(t, slow, request("GET", "/x", ""))
		if took := time.Since(began); took > 500*time.Millisecond {
			t.Logf("took %s", took)
			return false
		}
		return resp.Header.Get("Signpost-Outcome") == "timeout" && body == `{"from":"one"}`
	})
}

func TestAReloadKeepsTheConnectionToRedisUnlessItSaysSomethingElse(t *testing.T) {
	redis := miniredis.RunT(t)
	spec := onRedis(limited("1000/h", policy.Rules{}), redis.Addr(), "")
	state := policy.NewState(nil)
	share := func(o *policy.Options) { o.State = state }
	first := beside(t, spec, says(200, `{}`), true, share)
	outcome(t, first, "/x")
	connected := redis.TotalConnectionCount()
	changed := spec
	changed.Plans = []policy.Plan{{Name: "default", RateLimits: []policy.RateLimit{{Rate: "2000/h"}}}}
	second := beside(t, changed, says(200, `{}`), false, share)
	if !second.SharedState().There {
		t.Error("Redis is not there at once for a configuration that took over")
	}
	first.Stop()
	if got := outcome(t, second, "/x"); got != "success" || second.SharedState().Decided.Redis != 2 {
		t.Errorf("a call came to %s, decided %+v, want success and 2 decided by Redis", got, second.SharedState().Decided)
	}
	if now := redis.TotalConnectionCount(); now != connected {
		t.Errorf("%d connections were made, want %d as before", now, connected)
	}
	elsewhere := onRedis(changed, redis.Addr(), "")
	elsewhere.State.Prefix = "other"
	third := beside(t, elsewhere, says(200, `{}`), true, share)
	second.Stop()
	if got := outcome(t, third, "/x"); got != "success" {
		t.Errorf("a call came to %s", got)
	}
	third.Stop()
	eventually(t, "all connections are closed", func() bool { return redis.CurrentConnectionCount() == 0 })
}

func TestASidecarThatStartsBeforeRedisServesAtOnce(t *testing.T) {
	redis := miniredis.NewMiniRedis()
	if err := redis.Start(); err != nil {
		t.Fatal(err)
	}
	address := redis.Addr()
	redis.Close()
	g := beside(t, onRedis(limited("3/h", policy.Rules{}), address, ""), says(200, `{}`), false)
	if got := outcome(t, g, "/x"); got != "success" {
		t.Errorf("a call came to %s, want success", got)
	}
	if err := redis.StartAddr(address); err != nil {
		t.Fatal(err)
	}
	defer redis.Close()
	eventually(t, "Redis is there", func() bool { return g.SharedState().There })
}

func TestCallsThatAnOpenBreakerKeepsBackTakeNothingNotEvenFromEachOther(t *testing.T) {
	redis := miniredis.RunT(t)
	g := beside(t, onRedis(limited("2/h", policy.Rules{Breaker: &policy.BreakerSpec{Trip: "1 consecutive"}}), redis.Addr(), ""), says(500, `{}`), true)
	if got := outcome(t, g, "/x"); got != "server_error" {
		t.Fatalf("the first call came to %s", got)
	}
	var bots sync.WaitGroup
	for range 40 {
		bots.Go(func() {
			if got := outcome(t, g, "/x"); got != "circuit_open" {
				t.Errorf("a call came to %s, want circuit_open", got)
			}
		})
	}
	bots.Wait()
	if info, err := g.Tenant("acme", false); err != nil || info.Limits[0].Remaining != 1 {
		t.Errorf("%+v is left, %v; want 1 call", info.Limits, err)
	}
}

func TestACallWhoseBotIsGoneBeforeItIsSentTakesNothing(t *testing.T) {
	redis := miniredis.RunT(t)
	g := beside(t, onRedis(limited("2/h", policy.Rules{}), redis.Addr(), ""), thirdParty(func(*http.Request) (*http.Response, error) {
		t.Error("a call was sent")
		return nil, errReset
	}), true)
	gone, leave := context.WithCancel(policy.WithTenant(t.Context(), "acme"))
	leave()
	for range 3 {
		if resp, _ := call(t, g, request("GET", "/x", "").WithContext(gone)); resp.Header.Get("Signpost-Outcome") != "canceled" {
			t.Errorf("a call came to %s, want canceled", resp.Header.Get("Signpost-Outcome"))
		}
	}
	if info, err := g.Tenant("acme", false); err != nil || info.Limits[0].Remaining != 2 {
		t.Errorf("%+v is left, %v; want 2 calls", info.Limits, err)
	}
}

func TestAPlaceIsFreeForAnotherSidecarBeforeTheBotHasReadItsAnswer(t *testing.T) {
	redis := miniredis.RunT(t)
	spec := onRedis(limited("1000/h", policy.Rules{Extracts: []policy.Extract{{Var: "a", Path: "$.a"}}}), redis.Addr(), "")
	spec.Plans[0].Concurrency = []policy.Concurrency{{Calls: 1}}
	one := beside(t, spec, says(200, `{"a":1}`), true)
	other := beside(t, spec, says(200, `{"a":1}`), true)
	unread, err := one.Policy("store").RoundTrip(request("GET", "/x", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Body.Close()
	eventually(t, "the place is free", func() bool { return outcome(t, other, "/x") == "success" })
}
