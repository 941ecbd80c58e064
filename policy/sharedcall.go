package policy

import (
	"time"

	"github.com/signpost-gateway/signpost/policy/breaker"
	"github.com/signpost-gateway/signpost/policy/limit"
)

// probeGrace is how much longer than its call a probe keeps its place.
const probeGrace = time.Second

// turn is what is unusual of an attempt where limits and breakers are shared.
type turn struct {
	places  []breaker.Place  // of a probe, granted with the limits
	crowded *breaker.Refusal // why the probe got none
	shut    bool             // the breaker refuses the call, so that the limits did not count it
}

// takeShared asks all limits of a call, at Redis where it is there, beside the
// places that a probe needs. A call that the breaker will refuse is not counted, not
// even for a moment: others would be refused for it.
func (c *call) takeShared(s *sharedState, now time.Time) *limit.Refusal {
	s = c.gateway.opened(s, c.patience())
	var refusal *limit.Refusal
	if c.op.breaker.Refuses(c.hostPort(), c.namedTenant()) {
		c.turn = &turn{shut: true}
		c.ticket, refusal = s.limits.Try(now, c.patience(), c.tenant, c.known, c.plan.limits, c.policy.limits, c.op.limits)
	} else {
		c.ticket, refusal = s.limits.Take(now, c.patience(), c.tenant, c.known, c.findPlaces(), c.plan.limits, c.policy.limits, c.op.limits)
	}
	c.noteDecided(s, refusal)
	c.noteWait(now)
	return c.crowd(refusal)
}

// takeAgain asks the limits that count attempts for a further one.
func (c *call) takeAgain() *limit.Refusal {
	now := time.Now()
	if c.gateway.shared.Load() == nil {
		return c.ticket.TakeShared(now)
	}
	refusal := c.ticket.Again(now, c.patience(), c.findPlaces())
	c.noteWait(now)
	return c.crowd(refusal)
}

// opened gives the shared state of a gateway that was started. Apps of a server start
// in no order, so calls may come before; they wait for a moment.
func (g *Gateway) opened(s *sharedState, patience time.Duration) *sharedState {
	select {
	case <-g.started:
		return s
	default:
	}
	timer := time.NewTimer(min(patience, startPatience))
	defer timer.Stop()
	select {
	case <-g.started:
	case <-timer.C:
	}
	return g.shared.Load()
}

// noteWait notes how long limits were asked for, where it was Redis that was asked.
func (c *call) noteWait(since time.Time) {
	if c.ticket.Decided() != limit.Here {
		c.rec.SharedWait += time.Since(since)
	}
}

// findPlaces gives the places that the next attempt has to claim beside its limits,
// nearly always none: those of a probe.
func (c *call) findPlaces() []limit.Claim {
	c.turn = nil
	places := c.op.breaker.Places(c.hostPort(), c.namedTenant(), c.left()+probeGrace)
	if places == nil {
		return nil
	}
	c.turn = &turn{places: places}
	claims := make([]limit.Claim, len(places))
	for i, p := range places {
		claims[i] = limit.Claim(p)
	}
	return claims
}

// crowd takes the refusal of a probe's place for what it is, the breaker's: the
// limits have room.
func (c *call) crowd(refusal *limit.Refusal) *limit.Refusal {
	switch {
	case refusal != nil && refusal.Claim > 0:
		c.turn = &turn{crowded: c.op.breaker.Crowded(c.hostPort(), c.namedTenant(), refusal.RetryAfter)}
		return nil
	case c.turn != nil && c.ticket.Decided() != limit.Redis:
		c.turn.places = nil // Nobody granted them.
	}
	return refusal
}

// allow asks the breaker for one attempt.
func (c *call) allow() (breaker.Permit, *breaker.Refusal) {
	if c.gateway.shared.Load() == nil {
		return c.op.breaker.Allow(c.hostPort(), c.namedTenant(), c.left()+probeGrace)
	}
	var t turn
	if c.turn != nil {
		t = *c.turn
	}
	if t.crowded != nil {
		return breaker.Permit{}, t.crowded
	}
	permit, refusal := c.op.breaker.AllowProbe(c.hostPort(), c.namedTenant(), c.left()+probeGrace, t.places)
	if t.shut && refusal == nil {
		// The breaker has changed its mind since, but the limits have not counted the call.
		permit.Done(breaker.Ignored)
		refusal = c.op.breaker.Crowded(c.hostPort(), c.namedTenant(), 0)
	}
	return permit, refusal
}

// abandon gives back what a call took that is not sent after all.
func (c *call) abandon() {
	c.ticket.Refund()
	if c.turn != nil {
		c.op.breaker.GiveBack(c.turn.places)
	}
}

// patience is how long a call waits for Redis at most: as long as it may take at all.
func (c *call) patience() time.Duration { return max(c.left(), time.Millisecond) }

// noteDecided notes who decided on the call's limits.
func (c *call) noteDecided(s *sharedState, refusal *limit.Refusal) {
	switch {
	case refusal != nil && refusal.Away:
		c.rec.Decided = decidedRefused
		s.decided.refused.Add(1)
	case c.ticket.Decided() == limit.Redis:
		c.rec.Decided = decidedRedis
		s.decided.redis.Add(1)
	case c.ticket.Decided() == limit.Local:
		c.rec.Decided = decidedLocal
		s.decided.local.Add(1)
	}
}
