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
	if !c.op.keepsStale || d.Outcome != Success || !full || !c.mayKeep() {
		return nil
	}
	return &stale.Answer{Status: d.UpstreamStatus, Header: d.end.answer.resp.Header.Clone()}
}

func (c *call) keepLastGood(a stale.Answer) {
	now := time.Now()
	a.Stored = now
	c.gateway.state.stale.Put(now, c.staleKey(), c.asked.header, a)
}

// lastGood gives the last success for the same request, nil where there is none
// that is young enough.
func (c *call) lastGood(maxAge time.Duration) *answer {
	if c.tenant == "" || !c.mayKeep() {
		return nil
	}
	kept, age, found := c.gateway.state.stale.Get(time.Now(), c.staleKey(), c.asked.header, maxAge)
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
