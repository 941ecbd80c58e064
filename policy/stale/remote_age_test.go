package stale

import (
	"fmt"
	"testing"
	"time"
)

func TestAgesAreToldByTheClockOfRedis(t *testing.T) {
	s, now := startMini(t), start
	s.pass(0, &now)
	ahead, behind := now.Add(5*time.Hour), now.Add(-7*time.Hour)
	for i, tt := range []struct {
		age     string // The header it came with.
		after   time.Duration
		maxAge  time.Duration
		want    time.Duration
		wantOld bool
	}{
		{"", 0, time.Second, 0, false},
		{"", 9 * time.Minute, 10 * time.Minute, 9 * time.Minute, false},
		{"", 11 * time.Minute, 10 * time.Minute, 0, true},
		{"60", 8 * time.Minute, 10 * time.Minute, 9 * time.Minute, false},
		{"60", 10 * time.Minute, 10 * time.Minute, 0, true},
		{"99999999999", 0, time.Hour, 0, true},
	} {
		one, other, k := s.gateway(t, 0), s.gateway(t, 0), key(fmt.Sprint(i))
		one.put(t, ahead, k, nil, answer("b", "Age: "+tt.age))
		s.pass(tt.after, &now)
		a, age, ok := other.Get(behind, time.Minute, k, nil, tt.maxAge)
		if ok == tt.wantOld || age.Round(10*time.Second) != tt.want {
			t.Errorf("Age %q after %v, at most %v: got %v, %v, want %v, %v", tt.age, tt.after, tt.maxAge, age, ok, tt.want, !tt.wantOld)
			continue
		}
		if want := fmt.Sprint(int64(age / time.Second)); ok && a.Header.Get("Age") != want {
			t.Errorf("Age %q after %v: the header says %q, want %q", tt.age, tt.after, a.Header.Get("Age"), want)
		}
	}
}

func TestOfMemoryAndRedisTheYoungerAnswerIsGiven(t *testing.T) {
	s, now := startMini(t), start
	s.pass(0, &now)
	one, other, k := s.gateway(t, 0), s.gateway(t, 0), key("/")
	one.put(t, now, k, nil, answer("first"))
	s.pass(time.Minute, &now)
	other.put(t, now, k, nil, answer("second"))
	if got := one.body(now, k, nil); got != "second" {
		t.Errorf("with a younger one at Redis: got %q, want %q", got, "second")
	}
	s.pass(time.Minute, &now)
	one.link.away.Store(true)
	one.put(t, now, k, nil, answer("third"))
	if got := one.body(now, k, nil); got != "third" {
		t.Errorf("while Redis is away: got %q, want %q", got, "third")
	}
	one.link.away.Store(false)
	if got := one.body(now, k, nil); got != "third" {
		t.Errorf("with a younger one in memory: got %q, want %q", got, "third")
	}
	if got := other.body(now, k, nil); got != "second" {
		t.Errorf("at the other gateway: got %q, want %q", got, "second")
	}
	if got := one.Dropped(); got != 1 {
		t.Errorf("%d answers were dropped, want the one that came while Redis was away", got)
	}
}

func TestAClockOfRedisThatIsSetBackKeepsNoLaterAnswerOut(t *testing.T) {
	s, now := startMini(t), start
	s.pass(0, &now)
	g := s.gateway(t, 0)
	g.put(t, now, key("/"), nil, answer("before"))
	s.pass(-30*time.Minute, &now)
	g.put(t, now, key("/"), nil, answer("after"))
	g.store = NewStore(0, 0)
	if got := g.body(now, key("/"), nil); got != "after" {
		t.Errorf("got %q, want %q", got, "after")
	}
}
