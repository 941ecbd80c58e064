package breaker

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/rueidis"
)

// deaf is a link to nowhere, which says that Redis is there.
type deaf struct{}

func (deaf) There() bool            { return true }
func (deaf) Key(rest string) string { return rest }

func (deaf) Channel(rest string) string { return rest }
func (deaf) Run(context.Context, time.Duration, *rueidis.Lua, []string, []string) rueidis.RedisResult {
	return rueidis.NewErrorResult(errCut)
}
func (deaf) Later(*rueidis.Lua, []string, []string) {}
func (deaf) Publish(string, string)                 {}

// hearing gives a breaker with peers from whom it hears what a test says.
func hearing(c Config) (*Breaker, *Peers) {
	r := NewRegistry(nil)
	p := NewPeers(r, deaf{}, "me")
	r.Join(p)
	return r.Breaker("store", c), p
}

func lined(words ...string) string { return strings.Join(words, "\n") }

func TestWhatIsHeardIsCountedOrIgnored(t *testing.T) {
	long := strings.Repeat("x", maxHostName+1)
	tests := []struct {
		name, message string
		failed        uint32
		state         State
	}{
		{"results", lined("results", "you", "store", "0 1 0 2", host, ""), 2, Closed},
		{"results of several cells", lined("results", "you", "nosuch", "1 0 0 0", host, "", "store", "1 0 0 0", "b.example", "", "store", "1 0 0 0", host, ""), 1, Closed},
		{"its own results", lined("results", "me", "store", "0 1 0 2", host, ""), 0, Closed},
		{"another policy's", lined("results", "you", "shop", "0 1 0 2", host, ""), 0, Closed},
		{"too large a number", lined("results", "you", "store", "0 1 0 1001", host, ""), 0, Closed},
		{"a negative number", lined("results", "you", "store", "0 1 0 -1", host, ""), 0, Closed},
		{"too few numbers", lined("results", "you", "store", "1 0 0", host, ""), 0, Closed},
		{"too many numbers", lined("results", "you", "store", "1 0 0 0 0", host, ""), 0, Closed},
		{"no tenant's line", lined("results", "you", "store", "1 0 0 0", host), 0, Closed},
		{"failures between no successes", lined("results", "you", "store", "0 1 9 0", host, ""), 0, Closed},
		{"open", lined("open", "store", "abc", "5000", host), 0, Open},
		{"open, without a record", lined("open", "store", "", "5000", host), 0, Closed},
		{"open, for too long", lined("open", "store", "abc", "86400001", host), 0, Closed},
		{"open, for a negative time", lined("open", "store", "abc", "-5", host), 0, Closed},
		{"open, for no number", lined("open", "store", "abc", "5s", host), 0, Closed},
		{"open, for a tenant", lined("open", "store", "abc", "5000", host, "acme"), 0, Closed},
		{"open, with more", lined("open", "store", "abc", "5000", host, "acme", "x"), 0, Closed},
		{"open, with no tenant's name", lined("open", "store", "abc", "5000", host, ""), 0, Closed},
		{"open, no policy of ours", lined("open", "shop", "abc", "5000", host), 0, Closed},
		{"held open", lined("order", "store", "you.1", "open", "0", "1000000"), 0, Open},
		{"held half-open", lined("order", "store", "you.1", "half-open", "0", "1000"), 0, Closed},
		{"a reset that lasts", lined("order", "store", "you.1", "reset", "0", "1000"), 0, Closed},
		{"its own hold of long ago", lined("order", "store", "me.1", "open", "0", "1000"), 0, Closed},
		{"no such word", lined("opened", "store", "abc", "5000", host), 0, Closed},
		{"nothing", "", 0, Closed},
		{"too long a message", lined("open", "store", "abc", "5000", host) + strings.Repeat("\n", maxMessage), 0, Closed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, p := hearing(Default())
			p.Hear(tt.message)
			got := b.State(host, "")
			if got.Counts.Failed != tt.failed || got.State != tt.state {
				t.Errorf("after %q: %+v, want %d failed, %v", tt.message, got, tt.failed, tt.state)
			}
		})
	}
	for _, name := range []string{long, "", "a\x00b", "a\rb", "a\xffb"} {
		b, p := hearing(Config{Consecutive: 1})
		p.Hear(lined("results", "you", "store", "1 0 0 0", name, ""))
		p.Hear(lined("results", "you", "store", "1 0 0 0", host, name[:min(len(name), maxTenantName+1)]))
		p.Hear(lined("open", "store", "abc", "5000", name))
		for _, s := range b.States() {
			if s.Host != host {
				t.Errorf("there is a cell for the host %q", s.Host)
			}
			if s.Tenant != "" {
				t.Errorf("there is a cell for the tenant %q", s.Tenant)
			}
		}
	}
}

func TestARecordThatWasClosedIsNotOpenedAnyMore(t *testing.T) {
	b, p := hearing(Default())
	attempt(t, b, "", Success)
	p.Hear(lined("closed", "store", "abc", host)) // Read a moment before, and obeyed after.
	p.Hear(lined("open", "store", "abc", "5000", host))
	wantState(t, b, "", Closed)
	p.Hear(lined("open", "store", "def", "5000", host))
	wantState(t, b, "", Open)
	p.Hear(lined("closed", "store", "abc", host))
	wantState(t, b, "", Open)
	p.Hear(lined("closed", "store", "def", host))
	wantState(t, b, "", Closed)
}

func TestResultsOfOthersAreNoProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, p := hearing(Config{Consecutive: 1})
		attempt(t, b, "", Failure)
		time.Sleep(15 * time.Second)
		p.Hear(lined("results", "you", "store", "0 5 0 0", host, ""))
		p.Hear(lined("results", "you", "store", "2 0 0 0", host, ""))
		wantState(t, b, "", HalfOpen)
	})
}

func TestABreakerThatIsOffHearsHoldsAlone(t *testing.T) {
	b, p := hearing(Config{Off: true})
	p.Hear(lined("results", "you", "store", "9 0 0 0", host, ""))
	p.Hear(lined("open", "store", "abc", "5000", host))
	if got := b.States(); len(got) != 0 {
		t.Errorf("its cells are %+v, want none", got)
	}
	p.Hear(lined("order", "store", "you.1", "open", "0", "0"))
	refused(t, b, "")
}

func TestNobodyIsHeardWhoWasNotJoined(t *testing.T) {
	b, p := hearing(Default())
	b.registry.Join(nil)
	p.Hear(lined("open", "store", "abc", "5000", host))
	p.Hear(lined("order", "store", "you.1", "open", "0", "0"))
	wantState(t, b, "", Closed)
}

func TestAFloodOfMessagesIsBounded(t *testing.T) {
	b, p := hearing(Config{Consecutive: MaxAttempts})
	attempt(t, b, "", Failure)
	for i := range 4000 {
		p.Hear(lined("open", "store", fmt.Sprint("r", i), "5000", host, fmt.Sprint("tenant", i)))
		p.Hear(lined("open", "store", fmt.Sprint("s", i), "5000", fmt.Sprint("host", i)))
		p.Hear(lined("order", fmt.Sprint("policy", i), fmt.Sprint("o", i), "open", "0", "0"))
	}
	var flood strings.Builder
	flood.WriteString("results\nyou")
	for flood.Len() < maxMessage-100 {
		fmt.Fprintf(&flood, "\nstore\n1000 1000 1000 1000\n%s\n", host)
	}
	for range 20 {
		p.Hear(flood.String())
	}
	if got := len(b.hosts.all()); got > MaxHosts {
		t.Errorf("%d hosts' cells, want at most %d", got, MaxHosts)
	}
	if got := len(b.tenants.all()); got > MaxTenants {
		t.Errorf("%d tenants' cells, want at most %d", got, MaxTenants)
	}
	if got := b.State(host, "").Counts.Finished; got > 20*maxHeard {
		t.Errorf("%d results counted of 20 messages, want at most %d each", got, maxHeard)
	}
	if got := len(b.registry.hands); got != 1 {
		t.Errorf("%d policies have orders, want those that there are", got)
	}
}

func TestWhatWaitsToBeToldIsBounded(t *testing.T) {
	b, p := hearing(Default())
	for i := range maxListed + 500 {
		permit, _ := b.Allow(host, fmt.Sprint("flood", i), time.Second)
		permit.Done(TenantFailure)
	}
	if got := len(p.listed); got != maxListed {
		t.Errorf("%d cells wait to be told of, want %d", got, maxListed)
	}
	x := b.tenantCell(cellKey{host, "flood1"})
	for range 5 * maxTally {
		x.countNew(errFailed)
	}
	if got := x.takeTally().total(); got > 4*maxTally {
		t.Errorf("a tally is of %d results, want at most %d", got, 4*maxTally)
	}
}

func FuzzHear(f *testing.F) {
	for _, seed := range []string{
		lined("results", "you", "store", "1 2 3 4", host, "acme", "store", "0 0 0 1", host, ""),
		lined("open", "store", "abc", "5000", host, "acme"),
		lined("open", "store", "abc", "5000", host),
		lined("closed", "store", "abc", host),
		lined("order", "store", "you.1", "closed", "5", "3153600000000"),
		"", "\n\n\n", "results\n\n\n\n\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		b, p := hearing(Config{Consecutive: 3})
		p.Hear(message)
		p.Hear(message)
		for _, s := range b.States() {
			if !(cellKey{s.Host, s.Tenant}).tellable() {
				t.Errorf("%q makes the cell %q of %q", message, s.Tenant, s.Host)
			}
			if s.Counts.Finished > 2*maxHeard || s.State == Open && !s.Held && time.Until(s.ProbesAt) > MaxSpan {
				t.Errorf("%q makes a cell %+v", message, s)
			}
		}
		permit, refusal := b.AllowProbe(host, "acme", time.Second, nil)
		permit.Done(Success)
		if refusal != nil && refusal.RetryAfter < 0 {
			t.Errorf("%q makes a call come back after %v", message, refusal.RetryAfter)
		}
	})
}
