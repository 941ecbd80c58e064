package caddymodule

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httputil"

	"github.com/signpost-gateway/signpost/policy"
)

// bot is the caller's side of one call.
type bot struct {
	gateway  *policy.Gateway
	call     policy.Call
	upload   *upload // nil without a body
	early    bool    // the answer leaves before the upload is over
	answered bool    // the answer has left whole
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
		Transport:     b,
		FlushInterval: holdBack,
		ModifyResponse: func(*http.Response) error {
			b.release(w, r)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.WriteHeader(http.StatusBadGateway) // A protocol that the bot did not ask for.
		},
		ErrorLog: h.quiet,
	}
	proxy.ServeHTTP(beneath{w}, r)
}

// beneath is a writer whose connection is taken over from the innermost one: those
// around that would go on counting its bytes, on whichever goroutine they pass.
type beneath struct{ http.ResponseWriter }

// Unwrap lets an http.ResponseController do everything else with the writer.
func (b beneath) Unwrap() http.ResponseWriter { return b.ResponseWriter }

// Hijack takes the connection over.
func (b beneath) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w := b.ResponseWriter
	for {
		outer, wraps := w.(interface{ Unwrap() http.ResponseWriter })
		if !wraps {
			return http.NewResponseController(w).Hijack()
		}
		w = outer.Unwrap()
	}
}
