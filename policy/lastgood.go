package policy

import (
	"crypto/sha256"
	"net/http"
	"time"

	"github.com/signpost-gateway/signpost/policy/stale"
)

// mayKeep tells whether answers of this call are kept at all.
func (c *call) mayKeep() bool {
	if c.asked.method != http.MethodGet && c.asked.method != http.MethodHead {
		return false
	}
	if len(c.asked.body) > 0 || !c.named && c.req.Body != nil && c.req.Body != http.NoBody {
		return false // What the body asks for is not in the key.
	}
	return c.namedTenant() != "" || c.policy.injectsSecret
}

// staleKey is what a stale answer is kept under.
func (c *call) staleKey() stale.Key {
	u := c.target()
	return stale.Key{
		Tenant: c.tenant, Policy: c.policy.name, Operation: c.rec.Operation, Method: c.asked.method,
		URL: u.String(), Credentials: c.credentialsHash(),
	}
}

// credentialsHash tells callers apart by the credentials that they sent. Those of
// a named call may stand in any header that it fills.
func (c *call) credentialsHash() [sha256.Size]byte {
	if c.named {
		return stale.HashHeader(c.asked.header)
	}
	return stale.HashCredentials(c.req.Header)
}

// toKeep gives the answer to keep for later fallbacks, nil where none is.
func (c *call) toKeep(d *decision) *stale.Answer {
	full := d.UpstreamStatus >= 200 && d.UpstreamStatus <= 299 && d.UpstreamStatus != http.StatusPartialContent
	if c.op.keepStale == 0 || d.Outcome != Success || !full || !c.mayKeep() {
		return nil
	}
	return &stale.Answer{Status: d.UpstreamStatus, Header: d.end.answer.resp.Header.Clone()}
}

func (c *call) keepLastGood(a stale.Answer) {
	now := time.Now()
	a.Stored = now
	if s := c.gateway.shared.Load(); s != nil {
		s.stale.Put(now, c.staleKey(), c.asked.header, a, c.op.keepStale)
		return
	}
	c.gateway.state.stale.Put(now, c.staleKey(), c.asked.header, a)
}

// findGood looks for the last success, also at Redis where there is time for it.
func (c *call) findGood(maxAge time.Duration) (stale.Answer, time.Duration, bool) {
	now := time.Now()
	s, patience := c.gateway.shared.Load(), min(c.reserve(), c.left())
	if s == nil || patience <= 0 {
		return c.gateway.state.stale.Get(now, c.staleKey(), c.asked.header, maxAge)
	}
	defer func() { c.rec.SharedWait += time.Since(now) }()
	return s.stale.Get(now, patience, c.staleKey(), c.asked.header, maxAge)
}

// reserve is how much of the deadline is kept from the attempts, so that a stale
// answer can be asked of Redis in time when they fail: as long as Redis may take, but
// at most an eighth of the deadline.
func (c *call) reserve() time.Duration {
	s := c.gateway.shared.Load()
	if s == nil || c.op.keepStale == 0 || !s.link.There() || !c.mayKeep() {
		return 0
	}
	return min(s.link.Timeout(), c.deadline/8)
}

// lastGood gives the last success for the same request, nil where there is none
// that is young enough.
func (c *call) lastGood(maxAge time.Duration) *answer {
	if c.tenant == "" || !c.mayKeep() {
		return nil
	}
	kept, age, found := c.findGood(maxAge)
	if !found {
		return nil
	}
	c.rec.FallbackAge = age
	a := &answer{
		resp:   &http.Response{StatusCode: kept.Status, Header: kept.Header},
		status: kept.Status, whole: kept.Body, read: true,
	}
	c.readValues(a)
	return a
}
