package telemetry

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	// latencyStart is the power of two, in nanoseconds, at which the shortest
	// latency that is told apart begins: 66 µs. Shorter ones count as that one.
	latencyStart = 16

	// latencyDoublings is how often that doubles until the longest, which ends
	// at 137 s, past the ceiling of a deadline. Longer ones count as that one.
	latencyDoublings = 21

	// latencyCells is how many cells a histogram has: four a doubling. The middle
	// of a cell is at most 9.1 % away from whatever was counted there.
	latencyCells = 4 * latencyDoublings
)

// quarters are the bounds between the four cells of a doubling, for a duration
// that is shifted until its highest bit is set.
var quarters = [3]uint64{
	uint64(math.Exp2(63.25)), uint64(math.Exp2(63.5)), uint64(math.Exp2(63.75)),
}

// histogram counts latencies in cells that grow with them. It holds 2^32-1 a cell,
// more than a process can answer in a minute. It is safe for concurrent use.
type histogram [latencyCells]atomic.Uint32

// count counts one latency.
func (h *histogram) count(d time.Duration) { h[latencyCell(d)].Add(1) }

// latencyCell gives the cell for a latency without a logarithm.
func latencyCell(d time.Duration) int {
	const shortest, end = 1 << latencyStart, 1 << (latencyStart + latencyDoublings)
	ns := uint64(min(max(d, shortest), end-1))
	doubling := bits.Len64(ns) - 1
	ns <<= 63 - doubling
	cell := 4 * (doubling - latencyStart)
	for _, bound := range quarters {
		if ns >= bound {
			cell++
		}
	}
	return cell
}

// latencyMiddle is the geometric middle of a cell.
func latencyMiddle(cell int) time.Duration {
	return time.Duration(math.Exp2(latencyStart + (float64(cell)+0.5)/4))
}

// latencyCounts is what histograms held when they were read.
type latencyCounts [latencyCells]uint64

// quantile is the latency that the share q of the calls, more than 0 and at most
// 1, did not exceed: the nearest rank, so it is one that occurred, to the width of
// its cell. It is 0 when nothing was counted.
func (c *latencyCounts) quantile(q float64) time.Duration {
	var total uint64
	for _, n := range c {
		total += n
	}
	rank := uint64(math.Ceil(q * float64(total)))
	for cell, n := range c {
		if n > 0 && n >= rank {
			return latencyMiddle(cell)
		}
		rank -= n
	}
	return 0
}
