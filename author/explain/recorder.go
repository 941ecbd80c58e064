package explain

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// maxExchanges bounds how many requests are noted: those of a call are at most 7, and
// some for tokens.
const maxExchanges = 32

// Recorder notes when the parts of each request happened that goes through transports
// that it has wrapped. The zero value has noted nothing. It is safe for concurrent
// use.
type Recorder struct {
	mu        sync.Mutex
	exchanges []*Exchange
}

// Exchange is one request with its answer. A time is zero where that did not happen,
// as none of connecting does on a connection that was there already.
type Exchange struct {
	// Method and Host are the request's; there is no more of it, since credentials may
	// stand anywhere else.
	Method, Host string

	Begun                     time.Time
	DNSStart, DNSDone         time.Time
	ConnectStart, ConnectDone time.Time
	TLSStart, TLSDone         time.Time
	Connected                 time.Time // there was a connection, new or not
	Reused                    bool      // it was there already
	Sent                      time.Time // the request, with its body
	FirstByte                 time.Time // of the answer
	Headers                   time.Time // all of them
	Over                      time.Time // the body's last byte, or the failure
	Failed                    bool      // there was no answer
}

// Wrap gives a transport that notes what passes. The hooks of net/http/httptrace that
// a request already has are kept.
func (r *Recorder) Wrap(base http.RoundTripper) http.RoundTripper {
	return &recording{recorder: r, base: base}
}

// Exchanges gives what was noted, in the order in which requests began, as far as it
// has come.
func (r *Recorder) Exchanges() []Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Exchange, len(r.exchanges))
	for i, e := range r.exchanges {
		all[i] = *e
	}
	return all
}

// begin notes a new request; nil where there have been too many.
func (r *Recorder) begin(req *http.Request) *Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.exchanges) == maxExchanges {
		return nil
	}
	e := &Exchange{Method: req.Method, Host: req.URL.Host, Begun: time.Now()}
	r.exchanges = append(r.exchanges, e)
	return e
}

// note changes an exchange. Dialing may go on, and report, when its request is over.
func (r *Recorder) note(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// recording is a transport that notes what passes.
type recording struct {
	recorder *Recorder
	base     http.RoundTripper
}

// CloseIdleConnections closes those of the transport that was wrapped.
func (t *recording) CloseIdleConnections() {
	if idle, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}

// RoundTrip sends the request.
func (t *recording) RoundTrip(req *http.Request) (*http.Response, error) {
	e := t.recorder.begin(req)
	if e == nil {
		return t.base.RoundTrip(req)
	}
	resp, err := t.base.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), t.recorder.hooks(e))))
	t.recorder.note(func() {
		e.Headers = time.Now()
		if err != nil {
			e.Over, e.Failed = e.Headers, true
		}
	})
	// A connection that changes its protocol is more than a body.
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		resp.Body = &notedBody{ReadCloser: resp.Body, over: func() { t.recorder.note(func() { first(&e.Over) }) }}
	}
	return resp, err
}

// first notes the first time that something happens.
func first(at *time.Time) {
	if at.IsZero() {
		*at = time.Now()
	}
}

// hooks note the steps of a request. Of several addresses that are tried, the first
// that is begun and the one that leads to a connection count.
func (r *Recorder) hooks(e *Exchange) *httptrace.ClientTrace {
	start := func(at *time.Time) { r.note(func() { first(at) }) }
	end := func(at *time.Time) { r.note(func() { *at = time.Now() }) }
	return &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { start(&e.DNSStart) },
		DNSDone:           func(httptrace.DNSDoneInfo) { end(&e.DNSDone) },
		ConnectStart:      func(_, _ string) { start(&e.ConnectStart) },
		ConnectDone:       func(_, _ string, _ error) { end(&e.ConnectDone) },
		TLSHandshakeStart: func() { start(&e.TLSStart) },
		TLSHandshakeDone:  func(tls.ConnectionState, error) { end(&e.TLSDone) },
		GotConn: func(info httptrace.GotConnInfo) {
			r.note(func() { e.Connected, e.Reused = time.Now(), info.Reused })
		},
		WroteRequest:         func(httptrace.WroteRequestInfo) { end(&e.Sent) },
		GotFirstResponseByte: func() { end(&e.FirstByte) },
	}
}

// notedBody tells when a body is over.
type notedBody struct {
	io.ReadCloser
	over func()
}

// Read reads on.
func (b *notedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.over()
	}
	return n, err
}

// Close closes the body.
func (b *notedBody) Close() error {
	b.over()
	return b.ReadCloser.Close()
}
