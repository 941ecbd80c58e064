//go:build e2e

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/e2e/redisserver"
)

// startConfig has a limit, for sidecars that start, are loaded anew and are refused.
func startConfig(state string, parts ...string) string {
	return sharingConfig(state, append(parts, block("tenant", "rate_limit 10/m", "breaker off"))...)
}

func TestASidecarStartsWithoutRedisAndServesAtOnce(t *testing.T) {
	t.Parallel()
	redis := redisserver.Start(t)
	redis.Kill()
	f := deploy(t, crew{size: 2, config: startConfig("fail local"), redis: redis.URL()})
	answers := f.rush(t, 12, "tenant", "ok", "acme")
	for _, s := range f.sidecars {
		if n := len(of(s.number, f.calls("tenant", "acme"))); n != 10 {
			t.Errorf("sidecar %d by itself let %d calls out, want 10", s.number, n)
		}
	}
	wantReached(t, f, "tenant", "acme", 20, answers, "rate_limited")
	for _, s := range f.sidecars {
		f.wantAtOnce(t, s, "success", "initech")
	}
	redis.Restart()
	f.awaitThere(t, true)
	wantReached(t, f, "tenant", "globex", 10, f.rush(t, 12, "tenant", "ok", "globex"), "rate_limited")
}

func TestAClosedSidecarRefusesWithAReasonWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	redis := redisserver.Start(t)
	redis.Kill()
	f := deploy(t, crew{size: 2, config: startConfig("fail closed"), redis: redis.URL()})
	wantRefused(t, f, 0)
	redis.Restart()
	f.awaitThere(t, true)
	wantReached(t, f, "tenant", "acme", 10, f.rush(t, 8, "tenant", "ok", "acme"), "rate_limited")

	redis.Pause()
	paused := f.now()
	first := f.call(t.Context(), f.sidecars[0], "tenant", "ok", "globex")
	if first.outcome != "overloaded" || first.took > 200*time.Millisecond+2*grace {
		t.Errorf("the first call that Redis fails on: %s, want overloaded after 200ms", first)
	}
	f.call(t.Context(), f.sidecars[1], "tenant", "ok", "globex")
	f.awaitThere(t, false)
	wantRefused(t, f, 10)
	for _, s := range f.sidecars {
		if n := s.metric(t, `signpost_shared_state_calls_total{decided="refused"}`); n == 0 {
			t.Errorf("sidecar %d has counted no call as refused", s.number)
		}
	}
	redis.Resume()
	resumed := f.now()
	if back := f.awaitThere(t, true); back-resumed > backWithin {
		t.Errorf("the sidecars are back %s after a pause of %s, want at most %s", back-resumed, resumed-paused, backWithin)
	}
	if a := f.call(t.Context(), f.sidecars[0], "tenant", "ok", "initech"); a.outcome != "success" {
		t.Errorf("after the return: %s", a)
	}
}

// wantAtOnce checks what a bot is told, and that of a few answers one comes at once.
func (f *fleet) wantAtOnce(t *testing.T, s *sidecar, outcome, tenant string) (last told) {
	t.Helper()
	fastest := patience
	for range 3 {
		last = f.call(t.Context(), s, "tenant", "ok", tenant)
		fastest = min(fastest, last.took)
		if err := last.lost(); err != nil || last.outcome != outcome {
			t.Errorf("%v, %s, want %s", err, last, outcome)
		}
	}
	if fastest > grace {
		t.Errorf("%s, and no answer came before %s, want one within %s", last, fastest, grace)
	}
	return last
}

// wantRefused checks that no sidecar lets anything out, and that bots are told why at once.
func wantRefused(t *testing.T, f *fleet, reached int) {
	t.Helper()
	for _, s := range f.sidecars {
		a := f.wantAtOnce(t, s, "overloaded", "acme")
		if a.status != http.StatusServiceUnavailable || a.header.Get("Signpost-Reason") == "" {
			t.Errorf("while Redis is away: %s, want 503 with a reason", a)
		}
	}
	if n := len(f.calls("tenant", "")); n != reached {
		t.Errorf("%d calls reached the third party, want %d", n, reached)
	}
}

func TestAReloadForgetsNothingWithRedisOrWithout(t *testing.T) {
	t.Parallel()
	redis := redisserver.Start(t)
	config := startConfig(patient)
	f := deploy(t, crew{size: 2, config: config, redis: redis.URL()})
	f.awaitThere(t, true)
	reload := func(title string) {
		for _, s := range f.sidecars {
			s.loads(t, s.filled(f, redis, strings.Replace(config, "breaker off", "breaker off\ntitle "+title, 1)))
		}
	}
	f.rush(t, 3, "tenant", "ok", "acme")
	reload("changed")
	f.awaitThere(t, true)
	wantReached(t, f, "tenant", "acme", 10, f.rush(t, 10, "tenant", "ok", "acme"), "rate_limited")

	f.rush(t, 2, "tenant", "ok", "globex")
	redis.Kill()
	f.rush(t, 1, "tenant", "ok", "globex")
	f.awaitThere(t, false)
	reload("again")
	answers := f.rush(t, 12, "tenant", "ok", "globex")
	for _, s := range f.sidecars {
		if n := len(of(s.number, f.calls("tenant", "globex"))); n != 10 {
			t.Errorf("sidecar %d by itself let %d calls out before and after a reload, want 10: %d refused", s.number, n, len(answers["rate_limited"]))
		}
	}
	redis.Restart()
	f.awaitThere(t, true)
	wantReached(t, f, "tenant", "initech", 10, f.rush(t, 12, "tenant", "ok", "initech"), "rate_limited")
}

// filled is a Caddyfile for a sidecar that is running already: what its environment
// said stands in the place of names.
func (s *sidecar) filled(f *fleet, redis *redisserver.Server, config string) string {
	_, port, _ := strings.Cut(strings.TrimPrefix(s.url, "http://"), ":")
	_, admin, _ := strings.Cut(strings.TrimPrefix(s.admin, "http://"), ":")
	return strings.NewReplacer("{$ADMIN}", admin, "{$PORT}", port, "{$STORE}", f.URL, "{$REDIS}", redis.URL()).Replace(config)
}

func TestAPasswordThatIsCorrectedIsTakenWithoutAReload(t *testing.T) {
	t.Parallel()
	const right, wrong = "the-password-that-redis-knows", "a-password-that-redis-does-not-know"
	redis := redisserver.Start(t, "requirepass "+right)
	redis.As("default", right)
	secrets := t.TempDir()
	write := func(password string) {
		if err := os.WriteFile(filepath.Join(secrets, "redis"), []byte(password), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(wrong)
	f := deploy(t, crew{size: 2, redis: redis.URL(), config: startConfig("password {secret.redis}", "secrets dir "+secrets)})
	for _, s := range f.sidecars {
		soon(t, "the reason", func() bool {
			state, err := s.sharing()
			return err == nil && !state.There && strings.Contains(state.Reason, "WRONGPASS")
		})
		f.wantAtOnce(t, s, "success", "acme") // By the sidecar itself.
	}
	write(right)
	corrected := f.now()
	back := f.awaitThere(t, true)
	t.Logf("the sidecars are there %s after the correction", (back - corrected).Round(time.Millisecond))
	if back-corrected > 2*backWithin {
		t.Errorf("they are there %s after the correction, want at most %s", back-corrected, 2*backWithin)
	}
	for _, s := range f.sidecars {
		state, err := s.page("/signpost/state")
		if err != nil {
			t.Error(err)
		}
		for _, text := range []string{s.log.String(), state} {
			if strings.Contains(text, right) || strings.Contains(text, wrong) {
				t.Errorf("sidecar %d shows a password", s.number)
			}
		}
	}
}

func TestNoCallOutlivesItsDeadlineWhileRedisHangs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state   string
		outcome string // once Redis is known to be away
	}{
		{"fail local", "success"},
		{"fail closed", "overloaded"},
		{"fail local; timeout 5s", ""}, // No deadline is so long, and none is to find out.
	} {
		t.Run(c.state, func(t *testing.T) {
			proxy := redisserver.StartProxy(t, redisserver.Start(t).Addr())
			f := deploy(t, crew{size: 1, redis: proxy.URL(), config: sharingConfig(c.state, freeBlock, block("tenant", "rate_limit 1000/m"))})
			f.awaitThere(t, true)
			noise := f.listen(t)
			proxy.Silence()
			var worst time.Duration
			for _, deadline := range []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond, time.Second} {
				for range 3 {
					a := f.call(t.Context(), f.sidecars[0], "tenant", "ok", "acme", "Signpost-Timeout", deadline.String())
					if err := a.lost(); err != nil || a.outcome != c.outcome && a.outcome != "timeout" {
						t.Errorf("with a deadline of %s: %v, %s, want %q or a timeout", deadline, err, a, c.outcome)
					}
					worst = max(worst, a.took-deadline)
				}
			}
			if bound := grace + 2*noise(); worst > bound {
				t.Errorf("an answer came %s after its deadline, want at most %s", worst, bound)
			}
			if c.outcome != "" {
				f.awaitThere(t, false)
				f.wantAtOnce(t, f.sidecars[0], c.outcome, "globex")
			}
		})
	}
}
