package policy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy/breaker"
	"github.com/signpost-gateway/signpost/policy/fault"
)

// send sends attempts until one is good enough or no further one is allowed.
func (c *call) send() ending {
	c.startClock()
	keep := 0
	if c.op.retry.attempts > 0 || c.grant() != nil {
		keep = c.op.peek
	}
	if !c.named {
		c.takeUpload(keep)
	}
	var last ending
	for n, retries := 0, 0; ; n++ {
		permit, refused := c.permit(n)
		if refused != nil {
			if n > 0 {
				return last
			}
			return *refused
		}
		if refused := c.getToken(); refused != nil {
			permit.Done(breaker.Ignored)
			c.ticket.Refund()
			return *refused // Without a token there was no attempt before.
		}
		permit.Begin() // A slow token endpoint is not the third party.
		if last.answer != nil {
			last.answer.discard()
		}
		var renewed bool
		if last, renewed = c.permitted(&permit); renewed {
			continue
		}
		if !c.again(retries, &last) {
			return last
		}
		retries++
	}
}

// takeUpload begins to read the bot's body.
func (c *call) takeUpload(keep int) {
	look := 0
	if r := c.recorded(); r != nil {
		look = r.glimpseBound()
	}
	c.upload = newUpload(c.req, keep, look)
	c.taken = c.upload != nil
}

// permitted makes an attempt and tells the breaker what came of it, whatever
// happens. A token that was refused and is renewed counts for nothing: what
// comes of the next one does.
func (c *call) permitted(permit *breaker.Permit) (end ending, renewed bool) {
	defer permit.Done(breaker.Ignored) // The first Done counts: this one only after a panic.
	end = c.attempt()
	if c.renew(end) {
		permit.Done(breaker.Ignored)
		c.rec.Attempts[len(c.rec.Attempts)-1].Renewed = true
		return end, true
	}
	permit.Done(c.breakerResult(end))
	return end, false
}

// permit asks breaker and, for a further attempt, shared limits for one attempt.
// One that is kept back gives its windows back: it was not sent.
func (c *call) permit(n int) (breaker.Permit, *ending) {
	if n > 0 && c.takeAgain() != nil {
		return breaker.Permit{}, &ending{outcome: RateLimited} // The last answer stands.
	}
	permit, refusal := c.allow()
	if n == 0 && !c.op.breaker.Config().Off {
		c.rec.BreakerState = permit.State().String()
		if refusal != nil {
			c.rec.BreakerState = refusal.State.String()
		}
	}
	if n == 0 {
		c.seeCell(&permit, refusal)
	}
	if refusal != nil {
		c.ticket.Refund()
		reason := "The circuit breaker is open: the third party keeps failing."
		switch {
		case refusal.Held:
			reason = "The circuit breaker is held open by hand."
		case refusal.TenantOnly:
			reason = "The circuit breaker is open for this tenant: its calls keep failing."
		}
		return breaker.Permit{}, &ending{outcome: CircuitOpen, reason: reason, retryAfter: refusal.RetryAfter}
	}
	return permit, nil
}

// attempt sends one request and reads as much of the answer as mapping needs.
func (c *call) attempt() ending {
	c.rec.Attempts = append(c.rec.Attempts, Attempt{Start: time.Now(), Host: c.hostPort()})
	a := &c.rec.Attempts[len(c.rec.Attempts)-1]
	cancel := c.cancel
	c.trail = &fault.Trail{Resend: func() { cancel(errResent) }}
	ctx := c.trail.Trace(c.startAttemptSpan(a))
	out := c.outgoing(ctx, a)
	resp, err := c.policy.transport.RoundTrip(out)
	a.Duration = time.Since(a.Start)
	c.rec.Upstream += a.Duration
	var end ending
	if err != nil {
		end = c.fault(err)
	} else {
		a.Status = resp.StatusCode
		end = c.receive(resp)
		c.rec.Upstream += time.Since(a.Start) - a.Duration
		a.Duration = time.Since(a.Start)
		if end.answer != nil && end.answer.read {
			c.readValues(end.answer)
		}
	}
	a.Outcome, a.ProxyError = end.outcome, end.proxyError
	if end.answer == nil {
		a.ProxyError = end.errorToken()
	}
	return end
}

// fault is the ending of an attempt that brought no answer.
func (c *call) fault(err error) ending {
	if errors.Is(context.Cause(c.ctx), errResent) {
		c.startClock()
		return ending{outcome: Incomplete, proxyError: "connection_terminated", reason: "The third party closed the connection without an answer."}
	}
	switch c.halted() {
	case haltGone:
		return c.vanished()
	case haltDeadline:
		return c.timedOut()
	}
	if bad := c.upload.failed(); bad != nil {
		return uploadEnding(bad)
	}
	token, kind := c.trail.ProxyError(err)
	switch kind {
	case fault.Denied:
		c.ticket.Refund()
		return ending{outcome: Denied, status: http.StatusBadGateway, proxyError: token,
			reason: "The third party's address is private or not allowed."}
	case fault.Unreachable:
		return ending{outcome: Unreachable, proxyError: token, reason: unreachableReason(token)}
	case fault.Timeout:
		return slowConnection(token)
	case fault.Canceled, fault.Internal:
		c.logFault("sending a call", err)
		return ending{outcome: Internal, reason: "The gateway failed to send the call."}
	default:
		return ending{outcome: Incomplete, proxyError: token, reason: "The third party's answer broke off or is not HTTP."}
	}
}

// unreachableReason says which step of connecting failed.
func unreachableReason(token string) string {
	switch {
	case strings.HasPrefix(token, "dns_"):
		return "The third party's name cannot be resolved."
	case strings.HasPrefix(token, "tls_"):
		return "No secure connection to the third party can be made."
	default:
		return "The third party cannot be connected to."
	}
}

// slowConnection is a time-out before the deadline: the transport's own, on
// connecting, or one on waiting for the answer.
func slowConnection(token string) ending {
	if token == "http_response_timeout" {
		return ending{outcome: Timeout, proxyError: token, reason: "The third party did not answer in time."}
	}
	return ending{outcome: Unreachable, proxyError: token, reason: "The third party cannot be connected to in time."}
}

// vanished is the ending of a call whose bot went away.
func (c *call) vanished() ending {
	return ending{outcome: Canceled, reason: "The bot went away."}
}

// timedOut is the ending of a call at its deadline; the token tells how far it
// had come.
func (c *call) timedOut() ending {
	token, _ := c.trail.ProxyError(context.DeadlineExceeded)
	return ending{outcome: Timeout, proxyError: token, reason: fmt.Sprintf("The third party did not answer within %s.", c.deadline)}
}

// breakerResult is what an attempt means to the breaker. A tenant's own trouble
// counts for that tenant alone.
func (c *call) breakerResult(end ending) breaker.Result {
	switch end.outcome {
	case Unreachable, Incomplete, ServerError:
		return breaker.Failure
	case Timeout:
		if c.shortened {
			return breaker.TenantFailure
		}
		return breaker.Failure
	case Canceled, Denied, Internal, BadRequest:
		return breaker.Ignored
	}
	if end.answer == nil {
		return breaker.Ignored
	}
	switch end.answer.status {
	case http.StatusUnauthorized, http.StatusTooManyRequests:
		return breaker.TenantFailure
	case http.StatusForbidden:
		return breaker.Ignored
	}
	return breaker.Success
}
