package limit

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"
)

// errAway is what a link says of Redis when it is away.
var errAway = errors.New("redis is away")

// wire is a link whose Redis can go away, and answer what nobody hears.
type wire struct {
	client rueidis.Client
	away   atomic.Bool // Nothing gets there.
	deaf   atomic.Bool // All gets there, and no answer comes back.
	trips  atomic.Int64
}

func (w *wire) There() bool { return !w.away.Load() }

func (w *wire) Timeout() time.Duration { return time.Second }

func (w *wire) Key(rest string) string { return "{signpost}:" + rest }

func (w *wire) Run(ctx context.Context, _ time.Duration, script *rueidis.Lua, keys, args []string) rueidis.RedisResult {
	if w.away.Load() {
		return rueidis.NewErrorResult(errAway)
	}
	w.trips.Add(1)
	result := script.Exec(ctx, w.client, keys, args)
	if w.deaf.Load() {
		return rueidis.NewErrorResult(errAway)
	}
	return result
}

func (w *wire) Later(script *rueidis.Lua, keys, args []string) {
	if !w.away.Load() {
		script.Exec(context.Background(), w.client, keys, args)
	}
}

// world is several processes that share limits, or one that shares none, in a time that
// the test makes pass.
type world struct {
	t       testing.TB
	passed  time.Duration
	redis   *miniredis.Miniredis // Nil where nothing is shared.
	sidecar []*sidecar
}

// sidecar is one process of a world.
type sidecar struct {
	world  *world
	skew   time.Duration // Of its clock.
	table  *Table
	remote *Remote // Nil where nothing is shared.
	wire   *wire
	sets   []*Set
}

// now is the time of the world.
func (w *world) now() time.Time { return start.Add(w.passed) }

// pass lets time pass, for Redis too.
func (w *world) pass(d time.Duration) {
	w.passed += d
	if w.redis != nil {
		w.redis.SetTime(w.now())
	}
}

// newWorld makes a world of so many processes with these options on one Redis, each of
// which reads another time on its clock.
func newWorld(t testing.TB, sidecars int, o RemoteOptions) *world {
	t.Helper()
	w := &world{t: t, redis: miniredis.NewMiniRedis()}
	t.Cleanup(w.redis.Close)
	w.redis.SetTime(start)
	w.redis.ClockTTL(true)
	for i := range sidecars {
		w.add(o, time.Duration(i)*-7*time.Hour)
	}
	return w
}

// newLonelyWorld makes a world of one process that shares nothing.
func newLonelyWorld(t testing.TB) *world {
	w := &world{t: t}
	w.sidecar = []*sidecar{{world: w, table: newTable(0)}}
	return w
}

// add adds a process whose clock is off by skew.
func (w *world) add(o RemoteOptions, skew time.Duration) *sidecar {
	w.t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{"redis"}, DisableCache: true, ForceSingleClient: true, DisableRetry: true,
		DialCtxFn: func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) { return w.redis.Dial() },
	})
	if err != nil {
		w.t.Fatalf("connecting: %v", err)
	}
	w.t.Cleanup(client.Close)
	s := &sidecar{world: w, skew: skew, table: newTable(0), wire: &wire{client: client}}
	s.remote = NewRemote(s.table, s.wire, o)
	s.remote.clock = s.now
	w.sidecar = append(w.sidecar, s)
	return s
}

// now is the time by the clock of the process.
func (s *sidecar) now() time.Time { return s.world.now().Add(s.skew) }

// compile gives every process the same sets.
func (w *world) compile(groups ...group) {
	for _, s := range w.sidecar {
		s.sets = nil
		for _, g := range groups {
			s.sets = append(s.sets, s.table.Compile(g.limits, g.slots))
		}
	}
}

// group is what a set is compiled of.
type group struct {
	limits []Limit
	slots  []Concurrency
}

// take makes a call now under all sets.
func (s *sidecar) take(tenant string, claims ...Claim) (*Ticket, *Refusal) {
	return s.takeAs(tenant, false, claims...)
}

// takeAs makes a call of a tenant that is known or is not.
func (s *sidecar) takeAs(tenant string, known bool, claims ...Claim) (*Ticket, *Refusal) {
	var k Ticket
	var refusal *Refusal
	if s.remote == nil {
		k, refusal = s.table.Take(s.now(), tenant, known, s.sets...)
	} else {
		k, refusal = s.remote.Take(s.now(), 0, tenant, known, claims, s.sets...)
	}
	return &k, refusal
}

// sweep has every process give back the permits of leases that have ended.
func (w *world) sweep() {
	for _, s := range w.sidecar {
		if s.remote != nil {
			rests, _ := s.remote.leases.ended(s.now())
			s.remote.giveBack(rests...)
		}
	}
}

// unused counts the permits that lie with any process.
func (w *world) unused() int {
	n := 0
	for _, s := range w.sidecar {
		n += s.unused()
	}
	return n
}

// unused counts the permits that lie with the process.
func (s *sidecar) unused() int {
	n := 0
	if s.remote != nil {
		for _, l := range s.remote.leases.held {
			n += int(l.permits)
		}
	}
	return n
}
