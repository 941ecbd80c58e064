package alert

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// message is how many failed calls and changes of the store one tells of, and
// when it left.
type message struct {
	at              time.Duration
	failed, drifted int
}

// hour is when messages may leave, and with what, said in the simplest way.
type hour struct {
	told     time.Duration
	ever     bool
	mild     bool // the last message told of changed answers alone
	open     message
	messages []message
}

// until lets time pass up to a moment.
func (h *hour) until(now time.Duration) {
	if h.ever && h.open != (message{}) && now >= h.told+quiet {
		h.tell(h.told + quiet)
	}
}

// happen notes what happens at a moment.
func (h *hour) happen(now time.Duration, failed, drifted int) {
	h.until(now)
	h.open.failed += failed
	h.open.drifted += drifted
	if !h.ever || now >= h.told+quiet || h.mild && h.open.failed > 0 {
		h.tell(now)
	}
}

func (h *hour) tell(now time.Duration) {
	h.open.at = now
	h.messages = append(h.messages, h.open)
	h.told, h.ever, h.mild, h.open = now, true, h.open.failed == 0, message{}
}

// subjectForm is every subject that a message about the store may have.
var subjectForm = regexp.MustCompile(`^Signpost: (?:store fails \((\d+) calls?\)(?: and its answers changed \((\d+) times?\))?: timeout|answers of store changed \((\d+) times?\))$`)

// read gives what a letter tells of.
func read(t *testing.T, l letter) (failed, drifted int) {
	t.Helper()
	found := subjectForm.FindStringSubmatch(l.subject)
	if found == nil {
		t.Fatalf("no message has the subject %q", l.subject)
	}
	number := func(text string) int {
		n, err := strconv.Atoi("0" + text)
		if err != nil {
			t.Fatalf("%q: %v", l.subject, err)
		}
		return n
	}
	return number(found[1]), number(found[2]) + number(found[3])
}

func TestEachPolicyHasOneHourWhateverHappensInIt(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			var announced []message
			start := time.Now()
			s, mails, _ := newDesked(t, Options{OnTold: func(e Told) {
				announced = append(announced, message{time.Since(start), e.Failed.Total, e.Drifted.Total})
			}})
			s.Start()
			defer s.Close()
			random := rand.New(rand.NewPCG(seed, seed))
			var model hour
			for i := range 200 {
				// The nanoseconds keep events from the very moment an hour ends.
				time.Sleep(time.Duration(random.ExpFloat64()*float64(20*time.Minute)).Truncate(time.Second) + time.Duration(i+1))
				switch now := time.Since(start); random.IntN(20) {
				case 0:
					model.until(now)
					s.Reset("store")
					model.ever, model.open = false, message{}
				case 1, 2, 3, 4, 5, 6, 7:
					s.Drifted("store", "order_status", "$.order.status is gone")
					model.happen(now, 0, 1)
				default:
					s.Failed(timedOut("store"))
					model.happen(now, 1, 0)
				}
				synctest.Wait()
			}
			time.Sleep(2 * quiet)
			model.until(time.Since(start))
			var got []message
			letters, at := mails.all()
			for i, l := range letters {
				failed, drifted := read(t, l)
				got = append(got, message{at[i].Sub(start), failed, drifted})
			}
			if !slices.Equal(got, model.messages) || len(got) < 10 {
				t.Errorf("seed %d: got  %v\nwant %v", seed, got, model.messages)
			}
			if !slices.Equal(announced, model.messages) {
				t.Errorf("seed %d: announced were %v\nwant %v", seed, announced, model.messages)
			}
		})
	}
}

func TestNothingIsLostOrCountedAsTheOtherHoweverOftenServersFail(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, seed))
			s, mails, hooks := newDesked(t, Options{})
			var broken atomic.Bool
			taken := map[channel]*[]letter{byMail: {}, byWebhook: {}}
			for by, d := range map[channel]*desk{byMail: mails, byWebhook: hooks} {
				letters := taken[by]
				d.answering(func(l letter) result { // Under the lock of the desk.
					if broken.Load() {
						return result{left: l.recipients, hold: by == byMail, trouble: "down"}
					}
					*letters = append(*letters, l)
					return result{}
				})
			}
			s.Start()
			defer s.Close()
			var want message
			for range 100 {
				broken.Store(random.IntN(3) > 0)
				if random.IntN(3) == 0 {
					s.Drifted("store", "order_status", "$.order.status is gone")
					want.drifted++
				} else {
					s.Failed(timedOut("store"))
					want.failed++
				}
				synctest.Wait()
				time.Sleep(time.Duration(random.IntN(5400)) * time.Second)
				synctest.Wait()
			}
			broken.Store(false)
			time.Sleep(3 * quiet)
			synctest.Wait()
			for by, letters := range taken {
				var got message
				for _, l := range *letters {
					failed, drifted := read(t, l)
					got.failed, got.drifted = got.failed+failed, got.drifted+drifted
				}
				if got != want {
					t.Errorf("seed %d: by %s, got %+v told, want %+v", seed, by, got, want)
				}
			}
			if st := fmt.Sprint(s.Status()[0].Pending, s.Status()[0].Failed, s.Status()[0].Drifted); st != "0 0 0" {
				t.Errorf("seed %d: got the status %s, want nothing that waits", seed, st)
			}
		})
	}
}
