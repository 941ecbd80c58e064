package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/signpost-gateway/signpost/policy/calllog"
)

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
	p.response.head = p.glimpse.mine
	p.scrubbed.start = len(p.buf)
	if p.received.there {
		p.received.body = p.body(p.received.shown)
		p.received.head = p.glimpse.came
		if p.received.head == (place{}) {
			p.received.head = p.header(p.glimpse.answer.resp.Header, isOwnHeader)
		}
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
	if p.masks.any() && len(p.buf)-from <= calllog.MaxVar { // It is not shown otherwise.
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
		if err != nil || IsPrivateName(decoded) {
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
