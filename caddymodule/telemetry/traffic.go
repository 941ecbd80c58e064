package telemetry

import (
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

const (
	// maxTrafficPolicies bounds the policies that are told apart, beside the calls
	// that no policy answered. A policy with calls in each of the last 60 minutes
	// takes 26 KiB, so all take 13 MiB at most. The further ones share the name
	// otherSeries, which no policy can have.
	maxTrafficPolicies = 500

	// trafficMinutes is how many minutes are kept, the present one included.
	trafficMinutes = 60

	// outcomeCount is how many outcomes there are.
	outcomeCount = 16
)

// outcomeOrder gives each outcome its place in the counters.
var outcomeOrder = [outcomeCount]policy.Outcome(policy.Outcomes())

// Tally says what became of the calls of a span of time.
type Tally struct {
	// Calls is how many ended in it, and Failed how many of them count as failed
	// (policy.Verdict.Failed).
	Calls  uint64 `json:"calls"`
	Failed uint64 `json:"failed"`

	// Outcomes are the calls by outcome, without those that did not occur.
	Outcomes map[policy.Outcome]uint64 `json:"outcomes"`

	// P50 and P99 are the median and the 99th percentile in milliseconds of how
	// long calls took until their last byte, canceled ones left out. From 100 µs
	// to 120 s they are at most 10 % away from the call of the nearest rank; what
	// took less than 66 µs or more than 137 s is told as about that. 0 when there
	// is none.
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
}

// MinuteTraffic is the traffic of one minute by the wall clock.
type MinuteTraffic struct {
	// Start is when it began: RFC 3339 with milliseconds, in UTC.
	Start string `json:"start"`

	Tally
}

// PolicyTraffic is the traffic of one policy. What it tells as one is over the
// minutes that it lists.
type PolicyTraffic struct {
	// Policy is the name; empty for calls that no policy answered, and "_other"
	// for those of the policies that came when 500 were known.
	Policy string `json:"policy"`

	// CallsPerMinute is the rate over the last 60 seconds, to a tenth: the calls
	// of the present minute, and of the last one that share which is not yet a
	// minute old, as if they had been spread evenly over it.
	CallsPerMinute float64 `json:"calls_per_minute"`

	Tally

	// Minutes are the present minute and the 59 before it, oldest first, without
	// those that had no call.
	Minutes []MinuteTraffic `json:"minutes"`
}

// Traffic keeps what became of each policy's calls in the last 60 minutes, for
// people to look at: it is no metric and starts afresh with the process. Calls
// wait for no lock and, but for a policy's first call of a minute, allocate
// nothing. It is safe for concurrent use.
type Traffic struct {
	clock    func() time.Time
	policies atomic.Pointer[map[string]*hour] // never changed, only replaced
	rest     hour
}

// ProcessTraffic gives the traffic of this process, which goes on over reloads.
var ProcessTraffic = sync.OnceValue(func() *Traffic { return NewTraffic(time.Now) })

// NewTraffic makes an empty Traffic. clock tells the time at which calls end; it
// must be safe for concurrent use.
func NewTraffic(clock func() time.Time) *Traffic {
	t := &Traffic{clock: clock}
	// Calls to no policy are there from the start, so that they never belong to
	// the rest.
	t.policies.Store(&map[string]*hour{"": new(hour)})
	return t
}

// Observe counts one call that is over, in the minute in which it ends. It keeps
// nothing of r.
func (t *Traffic) Observe(r *policy.Record) {
	h := (*t.policies.Load())[r.Policy]
	if h == nil {
		h = t.admit(r.Policy)
	}
	m := h.at(minuteOf(t.clock()))
	outcome := slices.Index(outcomeOrder[:], r.Outcome)
	if outcome < 0 { // The list is closed, so this is a fault of our own.
		outcome = slices.Index(outcomeOrder[:], policy.Internal)
	}
	m.outcomes[outcome].Add(1)
	if r.Failed() {
		m.failed.Add(1)
	}
	if r.Outcome != policy.Canceled { // How long a bot waits says nothing of the third party.
		m.latency.count(r.Duration)
	}
}

// admit gives a policy that was not there a moment ago its hour, or the rest's
// when there are enough. The table is copied rather than locked: that happens at
// most maxTrafficPolicies times and to whoever loses a race for one of them.
func (t *Traffic) admit(name string) *hour {
	for {
		known := t.policies.Load()
		if h := (*known)[name]; h != nil {
			return h
		}
		if len(*known) > maxTrafficPolicies { // One of them is no policy.
			return &t.rest
		}
		more := maps.Clone(*known)
		h := new(hour)
		more[strings.Clone(name)] = h
		if t.policies.CompareAndSwap(known, &more) {
			return h
		}
	}
}

// Snapshot tells the traffic of the 60 minutes until now, by the names of the
// policies, without those that had no call. Calls that end meanwhile may be in it
// or not, but a policy's numbers always add up. It is never nil. A policy with
// calls in every minute takes about 50 µs.
func (t *Traffic) Snapshot(now time.Time) []PolicyTraffic {
	known := *t.policies.Load()
	all := make([]PolicyTraffic, 0, len(known)+1)
	add := func(name string, h *hour) {
		if p := h.tell(now); len(p.Minutes) > 0 {
			p.Policy = name
			all = append(all, p)
		}
	}
	for name, h := range known {
		add(name, h)
	}
	add(otherSeries, &t.rest)
	slices.SortFunc(all, func(a, b PolicyTraffic) int { return strings.Compare(a.Policy, b.Policy) })
	return all
}

// minuteOf numbers the minutes of the wall clock.
func minuteOf(now time.Time) int64 { return now.Unix() / 60 }

// hour is the last minutes of one policy, each at its number modulo their count.
// The zero value is empty.
type hour [trafficMinutes]atomic.Pointer[minute]

// place is where the minute of that number is kept.
func (h *hour) place(number int64) *atomic.Pointer[minute] {
	return &h[uint64(number)%trafficMinutes]
}

// at gives the minute of that number, and puts it in the place of whichever was
// there. That is one an hour older or, when the clock was set back, a later one:
// otherwise nothing would be counted until the clock had caught up. A minute is
// never emptied, so whoever still counts in the old one disturbs nobody.
func (h *hour) at(number int64) *minute {
	place := h.place(number)
	for {
		old := place.Load()
		if old != nil && old.number == number {
			return old
		}
		m := &minute{number: number}
		if place.CompareAndSwap(old, m) {
			return m
		}
	}
}

// tell sums up the minutes until now.
func (h *hour) tell(now time.Time) PolicyTraffic {
	var whole sums
	var told PolicyTraffic
	last := minuteOf(now)
	elapsed := float64(now.Unix()-60*last)/60 + float64(now.Nanosecond())/float64(time.Minute)
	for number := last - trafficMinutes + 1; number <= last; number++ {
		m := h.place(number).Load()
		if m == nil || m.number != number {
			continue
		}
		s := m.read()
		tally := s.tally()
		if tally.Calls == 0 { // Its first call is being counted.
			continue
		}
		whole.add(&s)
		switch number {
		case last:
			told.CallsPerMinute += float64(tally.Calls)
		case last - 1:
			told.CallsPerMinute += float64(tally.Calls) * (1 - elapsed)
		}
		told.Minutes = append(told.Minutes, MinuteTraffic{Start: minuteStart(number), Tally: tally})
	}
	told.CallsPerMinute = math.Round(10*told.CallsPerMinute) / 10
	told.Tally = whole.tally()
	return told
}

// minuteStart writes when the minute of that number begins.
func minuteStart(number int64) string {
	return time.Unix(60*number, 0).UTC().Format(calllog.TimeForm)
}

// minute counts the calls that end in one minute. They are at most 2^32-1.
type minute struct {
	number   int64
	outcomes [outcomeCount]atomic.Uint32
	failed   atomic.Uint32
	latency  histogram
}

// read gives the counters. A call is counted by its outcome first, so what failed
// is read first: there are never more failed calls than calls.
func (m *minute) read() (s sums) {
	s.failed = uint64(m.failed.Load())
	for i := range m.outcomes {
		s.outcomes[i] = uint64(m.outcomes[i].Load())
	}
	for i := range m.latency {
		s.latency[i] = uint64(m.latency[i].Load())
	}
	return s
}

// sums are counters that were read.
type sums struct {
	outcomes [outcomeCount]uint64
	failed   uint64
	latency  latencyCounts
}

// add adds the counters of a further minute.
func (s *sums) add(more *sums) {
	s.failed += more.failed
	for i, n := range more.outcomes {
		s.outcomes[i] += n
	}
	for i, n := range more.latency {
		s.latency[i] += n
	}
}

// tally tells the counters.
func (s *sums) tally() Tally {
	t := Tally{
		Failed:   s.failed,
		Outcomes: make(map[policy.Outcome]uint64),
		P50:      wholeMicros(s.latency.quantile(0.50)),
		P99:      wholeMicros(s.latency.quantile(0.99)),
	}
	for i, n := range s.outcomes {
		if n > 0 {
			t.Calls += n
			t.Outcomes[outcomeOrder[i]] = n
		}
	}
	return t
}

// wholeMicros gives a latency in milliseconds to the nearest microsecond.
func wholeMicros(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond).Microseconds()) / 1000
}
