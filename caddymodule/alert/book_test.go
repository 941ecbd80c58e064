package alert

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"
)

func TestABookIsBoundedAndForgetsFirstWhatMattersLeast(t *testing.T) {
	book := NewBook()
	now := afternoon
	add := func(k kind, policy string) {
		book.queue.put(note{kind: k, Failure: Failure{Policy: policy, Outcome: "timeout"}})
		book.collect(now)
	}
	enter := func(policy string) { add(failing, policy) }
	nobody := func(string) []target { return nil }
	for i := range maxLedgers {
		enter(fmt.Sprint("p", i))
		book.due(now, nobody)
		now = now.Add(time.Millisecond)
	}
	enter("p0") // It was told of longest ago, but something waits.
	add(drifting, "p1")
	enter("new")
	if got := len(book.ledgers); got != maxLedgers {
		t.Errorf("got %d ledgers, want %d", got, maxLedgers)
	}
	for policy, want := range map[string]bool{"p0": true, "p1": true, "p2": false, "p3": true, "new": true} {
		if _, got := book.ledgers[policy]; got != want {
			t.Errorf("%s: got it kept %t, want %t", policy, got, want)
		}
	}
	if got := book.lost(); got != 0 {
		t.Errorf("got %d notes lost, want 0", got)
	}
	const quietOnes, more = maxLedgers - 3, 10
	for i := range quietOnes + more {
		enter(fmt.Sprint("q", i))
	}
	if got := book.lost(); len(book.ledgers) != maxLedgers || got != more || book.lost() != 0 {
		t.Errorf("got %d ledgers and %d notes lost, want %d and %d, once", len(book.ledgers), got, maxLedgers, more)
	}
}

func TestWhatIsForgottenBeforeAnybodyHeardOfItIsCounted(t *testing.T) {
	to := func(string) []target { return []target{{channel: byMail, recipients: []string{"ann@example.com"}}} }
	for name, k := range map[string]kind{"a failure": failing, "a change": drifting} {
		book := NewBook()
		for range 2 { // The first becomes a parcel, the second waits for the hour.
			book.queue.put(note{kind: k, Failure: Failure{Policy: "store"}})
			book.collect(afternoon)
			book.due(afternoon, to)
		}
		book.forgetOne()
		if got := book.lost(); got != 2 {
			t.Errorf("%s: got %d lost, want 2", name, got)
		}
	}
}

func TestABookIsLookedAtOnlyWhenSomethingMayBeDue(t *testing.T) {
	for name, k := range map[string]kind{"a failure": failing, "a change": drifting} {
		book := NewBook()
		book.ledger("crm").open.Failed.Total = 1
		if book.collect(afternoon) {
			t.Error("an empty queue has the book looked at")
		}
		fill := func() {
			for range maxQueued {
				book.queue.put(note{kind: failing, Failure: Failure{Policy: "crm", Outcome: "timeout"}})
			}
		}
		fill()
		for i, want := range []bool{true, false} {
			book.queue.put(note{kind: k, Failure: Failure{Policy: "store", Outcome: "timeout"}})
			if got := book.collect(afternoon); got != want {
				t.Errorf("%s that is counted, number %d: got %t, want %t", name, i, got, want)
			}
			fill()
		}
		book.collect(afternoon)
		for i, want := range []bool{true, k == drifting, false} {
			book.queue.put(note{kind: []kind{k, failing, drifting}[i], Failure: Failure{Policy: "orders"}})
			if got := book.collect(afternoon); got != want {
				t.Errorf("%s and others, number %d: got %t, want %t", name, i, got, want)
			}
		}
	}
}

func TestAFullQueueCountsWithoutWaitingAndWithinItsBound(t *testing.T) {
	q := newQueue()
	const failures, goroutines = 5000, 8
	var calls sync.WaitGroup
	for g := range goroutines {
		calls.Go(func() {
			for i := range failures {
				q.put(note{kind: failing, Failure: Failure{Policy: fmt.Sprint(g, "-", i), Outcome: "timeout"}})
			}
		})
	}
	calls.Wait()
	taken, keys := 0, 0
	q.take(func(_ tally, n int) { taken, keys = taken+n, keys+1 })
	lost := int(q.lost())
	if got := len(q.notes) + taken + lost; got != failures*goroutines || len(q.notes) != maxQueued {
		t.Errorf("got %d queued, %d counted and %d lost; want %d in all", len(q.notes), taken, lost, failures*goroutines)
	}
	if keys > maxCounters+goroutines {
		t.Errorf("got %d counters, want %d at most", keys, maxCounters)
	}
	q.take(func(tally, int) { t.Error("something is counted twice") })
}

func TestAFailureThatFindsTheQueueFullIsToldLikeAnyOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, mails, _ := newDesked(t, Options{})
		for range maxQueued {
			s.Failed(timedOut("crm"))
		}
		s.Failed(timedOut("store"))
		s.Drifted("store", "order_status", "$.order.status is gone")
		s.Start()
		defer s.Close()
		expect(t, mails, "Signpost: store fails (1 call) and its answers changed (1 time): timeout")
	})
}

func TestStatusSaysWhatWasToldAndWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, mails, hooks := newDesked(t, Options{})
		mails.answering(func(l letter) result { return result{refused: l.recipients, trouble: "550 unknown"} })
		hooks.answering(func(l letter) result { return result{left: l.recipients, trouble: "500"} })
		s.Start()
		defer s.Close()
		start := time.Now()
		s.Failed(timedOut("store"))
		synctest.Wait()
		time.Sleep(time.Second)
		s.Failed(timedOut("store"))
		s.Drifted("crm", "contact", "changed")
		for range 3 {
			s.Drifted("store", "order_status", "changed")
		}
		synctest.Wait()
		want := []Status{
			{Policy: "crm", LastTold: start.Add(time.Second), NextAt: start.Add(time.Second + quiet), Pending: 1, LastError: "webhook: 500"},
			{Policy: "store", LastTold: start, Failed: 1, Drifted: 3, NextAt: start.Add(quiet), Pending: 1, LastError: "mail: 550 unknown; webhook: 500"},
		}
		if got := s.Status(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		time.Sleep(2 * quiet)
		s.Reset("crm")
		hooks.answering(nil)
		time.Sleep(longestPause)
		for _, st := range s.Status() {
			if st.NextAt.After(time.Now()) || st.Pending != 0 || st.Failed != 0 || st.Drifted != 0 {
				t.Errorf("got %+v, want nothing that comes", st)
			}
		}
	})
}

func TestADeliveryThatEndsAfterTheNextBeganIsJoinedToIt(t *testing.T) {
	book := NewBook()
	now := afternoon
	to := func(string) []target { return []target{{channel: byMail, recipients: []string{"ann@example.com"}}} }
	free := func(channel) bool { return true }
	happen := func(k kind) {
		book.queue.put(note{kind: k, Failure: Failure{Policy: "store", Outcome: "timeout"}})
		book.collect(now)
		book.due(now, to)
	}
	happen(drifting)
	slow := book.ready(now, to, free)
	now = now.Add(quiet)
	happen(failing)
	book.settle(slow[0], result{left: []string{"ann@example.com"}, trouble: "timeout"}, false, now)
	jobs := book.ready(now, to, free)
	if len(jobs) != 1 || jobs[0].digest.Failed.Total != 1 || jobs[0].digest.Drifted.Total != 1 {
		t.Fatalf("got %+v, want one delivery of both the change and the failure", jobs)
	}
	book.settle(jobs[0], result{}, false, now)
	if st := book.Status(); st[0].Pending != 0 {
		t.Errorf("got %+v", st)
	}
}

func TestARetryAfterIsHonouredUpToAnHour(t *testing.T) {
	for wait, want := range map[time.Duration]time.Duration{
		0: firstPause, time.Second: firstPause, 5 * time.Minute: 5 * time.Minute, 24 * time.Hour: quiet,
	} {
		synctest.Test(t, func(t *testing.T) {
			s, _, hooks := newDesked(t, Options{})
			hooks.answering(func(l letter) result { return result{left: l.recipients, wait: wait, trouble: "429"} })
			s.Start()
			defer s.Close()
			s.Failed(timedOut("store"))
			time.Sleep(want)
			_, at := hooks.all()
			if len(at) != 2 || at[1].Sub(at[0]) != want {
				t.Errorf("asked to wait %v: got attempts at %v, want %v between them", wait, at, want)
			}
		})
	}
}

func TestTroubleIsLoggedOnceAMinuteAndCountedEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log journal
		var counts sync.Map
		s, mails, _ := newDesked(t, Options{
			Recipients: map[string][]string{"store": {"ann@example.com"}, "crm": {"ann@example.com", "bob@example.com"}},
			Log:        slog.New(slog.NewJSONHandler(&log, nil)),
			Counted: func(channel, result string) {
				n, _ := counts.LoadOrStore(channel+" "+result, new(atomic.Int64))
				n.(*atomic.Int64).Add(1)
			},
		})
		mails.answering(func(l letter) result {
			if len(l.recipients) == 2 {
				return result{refused: []string{"bob@example.com"}, trouble: "550 unknown"}
			}
			return result{left: l.recipients, trouble: "connecting"}
		})
		s.Start()
		s.Failed(timedOut("store"))
		synctest.Wait()
		s.Failed(timedOut("crm"))
		time.Sleep(firstPause)
		synctest.Wait()
		if got := strings.Count(log.String(), "\n"); got != 1 || !strings.Contains(log.String(), `"level":"WARN","msg":"delivering an alert","policy":"store","channel":"mail","error":"connecting"`) {
			t.Errorf("got %s", log.String())
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := strings.Count(log.String(), "\n"); got != 2 || !strings.Contains(log.String(), `"left_out":2`) {
			t.Errorf("got %s", log.String())
		}
		s.Close()
		for what, want := range map[string]int64{"mail retried": 3, "mail sent": 1, "mail refused": 1, "webhook sent": 2} {
			n, _ := counts.LoadOrStore(what, new(atomic.Int64))
			if got := n.(*atomic.Int64).Load(); got != want {
				t.Errorf("got %d for %s, want %d", got, what, want)
			}
		}
	})
}

func TestTenThousandFailuresArriveOverRealServersWithoutASecretInTheLog(t *testing.T) {
	security, roots := certificate(t)
	greylisted := map[string]bool{}
	office := postOffice{auth: true, refuse: func(to string) error {
		if to == "bob@example.com" && !greylisted[to] {
			greylisted[to] = true
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "later, sesame-sesame"}
		}
		return nil
	}}
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer hook.Close()
	var log journal
	counts := make(chan string, 16)
	s, err := New(Options{
		Config: &Config{
			SMTP:    &SMTP{Server: "mail.example.com:587", From: "signpost@example.com", Username: "bot", Password: "{secret.mail}"},
			Webhook: "{secret.hook}",
		},
		Recipients: map[string][]string{"store": {"ann@example.com", "bob@example.com"}},
		Book:       NewBook(),
		Log:        slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Secret:     lookup(map[string]string{"mail": "sesame-sesame", "hook": hook.URL + "/sesame-sesame"}),
		Counted:    func(channel, result string) { counts <- channel + " " + result },
		dial:       dialing(office.open(t, security, false)),
		roots:      roots,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.webhook = webhookTo(t, "http://hooks.example.com/sesame-sesame", hook).deliver
	s.Start()
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
	want := map[string]int{"mail sent": 1, "mail retried": 1, "webhook retried": 1}
	for range len(want) {
		select {
		case got := <-counts:
			want[got]--
		case <-time.After(deliveryPatience):
			t.Fatal("a delivery does not end")
		}
	}
	for what, n := range want {
		if n != 0 {
			t.Errorf("%s: off by %d", what, n)
		}
	}
	var told int
	taken := office.taken()
	if len(taken) != 1 {
		t.Fatalf("got %d mails, want 1", len(taken))
	}
	subject := readMail(t, taken[0].raw).Header.Get("Subject")
	if _, err := fmt.Sscanf(subject, "Signpost: store fails (%d call", &told); err != nil {
		t.Fatalf("%q: %v", subject, err)
	}
	waitUntil(t, func() bool { return told+s.Status()[0].Failed == failures })
	st := s.Status()[0]
	s.Close()
	if st.Pending != 2 || !strings.Contains(st.LastError, "451") || !strings.Contains(st.LastError, "webhook: the webhook answered 502") {
		t.Errorf("got %+v", st)
	}
	if all := log.String() + st.LastError + fmt.Sprintf("%+v", st); strings.Contains(all, "sesame") {
		t.Errorf("a secret is in %s", all)
	}
	if log.String() == "" {
		t.Error("the log is empty")
	}
}
