package fault

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// failure is a real failure and what it comes to.
type failure struct {
	name      string
	url       string
	transport *http.Transport
	ctx       context.Context // Nil is the test's.

	alone string // The token without a trail; "" is the same as with one.
	token string
	kind  Kind
}

// check makes the round trip, reads the answer to its end, and compares.
func check(t *testing.T, f failure) {
	t.Helper()
	trail, err := roundTrip(t, f)
	if err == nil {
		t.Fatalf("%s: no error, want %s", f.name, f.token)
	}
	if token, kind := trail.ProxyError(err); token != f.token || kind != f.kind {
		t.Errorf("%s: with a trail %q is %q, %v, want %q, %v", f.name, err, token, kind, f.token, f.kind)
	}
	if f.alone == "" {
		f.alone = f.token
	}
	if token, _ := ProxyError(err); token != f.alone {
		t.Errorf("%s: alone %q is %q, want %q", f.name, err, token, f.alone)
	}
}

func roundTrip(t *testing.T, f failure) (*Trail, error) {
	t.Helper()
	if f.ctx == nil {
		f.ctx = t.Context()
	}
	if f.transport == nil {
		f.transport = &http.Transport{}
	}
	t.Cleanup(f.transport.CloseIdleConnections)
	trail := new(Trail)
	req, err := http.NewRequestWithContext(trail.Trace(f.ctx), http.MethodGet, f.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := f.transport.RoundTrip(req)
	if err != nil {
		return trail, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	return trail, err
}

// serve answers every connection with handle and closes it. It gives the
// address.
func serve(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				handle(c)
			}()
		}
	}()
	return l.Addr().String()
}

// answers is a handler that reads the request, writes the text and closes.
func answers(text string) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, text)
		}
	}
}

// resets is a handler that reads the request, writes the text, and resets when
// the client has it.
func resets(text string, received <-chan struct{}) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, text)
		if received != nil {
			<-received
		}
		_ = c.(*net.TCPConn).SetLinger(0)
	}
}

func TestAnswersThatAreNoneOrBreakOff(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	tests := []struct {
		name, answer, token string
	}{
		{"closed before the answer", "", tokenTerminated},
		{"closed in the status line, which net/http takes as it is", "HTTP/1.1 20", tokenProtocol},
		{"closed in the header", ok + "Content-Type: app", tokenIncomplete},
		{"length that lies", ok + "Content-Length: 10\r\n\r\nabc", tokenIncomplete},
		{"half a chunk", ok + "Transfer-Encoding: chunked\r\n\r\na\r\nabc", tokenIncomplete},
		{"no last chunk", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", tokenIncomplete},
		{"a chunk that is none", ok + "Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc", tokenProtocol},
		{"a huge chunk", ok + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc", tokenProtocol},
		{"no line end after a chunk", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n", tokenProtocol},
		{"garbage", "SSH-2.0-OpenSSH_9.9\r\n\r\n", tokenProtocol},
		{"garbage that speaks of TLS", "tls: TLS handshake timeout\r\n\r\n", tokenProtocol},
		{"a status that is none", "HTTP/1.1 abc OK\r\n\r\n", tokenProtocol},
		{"a version that is none", "HTTP/x.y 200 OK\r\n\r\n", tokenProtocol},
		{"a header that is none", ok + "no colon here\r\n\r\n", tokenProtocol},
		{"a bad length", ok + "Content-Length: abc\r\n\r\n", tokenProtocol},
		{"two lengths", ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\na", tokenProtocol},
		{"an unknown coding", ok + "Transfer-Encoding: rot13\r\n\r\nabc", tokenProtocol},
		{"gzip that is none", ok + "Content-Encoding: gzip\r\nContent-Length: 12\r\n\r\nnot gzipped.", tokenContentCoding},
		{"a flood of headers", ok + "X: " + strings.Repeat("x", 8<<10) + "\r\n\r\n", tokenHeaderSize},
	}
	for _, tt := range tests {
		check(t, failure{
			name: tt.name, url: "http://" + serve(t, answers(tt.answer)),
			transport: &http.Transport{MaxResponseHeaderBytes: 4 << 10},
			token:     tt.token, kind: Incomplete,
		})
	}
}

func TestAResetBeforeTheAnswer(t *testing.T) {
	check(t, failure{
		name: "reset before the answer", url: "http://" + serve(t, resets("", nil)),
		token: tokenTerminated, kind: Incomplete,
	})
}

func TestAResetInTheAnswerIsToldByTheTrail(t *testing.T) {
	received := make(chan struct{})
	address := serve(t, resets("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", received))
	trail := new(Trail)
	req, err := http.NewRequestWithContext(trail.Trace(t.Context()), http.MethodGet, "http://"+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Transport{}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err = io.ReadFull(resp.Body, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	close(received)
	_, err = io.ReadAll(resp.Body)
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("reading the body: %v, want a reset", err)
	}
	if token, kind := trail.ProxyError(err); token != tokenIncomplete || kind != Incomplete {
		t.Errorf("with a trail %q, %v, want %q, incomplete", token, kind, tokenIncomplete)
	}
	if token, kind := ProxyError(err); token != tokenTerminated || kind != Incomplete {
		t.Errorf("alone %q, %v, want %q, incomplete", token, kind, tokenTerminated)
	}
}

func TestAKeptConnectionThatDiedBeginsTheTrailAnew(t *testing.T) {
	// The first request is answered; the connection then dies under the second.
	address := serve(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		_, _ = http.ReadRequest(r)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		_, _ = http.ReadRequest(r)
	})
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	trail := new(Trail)
	send := func(body io.Reader) error {
		req, err := http.NewRequestWithContext(trail.Trace(t.Context()), http.MethodPost, "http://"+address, body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := tr.RoundTrip(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		return err
	}
	if err := send(http.NoBody); err != nil {
		t.Fatal(err)
	}
	if at := step(trail.at.Load()); at != stepAnswering {
		t.Fatalf("after an answer the trail is at step %d, want %d", at, stepAnswering)
	}
	err := send(strings.NewReader("x"))
	if token, kind := trail.ProxyError(err); token != tokenTerminated || kind != Incomplete {
		t.Errorf("%v is %q, %v, want %q, incomplete", err, token, kind, tokenTerminated)
	}
}

// endless gives a context that ends with the error of a deadline when end is
// called, so that no test depends on how fast the machine is.
func endless(t *testing.T) (ctx context.Context, end func()) {
	ctx, cancel := context.WithCancelCause(t.Context())
	return ctx, func() { cancel(context.DeadlineExceeded) }
}

func TestADeadlineWhileWaitingForTheAnswer(t *testing.T) {
	ctx, end := endless(t)
	address := serve(t, func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		end()
		_, _ = c.Read(make([]byte, 1))
	})
	check(t, failure{name: "no answer", url: "http://" + address, ctx: ctx, token: tokenResponseTimeout, kind: Timeout})
}

func TestADeadlineWhileReadingTheAnswer(t *testing.T) {
	ctx, end := endless(t)
	address := serve(t, func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
		time.AfterFunc(50*time.Millisecond, end)
		_, _ = c.Read(make([]byte, 1))
	})
	check(t, failure{name: "stalled answer", url: "http://" + address, ctx: ctx, token: tokenResponseTimeout, kind: Timeout})
}

func TestTheTransportsOwnPatienceForHeaders(t *testing.T) {
	address := serve(t, func(c net.Conn) {
		_, _ = io.Copy(io.Discard, c)
	})
	check(t, failure{
		name: "response header timeout", url: "http://" + address,
		transport: &http.Transport{ResponseHeaderTimeout: time.Millisecond},
		token:     tokenResponseTimeout, kind: Timeout,
	})
}

func TestACallerThatGoesAwayIsNoFailureOfAnyones(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	address := serve(t, func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		cancel()
		_, _ = c.Read(make([]byte, 1))
	})
	check(t, failure{name: "canceled", url: "http://" + address, ctx: ctx, kind: Canceled})
}

func TestOurOwnMistakesAreInternal(t *testing.T) {
	check(t, failure{name: "scheme", url: "gopher://127.0.0.1/", token: tokenProxyInternalError, kind: Internal})
}
