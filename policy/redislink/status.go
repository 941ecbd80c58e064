package redislink

import (
	"slices"
	"sync/atomic"
	"time"
)

// counters count since the start.
type counters struct {
	calls, failures, dropped, timesAway atomic.Uint64
	roundTrip                           atomic.Int64 // nanoseconds.
}

// answered takes a round trip into the estimate, in which the last few dozen
// weigh. A lost update among concurrent ones does no harm.
func (c *counters) answered(took time.Duration) {
	old := c.roundTrip.Load()
	if old == 0 {
		c.roundTrip.Store(int64(took))
		return
	}
	c.roundTrip.Store(old + (int64(took)-old)/16)
}

// Status is how a Link stands. It holds no secrets.
type Status struct {
	// There is whether Redis is, and Since when that is so.
	There bool      `json:"there"`
	Since time.Time `json:"since"`

	// Reason is why Redis is away: the last failure, at most about 200 bytes. ""
	// while it is there.
	Reason string `json:"reason,omitempty"`

	// Address is that of the options, without user and password.
	Address string `json:"address"`

	// Mode is "standalone", "sentinel" or "cluster", "" before the first
	// connecting.
	Mode string `json:"mode,omitempty"`

	// Calls are the scripts that somebody waited for, and Failures those of them
	// without an answer in time.
	Calls    uint64 `json:"calls"`
	Failures uint64 `json:"failures"`

	// Dropped are scripts and messages off the path that were not sent or not
	// answered.
	Dropped uint64 `json:"dropped"`

	// TimesAway is how often Redis, having been there, turned out to be away.
	TimesAway uint64 `json:"times_away"`

	// RoundTrip is a moving estimate of how long a script takes.
	RoundTrip time.Duration `json:"round_trip_ns"`
}

// Status is how the Link stands now. It is cheap.
func (l *Link) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status()
}

// status is Status under the mutex.
func (l *Link) status() Status {
	return Status{
		There:     l.there.Load(),
		Since:     l.since,
		Reason:    l.why,
		Address:   l.address.String(),
		Mode:      l.mode,
		Calls:     l.counters.calls.Load(),
		Failures:  l.counters.failures.Load(),
		Dropped:   l.counters.dropped.Load(),
		TimesAway: l.counters.timesAway.Load(),
		RoundTrip: time.Duration(l.counters.roundTrip.Load()),
	}
}

// remember keeps the latest users and passwords, so that they are masked should
// Redis repeat one.
func (l *Link) remember(secrets ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range secrets {
		if s == "" || slices.Contains(l.secrets, s) {
			continue
		}
		if len(l.secrets) == maxSecrets {
			l.secrets = slices.Delete(l.secrets, 0, 1)
		}
		l.secrets = append(l.secrets, s)
	}
}
