package redislink

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"
)

var appending = rueidis.NewLuaScript(`return redis.call('RPUSH', KEYS[1], ARGV[1])`)

func TestScriptsOffThePathRunEvenIfRedisForgetsThem(t *testing.T) {
	m := miniredis.RunT(t)
	l := startLink(t, Options{Address: "redis://" + m.Addr()})
	var want []string
	for i := range 60 {
		if i == 30 {
			flushScripts(t, m.Addr())
		}
		want = append(want, fmt.Sprint(i))
		l.Later(appending, []string{l.Key("list")}, []string{fmt.Sprint(i)})
	}
	eventually(t, "all scripts to run", func() bool {
		got, err := m.List(l.Key("list"))
		return err == nil && len(got) == len(want)
	})
	got, _ := m.List(l.Key("list"))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("other scripts ran than were given")
	}
	if s := l.Status(); s.Dropped != 0 || !s.There {
		t.Errorf("status: %+v", s)
	}
}

func TestScriptsThatMayNotBeLoadedRunAllTheSame(t *testing.T) {
	f := newFake(t)
	l := startLink(t, Options{Address: f.address()})
	ran := make(chan string, 100)
	f.behave(func(words []string) string {
		switch words[0] {
		case "SCRIPT":
			return "-NOPERM no permissions to run the 'script|load' command\r\n"
		case "EVALSHA":
			return "-NOSCRIPT No matching script.\r\n"
		case "EVAL":
			ran <- words[len(words)-1]
		}
		return wellBehaved(words)
	})
	for i := range 100 {
		l.Later(echo, []string{"k"}, []string{fmt.Sprint(i)})
	}
	for i := range 100 {
		if got := <-ran; got != fmt.Sprint(i) {
			t.Errorf("script %d had the argument %q", i, got)
		}
	}
	if s := l.Status(); !s.There || s.Dropped != 0 {
		t.Errorf("status: %+v", s)
	}
}

func TestScriptsAndMessagesAreSentInBatchesInOneOrder(t *testing.T) {
	f := newFake(t)
	l := startLink(t, Options{Address: f.address()})
	var mu sync.Mutex
	var got []string
	f.behave(func(words []string) string {
		if last := words[len(words)-1]; strings.HasPrefix(last, "n") {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, last)
		}
		if words[0] == "PUBLISH" {
			return ":1\r\n"
		}
		return wellBehaved(words)
	})
	var want []string
	for i := range 500 {
		want = append(want, fmt.Sprint("n", i))
		if i%3 == 0 {
			l.Publish("channel", want[i])
		} else {
			l.Later(echo, []string{"k"}, []string{want[i]})
		}
	}
	eventually(t, "all to be sent", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(got) == len(want)
	})
	if !slices.Equal(got, want) {
		t.Errorf("the order is another:\n%q", got)
	}
}

func TestWhatDoesNotFitIntoTheQueueIsDroppedAndCounted(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	l := startLink(t, Options{Address: f.address(), Timeout: 5 * time.Second})
	taken := make(chan struct{}, 1)
	f.behave(but("EVALSHA", func([]string) string {
		taken <- struct{}{}
		return silence
	}))
	l.Later(echo, []string{"k"}, []string{"x"})
	<-taken // The sender waits now.
	for range maxQueue + 10 {
		l.Later(echo, []string{"k"}, []string{"x"})
	}
	if s := l.Status(); s.Dropped != 10 {
		t.Errorf("%d of %d were dropped, want 10", s.Dropped, maxQueue+10)
	}
}

func TestTheQueueIsBoundedInBytesToo(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	l := startLink(t, Options{Address: f.address(), Timeout: 5 * time.Second})
	taken := make(chan struct{}, 1)
	f.behave(but("EVALSHA", func([]string) string {
		taken <- struct{}{}
		return silence
	}))
	l.Later(echo, []string{"k"}, []string{"x"})
	<-taken
	large := strings.Repeat("x", 1<<20-1)
	for range 20 {
		l.Later(echo, []string{"k"}, []string{large})
	}
	if s := l.Status(); s.Dropped != 4 {
		t.Errorf("%d of 20 MiB were dropped, want 4", s.Dropped)
	}
}

func TestOffThePathNothingWaitsWhileRedisIsAway(t *testing.T) {
	f := newFake(t)
	f.behave(always("EVALSHA", "-LOADING\r\n"))
	l := newLink(t, Options{Address: f.address()})
	l.Start()
	l.turns(t, false)
	l.Later(echo, []string{"k"}, []string{"x"})
	l.Publish("c", "x")
	if s := l.Status(); s.Dropped != 2 {
		t.Errorf("%d were dropped, want 2", s.Dropped)
	}
}

func TestAScriptOffThePathThatIsRefusedTurnsRedisAway(t *testing.T) {
	f := newFake(t)
	l := startLink(t, Options{Address: f.address()})
	f.behave(always("EVALSHA", "-READONLY You can't write\r\n"))
	l.Later(echo, []string{"k"}, []string{"x"})
	if s := l.turns(t, false); !strings.Contains(s.Reason, "READONLY") || s.Dropped != 1 {
		t.Errorf("status: %+v", s)
	}
}

func TestClosingSendsWhatIsQueued(t *testing.T) {
	f := newFake(t)
	l := startLink(t, Options{Address: f.address()})
	before := f.commands.Load()
	for range 300 {
		l.Later(echo, []string{"k"}, []string{"x"})
	}
	l.Close()
	if got := f.commands.Load() - before; got != 300 {
		t.Errorf("%d of 300 were sent before closing", got)
	}
}
