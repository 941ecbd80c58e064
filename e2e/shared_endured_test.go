//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/e2e/redisserver"
)

const (
	// lull is how long bots call before a trouble, and after it.
	lull = 1200 * time.Millisecond

	// storm is how long a trouble lasts.
	storm = 1500 * time.Millisecond

	// lostToRedis bounds what a bot may lose to a Redis that goes away.
	lostToRedis = 50 * time.Millisecond

	// triedTimes bounds how often each connection is tried in a trouble and on return.
	triedTimes = 10

	// lateAnswers is how many may be later: the machine is another's for a moment, and
	// nobody else's call shows it.
	lateAnswers = 3

	// policyDeadline is how long a call may take that says nothing of it.
	policyDeadline = 4 * time.Second

	// grace is for a machine of two cores on which bots, sidecars, third party and
	// Redis take turns.
	grace = 50 * time.Millisecond
)

// What the bots of these tests ask for: more than any limit allows.
const (
	troubledTenants = 20 // a second, for each tenant
	troubledAll     = 60 // a second, for all of them
	troubledWindow  = time.Second
)

// troubledConfig has these limits, and the lines of the block `state`.
func troubledConfig(state string) string {
	return sharingConfig(state, freeBlock, block("store", "rate_limit 20/1s", "rate_limit 60/1s shared", "breaker off"))
}

func TestWhateverBecomesOfRedisSidecarsGoOnAndComeBack(t *testing.T) {
	t.Parallel()
	w := &world{redis: redisserver.Start(t), other: redisserver.Start(t)}
	w.proxy = redisserver.StartProxy(t, w.redis.Addr())
	w.fleet = deploy(t, crew{size: 4, config: troubledConfig("fail local"), redis: w.proxy.URL()})
	w.awaitThere(t, true)
	for i, trouble := range troubles {
		t.Run(trouble.name, func(t *testing.T) {
			tenant := "t" + strconv.Itoa(i)
			e := w.endure(t, trouble, []string{tenant + "a", tenant + "b", tenant + "c", tenant + "d"})
			e.checkLimits(t, w, trouble)
			e.checkTimes(t, trouble)
			e.checkWords(t, w, trouble)
		})
	}
}

// endured is what was seen of a trouble. All times are the ledger's.
type endured struct {
	tenants     []string
	calmed      time.Duration // when bots began
	began       time.Duration // the trouble
	found       time.Duration // by the last sidecar, that Redis is away
	ended       time.Duration // the trouble
	back        time.Duration // the last sidecar
	over        time.Duration // when bots had their last answers
	answers     []told
	alone       []period      // when any sidecar decided by itself
	noise       time.Duration // what the machine added to the slowest answer that needs nobody else
	connections int           // how many Redis has on return
	tried       int           // how many were tried from the beginning of the trouble to the return, where there is a proxy
}

// endure has bots call through a trouble.
func (w *world) endure(t *testing.T, trouble trouble, tenants []string) *endured {
	t.Helper()
	e := &endured{tenants: tenants, calmed: w.now()}
	ctx, cancel := context.WithCancel(t.Context())
	ended, noise, alone := make(chan struct{}), w.listen(t), w.watch(t, 20*time.Millisecond)
	go func() {
		defer close(ended)
		w.load(ctx, t, load{bots: 2, pause: 12 * time.Millisecond, policy: "store", tenants: tenants,
			keep: func(a told) { e.answers = append(e.answers, a) }})
		e.noise, e.alone = noise(), alone()
	}()
	defer func() { cancel(); <-ended }()

	time.Sleep(lull)
	e.began = w.now()
	if w.proxy != nil {
		e.tried = -w.proxy.Accepted()
	}
	trouble.begin(w)
	defer func() { // The next one begins with a good Redis, also where this test gave up.
		if e.ended == 0 {
			trouble.end(w)
		}
	}()
	if trouble.away {
		e.found = w.awaitThere(t, false)
		w.checkAway(t)
	}
	time.Sleep(storm)
	e.ended = w.now() + 1 // Should it fail, it is not to come again.
	trouble.end(w)
	e.ended = w.now()
	e.back = w.awaitThere(t, true)
	e.connections = w.redis.Clients()
	if w.proxy != nil {
		e.tried += w.proxy.Accepted()
	}
	time.Sleep(lull)
	cancel()
	<-ended
	e.over = w.now()
	return e
}

// checkAway checks what sidecars say of a Redis that is away.
func (w *world) checkAway(t *testing.T) {
	t.Helper()
	for _, s := range w.sidecars {
		state, err := s.sharing()
		if err != nil || state.There || state.Reason == "" || state.Kind != "redis" || state.Fail != "local" {
			t.Errorf("sidecar %d tells of its state: %+v, %v, want it away with a reason", s.number, state, err)
		}
		if up := s.metric(t, "signpost_shared_state_up"); up != 0 {
			t.Errorf("sidecar %d has signpost_shared_state_up %v, want 0", s.number, up)
		}
	}
}

// checkLimits checks the promise: for each sidecar always, and for all of them together
// whenever Redis was there for all and remembered.
func (e *endured) checkLimits(t *testing.T, w *world, trouble trouble) {
	t.Helper()
	apart := e.alone
	if trouble.forgets {
		apart = append(apart, period{e.began, e.ended})
	}
	together := calm(period{e.calmed, e.over}, apart)
	for _, tenant := range append([]string{""}, e.tenants...) {
		limit, whose := troubledTenants, "a tenant"
		if tenant == "" {
			limit, whose = troubledAll, "all tenants"
		}
		calls := within(e.calmed, e.over, w.calls("store", tenant))
		for _, s := range w.sidecars {
			if n := most(troubledWindow, of(s.number, calls)); n > limit {
				t.Errorf("sidecar %d by itself let %d calls of %s out in one window, want at most %d", s.number, n, whose, limit)
			}
		}
		for _, p := range together {
			if n := most(troubledWindow, within(p.from, p.to, calls)); n > limit {
				t.Errorf("between %s and %s all sidecars let %d calls of %s out in one window, want at most %d", p.from, p.to, n, whose, limit)
			}
		}
		if tenant != "" && len(calls) < limit {
			t.Errorf("%d calls of a tenant reached the third party in all, want at least %d", len(calls), limit)
		}
	}
	if trouble.away {
		e.checkService(t, w)
	}
}

// checkService checks that each sidecar went on by itself while Redis was away.
func (e *endured) checkService(t *testing.T, w *world) {
	t.Helper()
	meanwhile := within(e.found, e.ended, w.calls("store", ""))
	for _, s := range w.sidecars {
		if n, least := len(of(s.number, meanwhile)), int(0.8*troubledAll*(e.ended-e.found-troubledWindow).Seconds()); n < least {
			t.Errorf("sidecar %d let %d calls out while Redis was away, want at least %d", s.number, n, least)
		}
	}
}

// checkTimes checks that no bot waited, neither for Redis nor for what came instead.
func (e *endured) checkTimes(t *testing.T, trouble trouble) {
	t.Helper()
	var worst told
	var after []time.Duration // how long answers took once all had found out
	late, bound := 0, lostToRedis+grace+2*e.noise
	for _, a := range e.answers {
		if a.took > worst.took {
			worst = a
		}
		if a.took > bound {
			late++
		}
		if trouble.away && a.began > e.found && a.began+a.took < e.ended {
			after = append(after, a.took)
		}
	}
	if late > lateAnswers || worst.took > policyDeadline/2 {
		t.Errorf("%d answers took longer than %s, %s after the trouble began; the slowest: %s", late, bound, worst.began-e.began, worst)
	}
	t.Logf("%d answers, the slowest after %s (of others after %s); away %s after the beginning, back %s after the end; %d connections on return, %d tried",
		len(e.answers), worst.took.Round(100*time.Microsecond), e.noise.Round(100*time.Microsecond),
		max(0, e.found-e.began).Round(time.Millisecond), (e.back - e.ended).Round(time.Millisecond), e.connections, e.tried)
	if slices.Sort(after); len(after) > 0 && after[len(after)/2] > 5*time.Millisecond+e.noise/4 {
		t.Errorf("while Redis is away half of the answers take longer than %s, want nothing added", after[len(after)/2])
	}
	if took := e.back - e.ended; took > backWithin {
		t.Errorf("the sidecars are back %s after the end, want at most %s", took, backWithin)
	}
}

// What a sidecar's log says when Redis goes away, and when it is there.
const (
	saysAway  = "the shared state is away"
	saysThere = "the shared state is there"
)

// checkWords checks that sidecars warned once that Redis is away, that they did not
// think otherwise while it was, and that their return was no storm.
func (e *endured) checkWords(t *testing.T, w *world, trouble trouble) {
	t.Helper()
	for _, s := range w.sidecars {
		away, back := e.said(t, w, s, saysAway), e.said(t, w, s, saysThere)
		if trouble.away && (away > 1 || back > 0 && !trouble.heals || back > 1) {
			t.Errorf("sidecar %d warned %d times of the trouble, and told %d times that it was over while it was not", s.number, away, back)
		}
		soon(t, "signpost_shared_state_up 1", func() bool { return s.metric(t, "signpost_shared_state_up") == 1 })
	}
	if bound := connectionsEach * len(w.sidecars); e.connections > bound || e.tried > triedTimes*bound {
		t.Errorf("Redis has %d connections on return after %d were tried, want at most %d after %d", e.connections, e.tried, bound, triedTimes*bound)
	}
}

// said counts how often a sidecar's log has a message while the trouble lasted.
func (e *endured) said(t *testing.T, w *world, s *sidecar, message string) (n int) {
	t.Helper()
	for line := range strings.Lines(s.log.String()) {
		if !strings.Contains(line, message) {
			continue
		}
		var entry struct {
			Time float64 `json:"ts"` // in seconds
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("reading the log of sidecar %d: %v in %s", s.number, err, line)
		}
		if at := time.UnixMicro(int64(entry.Time * 1e6)).Sub(w.opened); at > e.began && at < e.ended {
			n++
		}
	}
	return n
}
