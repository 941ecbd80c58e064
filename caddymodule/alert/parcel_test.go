package alert

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAMessageThatWasNotDeliveredIsTriedAgainEverMoreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, mails, hooks := newDesked(t, Options{})
		mails.answering(func(l letter) result { return result{left: l.recipients, trouble: "connecting"} })
		s.Start()
		defer s.Close()
		start := time.Now()
		s.Failed(timedOut("store"))
		time.Sleep(40 * time.Minute)
		letters, times := mails.all()
		var got []time.Duration
		for _, at := range times {
			got = append(got, at.Sub(start))
		}
		want := []time.Duration{0, 30 * time.Second, 90 * time.Second, 210 * time.Second, 450 * time.Second,
			930 * time.Second, 1530 * time.Second, 2130 * time.Second}
		if !slices.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		if first, last := letters[0].id, letters[len(letters)-1].id; first == "" || last != first {
			t.Errorf("got the ids %q and %q, want the same", first, last)
		}
		if st := s.Status(); len(st) != 1 || st[0].Pending != 1 || st[0].LastError != "mail: connecting" {
			t.Errorf("got the status %+v", st)
		}
		expect(t, hooks, "Signpost: store fails (1 call): timeout") // It did not wait for the mails.
		mails.subjects()

		s.Failed(timedOut("store"))
		mails.answering(nil)
		time.Sleep(6 * time.Minute)
		expect(t, mails, "Signpost: store fails (1 call): timeout")
		mails.answering(func(l letter) result { return result{left: l.recipients, hold: true, trouble: "535"} })
		time.Sleep(15 * time.Minute)
		expect(t, mails, "Signpost: store fails (1 call): timeout")
		time.Sleep(58 * time.Minute) // Held: no further attempt.
		expect(t, mails)
		s.Failed(timedOut("store"))
		mails.answering(nil)
		time.Sleep(2 * time.Minute)
		// It is part of the next message.
		expect(t, mails, "Signpost: store fails (2 calls): timeout")
		if st := s.Status(); len(st) != 1 || st[0].Pending != 0 || st[0].LastError != "" {
			t.Errorf("got the status %+v", st)
		}
	})
}

func TestWhoGotTheMessageDoesNotGetItAgainWhenOthersDidNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, mails, _ := newDesked(t, Options{Recipients: map[string][]string{
			"store": {"ann@example.com", "bob@example.com", "cleo@example.com"},
		}})
		s.Start()
		defer s.Close()
		mails.answering(func(l letter) result {
			r := result{trouble: "greylisted"}
			for _, to := range l.recipients {
				switch to {
				case "bob@example.com":
					r.left = append(r.left, to)
				case "cleo@example.com":
					r.refused = append(r.refused, to)
				}
			}
			return r
		})
		s.Failed(timedOut("store"))
		time.Sleep(35 * time.Second)
		letters, _ := mails.all()
		if len(letters) != 2 || !slices.Equal(letters[1].recipients, []string{"bob@example.com"}) {
			t.Fatalf("got %+v; want 2 letters, the second to bob", letters)
		}
		// An hour later bob learns of both failures, the others of the second.
		s.Failed(timedOut("store"))
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		mails.answering(nil)
		mails.subjects()
		time.Sleep(quiet - 50*time.Minute - 35*time.Second)
		letters, _ = mails.all()
		got := map[string]string{}
		for _, l := range letters {
			got[strings.Join(l.recipients, " ")] += l.subject
		}
		// Bob's first message was delivered by a later attempt, before the hour was over.
		if got["bob@example.com"] != "Signpost: store fails (1 call): timeout" ||
			got["ann@example.com bob@example.com cleo@example.com"] != "Signpost: store fails (1 call): timeout" {
			t.Errorf("got %v", got)
		}
	})
}

func TestAMessageThatNeverArrivedIsPartOfTheNextForThoseWhoMissedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, mails, _ := newDesked(t, Options{Recipients: map[string][]string{
			"store": {"ann@example.com", "bob@example.com"},
		}})
		s.Start()
		defer s.Close()
		mails.answering(func(l letter) result {
			if slices.Contains(l.recipients, "bob@example.com") {
				return result{left: []string{"bob@example.com"}, trouble: "greylisted"}
			}
			return result{}
		})
		s.Failed(timedOut("store"))
		time.Sleep(time.Minute)
		s.Failed(timedOut("store"))
		time.Sleep(quiet - time.Minute - time.Second)
		synctest.Wait()
		mails.subjects()
		mails.answering(nil)
		time.Sleep(time.Second)
		letters, _ := mails.all()
		got := map[string]string{}
		for _, l := range letters {
			got[strings.Join(l.recipients, " ")] += l.subject
		}
		if len(got) != 2 || got["bob@example.com"] != "Signpost: store fails (2 calls): timeout" ||
			got["ann@example.com"] != "Signpost: store fails (1 call): timeout" {
			t.Errorf("got %v", got)
		}
	})
}

func TestASlowServerDelaysOnlyWhatItMust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		recipients := map[string][]string{}
		for i := range 9 {
			recipients[fmt.Sprint("p", i)] = []string{"ann@example.com"}
		}
		s, mails, hooks := newDesked(t, Options{Recipients: recipients})
		s.mail = func(ctx context.Context, l letter) result {
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("a delivery has no deadline")
			}
			<-ctx.Done()
			mails.deliver(ctx, l)
			return result{left: l.recipients, trouble: "timeout"}
		}
		s.Start()
		defer s.Close()
		for name := range recipients {
			s.Failed(timedOut(name))
		}
		synctest.Wait()
		if got := len(hooks.subjects()); got != len(recipients) {
			t.Errorf("got %d calls of the webhook at once, want %d", got, len(recipients))
		}
		for _, want := range []int{maxDeliveries, maxDeliveries, 1} {
			time.Sleep(deliveryPatience)
			synctest.Wait()
			if got := len(mails.subjects()); got != want {
				t.Errorf("got %d attempts, want %d", got, want)
			}
		}
	})
}
