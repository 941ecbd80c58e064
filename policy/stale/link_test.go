package stale

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"
)

// link is a way to a Redis that tests can cut.
type link struct {
	rueidis.Client
	away, late atomic.Bool
	failed     atomic.Int64 // Scripts that ended with an error.
}

func (l *link) There() bool            { return !l.away.Load() }
func (l *link) Timeout() time.Duration { return 10 * time.Second }
func (l *link) Prefix() string         { return "signpost" }

func (l *link) Run(ctx context.Context, patience time.Duration, script *rueidis.Lua, keys, args []string) rueidis.RedisResult {
	if !l.There() || l.late.Load() {
		return rueidis.NewErrorResult(errors.New("away"))
	}
	if patience == 0 {
		patience = l.Timeout()
	}
	ctx, cancel := context.WithTimeout(ctx, min(patience, l.Timeout()))
	defer cancel()
	result := script.Exec(ctx, l.Client, keys, args)
	if result.Error() != nil {
		l.failed.Add(1)
	}
	return result
}

// do sends a command and gives what came of it.
func (l *link) do(t testing.TB, words ...string) rueidis.RedisResult {
	t.Helper()
	result := l.Do(t.Context(), l.B().Arbitrary(words...).Build())
	if err := result.Error(); err != nil && !rueidis.IsRedisNil(err) {
		t.Fatalf("%q: %v", words, err)
	}
	return result
}

// server is a Redis that a test has for itself.
type server struct {
	network, address string
	mini             *miniredis.Miniredis // Nil for a real one.
}

// servers start what tests run on. A build with e2e adds a real Redis.
var servers = map[string]func(testing.TB) *server{"miniredis": startMini}

func startMini(t testing.TB) *server {
	m := miniredis.RunT(t)
	return &server{"tcp", m.Addr(), m}
}

// onEach runs a test on each kind of Redis.
func onEach(t *testing.T, test func(*testing.T, *server)) {
	t.Helper()
	for name, start := range servers {
		t.Run(name, func(t *testing.T) { test(t, start(t)) })
	}
}

// pass lets time pass at a miniredis, whose clock stands still otherwise.
func (s *server) pass(d time.Duration, now *time.Time) {
	*now = now.Add(d)
	s.mini.SetTime(*now)
	s.mini.FastForward(d)
}

// link connects.
func (s *server) link(t testing.TB) *link {
	t.Helper()
	return s.linkAs(t, "", "")
}

// linkAs connects as a user.
func (s *server) linkAs(t testing.TB, user, password string) *link {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{s.address}, DisableCache: true, ForceSingleClient: true, DisableRetry: true,
		Username: user, Password: password,
		DialCtxFn: func(ctx context.Context, address string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			return d.DialContext(ctx, s.network, address)
		},
	})
	if err != nil {
		t.Fatalf("connecting to %s: %v", s.address, err)
	}
	t.Cleanup(client.Close)
	return &link{Client: client}
}

// gateway is a Remote with a memory of its own.
type gateway struct {
	*Remote
	link *link
}

func (s *server) gateway(t testing.TB, maxBytes int64) *gateway {
	l := s.link(t)
	return &gateway{NewRemote(NewStore(0, 0), l, maxBytes), l}
}

// put puts an answer and waits until Redis knows.
func (g *gateway) put(t testing.TB, now time.Time, k Key, reqHeader http.Header, a Answer) {
	t.Helper()
	g.Put(now, k, reqHeader, a, time.Hour)
	g.settle(t)
}

// settle waits until Redis knows all.
func (g *gateway) settle(t testing.TB) {
	t.Helper()
	g.send()
	for deadline := time.Now().Add(30 * time.Second); g.waiting() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d changes still wait for Redis", g.waiting())
		}
	}
}

func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.changes
}

func (g *gateway) waiting() int { return g.queue.waiting() }

// body gives what Get gives, "-" for nothing.
func (g *gateway) body(now time.Time, k Key, reqHeader http.Header) string {
	a, _, ok := g.Get(now, time.Minute, k, reqHeader, time.Hour)
	if !ok {
		return "-"
	}
	return string(a.Body)
}

// shardIndexes gives the index of each shard.
func (g *gateway) shardIndexes() []string {
	all := make([]string, shards)
	for i := range all {
		all[i] = g.keys(keyName{byte(i)})[1]
	}
	return all
}

// counted gives what the indexes say that there are in bytes, and the sum of what
// their members say.
func (g *gateway) counted(t testing.TB) (bytes, members int64) {
	t.Helper()
	for _, index := range g.shardIndexes() {
		scores, err := g.link.do(t, "ZRANGE", index, "0", "-1", "WITHSCORES").AsZScores()
		if err != nil {
			t.Fatalf("reading what is in %s: %v", index, err)
		}
		for _, s := range scores {
			if s.Member == "bytes" {
				bytes -= int64(s.Score)
				continue
			}
			_, size, _ := strings.Cut(s.Member, ":")
			n, _ := strconv.ParseInt(size, 10, 64)
			members += n
		}
	}
	return bytes, members
}

// answerKeys gives the keys that hold answers.
func (g *gateway) answerKeys(t testing.TB) []string {
	t.Helper()
	keys, err := g.link.do(t, "KEYS", "{signpost:s*}:stale:*").AsStrSlice()
	if err != nil {
		t.Fatalf("asking for the keys: %v", err)
	}
	slices.Sort(keys)
	return keys
}
