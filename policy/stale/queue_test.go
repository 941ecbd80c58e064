package stale

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/rueidis"
)

// script is a run that a recorder was asked for.
type script struct {
	at       time.Time
	patience time.Duration
	keys     []string
	args     []string
}

// recorder is a Redis that takes its time, and says nothing.
type recorder struct {
	away  atomic.Bool
	takes time.Duration
	err   error
	mu    sync.Mutex
	runs  []script
}

func (r *recorder) There() bool            { return !r.away.Load() }
func (r *recorder) Timeout() time.Duration { return 80 * time.Millisecond }
func (r *recorder) Prefix() string         { return "signpost" }

func (r *recorder) Run(_ context.Context, patience time.Duration, _ *rueidis.Lua, keys, args []string) rueidis.RedisResult {
	time.Sleep(r.takes)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs = append(r.runs, script{time.Now().Add(-r.takes), patience, keys, slices.Clone(args)})
	if r.err != nil {
		return rueidis.NewErrorResult(r.err)
	}
	return rueidis.RedisResult{}
}

// said gives what the runs were to do, with the bodies that were put: "put b".
func (r *recorder) said() []string {
	var all []string
	c := newCodec(DefaultMaxEntry)
	for _, run := range r.runs {
		what := run.args[1]
		if e := c.unpack([]byte(run.args[6])); e != nil {
			what += " " + string(e.answer.Body)
		}
		if run.args[0] == anyRequest {
			what += " any"
		}
		all = append(all, what)
	}
	return all
}

// idle waits until nothing is under way in a bubble.
func idle() {
	time.Sleep(time.Hour)
	synctest.Wait()
}

func TestAKeyWhoseAnswersComeFastCostsFewWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		redis := &recorder{}
		r := NewRemote(NewStore(0, 0), redis, 0)
		for i := range 1000 {
			r.Put(time.Now(), key("/"), header(fmt.Sprint("X-Request-Id: ", i)), answer(fmt.Sprint(i)), time.Hour)
			time.Sleep(time.Millisecond)
		}
		idle()
		said := redis.said()
		if len(said) < 18 || len(said) > 21 || said[len(said)-1] != "put 999" {
			t.Errorf("1000 answers in a second cost %d writes, the last %q, want about 20 and the last one's", len(said), said[len(said)-1])
		}
		if redis.runs[0].at.Sub(redis.runs[1].at) > -gatherFor {
			t.Errorf("two writes were less than %v apart", gatherFor)
		}
	})
}

func TestAnEndTakesTheAnswersBeforeItOutOfTheQueue(t *testing.T) {
	noStore := answer("", "Cache-Control: no-store")
	german, french := header("Accept-Language: de"), header("Accept-Language: fr")
	huge := header("X: " + strings.Repeat("x", maxLineBytes))
	varies := func(body string) Answer { return answer(body, "Vary: Accept-Language") }
	type put struct {
		request http.Header
		answer  Answer
	}
	for name, tt := range map[string]struct {
		puts []put
		want []string
	}{
		"variants wait beside each other":  {[]put{{german, varies("d")}, {french, varies("f")}}, []string{"put d", "put f"}},
		"each for its own":                 {[]put{{german, varies("d")}, {french, varies("f")}, {german, varies("d2")}}, []string{"put f", "put d2"}},
		"an answer for all":                {[]put{{german, varies("d")}, {french, answer("all")}, {german, answer("all2")}}, []string{"put all2"}},
		"an end":                           {[]put{{german, varies("d")}, {german, noStore}}, []string{"end"}},
		"an end of one":                    {[]put{{german, varies("d")}, {french, noStore}}, []string{"put d", "end"}},
		"an end, then an answer":           {[]put{{german, varies("d")}, {german, noStore}, {german, varies("d2")}}, []string{"end", "put d2"}},
		"two ends end all variants":        {[]put{{german, noStore}, {german, varies("d")}, {french, noStore}}, []string{"end any"}},
		"an end for a header too large":    {[]put{{german, varies("d")}, {french, noStore}, {huge, noStore}}, []string{"end any"}},
		"an answer for a header too large": {[]put{{german, varies("d")}, {huge, answer("all")}}, []string{"drop any"}},
		"what does not count":              {[]put{{german, varies("d")}, {german, Answer{Status: 500}}}, []string{"put d"}},
		"a request that says no-store":     {[]put{{german, varies("d")}, {header("Cache-Control: no-store"), varies("x")}}, []string{"put d"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			redis := &recorder{}
			r := NewRemote(NewStore(0, 0), redis, 0)
			for _, p := range tt.puts {
				r.Put(time.Now(), key("/"), p.request, p.answer, time.Hour)
			}
			idle()
			if got := redis.said(); !slices.Equal(got, tt.want) {
				t.Errorf("%s: got %q, want %q", name, got, tt.want)
			}
			if r.queue.changes != 0 || r.queue.bytes != 0 || len(r.queue.byName) != 0 {
				t.Errorf("%s: %d changes of %d bytes are counted at the end", name, r.queue.changes, r.queue.bytes)
			}
		})
	}
}

func TestWhatWaitsForRedisIsBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		answers, size int
		least, most   int
	}{
		"many":  {3 * maxQueued, 10, maxQueued, maxQueued},
		"large": {100, 500_000, 15, 16},
	} {
		synctest.Test(t, func(t *testing.T) {
			redis := &recorder{takes: time.Millisecond}
			r := NewRemote(NewStore(0, 0), redis, 0)
			text := randomText(tt.size)
			for i := range tt.answers {
				r.Put(time.Now(), key(fmt.Sprint(i)), nil, answer(text), time.Hour)
			}
			idle()
			if n := len(redis.runs); n < tt.least || n > tt.most || r.Dropped() != uint64(tt.answers-n) {
				t.Errorf("%s: of %d answers Redis heard of %d, and %d were dropped; want from %d to %d", name, tt.answers, n, r.Dropped(), tt.least, tt.most)
			}
			r.Put(time.Now(), key("later"), nil, answer("b"), time.Hour)
			idle()
			if said := redis.said(); said[len(said)-1] != "put b" {
				t.Errorf("%s: after all was written another answer was not", name)
			}
		})
	}
}

func TestWhatIsUnderWayCountsUntilRedisHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		redis := &recorder{takes: time.Second}
		r := NewRemote(NewStore(0, 0), redis, 0)
		for i := range maxQueued {
			r.Put(time.Now(), key(fmt.Sprint(i)), nil, answer("b"), time.Hour)
		}
		time.Sleep(gatherFor + 10*time.Second + 500*time.Millisecond) // Ten are written, one is under way.
		for i := range 20 {
			r.Put(time.Now(), key(fmt.Sprint("later", i)), nil, answer("b"), time.Hour)
		}
		if got := r.Dropped(); got != 10 {
			t.Errorf("%d answers were dropped, want 10", got)
		}
		idle()
		if got := len(redis.runs); got != maxQueued+10 {
			t.Errorf("Redis heard of %d answers, want %d", got, maxQueued+10)
		}
	})
}

func TestAnAnswerThatWaitedIsAsOldAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		redis := &recorder{takes: 3 * time.Second}
		r := NewRemote(NewStore(0, 0), redis, 0)
		for i := range 3 {
			r.Put(time.Now(), key(fmt.Sprint(i)), nil, answer("b"), 90*time.Minute)
		}
		idle()
		for i, want := range []string{"50000", "3050000", "6050000"} {
			if args := redis.runs[i].args; args[2] != want || args[3] != "5400000" {
				t.Errorf("answer %d: waited %s µs and lives %s ms, want %s and 5400000", i, args[2], args[3], want)
			}
		}
	})
}

func TestAWriteThatIsLateDoesNotMakeRedisAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		redis := &recorder{}
		r := NewRemote(NewStore(0, 0), redis, 0)
		r.Put(time.Now(), key("/"), nil, answer("b"), time.Hour)
		idle()
		if got := redis.runs[0].patience; got >= redis.Timeout() || got < redis.Timeout()/2 {
			t.Errorf("patience %v, want a little less than %v", got, redis.Timeout())
		}
	})
}

func TestNothingWaitsForARedisThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		redis := &recorder{}
		redis.away.Store(true)
		r := NewRemote(NewStore(0, 0), redis, 0)
		put := func(n int) {
			for i := range n {
				r.Put(time.Now(), key(fmt.Sprint(i)), nil, answer("b"), time.Hour)
			}
		}
		put(5)
		if r.queue.changes != 0 || r.Dropped() != 5 {
			t.Errorf("%d answers wait and %d were dropped, want 0 and 5", r.queue.changes, r.Dropped())
		}
		redis.away.Store(false)
		put(5)
		redis.away.Store(true)
		idle()
		if len(redis.runs) != 0 || r.Dropped() != 10 {
			t.Errorf("Redis heard of %d answers and %d were dropped, want 0 and 10", len(redis.runs), r.Dropped())
		}
		redis.away.Store(false)
		redis.err = errors.New("READONLY")
		put(5)
		idle()
		if len(redis.runs) != 5 || r.Dropped() != 15 {
			t.Errorf("Redis refused %d answers and %d were dropped, want 5 and 15", len(redis.runs), r.Dropped())
		}
		r.Put(time.Now(), key("/"), nil, answer("b"), 0)
		idle()
		if len(redis.runs) != 5 || r.Dropped() != 15 {
			t.Errorf("an answer that no fallback wants was told to Redis")
		}
	})
}

// BenchmarkRemotePut is what a call pays; without Redis it is BenchmarkPut.
func BenchmarkRemotePut(b *testing.B) {
	r, a := NewRemote(NewStore(0, 0), &recorder{}, 0), benchmarkAnswer()
	r.queue.awaited = true // Nobody sends: what that costs is not the call's.
	request := header("Accept: application/json", "User-Agent: bot", "Authorization: Bearer abc", "X-Request-Id: 1", "Accept-Encoding: gzip")
	keys := make([]Key, 1000)
	for i := range keys {
		keys[i] = key(fmt.Sprint("https://api.store.example/v2/orders/", i))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r.Put(start, keys[i%len(keys)], request, a, time.Hour)
		i++
	}
}
