package policy

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What Signpost-Next says.
const (
	nextContinue = "continue"
	nextStop     = "stop"
)

// Who named the route of a call.
const (
	// RouteByOutcome means that nobody did: it is the outcome's default.
	RouteByOutcome = "outcome"
	// RouteByHint means that a hint held.
	RouteByHint = "hint"
	// RouteByOtherwise means that no hint held and `otherwise` is written.
	RouteByOtherwise = "otherwise"
	// RouteByFallback means that a fallback overrode it.
	RouteByFallback = "fallback"
)

// What Signpost-Fallback says.
const (
	fallbackStale  = "stale"
	fallbackStatic = "static"
)

// Verdict is the decision on one call. It is made in one place, decide, and
// headers, problem, span, metric and log are renderings of it.
type Verdict struct {
	// Outcome is what became of the call.
	Outcome Outcome

	// Status is what the bot gets: the third party's, our own, or that of a
	// fallback.
	Status int

	// UpstreamStatus is the third party's last answer, 0 where there was none.
	UpstreamStatus int

	// Route is the branch to take, and RouteBy tells who named it.
	Route, RouteBy string

	// HintNamed tells that a hint named the route, whoever overrode it.
	HintNamed bool

	// Next is "continue" or "stop".
	Next string

	// Reason is a short sentence for people, empty on success.
	Reason string

	// ProxyError is the RFC 9209 token of an answer that the third party did
	// not give, else empty.
	ProxyError string

	// Fallback is "stale" or "static" where that is what the body is.
	Fallback string

	// RetryAfter is when it makes sense to come back, 0 where nobody knows.
	RetryAfter time.Duration
}

// PassedOn tells whether the bot gets the third party's own answer.
func (v *Verdict) PassedOn() bool { return v.UpstreamStatus != 0 && v.Fallback == "" }

// Failed tells whether the call counts as failed in logs, alerts and sampling:
// every outcome but success, canceled, rate_limited, bad_request, not_found,
// and a client_error whose route a hint named.
func (v *Verdict) Failed() bool {
	switch v.Outcome {
	case Success, Canceled, RateLimited, BadRequest, NotFound:
		return false
	case ClientError:
		return !v.HintNamed
	default:
		return true
	}
}

// decision is a verdict with what the body of the answer is made of: the stale
// answer, the fallback, or else the ending itself.
type decision struct {
	Verdict
	end      ending
	stale    *answer
	fallback *fallback // where it answers
	used     *fallback // which held, if it answers or not
}

// decide makes the verdict. The outcome is settled first, then whether a
// fallback answers, then the route, then what the bot should do next.
func (c *call) decide(end ending) decision {
	c.look(end)
	if c.op != nil {
		c.judge(&end)
		c.compareStructure(&end)
	}
	d := decision{end: end}
	d.Outcome, d.Reason = end.outcome, end.reason
	d.settleStatus(end)
	if c.op != nil {
		d.used = c.settleFallback(&d)
	}
	named := c.settleRoute(&d, d.used)
	c.settleNext(&d, d.used, named)
	return d
}

// settleStatus takes status and reason from the third party's answer, or from
// the outcome.
func (d *decision) settleStatus(end ending) {
	d.RetryAfter = end.retryAfter
	if end.answer != nil {
		d.Status, d.UpstreamStatus = end.answer.status, end.answer.status
		if d.Reason == "" && d.Outcome != Success {
			d.Reason = strings.TrimRight(fmt.Sprintf("The third party answered %d %s", d.Status, http.StatusText(d.Status)), " ") + "."
		}
		return
	}
	d.Status, d.ProxyError = end.statusCode(), end.errorToken()
}

// statusCode is the status of an answer of our own.
func (e *ending) statusCode() int {
	if e.status != 0 {
		return e.status
	}
	return outcomes[e.outcome].status
}

// errorToken is the RFC 9209 error of an answer of our own.
func (e *ending) errorToken() string {
	if e.proxyError != "" {
		return e.proxyError
	}
	return outcomes[e.outcome].proxyError
}

// settleFallback finds the fallback that holds, and what it answers with.
func (c *call) settleFallback(d *decision) *fallback {
	if d.Outcome == Canceled {
		return nil
	}
	f := c.pickFallback(d.Outcome)
	if f == nil {
		return nil
	}
	if f.stale > 0 {
		d.stale = c.lastGood(f.stale)
	}
	switch {
	case d.stale != nil:
		d.Fallback, d.Status = fallbackStale, d.stale.status
		c.readFrom(d.stale)
		c.env.Forget()
	case f.respond:
		d.Fallback, d.Status, d.fallback = fallbackStatic, f.status, f
	}
	return f
}

// settleRoute lets hints, `otherwise` and the outcome name the route, in this
// order; a fallback overrides them. named tells that a hint or `otherwise` did.
func (c *call) settleRoute(d *decision, used *fallback) (named bool) {
	d.Route, d.RouteBy = d.Outcome.DefaultRoute(), RouteByOutcome
	if c.op != nil && d.Outcome != Canceled {
		if route, named := c.askHints(); named {
			d.Route, d.RouteBy, d.HintNamed = route, RouteByHint, true
		} else if c.op.otherwise != "" {
			d.Route, d.RouteBy = c.op.otherwise, RouteByOtherwise
		}
	}
	named = d.RouteBy != RouteByOutcome
	if used != nil && used.route != "" {
		d.Route, d.RouteBy = used.route, RouteByFallback
	}
	return named
}

// settleNext says continue where somebody planned for this: the call succeeded,
// its route was named by a hint or `otherwise`, or a fallback answered.
func (c *call) settleNext(d *decision, used *fallback, named bool) {
	switch {
	case used != nil && used.next != "":
		d.Next = used.next
	case d.Outcome == Success, named, d.Fallback != "":
		d.Next = nextContinue
	case c.op != nil:
		d.Next = c.op.next
	default:
		d.Next = nextStop
	}
}
