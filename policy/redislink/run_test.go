package redislink

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"
)

func TestAScriptIsOneRoundTripEvenTheFirstTime(t *testing.T) {
	f := newFake(t)
	l := startLink(t, Options{Address: f.address()})
	before := f.commands.Load()
	for range 10 {
		if got, err := l.ask(t.Context(), 0, "hello"); err != nil || got != "hello" {
			t.Fatalf("echo hello = %q, %v", got, err)
		}
	}
	if got := f.commands.Load() - before; got != 10 {
		t.Errorf("10 runs were %d commands, want 10", got)
	}
	if s := l.Status(); s.Calls != 10 || s.Failures != 0 || s.RoundTrip <= 0 || s.Mode != "standalone" {
		t.Errorf("status after 10 runs: %+v", s)
	}
}

func TestAScriptThatRedisForgotIsSentAgain(t *testing.T) {
	m := miniredis.RunT(t)
	l := startLink(t, Options{Address: "redis://" + m.Addr()})
	for round := range 3 {
		if got, err := l.ask(t.Context(), 0, "hello"); err != nil || got != "hello" {
			t.Fatalf("round %d: echo hello = %q, %v", round, got, err)
		}
		flushScripts(t, m.Addr())
	}
	if s := l.Status(); !s.There || s.TimesAway != 0 {
		t.Errorf("forgotten scripts turned redis away: %+v", s)
	}
}

// flushScripts makes a server forget all scripts.
func flushScripts(t *testing.T, address string) {
	t.Helper()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Do(t.Context(), c.B().ScriptFlush().Build()).Error(); err != nil {
		t.Fatal(err)
	}
}

func TestANullIsAnAnswer(t *testing.T) {
	f := newFake(t)
	l := startLink(t, Options{Address: f.address()})
	f.behave(always("EVALSHA", null))
	if _, err := l.ask(t.Context(), 0, "x"); !rueidis.IsRedisNil(err) {
		t.Errorf("a null came back as %v", err)
	}
	if s := l.Status(); !s.There || s.Failures != 0 {
		t.Errorf("a null turned redis away: %+v", s)
	}
}

func TestWhatRedisRefusesTurnsItAwayUntilItNoLongerDoes(t *testing.T) {
	for _, refusal := range []string{
		"LOADING Redis is loading the dataset in memory",
		"READONLY You can't write against a read only replica.",
		"OOM command not allowed when used memory > 'maxmemory'.",
		"NOAUTH Authentication required.",
		"WRONGPASS invalid username-password pair or user is disabled.",
		"NOPERM this user has no permissions to run the 'evalsha' command",
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
		"CLUSTERDOWN Hash slot not served",
		"BUSY Redis is busy running a script.",
		"MOVED 1 127.0.0.1:1",
		"ERR user_script:1: something is wrong",
	} {
		t.Run(strings.Fields(refusal)[0], func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			l := startLink(t, Options{Address: f.address()})
			f.behave(always("EVALSHA", "-"+refusal+"\r\n"))
			if _, err := l.ask(t.Context(), 0, "x"); err == nil {
				t.Fatal("a refused script has an answer")
			}
			if l.There() {
				t.Fatal("redis is there after it refused a script")
			}
			s := l.turns(t, false)
			if words := strings.Fields(refusal); !strings.Contains(s.Reason, words[len(words)-1]) {
				t.Errorf("the reason is %q, want that redis said %q", s.Reason, refusal)
			}
			if _, err := l.ask(t.Context(), 0, "x"); !errors.Is(err, ErrAway) {
				t.Errorf("a script while redis is away: %v, want ErrAway", err)
			}
			f.behave(wellBehaved)
			l.turns(t, true)
			if got, err := l.ask(t.Context(), 0, "x"); err != nil || got != "x" {
				t.Errorf("a script after the return = %q, %v", got, err)
			}
		})
	}
}

func TestAScriptWithoutAnAnswerEndsAtTheTimeoutAndTurnsRedisAway(t *testing.T) {
	f := newFake(t)
	l := startLink(t, Options{Address: f.address(), Timeout: 30 * time.Millisecond})
	f.behave(always("EVALSHA", silence))
	began := time.Now()
	_, err := l.ask(t.Context(), 0, "x")
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took < 30*time.Millisecond {
		t.Errorf("no answer: %v after %v, want that the deadline is exceeded after 30ms", err, took)
	}
	if s := l.turns(t, false); s.Reason != "no answer within 30ms" || s.Failures != 1 || s.TimesAway != 1 {
		t.Errorf("status after a timeout: %+v", s)
	}
}

func TestManyFailuresAtOnceAreOneChange(t *testing.T) {
	f := newFake(t)
	l := startLink(t, Options{Address: f.address(), Timeout: 20 * time.Millisecond})
	f.behave(always("EVALSHA", silence))
	var calls sync.WaitGroup
	for range 200 {
		calls.Go(func() {
			if _, err := l.ask(t.Context(), 0, "x"); err == nil {
				t.Error("there is an answer from a silent redis")
			}
		})
	}
	calls.Wait()
	l.turns(t, false)
	f.behave(wellBehaved)
	l.turns(t, true)
	if s := l.Status(); s.TimesAway != 1 {
		t.Errorf("redis was away %d times, want once", s.TimesAway)
	}
	if len(l.changes) != 0 {
		t.Errorf("there are %d changes more than two", len(l.changes))
	}
}

func TestAFailureEndsTheWaitingOfAllOthers(t *testing.T) {
	f := newFake(t)
	l := startLink(t, Options{Address: f.address(), Timeout: 5 * time.Second})
	waiting := make(chan struct{}, 50)
	f.behave(but("EVALSHA", func(words []string) string {
		if words[len(words)-1] == "refuse" {
			return "-OOM nothing is free\r\n"
		}
		waiting <- struct{}{}
		return silence
	}))
	began := time.Now()
	var calls sync.WaitGroup
	for range 50 {
		calls.Go(func() { l.ask(t.Context(), 0, "x") })
	}
	for range 50 {
		<-waiting
	}
	l.ask(t.Context(), 0, "refuse")
	calls.Wait()
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("those who waited went on waiting for %v", took)
	}
}

func TestAShortPatienceSaysNothingOfRedis(t *testing.T) {
	f := newFake(t)
	l := startLink(t, Options{Address: f.address(), Timeout: 5 * time.Second})
	release := make(chan struct{})
	f.behave(but("EVALSHA", func(words []string) string {
		if words[len(words)-1] == "slow" {
			<-release
		}
		return wellBehaved(words)
	}))
	if _, err := l.ask(t.Context(), 5*time.Millisecond, "slow"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a patience of 5ms ended with %v", err)
	}
	close(release)
	eventually(t, "redis to be found well by the keeper", func() bool { return !abandoned(l.live.Load().main) })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.ask(ended, 0, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over ended with %v", err)
	}
	if s := l.Status(); !s.There || s.TimesAway != 0 {
		t.Errorf("a short patience turned redis away: %+v", s)
	}
	for _, each := range l.live.Load().main {
		if n := each.underWay.Load(); n != 0 {
			t.Errorf("%d commands are under way on a connection, want none", n)
		}
	}
}

func TestARedisThatStoppedIsFoundOutWhenNobodyHasPatience(t *testing.T) {
	f := newFake(t)
	l := startLink(t, Options{Address: f.address(), Timeout: 30 * time.Millisecond})
	f.behave(func([]string) string { return silence })
	if _, err := l.ask(t.Context(), time.Millisecond, "x"); err == nil {
		t.Error("there is an answer from a silent redis")
	}
	if s := l.turns(t, false); s.Reason != "no answer within 30ms" {
		t.Errorf("the reason is %q", s.Reason)
	}
}

func TestAWaitThatLastedTooLongIsTheProcesssOwnFault(t *testing.T) {
	const ms = time.Millisecond
	for took, want := range map[time.Duration]bool{30 * ms: false, 45 * ms: false, 46 * ms: true, 90 * ms: true} {
		if got := starved(took, 30*ms); got != want {
			t.Errorf("starved after %v of 30ms: %v, want %v", took, got, want)
		}
	}
}

func TestMoreCallsThanAConnectionHoldsAreNotQueued(t *testing.T) {
	f := newFake(t)
	l := startLink(t, Options{Address: f.address(), Timeout: 5 * time.Second, Connections: 1})
	f.behave(always("EVALSHA", silence))
	l.live.Load().main[0].underWay.Store(maxUnderWay)
	if _, err := l.ask(t.Context(), 0, "x"); !errors.Is(err, errBusy) {
		t.Errorf("one call too many: %v, want %v", err, errBusy)
	}
	if !l.There() {
		t.Error("a burst of calls turned redis away")
	}
}

func BenchmarkRunWhileAway(b *testing.B) {
	l, err := New(Options{Address: "redis://127.0.0.1"})
	if err != nil {
		b.Fatal(err)
	}
	ctx, keys := b.Context(), []string{"k"}
	b.ReportAllocs()
	for b.Loop() {
		l.Run(ctx, 0, echo, keys, nil)
	}
}
