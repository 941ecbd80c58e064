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
// A null is an answer. Every other error turns Redis away, but for those that say
// nothing of it: that the context ended, that a patience shorter than Timeout did,
// that this process itself had no time to look, or that hundreds of calls wait on one
// connection already. What these waited for may still have been done, and Redis is
// then asked with the whole Timeout, off the path. In a Cluster, errors on keys
// without the prefix's own tag say nothing either; while their node is connected
// again, such a call may wait for Timeout where its patience is shorter.
func (l *Link) Run(ctx context.Context, patience time.Duration, script *rueidis.Lua, keys, args []string) rueidis.RedisResult {
	s := l.live.Load()
	if s == nil {
		return rueidis.NewErrorResult(ErrAway)
	}
	if err := ctx.Err(); err != nil {
		return rueidis.NewErrorResult(err)
	}
	l.counters.calls.Add(1)
	n := s.lane(keys)
	if !n.enter() {
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
	answer := script.Exec(waiting, n.client, keys, args)
	err := answer.Error()
	if err == nil || rueidis.IsRedisNil(err) {
		n.leave()
		l.counters.answered(time.Since(began))
		return answer
	}
	l.counters.failures.Add(1)
	unanswered := waiting.Err() != nil && errors.Is(err, waiting.Err())
	if unanswered {
		n.abandon()
	} else {
		n.leave()
	}
	switch {
	case !s.decides(keys):
	case unanswered && (ctx.Err() != nil || limit < l.o.Timeout || starved(time.Since(began), limit)):
		s.doubt()
	default:
		s.fail(reason(err, limit))
	}
	return answer
}

// starved tells whether a wait lasted so much longer than it should have that the
// answer may have come while the process got no time from its machine.
func starved(took, limit time.Duration) bool { return took > limit+limit/2 }
