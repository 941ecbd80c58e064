package breaker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"
)

// testRedis is a Redis in the test's own process and time, which runs the scripts.
type testRedis struct {
	*miniredis.Miniredis
	t        *testing.T
	sidecars int
}

// together runs a test with Redis in virtual time.
func together(t *testing.T, test func(t *testing.T, r *testRedis)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := miniredis.NewMiniRedis()
		m.ClockTTL(true)
		t.Cleanup(m.Close)
		test(t, &testRedis{Miniredis: m, t: t})
	})
}

// client connects to it.
func (r *testRedis) client() rueidis.Client {
	r.t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress:  []string{"redis:6379"},
		DisableCache: true, DisableRetry: true, ForceSingleClient: true,
		DialCtxFn: func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) { return r.Dial() },
	})
	if err != nil {
		r.t.Fatalf("connecting to redis: %v", err)
	}
	r.t.Cleanup(c.Close)
	return c
}

// testLink is a way to it that can be cut.
type testLink struct {
	client rueidis.Client
	live   atomic.Bool  // Redis is reached.
	there  atomic.Bool  // And said to be there.
	sent   atomic.Int64 // How often Redis was asked or told anything.
	queue  chan func(context.Context)
}

var errCut = errors.New("the link is cut")

func (l *testLink) There() bool            { return l.there.Load() }
func (l *testLink) Key(rest string) string { return "{test}:" + rest }

func (l *testLink) Channel(rest string) string { return l.Key(rest) }

func (l *testLink) Run(ctx context.Context, _ time.Duration, script *rueidis.Lua, keys, args []string) rueidis.RedisResult {
	if !l.live.Load() {
		return rueidis.NewErrorResult(errCut)
	}
	l.sent.Add(1)
	return script.Exec(ctx, l.client, keys, args)
}

func (l *testLink) Later(script *rueidis.Lua, keys, args []string) {
	l.enqueue(func(ctx context.Context) {
		if err := script.Exec(ctx, l.client, keys, args).Error(); err != nil && !rueidis.IsRedisNil(err) && ctx.Err() == nil {
			panic(fmt.Sprintf("running a script with %q, %q: %v", keys, args, err))
		}
	})
}

func (l *testLink) Publish(channel, payload string) {
	l.enqueue(func(ctx context.Context) {
		l.client.Do(ctx, l.client.B().Publish().Channel(channel).Message(payload).Build())
	})
}

func (l *testLink) enqueue(send func(context.Context)) {
	if l.live.Load() {
		l.sent.Add(1)
		l.queue <- send
	}
}

func (l *testLink) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case send := <-l.queue:
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Millisecond): // So that what happens at once is not heard yet.
			}
			send(ctx)
			for len(l.queue) > 0 {
				(<-l.queue)(ctx)
			}
		}
	}
}

// sidecar is a registry with its peers.
type sidecar struct {
	*Registry
	t     *testing.T
	peers *Peers
	link  *testLink
	store *Breaker
	kill  func()

	mu   sync.Mutex
	told []Transition
}

// start adds a sidecar that knows the policy store, and waits until it knows all.
func (r *testRedis) start(c Config) *sidecar {
	r.t.Helper()
	s := r.add(c)
	s.back()
	return s
}

// add adds one for which Redis is not there yet.
func (r *testRedis) add(c Config) *sidecar {
	r.t.Helper()
	r.sidecars++
	s := &sidecar{t: r.t, link: &testLink{client: r.client(), queue: make(chan func(context.Context), 4096)}}
	s.Registry = NewRegistry(func(tr Transition) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told = append(s.told, tr)
	})
	s.store = s.Breaker("store", c)
	s.peers = NewPeers(s.Registry, s.link, "sidecar"+strconv.Itoa(r.sidecars))
	ctx, cancel := context.WithCancel(context.Background())
	s.kill = cancel
	r.t.Cleanup(cancel)
	go s.link.work(ctx)
	go s.peers.Run(ctx)
	ears := r.client()
	go func() {
		_ = ears.Receive(ctx, ears.B().Subscribe().Channel(s.peers.Channel()).Build(), func(m rueidis.PubSubMessage) {
			if s.link.live.Load() {
				s.peers.Hear(m.Message)
			}
		})
	}()
	s.Join(s.peers)
	synctest.Wait()
	return s
}

// cut takes Redis away from the sidecar.
func (s *sidecar) cut() {
	s.link.there.Store(false)
	s.link.live.Store(false)
}

// back gives it back as a link does, and waits until the sidecar has caught up.
func (s *sidecar) back() {
	s.link.live.Store(true)
	s.peers.Back()
	s.link.there.Store(true)
	settle()
}

// settle waits until everybody has told and heard everything.
func settle() { time.Sleep(5 * tellEvery) }

// starts adds several.
func (r *testRedis) starts(n int, c Config) []*sidecar {
	r.t.Helper()
	all := make([]*sidecar, n)
	for i := range all {
		all[i] = r.start(c)
	}
	return all
}

// claimScript is what stands beside the limits of a call, for these tests.
var claimScript = rueidis.NewLuaScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i, key in ipairs(KEYS) do
	redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
	if redis.call('ZCARD', key) >= tonumber(ARGV[3 * i - 1]) then
		return math.max(1, redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2] - now)
	end
end
for i, key in ipairs(KEYS) do
	redis.call('ZADD', key, now + ARGV[3 * i], ARGV[3 * i - 2])
	if redis.call('PTTL', key) < tonumber(ARGV[3 * i]) then
		redis.call('PEXPIRE', key, ARGV[3 * i])
	end
end
return 0`)

// allow asks for one attempt as the engine does.
func (s *sidecar) allow(tenant string, lease time.Duration) (Permit, *Refusal) {
	places := s.store.Places(host, tenant, lease)
	if len(places) > 0 {
		var keys, args []string
		for _, p := range places {
			keys = append(keys, p.Key)
			args = append(args, p.Member, strconv.Itoa(p.N), millis(p.Lease))
		}
		switch wait, err := s.link.Run(context.Background(), 0, claimScript, keys, args).AsInt64(); {
		case err != nil:
			places = nil
		case wait > 0:
			return Permit{}, s.store.Crowded(host, tenant, time.Duration(wait)*time.Millisecond)
		}
	}
	return s.store.AllowProbe(host, tenant, lease, places)
}

// attempts makes n attempts that all come to the same, one after the other.
func (s *sidecar) attempts(n int, tenant string, result Result) {
	s.t.Helper()
	for range n {
		p := s.probe(tenant, time.Minute)
		p.Done(result)
	}
}

// probe is an attempt that is on its way.
func (s *sidecar) probe(tenant string, lease time.Duration) *Permit {
	s.t.Helper()
	p, refusal := s.allow(tenant, lease)
	if refusal != nil {
		s.t.Fatalf("%s: an attempt of tenant %q was refused %+v, want a permit", s.peers.sidecar, tenant, *refusal)
	}
	return &p
}

// refused is an attempt that must not go out.
func (s *sidecar) refused(tenant string) *Refusal {
	s.t.Helper()
	_, refusal := s.allow(tenant, time.Minute)
	if refusal == nil {
		s.t.Fatalf("%s: an attempt of tenant %q was let pass, want it refused", s.peers.sidecar, tenant)
	}
	return refusal
}

// want tests the state of the cells that the tenant's calls meet at some sidecars.
func want(t *testing.T, all []*sidecar, tenant string, state State) {
	t.Helper()
	for _, s := range all {
		if got := s.store.State(host, tenant); got.State != state {
			t.Fatalf("%s: the state for tenant %q is %+v, want %v", s.peers.sidecar, tenant, got, state)
		}
	}
}

// states gives the states of which a sidecar was told, in a word each.
func (s *sidecar) states() (words []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, tr := range s.told {
		words = append(words, tr.To.String())
	}
	return words
}

// record gives the name of the record that a cell obeys.
func (s *sidecar) record(host, tenant string) string {
	x := s.store.heardCell(cellKey{host, tenant}, false)
	if x == nil {
		return ""
	}
	_, record := x.standing()
	return record
}

// fields gives the fields of a hash, none if there is no such key.
func (r *testRedis) fields(key string) []string {
	keys, err := r.HKeys(key)
	if err != nil && !errors.Is(err, miniredis.ErrKeyNotFound) {
		r.t.Fatalf("reading %s: %v", key, err)
	}
	return keys
}
