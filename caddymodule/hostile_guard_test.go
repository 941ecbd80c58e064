package caddymodule_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// named gives a URL of loopback by the name localhost.
func named(t testing.TB, url string) string {
	t.Helper()
	if _, err := net.LookupHost("localhost"); err != nil {
		t.Fatalf("this machine does not know localhost: %v", err)
	}
	return strings.Replace(url, "127.0.0.1", "localhost", 1)
}

func TestANameThatResolvesToLoopbackIsProhibitedAndTakesNothing(t *testing.T) {
	leaksNothing(t)
	var connected atomic.Int32
	third := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { connected.Add(1) }))
	third.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connected.Add(1)
		}
	}
	third.Start()
	t.Cleanup(third.Close)
	const plan = "plan default {\nrate_limit 3/h\n}\n"
	policy := func(lines string) string {
		return plan + "policy api " + named(t, third.URL) + " {\nrate_limit 5/h shared\n" + fragile + lines + "\n}"
	}
	s := start(t, policy(""))
	for range 10 {
		got := s.get("/api/x")
		got.refused(t, 502, "denied", "destination_ip_prohibited")
		if limit := got.Header.Get("RateLimit"); !strings.Contains(limit, ";r=3") {
			t.Errorf("after a denied call RateLimit is %q, want all 3 left", limit)
		}
		if strings.Contains(got.body, "127.0.0.1") {
			t.Errorf("the answer tells what the name resolves to: %s", got.body)
		}
	}
	if n := connected.Load(); n != 0 {
		t.Errorf("the third party was connected to %d times, want never", n)
	}
	if err := s.load(policy("allow_private"), "signpost"); err != nil {
		t.Fatalf("reloading: %v", err)
	}
	got := s.get("/api/x")
	got.passed(t, 200, "success")
	if limit := got.Header.Get("RateLimit"); !strings.Contains(limit, ";r=2") {
		t.Errorf("after the first call that went out RateLimit is %q, want 2 left", limit)
	}
}

func TestNoTransportSettingLeadsAroundTheDialGuard(t *testing.T) {
	leaksNothing(t)
	var connected atomic.Int32
	third := thirdParty(t, func(http.ResponseWriter, *http.Request) { connected.Add(1) })
	for _, scheme := range []string{"http", "https"} {
		base := strings.Replace(named(t, third.URL), "http", scheme, 1)
		for _, line := range []string{
			"tls_insecure_skip_verify", "tls_server_name store.example", "versions 1.1", "versions 2", "versions h2c 2", "keepalive off",
			"dial_timeout 1s", "max_conns_per_host 1", "compression off", "tls_timeout 1s", "response_header_timeout 1s", "tls",
		} {
			if scheme == "http" && strings.HasPrefix(line, "tls") {
				continue
			}
			s := start(t, unlimited+"policy api "+base+" {"+fragile+"transport {\n"+line+"\n}\n}")
			s.get("/api/x").refused(t, 502, "denied", "destination_ip_prohibited")
			s.bot.CloseIdleConnections()
		}
	}
	if n := connected.Load(); n != 0 {
		t.Errorf("the third party was connected to %d times, want never", n)
	}
	for _, line := range []string{
		"forward_proxy_url http://127.0.0.1:1", "network_proxy url http://127.0.0.1:1", "versions 3", "versions 1.1 3", "proxy_protocol v1",
		"tls_server_name {http.request.host}", "local_address 127.0.0.1", "resolvers 127.0.0.1",
	} {
		if _, err := adapt("{\nsignpost {\npolicy api https://store.example {\ntransport {\n" + line + "\n}\n}\n}\n}\n"); err == nil {
			t.Errorf("transport { %s } was accepted, want an error", line)
		}
	}
}

// proxyVariable tells the test below, in a process of its own, where the proxy
// is: net/http reads the environment only once.
const proxyVariable = "SIGNPOST_TEST_PROXY"

func TestAProxyInTheEnvironmentIsNotFollowed(t *testing.T) {
	if os.Getenv(proxyVariable) == "" {
		var asked atomic.Int32
		proxy := thirdParty(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
		ctx, cancel := context.WithTimeout(t.Context(), 2*waitBound)
		defer cancel()
		again := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$")
		again.Env = append(os.Environ(), proxyVariable+"="+proxy.URL, "HTTP_PROXY="+proxy.URL, "HTTPS_PROXY="+proxy.URL, "NO_PROXY=")
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("in its own process: %v\n%s", err, out)
		}
		if n := asked.Load(); n != 0 {
			t.Errorf("the proxy was asked %d times, want never", n)
		}
		return
	}
	// 192.0.2.1 is nobody's (RFC 5737), and no address that net/http would
	// spare from a proxy.
	const nobody = "http://192.0.2.1"
	target, err := url.Parse(nobody)
	if err != nil {
		t.Fatalf("parsing: %v", err)
	}
	if through, err := http.ProxyFromEnvironment(&http.Request{URL: target}); err != nil || through == nil {
		t.Fatalf("the environment names the proxy %v (%v), want one", through, err)
	}
	s := start(t, unlimited+"policy api "+nobody+" {\n"+brief+"}\npolicy secure https://192.0.2.1 {\n"+brief+"}")
	for _, path := range []string{"/api/x", "/secure/x"} {
		begun := time.Now()
		if outcome := s.get(path).Header.Get("Signpost-Outcome"); outcome != "timeout" && outcome != "unreachable" {
			t.Errorf("%s: the outcome is %q, want timeout or unreachable", path, outcome)
		}
		if took := time.Since(begun); took > 300*time.Millisecond+margin {
			t.Errorf("%s: the call took %v", path, took)
		}
	}
}
