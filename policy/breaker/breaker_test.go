package breaker

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const host = "api.store.example"

// attempt makes one attempt and reports it at once. It fails the test when the
// attempt is refused.
func attempt(t *testing.T, b *Breaker, tenant string, r Result) {
	t.Helper()
	p, refusal := b.Allow(host, tenant, time.Second)
	if refusal != nil {
		t.Fatalf("Allow(%q, %q) refused %+v, want a permit", host, tenant, *refusal)
	}
	p.Done(r)
}

func attempts(t *testing.T, n int, b *Breaker, tenant string, r Result) {
	t.Helper()
	for range n {
		attempt(t, b, tenant, r)
	}
}

// refused gives the refusal, and fails the test when there is none.
func refused(t *testing.T, b *Breaker, tenant string) *Refusal {
	t.Helper()
	_, refusal := b.Allow(host, tenant, time.Second)
	if refusal == nil {
		t.Fatalf("Allow(%q, %q) gave a permit, want a refusal; state %+v", host, tenant, b.State(host, tenant))
	}
	return refusal
}

func wantState(t *testing.T, b *Breaker, tenant string, want State) {
	t.Helper()
	if got := b.State(host, tenant); got.State != want {
		t.Fatalf("State(%q, %q) = %v, want %v; all of it: %+v", host, tenant, got.State, want, got)
	}
}

func fresh(c Config) *Breaker { return NewRegistry(nil).Breaker("store", c) }

func TestACellOpensAtExactlyThePromise(t *testing.T) {
	few := Config{Percent: 50, Attempts: 4, Window: 30 * time.Second}
	tests := []struct {
		name   string
		config Config
		before string // F, S, I, T: results after which it is still closed.
		last   Result // The one that opens it.
	}{
		{"twenty failures", Default(), "FFFFFFFFFFFFFFFFFFF", Failure},
		{"half of twenty, a failure last", Default(), "SSSSSSSSSSFFFFFFFFF", Failure},
		{"half of twenty, a success last", Default(), "FFFFFFFFFFSSSSSSSSS", Success},
		{"half of more than twenty", Default(), "SSSSSSSSSSSSFFFFFFFFFFF", Failure},
		{"what says nothing does not count", few, "FFIIIIIISI", Success},
		{"a tenant's own trouble does not count", few, "FFTTTTTTST", Success},
		{"one failure of one", Config{Percent: 100, Attempts: 1, Window: time.Second}, "SIT", Ignored},
		{"a third", Config{Percent: 33, Attempts: 3, Window: time.Second}, "FS", Success},
		{"five in a row", Config{Consecutive: 5}, "FFFFSFFIFF", Failure},
	}
	results := map[rune]Result{'F': Failure, 'S': Success, 'I': Ignored, 'T': TenantFailure}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := fresh(tt.config)
				for i, letter := range tt.before {
					attempt(t, b, "", results[letter])
					if got := b.State(host, "").State; got != Closed {
						t.Fatalf("%v after %s = %v, want closed", b.Config(), tt.before[:i+1], got)
					}
				}
				if tt.last == Ignored {
					return
				}
				attempt(t, b, "", tt.last)
				wantState(t, b, "", Open)
			})
		})
	}
}

func TestARefusalSaysWhenToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Default())
		attempts(t, 20, b, "", Failure)
		opened := time.Now()
		time.Sleep(4 * time.Second)
		got := *refused(t, b, "acme")
		want := Refusal{State: Open, RetryAfter: 11 * time.Second, Since: opened}
		if got != want {
			t.Errorf("refusal = %+v, want %+v", got, want)
		}
		if s := b.State(host, ""); s.ProbesAt != opened.Add(15*time.Second) || s.Since != opened {
			t.Errorf("state = %+v, want since %v and probes 15s later", s, opened)
		}
		time.Sleep(got.RetryAfter - time.Nanosecond)
		refused(t, b, "acme")
		time.Sleep(time.Nanosecond)
		attempt(t, b, "acme", Ignored)
	})
}

func TestTheWindowForgets(t *testing.T) {
	tests := []struct {
		apart time.Duration
		want  State
	}{
		{0, Open},
		{28 * time.Second, Open},
		{30 * time.Second, Closed},
		{time.Hour, Closed},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			b := fresh(Default())
			attempts(t, 19, b, "", Failure)
			time.Sleep(tt.apart)
			attempt(t, b, "", Failure)
			if got := b.State(host, "").State; got != tt.want {
				t.Errorf("19 failures, %v, 1 failure: state %v, want %v", tt.apart, got, tt.want)
			}
		})
	}
}

func TestAnAttemptLongerThanTheWindowCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Config{Percent: 50, Attempts: 3, Window: time.Second})
		var permits [3]Permit
		for i := range permits {
			permits[i], _ = b.Allow(host, "", time.Minute)
		}
		time.Sleep(time.Minute)
		for i := range permits {
			permits[i].Done(Failure)
		}
		wantState(t, b, "", Open)
	})
}

func TestAttemptsInFlightWeighNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Config{Percent: 50, Attempts: 4, Window: time.Minute})
		for range 100 {
			if _, refusal := b.Allow(host, "", time.Second); refusal != nil {
				t.Fatalf("refused %+v", *refusal)
			}
		}
		attempts(t, 3, b, "", Failure)
		wantState(t, b, "", Closed)
		attempt(t, b, "", Failure)
		wantState(t, b, "", Open)
	})
}

func TestOnlyTheFirstDoneCounts(t *testing.T) {
	b := fresh(Config{Consecutive: 2})
	p, _ := b.Allow(host, "", time.Second)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { p.Done(Failure) })
	}
	wg.Wait()
	if got := b.State(host, "").Counts.Failed; got != 1 {
		t.Errorf("%d failures counted after 8 reports of one attempt, want 1", got)
	}
	var none Permit
	none.Done(Failure)
}

func TestALateResultIsHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fresh(Config{Consecutive: 2})
		late := make([]Permit, 6)
		for i := range late {
			late[i], _ = b.Allow(host, "", time.Minute)
		}
		attempts(t, 2, b, "", Failure)
		late[0].Done(Success)
		late[1].Done(Failure)
		wantState(t, b, "", Open)
		time.Sleep(15 * time.Second)
		late[2].Done(Success)
		late[3].Done(Failure)
		wantState(t, b, "", HalfOpen)
		attempts(t, 3, b, "", Success)
		late[4].Done(Failure)
		late[5].Done(Failure)
		wantState(t, b, "", Closed)
	})
}

func TestASlowAnswerIsAFailure(t *testing.T) {
	tests := []struct {
		took   time.Duration
		result Result
		failed uint32
	}{
		{2 * time.Second, Success, 0},
		{2*time.Second + 1, Success, 1},
		{time.Minute, Ignored, 0},
		{time.Minute, TenantFailure, 0},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			b := fresh(Config{Slow: 2 * time.Second})
			p, _ := b.Allow(host, "", time.Minute)
			time.Sleep(tt.took)
			p.Done(tt.result)
			if got := b.State(host, "").Counts.Failed; got != tt.failed {
				t.Errorf("result %d after %v: %d failures, want %d", tt.result, tt.took, got, tt.failed)
			}
		})
	}
}

func TestHostsDoNotOpenEachOther(t *testing.T) {
	b := fresh(Config{Consecutive: 1})
	attempt(t, b, "", Failure)
	refused(t, b, "")
	if _, refusal := b.Allow("other.example", "", time.Second); refusal != nil {
		t.Errorf("another host refused with %+v", *refusal)
	}
}

func TestOffLetsEverythingPass(t *testing.T) {
	b := fresh(Config{Off: true, Consecutive: 1})
	attempts(t, 100, b, "acme", Failure)
	attempts(t, 100, b, "acme", TenantFailure)
	if got := b.States(); len(got) != 0 {
		t.Errorf("states of a breaker that is off = %+v, want none", got)
	}
}

func TestHostsAreBounded(t *testing.T) {
	b := fresh(Default())
	attempts(t, 20, b, "", Failure)
	for i := range MaxHosts + 100 {
		p, _ := b.Allow(fmt.Sprintf("shop%d.example", i), "", time.Second)
		p.Done(Success)
		refused(t, b, "") // Still called, so still remembered.
	}
	if got := len(b.States()); got != MaxHosts {
		t.Errorf("%d hosts remembered, want %d", got, MaxHosts)
	}
}

func TestConcurrentUseKeepsTheNumberOfProbes(t *testing.T) {
	b := fresh(Config{Consecutive: 3, Open: time.Millisecond, Probes: 2, Slow: time.Hour})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			tenant := fmt.Sprint("tenant", g%3)
			for i := range 2000 {
				p, refusal := b.Allow(host, tenant, time.Second)
				if refusal == nil {
					p.Done(Result((g + i) % 4))
				}
				if i%50 == 0 {
					for _, s := range b.States() {
						if s.Counts.ProbesOut > 2 {
							t.Errorf("%d probes out, want at most 2", s.Counts.ProbesOut)
						}
					}
				}
			}
		})
	}
	wg.Wait()
}
