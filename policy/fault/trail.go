package fault

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// step is how far an attempt came. Later steps are greater.
type step uint32

const (
	stepUnknown     step = iota
	stepWaiting          // For a connection.
	stepResolving        // The name.
	stepConnecting       // To one of its addresses.
	stepHandshaking      // TLS.
	stepConnected        // The request is being sent or has been.
	stepAnswering        // The answer's first byte is there.
)

// Trail remembers how far one attempt came. The zero value is ready; use it for
// one round trip. Safe for concurrent use: net/http reports from several
// goroutines.
type Trail struct {
	// Resend is called when the transport is about to send the request once
	// more by itself, although it may have arrived: net/http does so where a
	// kept connection breaks before an answer. Default: nobody is told.
	Resend func()

	at    atomic.Uint32
	wrote atomic.Bool // the whole request, as far as the kernel tells

	resent atomic.Bool // Resend was called
}

// Trace makes a context whose round trip leaves its trail. Traces that ctx
// already has are kept.
func (t *Trail) Trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// The transport asks again for a connection when a kept one turned out
		// to be dead; the trail begins anew.
		GetConn: func(string) {
			t.at.Store(uint32(stepWaiting))
			if t.wrote.Load() && t.Resend != nil {
				t.resent.Store(true)
				t.Resend()
			}
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				t.wrote.Store(true)
			}
		},
		DNSStart:             func(httptrace.DNSStartInfo) { t.reach(stepResolving) },
		ConnectStart:         func(string, string) { t.reach(stepConnecting) },
		TLSHandshakeStart:    func() { t.reach(stepHandshaking) },
		GotConn:              t.gotConn,
		GotFirstResponseByte: func() { t.reach(stepAnswering) },
	})
}

// gotConn notes that there is a connection. Whoever was told of a resend has
// ended the attempt, but the transport may have a free connection at hand and
// write to it before it notices. It cannot where that is closed. A connection of
// HTTP/2 has other requests on it, and sends one again only where the other side
// says that it did not look at it.
func (t *Trail) gotConn(info httptrace.GotConnInfo) {
	if t.resent.Load() && !speaksHTTP2(info.Conn) {
		info.Conn.Close()
	}
	t.reach(stepConnected)
}

// speaksHTTP2 tells whether a connection agreed on HTTP/2 over TLS.
func speaksHTTP2(conn net.Conn) bool {
	secure, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	return ok && secure.ConnectionState().NegotiatedProtocol == "h2"
}

// reach never goes back: a dial that was overtaken by a free connection still
// reports its steps.
func (t *Trail) reach(s step) {
	for {
		at := t.at.Load()
		if at >= uint32(s) || t.at.CompareAndSwap(at, uint32(s)) {
			return
		}
	}
}

// ProxyError is the function ProxyError with what the trail knows.
func (t *Trail) ProxyError(err error) (token string, kind Kind) {
	return classify(err, step(t.at.Load()))
}
