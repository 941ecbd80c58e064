package caddymodule_test

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

func TestABotThatSpeaksTLSInATunnelIsToldInPlainText(t *testing.T) {
	leaksNothing(t)
	sink := sinkTraces(t)
	var arrived atomic.Int32
	party := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	party.Listener = countingConns{party.Listener, &arrived}
	party.StartTLS()
	t.Cleanup(party.Close)
	host := party.Listener.Addr().String()
	s := startSite(t, tracing(sink, "")+"policy api "+party.URL, "metrics /metrics\nsignpost")
	const metric = `signpost_calls_total{operation="",outcome="denied"`
	before := s.metric(metric)

	bot, opened := s.tunneling("X-Tenant-ID", "acme")
	bot.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	resp, err := bot.Get("https://" + host + "/x")
	if err == nil {
		resp.Body.Close()
		t.Fatal("a call over TLS was answered")
	}
	if opened.Load() != 1 || !strings.Contains(err.Error(), "HTTP response to HTTPS client") {
		t.Errorf("after %d tunnels the bot says %v, want that the server speaks HTTP", opened.Load(), err)
	}

	// The beginning of a handshake, which may come in one piece with the CONNECT,
	// and what a bot sends beyond it.
	for _, follows := range []string{"\x16", "\x16\x03\x01\x02\x00" + strings.Repeat("h", 50_000)} {
		c := s.open(host, follows, "X-Tenant-ID", "acme")
		got := s.readAnswer("GET", c.from)
		got.refused(t, 403, "denied", "http_request_denied")
		got.want(t, 403, "Connection", "") // Taken from the header, as Close.
		if !got.Close || got.Header.Get("Date") == "" || !strings.Contains(got.Header.Get("Signpost-Reason"), "TLS") || !strings.Contains(got.Header.Get("Signpost-Reason"), "base URL") {
			t.Errorf("the answer is %+v, want a dated one that closes and says why", got.Header)
		}
		server, clients := sink.of(got)
		server.want(t, "signpost.outcome", "denied", "http.request.method", "CONNECT")
		if len(clients) > 0 {
			t.Errorf("%d attempts, want none", len(clients))
		}
	}
	if n := s.metric(metric) - before; n != 3 {
		t.Errorf("%d calls were counted as denied, want 3", n)
	}
	if n := arrived.Load(); n != 0 {
		t.Errorf("the third party was connected to %d times, want never", n)
	}
}

// countingConns is a listener that counts its connections.
type countingConns struct {
	net.Listener
	n *atomic.Int32
}

func (l countingConns) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		l.n.Add(1)
	}
	return conn, err
}

func TestAnOpenedTunnelIsNoCall(t *testing.T) {
	party := okParty(t)
	host := strings.TrimPrefix(party, "http://")
	s := startSite(t, "plan default {\nrate_limit 2/h\n}\npolicy api "+party, "metrics /metrics\nsignpost")
	before := s.metric("signpost_calls_total")
	for range 5 {
		s.open(host, "", "X-Tenant-ID", "acme").Close()
	}
	if n := s.metric("signpost_calls_total") - before; n != 0 {
		t.Errorf("%d calls were counted, want none", n)
	}
	// The calls inside are limited, over all tunnels together.
	for n, want := range []int{200, 200, 429} {
		c := s.open(host, "", "X-Tenant-ID", "acme")
		if a := c.ask("GET", "GET /x HTTP/1.1\r\nHost: "+host+"\r\n\r\n"); a.StatusCode != want {
			t.Errorf("call %d: status %d, want %d", n+1, a.StatusCode, want)
		}
	}
}

func TestCallsInATunnelHaveTheTenantThatTheyNameElseTheTunnels(t *testing.T) {
	leaksNothing(t)
	url, heard := talkative(t)
	host := strings.TrimPrefix(url, "http://")
	hints := "hint acme tenant == \"acme\"\nhint globex tenant == \"globex\"\nhint nobody tenant == \"anonymous\"\n"
	s := start(t, unlimited+"policy api "+url+" {\n"+hints+"}")
	for _, tc := range []struct {
		outer, inner []string
		route        string
	}{
		{nil, nil, "nobody"},
		{[]string{"X-Tenant-ID", "acme"}, nil, "acme"},
		{[]string{"x-tenant-id", "acme"}, []string{"X-Tenant-ID: globex"}, "globex"},
		{nil, []string{"X-Tenant-ID: globex"}, "globex"},
		{[]string{"X-Tenant-ID", "acme"}, []string{"X_Tenant_ID: globex", "X.Tenant.ID: globex"}, "acme"},
	} {
		c := s.open(host, "", tc.outer...)
		inner := "GET /x HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Join(append(tc.inner, "", ""), "\r\n")
		for range 2 {
			c.ask("GET", inner).want(t, 200, "Signpost-Route", tc.route)
			for name := range await(t, heard, "request").Header {
				if strings.Contains(strings.ToLower(name), "tenant") {
					t.Errorf("CONNECT with %q, call with %q: %s went out", tc.outer, tc.inner, name)
				}
			}
			c = s.open(host, "", tc.outer...) // The third party closes.
		}
	}
	c := s.open(host, "", "X-Tenant-ID", "acme", "X-Tenant-ID", "globex")
	c.ask("GET", "GET /x HTTP/1.1\r\nHost: "+host+"\r\n\r\n").refused(t, 403, "denied", "http_request_denied")
}

func TestATunnelToATenantsOwnHostServesThatTenantAlone(t *testing.T) {
	tenants := filepath.Join(t.TempDir(), "tenants.yaml")
	writeFile(t, tenants, "tenants:\n  acme: {vars: {shop: acme}}\n  globex: {vars: {shop: globex}}\n")
	s := start(t, unlimited+"tenants_file "+tenants+"\npolicy shops https://{tenant.shop}.shops.invalid/v1 {\ntimeout 300ms\n}")
	s.refuses("shops.invalid:80")
	s.refuses("acme.shops.invalid:443")
	c := s.open("acme.shops.invalid:80", "", "X-Tenant-ID", "acme")
	request := "GET /v1/x HTTP/1.1\r\nHost: acme.shops.invalid\r\n"
	c.ask("GET", request+"X-Tenant-ID: globex\r\n\r\n").refused(t, 403, "denied", "http_request_denied")
	if got := c.ask("GET", request+"\r\n").Header.Get("Signpost-Outcome"); got != "unreachable" && got != "timeout" {
		t.Errorf("the tenant's own call is %q, want it to be sent, to a name that nobody has", got)
	}
}

func TestTheUserWhomTheSiteLetInHoldsForTheTunnel(t *testing.T) {
	leaksNothing(t)
	url, heard := talkative(t)
	host := strings.TrimPrefix(url, "http://")
	// The password is "open sesame", hashed at the least cost.
	s := startSite(t, "tenant {http.auth.user.id}\ntenant_required\nplan default {\nrate_limit off\n}\npolicy api "+url+" {\nhint acme tenant == \"acme\"\n}",
		"basic_auth {\nacme $2a$04$4V3BYgNixFqT8hpgz.ZEq.TAAncykW4KWjyiptnaLRWHs/8Df7s5a\n}\nsignpost")
	login := "Basic " + base64.StdEncoding.EncodeToString([]byte("acme:open sesame"))
	if got := s.raw("CONNECT", "CONNECT "+host+" HTTP/1.1\r\nHost: s\r\nConnection: close\r\nProxy-Authorization: "+login+"\r\n\r\n"); got.StatusCode != 401 {
		t.Errorf("without a login the CONNECT gives %d, want 401", got.StatusCode)
	}
	for _, inner := range []string{"", "Authorization: " + login + "\r\n"} {
		c := s.open(host, "", "Authorization", login)
		c.ask("GET", "GET /x HTTP/1.1\r\nHost: "+host+"\r\n"+inner+"\r\n").want(t, 200, "Signpost-Route", "acme")
		if got := await(t, heard, "request").Header.Get("Authorization"); got != "" {
			t.Errorf("a call with %q goes out with the Authorization %q, want none", inner, got)
		}
	}
	// As with an absolute URL, the site takes it for a login.
	c := s.open(host, "", "Authorization", login)
	if a := c.ask("GET", "GET /x HTTP/1.1\r\nHost: "+host+"\r\nAuthorization: Bearer of-the-bot\r\n\r\n"); a.StatusCode != 401 {
		t.Errorf("with another login inside, the site answers %d, want 401", a.StatusCode)
	}
}

func TestNoDirectiveOfTheSiteIsPassedByInATunnel(t *testing.T) {
	party := saying(t, "text/plain", "from the third party")
	host := strings.TrimPrefix(party, "http://")
	s := startSite(t, unlimited+"policy api "+party+" {\nhint acme `tenant == \"acme\"`\n}", `
		request_header X-Tenant-ID acme
		request_body {
			max_size 10
		}
		respond /blocked 418
		signpost
	`)
	c := s.open(host, "")
	end := "Host: " + host + "\r\n"
	c.ask("GET", "GET /x HTTP/1.1\r\n"+end+"X-Tenant-ID: evil\r\n\r\n").want(t, 200, "Signpost-Route", "acme")
	if a := c.ask("GET", "GET /blocked HTTP/1.1\r\n"+end+"\r\n"); a.StatusCode != 418 {
		t.Errorf("what the site answers by itself is %d %q inside", a.StatusCode, a.body)
	}
	if a := c.ask("POST", "POST /x HTTP/1.1\r\n"+end+"Content-Length: 50\r\n\r\n"+strings.Repeat("x", 50)); a.StatusCode != 413 {
		t.Errorf("a body over the site's bound is %d inside", a.StatusCode)
	}
}

func TestTunnelsWorkBesideOtherDirectives(t *testing.T) {
	party := saying(t, "text/plain", strings.Repeat("many words ", 100))
	host := strings.TrimPrefix(party, "http://")
	logged := filepath.Join(t.TempDir(), "access.log")
	s := startSite(t, unlimited+"policy api "+party, `
		log {
			output file `+logged+`
		}
		header X-Site yes
		encode gzip
		request_body {
			max_size 1KB
		}
		metrics /metrics
		signpost
	`)
	c := s.open(host, "", "Accept-Encoding", "gzip")
	for range 2 {
		c.ask("GET", "GET /x HTTP/1.1\r\nHost: "+host+"\r\n\r\n").passed(t, 200, "success")
	}
	c.Close()
	// Caddy's log has a line for each call, and one for the tunnel.
	shortly(t, func() bool {
		log, err := os.ReadFile(logged)
		return err == nil && strings.Count(string(log), "\n") == 3 && strings.Contains(string(log), `"method":"CONNECT"`) && strings.Contains(string(log), `"level":"info"`)
	}, func() string {
		log, err := os.ReadFile(logged)
		return fmt.Sprintf("the access log is %q (%v)", log, err)
	})
}

func TestAReloadEndsTunnelsAfterTheAnswerThatIsOnItsWay(t *testing.T) {
	leaksNothing(t)
	entered, release := make(chan struct{}), make(chan struct{})
	party := thirdParty(t, blocking(entered, release))
	host := party.Listener.Addr().String()
	signpost := func(route string) string {
		return unlimited + "policy api " + party.URL + " {\ntimeout 20s\nhint " + route + " ok\n}"
	}
	s := start(t, signpost("old"))
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n" }

	fresh, idle, begun, busy := s.open(host, ""), s.open(host, ""), s.open(host, "GET /half"), s.open(host, "")
	idle.ask("GET", get("/idle")).want(t, 200, "Signpost-Route", "old")
	go io.WriteString(busy, get("/x")+get("/never"))
	await(t, entered, "call")
	if err := s.load(signpost("new"), "signpost"); err != nil {
		t.Fatal(err)
	}
	fresh.ends()
	idle.ends()
	begun.ends()
	after := s.open(host, "")
	after.ask("GET", get("/after")).want(t, 200, "Signpost-Route", "new")
	close(release)
	a := s.readAnswer("GET", busy.from)
	a.want(t, 200, "Signpost-Route", "old")
	if !a.Close {
		t.Error("the last answer does not say that the connection closes")
	}
	busy.ends()
	after.ask("GET", get("/again")).want(t, 200, "Signpost-Route", "new")
}

func TestReloadsUnderTunnelledTrafficLoseNoCall(t *testing.T) {
	var arrived, answered atomic.Int64
	party := thirdParty(t, func(http.ResponseWriter, *http.Request) { arrived.Add(1) })
	signpost := func(n int) string {
		return fmt.Sprintf("%spolicy store %s {\nrate_limit %d/h\nhint fine ok\n}", unlimited, party.URL, 1_000_000+n)
	}
	s := start(t, signpost(0))
	stop := make(chan struct{})
	var bots sync.WaitGroup
	for range 3 {
		bot, _ := s.tunneling()
		own := *s
		own.bot = bot
		bots.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, party.URL+"/x", strings.NewReader("not idempotent"))
				if err != nil {
					t.Error(err)
					return
				}
				a, err := own.ask(req)
				if err != nil {
					continue // The tunnel was closed, and nobody has looked at the request: see below.
				}
				if a.StatusCode != 200 || a.Header.Get("Signpost-Route") != "fine" {
					t.Errorf("a call was lost: %+v", a.Response)
					return
				}
				answered.Add(1)
			}
		})
	}
	for n := range 10 {
		s.reloadBetween(signpost(n), &answered)
	}
	close(stop)
	bots.Wait()
	if arrived.Load() != answered.Load() {
		t.Errorf("%d calls arrived at the third party, and %d were answered; want the same number", arrived.Load(), answered.Load())
	}
}

func TestATunnelHasOneTenantHoweverTheSiteRewritesIt(t *testing.T) {
	url := okParty(t)
	host := strings.TrimPrefix(url, "http://")
	s := startSite(t, "plan default {\nrate_limit 2/h\n}\npolicy api "+url, "request_header X-Tenant-ID \"^(.*)$\" \"bot-$1\"\nsignpost")
	c := s.open(host, "", "X-Tenant-ID", "acme")
	for i := range 6 {
		want := 200
		if i >= 2 {
			want = 429
		}
		if got := c.ask("GET", "GET /x HTTP/1.1\r\nHost: "+host+"\r\n\r\n").StatusCode; got != want {
			t.Errorf("call %d inside is %d, want %d", i+1, got, want)
		}
	}
}

func TestTheLoginOfATunnelDoesNotGoOutWhereNobodyAsksForItInside(t *testing.T) {
	url, heard := talkative(t)
	host := strings.TrimPrefix(url, "http://")
	s := startSite(t, unlimited+"policy api "+url, "@private not path /public/*\nbasic_auth @private {\nacme $2a$04$4V3BYgNixFqT8hpgz.ZEq.TAAncykW4KWjyiptnaLRWHs/8Df7s5a\n}\nsignpost")
	login := "Basic " + base64.StdEncoding.EncodeToString([]byte("acme:open sesame"))
	for _, inner := range []string{"", "Authorization: " + login + "\r\n"} {
		c := s.open(host, "", "Authorization", login)
		c.ask("GET", "GET /public/x HTTP/1.1\r\nHost: "+host+"\r\n"+inner+"\r\n").want(t, 200)
		if got := await(t, heard, "request").Header["Authorization"]; got != nil {
			t.Errorf("with %q inside, the third party got %q", inner, got)
		}
	}
}

func TestEachCallInATunnelHasATraceOfItsOwn(t *testing.T) {
	t.Setenv("OTEL_TRACES_EXPORTER", "none")
	url := okParty(t)
	host := strings.TrimPrefix(url, "http://")
	s := startSite(t, unlimited+"policy api "+url, "tracing {\nspan site\n}\nsignpost")
	c := s.open(host, "")
	seen := map[string]bool{}
	for range 3 {
		seen[c.ask("GET", "GET /x HTTP/1.1\r\nHost: "+host+"\r\n\r\n").Header.Get("Signpost-Trace")] = true
	}
	if len(seen) != 3 {
		t.Errorf("three calls inside have %d traces, want one each", len(seen))
	}
}

func TestTheSitesWriteTimeOutHoldsInATunnel(t *testing.T) {
	party := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				io.WriteString(w, "data: x\n\n")
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	host := strings.TrimPrefix(party.URL, "http://")
	s := startGlobal(t, quiet+"servers {\ntimeouts {\nwrite 300ms\n}\n}\n", unlimited+"policy api "+party.URL, "signpost")
	c := s.open(host, "GET /x HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
	if err := c.SetReadDeadline(time.Now().Add(waitBound)); err != nil {
		t.Fatal(err)
	}
	_, err := io.Copy(io.Discard, c.from)
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		t.Errorf("the stream is still open after %v, want its end after 300ms", waitBound)
	}
}

func TestATunnelOpensWhateverTheSiteMakesOfPaths(t *testing.T) {
	url := okParty(t)
	host := strings.TrimPrefix(url, "http://")
	for _, directive := range []string{"rewrite * /v2{path}", "uri query +k v", "uri strip_prefix /pre"} {
		s := startSite(t, unlimited+"policy api "+url, "route {\n"+directive+"\nsignpost\n}")
		c := s.open(host, "")
		c.ask("GET", "GET /x HTTP/1.1\r\nHost: "+host+"\r\n\r\n").want(t, 200)
		c.Close()
		s.bot.CloseIdleConnections()
		if err := caddy.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}
