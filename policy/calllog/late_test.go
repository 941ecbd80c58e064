package calllog_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/signpost-gateway/signpost/policy/calllog"
)

// waiting is a call of which an entry may be made.
type waiting struct {
	id     string
	failed bool
	made   atomic.Int32
	gone   atomic.Int32
}

func (w *waiting) Entry() *calllog.Entry {
	w.made.Add(1)
	return &calllog.Entry{ID: w.id, Failed: w.failed}
}

func (w *waiting) Forget() { w.gone.Add(1) }

func TestACallThatIsOvertakenBeforeAnybodyLooksIsForgottenAndNeverMade(t *testing.T) {
	logs := calllog.NewLogs()
	log := logs.Of("store", calllog.Settings{Calls: 3})
	calls := make([]*waiting, 10)
	for i := range calls {
		calls[i] = &waiting{id: strconv.Itoa(i), failed: i == 1}
		log.PutCall(calls[i], calls[i].failed, "")
	}
	for i, c := range calls {
		// The last three are kept, and the one that failed.
		gone := int32(1)
		if i >= 7 || i == 1 {
			gone = 0
		}
		if c.gone.Load() != gone || c.made.Load() != 0 {
			t.Errorf("call %d was forgotten %d times and made %d times, want %d and 0", i, c.gone.Load(), c.made.Load(), gone)
		}
	}
	found, _, _ := logs.Find(calllog.Filter{}, "", 100)
	if len(found) != 4 {
		t.Errorf("%d calls are kept, want 4", len(found))
	}
	logs.Settle()
	for _, i := range []int{1, 7, 8, 9} {
		if calls[i].made.Load() != 1 || calls[i].gone.Load() != 0 {
			t.Errorf("call %d was made %d times and forgotten %d times, want once and never", i, calls[i].made.Load(), calls[i].gone.Load())
		}
	}
}

func TestACallIsMadeOrForgottenOnceWhoeverComesFirst(t *testing.T) {
	logs := calllog.NewLogs()
	log := logs.Of("store", calllog.Settings{Calls: 5})
	const workers, each = 8, 2000
	calls := make([][]*waiting, workers)
	var working sync.WaitGroup
	for w := range workers {
		working.Go(func() {
			for i := range each {
				c := &waiting{id: strconv.Itoa(w*each + i), failed: i%3 == 0}
				calls[w] = append(calls[w], c)
				log.PutCall(c, c.failed, "")
			}
		})
	}
	done := make(chan struct{})
	var reading sync.WaitGroup
	for range 2 {
		reading.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				found, _, _ := logs.Find(calllog.Filter{}, "", 100)
				for _, e := range found {
					if e.ID == "" {
						t.Error("an entry was read that is none yet")
					}
				}
			}
		})
	}
	working.Wait()
	close(done)
	reading.Wait()
	logs.Settle()
	for _, list := range calls {
		for _, c := range list {
			if made, gone := c.made.Load(), c.gone.Load(); made+gone != 1 {
				t.Fatalf("the call %s was made %d times and forgotten %d times, want one of both, once", c.id, made, gone)
			}
		}
	}
}

func TestALogThatKeepsNothingForgetsAtOnce(t *testing.T) {
	log := calllog.NewLogs().Of("store", calllog.Settings{})
	c := &waiting{}
	log.PutCall(c, true, "")
	if c.gone.Load() != 1 {
		t.Errorf("the call was forgotten %d times, want once", c.gone.Load())
	}
}
