package policy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy/breaker"
	"github.com/signpost-gateway/signpost/policy/fault"
)

// send sends attempts until one is good enough or no further one is allowed.
func (c *call) send() ending {
	c.startClock()
	keep := 0
	if c.op.retry.attempts > 0 {
		keep = c.op.peek
	}
	c.upload = newUpload(c.req, keep)
	var last ending
	for n := 0; ; n++ {
		permit, refused := c.permit(n)
		if refused != nil {
			if n > 0 {
				return last
			}
			return *refused
		}
		if last.answer != nil {
			last.answer.discard()
		}
		last = c.attempt(n)
		permit.Done(c.breakerResult(last))
		if !c.again(n, last) {
			return last
		}
	}
}

// permit asks breaker and shared limits for one attempt. A first attempt that
// is kept back gives its windows back: the call was not sent.
func (c *call) permit(n int) (breaker.Permit, *ending) {
	tenant := c.tenant
	if c.info.Tenant == "" {
		tenant = ""
	}
	permit, refusal := c.op.breaker.Allow(c.policy.host, tenant, c.left()+time.Second)
	if n == 0 && !c.op.breaker.Config().Off {
		c.rec.BreakerState = permit.State().String()
		if refusal != nil {
			c.rec.BreakerState = refusal.State.String()
		}
	}
	if refusal != nil {
		if n == 0 {
			c.ticket.Refund()
		}
		reason := "The circuit breaker is open: the third party keeps failing."
		if refusal.TenantOnly {
			reason = "The circuit breaker is open for this tenant: its calls keep failing."
		}
		return breaker.Permit{}, &ending{outcome: CircuitOpen, reason: reason, retryAfter: refusal.RetryAfter}
	}
	if n > 0 {
		if over := c.ticket.TakeShared(time.Now()); over != nil {
			permit.Done(breaker.Ignored)
			return breaker.Permit{}, c.limitEnding(over)
		}
	}
	return permit, nil
}

// attempt sends one request and reads as much of the answer as mapping needs.
func (c *call) attempt(n int) ending {
	c.rec.Attempts = append(c.rec.Attempts, Attempt{Start: time.Now(), Host: c.policy.host})
	a := &c.rec.Attempts[len(c.rec.Attempts)-1]
	c.trail = &fault.Trail{}
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
	}
	a.Outcome, a.ProxyError = end.outcome, end.proxyError
	if end.answer == nil {
		a.ProxyError = end.errorToken()
	}
	return end
}

// outgoing makes the request that leaves: the bot's, less what is only for
// Signpost and what tells about the inside, plus the credentials. They stand
// on this clone alone.
func (c *call) outgoing(ctx context.Context, a *Attempt) *http.Request {
	p := c.policy
	u := *p.base
	setPath(&u, p.basePath+c.path)
	u.RawQuery, u.ForceQuery = c.req.URL.RawQuery, c.req.URL.ForceQuery
	header := c.outgoingHeader()
	for i := range c.credentials {
		if name := c.credentials[i].query; name != "" {
			u.RawQuery = withoutQuery(u.RawQuery, name)
		}
	}
	for i := range c.credentials {
		k := &c.credentials[i]
		if k.query != "" {
			u.RawQuery = withQuery(u.RawQuery, k.query, k.value.Expose())
		} else {
			header[k.header] = []string{k.value.Expose()}
		}
	}
	if p.propagate {
		c.propagate(header, a)
	}
	bare := http.Request{
		Method: c.req.Method, URL: &u, Host: u.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Trailer: c.req.Trailer,
	}
	out := bare.WithContext(ctx)
	if c.upload != nil {
		out.Body, out.ContentLength = c.upload.body(), c.req.ContentLength
	}
	return out
}

// setPath sets an escaped path, so that it leaves as it was written.
func setPath(u *url.URL, escaped string) {
	path, err := url.PathUnescape(escaped)
	if err != nil {
		path = escaped // Not reached: admission tested the path.
	}
	u.Path, u.RawPath = path, escaped
}

// staysInside tells the headers that never go out: what is for Signpost alone,
// what tells about the sidecar's own network, and what belongs to the bot's
// connection.
func staysInside(name string) bool {
	switch name {
	case "Forwarded", "Via", "Traceparent", "Tracestate", "Baggage", "X-Real-Ip":
		return true
	}
	return isHopByHop(name) || hasPrefixFold(name, ownPrefix) || hasPrefixFold(name, "X-Forwarded-")
}

// hasPrefixFold is strings.HasPrefix for ASCII of any case.
func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// outgoingHeader is the bot's header without what must not leave. The values
// are shared with it, and not changed.
func (c *call) outgoingHeader() http.Header {
	header := make(http.Header, len(c.req.Header)+len(c.credentials)+2)
	for name, values := range c.req.Header {
		if !staysInside(name) {
			header[name] = values
		}
	}
	dropNamed(header, c.req.Header["Connection"])
	keepConnection(header, c.req.Header)
	if c.info.TenantHeader != "" {
		dropHeader(header, http.CanonicalHeaderKey(c.info.TenantHeader))
	}
	for _, name := range c.op.strip {
		delete(header, name)
	}
	for i := range c.credentials {
		dropHeader(header, c.credentials[i].header)
	}
	if _, given := header["User-Agent"]; !given {
		header["User-Agent"] = nil // Otherwise net/http writes its own.
	}
	c.acceptEncoding(header)
	return header
}

// dropHeader removes a header under every spelling of its name, also that with
// underscores, which some servers take for the same.
func dropHeader(header http.Header, name string) {
	if name == "" {
		return
	}
	delete(header, name)
	if !strings.Contains(name, "-") {
		return
	}
	for other := range header {
		if strings.Contains(other, "_") && strings.EqualFold(strings.ReplaceAll(other, "_", "-"), name) {
			delete(header, other)
		}
	}
}

// acceptEncoding asks only for codings that we can undo, where the answer is
// read: identity where it is scrubbed as it streams by, gzip where the bot
// wants it and only a copy is read.
func (c *call) acceptEncoding(header http.Header) {
	switch {
	case c.scrubber != nil:
		header["Accept-Encoding"] = []string{"identity"}
	case c.op.readsJSON || c.op.readsText:
		coding := "identity"
		if acceptsGzip(header["Accept-Encoding"]) {
			coding = "gzip"
		}
		header["Accept-Encoding"] = []string{coding}
	}
}

// acceptsGzip tells whether an Accept-Encoding names gzip with a weight above 0.
func acceptsGzip(values []string) bool {
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			coding, params, _ := strings.Cut(item, ";")
			weight := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(params), "q="))
			if strings.EqualFold(strings.TrimSpace(coding), "gzip") && strings.Trim(weight, "0.") == "" == (params == "") {
				return true
			}
		}
	}
	return false
}

// fault is the ending of an attempt that brought no answer.
func (c *call) fault(err error) ending {
	switch c.over() {
	case errGone:
		return c.vanished()
	case errDeadline:
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

// idempotent are the methods that may be sent again (RFC 9110, section 9.2.2).
var idempotent = []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete, http.MethodTrace}

// again decides about a further attempt, and waits for its time.
func (c *call) again(n int, last ending) bool {
	r := &c.op.retry
	if n >= r.attempts || last.outcome == Canceled || last.outcome == BadRequest || c.over() != nil {
		return false
	}
	if !c.mayRepeat() || !c.wantsRetry(last) || !c.upload.repeatable() {
		return false
	}
	wait := backoff(r, n)
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
		return false
	}
}

// mayRepeat tells whether the request may be sent twice at all.
func (c *call) mayRepeat() bool {
	if c.op.retry.methods != nil {
		return slices.Contains(c.op.retry.methods, c.req.Method)
	}
	return slices.Contains(idempotent, c.req.Method) || c.req.Header.Get("Idempotency-Key") != ""
}

// wantsRetry tells whether the last attempt calls for another one.
func (c *call) wantsRetry(last ending) bool {
	if on := c.op.retry.on; on != nil {
		c.look(last)
		c.judge(&last)
		holds, _ := on.Holds(c.env)
		return holds
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

// backoff draws the wait before a further attempt with full jitter: anything
// from nothing to the doubled bound.
func backoff(r *retrying, n int) time.Duration {
	bound := min(r.min<<n, r.max)
	if bound <= 0 {
		return 0
	}
	return rand.N(bound)
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
