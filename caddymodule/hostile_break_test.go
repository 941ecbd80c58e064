package caddymodule_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// ending is how an answer that breaks off comes out.
type ending struct {
	status  int
	outcome string
	token   string // empty: the third party's answer is passed on
	breaks  bool   // the body breaks off for the bot too
}

// header is the beginning of answers whose body goes wrong.
const header = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

// breakages are third parties that break off, hang or lie. plain is what a
// policy without mapping gives, mapped one that reads the body.
var breakages = map[string]struct {
	talk          func(conn *net.TCPConn)
	plain, mapped ending
}{
	"closes before the header": {
		talk:   func(*net.TCPConn) {},
		plain:  ending{502, "incomplete", "connection_terminated", false},
		mapped: ending{502, "incomplete", "connection_terminated", false},
	},
	"resets before the header": {
		talk:   func(c *net.TCPConn) { c.SetLinger(0) },
		plain:  ending{502, "incomplete", "connection_terminated", false},
		mapped: ending{502, "incomplete", "connection_terminated", false},
	},
	"breaks off in the header": {
		talk:   func(c *net.TCPConn) { io.WriteString(c, header) },
		plain:  ending{502, "incomplete", "http_response_incomplete", false},
		mapped: ending{502, "incomplete", "http_response_incomplete", false},
	},
	"breaks off in a line of the header": {
		talk:   func(c *net.TCPConn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Ty") },
		plain:  ending{502, "incomplete", "http_protocol_error", false},
		mapped: ending{502, "incomplete", "http_protocol_error", false},
	},
	"breaks off in the body": {
		talk:   func(c *net.TCPConn) { io.WriteString(c, header+"Content-Length: 50\r\n\r\n{\"ok\":") },
		plain:  ending{200, "success", "", true},
		mapped: ending{502, "incomplete", "http_response_incomplete", false},
	},
	"promises a body and sends none": {
		talk:   func(c *net.TCPConn) { io.WriteString(c, header+"Content-Length: 50\r\n\r\n") },
		plain:  ending{200, "success", "", true},
		mapped: ending{502, "incomplete", "http_response_incomplete", false},
	},
	"sends half a chunk": {
		talk:   func(c *net.TCPConn) { io.WriteString(c, header+"Transfer-Encoding: chunked\r\n\r\nb\r\n{\"ok\"") },
		plain:  ending{200, "success", "", true},
		mapped: ending{502, "incomplete", "http_response_incomplete", false},
	},
	"sends no last chunk": {
		talk: func(c *net.TCPConn) {
			io.WriteString(c, header+"Transfer-Encoding: chunked\r\n\r\nb\r\n{\"ok\":true}\r\n")
		},
		plain:  ending{200, "success", "", true},
		mapped: ending{502, "incomplete", "http_response_incomplete", false},
	},
	"sends a chunk without a size": {
		talk: func(c *net.TCPConn) {
			io.WriteString(c, header+"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{\"ok\":true}\r\n")
		},
		plain:  ending{200, "success", "", true},
		mapped: ending{502, "incomplete", "http_protocol_error", false},
	},
	"sends more than it promised": {
		talk:   func(c *net.TCPConn) { io.WriteString(c, header+"Content-Length: 11\r\n\r\n{\"ok\":true}and more") },
		plain:  ending{200, "success", "", false},
		mapped: ending{200, "success", "", false},
	},
	"promises less than the document": {
		talk:   func(c *net.TCPConn) { io.WriteString(c, header+"Content-Length: 6\r\n\r\n{\"ok\":true}") },
		plain:  ending{200, "success", "", false},
		mapped: ending{200, "unmappable", "", false},
	},
	"contradicts itself about the length": {
		talk: func(c *net.TCPConn) {
			io.WriteString(c, header+"Content-Length: 11\r\nContent-Length: 12\r\n\r\n{\"ok\":true}")
		},
		plain:  ending{502, "incomplete", "http_protocol_error", false},
		mapped: ending{502, "incomplete", "http_protocol_error", false},
	},
	"promises more than can be counted": {
		talk:   func(c *net.TCPConn) { io.WriteString(c, header+"Content-Length: 99999999999999999999\r\n\r\n{}") },
		plain:  ending{502, "incomplete", "http_protocol_error", false},
		mapped: ending{502, "incomplete", "http_protocol_error", false},
	},
	"does not speak HTTP": {
		talk:   func(c *net.TCPConn) { io.WriteString(c, "SSH-2.0-OpenSSH_9.9\r\n") },
		plain:  ending{502, "incomplete", "http_protocol_error", false},
		mapped: ending{502, "incomplete", "http_protocol_error", false},
	},
	"answers with the status 000": {
		talk:   func(c *net.TCPConn) { io.WriteString(c, "HTTP/1.1 000 Nothing\r\nContent-Length: 0\r\n\r\n") },
		plain:  ending{502, "incomplete", "http_protocol_error", false},
		mapped: ending{502, "incomplete", "http_protocol_error", false},
	},
	"answers with the status 099": {
		talk:   func(c *net.TCPConn) { io.WriteString(c, "HTTP/1.1 099 Less\r\nContent-Length: 0\r\n\r\n") },
		plain:  ending{502, "incomplete", "http_protocol_error", false},
		mapped: ending{502, "incomplete", "http_protocol_error", false},
	},
	"answers with the status 799": {
		talk:   func(c *net.TCPConn) { io.WriteString(c, "HTTP/1.1 799 More\r\nContent-Length: 0\r\n\r\n") },
		plain:  ending{799, "server_error", "", false},
		mapped: ending{799, "server_error", "", false},
	},
	"changes to a protocol that nobody asked for": {
		talk: func(c *net.TCPConn) {
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
			hang(c)
		},
		plain:  ending{502, "incomplete", "http_protocol_error", false},
		mapped: ending{502, "incomplete", "http_protocol_error", false},
	},
	"hangs before the header": {
		talk:   func(c *net.TCPConn) { hang(c) },
		plain:  ending{504, "timeout", "http_response_timeout", false},
		mapped: ending{504, "timeout", "http_response_timeout", false},
	},
	"hangs in the header": {
		talk:   func(c *net.TCPConn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Ty"); hang(c) },
		plain:  ending{504, "timeout", "http_response_timeout", false},
		mapped: ending{504, "timeout", "http_response_timeout", false},
	},
	"hangs in the body": {
		talk:   func(c *net.TCPConn) { io.WriteString(c, header+"Content-Length: 50\r\n\r\n{\"ok\":"); hang(c) },
		plain:  ending{200, "success", "", true},
		mapped: ending{504, "timeout", "http_response_timeout", false},
	},
	"drips the header": {
		talk:   func(c *net.TCPConn) { drip(c, goodAnswer) },
		plain:  ending{504, "timeout", "http_response_timeout", false},
		mapped: ending{504, "timeout", "http_response_timeout", false},
	},
	"drips the body": {
		talk:   func(c *net.TCPConn) { io.WriteString(c, header+"Content-Length: 11\r\n\r\n"); drip(c, `{"ok":true}`) },
		plain:  ending{200, "success", "", false},
		mapped: ending{504, "timeout", "http_response_timeout", false},
	},
}

// drip sends a byte at a time, each well within the timeout, all of them beyond
// it.
func drip(conn net.Conn, text string) {
	tick := time.NewTicker(60 * time.Millisecond)
	defer tick.Stop()
	for i := range len(text) {
		<-tick.C
		if _, err := conn.Write([]byte{text[i]}); err != nil {
			return
		}
	}
}

func TestAThirdPartyThatBreaksOffHangsOrLiesCostsOneCallAndNothingElse(t *testing.T) {
	leaksNothing(t)
	url := wire(t, func(conn *net.TCPConn, r *http.Request) {
		breakages[strings.ReplaceAll(strings.TrimPrefix(r.URL.Path, "/"), "_", " ")].talk(conn)
	})
	s := start(t, unlimited+"policy plain "+url+" {"+fragile+brief+"}\npolicy mapped "+url+" {"+fragile+brief+"extract ok $.ok\n}")
	for name, b := range breakages {
		for policy, want := range map[string]ending{"plain": b.plain, "mapped": b.mapped} {
			t.Run(policy+"/"+name, func(t *testing.T) {
				s.recovers("/" + policy + "/good")
				begun := time.Now()
				got, err := s.getBroken("/" + policy + "/" + strings.ReplaceAll(name, " ", "_"))
				took := time.Since(begun)
				if want.token != "" {
					got.refused(t, want.status, want.outcome, want.token)
				} else {
					got.passed(t, want.status, want.outcome)
				}
				if (err != nil) != want.breaks {
					t.Errorf("the body ended with %v, want a break: %v", err, want.breaks)
				}
				if longest := 300*time.Millisecond + margin; took > longest && !strings.HasPrefix(name, "drips") {
					t.Errorf("the call took %v, want at most %v", took, longest)
				}
				s.recovers("/" + policy + "/good")
			})
		}
	}
}

func TestAThirdPartyThatRefusesTheConnectionIsUnreachable(t *testing.T) {
	leaksNothing(t)
	good := wire(t, nil)
	s := start(t, unlimited+"policy gone "+closedPort(t)+" {"+fragile+brief+"}\npolicy api "+good+" {"+fragile+brief+"}")
	s.get("/gone/x").refused(t, 502, "unreachable", "connection_refused")
	shortly(t, func() bool { return s.get("/gone/x").Header.Get("Signpost-Outcome") == "unreachable" },
		func() string { return "the breaker let no probe through" })
	s.recovers("/api/good")
}

func TestAThirdPartysAnswerAfterAConnectionWasKeptIsStillJudged(t *testing.T) {
	calls := make(chan int, 8)
	url := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		if calls <- 1; r.URL.Path == "/reset" {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Errorf("hijacking: %v", err)
				return
			}
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	}).URL
	s := start(t, unlimited+"policy api "+url+" {\ntimeout 1s\n}")
	s.get("/api/x").passed(t, 200, "success")
	s.send("POST", "/api/reset", "an order").refused(t, 502, "incomplete", "connection_terminated")
	if got := len(calls); got != 2 {
		t.Errorf("the third party was asked %d times, want 2: an order is never sent twice", got)
	}
	s.get("/api/x").passed(t, 200, "success")
}

func TestAThirdPartyThatResetsTheConnectionHalfwayIsIncomplete(t *testing.T) {
	leaksNothing(t)
	reset := make(chan struct{})
	url := wire(t, func(conn *net.TCPConn, r *http.Request) {
		conn.SetLinger(0)
		switch r.URL.Path {
		case "/header":
			io.WriteString(conn, header)
		case "/body":
			io.WriteString(conn, header+"Transfer-Encoding: chunked\r\n\r\n6\r\n{\"ok\":\r\n")
		case "/later":
			io.WriteString(conn, header+"Transfer-Encoding: chunked\r\n\r\n6\r\n{\"ok\":\r\n")
			<-reset
		}
	})
	s := start(t, unlimited+"policy plain "+url+" {"+fragile+brief+"}\npolicy mapped "+url+" {"+fragile+brief+"extract ok $.ok\n}")
	for _, path := range []string{"/plain/header", "/mapped/header", "/mapped/body"} {
		// How much of the answer a reset leaves to read is the system's to say.
		s.get(path).want(t, 502, "Signpost-Outcome", "incomplete", "Signpost-Route", "error", "Signpost-Next", "stop")
		s.recovers(path[:strings.LastIndex(path, "/")] + "/good")
	}

	conn := s.dial()
	io.WriteString(conn, "GET /plain/later HTTP/1.1\r\nHost: sidecar\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("reading the header: %v", err)
	}
	answer{Response: resp}.passed(t, 200, "success")
	begun := make([]byte, 6)
	if _, err := io.ReadFull(resp.Body, begun); err != nil {
		t.Fatalf("reading the beginning: %v", err)
	}
	close(reset)
	if rest, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("after the reset the body ended well with %q, want an error", rest)
	}
	s.recovers("/plain/good")
}
