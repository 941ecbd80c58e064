package caddymodule_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// waitBound bounds every wait of the hostile tests for what has to happen soon.
const waitBound = 5 * time.Second

// margin is what an answer may take beyond its deadline on a busy machine.
const margin = 300 * time.Millisecond

// fragile is a policy that one fault is enough to stop for good: a breaker that
// opens at the first failure and asks one probe, and one call in flight. A call
// that gets through afterwards shows that permit and slot came back.
const fragile = `
	concurrency 1
	breaker 1 consecutive {
		open 1ms
		probes 1
	}
`

// brief is the deadline of calls that are meant to reach it.
const brief = "timeout 300ms\n"

// goodAnswer is what a wire upstream says at /good.
const goodAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\nConnection: close\r\n\r\n" + `{"ok":true}`

// wire is an upstream below HTTP: it reads a request and then says whatever
// bytes it likes, one request a connection. At /good it answers well. It gives
// its URL.
func wire(t testing.TB, talk func(conn *net.TCPConn, r *http.Request)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer conn.Close()
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				if r.URL.Path == "/good" {
					io.WriteString(conn, goodAnswer)
					return
				}
				talk(conn.(*net.TCPConn), r)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		open.Wait()
	})
	return "http://" + listener.Addr().String()
}

// hang waits until the gateway gives the connection up.
func hang(conn net.Conn) { io.Copy(io.Discard, conn) }

// closedPort is the URL of a port where nobody listens.
func closedPort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	defer listener.Close()
	return "http://" + listener.Addr().String()
}

// getBroken is get for answers that may break off: err is how the body ended.
func (s *sidecar) getBroken(path string, header ...string) (got answer, err error) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://sidecar"+path, nil)
	if err != nil {
		s.t.Fatalf("making a request: %v", err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := s.bot.Do(req)
	if err != nil {
		s.t.Fatalf("GET %s: %v", path, err)
	}
	defer resp.Body.Close()
	var read bytes.Buffer
	_, err = io.Copy(&read, resp.Body)
	return answer{Response: resp, body: read.String()}, err
}

// dial opens a connection to the sidecar for bots that speak bytes.
func (s *sidecar) dial() net.Conn {
	s.t.Helper()
	conn, err := net.Dial("unix", s.socket)
	if err != nil {
		s.t.Fatalf("dialing the sidecar: %v", err)
	}
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(2 * waitBound))
	return conn
}

// raw sends bytes to the sidecar, and reads one answer. The method is that of
// the answer's request: GET, or HEAD and CONNECT, whose answers end otherwise.
func (s *sidecar) raw(method, request string) answer {
	s.t.Helper()
	conn := s.dial()
	defer conn.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		io.WriteString(conn, request) // The answer tells whether it was read.
	}()
	got := s.readAnswer(method, bufio.NewReader(conn))
	conn.Close()
	<-sent
	return got
}

// readAnswer reads an answer with its body.
func (s *sidecar) readAnswer(method string, from *bufio.Reader) answer {
	s.t.Helper()
	resp, err := http.ReadResponse(from, &http.Request{Method: method})
	if err != nil {
		s.t.Fatalf("reading the answer: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("reading the answer's body: %v", err)
	}
	return answer{Response: resp, body: string(body)}
}

// refused checks that the answer is Signpost's own: outcome, status and token
// of RFC 9209, the route and next that nobody planned, and a reason that says
// the same everywhere.
func (a answer) refused(t testing.TB, status int, outcome, token string) {
	t.Helper()
	reason := a.Header.Get("Signpost-Reason")
	a.want(t, status, "Signpost-Outcome", outcome, "Signpost-Route", "error", "Signpost-Next", "stop",
		"Content-Type", "application/problem+json",
		"Proxy-Status", "signpost; error="+token+"; details=\""+strings.ReplaceAll(reason, `"`, `\"`)+`"`)
	if len(reason) < 10 || !strings.HasSuffix(reason, ".") && reason != "Rate Limit Exceeded" {
		t.Errorf("Signpost-Reason is %q, want a sentence", reason)
	}
	if !strings.Contains(a.body, `"type":"urn:signpost:`+outcome+`"`) {
		t.Errorf("the problem is %q, want one of type urn:signpost:%s", a.body, outcome)
	}
}

// passed checks that the answer is the third party's.
func (a answer) passed(t testing.TB, status int, outcome string) {
	t.Helper()
	route, next := map[string]string{"success": "success", "client_error": "failure", "server_error": "error", "unmappable": "error"}[outcome], "stop"
	if outcome == "success" {
		next = "continue"
	}
	a.want(t, status, "Signpost-Outcome", outcome, "Signpost-Route", route, "Signpost-Next", next, "Proxy-Status", "")
}

// recovers checks that nothing is lost on a path that is good: soon, a call
// gets through.
func (s *sidecar) recovers(path string) {
	s.t.Helper()
	var got answer
	shortly(s.t, func() bool {
		got = s.get(path)
		return got.Header.Get("Signpost-Outcome") == "success"
	}, func() string { return path + " still gives " + got.Header.Get("Signpost-Outcome") })
}

// shortly waits until something holds, and fails with what is instead.
func shortly(t testing.TB, holds func() bool, instead func() string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(waitBound); time.Now().Before(end); <-tick.C {
		if holds() {
			return
		}
	}
	t.Errorf("after %v: %s", waitBound, instead())
}

// await gives what comes from a channel, or fails.
func await[T any](t testing.TB, from <-chan T, what string) (got T) {
	t.Helper()
	select {
	case got = <-from:
	case <-time.After(waitBound):
		t.Fatalf("after %v: no %s", waitBound, what)
	}
	return got
}

// warm starts what Caddy starts once for the process.
var warm = sync.OnceValue(func() error {
	if err := load("{\n" + quiet + "}\n"); err != nil {
		return err
	}
	return caddy.Stop()
})

// leaksNothing fails the test when goroutines are left after all that it
// started was stopped. It is called before anything is started.
func leaksNothing(t testing.TB) {
	t.Helper()
	if err := warm(); err != nil {
		t.Fatalf("warming up: %v", err)
	}
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		shortly(t, func() bool { return runtime.NumGoroutine() <= before }, func() string {
			var stacks bytes.Buffer
			pprof.Lookup("goroutine").WriteTo(&stacks, 1)
			return "goroutines are left:\n" + stacks.String()
		})
	})
}
