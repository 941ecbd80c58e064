package fault

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// secure starts a TLS server and gives it with a pool that trusts it.
func secure(t *testing.T, configure func(*httptest.Server), h http.HandlerFunc) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{}
	if configure != nil {
		configure(s)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s, pool
}

func TestTLSThatFails(t *testing.T) {
	ok := func(http.ResponseWriter, *http.Request) {}
	plain, pool := secure(t, nil, ok)
	modern, modernPool := secure(t, func(s *httptest.Server) { s.TLS.MinVersion = tls.VersionTLS13 }, ok)
	old, oldPool := secure(t, func(s *httptest.Server) { s.TLS.MaxVersion = tls.VersionTLS12 }, ok)
	mutual, mutualPool := secure(t, func(s *httptest.Server) { s.TLS.ClientAuth = tls.RequireAnyClientCert }, ok)
	later := func() time.Time { return time.Now().AddDate(500, 0, 0) }
	hangUp := "https://" + serve(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1<<12)) })
	reset := "https://" + serve(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1<<12))
		_ = c.(*net.TCPConn).SetLinger(0)
	})

	tests := []failure{
		{name: "self-signed", url: plain.URL, token: tokenCertificate},
		{name: "wrong host", url: plain.URL, token: tokenCertificate,
			transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "api.store.test"}}},
		{name: "expired", url: plain.URL, token: tokenCertificate,
			transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Time: later}}},
		{name: "plain HTTP", url: "https://" + serve(t, answersAtOnce), token: tokenTLSProtocol},
		{name: "no TLS at all", url: "https://" + serve(t, says220), token: tokenTLSProtocol},
		{name: "alert: our version is too old", url: modern.URL, token: tokenAlert,
			transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: modernPool, MaxVersion: tls.VersionTLS12}}},
		{name: "their version is too old", url: old.URL, token: tokenAlert,
			transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: oldPool, MinVersion: tls.VersionTLS13}}},
		{name: "alert: certificate required", url: mutual.URL, token: tokenAlert,
			transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: mutualPool}}},
		{name: "hangs up", url: hangUp, alone: tokenTerminated, token: tokenTLSProtocol},
		{name: "resets", url: reset, alone: tokenTerminated, token: tokenTLSProtocol},
	}
	for _, f := range tests {
		f.kind = Unreachable
		check(t, f)
	}
}

// answersAtOnce speaks plain HTTP to whatever comes.
func answersAtOnce(c net.Conn) {
	_, _ = c.Read(make([]byte, 1<<12))
	_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
}

// says220 reads the client's hello first: closing with bytes unread would reset.
func says220(c net.Conn) {
	_, _ = c.Read(make([]byte, 1<<12))
	_, _ = io.WriteString(c, "220 smtp ready\r\n")
}

func TestAHandshakeThatHangs(t *testing.T) {
	address := serve(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	check(t, failure{
		name: "transport's patience", url: "https://" + address,
		transport: &http.Transport{TLSHandshakeTimeout: time.Millisecond},
		token:     tokenConnectTimeout, kind: Timeout,
	})
	ctx, end := endless(t)
	address = serve(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1))
		end()
		_, _ = io.Copy(io.Discard, c)
	})
	check(t, failure{
		name: "deadline", url: "https://" + address, ctx: ctx,
		alone: tokenResponseTimeout, token: tokenConnectTimeout, kind: Timeout,
	})
}

func TestHTTP2ThatFails(t *testing.T) {
	s, pool := secure(t, func(s *httptest.Server) { s.EnableHTTP2 = true }, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/before":
		case "/within":
			_, _ = io.WriteString(w, "abc")
			_ = http.NewResponseController(w).Flush()
		case "/headers":
			for range 200 {
				w.Header().Add("X-Flood", "0123456789012345678901234567890123456789")
			}
			return
		}
		panic(http.ErrAbortHandler)
	})
	tests := []failure{
		{name: "aborted before the answer", url: s.URL + "/before", token: tokenTerminated},
		{name: "aborted in the answer", url: s.URL + "/within", alone: tokenTerminated, token: tokenIncomplete},
		{name: "a flood of headers", url: s.URL + "/headers", token: tokenHeaderSize},
	}
	for _, f := range tests {
		f.kind = Incomplete
		f.transport = &http.Transport{
			ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 4 << 10, TLSClientConfig: &tls.Config{RootCAs: pool},
		}
		check(t, f)
	}
}

func BenchmarkProxyError(b *testing.B) {
	err := error(&net.OpError{Op: "read", Err: io.ErrUnexpectedEOF})
	b.ReportAllocs()
	for b.Loop() {
		if _, kind := ProxyError(err); kind != Incomplete {
			b.Fatal(kind)
		}
	}
}
