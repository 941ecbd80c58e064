package caddymodule

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.opentelemetry.io/otel/trace"

	"github.com/signpost-gateway/signpost/policy"
)

// Some bots open a tunnel even for plain HTTP once a proxy is set. The inside of
// one is HTTP like any other, so it is served here, and nothing is joined: what
// comes through a tunnel is calls, each under its policy.

// Why tunnels, and requests inside them, are refused.
const (
	reasonTunnel    = "Tunnels lead only to a policy's host and its port for plain HTTP: use the gateway's address as the API's base URL."
	reasonTLS       = "The gateway cannot read TLS inside a tunnel: use the gateway's address as the API's base URL."
	reasonOtherHost = "A tunnel leads to the one host that it was opened to: use the gateway's address as the API's base URL."
)

const (
	// tunnelIdle is how long a tunnel may wait for its next request, and for the
	// bot to take the next bytes of an answer.
	tunnelIdle = 2 * time.Minute

	// tunnelHeader is how long the header of a request may take inside.
	tunnelHeader = 30 * time.Second

	// tunnelHeaderBytes bounds such a header where the site's server says
	// nothing. It is Caddy's own default.
	tunnelHeaderBytes = 16 << 10

	// tunnelRest bounds what is read of a bot that speaks TLS, in bytes, so that
	// it gets to read why it was refused: a connection that is closed before
	// takes the answer along (RFC 9112, section 9.6). Lingering bounds it in time.
	tunnelRest = 64 << 10

	// handshake is the first byte of every TLS connection (RFC 8446, section 5.1).
	handshake = 0x16

	// established is what opens a tunnel. It has no header: an answer to CONNECT
	// has neither length nor encoding (RFC 9110, section 9.3.6).
	established = "HTTP/1.1 200 Connection Established\r\n\r\n"
)

// tunnel is the inside of a connection on which a bot sent CONNECT. It is the
// connection, less what was read of it beforehand, the listener that accepts
// nothing else, and the handler of the requests on it. The handler of the CONNECT
// does not return before the tunnel has ended.
type tunnel struct {
	net.Conn
	handler  *Handler
	site     http.Handler  // all that the requests inside go through
	outer    *http.Request // the CONNECT
	server   http.Server
	ahead    []byte                    // what was read before the server reads
	accepted bool                      // the server has the connection, and will end it
	asked    atomic.Bool               // the first request has come
	upgraded atomic.Bool               // the server knows no more of the connection
	writeBy  atomic.Pointer[time.Time] // what the site's own time-outs say, or nil
	over     chan struct{}             // closed when the last request is served and the connection closed
}

// opens tells whether a request becomes a tunnel: a CONNECT of HTTP/1 without
// content to a host and a port where plain HTTP finds a policy of this site.
func (h *Handler) opens(r *http.Request) bool {
	if r.Method != http.MethodConnect || r.ProtoMajor != 1 || r.ContentLength != 0 {
		return false
	}
	u := askedURL(r)
	return u.User == nil && u.Path == "" && u.RawQuery == "" && !u.ForceQuery &&
		h.gateway.LeadsTo(u.Host, h.Policy)
}

// openTunnel answers the CONNECT and serves what comes after it. An opened
// tunnel is no call, one with TLS inside is.
func (h *Handler) openTunnel(w http.ResponseWriter, r *http.Request) error {
	conn, buffered, err := beneath{w}.Hijack()
	if err != nil {
		return fmt.Errorf("taking over the connection for a tunnel: %w", err)
	}
	defer conn.Close()
	t := &tunnel{Conn: conn, handler: h, site: h.siteOf(r), outer: asSent(r), over: make(chan struct{})}
	t.ahead, _ = buffered.Reader.Peek(buffered.Reader.Buffered()) // Cannot fail: it is there.
	t.server = http.Server{
		Handler: t,
		BaseContext: func(net.Listener) context.Context {
			// Each call inside has a trace of its own.
			return trace.ContextWithSpanContext(r.Context(), trace.SpanContext{})
		},
		ConnState:         t.note,
		ReadHeaderTimeout: tunnelHeader,
		IdleTimeout:       tunnelIdle,
		MaxHeaderBytes:    headerBytes(r),
		ErrorLog:          h.quiet,
	}
	if !h.tunnels.add(t) {
		return nil // A request that comes while a server shuts down gets no answer.
	}
	defer h.tunnels.remove(t)
	switch first, err := t.greet(); {
	case err != nil: // The bot is gone, or said nothing.
	case first == handshake:
		t.refuseTLS()
	default:
		t.serve()
	}
	return nil
}

// siteOf is the server of Caddy's that a request came to, with all its sites. A
// program that calls the handler without one has the handler alone.
func (h *Handler) siteOf(r *http.Request) http.Handler {
	if server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		return server
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = h.ServeHTTP(w, r, nil) // It answers by itself.
	})
}

// askedURL is the URL as the bot sent it: directives of the site may have changed
// it by then, to what means nothing for a CONNECT.
func askedURL(r *http.Request) *url.URL {
	if sent, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && sent.URL != nil {
		return sent.URL
	}
	return r.URL
}

// asSent is a CONNECT with that URL.
func asSent(r *http.Request) *http.Request {
	outer := *r
	outer.URL = askedURL(r)
	return &outer
}

// headerBytes bounds the header of a request inside as the site bounds that of
// one outside.
func headerBytes(r *http.Request) int {
	if server, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && server.MaxHeaderBytes > 0 {
		return server.MaxHeaderBytes
	}
	return tunnelHeaderBytes
}

// greet opens the tunnel and waits for the first byte inside.
func (t *tunnel) greet() (first byte, err error) {
	if _, err := io.WriteString(t, established); err != nil {
		return 0, err
	}
	if len(t.ahead) == 0 {
		if err := t.SetReadDeadline(time.Now().Add(tunnelIdle)); err != nil {
			return 0, err
		}
		one := make([]byte, 1)
		if _, err := io.ReadFull(t.Conn, one); err != nil {
			return 0, err
		}
		t.ahead = one
	}
	return t.ahead[0], nil // Whoever reads on sets a deadline of its own.
}

// refuseTLS tells a bot that began a TLS handshake why it cannot go on, as a call
// that was denied.
func (t *tunnel) refuseTLS() {
	b := &bot{gateway: t.handler.gateway}
	b.call.Refusal = &policy.Refusal{Outcome: policy.Denied, Reason: reasonTLS}
	b.takeUpload(t.outer)
	resp := t.handler.gateway.Answer(withRemoteParent(t.outer), &b.call)
	defer resp.Body.Close()
	resp.Close = true
	resp.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	buffered := bufio.NewWriter(t)
	if resp.Write(buffered) != nil || buffered.Flush() != nil || t.CloseWrite() != nil {
		return
	}
	if t.SetReadDeadline(time.Now().Add(lingering)) == nil {
		_, _ = io.CopyN(io.Discard, t, tunnelRest)
	}
}

// serve serves the requests inside, until the connection is closed.
func (t *tunnel) serve() {
	_ = t.server.Serve((*lone)(t)) // Its error is that there is no second connection.
	if t.accepted {
		<-t.over
	}
}

// note follows the connection through the server's states.
func (t *tunnel) note(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateActive:
		t.asked.Store(true)
	case http.StateHijacked:
		t.upgraded.Store(true)
	case http.StateClosed:
		close(t.over)
	}
}

// end closes the tunnel, after the answer to a request that has come already. It
// may be called at any time, and does not wait.
func (t *tunnel) end() {
	_ = t.server.Shutdown(atOnce) // Its error is that it did not wait.
	// The server looks whether it shuts down after it has noted a request, so
	// either it drops the request, or the request is seen here.
	if !t.asked.Load() {
		t.Close()
	}
}

// atOnce is a context that is over.
var atOnce = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// ServeHTTP serves a request inside, which is a call to the tunnel's host. It goes
// through the whole site, as it would if the bot had sent it with an absolute
// URL: what the site demands or changes holds for it too.
func (t *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if t.upgraded.Load() {
			close(t.over)
		}
	}()
	switch {
	case r.Method == http.MethodConnect:
		t.refuse(w, r, reasonTunnel)
	case !t.leadsTo(r):
		t.refuse(w, r, reasonOtherHost)
	default:
		r.URL.Scheme, r.URL.Host = "http", t.outer.URL.Host
		r.Host, r.RequestURI, r.TLS = cmp.Or(r.Host, r.URL.Host), r.URL.String(), t.outer.TLS
		t.site.ServeHTTP(w, t.inherit(r))
	}
}

// refuse answers a request inside that leads nowhere.
func (t *tunnel) refuse(w http.ResponseWriter, r *http.Request, reason string) {
	b := &bot{gateway: t.handler.gateway}
	b.call.Refusal = &policy.Refusal{Outcome: policy.Denied, Reason: reason}
	t.handler.answer(w, r, b)
}

// leadsTo tells whether a request means the tunnel's own host: by its absolute
// URL, else by its Host. What it does not say is the tunnel's.
func (t *tunnel) leadsTo(r *http.Request) bool {
	said, own := url.URL{Host: r.Host}, t.outer.URL // An absolute URL has set Host.
	return r.Host == "" ||
		strings.EqualFold(said.Hostname(), own.Hostname()) && (said.Port() == "" || said.Port() == own.Port())
}

// inherited is what a request inside has from the CONNECT, as the site left that.
// It is beside the request's header, since the site has yet to rewrite that.
type inherited struct {
	header   string   // that names the tenant
	tenant   []string // its values
	consumed []string // names of headers that were for the site, and do not go out
}

// inheritedKey is where inherited is kept in a context.
type inheritedKey struct{}

// inheritedBy gives what a request has from a CONNECT: nothing outside of tunnels,
// inside of which each has an absolute URL.
func inheritedBy(r *http.Request) inherited {
	if !r.URL.IsAbs() {
		return inherited{}
	}
	from, _ := r.Context().Value(inheritedKey{}).(inherited)
	return from
}

// inherit gives a request inside what the CONNECT said for all of them: the
// tenant, and the login that let it into the site, where the request has none of
// its own. It takes the headers away that Caddy takes from requests outside:
// those that could pass for another, to servers that know only underscores.
func (t *tunnel) inherit(r *http.Request) *http.Request {
	for name := range r.Header {
		if strings.ContainsAny(name, "_.") {
			delete(r.Header, name)
		}
	}
	from := inherited{header: t.handler.Tenant.Header}
	if from.header != "" {
		from.tenant = t.outer.Header.Values(from.header)
	}
	for _, name := range consumed(t.outer) {
		if len(r.Header[name]) == 0 {
			r.Header[name] = slices.Clone(t.outer.Header[name])
		}
		if slices.Equal(r.Header[name], t.outer.Header[name]) {
			from.consumed = append(from.consumed, name)
		}
	}
	return r.WithContext(context.WithValue(r.Context(), inheritedKey{}, from))
}

// Read gives what was read ahead, and then reads on.
func (t *tunnel) Read(p []byte) (int, error) {
	if len(t.ahead) > 0 {
		n := copy(p, t.ahead)
		t.ahead = t.ahead[n:]
		return n, nil
	}
	return t.Conn.Read(p)
}

// Write writes for as long as the bot takes something, and the site allows.
func (t *tunnel) Write(p []byte) (int, error) {
	until := time.Now().Add(tunnelIdle)
	if by := t.writeBy.Load(); by != nil && !by.IsZero() && by.Before(until) {
		until = *by
	}
	if err := t.Conn.SetWriteDeadline(until); err != nil {
		return 0, err
	}
	return t.Conn.Write(p)
}

// SetWriteDeadline bounds what is written from now on.
func (t *tunnel) SetWriteDeadline(by time.Time) error {
	t.writeBy.Store(&by)
	return t.Conn.SetWriteDeadline(by)
}

// CloseWrite ends what the bot reads, where the connection can.
func (t *tunnel) CloseWrite() error {
	if half, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// lone is a tunnel as a listener.
type lone tunnel

// Accept gives the connection, once.
func (l *lone) Accept() (net.Conn, error) {
	if l.accepted {
		return nil, net.ErrClosed
	}
	l.accepted = true
	return (*tunnel)(l), nil
}

// Close leaves the connection alone, which its server closes.
func (l *lone) Close() error { return nil }

// Addr is where the connection came in.
func (l *lone) Addr() net.Addr { return l.LocalAddr() }

// Interface guards
var (
	_ net.Conn     = (*tunnel)(nil)
	_ http.Handler = (*tunnel)(nil)
	_ net.Listener = (*lone)(nil)
)
