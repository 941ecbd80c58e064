package main

import (
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// at makes a call that was let out at once.
func at(d time.Duration) demanded { return demanded{begun: d, ended: d, letOut: true} }

func TestTheFullestSpanHoldsNothingThatMightLieOutsideOfIt(t *testing.T) {
	for name, c := range map[string]struct {
		calls []demanded
		want  int
	}{
		"none":                              {nil, 0},
		"one":                               {[]demanded{at(5)}, 1},
		"within a span":                     {[]demanded{at(0), at(5), at(9)}, 3},
		"a span apart":                      {[]demanded{at(0), at(10)}, 1},
		"the later ones are closer":         {[]demanded{at(0), at(9), at(12), at(18)}, 3},
		"refused":                           {[]demanded{at(0), {begun: 1, ended: 1}, at(2)}, 2},
		"ended late, so perhaps outside":    {[]demanded{at(0), {begun: 8, ended: 11, letOut: true}}, 1},
		"began early, and within for sure":  {[]demanded{{begun: 0, ended: 9, letOut: true}, at(3)}, 2},
		"a long one hides none behind it":   {[]demanded{at(0), {begun: 1, ended: 30, letOut: true}, at(2)}, 2},
		"not in the order of their endings": {[]demanded{{begun: 1, ended: 9, letOut: true}, {begun: 0, ended: 3, letOut: true}}, 2},
	} {
		if got := fullestSpan(admitted(c.calls), 10); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

func TestTheFullestSpanIsThatOfEveryPossibleBeginning(t *testing.T) {
	for range 200 {
		var calls []demanded
		for range 1 + rand.IntN(40) {
			begun := time.Duration(rand.IntN(100))
			calls = append(calls, demanded{begun: begun, ended: begun + time.Duration(rand.IntN(5)), letOut: true})
		}
		want := 0
		for begin := range time.Duration(100) {
			within := 0
			for _, c := range calls {
				if c.begun >= begin && c.ended < begin+10 {
					within++
				}
			}
			want = max(want, within)
		}
		if got := fullestSpan(admitted(calls), 10); got != want {
			t.Fatalf("%v: got %d, want %d", calls, got, want)
		}
	}
}

func TestTheMeanOfAllSpansIsTheSteadyRate(t *testing.T) {
	var steady, bursts []demanded
	for i := range 300 {
		steady = append(steady, at(time.Duration(i)*time.Second/100))
		bursts = append(bursts, at(time.Duration(i/100)*time.Second+time.Duration(i%100)))
	}
	for name, calls := range map[string][]demanded{"steady": steady, "in bursts": bursts} {
		if got := meanSpan(calls, time.Second, 3*time.Second); math.Abs(got-100) > 0.6 {
			t.Errorf("%s: 100 calls a second are %.2f in a span of a second, want 100", name, got)
		}
	}
	if got := meanSpan(nil, time.Second, 3*time.Second); got != 0 {
		t.Errorf("no calls are %.2f in a span", got)
	}
}

// thirdParty answers a bot in the place of a sidecar: some calls are refused.
type thirdParty func(call int) (outcome string, takes time.Duration)

func (p thirdParty) bot(first, every time.Duration) *bot {
	calls := 0
	answer := func(req *http.Request) (*http.Response, error) {
		calls++
		outcome, takes := p(calls)
		time.Sleep(takes)
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Signpost-Outcome": {outcome}}, Body: http.NoBody, Request: req}, nil
	}
	return &bot{client: &http.Client{Transport: roundTrip(answer)}, url: "http://sidecar", tenant: "acme", first: first, every: every}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestABotCallsWhenItsCallsAreDueAndMakesUpForLateOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := thirdParty(func(call int) (string, time.Duration) {
			switch call {
			case 2:
				return "rate_limited", 25 * time.Millisecond
			default:
				return "success", time.Millisecond
			}
		}).bot(3*time.Millisecond, 10*time.Millisecond)
		if err := b.run(t.Context(), time.Now(), 53*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		want := []demanded{
			{3 * time.Millisecond, 4 * time.Millisecond, true},
			{13 * time.Millisecond, 38 * time.Millisecond, false},
			{38 * time.Millisecond, 39 * time.Millisecond, true},
			{39 * time.Millisecond, 40 * time.Millisecond, true},
			{43 * time.Millisecond, 44 * time.Millisecond, true},
		}
		if !slices.Equal(b.calls, want) {
			t.Errorf("got %v, want %v", b.calls, want)
		}
	})
}

func TestABotThatIsToldAnythingElseIsNoMeasurement(t *testing.T) {
	b := thirdParty(func(int) (string, time.Duration) { return "overloaded", 0 }).bot(0, time.Second)
	if err := b.run(t.Context(), time.Now(), time.Minute); err == nil || !strings.Contains(err.Error(), "overloaded") {
		t.Errorf("got %v, want an error that says so", err)
	}
}
