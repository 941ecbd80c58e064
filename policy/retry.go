package policy

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// idempotent are the methods that may be sent again (RFC 9110, section 9.2.2).
var idempotent = []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete, http.MethodTrace}

// again decides about a further attempt, and waits for its time. A bot that goes
// away meanwhile ends the call: last says so then.
func (c *call) again(n int, last *ending) bool {
	r := &c.op.retry
	if n >= r.attempts || last.outcome == Canceled || last.outcome == BadRequest || c.halted() != haltNone {
		return false
	}
	if !c.mayRepeat() || !c.wantsRetry(*last) || !c.upload.repeatable() {
		return false
	}
	wait := c.gateway.backOff(r, n)
	if asked := last.retryAfter; asked > wait {
		wait = asked
	}
	if wait >= c.left() {
		return false
	}
	pause := time.NewTimer(wait)
	defer pause.Stop()
	select {
	case <-pause.C:
		return true
	case <-c.ctx.Done():
		if c.halted() == haltGone {
			if last.answer != nil {
				last.answer.discard()
			}
			*last = c.vanished()
		}
		return false
	}
}

// mayRepeat tells whether the request may be sent twice at all.
func (c *call) mayRepeat() bool {
	if c.op.retry.methods != nil {
		return slices.Contains(c.op.retry.methods, c.asked.method)
	}
	return slices.Contains(idempotent, c.asked.method) || c.asked.header.Get(headerIdempotencyKey) != ""
}

// wantsRetry tells whether the last attempt calls for another one.
func (c *call) wantsRetry(last ending) bool {
	if on := c.op.retry.on; on != nil {
		c.look(last)
		c.judge(&last)
		return c.holds("retry", on)
	}
	if last.answer == nil {
		return last.outcome == Unreachable || last.outcome == Incomplete
	}
	switch last.answer.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// backOff draws the wait before a further attempt: anything from nothing to the
// doubled bound.
func (g *Gateway) backOff(r *retrying, n int) time.Duration {
	bound := min(r.min<<n, r.max)
	if bound <= 0 {
		return 0
	}
	return g.backoff(bound)
}

// retryAfter reads the header in both its forms (RFC 9110, section 10.2.3);
// 0 where there is none that can be read.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(text); err == nil && date.After(now) {
		return date.Sub(now)
	}
	return 0
}
