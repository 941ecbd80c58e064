package redislink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// place is a server's address as Redis answers it.
func place(f *fake) (host, port string) {
	host, port, _ = net.SplitHostPort(f.Addr().String())
	return host, port
}

// watching behaves as a Sentinel that knows a master.
func watching(master func() *fake) func([]string) string {
	return func(words []string) string {
		if words[0] != "SENTINEL" {
			return wellBehaved(words)
		}
		switch {
		case words[2] != "mine":
			return "-ERR No such master with that name\r\n"
		case words[1] == "SENTINELS":
			return "*0\r\n"
		}
		host, port := place(master())
		return "*2\r\n" + bulk(host) + bulk(port)
	}
}

// staying is a master that stays.
func staying(f *fake) func() *fake { return func() *fake { return f } }

func hosts(fakes ...*fake) string {
	var all []string
	for _, f := range fakes {
		all = append(all, f.Addr().String())
	}
	return "redis://" + strings.Join(all, ",")
}

func TestAHostThatIsNotWhatTheAddressSaysIsAway(t *testing.T) {
	t.Parallel()
	const unknown = "-ERR unknown command 'CLUSTER', with args beginning with:\r\n"
	sentinel, single, other := newFake(t), newFake(t), newFake(t)
	sentinel.behave(func(words []string) string {
		if words[0] == "CLUSTER" || words[0] == "EVALSHA" {
			return unknown
		}
		return wellBehaved(words)
	})
	watch := newFake(t)
	watch.behave(watching(staying(single)))
	single.behave(always("SENTINEL", unknown))
	for want, o := range map[string]Options{
		"name the master that it knows":               {Address: hosts(sentinel)},
		"the hosts are not a cluster":                 {Address: hosts(single, other)},
		"No such master with that name":               {Address: hosts(watch), Sentinel: "yours"},
		"sentinels know as mine: redis says: unknown": {Address: hosts(single), Sentinel: "mine"},
	} {
		l := newLink(t, o)
		l.Start()
		if s := l.turns(t, false); !strings.Contains(s.Reason, want) {
			t.Errorf("%+v: the reason is %q, want %q", o, s.Reason, want)
		}
	}
}

func TestTheMasterIsWhomASentinelNamesAndWhoSaysSo(t *testing.T) {
	t.Parallel()
	deaf, one, two, old, next := newFake(t), newFake(t), newFake(t), newFake(t), newFake(t)
	deaf.Close()
	var master atomic.Pointer[fake]
	master.Store(old)
	one.behave(watching(staying(old)))
	two.behave(watching(master.Load))
	l := newLink(t, Options{Address: hosts(deaf, one, two), Sentinel: "mine"})
	l.Start()
	l.turns(t, true)
	if s := l.Status(); s.Mode != "sentinel" || l.at() != old.Addr().String() {
		t.Errorf("the link is at %s: %+v", l.at(), s)
	}

	// The first Sentinel has not heard of the new master yet.
	old.behave(always("ROLE", role("slave")))
	master.Store(next)
	old.hangUp()
	l.turns(t, false)
	l.turns(t, true)
	if at := l.at(); at != next.Addr().String() {
		t.Errorf("the link is at %s, want the new master", at)
	}

	// A master that goes on answering is left when the Sentinels name another.
	old.behave(wellBehaved)
	master.Store(old)
	if s := l.turns(t, false); s.Reason != "the sentinels name another master" {
		t.Errorf("the reason is %q", s.Reason)
	}
	l.turns(t, true)
	if at := l.at(); at != old.Addr().String() {
		t.Errorf("the link is at %s, want the master named last", at)
	}
}

func TestASentinelThatIsAwaySaysNothingOfRedis(t *testing.T) {
	t.Parallel()
	one, two, master := newFake(t), newFake(t), newFake(t)
	one.behave(watching(staying(master)))
	two.behave(watching(staying(master)))
	l := startLink(t, Options{Address: hosts(one, two), Sentinel: "mine"})
	one.Close()
	one.hangUp()
	eventually(t, "the other sentinel to be asked", func() bool { return two.accepted.Load() > 0 })
	if s := l.Status(); !s.There || s.TimesAway != 0 {
		t.Errorf("a sentinel's end turned redis away: %+v", s)
	}
}

// part behaves as one node of a Cluster whose slots are told by table.
func part(table func() string) func([]string) string {
	return func(words []string) string {
		if words[0] == "CLUSTER" {
			return table()
		}
		return wellBehaved(words)
	}
}

// held says which slots which nodes hold.
func held(first, last int, f *fake) string {
	host, port := place(f)
	return fmt.Sprintf("*3\r\n:%d\r\n:%d\r\n*2\r\n%s:%s\r\n", first, last, bulk(host), port)
}

// slotOf is the slot of a key.
func slotOf(l *linked, key string) int {
	command := l.live.Load().main[0].client.B().Get().Key(key).Build()
	return int(command.Slot())
}

func TestAClusterIsRoutedByKeyAndOnlyTheNodeOfTheCountersDecidesWhetherItIsThere(t *testing.T) {
	t.Parallel()
	dead, lower, upper := newFake(t), newFake(t), newFake(t)
	dead.Close()
	table := func() string { return "*2\r\n" + held(8192, 16383, upper) + held(0, 8191, lower) }
	lower.behave(part(table))
	upper.behave(part(table))
	l := startLink(t, Options{Address: hosts(dead, lower)})
	home, elsewhere, key := lower, upper, "{signpost:s1}:x"
	if slotOf(l, l.Key("")) >= 8192 {
		home, elsewhere = upper, lower
	}
	for i := 1; slotOf(l, key) < 8192 == (slotOf(l, l.Key("")) < 8192); i++ {
		key = fmt.Sprintf("{signpost:s%d}:x", i)
	}
	if s := l.Status(); s.Mode != "cluster" {
		t.Fatalf("status: %+v", s)
	}
	there := func() bool { return l.Run(t.Context(), 0, echo, []string{key}, []string{"x"}).Error() == nil }
	if !there() {
		t.Error("the other node was not reached before redis was there")
	}

	elsewhere.hangUp()
	eventually(t, "the other node again", there)
	elsewhere.behave(func(words []string) string {
		if words[0] == "EVALSHA" {
			return "-OOM nothing is free\r\n"
		}
		return part(table)(words)
	})
	l.Later(echo, []string{key}, []string{"x"})
	eventually(t, "a refusal of the other node off the path", func() bool { return l.Status().Dropped == 1 })
	if there() {
		t.Error("a refused script has an answer")
	}
	if s := l.Status(); !s.There || s.TimesAway != 0 {
		t.Errorf("another node's failures turned redis away: %+v", s)
	}

	home.hangUp()
	l.turns(t, false)
	l.turns(t, true)
	if got, err := l.ask(t.Context(), 0, "x"); err != nil || got != "x" {
		t.Errorf("a script after the return = %q, %v", got, err)
	}
}

func TestWhoMovedIsFollowedWhereItIsConnected(t *testing.T) {
	t.Parallel()
	old, next := newFake(t), newFake(t)
	var moved atomic.Bool
	table := func() string {
		if moved.Load() {
			return "*1\r\n" + held(0, 16383, next)
		}
		return "*2\r\n" + held(0, 16382, old) + held(16383, 16383, next)
	}
	old.behave(part(table))
	next.behave(part(table))
	l := startLink(t, Options{Address: hosts(old, next)})
	moved.Store(true)
	old.behave(always("EVALSHA", "-MOVED 1 "+next.Addr().String()+"\r\n"))
	for range 50 {
		if got, err := l.ask(t.Context(), 0, "x"); err != nil || got != "x" {
			t.Errorf("a script that moved = %q, %v", got, err)
		}
	}
	if s := l.Status(); s.TimesAway != 0 {
		t.Errorf("a slot that moved turned redis away: %+v", s)
	}
	next.behave(always("EVALSHA", "-MOVED 1 127.0.0.1:1\r\n"))
	l.ask(t.Context(), 0, "x")
	l.turns(t, false)
}

func TestAnotherNodeThatIsSilentIsNeitherWaitedForNorForgotten(t *testing.T) {
	t.Parallel()
	one, two := newFake(t), newFake(t)
	table := func() string { return "*2\r\n" + held(16383, 16383, two) + held(0, 16382, one) }
	one.behave(part(table))
	two.behave(part(table))
	l := startLink(t, Options{Address: hosts(one), Connections: 1})
	key := "{signpost:s1}:x"
	for i := 1; slotOf(l, key) != 16383; i++ {
		key = fmt.Sprintf("{signpost:s%d}:x", i)
	}
	release := make(chan struct{})
	two.behave(func(words []string) string {
		if words[0] == "EVALSHA" {
			<-release
		}
		return part(table)(words)
	})
	for range maxElsewhere {
		if err := l.Run(t.Context(), time.Microsecond, echo, []string{key}, []string{"x"}).Error(); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("a silent node ended a script with %v", err)
		}
	}
	if err := l.Run(t.Context(), 0, echo, []string{key}, []string{"x"}).Error(); !errors.Is(err, errBusy) {
		t.Errorf("one call too many: %v, want %v", err, errBusy)
	}
	if got, err := l.ask(t.Context(), 0, "x"); err != nil || got != "x" {
		t.Errorf("a script at the node of the counters = %q, %v", got, err)
	}
	close(release)
	eventually(t, "all answers of the other node", func() bool { return l.live.Load().elsewhere[0].underWay.Load() == 0 })
	if s := l.Status(); !s.There || s.TimesAway != 0 {
		t.Errorf("another node's silence turned redis away: %+v", s)
	}
}

func TestNothingIsLeftOfSentinelsOrAClusterAfterClosing(t *testing.T) {
	before := runtime.NumGoroutine()
	master, sentinel, node, other := newFake(t), newFake(t), newFake(t), newFake(t)
	sentinel.behave(watching(staying(master)))
	table := func() string { return "*2\r\n" + held(16383, 16383, other) + held(0, 16382, node) }
	node.behave(part(table))
	other.behave(part(table))
	for _, o := range []Options{{Address: hosts(sentinel), Sentinel: "mine"}, {Address: hosts(node)}} {
		l := newLink(t, o)
		l.Listen("a", func(string) {}, nil)
		l.Start()
		l.turns(t, true)
		node.hangUp()
		master.hangUp()
		l.turns(t, false)
		l.turns(t, true)
		began := time.Now()
		l.Close()
		if took := time.Since(began); took > time.Second {
			t.Errorf("closing took %v", took)
		}
	}
	for _, f := range []*fake{master, sentinel, node, other} {
		f.Close()
		f.hangUp()
	}
	settles(t, before)
}

func TestARedisThatDoesNotTellItsSlotsIsTakenForOneByItself(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for _, refusal := range []string{
		"NOPERM this user has no permissions to run the 'cluster|slots' command",
		"ERR unknown command 'CLUSTER', with args beginning with: 'SLOTS'",
		"ERR This instance has cluster support disabled",
	} {
		f.behave(always("CLUSTER", "-"+refusal+"\r\n"))
		l := startLink(t, Options{Address: f.address()})
		if s := l.Status(); s.Mode != "standalone" {
			t.Errorf("%s: status: %+v", refusal, s)
		}
		l.Close()
	}
}

func TestAClusterWithoutAHolderOfTheCountersIsAway(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for table, want := range map[string]string{
		"*0\r\n": "the slot has no redis node",
		"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n" + bulk("127.0.0.1") + ":1\r\n": "127.0.0.1:1: connection refused",
	} {
		f.behave(part(func() string { return table }))
		l := newLink(t, Options{Address: f.address()})
		l.Start()
		if s := l.turns(t, false); !strings.Contains(s.Reason, want) {
			t.Errorf("slots %.60q: the reason is %q, want %q", table, s.Reason, want)
		}
		l.Close()
	}
}
