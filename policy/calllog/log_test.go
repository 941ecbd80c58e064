package calllog_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy/calllog"
)

// start is when the first call of a test arrives.
var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// nth is the n-th call of a test, a second after the one before.
func nth(n int, failed bool) *calllog.Entry {
	return &calllog.Entry{
		ID: fmt.Sprintf("%016x", n), TraceID: fmt.Sprintf("%032x", n), Time: start.Add(time.Duration(n) * time.Second), Failed: failed,
		Request: calllog.Message{Method: "GET"},
	}
}

// ids are the numbers of calls.
func ids(t testing.TB, found []*calllog.Entry) []int {
	t.Helper()
	numbers := []int{}
	for _, e := range found {
		n, err := strconv.ParseInt(e.ID, 16, 64)
		if err != nil {
			t.Fatalf("the call has the id %q", e.ID)
		}
		numbers = append(numbers, int(n))
	}
	return numbers
}

// all are the numbers of all calls that are kept, the newest first.
func all(t testing.TB, logs *calllog.Logs) []int {
	t.Helper()
	found, more, known := logs.Find(calllog.Filter{}, "", 10_000)
	if more || !known {
		t.Errorf("Find told of more calls (%v), or did not know where to begin (%v)", more, !known)
	}
	return ids(t, found)
}

func down(from, to int) []int {
	numbers := []int{}
	for n := from; n >= to; n-- {
		numbers = append(numbers, n)
	}
	return numbers
}

func TestTheLastCallsAndTheLastFailuresAreKept(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		calls, total := random.IntN(8), random.IntN(40)
		logs := calllog.NewLogs()
		log := logs.Of("store", calllog.Settings{Calls: calls})
		var failures, want []int
		for n := range total {
			failed := random.IntN(4) == 0
			log.Put(nth(n, failed), "")
			if failed {
				failures = append(failures, n)
			}
		}
		failures = failures[max(0, len(failures)-calls):]
		for n := total - 1; n >= 0; n-- {
			if n >= total-calls || slices.Contains(failures, n) {
				want = append(want, n)
			}
		}
		if got := all(t, logs); !slices.Equal(got, want) {
			t.Fatalf("of %d calls a log of %d keeps %v, want %v; failures %v", total, calls, got, want, failures)
		}
	}
}

func TestALogOfAnotherSizeTakesOverWhatFits(t *testing.T) {
	for _, test := range []struct {
		name        string
		first, then calllog.Settings
		want        []int
	}{
		{"smaller", calllog.Settings{Calls: 10}, calllog.Settings{Calls: 3}, down(19, 17)},
		{"larger", calllog.Settings{Calls: 3}, calllog.Settings{Calls: 10}, down(19, 17)},
		{"other bodies", calllog.Settings{Calls: 3, Bodies: 1}, calllog.Settings{Calls: 3, Bodies: 9}, down(19, 17)},
		{"nothing", calllog.Settings{Calls: 3}, calllog.Settings{}, []int{}},
		{"the same redact", calllog.Settings{Calls: 3, Redact: "$.a"}, calllog.Settings{Calls: 4, Redact: "$.a"}, down(19, 17)},
		{"more redacted", calllog.Settings{Calls: 3}, calllog.Settings{Calls: 3, Redact: "$.a"}, []int{}},
		{"less redacted", calllog.Settings{Calls: 3, Redact: "$.a\n$.b"}, calllog.Settings{Calls: 3, Redact: "$.a"}, []int{}},
	} {
		logs := calllog.NewLogs()
		log := logs.Of("store", test.first)
		for n := range 20 {
			log.Put(nth(n, false), test.first.Redact)
		}
		log.Configure(test.then)
		if got := all(t, logs); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v is kept, want %v", test.name, got, test.want)
		}
		log.Put(nth(20, false), test.then.Redact)
		if got, want := len(all(t, logs)), min(len(test.want)+1, test.then.Calls); got != want {
			t.Errorf("%s: after one more call %d are kept, want %d", test.name, got, want)
		}
	}
}

func TestACallThatWasRedactedByOtherWordsIsDropped(t *testing.T) {
	logs := calllog.NewLogs()
	log := logs.Of("store", calllog.Settings{Calls: 5})
	log.Configure(calllog.Settings{Calls: 5, Redact: "$.card"})
	log.Put(nth(1, true), "") // It began before.
	log.Put(nth(2, true), "$.card")
	if got, want := all(t, logs), []int{2}; !slices.Equal(got, want) {
		t.Errorf("%v is kept, want %v", got, want)
	}
}

func TestAskingForALogChangesNothing(t *testing.T) {
	logs := calllog.NewLogs()
	log := logs.Of("store", calllog.Settings{Calls: 5})
	for n := range 5 {
		log.Put(nth(n, false), "")
	}
	if same := logs.Of("store", calllog.Settings{Calls: 1, Redact: "$.a"}); same != log {
		t.Error("the policy has a second log")
	}
	if got, want := all(t, logs), down(4, 0); !slices.Equal(got, want) {
		t.Errorf("%v is kept, want %v", got, want)
	}
}

func TestLogsOfPoliciesThatAreGoneAreDropped(t *testing.T) {
	logs := calllog.NewLogs()
	for n, name := range []string{"", "store", "gone"} {
		logs.Of(name, calllog.Settings{Calls: 5}).Put(nth(n, true), "")
	}
	logs.Keep(map[string]bool{"": true, "store": true, "new": true})
	if got, want := all(t, logs), []int{1, 0}; !slices.Equal(got, want) {
		t.Errorf("%v is kept, want %v", got, want)
	}
	if e := logs.ByID(nth(2, false).ID); e != nil {
		t.Errorf("the call of a policy that is gone is still found: %v", e)
	}
}

func TestCallsAboveTheCeilingAreNotKept(t *testing.T) {
	for _, calls := range []int{calllog.MaxCalls + 1, 1 << 40, -1} {
		logs := calllog.NewLogs()
		log := logs.Of("store", calllog.Settings{Calls: calls})
		for n := range 3 * calllog.MaxCalls {
			log.Put(nth(n, false), "")
		}
		if got, want := len(all(t, logs)), min(max(calls, 0), calllog.MaxCalls); got != want {
			t.Errorf("a log of %d keeps %d calls, want %d", calls, got, want)
		}
	}
}

// TestManyMayCallWhileOthersLook is for the race detector: calls end, somebody
// reads, and the configuration changes.
func TestManyMayCallWhileOthersLook(t *testing.T) {
	const callers, each = 16, 500
	logs := calllog.NewLogs()
	log := logs.Of("store", calllog.Settings{Calls: 20})
	var calling, looking sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		looking.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				found, _, _ := logs.Find(calllog.Filter{}, "", 50)
				if !slices.IsSortedFunc(found, func(a, b *calllog.Entry) int { return b.Time.Compare(a.Time) }) {
					t.Error("the calls are not in order")
				}
				for _, e := range found {
					if logs.ByID(e.ID); e.Detail().ID != e.ID || e.Listed().TraceID != e.TraceID {
						t.Errorf("the call %s is shown as another", e.ID)
					}
				}
			}
		})
	}
	looking.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			default:
				log.Configure(calllog.Settings{Calls: n % 40})
				logs.Of(fmt.Sprint("other", n%5), calllog.Settings{Calls: 3}).Put(nth(-1-n, false), "")
				logs.Keep(map[string]bool{"store": true})
			}
		}
	})
	for k := range callers {
		calling.Go(func() {
			for n := range each {
				log.Put(nth(n*callers+k, n%3 == 0), "")
			}
		})
	}
	calling.Wait()
	close(done)
	looking.Wait()
	log.Configure(calllog.Settings{Calls: 7})
	for n := range 30 {
		log.Put(nth(1_000_000+n, false), "")
	}
	if got, want := all(t, logs)[:7], down(1_000_029, 1_000_023); !slices.Equal(got, want) {
		t.Errorf("afterwards %v is kept, want %v", got, want)
	}
}

// BenchmarkPut is what a call pays for being kept, with one that looks all the
// time and with nobody.
func BenchmarkPut(b *testing.B) {
	for _, looked := range []bool{false, true} {
		b.Run(fmt.Sprint("looked=", looked), func(b *testing.B) {
			logs := calllog.NewLogs()
			log := logs.Of("store", calllog.Settings{Calls: 1000})
			done := make(chan struct{})
			var looking sync.WaitGroup
			if looked {
				looking.Go(func() {
					for {
						select {
						case <-done:
							return
						default:
							logs.Find(calllog.Filter{}, "", 50)
						}
					}
				})
			}
			e := nth(1, true)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					log.Put(e, "")
				}
			})
			b.StopTimer()
			close(done)
			looking.Wait()
		})
	}
}
