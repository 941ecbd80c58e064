package stage

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

// Turn is what the third party does with one attempt. The zero value answers 200
// without a body.
type Turn struct {
	// Fails is policy.Timeout where it never answers, policy.Unreachable where it
	// refuses the connection, and policy.Incomplete where it closes the connection
	// before the answer, or in the middle of the body where there is one. Empty: it
	// answers.
	Fails policy.Outcome

	// After is how long it takes until the answer's headers, or the failure.
	After time.Duration

	// Status is 200 where it is 0. Statuses below 200 are no answers, but 101.
	Status int

	// Header is the answer's. Content-Length is added.
	Header http.Header

	// Body is the answer's. Where Header says gzip and it is none, it is coded so.
	Body []byte
}

// third is the third party of one policy, as a transport. It is the policy's token
// endpoint, too.
type third struct {
	stage    *Stage
	tokens   tokenEndpoint // of the policy
	disguise disguise
}

// RoundTrip does what the call's next turn says.
func (t *third) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.tokens.asked(req) {
		return t.giveToken(req)
	}
	p := t.stage.playing
	turn := p.turn()
	if turn.Fails == policy.Unreachable {
		closeBody(req)
		if err := wait(req.Context(), turn.After); err != nil {
			return nil, err
		}
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	sent, err := t.read(req)
	if err != nil {
		return nil, err // The bot's own body broke off.
	}
	p.sent = append(p.sent, sent)
	if turn.Fails == policy.Timeout {
		<-req.Context().Done()
		return nil, context.Cause(req.Context())
	}
	if err := wait(req.Context(), turn.After); err != nil {
		return nil, err
	}
	if turn.Fails == policy.Incomplete && len(turn.Body) == 0 {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	return turn.answer(req), nil
}

// closeBody closes the body of a request that is not sent.
func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// wait lets time pass, unless the attempt ends before.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
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

// answer makes the answer of a turn.
func (turn *Turn) answer(req *http.Request) *http.Response {
	resp := &http.Response{
		StatusCode: turn.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: maps.Clone(turn.Header), Body: http.NoBody, Request: req,
	}
	if resp.StatusCode == 0 {
		resp.StatusCode = http.StatusOK
	}
	resp.Status = strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode)
	if resp.Header == nil {
		resp.Header = make(http.Header)
	}
	body := turn.coded()
	switch resp.StatusCode {
	case http.StatusSwitchingProtocols:
		resp.Body = conversation{bytes.NewReader(body)}
		return resp
	case http.StatusNoContent, http.StatusNotModified:
		return resp
	}
	resp.Header["Content-Length"] = []string{strconv.Itoa(len(body))}
	resp.ContentLength = int64(len(body))
	switch {
	case req.Method == http.MethodHead:
	case turn.Fails == policy.Incomplete:
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), brokenOff{}))
	case len(body) > 0:
		resp.Body = io.NopCloser(bytes.NewReader(body))
	}
	return resp
}

// gzipMagic is what gzip begins with (RFC 1952, section 2.3.1).
const gzipMagic = "\x1f\x8b"

// coded gives the body with the coding that the header promises: people write it
// without.
func (turn *Turn) coded() []byte {
	coding := strings.ToLower(turn.Header.Get("Content-Encoding"))
	if coding != "gzip" && coding != "x-gzip" || bytes.HasPrefix(turn.Body, []byte(gzipMagic)) {
		return turn.Body
	}
	var coded bytes.Buffer
	w := gzip.NewWriter(&coded)
	_, err := w.Write(turn.Body)
	if err = errors.Join(err, w.Close()); err != nil {
		return turn.Body // Not reached: a buffer takes everything.
	}
	return coded.Bytes()
}

// brokenOff is the end of a body whose connection was closed.
type brokenOff struct{}

// Read gives the error that net/http has for it.
func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// conversation is a connection that has changed its protocol: the third party says
// what it has to say, and listens.
type conversation struct{ io.Reader }

// Write takes what the bot says.
func (conversation) Write(p []byte) (int, error) { return len(p), nil }

// Close ends it.
func (conversation) Close() error { return nil }

// tokenEndpoint is where a policy gets its tokens from: a path, empty where there is no
// such endpoint, and a host, empty where it is each tenant's own.
type tokenEndpoint struct{ host, path string }

// endpointOf gives the token endpoint of a policy.
func endpointOf(injected []policy.Inject) tokenEndpoint {
	for _, in := range injected {
		if in.OAuth2 == nil {
			continue
		}
		// The braces of {tenant.NAME} are no URL's.
		u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(in.OAuth2.TokenURL))
		if err != nil {
			return tokenEndpoint{} // Not reached: it was refused.
		}
		e := tokenEndpoint{host: u.Host, path: cmp.Or(u.Path, "/")}
		if strings.Contains(in.OAuth2.TokenURL, "{") {
			e.host = ""
		}
		return e
	}
	return tokenEndpoint{}
}

// asked tells a request for a token.
func (e tokenEndpoint) asked(req *http.Request) bool {
	return e.path != "" && req.Method == http.MethodPost && cmp.Or(req.URL.Path, "/") == e.path &&
		(e.host == "" || strings.EqualFold(req.URL.Host, e.host))
}

// giveToken answers as a token endpoint. Each token is another one, as a third
// party that refuses one is asked again only with another.
func (t *third) giveToken(req *http.Request) (*http.Response, error) {
	closeBody(req)
	number := t.stage.tokens.Add(1)
	turn := Turn{
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   []byte(`{"access_token":"stage-token-` + strconv.FormatInt(number, 10) + `","token_type":"bearer","expires_in":3600}`),
	}
	return turn.answer(req), nil
}
