package policy

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy/breaker"
	"github.com/signpost-gateway/signpost/policy/calllog"
	"github.com/signpost-gateway/signpost/policy/limit"
)

// glimpse is what is seen of a call as it passes, for the call log. It shares the
// memory of the call.
type glimpse struct {
	body   []byte      // what the bot sent to a named call
	sent   http.Header // the last attempt's
	answer *answer     // the last one, nil where none came
	own    []byte      // the body of an answer that is made here

	fallback *fallback        // the one that held, nil where none did
	refusal  *limit.Refusal   // by a limit, nil where none refused the call
	shared   []limit.State    // the windows that all tenants share, as they stood
	inFlight []limit.InFlight // the limits on calls in flight
	cell     calllog.Cell     // of the breaker that was asked; empty where none was
	passed   []byte           // the beginning of a body that streams through
	size     int64            // of that body, as far as it passed

	// names and values are the headers that Signpost wrote.
	names, values []string

	// The bot's request, since it is the caller's again once the call is over:
	// its URL, how long its body was said to be (-1 where it was not, and 0
	// without one), and the place of its headers in packed.
	url    url.URL
	length int64
	head   place

	// Where the headers that Signpost wrote are in packed, and, where they could not
	// wait, those that came.
	mine, came place

	// packed is where the entry is put together; the headers of the bot's answer
	// stand in it first.
	packed []byte
}

// forget keeps the memory for a later call.
func (g *glimpse) forget() glimpse {
	clear(g.names)
	clear(g.shared)
	clear(g.inFlight)
	next := glimpse{names: g.names[:0], shared: g.shared[:0], inFlight: g.inFlight[:0]}
	if cap(g.packed) <= maxKeptBody {
		next.packed = g.packed[:0]
	}
	if cap(g.passed) <= maxKeptBody {
		next.passed = g.passed[:0]
	}
	return next
}

// seeLimits looks at the limits that are no tenant's windows.
func (c *call) seeLimits(now time.Time) {
	if c.recorded() != nil {
		c.glimpse.shared = c.ticket.SharedStates(now, c.glimpse.shared[:0])
		c.glimpse.inFlight = c.ticket.InFlight(c.glimpse.inFlight[:0])
	}
}

// seeCell looks at the cell of the breaker that let the first attempt pass, or not.
func (c *call) seeCell(permit *breaker.Permit, refusal *breaker.Refusal) {
	if c.rec.BreakerState == "" && refusal == nil {
		return // There is no breaker.
	}
	cell := &c.glimpse.cell
	cell.Breaker, cell.Host = c.op.breaker.Policy(), c.hostPort()
	if refusal != nil {
		cell.Held, cell.TenantOnly, cell.Since = refusal.Held, refusal.TenantOnly, refusal.Since
	}
	if cell.TenantOnly || permit.OfTenant() {
		cell.Tenant = c.tenant
	}
}

// glimpseBound is how much of a passing body is looked at, in bytes: more than is
// kept, so that a secret at its end is whole when it is overwritten, and all that
// could be kept where redact must look into it.
func (r *recording) glimpseBound() int {
	if len(r.redact) > 0 {
		return max(calllog.MaxBodies, r.settings.Bodies)
	}
	return r.settings.Bodies + maxCutSecret
}

// maxCutSecret is how long a secret may be of which nothing stays at the end of a
// body that is cut, in bytes.
const maxCutSecret = 2 << 10

// pass looks at the next bytes of an answer that streams through.
func (c *call) pass(p []byte) {
	c.glimpse.size += int64(len(p))
	r := c.recorded()
	if r == nil {
		return
	}
	if room := r.glimpseBound() - len(c.glimpse.passed); room > 0 {
		c.glimpse.passed = append(c.glimpse.passed, p[:min(room, len(p))]...)
	}
}

// seeAnswer looks at the headers of the answer that the bot gets, beside those of
// the third party, which are packed with what came back.
func (c *call) seeAnswer(resp *http.Response) {
	if c.recorded() == nil || resp == nil {
		return
	}
	g := &c.glimpse
	written := func(name string) bool { return slices.Contains(g.names, name) }
	b := g.packed[:0]
	if g.answer == nil || g.own != nil {
		b = c.packHeader(b, 0, resp.Header, written)
	}
	for i, name := range g.names {
		b, _ = calllog.AppendHeader(b, 0, name, g.values[i])
	}
	g.mine = place{end: len(b)}
	if g.answer != nil && (!c.reusable || c.info.Header == nil) {
		// Whoever reads the answer may change its header, and Signpost's own headers
		// are in it where no other place was named for them.
		from := len(b)
		if c.info.Header != nil {
			written = isOwnHeader
		}
		b = c.packHeader(b, from, g.answer.resp.Header, written)
		g.came = place{start: from, end: len(b)}
	}
	g.packed = b
}

// packHeader packs a header but for the names that are left out, and without what
// nobody is to see. from is where the head begins.
func (c *call) packHeader(b []byte, from int, header http.Header, leftOut func(name string) bool) []byte {
	for name, values := range header {
		if leftOut != nil && leftOut(name) {
			continue
		}
		hidden := isPrivateHeader(name) || c.injects(name)
		for _, value := range values {
			if hidden && value != "" {
				value = redacted
			}
			b, _ = calllog.AppendHeader(b, from, name, value)
		}
	}
	return b
}

// injects tells whether a credential of the policy goes into this header, under
// any spelling of its name.
func (c *call) injects(name string) bool {
	if c.policy == nil {
		return false
	}
	for i := range c.policy.inject {
		if header := c.policy.inject[i].header; header != "" && isSameHeader(name, header) {
			return true
		}
	}
	return false
}

// isSameHeader compares the names of headers, as servers do that take underscores
// for hyphens.
func isSameHeader(a, b string) bool {
	return len(a) == len(b) && (strings.EqualFold(a, b) || strings.Contains(a, "_") && strings.EqualFold(strings.ReplaceAll(a, "_", "-"), b))
}

// seeRequest looks at the bot's request before the caller has it again.
func (c *call) seeRequest() {
	g := &c.glimpse
	g.url = *c.req.URL
	if c.req.Body != nil && c.req.Body != http.NoBody {
		g.length = c.req.ContentLength
	}
	from := len(g.packed)
	g.packed = c.packHeader(g.packed, from, c.req.Header, nil)
	g.head = place{start: from, end: len(g.packed)}
}
