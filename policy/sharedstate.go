package policy

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signpost-gateway/signpost/policy/breaker"
	"github.com/signpost-gateway/signpost/policy/limit"
	"github.com/signpost-gateway/signpost/policy/redislink"
	"github.com/signpost-gateway/signpost/policy/secret"
	"github.com/signpost-gateway/signpost/policy/stale"
)

// Who decides on limits where sidecars share them.
const (
	decidedRedis   = "redis"
	decidedLocal   = "local"   // Redis is away, and each sidecar goes on by itself
	decidedRefused = "refused" // Redis is away, and nobody goes on
)

// sharedState is what several sidecars know together, on Redis. It outlives the
// gateways that were made of the same `state`: those that were started, or have
// calls in flight, hold it.
type sharedState struct {
	key     string // of what made it
	link    *redislink.Link
	limits  *limit.Remote
	peers   *breaker.Peers
	stale   *stale.Remote
	sidecar string // this process, among those on the same Redis
	closed  bool   // refuses while Redis is away
	stop    context.CancelFunc
	running sync.WaitGroup
	tried   chan struct{} // closed when it is known whether Redis is there
	trying  sync.Once     // closes it

	users   int                          // guarded by State.sharing
	secrets atomic.Pointer[secret.Store] // of the gateway that came last
	log     atomic.Pointer[slog.Logger]  // likewise
	decided decisions
}

// decisions counts calls by who decided on their limits.
type decisions struct{ redis, local, refused atomic.Uint64 }

// newSharedState makes what a gateway shares. It connects to nothing.
func (g *Gateway) newSharedState(spec *StateSpec) (*sharedState, error) {
	key, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("naming the shared state: %w", err)
	}
	s := &sharedState{key: string(key), closed: spec.Fail == failClosed, sidecar: rand.Text()[:8], tried: make(chan struct{})}
	s.adopt(g)
	if s.link, err = redislink.New(s.linkOptions(spec)); err != nil {
		return nil, Mistakes{{Place: spec.place(""), Name: "state redis", Text: err.Error()}}
	}
	s.limits = limit.NewRemote(g.state.limits, s.link, limit.RemoteOptions{
		Closed: s.closed, MaxTenants: spec.MaxTenants, Leases: spec.Leases, Sidecar: s.sidecar,
	})
	s.peers = breaker.NewPeers(g.state.breakers, s.link, s.sidecar)
	s.stale = stale.NewRemote(g.state.stale, s.link, int64(spec.MaxStale))
	s.link.Preload(slices.Concat(s.limits.Scripts(), s.peers.Scripts(), s.stale.Scripts())...)
	s.link.Listen(s.peers.Channel(), s.peers.Hear, func() {
		s.limits.Back()
		s.peers.Back()
	})
	return s, nil
}

// linkOptions says how Redis is reached. Who this gateway is to Redis is read anew
// for each connection, since secrets change.
func (s *sharedState) linkOptions(spec *StateSpec) redislink.Options {
	address, _ := redislink.ParseURL(spec.Redis) // It has been checked.
	return redislink.Options{
		Address:  address.String(),
		User:     s.expand(cmp.Or(spec.User, address.User)),
		Password: s.expand(cmp.Or(spec.Password, address.Password)),
		Sentinel: spec.Sentinel, SentinelUser: s.expand(spec.SentinelUser), SentinelPassword: s.expand(spec.SentinelPassword),
		CA: spec.CA, Certificate: spec.Certificate, Key: spec.Key,
		Prefix: cmp.Or(spec.Prefix, defaultPrefix), Timeout: spec.timeout(), Connections: cmp.Or(spec.Connections, defaultConnections),
		OnChange: s.tellChange,
	}
}

// expand gives a text that may hold shared secrets, as they are when it is asked.
func (s *sharedState) expand(text string) func() (string, error) {
	template, err := secret.ParseTemplate(text)
	return func() (string, error) {
		if err != nil {
			return "", err
		}
		value, _, err := template.Expand(s.secrets.Load(), "")
		return value.Expose(), err
	}
}

// tellChange tells the operator that Redis went away, or is there again.
func (s *sharedState) tellChange(now redislink.Status) {
	s.trying.Do(func() { close(s.tried) })
	log := s.log.Load()
	switch {
	case now.There:
		log.Info("the shared state is there: limits hold over all sidecars", "redis", now.Address, "mode", now.Mode)
	case s.closed:
		log.Warn("the shared state is away: calls are refused as overloaded until it is back", "redis", now.Address, "reason", now.Reason)
	default:
		log.Warn("the shared state is away: this sidecar goes on with its own limits until it is back", "redis", now.Address, "reason", now.Reason)
	}
}

// adopt makes a gateway the one whose secrets and log are used.
func (s *sharedState) adopt(g *Gateway) {
	s.secrets.Store(g.secrets)
	s.log.Store(g.log)
}

// run begins what shared state does beside calls.
func (s *sharedState) run() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.link.Start()
	for _, beside := range []func(context.Context){s.limits.Renew, s.peers.Run} {
		s.running.Go(func() { beside(ctx) })
	}
}

// startPatience bounds how long a gateway that starts, and calls that come before it
// has, wait until it is known whether Redis is there. Without it the first calls
// would be held against the limits of this sidecar alone.
const startPatience = 250 * time.Millisecond

// await waits until it is known whether Redis is there.
func (s *sharedState) await() {
	patience := time.NewTimer(startPatience)
	defer patience.Stop()
	select {
	case <-s.tried:
	case <-patience.C:
	}
}

// end is the end of run. What is on its way to Redis still gets there, if Redis is
// there.
func (s *sharedState) end() {
	s.stop()
	s.running.Wait()
	s.link.Close()
}

// sharings are the shared states of a process by what made them.
type sharings struct {
	mu sync.Mutex
	of map[string]*sharedState
}

// hold gives the shared state that is running for what made fresh, else fresh.
// Whoever holds it gives it back by release.
func (all *sharings) hold(g *Gateway, fresh *sharedState) *sharedState {
	all.mu.Lock()
	defer all.mu.Unlock()
	s := all.of[fresh.key]
	if s == nil {
		s = fresh
		all.of[s.key] = s
		g.state.breakers.Join(s.peers) // Before Redis is there, so that its records are read by then.
		s.run()
	}
	s.users++
	s.adopt(g)
	return s
}

// release gives a shared state back, and tells whether nobody holds it any more: it
// is to end then.
func (all *sharings) release(s *sharedState) (last bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if s.users--; s.users == 0 {
		delete(all.of, s.key)
	}
	return s.users == 0
}
