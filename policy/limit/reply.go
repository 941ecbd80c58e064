package limit

import (
	"errors"
	"fmt"
	"time"

	"github.com/redis/rueidis"
)

// What stands in a call's way, as Redis says it.
const (
	standsNothing = iota
	standsWindow
	standsFlights
	standsClaim
)

// replyHead is how many numbers of a reply come before its windows.
const replyHead = 7

// reply is what Redis said about a call.
type reply struct {
	stands  int           // What stands in its way.
	which   int           // Which of them, from 0.
	wait    time.Duration // How long it will.
	now     int64         // Redis's time, in microseconds.
	at      int64         // When the call was counted.
	permits int64         // How many calls were.
	crowded bool          // Newcomers' shared hash counted them.
	// windows holds, for each, how many calls count, and the microseconds until
	// there is room for more.
	windows [sides][]int64
	flying  []int64 // How many calls are in flight, for each limit.
}

// errReply says that Redis answered what no script of this package does.
var errReply = errors.New("reading Redis's answer about limits")

// maxMicros bounds the spans that Redis says: as nanoseconds they are still a number.
const maxMicros = int64(MaxWindow/time.Microsecond) * 4

// hear reads the reply to a question of this shape.
func (f shape) hear(result rueidis.RedisResult) (reply, error) {
	numbers, err := result.AsIntSlice()
	if err != nil {
		return reply{}, fmt.Errorf("%w: %w", errReply, err)
	}
	return f.read(numbers)
}

// read takes the numbers of a reply for what they are.
func (f shape) read(numbers []int64) (reply, error) {
	windows := f.windows[own] + f.windows[shared]
	if len(numbers) != replyHead+2*windows+f.gates {
		return reply{}, fmt.Errorf("%w: %d numbers, want %d", errReply, len(numbers), replyHead+2*windows+f.gates)
	}
	for _, n := range numbers {
		if n < 0 {
			return reply{}, fmt.Errorf("%w: there is a negative number", errReply)
		}
	}
	stands, which := numbers[0], numbers[1]
	most := [...]int{standsNothing: 0, standsWindow: windows, standsFlights: f.gates, standsClaim: f.claims}
	if stands >= int64(len(most)) || which > int64(most[stands]) || (which == 0) != (stands == standsNothing) {
		return reply{}, fmt.Errorf("%w: nothing of kind %d has number %d", errReply, stands, which)
	}
	r := reply{
		stands: int(stands), which: int(which) - 1, wait: micros(numbers[2]),
		now: numbers[3], at: numbers[4], permits: numbers[5], crowded: numbers[6] != 0,
	}
	if counted := stands == standsNothing && f.counts; counted != (r.permits > 0) || counted && r.at < r.now {
		return reply{}, fmt.Errorf("%w: %d calls were counted", errReply, r.permits)
	}
	rest := numbers[replyHead:]
	for s := range r.windows {
		r.windows[s], rest = rest[:2*f.windows[s]:2*f.windows[s]], rest[2*f.windows[s]:]
	}
	r.flying = rest
	return r, nil
}

// micros is a span that Redis said.
func micros(n int64) time.Duration { return time.Duration(min(n, maxMicros)) * time.Microsecond }
