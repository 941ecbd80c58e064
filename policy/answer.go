package policy

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/policy/extract"
)

// answer is what a third party sent, as far as it has been looked at.
type answer struct {
	resp   *http.Response
	status int
	body   io.ReadCloser // what goes to the bot, from its first byte
	whole  []byte        // the body, where all of it was peeked
	read   bool          // all of it was peeked

	text   []byte          // the decoded bytes that were peeked
	doc    []byte          // the same where they are JSON, else nil
	values []extract.Value // what the operation's paths found in doc
	why    string          // why the answer cannot be mapped, else empty
	skip   bool            // of a kind that is never peeked
	dirty  bool            // body has not been scrubbed yet
}

// discard gives up an answer that goes nowhere.
func (a *answer) discard() { a.body.Close() }

// receive looks at an answer: forged headers go, echoed secrets are
// overwritten, and as much of the body is read as mapping needs.
func (c *call) receive(resp *http.Response) ending {
	a := &answer{resp: resp, status: resp.StatusCode, body: resp.Body}
	if reason := c.unusable(resp); reason != "" {
		a.discard()
		return ending{outcome: Incomplete, proxyError: "http_protocol_error", reason: reason}
	}
	// The reason phrase is the third party's own text, and of no use.
	resp.Status = strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode)
	cleanAnswer(resp.Header, resp.Trailer)
	cleanConnection(resp)
	if c.scrubber != nil {
		c.scrubber.Header(resp.Header)
		if coding := c.scrubBody(a); coding != "" {
			a.discard()
			return ending{outcome: Incomplete, proxyError: "http_response_content_coding",
				reason: "The third party's answer has a content coding that nobody asked for."}
		}
	}
	end := ending{outcome: outcomeOf(a.status), answer: a, retryAfter: retryAfter(resp.Header, time.Now())}
	a.skip = neverPeeked(c.asked.method, resp)
	if a.skip || !c.maps() && c.envelope == 0 {
		return end
	}
	if err := c.peek(a); err != nil {
		a.discard()
		return c.brokenPeek(err)
	}
	return end
}

// unusable tells what is wrong with an answer that can be given to no bot, and
// is empty where nothing is.
func (c *call) unusable(resp *http.Response) string {
	switch {
	case resp.StatusCode < 100: // net/http takes any three digits.
		return "The third party's answer has a status that HTTP does not know."
	case resp.StatusCode == http.StatusSwitchingProtocols && !c.upgradesTo(resp.Header.Get("Upgrade")):
		return "The third party changed to a protocol that nobody asked for."
	}
	return ""
}

// upgradesTo tells whether the bot asked for the protocol.
func (c *call) upgradesTo(protocol string) bool {
	asked := AskedProtocol(c.asked.header)
	return asked != "" && strings.EqualFold(asked, protocol)
}

// brokenPeek is the ending of an attempt whose answer broke off while it was
// peeked.
func (c *call) brokenPeek(err error) ending {
	end := c.fault(err)
	switch end.outcome {
	case Timeout:
		end.reason = fmt.Sprintf("The third party's answer was not complete within %s.", c.deadline)
	case Unreachable, Internal, Denied:
		end = ending{outcome: Incomplete, reason: "The third party's answer broke off."}
	}
	if end.proxyError == "connection_terminated" {
		end.proxyError = "http_response_incomplete" // Some of it had come.
	}
	return end
}

// outcomeOf is what a status alone means.
func outcomeOf(status int) Outcome {
	switch {
	case status >= 500:
		return ServerError
	case status >= 400:
		return ClientError
	default:
		return Success
	}
}

// neverPeeked tells the answers that have no body to read, or one that never
// ends (RFC 9110, sections 9.3.2 and 15.3).
func neverPeeked(method string, resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusSwitchingProtocols, http.StatusNoContent, http.StatusResetContent,
		http.StatusPartialContent, http.StatusNotModified:
		return true
	}
	return method == http.MethodHead || isEventStream(resp.Header)
}

// isEventStream tells an answer that never ends (HTML, section 9.2).
func isEventStream(header http.Header) bool {
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "text/event-stream")
}

// contentCoding is the answer's coding, empty for identity.
func contentCoding(header http.Header) string {
	coding := strings.ToLower(strings.TrimSpace(strings.Join(header["Content-Encoding"], ",")))
	if coding == "identity" {
		return ""
	}
	return coding
}

// scrubBody undoes the coding of an answer that is to be scrubbed, which is done
// when it is read. It gives the coding where that cannot be undone.
func (c *call) scrubBody(a *answer) (unknown string) {
	if a.status == http.StatusSwitchingProtocols {
		return "" // The stream of an upgraded connection scrubs for itself.
	}
	if c.asked.method == http.MethodHead || a.status == http.StatusNotModified || a.status == http.StatusNoContent {
		return ""
	}
	switch coding := contentCoding(a.resp.Header); coding {
	case "":
	case "gzip", "x-gzip":
		a.body = &gunzip{source: a.body}
		a.resp.Header.Del("Content-Encoding")
		a.resp.Header.Del("Content-Length")
		a.resp.ContentLength = -1
	default:
		return coding
	}
	a.dirty = true
	return ""
}

// gunzip decodes gzip as it is read; the header is not waited for before.
type gunzip struct {
	source io.ReadCloser
	reader *gzip.Reader
}

// Read decodes on.
func (g *gunzip) Read(p []byte) (int, error) {
	if g.reader == nil {
		reader, err := gzip.NewReader(g.source)
		if err != nil {
			return 0, incompleteCoding(err)
		}
		g.reader = reader
	}
	n, err := g.reader.Read(p)
	return n, incompleteCoding(err)
}

// Close closes what is decoded.
func (g *gunzip) Close() error { return g.source.Close() }

// incompleteCoding says that a broken coding is a broken answer.
func incompleteCoding(err error) error {
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return fmt.Errorf("decoding gzip: %w: %w", err, io.ErrUnexpectedEOF)
	}
	return err
}

// maps tells whether anything but an envelope reads the body.
func (c *call) maps() bool { return c.op.readsJSON || c.op.readsText }

// peekBound is how much of the body is read, in bytes: where only an envelope
// reads it, no more than that could hold.
func (c *call) peekBound() int {
	if c.maps() || c.envelope == 0 {
		return c.op.peek
	}
	return min(c.op.peek, c.envelope)
}

// tooLarge notes that the body is over the bound. To an envelope alone this is
// no fault of the answer's.
func (c *call) tooLarge(a *answer, bound int) {
	if c.maps() {
		a.why = fmt.Sprintf("Response Mapping Not Done, the answer is larger than %s", Size(bound))
	}
}

// peek reads the body up to its bound and, where that is all of it, the values
// in it. The body is then forwarded whole.
func (c *call) peek(a *answer) error {
	bound := c.peekBound()
	room := bound
	if length := a.resp.ContentLength; length >= 0 && length < int64(bound) {
		room = int(length)
	}
	if need := min(room+bytes.MinRead, maxKeptBody); cap(c.peeked) < need {
		c.peeked = make([]byte, 0, need)
	}
	buf := bytes.NewBuffer(c.peeked[:0])
	if _, err := buf.ReadFrom(io.LimitReader(a.body, int64(bound)+1)); err != nil {
		return err
	}
	if buf.Len() > bound {
		c.tooLarge(a, bound)
		a.body = &rejoined{Reader: io.MultiReader(bytes.NewReader(buf.Bytes()), a.body), Closer: a.body}
		return nil
	}
	a.body.Close()
	a.whole, a.read = buf.Bytes(), true
	c.peeked = a.whole
	if a.dirty {
		c.scrubber.Bytes(a.whole)
		a.dirty = false
	}
	a.body = io.NopCloser(bytes.NewReader(a.whole))
	cleanAnswer(nil, a.resp.Trailer)
	c.scrubber.Header(a.resp.Trailer)
	return nil
}

// rejoined is what was peeked and the rest behind it.
type rejoined struct {
	io.Reader
	io.Closer
}

// readValues reads the operation's paths out of a body that was peeked whole.
func (c *call) readValues(a *answer) {
	a.text = a.whole
	switch contentCoding(a.resp.Header) {
	case "":
	case "gzip", "x-gzip":
		bound := c.peekBound()
		a.text = gunzipUpTo(a.whole, bound)
		if len(a.text) > bound {
			c.tooLarge(a, bound)
			a.text = nil
			return
		}
	default:
		a.text = nil
	}
	if !c.op.readsJSON && c.envelope == 0 {
		return
	}
	values, err := c.op.reads.Read(a.text, c.values[:0])
	if err != nil {
		if c.op.readsJSON {
			a.why = unreadable(err)
		}
		return
	}
	a.doc, a.values, c.values = a.text, values, values
}

// unreadable says why a body gives no values.
func unreadable(err error) string {
	switch {
	case errors.Is(err, extract.ErrTooDeep):
		return fmt.Sprintf("Response Mapping Not Done, the answer is nested deeper than %d levels", extract.MaxDepth)
	case errors.Is(err, extract.ErrTooLarge):
		return "Response Mapping Not Done, the answer holds more values than can be mapped"
	default:
		return reasonNotJSON
	}
}

// gunzipUpTo decodes at most one byte more than bound; nil where it is no gzip.
func gunzipUpTo(coded []byte, bound int) []byte {
	reader, err := gzip.NewReader(bytes.NewReader(coded))
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(reader, int64(bound)+1))
	if err != nil {
		return nil
	}
	return text
}

// document decodes the whole body for a condition that reads it.
func (a *answer) document() any {
	if a == nil || a.doc == nil {
		return nil
	}
	decoded, err := extract.Decode(a.doc)
	if err != nil {
		return nil
	}
	return decoded
}

// plain is the body as text, for a condition that reads it.
func (a *answer) plain() string {
	if a == nil {
		return ""
	}
	return string(a.text)
}

// at is what a condition's path found.
func (a *answer) at(paths map[string]int, source string) (any, bool) {
	i, known := paths[source]
	if !known || a == nil || i >= len(a.values) || !a.values[i].Exists() {
		return nil, false
	}
	return a.values[i].Any(), true
}
