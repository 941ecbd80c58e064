package policy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/signpost-gateway/signpost/policy/template"
)

// conclude decides and makes the answer that the bot gets.
func (c *call) conclude(end ending) *http.Response {
	d := c.decide(end)
	c.tellBranches(&d)
	c.glimpse.answer, c.glimpse.fallback = d.end.answer, d.used
	c.rec.Verdict, c.info.verdict = d.Verdict, d.Verdict
	c.info.redacts = len(c.recording().redact) > 0
	c.reusable = c.info.OneReader
	var resp *http.Response
	switch {
	case c.enveloped(&d):
		resp = c.wrap(&d)
	case d.stale != nil:
		resp = c.fixed(d.Status, d.stale.resp.Header, d.stale.whole)
	case d.fallback != nil:
		resp = c.static(d.fallback)
	case d.end.answer != nil:
		return c.forward(&d)
	default:
		header := allowed(&d.end)
		header["Content-Type"], header["Cache-Control"] = []string{"application/problem+json"}, []string{"no-store"}
		resp = c.fixed(d.Status, header, appendProblem(nil, &c.rec))
	}
	if d.end.answer != nil {
		d.end.answer.discard()
	}
	c.setHeaders(c.headerOf(resp))
	c.stopClock()
	c.land()
	return resp
}

// land says that the call is no longer in flight, before the bot has its answer: the
// bot's next call may come to another sidecar at once.
func (c *call) land() {
	if c.gateway.shared.Load() != nil {
		c.ticket.Release()
	}
}

// allowed is what the header of our own answer says of methods after a 405.
func allowed(end *ending) http.Header {
	header := make(http.Header, 16)
	if len(end.allow) > 0 {
		header["Allow"] = []string{strings.Join(end.allow, ", ")}
	}
	return header
}

// headerOf is where Signpost's own headers go: the answer's, or where the
// caller wants them.
func (c *call) headerOf(resp *http.Response) http.Header {
	if c.info.Header != nil {
		return c.info.Header
	}
	return resp.Header
}

// stopClock ends the attempts of a call whose answer does not need them.
func (c *call) stopClock() {
	if c.timer != nil {
		c.timer.Stop()
	}
	c.closeUpload()
}

// closeUpload closes the bot's body, which nobody needs any more.
func (c *call) closeUpload() {
	if !c.taken && c.req.Body != nil {
		c.taken = true
		c.req.Body.Close() // Nobody has read it.
	}
	c.upload.close()
}

// fixed makes an answer from bytes that are at hand.
func (c *call) fixed(status int, header http.Header, body []byte) *http.Response {
	length := int64(len(body))
	c.glimpse.own = body
	if body == nil {
		c.glimpse.own = []byte{}
	}
	switch {
	case bodiless(status):
		body, length = nil, 0
	case c.req.Method == http.MethodHead:
		if header["Content-Length"] == nil {
			header["Content-Length"] = []string{strconv.Itoa(len(body))}
		}
		body, length = nil, -1
	default:
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	return &http.Response{
		StatusCode: status, Status: strconv.Itoa(status) + " " + http.StatusText(status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, ContentLength: length, Request: c.req,
		Body: &stream{call: c, source: io.NopCloser(bytes.NewReader(body))},
	}
}

// bodiless tells the statuses whose answers have no body (RFC 9110, sections
// 15.3.5 and 15.4.5).
func bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

// static answers with a fallback's own body.
func (c *call) static(f *fallback) *http.Response {
	header := http.Header{"Cache-Control": {"no-store"}}
	if f.kind != "" {
		header["Content-Type"] = []string{f.kind}
	}
	return c.fixed(f.status, header, c.fill(f))
}

// fill makes the body of a fallback from its template.
func (c *call) fill(f *fallback) []byte {
	return f.body.Append(nil, func(ref template.Ref) ([]byte, string, bool) {
		if ref.Kind == template.Vars {
			return c.varText(ref.Name)
		}
		return c.inputText(ref.Name)
	})
}

// forward passes the third party's answer on.
func (c *call) forward(d *decision) *http.Response {
	a := d.end.answer
	resp := a.resp
	keep := c.toKeep(d)
	if c.asked.method == http.MethodHead && c.req.Method != http.MethodHead {
		// A named call: the bot's own method promises a body of that length.
		resp.ContentLength = 0
		delete(resp.Header, "Content-Length")
	}
	c.setHeaders(c.headerOf(resp))
	resp.Request = c.req
	if a.read {
		if len(resp.Trailer) == 0 {
			resp.ContentLength, resp.TransferEncoding = int64(len(a.whole)), nil
			resp.Header["Content-Length"] = []string{strconv.Itoa(len(a.whole))}
		}
		if keep != nil {
			keep.Body = a.whole
			c.keepLastGood(*keep)
		}
		c.stopClock()
		c.land()
		resp.Body = &stream{call: c, source: a.body}
		return resp
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		c.reusable = false // Both directions hold it.
		resp.Body = c.upgrade(a)
		return resp
	}
	c.timer.Stop()
	if a.dirty {
		a.body = c.scrubber.Reader(a.body)
	}
	s := &stream{call: c, source: a.body, resp: resp, timed: true}
	if keep != nil {
		s.keep = &keeper{answer: *keep}
	}
	resp.Body = s
	return resp
}

// uploadEnding is the ending of a call whose own body could not be read.
func uploadEnding(err error) ending {
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &tooLarge):
		return ending{outcome: BadRequest, status: http.StatusRequestEntityTooLarge,
			reason: fmt.Sprintf("The request's body is larger than %s.", Size(tooLarge.Limit))}
	case errors.As(err, &network) && network.Timeout():
		return ending{outcome: BadRequest, status: http.StatusRequestTimeout, reason: "The request's body did not come in time."}
	case errors.Is(err, http.ErrLineTooLong) || strings.Contains(err.Error(), "chunk"): // net/http has no types for these.
		return ending{outcome: BadRequest, reason: "The request's body is not framed as HTTP says."}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled), errors.As(err, &network):
		return ending{outcome: Canceled, reason: "The bot went away while it sent its request."}
	default:
		return ending{outcome: BadRequest, reason: "The request's body cannot be read."}
	}
}
