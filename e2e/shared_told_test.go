//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/e2e/redisserver"
)

func TestSpanCallLogAndMetricsSayWhoDecided(t *testing.T) {
	t.Parallel()
	j, redis := startJaeger(t), redisserver.Start(t)
	f := deploy(t, crew{size: 2, redis: redis.URL(), env: []string{"OTEL_BSP_SCHEDULE_DELAY=50"},
		each:   func(number int) []string { return []string{"FAIL=" + []string{"local", "closed"}[number]} },
		config: sharingConfig("fail {$FAIL}; timeout 2s", "trace {\nendpoint "+j.http+"\n}", block("tenant", "rate_limit 10/m")),
	})
	f.awaitThere(t, true)
	f.wantDecided(t, j, f.sidecars[0], "redis")
	f.wantDecided(t, j, f.sidecars[1], "redis")
	redis.Kill()
	for _, s := range f.sidecars {
		f.call(t.Context(), s, "tenant", "ok", "globex")
	}
	f.awaitThere(t, false)
	f.wantDecided(t, j, f.sidecars[0], "local")
	f.wantDecided(t, j, f.sidecars[1], "refused")
}

// wantDecided makes a call, and checks what is said of who decided on its limits.
func (f *fleet) wantDecided(t *testing.T, j jaeger, s *sidecar, want string) {
	t.Helper()
	metric := `signpost_shared_state_calls_total{decided="` + want + `"}`
	before := s.metric(t, metric)
	a := f.call(t.Context(), s, "tenant", "ok", "acme")
	trace := a.header.Get("Signpost-Trace")
	server, _ := j.await(t, trace)
	server.want(t, "signpost.state", want)
	if s.metric(t, metric) != before+1 {
		t.Errorf("sidecar %d has %s %v, want one more than %v", s.number, metric, s.metric(t, metric), before)
	}
	var listed struct {
		Calls []struct {
			ID    string
			Trace string `json:"trace_id"`
		}
	}
	soon(t, "the call in the log", func() bool {
		return s.inquire("/signpost/calls?policy=tenant&tenant=acme", &listed) == nil && len(listed.Calls) > 0 && listed.Calls[0].Trace == trace
	})
	var kept struct{ State struct{ Decided string } }
	if err := s.inquire("/signpost/calls/"+listed.Calls[0].ID, &kept); err != nil || kept.State.Decided != want {
		t.Errorf("sidecar %d keeps of the call that %q decided (%v), want %q", s.number, kept.State.Decided, err, want)
	}
}

func TestWhatTheConfiguredUserMayDoIsAllThatSidecarsNeed(t *testing.T) {
	t.Parallel()
	_, rules, found := strings.Cut(string(readFile(t, "configs/redis/start.sh")), `--user signpost on "#$hash"`)
	if !found {
		t.Fatal("configs/redis/start.sh says nothing of what the user signpost may do")
	}
	redis := redisserver.Start(t)
	redis.Do("ACL", "SETUSER", "keeper", "on", ">keeper", "~*", "&*", "+@all")
	words := strings.Fields(strings.NewReplacer("\\\n", " ", "'", "", `"`, "").Replace(rules))
	redis.Do(append([]string{"ACL", "SETUSER", "signpost", "reset", "on", ">sesame"}, words...)...)
	redis.As("keeper", "keeper")
	redis.Do("ACL", "SETUSER", "default", "off")

	f := deploy(t, crew{size: 2, redis: redis.URL(), env: []string{"REDIS_PASSWORD=sesame"},
		config: sharingConfig(patient+"; user signpost; password {$REDIS_PASSWORD}",
			block("tenant", "rate_limit 10/m"), block("narrow", "concurrency 3"),
			block("probed", "breaker 3 consecutive {\nopen 1s\n}"), block("quick", "breaker 3 consecutive {\nopen 30s\n}"),
			block("kept", "breaker off", "fallback {\nstale 1m\n}"))})
	f.awaitThere(t, true)
	wantReached(t, f, "tenant", "acme", 10, f.rush(t, 10, "tenant", "ok", "acme"), "rate_limited")
	held := f.occupyPlaces(t, f.sidecars[0], 3, "narrow", "acme")
	wantReached(t, f, "narrow", "acme", 3, f.rush(t, 2, "narrow", "ok", "acme"), "overloaded")
	time.Sleep(3500 * time.Millisecond) // Their places are renewed every 3 s.
	f.release()
	for range 3 {
		<-held
	}
	f.fails(t, f.sidecars[0], 3, "quick")
	soon(t, "the trip of another sidecar", func() bool { return f.breakersAre(t, "quick", "open") })
	f.resetBreaker(t, f.sidecars[1], "quick")
	soon(t, "the reset of another sidecar", func() bool { return f.breakersAre(t, "quick", "closed") })
	f.fails(t, f.sidecars[1], 3, "probed")
	soon(t, "probes that close the breakers", func() bool {
		time.Sleep(20 * time.Millisecond)
		f.call(t.Context(), f.sidecars[0], "probed", "ok", "acme")
		return f.calls("probed", "acme")[len(f.calls("probed", "acme"))-1].sidecar == 0 && f.breakersAre(t, "probed", "closed")
	})
	answersAreShared(t, f)
	redis.Do("CLIENT", "KILL", "USER", "signpost")
	f.call(t.Context(), f.sidecars[0], "tenant", "ok", "globex")
	f.awaitThere(t, true)
	for _, refused := range redis.Do("ACL", "LOG").List {
		t.Errorf("Redis refused the sidecars:\n%s", refused)
	}
	if reply, err := redis.Try("EXISTS", "x"); err != nil {
		t.Errorf("the keeper is refused: %s, %v", reply, err)
	}
	redis.As("signpost", "sesame")
	for _, command := range [][]string{{"GET", "other"}, {"FLUSHALL"}, {"CONFIG", "GET", "*"}, {"KEYS", "*"}, {"ACL", "LIST"}, {"SHUTDOWN"}} {
		if reply, err := redis.Try(command...); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("the user signpost may do %v: %s, %v", command, reply, err)
		}
	}
}

// leasedConfig has windows that are large enough to take permits of in batches.
var leasedConfig = sharingConfig(patient+"; leases", block("large", "rate_limit 3000/6s"), block("tenant", "rate_limit 10/m"))

func TestFourSidecarsWithLeasesHoldOneLimit(t *testing.T) {
	t.Parallel()
	redis := redisserver.Start(t)
	f := deploy(t, crew{size: 4, config: leasedConfig, redis: redis.URL()})
	f.awaitThere(t, true)
	wantReached(t, f, "tenant", "acme", 10, f.rush(t, 20, "tenant", "ok", "acme"), "rate_limited")
	ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
	defer cancel()
	tried := f.load(ctx, t, load{bots: 2, pause: 10 * time.Millisecond, policy: "large", tenants: []string{"acme"}})
	calls := f.calls("large", "acme")
	fullest := most(6*time.Second, calls)
	if fullest > 3000 {
		t.Errorf("%d calls left within 6s, want at most 3000", fullest)
	}
	asked := uint64(0)
	for _, s := range f.sidecars {
		state, err := s.sharing()
		if err != nil || state.Decided.Local > 0 {
			t.Errorf("sidecar %d decided %d calls as if Redis were away (%v)", s.number, state.Decided.Local, err)
		}
		asked += state.Calls
	}
	t.Logf("%d of %d calls left, at most %d within 6s, of 3000; Redis was asked %d times", len(calls), tried, fullest, asked)
	if a := f.call(t.Context(), f.sidecars[0], "large", "ok", "globex"); a.status != http.StatusOK {
		t.Errorf("another tenant: %s", a)
	}
}
