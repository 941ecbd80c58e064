package redislink

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

func TestWhoCannotConnectIsToldOnceAndSeesWhy(t *testing.T) {
	l := newLink(t, Options{Address: "redis://127.0.0.1:1"})
	l.Start()
	if s := l.turns(t, false); s.Reason != "127.0.0.1:1: connection refused" || s.TimesAway != 0 {
		t.Errorf("status: %+v", s)
	}
	eventually(t, "some more attempts", func() bool { return l.live.Load() == nil && l.Status().Reason != "" })
	if len(l.changes) != 0 {
		t.Error("that redis is away was told again")
	}
}

func TestALostConnectionTurnsRedisAwayBeforeAnybodyCalls(t *testing.T) {
	f := newFake(t)
	l := startLink(t, Options{Address: f.address()})
	f.hangUp()
	if s := l.turns(t, false); s.Reason != "connection closed by redis" && s.Reason != "connection reset" {
		t.Errorf("the reason is %q", s.Reason)
	}
	l.turns(t, true)
}

func TestARedisThatRestartsIsComeBackTo(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	l := startLink(t, Options{Address: "redis://" + m.Addr()})
	for range 3 {
		m.Close()
		l.turns(t, false)
		if err := m.Restart(); err != nil {
			t.Fatal(err)
		}
		l.turns(t, true)
		if got, err := l.ask(t.Context(), 0, "x"); err != nil || got != "x" {
			t.Errorf("a script after a restart = %q, %v", got, err)
		}
	}
	if s := l.Status(); s.TimesAway != 3 {
		t.Errorf("redis was away %d times, want 3", s.TimesAway)
	}
}

func TestThereIsNoStormOnReturn(t *testing.T) {
	before := runtime.NumGoroutine()
	f := newFake(t)
	l := startLink(t, Options{Address: f.address(), Timeout: 20 * time.Millisecond, Connections: 4})
	settled := runtime.NumGoroutine()
	f.behave(but("HELLO", func([]string) string { return silence }))
	f.hangUp()
	l.turns(t, false)
	eventually(t, "all connections to be given up", func() bool { return f.open.Load() <= 1 })
	f.most.Store(0)
	accepted := f.accepted.Load()

	var calls sync.WaitGroup
	for range 1000 {
		calls.Go(func() {
			for range 100 {
				if _, err := l.ask(t.Context(), 0, "x"); !errors.Is(err, ErrAway) {
					t.Errorf("a call while redis is away: %v", err)
				}
				l.Later(echo, []string{"k"}, []string{"x"})
			}
		})
	}
	calls.Wait()
	eventually(t, "a second attempt", func() bool { return f.accepted.Load() >= accepted+2 })
	if most := f.most.Load(); most > 1 {
		t.Errorf("%d connections at a time while redis is away, want at most one", most)
	}
	f.behave(wellBehaved)
	l.turns(t, true)
	eventually(t, "the right number of connections", func() bool { return f.open.Load() == 4 })
	if most := f.most.Load(); most > 5 {
		t.Errorf("%d connections at a time on return, want 4 and one that is given up", most)
	}
	settles(t, settled+4)
	l.Close()
	f.Close()
	f.hangUp()
	settles(t, before)
}

func TestAServerThatTakesConnectionsAndSaysNothingIsAway(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	before := runtime.NumGoroutine()
	l := newLink(t, Options{Address: "redis://" + silent.Addr().String()})
	l.Start()
	if s := l.turns(t, false); !strings.Contains(s.Reason, "no answer") {
		t.Errorf("the reason is %q", s.Reason)
	}
	began := time.Now()
	l.Close()
	if took := time.Since(began); took > time.Second {
		t.Errorf("closing took %v", took)
	}
	settles(t, before)
}

func TestWhatIsNotRedisIsAway(t *testing.T) {
	for name, says := range map[string]string{
		"a web server":              "HTTP/1.1 400 Bad Request\r\n\r\n",
		"a redis that is protected": "-DENIED Redis is running in protected mode\r\n",
		"noise":                     "\x00\xff\r\n\r\n\r\n",
		"a deep answer":             strings.Repeat("*1\r\n", 1000),
		"an end":                    "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			go func() {
				for {
					conn, err := other.Accept()
					if err != nil {
						return
					}
					io.WriteString(conn, says)
					conn.(*net.TCPConn).CloseWrite()
				}
			}()
			l := newLink(t, Options{Address: "redis://" + other.Addr().String()})
			l.Start()
			if s := l.turns(t, false); s.Reason == "" || len(s.Reason) > maxReason+10 {
				t.Errorf("the reason is %q", s.Reason)
			}
		})
	}
}

func TestClosingASilentRedisTakesLessThanASecondAndLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	f := newFake(t)
	l := newLink(t, Options{Address: f.address(), Timeout: 5 * time.Second})
	l.Listen("a", func(string) {}, nil)
	l.Start()
	l.turns(t, true)
	f.behave(func([]string) string { return silence })
	waiting := make(chan error, 1)
	go func() {
		_, err := l.ask(t.Context(), 0, "x")
		waiting <- err
	}()
	eventually(t, "a call to wait", func() bool { return l.Status().Calls == 1 })
	l.Later(echo, []string{"k"}, []string{"x"})
	began := time.Now()
	l.Close()
	if took := time.Since(began); took > time.Second {
		t.Errorf("closing took %v", took)
	}
	if err := <-waiting; err == nil {
		t.Error("a call has an answer of a silent redis")
	}
	if _, err := l.ask(t.Context(), 0, "x"); !errors.Is(err, ErrAway) || l.There() {
		t.Errorf("a call after closing: %v, want ErrAway", err)
	}
	if s := l.Status(); s.Reason != "closed" {
		t.Errorf("status: %+v", s)
	}
	f.Close()
	f.hangUp()
	settles(t, before)
}

func TestARedisThatIsSlowerThanTheTimeoutIsNotComeBackTo(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	l := startLink(t, Options{Address: f.address(), Timeout: 20 * time.Millisecond})
	f.behave(but("EVALSHA", func(words []string) string {
		time.Sleep(40 * time.Millisecond)
		return wellBehaved(words)
	}))
	l.ask(t.Context(), 0, "x")
	l.turns(t, false)
	accepted := f.accepted.Load()
	eventually(t, "some attempts", func() bool { return f.accepted.Load() >= accepted+3 })
	if l.There() {
		t.Error("a redis that is too slow was come back to")
	}
	f.behave(wellBehaved)
	l.turns(t, true)
}
