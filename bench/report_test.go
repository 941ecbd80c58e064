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

func TestWhatSharingAddsIsTakenWithinARound(t *testing.T) {
	// The machine is slow in the second round: the difference of the medians would
	// be another.
	full := func(cpu time.Duration) figures {
		return figures{cpu: cpu, loaded: loaded{median: time.Millisecond}}
	}
	shared := func(cpu, redis time.Duration) figures {
		return figures{cpu: cpu, redis: redis, loaded: loaded{median: time.Millisecond + 10*cpu}}
	}
	rounds := [][]figures{
		{full(10 * time.Microsecond), shared(16*time.Microsecond, 5*time.Microsecond), shared(11*time.Microsecond, 0)},
		{full(50 * time.Microsecond), shared(55*time.Microsecond, 9*time.Microsecond), shared(50*time.Microsecond, 0)},
		{full(10 * time.Microsecond), shared(17*time.Microsecond, 6*time.Microsecond), shared(12*time.Microsecond, 0)},
	}
	var table strings.Builder
	printAdditions(&table, []string{"full", "redis", "leases"}, rounds)
	const want = `| over full | added p50, µs | added CPU a call, µs | CPU of Redis a call, µs |
|---|---:|---:|---:|
| redis | 170.0 | 6.0 | 6.0 |
| leases | 120.0 | 1.0 | 0.0 |
`
	if table.String() != want {
		t.Errorf("got\n%swant\n%s", &table, want)
	}
}

func TestSharesOfAVariantStandBesideThoseOfTheOther(t *testing.T) {
	var table strings.Builder
	printShares(&table, []share{{2, 0.9701, 1}, {2, 0.96, 1}, {2, 0.95, 1}, {2, 0.94, 0.9999}, {1.9, 0.9, 1}, {2, 0.89, 1}, {2, 0.88, 1}, {2, 0.87, 0.5}})
	const want = `| sidecars | asked for | redis: mean span | redis: fullest span | leases: mean span | leases: fullest span |
|---:|---:|---:|---:|---:|---:|
| 1 | 2.00 | 0.970 | 1.000 | 0.900 | 1.000 |
| 2 | 2.00 | 0.960 | 1.000 | 0.890 | 1.000 |
| 4 | 2.00 | 0.950 | 1.000 | 0.880 | 1.000 |
| 8 | 2.00 | 0.940 | 1.000 | 0.870 | 0.500 |
`
	if table.String() != want {
		t.Errorf("got\n%swant\n%s", &table, want)
	}
}
