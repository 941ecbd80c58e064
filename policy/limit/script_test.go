package limit

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// forget empties the table of a process, so that Redis decides by itself.
func (s *sidecar) forget() {
	for i := range s.table.shards {
		s.table.shards[i].cells = make(map[string]*cell)
	}
	s.table.count.Store(0)
	s.table.common.cell = cell{}
}

func TestALimitThatChangesKeepsWhatRedisHasCounted(t *testing.T) {
	const window = time.Minute
	limits := []int{1, 5, 31, 32, 33, 40, 200}
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 10))
		w := newWorld(t, 1, RemoteOptions{})
		s := w.sidecar[0]
		var truth oracle
		for range 20 {
			n := limits[rng.IntN(len(limits))]
			w.compile(perMinute(n))
			for range rng.IntN(80) {
				w.pass(time.Duration(rng.Int64N(int64(window) / 40)))
				s.forget()
				k, refusal := s.take("acme")
				if k.Decided() != Redis {
					t.Fatalf("seed %d: Redis did not answer", seed)
				}
				held := truth.within(w.passed, window)
				state := k.States(s.now(), nil)[0]
				if state.Remaining > max(0, n-held) {
					t.Fatalf("seed %d: %d left of %d with %d in the window", seed, state.Remaining, n, held)
				}
				if refusal != nil && state.Reset != refusal.RetryAfter {
					t.Fatalf("seed %d: refused for %v, but there is room in %v", seed, refusal.RetryAfter, state.Reset)
				}
				if got := s.remote.States(t.Context(), s.now(), "acme", nil, s.sets...)[0]; got != state {
					t.Fatalf("seed %d: the ticket says %+v, a look %+v", seed, state, got)
				}
				if refusal != nil {
					continue
				}
				if held >= n {
					t.Fatalf("seed %d: a limit of %d admitted a call with %d in its window", seed, n, held)
				}
				truth.calls = append(truth.calls, w.passed)
				if log := w.redis.HGet("{signpost}:t:acme", "plan/60000000us"); len(log) > 4+11*maxMarks {
					t.Fatalf("seed %d: a log of %d bytes, want at most %d marks", seed, len(log), maxMarks)
				}
			}
		}
	}
}

func TestARedisWhoseClockStepsBackGivesNothing(t *testing.T) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 11))
		w := newWorld(t, 1, RemoteOptions{})
		w.redis.ClockTTL(false) // What a key has left does not depend on the clock.
		n := 1 + rng.IntN(50)
		w.compile(perMinute(n))
		s := w.sidecar[0]
		var truth oracle // By the latest time that Redis has told.
		latest := time.Duration(0)
		for range 500 {
			step := time.Duration(rng.Int64N(int64(4 * time.Second)))
			if rng.IntN(20) == 0 {
				step = -time.Duration(rng.Int64N(int64(2 * time.Minute)))
			}
			w.pass(step)
			latest = max(latest, w.passed)
			s.forget()
			k, refusal := s.take("acme")
			if k.Decided() != Redis {
				t.Fatalf("seed %d: Redis did not answer", seed)
			}
			if refusal != nil {
				continue
			}
			if held := truth.within(latest, time.Minute); held >= n {
				t.Fatalf("seed %d: a limit of %d admitted a call with %d in its window", seed, n, held)
			}
			if rng.IntN(8) == 0 {
				k.Refund()
				continue
			}
			truth.calls = append(truth.calls, latest)
		}
	}
}

func TestKeysLiveAsLongAsTheLongestWindowThatTheyCount(t *testing.T) {
	w := newWorld(t, 1, RemoteOptions{})
	s := w.sidecar[0]
	long := group{limits: []Limit{
		{Scope: "store", Name: "hour", Rate: Rate{N: 5, Window: time.Hour}},
		{Scope: "store", Name: "all", Rate: Rate{N: 5, Window: 2 * time.Hour}, Shared: true},
		{Scope: "store", Name: "minute", Rate: Rate{N: 5, Window: time.Minute}},
	}}
	w.compile(long)
	s.take("acme")
	w.compile(perMinute(5), group{limits: []Limit{{Scope: "plan", Name: "all", Rate: Rate{N: 5, Window: time.Second}, Shared: true}}})
	s.take("acme")
	for key, least := range map[string]time.Duration{"{signpost}:t:acme": time.Hour, "{signpost}:all": 2 * time.Hour, "{signpost}:newcomers": time.Hour} {
		if ttl := w.redis.TTL(key); ttl < least || ttl > least+time.Minute {
			t.Errorf("%s lives for %v, want %v and a little more", key, ttl, least)
		}
	}
}

func TestScriptsNameAllTheirKeysAndReadNoGlobals(t *testing.T) {
	for name, source := range map[string]string{"take.lua": takeSource, "undo.lua": undoSource, "places.lua": placesSource} {
		if strings.Contains(source, "signpost") {
			t.Errorf("%s makes up names of keys", name)
		}
		for i, line := range strings.Split(source, "\n") {
			if len(line) > 140 || strings.TrimRight(line, " \t") != line {
				t.Errorf("%s:%d is too long or ends in blanks", name, i+1)
			}
		}
	}
}

func TestACallCountsForOneWindowToTheMicrosecond(t *testing.T) {
	for _, n := range []int{1, 2, 33} {
		w := newWorld(t, 2, RemoteOptions{})
		w.compile(perMinute(n))
		for i := range n {
			if _, refusal := w.sidecar[0].take("acme"); refusal != nil {
				t.Fatalf("limit %d: call %d was refused: %+v", n, i, *refusal)
			}
		}
		w.pass(time.Minute - time.Microsecond)
		if k, refusal := w.sidecar[1].take("acme"); refusal == nil || refusal.RetryAfter != time.Microsecond || k.Decided() != Redis {
			t.Errorf("limit %d: a microsecond early: got %+v, decided by %d", n, refusal, k.Decided())
		}
		w.pass(time.Microsecond)
		if k, refusal := w.sidecar[1].take("acme"); refusal != nil || k.Decided() != Redis {
			t.Errorf("limit %d: a window later: got %+v, decided by %d", n, refusal, k.Decided())
		}
	}
}
