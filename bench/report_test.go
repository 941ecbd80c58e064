package main

import (
	"strings"
	"testing"
	"time"
)

// roundOf makes a round of two gateways, of which the second does half as many
// calls a second.
func roundOf(bare, full time.Duration) []figures {
	return []figures{
		{cpu: bare, loaded: loaded{rate: 1000, median: time.Millisecond, p99: 4 * time.Millisecond}},
		{cpu: full, loaded: loaded{rate: 500, median: 2 * time.Millisecond, p99: 6 * time.Millisecond}},
	}
}

func TestTheTableHasMediansAndRatiosTakenWithinARound(t *testing.T) {
	// The machine is three times as slow in the second round: the ratio of the
	// two medians would be 30 : 20.
	rounds := [][]figures{
		roundOf(10*time.Microsecond, 20*time.Microsecond),
		roundOf(60*time.Microsecond, 30*time.Microsecond),
		roundOf(20*time.Microsecond, 40*time.Microsecond),
	}
	var table strings.Builder
	printTable(&table, []string{"bare", "full"}, rounds)
	const want = `| gateway | calls/s | : bare | p50, ms | : bare | p99, ms | : bare | CPU a call, µs | : bare |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
| bare | 1000 | 1.00 | 1.00 | 1.00 | 4.00 | 1.00 | 20.0 | 1.00 |
| full | 500 | 0.50 | 2.00 | 2.00 | 6.00 | 1.50 | 30.0 | 2.00 |
`
	if table.String() != want {
		t.Errorf("got\n%swant\n%s", &table, want)
	}
}

func TestTheMedianOfAnEvenNumberIsTheLower(t *testing.T) {
	rounds := [][]figures{roundOf(4, 0), roundOf(1, 0), roundOf(3, 0), roundOf(2, 0)}
	got := medianOf(rounds, func(r []figures) float64 { return float64(r[0].cpu) })
	if got != 2 {
		t.Errorf("the median of 4, 1, 3, 2 is %g, want 2", got)
	}
}
