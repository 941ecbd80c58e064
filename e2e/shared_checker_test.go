//go:build e2e

package e2e

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// fullestSpan is most, found in the plainest way: every span between two times at
// which something was sent or came is tried.
func fullestSpan(window time.Duration, calls []arrival) (fullest int) {
	for _, first := range calls {
		for _, last := range calls {
			if last.came-first.sent >= window {
				continue
			}
			n := 0
			for _, a := range calls {
				if a.sent >= first.sent && a.came <= last.came {
					n++
				}
			}
			fullest = max(fullest, n)
		}
	}
	return fullest
}

func TestTheCheckerFindsTheFullestSpanWhereverItLies(t *testing.T) {
	t.Parallel()
	at := func(times ...time.Duration) (calls []arrival) {
		for _, at := range times {
			calls = append(calls, arrival{sent: at, came: at})
		}
		return calls
	}
	for _, c := range []struct {
		name  string
		calls []arrival
		want  int
	}{
		{"no call", nil, 0},
		{"one call", at(5), 1},
		{"calls a window apart", at(0, 10, 20), 1},
		{"calls in less than a window", at(0, 9, 18), 2},
		{"a span that begins in the middle", at(0, 8, 9, 10, 17, 30), 4},
		{"times in no order", at(17, 30, 9, 0, 10, 8), 4},
		{"a call that may have left earlier or later", []arrival{{sent: 0, came: 3}, {sent: 2, came: 11}, {sent: 4, came: 9}}, 2},
		{"a call that took longer than a window", []arrival{{sent: 0, came: 30}, {sent: 1, came: 2}}, 1},
	} {
		if got := most(10, c.calls); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		var calls []arrival
		for range random.IntN(30) {
			sent := time.Duration(random.IntN(60))
			calls = append(calls, arrival{sent: sent, came: sent + time.Duration(random.IntN(1+int(seed%12)))})
		}
		if got, want := most(10, calls), fullestSpan(10, calls); got != want {
			t.Errorf("seed %d: %d, want %d of %v", seed, got, want, calls)
		}
	}
}

func TestWhatIsLeftOfAPeriodHasNothingOfTheOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		without, want []period
	}{
		{nil, []period{{10, 20}}},
		{[]period{{0, 5}, {25, 30}}, []period{{10, 20}}},
		{[]period{{0, 12}, {18, 30}}, []period{{12, 18}}},
		{[]period{{14, 16}, {12, 13}}, []period{{10, 12}, {13, 14}, {16, 20}}},
		{[]period{{12, 16}, {14, 15}, {15, 17}}, []period{{10, 12}, {17, 20}}},
		{[]period{{0, 30}}, nil},
		{[]period{{10, 15}, {15, 20}}, nil},
	} {
		if got := calm(period{10, 20}, c.without); !slices.Equal(got, c.want) {
			t.Errorf("without %v: %v, want %v", c.without, got, c.want)
		}
	}
}
