package caddymodule_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// slow is a third party that tells when a call has come and when it was given
// up. It answers at /good, and begins an answer at /begun.
func slow(t *testing.T) (url string, entered, left <-chan string) {
	in, out := make(chan string, 16), make(chan string, 16)
	third := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/good" {
			return
		}
		if r.URL.Path == "/begun" {
			io.WriteString(w, "the beginning")
			http.NewResponseController(w).Flush()
		}
		in <- r.URL.Path
		<-r.Context().Done()
		out <- r.URL.Path
	})
	return third.URL, in, out
}

func TestABotThatVanishesCancelsItsCallAndCountsForNobody(t *testing.T) {
	leaksNothing(t)
	url, entered, left := slow(t)
	s := startSite(t, unlimited+"policy api "+url+" {\ntimeout 20s\n"+fragile+"}", "metrics /metrics\nsignpost")
	for _, tc := range []struct{ path, outcome string }{{"/wait", "canceled"}, {"/begun", "success"}} {
		t.Run(tc.path, func(t *testing.T) {
			metric := `signpost_calls_total{operation="",outcome="` + tc.outcome + `",policy="api"`
			before := s.metric(metric)
			conn := s.dial()
			fmt.Fprintf(conn, "GET /api%s HTTP/1.1\r\nHost: sidecar\r\n\r\n", tc.path)
			await(t, entered, "call")
			if tc.path == "/begun" {
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatalf("reading the header: %v", err)
				}
				answer{Response: resp}.passed(t, 200, "success")
			}
			conn.Close()
			await(t, left, "cancellation")
			// The breaker opens at the first failure, and is asked only once.
			shortly(t, func() bool { return s.slotIsFree("/api") }, func() string { return "the slot did not come back" })
			s.get("/api/good").passed(t, 200, "success")
			want := before + 1
			if tc.outcome == "success" {
				want++ // The good call.
			}
			shortly(t, func() bool { return s.metric(metric) == want },
				func() string { return fmt.Sprintf("%s is %d, want %d", metric, s.metric(metric), want) })
		})
	}
}

// metric adds up the samples whose text begins so.
func (s *sidecar) metric(begin string) (sum int) {
	s.t.Helper()
	for line := range strings.Lines(s.get("/metrics").body) {
		var n int
		if rest, found := strings.CutPrefix(line, begin); found {
			fmt.Sscanf(rest[strings.LastIndexByte(rest, ' '):], "%d", &n)
			sum += n
		}
	}
	return sum
}

func TestABotThatStallsItsUploadIsAnsweredAtTheDeadline(t *testing.T) {
	leaksNothing(t)
	third := thirdParty(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }).URL
	s := start(t, unlimited+"policy api "+third+" {\n"+brief+"concurrency 1\nbreaker off\n}\n"+
		"policy saved "+third+" {\n"+brief+"breaker off\nretry 2 {\nmethods POST\n}\nfallback {\nrespond 200 `{\"saved\":true}`\n}\n}\n"+
		"policy reading "+third+" {\nmethods GET\n}\npolicy limited "+third+" {\nrate_limit 1/h\n}")
	s.get("/limited/x").passed(t, 200, "success")
	for _, tc := range []struct {
		path           string
		status         int
		outcome, token string
		within         time.Duration
	}{
		{"/api/x", 504, "timeout", "http_response_timeout", 300 * time.Millisecond},
		{"/saved/x", 200, "timeout", "http_response_timeout", 300 * time.Millisecond},
		{"/nobody/x", 404, "not_found", "destination_not_found", 0},
		{"/reading/x", 405, "denied", "http_request_denied", 0},
		{"/api/../x", 400, "bad_request", "http_request_error", 0},
		{"/limited/x", 429, "rate_limited", "http_request_error", 0},
	} {
		for _, framing := range []string{"Content-Length: 1000", "Transfer-Encoding: chunked"} {
			t.Run(tc.path+" "+tc.outcome+" "+framing, func(t *testing.T) {
				conn := s.dial()
				defer conn.Close()
				begun := time.Now()
				fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: sidecar\r\n%s\r\n\r\n5\r\nhello\r\n", tc.path, framing)
				got := s.readAnswer("POST", bufio.NewReader(conn))
				if took := time.Since(begun); took > tc.within+margin {
					t.Errorf("the answer took %v, want at most %v", took, tc.within+margin)
				}
				if tc.path == "/saved/x" {
					got.want(t, 200, "Signpost-Fallback", "static", "Signpost-Outcome", tc.outcome, "Signpost-Next", "continue")
					return
				}
				got.refused(t, tc.status, tc.outcome, tc.token)
			})
		}
	}
}

func TestABotOverHTTP2ThatStallsItsUploadIsAnsweredAtTheDeadline(t *testing.T) {
	leaksNothing(t)
	third := thirdParty(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }).URL
	s := startGlobal(t, quiet+"servers {\nprotocols h1 h2c\n}\n", unlimited+"policy api "+third+" {\n"+brief+"concurrency 1\nbreaker off\n}", "signpost")
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	s.bot = dialing(s.socket) // One that has not settled on HTTP/1 yet.
	transport := s.bot.Transport.(*http.Transport)
	transport.Protocols = protocols
	got := s.send("POST", "/api/x", "hello")
	got.passed(t, 200, "success")
	if got.Proto != "HTTP/2.0" || got.body != "hello" {
		t.Errorf("got %q over %s, want hello over HTTP/2.0", got.body, got.Proto)
	}
	for _, tc := range []struct {
		path           string
		status         int
		outcome, token string
		within         time.Duration
	}{
		{"/api/x", 504, "timeout", "http_response_timeout", 300 * time.Millisecond},
		{"/nobody/x", 404, "not_found", "destination_not_found", 0},
	} {
		body, stall := io.Pipe()
		defer stall.Close()
		begun := time.Now()
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://sidecar"+tc.path, body)
		if err != nil {
			t.Fatalf("making a request: %v", err)
		}
		resp, err := s.bot.Do(req)
		if err != nil {
			t.Fatalf("calling %s: %v", tc.path, err)
		}
		read, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if took := time.Since(begun); took > tc.within+margin {
			t.Errorf("%s: the answer took %v, want at most %v", tc.path, took, tc.within+margin)
		}
		answer{Response: resp, body: string(read)}.refused(t, tc.status, tc.outcome, tc.token)
	}
}

func TestAnUploadThatIsNotHTTPIsTheBotsFault(t *testing.T) {
	leaksNothing(t)
	third := thirdParty(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }).URL
	s := startSite(t, unlimited+"policy api "+third+" {"+fragile+"}\npolicy again "+third+" {"+fragile+"retry 2 {\nmethods POST\n}\n}",
		"request_body {\nmax_size 1KB\n}\nsignpost")
	for _, policy := range []string{"api", "again"} {
		s.raw("POST", "POST /"+policy+"/x HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n\r\n").
			refused(t, 400, "bad_request", "http_request_error")
		s.get("/"+policy+"/x").passed(t, 200, "success") // No breaker has opened, and the slot is free.
		s.raw("POST", "POST /"+policy+"/x HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n"+strings.Repeat("x", 2000)+"\r\n0\r\n\r\n").
			refused(t, 413, "bad_request", "http_request_error")
		s.get("/"+policy+"/x").passed(t, 200, "success")
	}
	// Where the length is announced, Caddy refuses before any handler is asked.
	s.raw("POST", "POST /api/x HTTP/1.1\r\nHost: s\r\nContent-Length: 2000\r\n\r\n"+strings.Repeat("x", 2000)).
		want(t, 413, "Signpost-Outcome", "")
}

func TestABotThatVanishesInItsUploadCountsForNobody(t *testing.T) {
	leaksNothing(t)
	entered := make(chan string, 1)
	third := thirdParty(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			io.ReadFull(r.Body, make([]byte, 5))
			entered <- "it"
			io.Copy(io.Discard, r.Body)
		}
	}).URL
	s := startSite(t, unlimited+"policy api "+third+" {\ntimeout 20s\n"+fragile+"}", "metrics /metrics\nsignpost")
	const metric = `signpost_calls_total{operation="",outcome="canceled",policy="api"`
	before := s.metric(metric)
	conn := s.dial()
	io.WriteString(conn, "POST /api/x HTTP/1.1\r\nHost: s\r\nContent-Length: 1000\r\n\r\nhello")
	await(t, entered, "call")
	conn.Close()
	shortly(t, func() bool { return s.metric(metric) == before+1 }, func() string { return "the call was not canceled" })
	s.get("/api/x").passed(t, 200, "success")
}

func TestABotThatSendsMoreHeadersThanCaddyReadsIsToldSo(t *testing.T) {
	s := start(t, unlimited+"policy api "+wire(t, nil)+" {"+fragile+"}")
	// Caddy answers this by itself, before any handler: 16 KiB of headers is what
	// it reads, and a little more, unless its server is told otherwise.
	conn := s.dial()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		io.WriteString(conn, "GET /api/good HTTP/1.1\r\nHost: s\r\nX-Large: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %v and %v, want a 431", resp, err)
	}
	conn.Close()
	await(t, gone, "end of the sending")
	s.get("/api/good", "X-Large", strings.Repeat("x", 15<<10)).passed(t, 200, "success")
}

// talkative is a third party that tells what it was sent, byte for byte, and
// answers 200.
func talkative(t *testing.T) (url string, heard <-chan *http.Request) {
	requests := make(chan *http.Request, 16)
	return wire(t, func(conn *net.TCPConn, r *http.Request) {
		requests <- r
		io.WriteString(conn, goodAnswer)
	}), requests
}
