package replay

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// performance is one recorded call on its way through a configuration.
type performance struct {
	call     *Call
	given    []Given
	started  time.Time
	attempts int
	last     *Given // what the last attempt was given
	beyond   bool   // there was an attempt that nobody made then
	guessed  bool   // something was read that is not known
	elapsed  time.Duration
	entry    *calllog.Entry
	header   http.Header // of the bot's answer
}

// ending is what a call comes to in one configuration.
type ending struct {
	verdict *Verdict
	sent    *Sent
	label   string // "store.order_status"

	// why says that nobody can tell, and unknown that it would be sent while its
	// answer was never recorded.
	why     Reason
	unknown bool
}

// slot is a gateway that plays one call at a time.
type slot struct {
	gateway *policy.Gateway
	party   *party
	tasks   chan *task // nil to close
}

// perform plays the call, and what the bot had of an earlier answer before.
func (s *slot) perform(c *Call, o *Options) ending {
	if c.Stale != nil && o.Limits != LimitsOn {
		s.answer(&performance{call: c, given: []Given{*c.Stale}}, "", o)
		time.Sleep(c.Age)
	}
	suppose := c.Suppose
	if o.Limits == LimitsRecorded && c.Was != nil && len(c.Given) == 0 {
		switch c.Was.Outcome {
		case policy.RateLimited, policy.Overloaded, policy.CircuitOpen:
			suppose = c.Was.Outcome
		}
	}
	p := &performance{call: c, given: c.Given}
	if why := s.answer(p, suppose, o); why != "" {
		return ending{why: why}
	}
	return p.ending(o)
}

// answer lets the gateway answer.
func (s *slot) answer(p *performance, suppose policy.Outcome, o *Options) Reason {
	c := p.call
	info := policy.Call{
		Policy: c.Policy, Operation: c.Operation, Path: c.Path, Tenant: c.Tenant, TenantHeader: o.TenantHeader,
		Suppose: suppose, OneReader: true,
		Kept: func(e *calllog.Entry) { p.entry = e },
	}
	if c.URL != nil {
		if name, rest := s.gateway.Locate(c.URL); name != "" {
			info.Policy, info.Operation, info.Path, info.Host = name, "", rest, c.URL.Host
		} else if c.Was == nil {
			return WhyNobody
		}
	}
	if o.Policy != "" && info.Policy != o.Policy {
		return WhyOther
	}
	s.party.now = p
	p.started = time.Now()
	resp := s.gateway.Answer(c.request(&info), &info)
	p.elapsed = time.Since(p.started)
	p.header = resp.Header
	if p.last == nil || !p.last.Cut {
		// A streamed answer is only kept for a fallback once it was read.
		_, _ = io.Copy(io.Discard, resp.Body)
	}
	_ = resp.Body.Close()
	return ""
}

// request is what the bot sent.
func (c *Call) request(info *policy.Call) *http.Request {
	u := c.URL
	if u == nil {
		raw := "/" + info.Policy + info.Path
		if info.Operation != "" {
			raw = "/call/" + info.Policy + "/" + info.Operation
		}
		u = &url.URL{Path: raw, RawQuery: c.Query}
		if path, err := url.PathUnescape(raw); err == nil { // Else the engine refuses it.
			u.Path, u.RawPath = path, raw
		}
	}
	req := &http.Request{
		Method: c.Method, URL: u, Header: c.Header.Clone(), Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if len(c.Body) > 0 {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(c.Body)), int64(len(c.Body))
	}
	return req
}

// ending tells what the call came to, unless that rests on what is not known.
func (p *performance) ending(o *Options) ending {
	e, c := p.entry, p.call
	end := ending{verdict: &Verdict{
		Outcome: policy.Outcome(e.Outcome), Route: e.Route, Next: e.Next, Status: e.Status, Fallback: e.Fallback,
	}}
	end.label = e.Policy
	if e.Operation != "" {
		end.label += "." + e.Operation
	}
	if c.Was != nil && c.Was.InHeaders && o.Before == nil {
		end.verdict.Vars, end.verdict.Omitted = varsIn(p.header)
	} else {
		end.verdict.Vars = make(map[string]string, len(e.Vars))
		for _, v := range e.Vars {
			end.verdict.Vars[v.Name] = string(v.JSON)
		}
	}
	if e.Sent != nil {
		end.sent = &Sent{Method: e.Sent.Method, URL: e.Sent.URL, Body: e.Sent.Body, Partly: e.Sent.Cut || e.Sent.Note != "" || c.Unread}
	}
	end.why, end.unknown = p.doubts()
	return end
}

// doubts tells whether the verdict rests on what is not known.
func (p *performance) doubts() (why Reason, unknown bool) {
	c, outcome := p.call, policy.Outcome(p.entry.Outcome)
	if c.Operation != "" && c.Unread && outcome != policy.Denied && outcome != policy.NotFound {
		return WhyInput, false
	}
	if c.Redacted && p.readRedacted() {
		return WhyRedacted, false
	}
	g := p.last
	switch {
	case p.beyond:
		return "", true
	case g == nil:
		return "", false
	case g.Endless:
		return "", p.elapsed > g.Start+g.Duration+slack
	case g.Outcome == policy.Incomplete:
		return "", outcome.Answered() // Nothing reads the body any more, so that it is passed on as far as it came.
	case p.guessed && g.Header == nil:
		return "", true // Another attempt followed it then, whose answer was kept.
	case p.guessed:
		return cmp.Or(g.why, WhyCut), false
	}
	return "", false
}

// slack is how much later than recorded a deadline may pass and still be the same:
// a busy machine takes its time to notice.
const slack = 50 * time.Millisecond

// readRedacted tells whether a condition read what was redacted.
func (p *performance) readRedacted() bool {
	for i := range p.entry.Hints {
		for _, v := range p.entry.Hints[i].Values {
			if text, is := v.Value.(string); is && strings.Contains(text, redacted) {
				return true
			}
		}
	}
	return false
}
