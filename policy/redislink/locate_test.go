package redislink

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/rueidis"
)

func greeting(mode, role string) string {
	return "%3\r\n+proto\r\n:3\r\n+mode\r\n+" + mode + "\r\n+role\r\n+" + role + "\r\n"
}

// place is a server's address as Redis answers it.
func place(f *fake) (host, port string) {
	host, port, _ = net.SplitHostPort(f.Addr().String())
	return host, port
}

// watching behaves as a Sentinel that knows a master.
func watching(master *fake) func([]string) string {
	return func(words []string) string {
		switch words[0] {
		case "HELLO":
			return greeting("sentinel", "sentinel")
		case "SENTINEL":
			if words[2] != "mine" {
				return null
			}
			host, port := place(master)
			return "*2\r\n" + bulk(host) + bulk(port)
		}
		return wellBehaved(words)
	}
}

func hosts(fakes ...*fake) string {
	var all []string
	for _, f := range fakes {
		all = append(all, f.Addr().String())
	}
	return "redis://" + strings.Join(all, ",")
}

func TestAHostThatIsNotWhatTheAddressSaysIsAway(t *testing.T) {
	t.Parallel()
	sentinel, single, other := newFake(t), newFake(t), newFake(t)
	sentinel.behave(watching(single))
	for want, o := range map[string]Options{
		"name the master that it knows":                        {Address: hosts(sentinel)},
		"the hosts are not a cluster":                          {Address: hosts(single, other)},
		`the sentinel knows no master "yours"`:                 {Address: hosts(sentinel), Sentinel: "yours"},
		single.Addr().String() + ": asking a sentinel for the": {Address: hosts(single), Sentinel: "mine"},
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
	one.behave(watching(old))
	two.behave(watching(old))
	l := newLink(t, Options{Address: hosts(deaf, one, two), Sentinel: "mine"})
	l.Start()
	l.turns(t, true)
	if s := l.Status(); s.Mode != "sentinel" || l.live.Load().main.address != old.Addr().String() {
		t.Errorf("the link is at %s: %+v", l.live.Load().main.address, s)
	}

	// The first Sentinel has not heard of the new master yet.
	old.behave(always("HELLO", greeting("standalone", "slave")))
	two.behave(watching(next))
	old.hangUp()
	l.turns(t, false)
	l.turns(t, true)
	if at := l.live.Load().main.address; at != next.Addr().String() {
		t.Errorf("the link is at %s, want the new master", at)
	}

	// A master that goes on answering is left when the Sentinels name another.
	old.behave(wellBehaved)
	two.behave(watching(old))
	if s := l.turns(t, false); s.Reason != "the sentinels name another master" {
		t.Errorf("the reason is %q", s.Reason)
	}
	l.turns(t, true)
	if at := l.live.Load().main.address; at != old.Addr().String() {
		t.Errorf("the link is at %s, want the master named last", at)
	}
}

func TestASentinelThatIsAwaySaysNothingOfRedis(t *testing.T) {
	t.Parallel()
	one, two, master := newFake(t), newFake(t), newFake(t)
	one.behave(watching(master))
	two.behave(watching(master))
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
		switch words[0] {
		case "HELLO":
			return greeting("cluster", "master")
		case "CLUSTER":
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

func TestAClusterIsRoutedByKeyAndOnlyTheNodeOfTheCountersDecidesWhetherItIsThere(t *testing.T) {
	t.Parallel()
	lower, upper := newFake(t), newFake(t)
	var swapped atomic.Bool
	table := func() string {
		if swapped.Load() {
			return "*2\r\n" + held(0, 8191, upper) + held(8192, 16383, lower)
		}
		return "*2\r\n" + held(8192, 16383, upper) + held(0, 8191, lower)
	}
	lower.behave(part(table))
	upper.behave(part(table))
	l := startLink(t, Options{Address: hosts(lower), Scripts: []*rueidis.Lua{echo}})
	home, elsewhere, key := lower, upper, "{signpost:s1}:x"
	if slotOf(l.Key("")) >= 8192 {
		home, elsewhere = upper, lower
	}
	for i := 1; slotOf(key) < 8192 == (slotOf(l.Key("")) < 8192); i++ {
		key = fmt.Sprintf("{signpost:s%d}:x", i)
	}
	if s := l.Status(); s.Mode != "cluster" || l.live.Load().main.address != home.Addr().String() {
		t.Fatalf("the link is at %s: %+v", l.live.Load().main.address, s)
	}
	there := func() bool { return l.Run(t.Context(), 0, echo, []string{key}, []string{"x"}).Error() == nil }
	if err := l.Run(t.Context(), 0, echo, []string{key}, []string{"x"}).Error(); !errors.Is(err, ErrAway) {
		t.Errorf("a key of a node that is not connected yet: %v, want ErrAway", err)
	}
	eventually(t, "the other node", there)

	elsewhere.hangUp()
	eventually(t, "the loss of the other node", func() bool { return len(*l.live.Load().others.Load()) == 0 })
	eventually(t, "the other node again", there)
	if s := l.Status(); !s.There || s.TimesAway != 0 {
		t.Errorf("another node's end turned redis away: %+v", s)
	}

	swapped.Store(true)
	if s := l.turns(t, false); !strings.Contains(s.Reason, "another node") {
		t.Errorf("the reason is %q", s.Reason)
	}
	l.turns(t, true)
	if at := l.live.Load().main.address; at != elsewhere.Addr().String() {
		t.Errorf("the link is at %s, want the new holder", at)
	}
}

func TestWhatAClusterSaysOfItsSlotsIsNotTrusted(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for table, want := range map[string]string{
		"-NOPERM no permissions\r\n": "NOPERM",
		"+OK\r\n":                    "who holds which slots",
		"*0\r\n":                     "no node of the cluster holds",
		"*1\r\n*2\r\n:0\r\n:1\r\n":   "has no master",
		"*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n+h\r\n:1\r\n":                    "slots that are none",
		"*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n+h\r\n:1\r\n":                       "slots that are none",
		"*1\r\n*3\r\n:0\r\n:16383\r\n*1\r\n+h\r\n":                          "has no address",
		"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n+h\r\n:0\r\n":                    "has no port",
		"*1\r\n*3\r\n:0\r\n:16383\r\n+h\r\n":                                "who holds which slots",
		"*1\r\n*3\r\n+x\r\n:16383\r\n+h\r\n":                                "who holds which slots",
		"*16385\r\n" + strings.Repeat("*0\r\n", 16385):                      "more than a cluster has",
		"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n" + bulk("127.0.0.1") + ":1\r\n": "connection refused",
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

func TestANodeThatDoesNotKnowItsNameIsTheOneThatWasAsked(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	_, port := place(f)
	for _, name := range []string{bulk(""), null, bulk("?")} {
		f.behave(part(func() string { return "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n" + name + ":" + port + "\r\n" }))
		startLink(t, Options{Address: f.address()}).Close()
	}
}

func TestSlotsAreThoseOfTheProtocol(t *testing.T) {
	f := newFake(t)
	l := startLink(t, Options{Address: f.address()})
	builder := l.live.Load().main.first.B()
	keys := []string{"", "123456789", "foo", "{user1000}.following", "foo{}{bar}", "foo{{bar}}zap", "foo{bar}{zap}", "{", "}{", "a{b", "{signpost}:t:acme", "{signpost:s15}:x"}
	for _, key := range keys {
		command := builder.Arbitrary("GET").Keys(key).Build().SetSlot(key)
		if got, want := slotOf(key), int(command.Slot())%slotCount; got != want {
			t.Errorf("the slot of %q is %d, want %d", key, got, want)
		}
		if tag := tagOf(key); tag != "" && slotOf("{"+tag+"}:probe") != slotOf(key) {
			t.Errorf("what is in the slot of %q is not in that of %q", tag, key)
		}
	}
	if got := slotOf("123456789"); got != 0x31c3 {
		t.Errorf("the slot of 123456789 is %#x, want 0x31c3", got)
	}
}

func TestEverySlotHasTheMasterThatHoldsIt(t *testing.T) {
	s := slots{{0, 99, "a"}, {100, 100, "b"}, {200, 16383, "c"}}
	var got []string
	for _, slot := range []int{0, 99, 100, 101, 199, 200, 16383} {
		got = append(got, s.master(slot))
	}
	if want := []string{"a", "a", "b", "", "", "c", "c"}; !slices.Equal(got, want) {
		t.Errorf("the masters are %q, want %q", got, want)
	}
	if got := (slots{}).master(7); got != "" {
		t.Errorf("nobody's slot is held by %q", got)
	}
}
