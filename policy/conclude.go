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
	"time"

	"github.com/signpost-gateway/signpost/policy/stale"
	"github.com/signpost-gateway/signpost/policy/template"
)

// conclude decides and makes the answer that the bot gets.
func (c *call) conclude(end ending) *http.Response {
	d := c.decide(end)
	c.rec.Verdict, c.info.verdict = d.Verdict, d.Verdict
	c.reusable = c.info.OneReader
	var resp *http.Response
	switch {
	case d.stale != nil:
		resp = c.fixed(d.Status, d.stale.answer.resp.Header, d.stale.answer.whole)
	case d.fallback != nil:
		resp = c.static(d.fallback)
	case d.end.answer != nil:
		return c.forward(&d)
	default:
		header := http.Header{"Content-Type": {"application/problem+json"}, "Cache-Control": {"no-store"}}
		if allow := d.allowed(); len(allow) > 0 {
			header["Allow"] = []string{strings.Join(allow, ", ")}
		}
		resp = c.fixed(d.Status, header, appendProblem(nil, &c.rec))
	}
	if d.end.answer != nil {
		d.end.answer.discard()
	}
	c.setHeaders(c.headerOf(resp))
	c.stopClock()
	return resp
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
	if c.upload == nil && c.req.Body != nil {
		c.req.Body.Close() // No attempt has taken it.
	}
	c.upload.close()
}

// fixed makes an answer from bytes that are at hand.
func (c *call) fixed(status int, header http.Header, body []byte) *http.Response {
	length := int64(len(body))
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

// static fills a fallback's own body.
func (c *call) static(f *fallback) *http.Response {
	header := http.Header{"Cache-Control": {"no-store"}}
	if f.kind != "" {
		header["Content-Type"] = []string{f.kind}
	}
	body := f.body.Append(nil, func(ref template.Ref) ([]byte, string, bool) {
		if ref.Kind == template.Vars {
			return c.varText(ref.Name)
		}
		text, given := c.env.Input[ref.Name].(string)
		return nil, text, given
	})
	return c.fixed(f.status, header, body)
}

// forward passes the third party's answer on.
func (c *call) forward(d *decision) *http.Response {
	a := d.end.answer
	resp := a.resp
	keep := c.keepStale(d)
	c.setHeaders(c.headerOf(resp))
	resp.Request = c.req
	if a.read {
		if len(resp.Trailer) == 0 {
			resp.ContentLength, resp.TransferEncoding = int64(len(a.whole)), nil
			resp.Header["Content-Length"] = []string{strconv.Itoa(len(a.whole))}
		}
		if keep != nil {
			keep.Body = a.whole
			c.putStale(*keep)
		}
		c.stopClock()
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

// staleAnswer is a kept answer that is given again.
type staleAnswer struct {
	answer *answer
}

// mayKeep tells whether answers of this call are kept at all.
func (c *call) mayKeep() bool {
	if c.req.Method != http.MethodGet && c.req.Method != http.MethodHead {
		return false
	}
	return c.named() != "" || c.policy.injectsSecret
}

// staleKey is what a stale answer is kept under.
func (c *call) staleKey() stale.Key {
	u := *c.policy.base
	setPath(&u, c.policy.basePath+c.path)
	u.RawQuery, u.ForceQuery = c.req.URL.RawQuery, c.req.URL.ForceQuery
	return stale.Key{
		Tenant: c.tenant, Policy: c.policy.name, Operation: c.rec.Operation, Method: c.req.Method,
		URL: u.String(), Credentials: stale.HashCredentials(c.req.Header),
	}
}

// keepStale gives the answer to keep for later fallbacks, nil where none is.
func (c *call) keepStale(d *decision) *stale.Answer {
	if d.Outcome != Success || d.UpstreamStatus < 200 || d.UpstreamStatus > 299 || d.UpstreamStatus == http.StatusPartialContent || !c.mayKeep() {
		return nil
	}
	if !c.op.keepsStale {
		return nil
	}
	return &stale.Answer{Status: d.UpstreamStatus, Header: d.end.answer.resp.Header.Clone()}
}

func (c *call) putStale(a stale.Answer) {
	now := time.Now()
	a.Stored = now
	c.gateway.state.stale.Put(now, c.staleKey(), c.req.Header, a)
}

// staleAnswer gives the last success for the same request, nil where there is
// none that is young enough.
func (c *call) staleAnswer(maxAge time.Duration) *staleAnswer {
	if c.tenant == "" || !c.mayKeep() {
		return nil
	}
	kept, _, found := c.gateway.state.stale.Get(time.Now(), c.staleKey(), c.req.Header, maxAge)
	if !found {
		return nil
	}
	a := &answer{
		resp:   &http.Response{StatusCode: kept.Status, Header: kept.Header},
		status: kept.Status, whole: kept.Body, read: true,
	}
	c.readValues(a)
	return &staleAnswer{answer: a}
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
