package policy

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/policy/calllog"
	"github.com/signpost-gateway/signpost/policy/extract"
	"github.com/signpost-gateway/signpost/policy/hint"
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

// glimpse is what is seen of a call as it passes, for the call log. It shares the
// memory of the call.
type glimpse struct {
	body   []byte      // what the bot sent to a named call
	sent   http.Header // the last attempt's
	answer *answer     // the last one, nil where none came
	own    []byte      // the body of an answer that is made here
	passed []byte      // the beginning of a body that streams through
	size   int64       // of that body, as far as it passed

	// names and values are the headers that Signpost wrote.
	names, values []string

	// The bot's request, since it is the caller's again once the call is over:
	// its URL, how long its body was said to be (-1 where it was not, and 0
	// without one), and the place of its headers in packed.
	url    url.URL
	length int64
	head   place

	// packed is where the entry is put together; the headers of the bot's answer
	// stand in it first.
	packed []byte
}

// forget keeps the memory for a later call.
func (g *glimpse) forget() glimpse {
	clear(g.names)
	next := glimpse{names: g.names[:0]}
	if cap(g.packed) <= maxKeptBody {
		next.packed = g.packed[:0]
	}
	if cap(g.passed) <= maxKeptBody {
		next.passed = g.passed[:0]
	}
	return next
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
	b := c.glimpse.packed[:0]
	if c.glimpse.answer == nil || c.glimpse.own != nil {
		b = c.packHeader(b, 0, resp.Header, func(name string) bool { return slices.Contains(c.glimpse.names, name) })
	}
	for i, name := range c.glimpse.names {
		b, _ = calllog.AppendHeader(b, 0, name, c.glimpse.values[i])
	}
	c.glimpse.packed = b
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

// mayWait tells whether the entry can be made later: nobody waits for it, redact
// says nothing of the spans, and the call holds little memory.
func (c *call) mayWait(r *recording) bool {
	g := &c.glimpse
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
	c.findSecrets()
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
	}
}

// maxMethod bounds a method in the log, in bytes.
const maxMethod = 32

// shownMethod gives a method for the log. A text of the bot's is copied, since it
// may be a part of a long one.
func (c *call) shownMethod(method string) string {
	if i := slices.Index(standardMethods, method); i >= 0 {
		return standardMethods[i]
	}
	return c.shownText(method, maxMethod)
}

// shownText gives a text for the log, at most bound bytes of it, without secrets
// and what is masked. It is a copy.
func (c *call) shownText(s string, bound int) string {
	if c.masks.isWhole(s) || c.masks.body != "" && c.masks.body == bounded(s) {
		return redacted
	}
	b := []byte(s[:min(len(s), bound+maxCutSecret)])
	c.scrubber.Bytes(b)
	c.masks.overwrite(b, len(b) < len(s))
	return strings.ToValidUTF8(string(b[:min(len(b), bound)]), "?")
}

// tell copies hints, variables and attempts, whose memory is the call's.
func (p *packer) tell(e *keptCall) {
	c := p.call
	r := &c.rec
	values := e.values[:0] // Of all hints together.
	e.Hints = e.hints[:0]
	for i := range r.Hints {
		h := &r.Hints[i]
		asked := calllog.Hint{Route: h.Route, Condition: h.Condition, Holds: h.Holds}
		if h.Err != nil {
			asked.Err = c.shownText(h.Err.Error(), maxAttribute)
		}
		from := len(values)
		for _, read := range h.Readings {
			values = append(values, calllog.Value{Name: read.Name, Value: c.shownValue(read)})
		}
		asked.Values = values[from:len(values):len(values)]
		e.Hints = append(e.Hints, asked)
	}
	for _, f := range r.Faults {
		e.Faults = append(e.Faults, calllog.Fault{Where: f.Where, Condition: f.Condition, Err: c.shownText(f.Err.Error(), maxAttribute)})
	}
	e.Attempts = e.attempts[:0]
	for i := range r.Attempts {
		a := &r.Attempts[i]
		e.Attempts = append(e.Attempts, calllog.Attempt{
			After: a.Start.Sub(r.Start), Duration: a.Duration, Status: a.Status, Outcome: string(a.Outcome), Host: a.Host, ProxyError: a.ProxyError,
		})
	}
	for _, d := range r.Drift {
		e.Drift = append(e.Drift, calllog.Change{Path: d.Path, Was: d.Was, Is: d.Is, Vars: append([]string{}, d.Vars...)})
	}
}

// jsonString writes a text as JSON.
func jsonString(s string) []byte {
	value, err := extract.FromAny(s)
	if err != nil {
		return []byte(`""`) // Not reached: any string can be encoded.
	}
	return value.AppendJSON(nil)
}

// shownValue is what a condition read, as it may be shown. Of lists and objects it
// tells the size.
func (c *call) shownValue(read hint.Reading) any {
	if isPrivateReading(read.Name) || c.masks.any() && isAboutContent(read.Name) && c.masks.isWhole(read.Value) {
		return redacted
	}
	switch v := read.Value.(type) {
	case nil, bool, int:
		return v
	case float64:
		if isFinite(v) {
			return v
		}
	case string:
		switch {
		case read.Name == "text" && len(c.recording().redact) > 0:
			return redacted // What is short in it would be shown.
		case !c.masks.any() && len(v) <= maxAttribute && utf8.ValidString(v) && !isOfRequest(read.Name):
			return read.Value // As it is, without a copy.
		}
		return c.shownText(v, maxAttribute)
	}
	return c.masks.text(readingText(read))
}

// isAboutContent tells the places of a condition that hold what was sent or came,
// from those that tell of the call.
func isAboutContent(name string) bool {
	for _, root := range []string{"vars", "body", "text", "path", "exists", "input", "headers", "request"} {
		if strings.HasPrefix(name, root) {
			return true
		}
	}
	return false
}

// isOfRequest tells the places of a condition that hold what the bot sent: nobody
// has looked for secrets there.
func isOfRequest(name string) bool {
	return strings.HasPrefix(name, "request") || strings.HasPrefix(name, "input")
}

// isFinite tells the numbers that JSON can write.
func isFinite(f float64) bool { return f-f == 0 }

// packer puts the texts of an entry into one piece of memory.
type packer struct {
	*call
	*recording
	buf      []byte
	scrubbed place // what has come: no secret is in it

	request, sent, received, response packed
	vars, inputs                      []place
	room                              [8]place // for the first of vars
	varsSize                          int      // of both, in bytes
	path                              int      // where it begins in the request's URL
}

// place is where a text stands in the packer's buffer, and for a variable its name.
type place struct {
	start, end int
	name       string
}

// of gives the text.
func (at place) of(whole []byte) []byte { return whole[at.start:at.end:at.end] }

// packed is a message whose texts are places in the packer's buffer.
type packed struct {
	there           bool
	method          string
	status          int
	shown           []byte // as much of the body as may be shown
	size            int64
	note            string
	cut             bool // the end of the body is not kept
	url, head, body place
	shared          place // further headers, which another message has too
}

// into takes a message out of the memory that holds it.
func (m *packed) into(message *calllog.Message, whole []byte) {
	*message = calllog.Message{
		Method: m.method, URL: strings.ToValidUTF8(string(m.url.of(whole)), "?"), Status: m.status,
		Head: m.head.of(whole), Shared: m.shared.of(whole), Body: m.body.of(whole), Size: m.size, Note: m.note, Cut: m.cut,
	}
}

// look finds out what there is of each body, and what redact finds in them.
func (p *packer) look() {
	if p.named && len(p.redact) > 0 {
		p.noteSent()
	}
	p.request = packed{there: true}
	p.response = packed{there: true, status: p.rec.Status}
	p.lookAtRequest(&p.request)
	if p.glimpse.sent != nil {
		p.sent = packed{there: true}
		if p.named {
			p.show(&p.sent, p.asked.body, int64(len(p.asked.body)), true)
		}
	}
	if p.glimpse.answer != nil {
		p.received = packed{there: true, status: p.glimpse.answer.status}
		p.lookAtAnswer(&p.received)
	}
	if p.glimpse.own != nil {
		p.lookAtOwn(&p.response)
	}
}

// lookAtRequest is what the bot sent.
func (p *packer) lookAtRequest(m *packed) {
	switch {
	case p.named && p.glimpse.body != nil:
		p.show(m, p.glimpse.body, int64(len(p.glimpse.body)), true)
	case p.upload != nil:
		passed, size, whole := p.upload.seen()
		// A transport need not read on to learn that nothing more comes.
		whole = whole || size == p.glimpse.length && size == int64(len(passed))
		p.show(m, passed, size, whole)
	case p.glimpse.length != 0:
		m.size, m.note = max(p.glimpse.length, 0), noteNotRead
	}
}

// lookAtAnswer is what came back.
func (p *packer) lookAtAnswer(m *packed) {
	switch a := p.glimpse.answer; {
	case a.status == http.StatusSwitchingProtocols:
		m.note = "The connection changed its protocol."
	case a.read && a.text != nil:
		p.hideText(a.text)
		p.show(m, a.text, int64(len(a.text)), true)
	case a.read:
		p.show(m, a.whole, int64(len(a.whole)), true)
	case p.glimpse.own == nil:
		p.show(m, p.glimpse.passed, p.glimpse.size, p.rec.Broken == "" && p.glimpse.size == int64(len(p.glimpse.passed)))
	case !p.hasNoBody(a.status):
		m.note = noteNotRead
	}
}

// lookAtOwn is an answer that is made here.
func (p *packer) lookAtOwn(m *packed) {
	own := p.glimpse.own
	if p.rec.Fallback == fallbackStale {
		p.hideText(own)
	}
	if p.envelope > 0 && p.rec.Outcome != Canceled {
		m.status, m.size = http.StatusOK, int64(len(own))
		m.shown, m.note = p.shownEnvelope(own)
		m.cut = m.note == "" && len(m.shown) > p.settings.Bodies
		return
	}
	p.show(m, own, int64(len(own)), true)
	if p.rec.Method == http.MethodHead || bodiless(p.rec.Status) {
		m.shown, m.size, m.note, m.cut = nil, 0, "", false // The bot got none of it.
	}
}

// hideText remembers how conditions show the text of a body that redact looks
// into: short values would stand in it.
func (p *packer) hideText(text []byte) {
	if len(p.redact) > 0 {
		p.masks.body = bounded(string(text[:min(len(text), maxAttribute+1)]))
	}
}

// noteNotRead says why there is no body.
const noteNotRead = "The body was not read."

// show notes what may be shown of a body.
func (p *packer) show(m *packed, body []byte, size int64, whole bool) {
	m.size = size
	m.shown, m.note = p.shownBody(body, whole)
	m.cut = m.note == "" && (int64(len(body)) < size || len(m.shown) > p.settings.Bodies)
}

// pack puts everything into the buffer, in which the headers of the bot's answer
// stand already. What came from the third party was scrubbed when it came; not so
// variables, in which escapes may have been undone.
func (p *packer) pack() {
	if p.masks.any() {
		p.maskVariables()
	}
	p.response.head = place{end: p.glimpse.head.start}
	p.scrubbed.start = len(p.buf)
	if p.received.there {
		p.received.body = p.body(p.received.shown)
		p.received.head = p.header(p.glimpse.answer.resp.Header, isOwnHeader) // Without Caddy those are there, too.
	}
	p.vars = p.room[:0]
	p.scrubbed.end = len(p.buf)
	for i := range p.rec.Vars {
		v := &p.rec.Vars[i]
		from := len(p.buf)
		p.buf = v.Value.AppendJSON(p.buf)
		p.vars = append(p.vars, p.variable(v.Name, from))
	}
	if p.glimpse.own == nil && p.received.there {
		p.response.body, p.response.size, p.response.note, p.response.cut = p.received.body, p.received.size, p.received.note, p.received.cut
		p.response.shared = p.received.head
	} else {
		p.response.body = p.body(p.response.shown)
	}
	p.request.body = p.body(p.request.shown)
	p.request.head = p.glimpse.head
	p.request.url = p.botURL()
	if p.sent.there {
		if p.named {
			p.sent.body = p.body(p.sent.shown)
		} else {
			p.sent.body, p.sent.size, p.sent.note, p.sent.cut = p.request.body, p.request.size, p.request.note, p.request.cut
		}
		p.sent.head = p.header(p.glimpse.sent, nil)
		p.sent.url = p.sentURL()
	}
	p.packInputs()
}

// header appends a header and gives its place.
func (p *packer) header(header http.Header, leftOut func(string) bool) place {
	from := len(p.buf)
	p.buf = p.packHeader(p.buf, from, header, leftOut)
	return place{start: from, end: len(p.buf)}
}

// body appends as much of a body as is kept.
func (p *packer) body(shown []byte) place {
	from := len(p.buf)
	if p.settings.Bodies > 0 {
		p.buf = append(p.buf, shown[:min(len(shown), p.settings.Bodies+maxCutSecret)]...)
	}
	return p.cut(from, p.settings.Bodies)
}

// cut cuts what was appended, and gives its place. What a secret is that goes
// beyond the end can only be told before it is cut.
func (p *packer) cut(from, bound int) place {
	if len(p.buf)-from > bound {
		p.scrubber.Bytes(p.buf[from:])
		p.masks.overwrite(p.buf[from:], true)
		p.buf = p.buf[:from+bound]
	}
	return place{start: from, end: len(p.buf)}
}

// packInputs appends the variables that the bot sent.
func (p *packer) packInputs() {
	if p.op == nil {
		return
	}
	if p.call.inputs == nil {
		for i, name := range p.op.captures[:min(len(p.op.captures), len(p.captured))] {
			from := len(p.buf)
			p.buf = append(p.buf, jsonString(p.captured[i])...)
			p.inputs = append(p.inputs, p.variable(name, from))
		}
		return
	}
	for i, name := range p.op.sends.names {
		if i < len(p.call.inputs) && p.call.inputs[i].Exists() {
			from := len(p.buf)
			p.buf = append(p.buf, p.call.inputs[i].JSON()...)
			p.inputs = append(p.inputs, p.variable(name, from))
		}
	}
}

// variable gives the place of a variable that was appended, without what redact
// found in it. Of one that is too long it only says how long it is.
func (p *packer) variable(name string, from int) place {
	if p.masks.any() {
		p.buf = append(p.buf[:from], p.masks.appendJSON(nil, p.buf[from:])...)
	}
	if size := len(p.buf) - from; size > calllog.MaxVar || p.varsSize+size > calllog.MaxVars {
		p.buf = fmt.Appendf(p.buf[:from], `"[%d bytes]"`, size)
	}
	p.varsSize += len(p.buf) - from
	return place{from, len(p.buf), name}
}

// variablesIn takes variables out of the memory that holds them. One of which a
// part was overwritten may be no JSON any more, and is not shown.
func (p *packer) variablesIn(vars []calllog.Var, whole []byte, places []place) []calllog.Var {
	for _, at := range places {
		value := at.of(whole)
		if !bytes.Equal(value, p.buf[at.start:at.end]) && !json.Valid(value) {
			value = appendRedacted(nil)
		}
		vars = append(vars, calllog.Var{Name: at.name, JSON: value})
	}
	return vars
}

// botURL appends what the bot asked for, without credentials.
func (p *packer) botURL() place {
	from, u := len(p.buf), &p.glimpse.url
	if u.IsAbs() {
		p.buf = append(append(append(p.buf, u.Scheme...), "://"...), u.Host...)
	}
	p.path = len(p.buf) - from
	return p.url(from, u.EscapedPath(), u.RawQuery)
}

// sentURL appends what was asked of the third party, without credentials.
func (p *packer) sentURL() place {
	from, u := len(p.buf), p.target()
	query := u.RawQuery
	for i := range p.credentials {
		if name := p.credentials[i].query; name != "" {
			query = withQuery(withoutQuery(query, name), name, "")
		}
	}
	u.RawQuery, u.ForceQuery, u.User = "", false, nil
	return p.url(from, u.String(), query)
}

// url appends the end of a URL, in whose query the values of private parameters
// are not shown.
func (p *packer) url(from int, path, query string) place {
	const most = calllog.MaxURL + maxCutSecret
	p.buf = append(p.buf, path[:min(len(path), most)]...)
	before := byte('?')
	for pair := range strings.SplitSeq(query, "&") {
		if query == "" || len(p.buf)-from > most {
			break
		}
		p.buf, before = append(p.buf, before), '&'
		if name, _, found := strings.Cut(pair, "="); found && p.hidesParameter(pair) {
			p.buf = append(append(append(p.buf, name[:min(len(name), most)]...), '='), redacted...)
		} else {
			p.buf = append(p.buf, pair[:min(len(pair), most)]...)
		}
	}
	return p.cut(from, calllog.MaxURL)
}

// hidesParameter tells whether the value of a query parameter is not shown. Some
// servers read several out of one that holds semicolons.
func (c *call) hidesParameter(pair string) bool {
	for part := range strings.SplitSeq(pair, ";") {
		name, _, _ := strings.Cut(part, "=")
		decoded, err := url.QueryUnescape(name)
		if err != nil || isPrivateName(decoded) {
			return true
		}
		if c.policy == nil {
			continue
		}
		for i := range c.policy.inject {
			if injected := c.policy.inject[i].query; injected != "" && injected == decoded {
				return true
			}
		}
	}
	return false
}

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
