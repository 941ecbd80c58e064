package caddymodule_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// established is what opens a tunnel, byte for byte.
const established = "HTTP/1.1 200 Connection Established\r\n\r\n"

// inside is a bot's end of a tunnel.
type inside struct {
	net.Conn
	s    *sidecar
	from *bufio.Reader
}

// open asks for a tunnel, sends what follows at once with the CONNECT, and checks
// that the tunnel is open. header is names and values in turn.
func (s *sidecar) open(authority, follows string, header ...string) *inside {
	s.t.Helper()
	conn, err := s.connect(s.t.Context(), authority, follows, header...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

// connect is open for any goroutine.
func (s *sidecar) connect(ctx context.Context, authority, follows string, header ...string) (*inside, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", s.socket)
	if err != nil {
		return nil, fmt.Errorf("dialing the sidecar: %w", err)
	}
	conn.SetDeadline(time.Now().Add(2 * waitBound))
	request := "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\nProxy-Connection: keep-alive\r\n"
	for i := 0; i+1 < len(header); i += 2 {
		request += header[i] + ": " + header[i+1] + "\r\n"
	}
	io.WriteString(conn, request+"\r\n"+follows)
	got := make([]byte, len(established))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != established {
		conn.Close()
		return nil, fmt.Errorf("CONNECT %s gave %q (%w), want %q", authority, got, err, established)
	}
	return &inside{Conn: conn, s: s, from: bufio.NewReader(conn)}, nil
}

// ask sends bytes and reads the answer of a request of that method.
func (c *inside) ask(method, request string) answer {
	c.s.t.Helper()
	go io.WriteString(c, request) // The answer may come before all of it was read.
	return c.s.readAnswer(method, c.from)
}

// ends checks that the gateway closes the tunnel, and says nothing more.
func (c *inside) ends() {
	c.s.t.Helper()
	if rest, err := io.ReadAll(c.from); len(rest) > 0 || err != nil {
		c.s.t.Errorf("the tunnel ended with %q and %v, want nothing and EOF", rest, err)
	}
}

// tunneling is a bot that opens a tunnel for everything, as those do whose proxy
// library knows nothing else. It counts its tunnels.
func (s *sidecar) tunneling(header ...string) (bot *http.Client, opened *atomic.Int32) {
	opened = new(atomic.Int32)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, authority string) (net.Conn, error) {
			opened.Add(1)
			return s.connect(ctx, authority, "", header...)
		},
		DisableCompression: true,
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}, opened
}

// through sends a request with a bot of its own.
func (s *sidecar) through(bot *http.Client, method, url string, body io.Reader, header ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, url, body)
	if err != nil {
		s.t.Fatal(err)
	}
	own := *s
	own.bot = bot
	a, err := own.ask(req, header...)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func TestATunnelCarriesCallsLikeAnyOther(t *testing.T) {
	leaksNothing(t)
	got := make(chan http.Header, 8)
	party := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, `{"said":"%s %s %d"}`, r.Method, r.URL.RequestURI(), len(body))
	})
	t.Setenv("STORE_KEY", "k-0123456789")
	s := start(t, unlimited+`secrets env STORE_
	policy store `+party.URL+`/v2 {
		inject bearer {secret.key}
		extract said $.said
		operation order GET "/orders/{{number}}" {
			hint found input.number == "7"
		}
	}`)
	bot, opened := s.tunneling("X-Tenant-ID", "acme", "Proxy-Authorization", "Basic outer")
	large := strings.Repeat("x", 300_000)
	for _, tc := range []struct {
		method, path string
		body         io.Reader
		said, route  string
	}{
		{"GET", "/v2/orders/7?q=1;2", nil, "GET /v2/orders/7?q=1;2 0", "found"},
		{"GET", "/v2/orders/8", nil, "GET /v2/orders/8 0", "success"},
		{"POST", "/v2/orders", strings.NewReader(large), "POST /v2/orders 300000", "success"},
		{"PUT", "/v2/a%2Fb", io.MultiReader(strings.NewReader(large)), "PUT /v2/a%252Fb 300000", "success"}, // Chunked; variables are percent-encoded.
		{"GET", "/health", nil, "", "error"},
		{"GET", "/v2/../x", nil, "", "error"},
	} {
		a := s.through(bot, tc.method, party.URL+tc.path, tc.body, "Proxy-Authorization", "Basic inner", "Proxy-Connection", "keep-alive")
		a.want(t, a.StatusCode, "Signpost-Var-Said", tc.said, "Signpost-Route", tc.route)
		if tc.said == "" {
			continue
		}
		a.want(t, 200, "Signpost-Outcome", "success")
		header := await(t, got, "request")
		for _, name := range []string{"Proxy-Authorization", "Proxy-Connection", "X-Tenant-Id", "Via", "X-Forwarded-For"} {
			if value := header.Get(name); value != "" {
				t.Errorf("%s %s: %s went out as %q", tc.method, tc.path, name, value)
			}
		}
		if value := header.Get("Authorization"); value != "Bearer k-0123456789" {
			t.Errorf("%s %s: Authorization went out as %q, want the injected one", tc.method, tc.path, value)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d tunnels were opened, want 1 for all calls", n)
	}
}

func TestWhatEntersATunnelAsHTTPLeavesAsHTTPS(t *testing.T) {
	party := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"secure":%t}`, r.TLS != nil)
	}))
	t.Cleanup(party.Close)
	s := start(t, unlimited+"policy store "+party.URL+" {\nextract secure $.secure\ntransport {\ntls_insecure_skip_verify\n}\n}")
	bot, _ := s.tunneling()
	s.through(bot, "GET", "http://"+party.Listener.Addr().String()+"/x", nil).want(t, 200, "Signpost-Var-Secure", "true")
}

func TestInsideATunnelHTTP1IsSpokenInFull(t *testing.T) {
	leaksNothing(t)
	party := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, body)
	})
	host := party.Listener.Addr().String()
	name, _, _ := net.SplitHostPort(host)
	s := start(t, unlimited+"policy api "+party.URL)
	end := "\r\nHost: " + host + "\r\n\r\n"

	t.Run("requests that come with the CONNECT, pipelined", func(t *testing.T) {
		c := s.open(host, "GET /1 HTTP/1.1"+end+"POST /2 HTTP/1.1\r\nContent-Length: 5\r\nHost: "+host+"\r\n\r\nhelloGET /3 HTTP/1.1\r\nConnection: close"+end+"GET /4 HTTP/1.1"+end)
		for _, want := range []string{"GET /1 ", "POST /2 hello", "GET /3 "} {
			a := s.readAnswer("GET", c.from)
			a.passed(t, 200, "success")
			if a.body != want {
				t.Errorf("the answer is %q, want %q", a.body, want)
			}
		}
		c.ends()
	})
	t.Run("HTTP/1.0", func(t *testing.T) {
		c := s.open(host, "")
		if a := c.ask("GET", "GET /old HTTP/1.0\r\n\r\n"); a.body != "GET /old " || a.StatusCode != 200 {
			t.Errorf("got %d %q, want what the third party says", a.StatusCode, a.body)
		}
		c.ends()
	})
	t.Run("a CONNECT of HTTP/1.0", func(t *testing.T) {
		conn := s.dial()
		io.WriteString(conn, "CONNECT "+host+" HTTP/1.0\r\n\r\nGET /x HTTP/1.1"+end)
		from := bufio.NewReader(conn)
		if got, err := from.Peek(len(established)); string(got) != established {
			t.Fatalf("got %q (%v), want %q", got, err, established)
		}
		from.Discard(len(established))
		s.readAnswer("GET", from).passed(t, 200, "success")
	})
	t.Run("Expect: 100-continue", func(t *testing.T) {
		c := s.open(host, "PUT /x HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue"+end)
		if line, err := c.from.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("got %q (%v), want a 100", line, err)
		}
		c.from.ReadString('\n')
		if a := c.ask("PUT", "ok"); a.body != "PUT /x ok" {
			t.Errorf("got %q, want what the third party says", a.body)
		}
	})
	t.Run("ways to say the host", func(t *testing.T) {
		c := s.open(host, "")
		for _, request := range []string{
			"GET /x HTTP/1.1" + end, "GET http://" + host + "/x HTTP/1.1\r\nHost: ignored.example\r\n\r\n",
			"GET /x HTTP/1.1\r\nHost: " + name + "\r\n\r\n", "GET /x HTTP/1.1\r\nHost:\r\n\r\n",
		} {
			if a := c.ask("GET", request); a.StatusCode != 200 || a.body != "GET /x " {
				t.Errorf("%q gives %d %q, want what the third party says", request, a.StatusCode, a.body)
			}
		}
		if a := c.ask("HEAD", "HEAD /x HTTP/1.1"+end); a.StatusCode != 200 || a.body != "" {
			t.Errorf("HEAD gives %d %q, want a header only", a.StatusCode, a.body)
		}
	})
}

func TestEventsInATunnelComeAsTheyAreSaid(t *testing.T) {
	leaksNothing(t)
	next, gone := make(chan string), make(chan struct{})
	party := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(gone)
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			select {
			case text := <-next:
				io.WriteString(w, "data: "+text+"\n\n")
				http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	s := start(t, unlimited+"policy api "+party.URL+" {\ntimeout 20s\n}")
	host := party.Listener.Addr().String()
	c := s.open(host, "GET /events HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
	next <- "one"
	resp, err := http.ReadResponse(c.from, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	events := bufio.NewReader(resp.Body)
	for _, want := range []string{"one", "two"} {
		if line, err := events.ReadString('\n'); line != "data: "+want+"\n" {
			t.Fatalf("got %q (%v), want the event %s", line, err, want)
		}
		events.ReadString('\n')
		if want == "one" {
			next <- "two"
		}
	}
	c.Close()
	await(t, gone, "cancellation")
}

func TestAConnectionInsideATunnelCanBeUpgraded(t *testing.T) {
	leaksNothing(t)
	url := wire(t, chat)
	host := strings.TrimPrefix(url, "http://")
	// Caddy's log counts what passes a connection, on whichever goroutine.
	s := startSite(t, unlimited+"policy api "+url+" {"+fragile+"}", "log {\noutput discard\n}\nsignpost")
	for _, end := range []string{"bot", "reload"} {
		c := s.open(host, "GET /x HTTP/1.1\r\nHost: "+host+"\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
		resp, err := http.ReadResponse(c.from, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer{Response: resp}.want(t, 101, "Signpost-Outcome", "success", "Upgrade", "chat")
		expect := func(want string) {
			t.Helper()
			if got, err := c.from.ReadString('\n'); got != want+"\n" {
				t.Errorf("heard %q and %v, want %q", got, err, want)
			}
		}
		expect("key ")
		if end == "reload" {
			// Like any upgraded connection, it outlives its configuration.
			if err := s.load(unlimited+"policy api "+url+" {"+fragile+"timeout 3s\n}", "signpost"); err != nil {
				t.Fatal(err)
			}
		}
		io.WriteString(c, "hello\n")
		expect("HELLO")
		c.Close()
		s.recovers("/api/good")
	}
}
