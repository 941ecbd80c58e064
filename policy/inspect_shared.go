package policy

import (
	"cmp"
	"time"
)

// Kinds of state.
const (
	kindMemory = "memory"
	kindRedis  = "redis"
)

// SharedStateInfo is how the state stands that sidecars share. With Kind "memory"
// nothing is shared, and all else is empty.
type SharedStateInfo struct {
	Kind string // "memory" or "redis".
	Fail string // What happens when Redis is away: "local" or "closed".

	// There tells whether Redis decides, Since since when that is so, and Reason why
	// it is away, in a few words.
	There  bool
	Since  time.Time
	Reason string

	Address string // "redis://redis.internal:6379", without user and password.
	Mode    string // "standalone", "sentinel" or "cluster"; empty until it is known.
	Sidecar string // The name of this process among the sidecars.

	// RoundTrip is a moving estimate of how long Redis takes to answer.
	RoundTrip time.Duration

	// Calls are the scripts that somebody waited for, Failures those of them without
	// an answer in time, Dropped what was to be sent beside calls and was not, or not
	// answered, and TimesAway how often Redis went away.
	Calls, Failures, Dropped, TimesAway uint64

	// Decided counts the calls of bots by who decided on their limits.
	Decided DecidedInfo
}

// DecidedInfo counts calls by who decided on their limits: Redis, this sidecar
// alone since Redis was away, or nobody, so that they were refused.
type DecidedInfo struct{ Redis, Local, Refused uint64 }

// SharedState tells how the state stands that sidecars share. Safe for concurrent
// use.
func (g *Gateway) SharedState() SharedStateInfo {
	s := g.shared.Load()
	if s == nil {
		return SharedStateInfo{Kind: kindMemory}
	}
	now := s.link.Status()
	return SharedStateInfo{
		Kind: kindRedis, Fail: cmp.Or(g.sharing.Fail, failLocal),
		There: now.There, Since: now.Since, Reason: now.Reason, Address: now.Address, Mode: now.Mode, Sidecar: s.sidecar,
		RoundTrip: now.RoundTrip, Calls: now.Calls, Failures: now.Failures, Dropped: now.Dropped + s.stale.Dropped(), TimesAway: now.TimesAway,
		Decided: DecidedInfo{Redis: s.decided.redis.Load(), Local: s.decided.local.Load(), Refused: s.decided.refused.Load()},
	}
}
