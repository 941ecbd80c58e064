//go:build e2e || soak

package e2e

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/e2e/redisserver"
)

var (
	sharedSoakTime = flag.Duration("shared-soak", time.Minute, "how long sidecars on one Redis are under load and faults")
	sharedSoakSeed = flag.Uint64("shared-soak-seed", 0, "which faults come, and when; 0: one that the test chooses and tells")
)

// soakedLimits are those of the soak's policy, as they stand in its configuration.
var soakedLimits = []struct {
	n      int
	window time.Duration
	shared bool // of all tenants together
}{
	{20, time.Second, false},
	{120, 10 * time.Second, false}, // Counted in slices.
	{60, time.Second, true},
}

// soakPatience is how long the soak's sidecars wait for Redis. That is longer than by
// default: what is counted is tested, and a busy moment of the machine is no fault.
const soakPatience = 500 * time.Millisecond

// soakedTenants are whom the soak's bots work for.
var soakedTenants = []string{"a", "b", "c", "d"}

// sharedSoakConfig has all that sidecars share.
var sharedSoakConfig = sharingConfig("timeout "+soakPatience.String(),
	block("store", "rate_limit 20/1s", "rate_limit 120/10s", "rate_limit 60/1s shared", "concurrency 30",
		"timeout 2s", "breaker 50% of 20 in 1s {\nopen 200ms\n}", "fallback {\nstale 1m\nrespond 200 text/plain later\n}"))

// sharedSoak is a soak as it goes on.
type sharedSoak struct {
	*world
	random *rand.Rand
	apart  []period // in which Redis forgot, or a sidecar decided by itself
	calls  int
}

func TestSoakOfSidecarsOnOneRedisKeepsThePromiseThroughEveryFault(t *testing.T) {
	t.Parallel()
	if *sharedSoakSeed == 0 {
		*sharedSoakSeed = rand.Uint64()
	}
	t.Logf("the same faults again: -shared-soak-seed %d", *sharedSoakSeed)
	w := &world{redis: redisserver.Start(t), other: redisserver.Start(t)}
	w.proxy = redisserver.StartProxy(t, w.redis.Addr())
	w.fleet = deploy(t, crew{size: 4, config: sharedSoakConfig, redis: w.proxy.URL()})
	s := &sharedSoak{world: w, random: rand.New(rand.NewPCG(*sharedSoakSeed, 0))}

	// What a third of the time has filled is the measure for the rest.
	w.awaitThere(t, true)
	s.soak(t, *sharedSoakTime/3)
	before := s.sizes(t)
	s.soak(t, *sharedSoakTime-*sharedSoakTime/3)
	for i, after := range s.sizes(t) {
		t.Logf("sidecar %d: %d goroutines, then %d; %d KiB of heap, then %d KiB", i, before[i][0], after[0], before[i][1]>>10, after[1]>>10)
		if after[0] > before[i][0]+goroutineSlack || after[1] > before[i][1]*3/2+heapSlack {
			t.Errorf("sidecar %d holds more and more", i)
		}
	}
	if n, bound := w.redis.Clients(), connectionsEach*len(w.sidecars); n > bound {
		t.Errorf("Redis has %d connections in the end, want at most %d", n, bound)
	}
	s.check(t)
}

// sizes are the goroutines and the heap of each sidecar, a while after the last call.
func (s *sharedSoak) sizes(t *testing.T) (all [][2]int) {
	t.Helper()
	time.Sleep(3 * time.Second) // Longer than any call.
	for _, sidecar := range s.sidecars {
		goroutines, heap := sizes(t, sidecar.admin)
		all = append(all, [2]int{goroutines, heap})
	}
	return all
}

// soak loads the sidecars while troubles come and go.
func (s *sharedSoak) soak(t *testing.T, length time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	loaded, alone := make(chan int), s.watch(t, 50*time.Millisecond)
	go func() {
		loaded <- s.load(ctx, t, load{bots: 2, pause: 12 * time.Millisecond, policy: "store",
			kinds: []string{"ok", "ok", "ok", "ok", "shaky", "shaky", "fail"}, tenants: soakedTenants})
	}()
	defer func() {
		cancel()
		s.calls += <-loaded
		s.apart = append(s.apart, alone()...)
	}()
	for end := s.now() + length; s.now() < end; {
		s.awaitThere(t, true)
		s.sleep(500*time.Millisecond, 3*time.Second)
		s.down.Store(s.random.IntN(3) == 0) // Breakers have something to do, too.
		s.suffer(t, troubles[s.random.IntN(len(troubles))])
	}
}

// suffer has one trouble come and go.
func (s *sharedSoak) suffer(t *testing.T, trouble trouble) {
	t.Helper()
	began := s.now()
	trouble.begin(s.world)
	s.sleep(50*time.Millisecond, 1500*time.Millisecond)
	trouble.end(s.world)
	ended := s.now()
	if trouble.forgets {
		s.apart = append(s.apart, period{began, ended})
	}
	time.Sleep(2 * soakPatience) // Whoever is still to find out has done so by then.
	back := s.awaitThere(t, true)
	t.Logf("%6s for %4s: %s; all are there %s later", began.Round(time.Second), (ended - began).Round(time.Millisecond), trouble.name, (back - ended).Round(time.Millisecond))
	if back-ended > 2*soakPatience+2*backWithin {
		t.Errorf("%s: the sidecars are there %s after the end", trouble.name, back-ended)
	}
}

// sleep lasts for a random while.
func (s *sharedSoak) sleep(least, most time.Duration) {
	time.Sleep(least + time.Duration(s.random.Int64N(int64(most-least))))
}

// check looks at every call that reached the third party: no sidecar by itself let
// more out than a limit in any span, and in any span in which Redis decided and knew what
// it had decided all of them together did not either.
func (s *sharedSoak) check(t *testing.T) {
	t.Helper()
	all, watched := s.ledger.calls("store", ""), 0
	together := calm(period{0, s.now()}, s.apart)
	for _, limit := range soakedLimits {
		for _, tenant := range soakedTenants {
			calls, whose := all, "all tenants"
			if !limit.shared {
				calls, whose = s.ledger.calls("store", tenant), "tenant "+tenant
			}
			for _, sidecar := range s.sidecars {
				if n := most(limit.window, of(sidecar.number, calls)); n > limit.n {
					t.Errorf("sidecar %d let %d calls of %s out in %s, want at most %d", sidecar.number, n, whose, limit.window, limit.n)
				}
			}
			for _, p := range together {
				if n := most(limit.window, within(p.from, p.to, calls)); n > limit.n {
					t.Errorf("between %s and %s all sidecars let %d calls of %s out in %s, want at most %d", p.from, p.to, n, whose, limit.window, limit.n)
				}
			}
		}
	}
	for _, p := range together {
		watched += len(within(p.from, p.to, all))
	}
	t.Logf("%d calls, %d of which reached the third party, %d of these while all sidecars were together", s.calls, len(all), watched)
	if watched < len(all)/10 {
		t.Error("the sidecars were hardly ever together")
	}
}
