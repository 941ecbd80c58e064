package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"syscall"
	"testing"
	"time"
)

// refuse is a dial guard's error.
type refuse struct{}

func (refuse) Error() string  { return "not permitted" }
func (refuse) Denied() string { return "private" }

// control makes a transport whose dialer asks f before each connect.
func control(f func(context.Context) error) *http.Transport {
	d := &net.Dialer{ControlContext: func(ctx context.Context, _, _ string, _ syscall.RawConn) error { return f(ctx) }}
	return &http.Transport{DialContext: d.DialContext}
}

func TestAPortThatNobodyListensOn(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	check(t, failure{name: "refused", url: "http://" + address, token: tokenRefused, kind: Unreachable})
}

func TestWhatTheSystemSaysWhileConnecting(t *testing.T) {
	tests := []struct {
		errno syscall.Errno
		token string
		kind  Kind
	}{
		{syscall.ECONNREFUSED, tokenRefused, Unreachable},
		{syscall.ENETUNREACH, tokenUnroutable, Unreachable},
		{syscall.EHOSTUNREACH, tokenUnroutable, Unreachable},
		{syscall.EACCES, tokenUnroutable, Unreachable},
		{syscall.ETIMEDOUT, tokenConnectTimeout, Timeout},
		{syscall.ECONNRESET, tokenUnavailable, Unreachable},
		{syscall.EMFILE, tokenProxyInternalError, Internal},
	}
	for _, tt := range tests {
		check(t, failure{
			name: tt.errno.Error(), url: "http://127.0.0.1:1",
			transport: control(func(context.Context) error { return tt.errno }),
			token:     tt.token, kind: tt.kind,
		})
	}
}

func TestADialThatIsRefusedByTheGuard(t *testing.T) {
	check(t, failure{
		name: "guard", url: "http://127.0.0.1:1",
		transport: control(func(context.Context) error { return refuse{} }),
		token:     tokenProhibited, kind: Denied,
	})
}

func TestADeadlineWhileConnecting(t *testing.T) {
	ctx, end := endless(t)
	check(t, failure{
		name: "deadline", url: "http://127.0.0.1:1", ctx: ctx,
		transport: control(func(ctx context.Context) error {
			end()
			<-ctx.Done()
			return ctx.Err()
		}),
		alone: tokenResponseTimeout, token: tokenConnectTimeout, kind: Timeout,
	})
}

func TestTheDialersOwnPatience(t *testing.T) {
	d := &net.Dialer{Timeout: time.Millisecond, ControlContext: func(ctx context.Context, _, _ string, _ syscall.RawConn) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	check(t, failure{
		name: "dialer", url: "http://127.0.0.1:1", transport: &http.Transport{DialContext: d.DialContext},
		token: tokenConnectTimeout, kind: Timeout,
	})
}

func TestADeadlineWhileWaitingForAFreeConnection(t *testing.T) {
	// The only connection the transport may have is taken by the first request.
	taken := make(chan struct{})
	address := serve(t, func(c net.Conn) {
		close(taken)
		_, _ = c.Read(make([]byte, 1<<10))
		_, _ = c.Read(make([]byte, 1))
	})
	tr := &http.Transport{MaxConnsPerHost: 1}
	first, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = roundTrip(t, failure{url: "http://" + address, transport: tr, ctx: first})
	}()
	<-taken
	ctx, end := endless(t)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GetConn: func(string) { end() }})
	check(t, failure{
		name: "no free connection", url: "http://" + address, transport: tr, ctx: ctx,
		alone: tokenResponseTimeout, token: tokenConnectTimeout, kind: Timeout,
	})
	stop()
	<-done
}

// named makes a transport that looks names up over dial.
func named(timeout time.Duration, dial func(context.Context) error) *http.Transport {
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return nil, dial(ctx) }}
	d := &net.Dialer{Timeout: timeout, Resolver: r}
	return &http.Transport{DialContext: d.DialContext}
}

func TestANameThatDoesNotResolve(t *testing.T) {
	check(t, failure{
		name: "name server away", url: "http://api.store.example",
		transport: named(0, func(context.Context) error { return errors.New("no name server") }),
		token:     tokenDNSError, kind: Unreachable,
	})
}

func TestANameServerThatDoesNotAnswer(t *testing.T) {
	wait := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	check(t, failure{
		name: "dialer's patience", url: "http://api.store.example", transport: named(time.Millisecond, wait),
		token: tokenDNSTimeout, kind: Timeout,
	})
	ctx, end := endless(t)
	check(t, failure{
		name: "deadline", url: "http://api.store.example", ctx: ctx,
		transport: named(0, func(ctx context.Context) error {
			end()
			return wait(ctx)
		}),
		alone: tokenResponseTimeout, token: tokenDNSTimeout, kind: Timeout,
	})
}

func TestErrorsAreKnownThroughWrapping(t *testing.T) {
	tests := []struct {
		err   error
		token string
		kind  Kind
	}{
		{nil, "", None},
		{refuse{}, tokenProhibited, Denied},
		{context.Canceled, "", Canceled},
		{context.DeadlineExceeded, tokenResponseTimeout, Timeout},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, tokenDNSError, Unreachable},
		{&net.OpError{Op: "read", Err: syscall.ETIMEDOUT}, tokenTerminated, Incomplete},
		{&net.OpError{Op: "read", Err: syscall.EHOSTUNREACH}, tokenTerminated, Incomplete},
		{&net.OpError{Op: "write", Err: syscall.EPIPE}, tokenTerminated, Incomplete},
		{&url.Error{Op: "Get", Err: http.ErrSchemeMismatch}, tokenTLSProtocol, Unreachable},
		{errors.New("net/http: HTTP/1.x transport connection broken: something new"), tokenProtocol, Incomplete},
		{errors.New("nobody knows"), tokenProxyInternalError, Internal},
	}
	for _, tt := range tests {
		errs := []error{tt.err}
		if tt.err != nil {
			errs = append(errs, fmt.Errorf("sending: %w", tt.err), errors.Join(errors.New("first"), tt.err))
		}
		for _, err := range errs {
			if token, kind := ProxyError(err); token != tt.token || kind != tt.kind {
				t.Errorf("ProxyError(%v) = %q, %v, want %q, %v", err, token, kind, tt.token, tt.kind)
			}
		}
	}
}

func TestKindsAreTheProductsWords(t *testing.T) {
	want := map[Kind]string{
		None: "none", Timeout: "timeout", Unreachable: "unreachable", Incomplete: "incomplete",
		Denied: "denied", Canceled: "canceled", Internal: "internal", 99: "kind 99",
	}
	for kind, word := range want {
		if kind.String() != word {
			t.Errorf("kind %d is %q, want %q", kind, kind, word)
		}
	}
}
