package caddymodule_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestWhateverABotSaysInATunnelHoldsNothing(t *testing.T) {
	leaksNothing(t)
	url, heard := talkative(t)
	host := strings.TrimPrefix(url, "http://")
	s := start(t, unlimited+"policy api "+url+" {"+fragile+"}")
	for name, tc := range map[string]struct {
		said   string
		status int // of net/http itself; 0: none
	}{
		"nothing":                {"", 0},
		"half a request":         {"GET /x HTT", 0},
		"a header without end":   {"GET /x HTTP/1.1\r\nHost: " + host + "\r\nX: ", 0},
		"garbage":                {"\x00\xff\xfe garbage\r\n\r\n", 400},
		"another protocol":       {"SSH-2.0-OpenSSH_9.0\r\n", 400},
		"the preface of HTTP/2":  {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", 404},
		"an empty line":          {"\r\n\r\n", 400},
		"no Host":                {"GET /x HTTP/1.1\r\n\r\n", 400},
		"two Hosts":              {"GET /x HTTP/1.1\r\nHost: " + host + "\r\nHost: " + host + "\r\n\r\n", 400},
		"a header of 1 MB":       {"GET /x HTTP/1.1\r\nHost: " + host + "\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", 431},
		"both lengths":           {"POST /x HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400},
		"a transfer of its own":  {"POST /x HTTP/1.1\r\nHost: " + host + "\r\nTransfer-Encoding: magic\r\n\r\n", 501},
		"HTTP of the far future": {"GET /x HTTP/9.9\r\nHost: " + host + "\r\n\r\n", 505},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.open(host, "")
			if tc.status == 0 {
				io.WriteString(c, tc.said)
				c.Conn.(*net.UnixConn).CloseWrite()
				io.Copy(io.Discard, c.from) // Whatever is said, the connection ends.
				return
			}
			if got := c.ask("GET", tc.said); got.StatusCode != tc.status {
				t.Errorf("the answer is %d, want %d", got.StatusCode, tc.status)
			}
		})
	}
	if len(heard) > 0 {
		t.Errorf("%s went out", (<-heard).RequestURI)
	}
	s.recovers("/api/good")
}

func TestABotThatVanishesInATunnelCancelsItsCall(t *testing.T) {
	leaksNothing(t)
	url, entered, left := slow(t)
	host := strings.TrimPrefix(url, "http://")
	s := startSite(t, unlimited+"policy api "+url+" {\ntimeout 20s\n"+fragile+"}", "metrics /metrics\nsignpost")
	for path, outcome := range map[string]string{"/wait": "canceled", "/begun": "success"} {
		metric := `signpost_calls_total{operation="",outcome="` + outcome + `",policy="api"`
		before := s.metric(metric)
		c := s.open(host, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		await(t, entered, "call")
		if path == "/begun" {
			if _, err := http.ReadResponse(c.from, nil); err != nil {
				t.Fatalf("reading the header: %v", err)
			}
		}
		c.Close()
		await(t, left, "cancellation")
		shortly(t, func() bool { return s.metric(metric) > before }, func() string { return path + " was not counted as " + outcome })
		s.recovers("/api/good")
	}
}

func TestABotThatVanishesInMidBodyOfATunnelCancelsItsCall(t *testing.T) {
	leaksNothing(t)
	entered, left := make(chan string, 1), make(chan error, 1)
	party := thirdParty(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/good" {
			return
		}
		one := make([]byte, 1)
		io.ReadFull(r.Body, one)
		entered <- string(one)
		_, err := io.Copy(io.Discard, r.Body)
		left <- err
	})
	host := party.Listener.Addr().String()
	s := start(t, unlimited+"policy api "+party.URL+" {\ntimeout 20s\n"+fragile+"}")
	c := s.open(host, "POST /x HTTP/1.1\r\nHost: "+host+"\r\nContent-Length: 1000\r\n\r\n12345")
	if got := await(t, entered, "body"); got != "1" {
		t.Errorf("the body begins with %q, want 1", got)
	}
	c.Close()
	if err := await(t, left, "end of the body"); err == nil {
		t.Error("the third party took the part for the whole")
	}
	s.recovers("/api/good")
}

func TestABotThatStallsItsUploadInATunnelIsAnsweredInTime(t *testing.T) {
	leaksNothing(t)
	party := thirdParty(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	host := party.Listener.Addr().String()
	s := start(t, unlimited+"policy api "+party.URL+" {\n"+brief+fragile+"}")
	c := s.open(host, "POST /x HTTP/1.1\r\nHost: "+host+"\r\nContent-Length: 1000\r\n\r\n12345")
	began := time.Now()
	a := s.readAnswer("POST", c.from)
	a.refused(t, 504, "timeout", "http_response_timeout")
	if took := time.Since(began); took > 300*time.Millisecond+margin {
		t.Errorf("the answer took %v, want about 300ms", took)
	}
	if !a.Close {
		t.Error("the answer does not say that the connection closes")
	}
	c.ends()
}

func TestAnswersInATunnelBreakOffWhereTheThirdPartysDo(t *testing.T) {
	leaksNothing(t)
	url := wire(t, func(conn *net.TCPConn, _ *http.Request) {
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nnot all")
	})
	host := strings.TrimPrefix(url, "http://")
	s := start(t, unlimited+"policy api "+url+" {"+fragile+"}")
	c := s.open(host, "GET /x HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
	resp, err := http.ReadResponse(c.from, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if string(body) != "not all" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the body is %q and ends with %v, want what there was and a break", body, err)
	}
	s.recovers("/api/good")
}

func TestABotThatNeverReadsTheAnswerOfItsConnectHoldsNothing(t *testing.T) {
	leaksNothing(t)
	url, _ := talkative(t)
	host := strings.TrimPrefix(url, "http://")
	s := start(t, unlimited+"policy api "+url)
	for range 20 {
		conn := s.dial()
		fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: s\r\n\r\n", host)
		conn.Close()
	}
	conn := s.dial()
	io.WriteString(conn, "CONNECT "+host+" HT")
	conn.Close()
	c := s.open(host, "")
	c.ask("GET", "GET /x HTTP/1.1\r\nHost: "+host+"\r\n\r\n").passed(t, 200, "success")
}

// BenchmarkACallInATunnel is a call on a tunnel that is open.
func BenchmarkACallInATunnel(b *testing.B) {
	party := okParty(b)
	host := strings.TrimPrefix(party, "http://")
	s := start(b, unlimited+"policy api "+party)
	c := s.open(host, "")
	c.SetDeadline(time.Time{})
	request := []byte("GET /x HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		c.Write(request)
		readWhole(b, c.from)
	}
}

// BenchmarkACallByAbsoluteURL is the same call without a tunnel.
func BenchmarkACallByAbsoluteURL(b *testing.B) {
	party := okParty(b)
	host := strings.TrimPrefix(party, "http://")
	s := start(b, unlimited+"policy api "+party)
	conn := s.dial()
	conn.SetDeadline(time.Time{})
	from := bufio.NewReader(conn)
	request := []byte("GET " + party + "/x HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		conn.Write(request)
		readWhole(b, from)
	}
}

// readWhole reads an answer that is a success.
func readWhole(b *testing.B, from *bufio.Reader) {
	resp, err := http.ReadResponse(from, nil)
	if err != nil || resp.StatusCode != 200 {
		b.Fatalf("reading the answer: %v", err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}
