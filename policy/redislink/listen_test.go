package redislink

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
)

func TestMessagesOfOthersAreHeard(t *testing.T) {
	m := miniredis.RunT(t)
	heard, backs := make(chan string, 10), make(chan bool, 10)
	one := newLink(t, Options{Address: "redis://" + m.Addr()})
	one.Listen("a", func(payload string) { heard <- "a:" + payload }, func() {
		got, err := one.ask(t.Context(), 0, "caught up")
		if got != "caught up" || err != nil {
			t.Errorf("a script on coming back = %q, %v", got, err)
		}
		backs <- one.There()
	})
	one.Listen("b", func(payload string) { heard <- "b:" + payload }, nil)
	one.Listen("c", nil, func() { backs <- one.There() })
	one.Start()
	one.turns(t, true)
	if first, second := <-backs, <-backs; first || second {
		t.Error("redis was there before the listeners caught up")
	}
	two := startLink(t, Options{Address: "redis://" + m.Addr()})
	two.Publish("a", "1")
	two.Publish("c", "nobody")
	two.Publish("b", strings.Repeat("x", maxMessage+1))
	two.Publish("b", "2")
	for _, want := range []string{"a:1", "b:2"} {
		if got := <-heard; got != want {
			t.Errorf("heard %.80q, want %q", got, want)
		}
	}
}

func TestALostConnectionOfAListenerIsComingBack(t *testing.T) {
	m := miniredis.RunT(t)
	heard, backs := make(chan string, 10), make(chan struct{}, 10)
	l := newLink(t, Options{Address: "redis://" + m.Addr()})
	l.Listen("a", func(payload string) { heard <- payload }, func() { backs <- struct{}{} })
	l.Start()
	l.turns(t, true)
	<-backs
	l.live.Load().abort()
	l.turns(t, false)
	l.turns(t, true)
	<-backs
	l.Publish("a", "still here")
	if got := <-heard; got != "still here" {
		t.Errorf("heard %q after the return", got)
	}
}

func TestASubscriptionThatIsRefusedKeepsRedisAway(t *testing.T) {
	f := newFake(t)
	f.behave(always("SUBSCRIBE", "-NOPERM no permissions to access one of the channels\r\n"))
	l := newLink(t, Options{Address: f.address()})
	l.Listen("a", func(string) {}, nil)
	l.Start()
	if s := l.turns(t, false); !strings.Contains(s.Reason, "NOPERM") {
		t.Errorf("the reason is %q", s.Reason)
	}
	f.behave(wellBehaved)
	l.turns(t, true)
}
