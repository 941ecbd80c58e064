package caddymodule

import (
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"sync/atomic"

	"github.com/signpost-gateway/signpost/policy"
)

// bot is the caller's side of one call.
type bot struct {
	gateway *policy.Gateway
	call    policy.Call
	upload  *upload // nil without a body
	early   bool    // the third party answered before the upload was over
}

// takeUpload stands between net/http's body and whoever reads it.
func (b *bot) takeUpload(r *http.Request) {
	if r.Body == nil || r.ContentLength == 0 {
		// Caddy wraps every body; one that is empty is known to be so here.
		r.Body = http.NoBody
		return
	}
	b.upload = &upload{body: r.Body}
	r.Body = b.upload
}

// RoundTrip lets a ReverseProxy call the engine on the bot's behalf.
func (b *bot) RoundTrip(r *http.Request) (*http.Response, error) {
	return b.gateway.Answer(r, &b.call), nil
}

// upgrade lets httputil.ReverseProxy join the connections when the third party
// changes the protocol.
func (b *bot) upgrade(w http.ResponseWriter, r *http.Request, h *Handler) {
	defer flushBroken(w)
	proxy := httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.RawQuery = p.In.URL.RawQuery // ReverseProxy drops what it cannot parse.
		},
		Transport: b,
		ModifyResponse: func(*http.Response) error {
			b.release(w, r)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.WriteHeader(http.StatusBadGateway) // A protocol that the bot did not ask for.
		},
		ErrorLog: h.quiet,
	}
	proxy.ServeHTTP(w, r)
}

// errUploadClosed is what a transport gets that reads on when the handler has
// returned, after which net/http's body must not be touched.
var errUploadClosed = errors.New("the call is over")

// upload is the bot's request body, which knows whether it was read to its end.
// Closing it does not close the body behind it: net/http does that when the
// handler has returned, and before that it would wait for a bot that stalls.
type upload struct {
	body   io.ReadCloser
	ended  atomic.Bool
	closed atomic.Bool
}

// Read reads on.
func (u *upload) Read(p []byte) (int, error) {
	if u.closed.Load() {
		return 0, errUploadClosed
	}
	n, err := u.body.Read(p)
	if err != nil {
		u.ended.Store(true)
	}
	return n, err
}

// Close ends the reading.
func (u *upload) Close() error {
	u.closed.Store(true)
	return nil
}
