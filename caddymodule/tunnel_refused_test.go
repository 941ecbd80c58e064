package caddymodule_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestATunnelLeadsOnlyWherePlainHTTPFindsAPolicy(t *testing.T) {
	leaksNothing(t)
	url, _ := talkative(t)
	host := strings.TrimPrefix(url, "http://")
	_, port, _ := net.SplitHostPort(host)
	policies := unlimited + `policy api ` + url + `
	policy store https://api.store.example/v2
	policy said https://said.example:443
	policy shop https://shop.example:8443
	policy six http://[::1]:` + port + `
	`
	opened := map[string]string{ // The policy that a site must have to open it.
		host: "api", "said.example:80": "said", "api.store.example:80": "store", "API.Store.Example:80": "store", "shop.example:8443": "shop", "[::1]:" + port: "six",
	}
	refused := []string{
		"api.store.example:443", "said.example:443", "api.store.example:8080", "api.store.example", "api.store.example:", "api.store.example:080",
		"elsewhere.example:80", "127.0.0.1:1", "127.0.0.1", ":80", "user@" + host, "user:pass@" + host, host + "/", host + "/v2", host + "?q", host + "?",
		"http://" + host, "https://" + host + "/", "/", "/api/x", "*", "[::1]:80", "[::1", "api.store.example.:80", "store.example:80",
	}
	for _, only := range []string{"", "api", "store"} {
		t.Run("site of "+only, func(t *testing.T) {
			s := startSite(t, policies, "signpost "+only)
			for authority, policy := range opened {
				if only == "" || only == policy {
					s.open(authority, "").Close()
					continue
				}
				s.refuses(authority)
			}
			for _, authority := range refused {
				s.refuses(authority)
			}
		})
	}
}

// refuses checks that a CONNECT is answered with where to turn instead.
func (s *sidecar) refuses(authority string) {
	s.t.Helper()
	// For a CONNECT, whatever follows a 200 would be read as its body.
	got := s.raw("GET", "CONNECT "+authority+" HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n\x16")
	if got.StatusCode == 200 {
		s.t.Fatalf("CONNECT %s opened a tunnel", authority)
	}
	if got.StatusCode == 400 && got.Header.Get("Signpost-Outcome") == "" {
		return // net/http itself could not read it.
	}
	got.refused(s.t, 403, "denied", "http_request_denied")
	if reason := got.Header.Get("Signpost-Reason"); !strings.Contains(reason, "base URL") {
		s.t.Errorf("CONNECT %s: the reason %q does not point to the base URL", authority, reason)
	}
}

func TestAConnectWithContentOpensNoTunnel(t *testing.T) {
	leaksNothing(t)
	url, heard := talkative(t)
	host := strings.TrimPrefix(url, "http://")
	s := start(t, unlimited+"policy api "+url)
	for _, content := range []string{"Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"} {
		s.raw("CONNECT", "CONNECT "+host+" HTTP/1.1\r\nHost: s\r\nConnection: close\r\n"+content).refused(t, 403, "denied", "http_request_denied")
	}
	if len(heard) > 0 {
		t.Error("something went out")
	}
}

func TestHTTP2OpensNoTunnel(t *testing.T) {
	party := okParty(t)
	s := startGlobal(t, quiet+"servers {\nlistener_wrappers {\ncounting\n}\nprotocols h1 h2c\n}\n", unlimited+"policy api "+party, "signpost")
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	s.bot = dialing(s.socket)
	defer s.bot.CloseIdleConnections()
	s.bot.Transport.(*http.Transport).Protocols = protocols
	open, rest := io.Pipe()
	defer rest.Close()
	for name, body := range map[string]io.Reader{"open": open, "over": nil} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodConnect, party, body)
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.ask(req)
		if err != nil {
			t.Fatalf("CONNECT on a stream that is %s: %v", name, err)
		}
		if a.ProtoMajor != 2 {
			t.Errorf("the answer came over HTTP/%d, want 2", a.ProtoMajor)
		}
		a.refused(t, 403, "denied", "http_request_denied")
	}
}

func TestATunnelLeadsToOneHostOnly(t *testing.T) {
	leaksNothing(t)
	first, heard := talkative(t)
	second, others := talkative(t)
	s := start(t, unlimited+"policy first "+first+"\npolicy second "+second)
	own, other := strings.TrimPrefix(first, "http://"), strings.TrimPrefix(second, "http://")
	c := s.open(own, "")
	for _, request := range []string{
		"GET /x HTTP/1.1\r\nHost: " + other + "\r\n\r\n", "GET " + second + "/x HTTP/1.1\r\nHost: " + own + "\r\n\r\n",
		"GET /x HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n", "GET /x HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n", "GET /x HTTP/1.1\r\nHost: s\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\n",
		"CONNECT " + other + " HTTP/1.1\r\nHost: " + other + "\r\n\r\n", "CONNECT " + own + " HTTP/1.1\r\nHost: " + own + "\r\n\r\n",
		"POST /x HTTP/1.1\r\nHost: elsewhere.example\r\nContent-Length: 3\r\n\r\nabc",
	} {
		a := c.ask("GET", request)
		a.refused(t, 403, "denied", "http_request_denied")
		if reason := a.Header.Get("Signpost-Reason"); !strings.Contains(reason, "base URL") {
			t.Errorf("%q: the reason %q does not point to the base URL", request, reason)
		}
	}
	// Nor does a refusal end the tunnel.
	c.ask("GET", "GET /x HTTP/1.1\r\nHost: "+own+"\r\n\r\n").passed(t, 200, "success")
	if len(heard) != 1 || len(others) != 0 {
		t.Errorf("the tunnel's host was called %d times, the other one %d times; want once and never", len(heard), len(others))
	}
}
