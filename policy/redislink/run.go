package redislink

import (
	"context"
	"errors"
	"time"

	"github.com/redis/rueidis"
)

// Run runs a script made with rueidis.NewLuaScript and waits for its answer, one
// round trip, for at most patience or Timeout, whichever is shorter; 0 is Timeout.
// All keys lie in one slot, by what stands in their braces. The slices are the
// caller's again when it returns, and what they hold must not change. While Redis
// is away the answer is ErrAway at once. Between the first hook of coming back and
// There turning true, Run already reaches Redis: who must not be early asks There.
//
// A null is an answer. Every other error turns Redis away, for all keys with the
// prefix's own tag, but for those that say nothing of it: that the context ended,
// that a patience shorter than Timeout did, that this process itself had no time to
// look, or that a thousand calls wait on one connection already. What these waited
// for may still have been done, and Redis is then asked with the whole Timeout, off
// the path.
func (l *Link) Run(ctx context.Context, patience time.Duration, script *rueidis.Lua, keys, args []string) rueidis.RedisResult {
	s := l.live.Load()
	if s == nil {
		return rueidis.NewErrorResult(ErrAway)
	}
	n := s.node(keys)
	if n == nil {
		return rueidis.NewErrorResult(ErrAway)
	}
	if err := ctx.Err(); err != nil {
		return rueidis.NewErrorResult(err)
	}
	l.counters.calls.Add(1)
	c := n.pick()
	if !c.enter() {
		l.counters.failures.Add(1)
		return rueidis.NewErrorResult(errBusy)
	}
	limit := l.o.Timeout
	if patience > 0 {
		limit = min(limit, patience)
	}
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	answer := script.Exec(waiting, c.client, keys, args)
	err := answer.Error()
	if err == nil || rueidis.IsRedisNil(err) {
		c.leave()
		l.counters.answered(time.Since(began))
		return answer
	}
	l.counters.failures.Add(1)
	switch {
	case waiting.Err() != nil && errors.Is(err, waiting.Err()):
		c.abandon()
		if ctx.Err() != nil || limit < l.o.Timeout || starved(time.Since(began), limit) {
			l.doubt(n)
			break
		}
		n.lost(reason(err, limit))
	default:
		c.leave()
		n.lost(reason(err, limit))
	}
	return answer
}

// starved tells whether a wait lasted so much longer than it should have that the
// answer may have come while the process got no time from its machine.
func starved(took, limit time.Duration) bool { return took > limit+limit/2 }

// doubt has a node examined. One examination at a time is enough, and every second
// nodes are looked at anyway.
func (l *Link) doubt(n *node) {
	select {
	case l.doubts <- n:
	default:
	}
}
