package policy

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy/extract"
)

// Bounds of an envelope, in bytes of its JSON text.
const (
	// MinEnvelope is the least that `reply envelope <size>` may say.
	MinEnvelope Size = 1 << 10
	// MaxEnvelope is the most that it may say, and the default.
	MaxEnvelope Size = 64 << 10
)

// envelopeFrame bounds what of an envelope is always there, less the label of
// what was called: names and punctuation 190 bytes, a reason 514, a route 64,
// the rest 110.
const envelopeFrame = 896

// The forms of an answer, as `reply` and Signpost-Reply name them.
const (
	replyHeaders  = "headers"
	replyEnvelope = "envelope"
)

// replying says in which form a call is answered that does not ask for one.
type replying struct {
	as   string
	size int // bounds an envelope, in bytes
}

// askedReply is the form of answer that a request asks for, empty where it asks
// for none. It is not known where it is no form, or two different ones.
func askedReply(header http.Header) (form string, known bool) {
	for i, value := range header[headerReply] {
		value = strings.ToLower(value)
		if value != replyHeaders && value != replyEnvelope || i > 0 && value != form {
			return "", false
		}
		form = value
	}
	return form, true
}

// envelopeBound is how large the call's envelope may be in bytes, 0 where it is
// answered by headers. It counts for refusals too, also where no policy is
// known. A CONNECT never has an envelope: its client would take a 200 for an
// open tunnel (RFC 9110, section 9.3.6).
func (c *call) envelopeBound() int {
	as, size := replyHeaders, int(MaxEnvelope)
	if c.op != nil {
		as, size = c.op.reply.as, c.op.reply.size
	}
	if asked, known := askedReply(c.req.Header); known && asked != "" {
		as = asked
	}
	if as == replyHeaders || c.req.Method == http.MethodConnect {
		return 0
	}
	return size
}

// enveloped tells whether the answer is an envelope. Streams of events and
// changed protocols have no end at which one could be made, and after a canceled
// call nobody reads one.
func (c *call) enveloped(d *decision) bool {
	if c.envelope == 0 || d.Outcome == Canceled {
		return false
	}
	a := d.end.answer
	endless := a != nil && (a.status == http.StatusSwitchingProtocols || isEventStream(a.resp.Header))
	return !endless || d.Fallback != ""
}

// wrap answers with an envelope, whose status is always 200: many builders of
// bots read only a JSON body, and drop what is not a 2xx. It renders the
// decision and decides nothing.
func (c *call) wrap(d *decision) *http.Response {
	c.keepWrapped(d)
	header := wrappedHeader(d)
	header["Content-Type"] = []string{"application/json"}
	header["Cache-Control"] = []string{"no-store"} // The decision is for this call alone.
	if c.req.Method != http.MethodHead {
		return c.fixed(http.StatusOK, header, c.envelopeText(d))
	}
	resp := c.fixed(http.StatusOK, header, nil)
	delete(header, "Content-Length") // How long a GET's would be is not known.
	return resp
}

// keepWrapped keeps a good answer for later fallbacks, where all of it is known.
func (c *call) keepWrapped(d *decision) {
	a := d.end.answer
	if a == nil || d.Fallback != "" || !a.read && !c.hasNoBody(a.status) {
		return
	}
	if keep := c.toKeep(d); keep != nil {
		keep.Body = a.whole
		c.keepLastGood(*keep)
	}
}

// hasNoBody tells the answers that were not read because there is nothing to
// read (RFC 9110, sections 9.3.2, 15.3.5, 15.3.6 and 15.4.5).
func (c *call) hasNoBody(status int) bool {
	return bodiless(status) || status == http.StatusResetContent || c.asked.method == http.MethodHead
}

// wrappedHeader is the header of the answer that the envelope holds, less what
// describes a body of its own, and Retry-After: some clients sleep on that past
// their own timeout. Location and cookies stay, as they do without an envelope.
func wrappedHeader(d *decision) http.Header {
	var inner http.Header
	switch {
	case d.stale != nil:
		inner = d.stale.resp.Header
	case d.fallback != nil:
	case d.end.answer != nil:
		inner = d.end.answer.resp.Header
	default:
		inner = allowed(&d.end)
	}
	header := make(http.Header, len(inner)+16)
	for name, values := range inner {
		if !describesBody(name) && name != headerRetryAfter && (name != "Age" || d.stale != nil) {
			header[name] = values
		}
	}
	return header
}

// describesBody tells the headers, in canonical form, that speak of the bytes of
// a body or of how long they may be stored (RFC 9110, section 8; RFC 9111,
// section 5; RFC 9530).
func describesBody(name string) bool {
	switch name {
	case "Etag", "Last-Modified", "Accept-Ranges", "Digest", "Repr-Digest", "Cache-Control", "Expires", "Pragma":
		return true
	}
	return strings.HasPrefix(name, "Content-")
}

// envelopeText renders the decision as JSON, at most c.envelope bytes of it. What
// does not fit is left out whole and named: first the data, then the variables.
// Without them it always fits, by envelopeFrame.
func (c *call) envelopeText(d *decision) []byte {
	vars := c.varsJSON()
	data, missing := c.data(d)
	var omitted []string
	if missing {
		omitted = append(omitted, "data")
	}
	text := c.frame(vars, data, omitted)
	if len(text) > c.envelope && data != nil {
		omitted = append(omitted, "data")
		text = c.frame(vars, nil, omitted)
	}
	if len(text) > c.envelope {
		text = c.frame(nil, nil, append(omitted, "vars"))
	}
	return text
}

// frame puts an envelope together. Routes, labels and trace ids hold nothing
// that JSON would escape. data and vars are JSON, nil for null and for none.
func (c *call) frame(vars, data []byte, omitted []string) []byte {
	r := &c.rec
	b := make([]byte, 0, envelopeFrame+len(vars)+len(data))
	b = strconv.AppendBool(append(b, `{"ok":`...), r.Outcome == Success)
	b = append(append(b, `,"route":"`...), r.Route...)
	b = append(append(b, `","next":"`...), r.Next...)
	b = append(append(b, `","outcome":"`...), r.Outcome...)
	b = strconv.AppendInt(append(b, `","status":`...), int64(r.Status), 10)
	b = append(append(append(b, `,"vars":{`...), vars...), '}')
	b = orNull(append(b, `,"data":`...), data)
	b = appendFailure(append(b, `,"error":`...), r)
	b = append(b, `,"policy":"`...)
	if c.op != nil {
		b = append(b, c.op.label...)
	}
	b = strconv.AppendInt(append(b, `","attempts":`...), int64(len(r.Attempts)), 10)
	b = strconv.AppendInt(append(b, `,"latency_ms":`...), time.Since(r.Start).Milliseconds(), 10)
	b = append(append(append(b, `,"trace_id":"`...), r.Trace.TraceID().String()...), '"')
	if len(omitted) > 0 {
		b = append(append(append(b, `,"omitted":["`...), strings.Join(omitted, `","`)...), `"]`...)
	}
	return append(b, '}', '\n')
}

// orNull appends JSON, null where there is none.
func orNull(dst, json []byte) []byte {
	if json == nil {
		return append(dst, "null"...)
	}
	return append(dst, json...)
}

// appendFailure is the member error: null after a success, else the outcome with
// the reason as Signpost-Reason has it and, where that is known, in how many
// seconds to come back.
func appendFailure(b []byte, r *Record) []byte {
	if r.Outcome == Success {
		return append(b, "null"...)
	}
	b = append(append(b, `{"code":"`...), r.Outcome...)
	// A structured field's string is a JSON string too: it is printable ASCII.
	b = append(append(b, `","message":`...), quoted(r.Reason)...)
	if r.RetryAfter > 0 {
		b = strconv.AppendInt(append(b, `,"retry_after":`...), wholeSeconds(r.RetryAfter), 10)
	}
	return append(b, '}')
}

// varsJSON is the members of vars: every variable, also those that are too large
// for a header.
func (c *call) varsJSON() []byte {
	if c.op == nil {
		return nil
	}
	var b []byte
	for i := range c.rec.Vars {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), c.rec.Vars[i].Name...), `":`...)
		b = c.rec.Vars[i].Value.AppendJSON(b)
	}
	return b
}

// data is the body that would be sent without an envelope, as JSON; nil where
// there is none. missing tells that there is one which is not at hand, or that
// no envelope could hold.
func (c *call) data(d *decision) (json []byte, missing bool) {
	switch {
	case d.stale != nil:
		return c.dataOf(d.stale)
	case d.fallback != nil:
		body := c.fill(d.fallback)
		a := answer{whole: body, read: true, text: body}
		if _, err := anyJSON.Read(body, nil); err == nil {
			a.doc = body
		}
		return c.dataOf(&a)
	case d.end.answer != nil:
		return c.dataOf(d.end.answer)
	}
	return nil, false // The members of a problem are all in the envelope.
}

// anyJSON tests documents and reads nothing of them.
var anyJSON = extract.NewReader(nil)

// dataOf is the body of an answer: JSON as it came, and anything else, however
// it is labelled, as a string, in which what is not UTF-8 is U+FFFD.
func (c *call) dataOf(a *answer) (json []byte, missing bool) {
	switch {
	case !a.read:
		return nil, !c.hasNoBody(a.status)
	case len(a.whole) == 0:
		return nil, false
	case a.text == nil || len(a.text) > c.envelope:
		return nil, true
	case len(a.text) == 0: // What gzip makes of nothing is something.
		return nil, false
	case a.doc != nil:
		return bytes.TrimSpace(a.doc), false
	}
	text, err := extract.FromAny(string(a.text))
	if err != nil {
		return nil, true // Not reached: any string can be encoded.
	}
	return text.AppendJSON(nil), false
}
