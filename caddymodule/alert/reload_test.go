package alert

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestAReloadForgetsNeitherTheHourNorWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := NewBook()
		old, mails, _ := newDesked(t, Options{Book: book})
		mails.answering(func(l letter) result { return result{left: l.recipients, trouble: "connecting"} })
		old.Start()
		old.Failed(timedOut("store"))
		old.Failed(timedOut("crm"))
		expect(t, mails, "Signpost: store fails (1 call): timeout")

		s, mails, hooks := newDesked(t, Options{Book: book})
		s.Start()
		old.Close()
		defer s.Close()
		old.Failed(timedOut("crm")) // A call that outlived its configuration.
		expect(t, hooks)
		expect(t, mails)
		time.Sleep(firstPause)
		expect(t, mails, "Signpost: store fails (1 call): timeout") // The new one delivers.
		time.Sleep(quiet)
		expect(t, hooks, "Signpost: crm fails (1 call): timeout")
	})
}

func TestADeliveryThatAReloadCallsOffIsMadeByTheNextConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := NewBook()
		old, mails, _ := newDesked(t, Options{Book: book})
		old.mail = func(ctx context.Context, l letter) result {
			mails.deliver(ctx, l)
			<-ctx.Done()
			return result{left: l.recipients, trouble: "called off"}
		}
		old.Start()
		old.Failed(timedOut("store"))
		expect(t, mails, "Signpost: store fails (1 call): timeout")
		s, mails, _ := newDesked(t, Options{Book: book})
		s.Start()
		defer s.Close()
		expect(t, mails) // Not while the old one is at it.
		old.Close()
		expect(t, mails, "Signpost: store fails (1 call): timeout")
	})
}

func TestAConfigurationThatIsRejectedGivesWayToTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := NewBook()
		s, mails, _ := newDesked(t, Options{Book: book})
		s.Start()
		defer s.Close()
		rejected, its, _ := newDesked(t, Options{Book: book})
		rejected.Start()
		synctest.Wait()
		s.Failed(timedOut("store"))
		expect(t, mails)
		expect(t, its, "Signpost: store fails (1 call): timeout")
		rejected.Close()
		time.Sleep(quiet)
		s.Failed(timedOut("store"))
		expect(t, mails, "Signpost: store fails (1 call): timeout")
	})
}

func TestWhoIsNoRecipientAnyMoreGetsNothingAfterAReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := NewBook()
		old, mails, _ := newDesked(t, Options{Book: book, Recipients: map[string][]string{
			"store": {"ann@example.com", "bob@example.com"},
		}})
		mails.answering(func(l letter) result { return result{left: l.recipients, trouble: "connecting"} })
		old.Start()
		old.Failed(timedOut("store"))
		synctest.Wait()
		old.Close()
		s, mails, _ := newDesked(t, Options{Book: book, Recipients: map[string][]string{"store": {"bob@example.com"}}})
		s.Start()
		time.Sleep(firstPause)
		if letters, _ := mails.all(); len(letters) != 1 || !slices.Equal(letters[0].recipients, []string{"bob@example.com"}) {
			t.Errorf("got %+v, want one to bob", letters)
		}
		s.Close()
	})
}
