package alert

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// desk delivers letters in memory, as the test says.
type desk struct {
	mu      sync.Mutex
	letters []letter
	at      []time.Time
	answer  func(letter) result // nil: all is delivered
}

func (d *desk) deliver(_ context.Context, l letter) result {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.letters = append(d.letters, l)
	d.at = append(d.at, time.Now())
	if d.answer != nil {
		return d.answer(l)
	}
	return result{}
}

// subjects empties the desk.
func (d *desk) subjects() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	subjects := []string{}
	for _, l := range d.letters {
		subjects = append(subjects, l.subject)
	}
	d.letters, d.at = nil, nil
	return subjects
}

// all gives what is on the desk, and when it came.
func (d *desk) all() ([]letter, []time.Time) {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.letters), slices.Clone(d.at)
}

// answering changes how the desk answers.
func (d *desk) answering(answer func(letter) result) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = answer
}

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

var quietLog = slog.New(slog.NewTextHandler(io.Discard, nil))

// newDesked gives a Sender, not started, whose mails for the policy store end up
// on a desk, and whose webhook on another.
func newDesked(t testing.TB, o Options) (s *Sender, mails, hooks *desk) {
	t.Helper()
	if o.Config == nil {
		o.Config = &Config{
			SMTP:    &SMTP{Server: "mail.example.com:25", From: "signpost@example.com"},
			Webhook: "https://hooks.example.com/1",
		}
	}
	if o.Recipients == nil {
		o.Recipients = map[string][]string{"store": {"ann@example.com"}}
	}
	if o.Book == nil {
		o.Book = NewBook()
	}
	if o.Log == nil {
		o.Log = quietLog
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	mails, hooks = new(desk), new(desk)
	s.mail, s.webhook = mails.deliver, hooks.deliver
	return s, mails, hooks
}

func timedOut(policy string) Failure {
	return Failure{Policy: policy, Operation: "order_status", Outcome: "timeout", Reason: "No answer within 4s", Route: "error"}
}

// expect compares what is on the desk, and empties it.
func expect(t *testing.T, d *desk, want ...string) {
	t.Helper()
	synctest.Wait()
	if want == nil {
		want = []string{}
	}
	if got := d.subjects(); !slices.Equal(got, want) {
		t.Fatalf("got  %q\nwant %q", got, want)
	}
}

func TestTheFirstFailureIsToldAtOnceAndTheOthersOnceAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, mails, hooks := newDesked(t, Options{})
		s.Start()
		defer s.Close()

		s.Failed(timedOut("store"))
		expect(t, mails, "Signpost: store fails (1 call): timeout")
		expect(t, hooks, "Signpost: store fails (1 call): timeout")
		for range 3 {
			time.Sleep(10 * time.Minute)
			s.Failed(timedOut("store"))
		}
		s.Failed(Failure{Policy: "store", Outcome: "server_error"})
		time.Sleep(30*time.Minute - time.Nanosecond)
		expect(t, mails)
		time.Sleep(time.Nanosecond)
		expect(t, mails, "Signpost: store fails (4 calls): timeout, server_error")

		// So is a single failure at the hour's very end.
		time.Sleep(quiet - time.Nanosecond)
		s.Failed(timedOut("store"))
		expect(t, mails)
		time.Sleep(time.Nanosecond)
		expect(t, mails, "Signpost: store fails (1 call): timeout")

		// A quiet hour is followed by nothing, and the next failure is told at once.
		time.Sleep(5 * time.Hour)
		expect(t, mails)
		s.Failed(timedOut("store"))
		expect(t, mails, "Signpost: store fails (1 call): timeout")
	})
}

func TestPoliciesHaveHoursOfTheirOwnWhichFailuresAndChangesShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, mails, hooks := newDesked(t, Options{Titles: map[string]string{"store": "The\nStore"}})
		s.Start()
		defer s.Close()
		s.Drifted("store", "order_status", "$.order.status is gone")
		expect(t, mails, "Signpost: answers of The Store changed (1 time)")
		// That calls fail does not wait for that, but then everything waits.
		s.Failed(timedOut("store"))
		expect(t, mails, "Signpost: The Store fails (1 call): timeout")
		s.Failed(timedOut("store"))
		s.Drifted("store", "order_status", "$.order.status is gone")
		expect(t, mails)
		expect(t, hooks, "Signpost: answers of The Store changed (1 time)", "Signpost: The Store fails (1 call): timeout")
		s.Failed(timedOut("crm")) // It has no recipients, but the webhook hears of it.
		expect(t, mails)
		expect(t, hooks, "Signpost: crm fails (1 call): timeout")
		time.Sleep(quiet - time.Nanosecond)
		expect(t, mails)
		time.Sleep(time.Nanosecond)
		expect(t, mails, "Signpost: The Store fails (1 call) and its answers changed (1 time): timeout")

		// After failures a change waits as well, and so on.
		s.Drifted("store", "order_status", "$.order.status is gone")
		time.Sleep(quiet - time.Nanosecond)
		expect(t, mails)
		time.Sleep(time.Nanosecond)
		expect(t, mails, "Signpost: answers of The Store changed (1 time)")
		s.Drifted("store", "order_status", "$.order.status is gone")
		time.Sleep(quiet / 2)
		expect(t, mails)
		s.Failed(timedOut("store"))
		expect(t, mails, "Signpost: The Store fails (1 call) and its answers changed (1 time): timeout")
		time.Sleep(5 * quiet)
		expect(t, mails)
	})
}

func TestResettingAPolicyHasItsNextFailureOrChangeToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, mails, _ := newDesked(t, Options{})
		s.Start()
		defer s.Close()
		if s.Reset("store") {
			t.Error("a policy that never failed was reset")
		}
		s.Failed(timedOut("store"))
		expect(t, mails, "Signpost: store fails (1 call): timeout")
		s.Failed(timedOut("store"))
		s.Drifted("store", "order_status", "$.order.status is gone")
		if !s.Reset("store") || s.Reset("store") {
			t.Error("want the first reset to be true, the second false")
		}
		if got := s.Status(); len(got) != 0 {
			t.Errorf("after a reset there is still %+v", got)
		}
		s.Drifted("store", "order_status", "$.order.status is gone")
		expect(t, mails, "Signpost: answers of store changed (1 time)")
		s.Reset("store")
		s.Failed(timedOut("store"))
		expect(t, mails, "Signpost: store fails (1 call): timeout")
		time.Sleep(2 * quiet)
		expect(t, mails)
	})
}

func TestTenThousandFailuresAtOnceMakeOneMessageAndAreAllCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, mails, _ := newDesked(t, Options{})
		s.Start()
		defer s.Close()
		const failures, goroutines = 10_000, 50
		var calls sync.WaitGroup
		for range goroutines {
			calls.Go(func() {
				for range failures / goroutines {
					s.Failed(timedOut("store"))
				}
			})
		}
		calls.Wait()
		if letters, _ := mails.all(); len(letters) != 1 {
			t.Fatalf("got %d messages at once, want 1", len(letters))
		}
		time.Sleep(quiet)
		letters, _ := mails.all()
		total := 0
		for _, l := range letters {
			var n int
			if _, err := fmt.Sscanf(l.subject, "Signpost: store fails (%d call", &n); err != nil {
				t.Fatalf("%q: %v", l.subject, err)
			}
			total += n
		}
		if len(letters) > 2 || total != failures {
			t.Errorf("got %d failures in %d messages, want %d in 2 at most", total, len(letters), failures)
		}
	})
}

func TestWithoutServerAndWebhookTimesAreKeptAndOnToldIsCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan Told, 4)
		s, err := New(Options{Book: NewBook(), OnTold: func(e Told) { told <- e }})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		defer s.Close()
		s.Failed(timedOut("store"))
		synctest.Wait()
		s.Failed(timedOut("store"))
		s.Drifted("store", "order_status", "$.order.status is gone")
		s.Failed(timedOut("store"))
		time.Sleep(quiet)
		s.Drifted("store", "order_status", "$.order.status is gone")
		time.Sleep(quiet)
		synctest.Wait()
		var got []string
		for range len(told) {
			next := <-told
			got = append(got, fmt.Sprintf("%s: %d failed for %d reasons, %d changed for %d", next.Policy,
				next.Failed.Total, len(next.Failed.Reasons), next.Drifted.Total, len(next.Drifted.Reasons)))
		}
		want := []string{
			"store: 1 failed for 1 reasons, 0 changed for 0", "store: 2 failed for 1 reasons, 1 changed for 1",
			"store: 0 failed for 0 reasons, 1 changed for 1",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if st := s.Status(); len(st) != 1 || st[0].Pending != 0 || st[0].Failed != 0 || st[0].NextAt.IsZero() {
			t.Errorf("got the status %+v", st)
		}
	})
}

func TestAHandlerThatHangsHoldsUpNeitherMailsNorClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s, mails, _ := newDesked(t, Options{OnTold: func(Told) { <-release }})
		s.Start()
		start := time.Now()
		for range 2 * maxTold {
			s.Failed(timedOut("store"))
			synctest.Wait()
			s.Reset("store")
		}
		if got := len(mails.subjects()); got != 2*maxTold {
			t.Errorf("got %d mails, want %d", got, 2*maxTold)
		}
		s.Close()
		if took := time.Since(start); took != closePatience {
			t.Errorf("close took %v, want %v", took, closePatience)
		}
		close(release)
	})
}

func TestClosingLeavesNothingRunningAndTakesNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // A goroutine that stays makes the bubble fail.
		s, mails, _ := newDesked(t, Options{})
		s.mail = func(ctx context.Context, l letter) result {
			mails.deliver(ctx, l)
			<-ctx.Done()
			return result{left: l.recipients, trouble: "called off"}
		}
		start := time.Now()
		s.Start()
		s.Failed(timedOut("store"))
		synctest.Wait()
		s.Close()
		if took := time.Since(start); took != 0 {
			t.Errorf("close took %v", took)
		}
		if st := s.Status(); len(st) != 1 || st[0].Pending != 1 || st[0].LastError != "" {
			t.Errorf("got the status %+v, want one delivery left to the next Sender", st)
		}
	})
}
