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

func TestEventsArriveOneByOneAsTheyAreSent(t *testing.T) {
	leaksNothing(t)
	next := make(chan string)
	third := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/events" {
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		http.NewResponseController(w).Flush()
		for event := range next {
			io.WriteString(w, event)
			http.NewResponseController(w).Flush()
			if event == "\n" {
				return
			}
		}
	}).URL
	t.Setenv("STREAM_KEY", key)
	s := start(t, unlimited+"secrets env STREAM_\npolicy plain "+third+" {"+fragile+"}\n"+
		"policy scrubbed "+third+" {"+fragile+"inject bearer {secret.key}\nextract ok $.ok required\nhint streaming status == 200\n}")
	for policy, route := range map[string]string{"plain": "success", "scrubbed": "streaming"} {
		resp, err := s.bot.Get("http://sidecar/" + policy + "/events")
		if err != nil {
			t.Fatalf("calling: %v", err)
		}
		answer{Response: resp}.want(t, 200, "Signpost-Outcome", "success", "Signpost-Route", route, "Signpost-Next", "continue")
		lines := make(chan string)
		go func() {
			defer close(lines)
			for from := bufio.NewScanner(resp.Body); from.Scan(); {
				lines <- from.Text()
			}
		}()
		for n := range 3 {
			event := fmt.Sprintf("data: %d", n)
			next <- event + "\n"
			// The next event is not sent before this one has come.
			if got := await(t, lines, "event"); got != event {
				t.Errorf("%s: the event is %q, want %q", policy, got, event)
			}
		}
		next <- "\n"
		for range lines {
		}
		resp.Body.Close()
		shortly(t, func() bool { return s.slotIsFree("/" + policy) }, func() string { return "the slot did not come back" })
	}
}

// slotIsFree tells whether the policy has no call in flight, by one that cannot
// last.
func (s *sidecar) slotIsFree(policy string) bool {
	s.t.Helper()
	return s.get(policy+"/x", "Signpost-Timeout", "1ns").Header.Get("Signpost-Outcome") != "overloaded"
}

func TestAnEventStreamThatFallsSilentIsGivenUp(t *testing.T) {
	leaksNothing(t)
	third := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/events" {
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: 1\n\n")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}).URL
	s := start(t, unlimited+"policy api "+third+" {"+fragile+brief+"}")
	begun := time.Now()
	got, err := s.getBroken("/api/events")
	got.passed(t, 200, "success")
	if took := time.Since(begun); err == nil || took < 250*time.Millisecond || took > 600*time.Millisecond+margin {
		t.Errorf("the stream ended with %v after %v, want a break after 300ms of silence", err, took)
	}
	if got.body != "data: 1\n\n" {
		t.Errorf("the body is %q, want the event", got.body)
	}
	shortly(t, func() bool { return s.slotIsFree("/api") }, func() string { return "the slot did not come back" })
}

// chat is a third party that changes the protocol and then says back what it
// hears, in capitals.
func chat(conn *net.TCPConn, r *http.Request) {
	if r.Header.Get("Upgrade") != "chat" || !strings.EqualFold(r.Header.Get("Connection"), "upgrade") {
		io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
		return
	}
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade, Signpost-Route\r\nUpgrade: chat\r\nSignpost-Route: forged\r\n\r\n")
	io.WriteString(conn, "key "+r.Header.Get("X-Key")+"\n")
	for from := bufio.NewScanner(conn); from.Scan(); {
		fmt.Fprintf(conn, "%s\n", strings.ToUpper(from.Text()))
	}
}

func TestAnUpgradedConnectionSpeaksBothWaysUntilEitherEndLeaves(t *testing.T) {
	leaksNothing(t)
	url := wire(t, chat)
	t.Setenv("CHAT_KEY", "abcdefghij0123456789")
	s := start(t, unlimited+"secrets env CHAT_\npolicy api "+url+" {"+fragile+"inject header X-Key {secret.key}\nextract ok $.ok required\n}")
	for _, end := range []string{"bot", "silence"} {
		t.Run(end, func(t *testing.T) {
			conn := s.dial()
			timeout := ""
			if end == "silence" {
				timeout = "Signpost-Timeout: 300ms\r\n"
			}
			io.WriteString(conn, "GET /api/x HTTP/1.1\r\nHost: sidecar\r\nConnection: Upgrade\r\nUpgrade: chat\r\n"+timeout+"\r\n")
			from := bufio.NewReader(conn)
			resp, err := http.ReadResponse(from, nil)
			if err != nil {
				t.Fatalf("reading the answer: %v", err)
			}
			answer{Response: resp}.want(t, 101, "Signpost-Outcome", "success", "Signpost-Route", "success",
				"Signpost-Next", "continue", "Upgrade", "chat", "Connection", "Upgrade")
			expect := func(want string) {
				t.Helper()
				if got, err := from.ReadString('\n'); got != want+"\n" {
					t.Errorf("heard %q and %v, want %q", got, err, want)
				}
			}
			expect("key ********************")
			for _, word := range []string{"hello", "again"} {
				io.WriteString(conn, word+"\n")
				expect(strings.ToUpper(word))
			}
			if s.get("/api/good").Header.Get("Signpost-Outcome") != "overloaded" {
				t.Error("an upgraded connection takes no slot, want it to be a call in flight")
			}
			if end == "bot" {
				conn.Close()
			} else if _, err := from.ReadByte(); err != io.EOF {
				t.Errorf("after a silence the connection ended with %v, want EOF", err)
			}
			s.recovers("/api/good")
		})
	}
}

func TestAnUpgradeThatIsRefusedIsAnAnswerLikeAnyOther(t *testing.T) {
	leaksNothing(t)
	url := wire(t, chat)
	s := start(t, unlimited+"policy api "+url+" {"+fragile+"hint refused status == 400\n}")
	s.get("/api/x", "Connection", "Upgrade", "Upgrade", "other").want(t, 400, "Signpost-Outcome", "client_error", "Signpost-Route", "refused")
	s.recovers("/api/good")
	s.raw("GET", "GET /api/x HTTP/1.1\r\nHost: s\r\nConnection: Upgrade, close\r\nUpgrade: ch\xe4t\r\n\r\n").
		refused(t, 400, "bad_request", "http_request_error")
	s.recovers("/api/good")
}

func TestAnAnswerThatComesBeforeTheUploadIsCompleteIsPassedOn(t *testing.T) {
	leaksNothing(t)
	url := wire(t, func(conn *net.TCPConn, _ *http.Request) {
		io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{\"max\":100}")
		conn.CloseWrite() // Closing now would reset what the gateway still sends, and with it the answer.
		hang(conn)
	})
	s := start(t, unlimited+"policy plain "+url+" {"+fragile+"}\npolicy mapped "+url+" {"+fragile+"extract max $.max\n}")
	for _, policy := range []string{"plain", "mapped"} {
		t.Run(policy, func(t *testing.T) {
			conn := s.dial()
			fmt.Fprintf(conn, "POST /%s/x HTTP/1.1\r\nHost: sidecar\r\nContent-Length: 1000000\r\n\r\nthe beginning", policy)
			got := s.readAnswer("POST", bufio.NewReader(conn))
			got.passed(t, 413, "client_error")
			if got.body != `{"max":100}` {
				t.Errorf("the body is %q, want the third party's", got.body)
			}
			conn.Close()
			s.recovers("/" + policy + "/good")
		})
	}
}

func TestABotThatWaitsForContinueIsToldToGoOn(t *testing.T) {
	leaksNothing(t)
	third := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.Copy(w, r.Body)
	}).URL
	s := start(t, unlimited+"policy api "+third+" {"+fragile+"}")
	for _, path := range []string{"/api/yes", "/api/no", "/nobody/x"} {
		t.Run(path, func(t *testing.T) {
			conn := s.dial()
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: sidecar\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", path)
			from := bufio.NewReader(conn)
			got := s.readAnswer("POST", from)
			if got.StatusCode == http.StatusContinue {
				io.WriteString(conn, "hello")
				got = s.readAnswer("POST", from)
			}
			switch path {
			case "/api/yes":
				got.passed(t, 200, "success")
				if got.body != "hello" {
					t.Errorf("the third party got %q, want hello", got.body)
				}
			case "/api/no":
				got.passed(t, 401, "client_error")
			default:
				got.refused(t, 404, "not_found", "destination_not_found")
			}
		})
	}
}
