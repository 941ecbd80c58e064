package policy

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"github.com/signpost-gateway/signpost/policy/calllog"
	"github.com/signpost-gateway/signpost/policy/extract"
)

// recording says what the call log keeps of a policy's calls, compiled.
type recording struct {
	log      *calllog.Log
	settings calllog.Settings
	redact   []*extract.Path
}

// logName is the name of the log of calls that no policy answers.
const logName = ""

// recorded is what is to be kept of this call; nil where nobody keeps anything.
func (c *call) recorded() *recording {
	r := c.recording()
	if r.settings.Calls == 0 && c.info.Kept == nil && len(r.redact) == 0 { // Spans are redacted, too.
		return nil
	}
	if c.info.Kept != nil && c.info.KeptBodies > r.settings.Bodies {
		wider := *r
		wider.settings.Bodies = c.info.KeptBodies
		return &wider
	}
	return r
}

// recording is what the policy's log keeps.
func (c *call) recording() *recording {
	if c.policy != nil {
		return &c.policy.recording
	}
	return &c.gateway.unaddressed
}

// mayWait tells whether the entry can be made later: nobody waits for it, redact
// says nothing of the spans, and the call holds little memory.
func (c *call) mayWait(r *recording) bool {
	g := &c.glimpse
	if a := g.answer; a != nil && (len(a.text) > maxKeptBody || a.why != "" && !a.read) || c.upload.holdsMuch() {
		return false
	}
	return c.reusable && c.info.Kept == nil && len(r.redact) == 0 &&
		cap(c.peeked) <= maxKeptBody && cap(g.passed) <= maxKeptBody && len(g.own) <= maxKeptBody && len(g.body) <= maxKeptBody
}

// Entry makes the entry of a call that waited in the log, which has been used for
// that then.
func (c *call) Entry() *calllog.Entry {
	e := c.entry(c.recording())
	c.recycle()
	return e
}

// Forget gives up a call that waited in the log.
func (c *call) Forget() { c.recycle() }

// entry is what the call log keeps of the call; nil where it keeps nothing. A fault
// of our own in it is nothing to the bot.
func (c *call) entry(r *recording) (e *calllog.Entry) {
	defer func() {
		if fault := recover(); fault != nil {
			e, c.masks.all = nil, true
			c.logFault("keeping a call", fmt.Errorf("panic: %v", fault))
		}
	}()
	p := packer{call: c, recording: r, buf: c.glimpse.packed}
	p.look()
	if r.settings.Calls == 0 && c.info.Kept == nil {
		return nil // It was for the spans, which come next.
	}
	kept := new(keptCall)
	e = &kept.Entry
	c.verdictEntry(e)
	p.request.method, p.sent.method = e.Method, c.shownMethod(c.asked.method)
	p.pack()
	whole := bytes.Clone(p.buf)
	c.scrubber.Bytes(whole[:p.scrubbed.start])
	c.scrubber.Bytes(whole[p.scrubbed.end:])
	c.masks.overwrite(whole, false)
	c.glimpse.packed = p.buf
	p.request.into(&e.Request, whole)
	p.response.into(&e.Response, whole)
	if p.sent.there {
		e.Sent = &kept.sent
		p.sent.into(e.Sent, whole)
	}
	if p.received.there {
		e.Received = &kept.received
		p.received.into(e.Received, whole)
	}
	e.Vars, e.Inputs = p.variablesIn(kept.vars[:0], whole, p.vars), p.variablesIn(kept.inputs[:0], whole, p.inputs)
	from := min(p.path, len(e.Request.URL))
	e.Path = e.Request.URL[from:min(from+len(c.glimpse.url.EscapedPath()), len(e.Request.URL))]
	p.tell(kept)
	if c.masks.all {
		hideAll(e)
	}
	return e
}

// keptCall is an entry with what it points to, as much of it as most calls have,
// in one piece of memory.
type keptCall struct {
	calllog.Entry
	sent, received calllog.Message
	hints          [4]calllog.Hint
	values         [6]calllog.Value
	attempts       [1]calllog.Attempt
	limits         [2]calllog.Limit
	cell           calllog.Cell
	vars           [6]calllog.Var
	inputs         [2]calllog.Var
}

// findSecrets reads the secrets of a call that was refused before it got any: the
// bot may have sent one all the same.
func (c *call) findSecrets() {
	if c.scrubber != nil || c.policy == nil || !c.policy.injectsSecret {
		return
	}
	for i := range c.policy.inject {
		for _, ref := range c.policy.inject[i].refs() {
			if value, err := c.gateway.secrets.Resolve(ref, c.namedTenant()); err == nil {
				c.secrets = append(c.secrets, value)
			}
		}
	}
	c.scrubber = c.gateway.state.scrubbers.For(c.secrets)
}

// hideAll leaves of a call only what nobody outside has said.
func hideAll(e *calllog.Entry) {
	e.Path = redacted
	for _, m := range []*calllog.Message{&e.Request, &e.Response, e.Sent, e.Received} {
		if m != nil {
			*m = calllog.Message{Method: m.Method, Status: m.Status, Size: m.Size, Note: noteTooMuch}
		}
	}
	e.Request.URL = redacted
	if e.Sent != nil {
		e.Sent.URL = redacted
	}
}

// verdictEntry renders what the record says in words and numbers.
func (c *call) verdictEntry(e *calllog.Entry) {
	r := &c.rec
	span, trace := r.Trace.SpanID(), r.Trace.TraceID()
	var digits [2 * (len(span) + len(trace))]byte
	hex.Encode(digits[:], span[:])
	hex.Encode(digits[2*len(span):], trace[:])
	ids := string(digits[:])
	*e = calllog.Entry{
		ID: ids[:2*len(span)], TraceID: ids[2*len(span):],
		Time: r.Start, Duration: r.Duration, Upstream: r.Upstream,
		Policy: r.Policy, Operation: r.Operation, Tenant: r.Tenant, Plan: r.Plan,
		Method:  c.shownMethod(r.Method),
		Outcome: string(r.Outcome), Route: r.Route, RouteBy: r.RouteBy, Next: r.Next, Reason: r.Reason,
		ProxyError: r.ProxyError, Fallback: r.Fallback, Status: r.Status, UpstreamStatus: r.UpstreamStatus, Failed: r.Failed(),
		Breaker: r.BreakerState, Limit: r.LimitHit, Broken: r.Broken,
		Deadline: c.deadline, RetryAfter: r.RetryAfter, FallbackAge: r.FallbackAge,
		Decided: r.Decided, SharedWait: r.SharedWait,
	}
	if r.Outcome == Rejected {
		e.Success = c.op.success.String()
	}
	if c.glimpse.fallback != nil {
		e.FallbackRule = c.op.heldBranch(c.glimpse.fallback).Text
	}
}

// maxMethod bounds a method in the log, in bytes.
const maxMethod = 32

// keepEntry puts the call into the log.
func (c *call) keepEntry(e *calllog.Entry) {
	if e == nil {
		return
	}
	logged := e
	r := c.recording()
	if c.info.KeptBodies > r.settings.Bodies {
		logged = e.Cut(r.settings.Bodies)
	}
	r.log.Put(logged, r.settings.Redact)
	if c.info.Kept != nil {
		c.info.Kept(e)
	}
}

// CallLogs gives the call logs of all policies. It is safe for concurrent use.
func (s *State) CallLogs() *calllog.Logs { return s.logs }
