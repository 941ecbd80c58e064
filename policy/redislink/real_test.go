//go:build e2e

package redislink

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/e2e/redisserver"
)

// realTimeout is longer than in production, for machines that do much else.
const realTimeout = 200 * time.Millisecond

func startReal(t *testing.T, o Options) *linked {
	t.Helper()
	o.Timeout = cmp.Or(o.Timeout, realTimeout)
	return startLink(t, o)
}

// load is 16 callers with a pause of 2 ms after each call.
type load struct {
	stop    atomic.Bool
	callers sync.WaitGroup
	slowest atomic.Int64
	calls   atomic.Int64
}

func press(l *linked) *load {
	p := new(load)
	for range 16 {
		p.callers.Go(func() {
			for !p.stop.Load() {
				began := time.Now()
				l.ask(context.Background(), 0, "x")
				took := int64(time.Since(began))
				for old := p.slowest.Load(); took > old && !p.slowest.CompareAndSwap(old, took); old = p.slowest.Load() {
				}
				p.calls.Add(1)
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	for p.calls.Load() < 1000 {
		time.Sleep(time.Millisecond)
	}
	return p
}

func (p *load) over() time.Duration {
	p.stop.Store(true)
	p.callers.Wait()
	return time.Duration(p.slowest.Load())
}

// goes waits for away and tells how long it took since began.
func (l *linked) goes(t *testing.T, there bool, began time.Time) time.Duration {
	t.Helper()
	s := l.turns(t, there)
	return s.Since.Sub(began).Round(10 * time.Microsecond)
}

func TestAPausedRedisIsLeftAndComeBackTo(t *testing.T) {
	s := redisserver.Start(t)
	l := startReal(t, Options{Address: s.URL()})
	p := press(l)
	for range 3 {
		began := time.Now()
		s.Pause()
		away := l.goes(t, false, began)
		time.Sleep(1500 * time.Millisecond)
		began = time.Now()
		s.Resume()
		back := l.goes(t, true, began)
		t.Logf("paused: away after %v, back after %v", away, back)
	}
	t.Logf("%d calls, the slowest took %v; %+v", p.calls.Load(), p.over(), l.Status())
}

func TestAKilledRedisIsLeftAndComeBackTo(t *testing.T) {
	s := redisserver.Start(t)
	l := startReal(t, Options{Address: s.URL()})
	p := press(l)
	for range 3 {
		began := time.Now()
		s.Kill()
		away := l.goes(t, false, began)
		time.Sleep(time.Second)
		s.Restart()
		back := l.goes(t, true, time.Now())
		t.Logf("killed: away after %v, back %v after it answered", away, back)
	}
	t.Logf("%d calls, the slowest took %v; %+v", p.calls.Load(), p.over(), l.Status())
}

func TestCloseDoesNotWaitForAPausedRedis(t *testing.T) {
	s := redisserver.Start(t)
	l := startReal(t, Options{Address: s.URL()})
	l.ask(t.Context(), 0, "x")
	s.Pause()
	began := time.Now()
	l.Close()
	t.Logf("closed in %v", time.Since(began))
	if took := time.Since(began); took > time.Second {
		t.Errorf("closing took %v", took)
	}
	s.Resume()
}

func TestAReplicaIsNotTakenForWell(t *testing.T) {
	master, replica := redisserver.Start(t), redisserver.Start(t)
	l := startReal(t, Options{Address: replica.URL()})
	replica.Follow(master)
	if _, err := l.ask(t.Context(), 0, "x"); err == nil {
		t.Error("a replica wrote")
	}
	if s := l.turns(t, false); !strings.Contains(s.Reason, "READONLY") {
		t.Errorf("the reason is %q", s.Reason)
	}
	time.Sleep(500 * time.Millisecond)
	if l.There() {
		t.Error("a replica was come back to")
	}
	replica.Do("REPLICAOF", "NO", "ONE")
	l.turns(t, true)
}

func TestASentinelsNewMasterIsComeBackTo(t *testing.T) {
	w := redisserver.StartWatched(t, 2)
	l := startReal(t, Options{Address: w.URL(), Sentinel: redisserver.MasterName})
	if s := l.Status(); s.Mode != "sentinel" {
		t.Errorf("the mode is %q", s.Mode)
	}
	p := press(l)
	master := w.Master()
	began := time.Now()
	master.Kill()
	away := l.goes(t, false, began)
	next := w.AwaitMaster(master)
	promoted := time.Since(began)
	back := l.goes(t, true, began)
	t.Logf("killed: away after %v, promoted by %v, back after %v", away, promoted, back)
	if got := l.at(); got != next.Addr() {
		t.Errorf("the link is at %s, the master is %s", got, next.Addr())
	}

	// A master that is alive and demoted.
	began = time.Now()
	eventually(t, "a failover to begin", func() bool {
		_, err := w.Sentinels[0].Try("SENTINEL", "FAILOVER", redisserver.MasterName)
		return err == nil
	})
	away = l.goes(t, false, began)
	back = l.goes(t, true, began)
	t.Logf("demoted: away after %v, back after %v", away, back)
	third := w.AwaitMaster(next)
	eventually(t, "the link to be at the new master", func() bool { return l.at() == third.Addr() })

	// A master that stopped, and comes back as what it no longer is.
	master.Restart()
	eventually(t, "somebody to take its place", func() bool {
		_, err := w.Sentinels[0].Try("SENTINEL", "CKQUORUM", redisserver.MasterName)
		return err == nil
	})
	began = time.Now()
	third.Pause()
	away = l.goes(t, false, began)
	back = l.goes(t, true, began)
	fourth := w.AwaitMaster(third)
	third.Resume()
	t.Logf("stopped: away after %v, back after %v", away, back)
	if got := l.at(); got != fourth.Addr() {
		t.Errorf("the link is at %s, the master is %s", got, fourth.Addr())
	}
	t.Logf("%d calls, the slowest took %v; %+v", p.calls.Load(), p.over(), l.Status())
}

func TestAClusterIsFollowed(t *testing.T) {
	// Nodes write what they know of each other to disk before they answer anybody.
	c := redisserver.StartCluster(t, "cluster-require-full-coverage no")
	l := startReal(t, Options{Address: c.URL(), Timeout: 2 * time.Second})
	if s := l.Status(); s.Mode != "cluster" {
		t.Errorf("the mode is %q", s.Mode)
	}
	p := press(l)
	for _, key := range []string{"{signpost:s1}:a", "{signpost:s2}:a", "{signpost:s3}:a", "{signpost:s4}:a", "{signpost:s5}:a"} {
		eventually(t, "the node of "+key, func() bool {
			got, err := l.Run(t.Context(), 0, echo, []string{key}, []string{"v"}).ToString()
			return err == nil && got == "v"
		})
	}
	main := c.Owner(l.Key("x"))
	var other string
	for _, key := range []string{"{signpost:s1}:a", "{signpost:s2}:a", "{signpost:s3}:a", "{signpost:s4}:a"} {
		if c.Owner(key) != main {
			other = key
		}
	}
	c.Masters[c.Owner(other)].Kill()
	c.AwaitPromotion(c.Owner(other))
	eventually(t, "the new node of another slot", func() bool {
		return l.Run(t.Context(), 0, echo, []string{other}, []string{"v"}).Error() == nil
	})
	if s := l.Status(); !s.There || s.TimesAway != 0 {
		t.Errorf("another node's failure turned redis away: %+v", s)
	}
	began := time.Now()
	c.Masters[main].Kill()
	away := l.goes(t, false, began)
	c.Replicas[main].Do("CLUSTER", "FAILOVER", "TAKEOVER")
	c.AwaitPromotion(main)
	promoted := time.Since(began)
	back := l.goes(t, true, began)
	t.Logf("killed: away after %v, promoted by %v, back after %v", away, promoted, back)
	t.Logf("%d calls, the slowest took %v; %+v", p.calls.Load(), p.over(), l.Status())
}

func TestAPlannedFailoverOfAClusterIsFollowed(t *testing.T) {
	c := redisserver.StartCluster(t)
	l := startReal(t, Options{Address: c.URL(), Timeout: 2 * time.Second})
	p := press(l)
	main := c.Owner(l.Key("x"))
	c.Replicas[main].Do("CLUSTER", "FAILOVER")
	c.AwaitPromotion(main)
	c.Masters[main].Kill()
	eventually(t, "a script at the new master", func() bool {
		_, err := l.ask(t.Context(), 0, "x")
		return err == nil
	})
	t.Logf("%d calls, the slowest took %v; %+v", p.calls.Load(), p.over(), l.Status())
}

func TestConnectionsAreAsManyAsSaid(t *testing.T) {
	s := redisserver.Start(t)
	l := newLink(t, Options{Address: s.URL(), Connections: 3, Timeout: realTimeout})
	l.Listen("c", func(string) {}, nil)
	l.Start()
	l.turns(t, true)
	for range 100 {
		l.ask(t.Context(), 0, "x")
	}
	lines := strings.Split(strings.TrimSpace(s.Do("CLIENT", "LIST").Text), "\n")
	mine := slices.DeleteFunc(lines, func(line string) bool { return !strings.Contains(line, "name=signpost") })
	if len(mine) != 4 {
		t.Errorf("%d connections, want 3 and one that listens:\n%s", len(mine), strings.Join(mine, "\n"))
	}
}

func BenchmarkRunOnRedis(b *testing.B) {
	s := redisserver.Start(b)
	l, err := New(Options{Address: s.URL(), Timeout: time.Second})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	l.Preload(echo)
	l.Start()
	for !l.There() {
		time.Sleep(time.Millisecond)
	}
	keys, args := []string{l.Key("k")}, []string{"x"}
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := l.Run(b.Context(), 0, echo, keys, args).Error(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("by 32", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := l.Run(b.Context(), 0, echo, keys, args).Error(); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func TestUnderFaultsNoCallWaitsLongerThanItMay(t *testing.T) {
	s := redisserver.Start(t)
	before := runtime.NumGoroutine()
	l := newLink(t, Options{Address: s.URL(), Timeout: realTimeout})
	l.Listen("c", func(string) {}, nil)
	l.Start()
	l.turns(t, true)
	p := press(l)
	for i := range 12 {
		switch i % 4 {
		case 0:
			s.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		case 1:
			s.Pause()
			time.Sleep(300 * time.Millisecond)
			s.Resume()
		case 2:
			s.Do("CLIENT", "KILL", "TYPE", "pubsub")
		case 3:
			s.Kill()
			s.Restart()
		}
		for l.There() {
			time.Sleep(time.Millisecond)
		}
		eventually(t, "redis to be there", l.There)
	}
	slowest := p.over()
	t.Logf("%d calls, the slowest took %v; %+v", p.calls.Load(), slowest, l.Status())
	if slowest > 2*realTimeout {
		t.Errorf("a call took %v, want at most %v and a little", slowest, realTimeout)
	}
	l.Close()
	settles(t, before)
}

func TestAUserNeedsOnlyTheCommandsThatAreUsed(t *testing.T) {
	s := redisserver.Start(t)
	s.Do("ACL", "SETUSER", "gateway", "on", ">the-password", "~{signpost}:*", "&{signpost}:*",
		"-@all", "+evalsha", "+eval", "+script|load", "+set", "+publish", "+subscribe", "+ping", "+cluster|slots")
	user, password := func() (string, error) { return "gateway", nil }, func() (string, error) { return "the-password", nil }
	l := newLink(t, Options{Address: s.URL(), User: user, Password: password, Timeout: realTimeout})
	heard := make(chan string, 1)
	l.Listen(l.Key("c"), func(payload string) { heard <- payload }, nil)
	l.Start()
	l.turns(t, true)
	if got, err := l.ask(t.Context(), 0, "x"); err != nil || got != "x" {
		t.Errorf("a script = %q, %v", got, err)
	}
	l.Publish(l.Key("c"), "a message")
	if got := <-heard; got != "a message" {
		t.Errorf("heard %q", got)
	}
	if log := s.Do("ACL", "LOG"); len(log.List) != 0 {
		t.Errorf("redis refused something: %s", log)
	}
}

func TestADatabaseOfAClusterIsRefused(t *testing.T) {
	node := redisserver.Start(t, "cluster-enabled yes")
	l := newLink(t, Options{Address: node.URL() + "/1"})
	l.Start()
	if s := l.turns(t, false); !strings.Contains(s.Reason, "SELECT is not allowed in cluster mode") {
		t.Errorf("the reason is %q", s.Reason)
	}
}
