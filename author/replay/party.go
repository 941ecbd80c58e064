package replay

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

// party plays the third party: it does what was recorded of one call after another.
type party struct{ now *performance }

// RoundTrip does what was recorded of the call's next attempt.
func (p *party) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, err := io.Copy(io.Discard, req.Body)
		req.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	return p.now.attempt(req)
}

// errNotRecorded is what the third party says to an attempt that nobody made then.
var errNotRecorded error = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}

// attempt is what becomes of the next attempt.
func (p *performance) attempt(req *http.Request) (*http.Response, error) {
	n := p.attempts
	p.attempts++
	if n >= len(p.given) {
		if !p.call.Last || len(p.given) == 0 {
			p.beyond = true
			return nil, errNotRecorded
		}
		n = len(p.given) - 1
	}
	g := &p.given[n]
	p.last, p.guessed = g, false // What an earlier answer said is over.
	if p.attempts-1 == n && n > 0 {
		// The pause was longer then, perhaps since the third party had asked for that,
		// which is not kept of answers before the last one.
		if err := wait(req.Context(), g.Start-time.Since(p.started)); err != nil {
			p.beyond = true
			return nil, err
		}
	}
	if g.Endless {
		<-req.Context().Done()
		return nil, context.Cause(req.Context())
	}
	if err := wait(req.Context(), g.Duration); err != nil {
		return nil, err
	}
	if err := g.failure(); err != nil {
		return nil, err
	}
	return p.answer(g, req), nil
}

// wait lets time pass, unless the attempt ends before.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// failure is the error of an attempt without an answer, nil where there was one.
func (g *Given) failure() error {
	switch g.Outcome {
	case policy.Timeout:
		return &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	case policy.Denied:
		return guarded{}
	case policy.Unreachable:
		return errNotRecorded
	case policy.Incomplete:
		if g.Status == 0 {
			return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
		}
	}
	return nil
}

// guarded is the error of the dial guard, which is not asked here.
type guarded struct{}

// Error says so.
func (guarded) Error() string { return "the address is not allowed" }

// Denied says why.
func (guarded) Denied() string { return "private" }

// answer makes the answer that was recorded.
func (p *performance) answer(g *Given, req *http.Request) *http.Response {
	resp := &http.Response{
		StatusCode: g.Status, Status: strconv.Itoa(g.Status) + " " + http.StatusText(g.Status),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: g.Header.Clone(), ContentLength: int64(len(g.Body)), Request: req,
	}
	if resp.Header == nil {
		resp.Header = make(http.Header)
	}
	switch {
	case g.Outcome == policy.Incomplete:
		resp.ContentLength, resp.Body = -1, io.NopCloser(brokenOff{})
	case req.Method == http.MethodHead || g.Status == http.StatusNoContent || g.Status == http.StatusNotModified:
		resp.ContentLength, resp.Body = 0, http.NoBody
	default:
		b := &body{Given: g, of: p, coded: len(g.Header["Content-Encoding"]) > 0}
		if g.Cut {
			resp.ContentLength = g.Size
		}
		resp.Body = b
	}
	return resp
}

// brokenOff is a body whose connection was closed.
type brokenOff struct{}

// Read gives the error that net/http has for it.
func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// body is a body of which the end may not be known. Who reads it to its end, or has
// to undo its coding, would judge by what was never there; who only learns that it is
// too long does not.
type body struct {
	*Given
	of    *performance
	coded bool
	at    int64
}

// blanks stand for what was not kept.
var blanks = []byte(strings.Repeat(" ", 4<<10))

// Read gives what is known, and blanks up to the length that it had.
func (b *body) Read(into []byte) (int, error) {
	if b.Cut && b.coded {
		b.of.guessed = true
	}
	if b.at < int64(len(b.Body)) {
		n := copy(into, b.Body[b.at:])
		b.at += int64(n)
		return n, nil
	}
	if left := b.Size - b.at; b.Cut && left > 0 {
		n := copy(into, blanks[:min(left, int64(len(blanks)))])
		b.at += int64(n)
		return n, nil
	}
	b.of.guessed = b.of.guessed || b.Cut
	return 0, io.EOF
}

// Close ends it.
func (b *body) Close() error { return nil }
