package caddymodule_test

import (
	"compress/gzip"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

func TestASiteThatMountsOnePolicyGivesItTheWholePath(t *testing.T) {
	url := echoParty(t)
	s := startSite(t, unlimited+"policy store "+url+"/v2 {\nextract path $.path\n}\npolicy other "+url, "signpost store")
	for bot, third := range map[string]string{"/orders/7": "/v2/orders/7", "/store/x": "/v2/store/x", "/health": "/v2/health", "/other/x": "/v2/other/x", "/": "/v2/"} {
		s.get(bot).want(t, 200, "Signpost-Policy", "store", "Signpost-Var-Path", third)
	}
}

func TestHealthNeedsNeitherTenantNorLimit(t *testing.T) {
	s := start(t, "tenant_required\nplan default {\nrate_limit 1/h\n}\npolicy store "+okParty(t))
	for range 5 {
		a := s.get("/health")
		a.want(t, 200, "Signpost-Outcome", "", "Ratelimit", "")
		if a.body != "OK\n" {
			t.Errorf("the body is %q, want OK", a.body)
		}
	}
	s.send("POST", "/health", "").want(t, 404, "Signpost-Outcome", "not_found")
	s.get("/health/x").want(t, 404, "Signpost-Outcome", "not_found")
}

func TestTwoSitesShareTheirPoliciesAndLimits(t *testing.T) {
	url := okParty(t)
	s := start(t, unlimited+"policy store "+url)
	second := filepath.Join(shortDir(t), "second.sock")
	source := s.source("plan default {\nrate_limit 2/h\n}\npolicy store "+url, "signpost") +
		"http://sidecar {\nbind unix/" + second + "\nsignpost store {\ntenant header X-Second\n}\n}\n"
	if err := load(source); err != nil {
		t.Fatal(err)
	}
	other := *s
	other.bot = dialing(second)
	defer other.bot.CloseIdleConnections()
	s.after("/store/x", "X-Tenant-ID", "acme").want(t, 200, "Ratelimit", `"default:2/h";r=1`)
	onSecond := func(tenant ...string) answer {
		return other.after("/x", tenant...)
	}
	onSecond("X-Second", "acme").want(t, 200, "Ratelimit", `"default:2/h";r=0`)
	onSecond("X-Second", "acme").want(t, 429)
	onSecond("X-Tenant-ID", "acme").want(t, 200) // Not the header that names tenants here.
}

func TestOtherDirectivesWorkBesideSignpost(t *testing.T) {
	party := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"size":`+string(rune('0'+min(len(body), 9)))+`,"text":"`+strings.Repeat("many words ", 100)+`"}`)
	})
	s := startSite(t, unlimited+`policy store `+party.URL+` {
		extract size $.size
		hint empty vars.size == 0
		hint full vars.size > 0
	}`, `
		respond /version 1.0
		metrics /metrics
		handle /internal/* {
			respond inside 418
		}
		header X-Site yes
		encode gzip
		request_body {
			max_size 1KB
		}
		log_append site yes
		signpost
	`)
	a := s.get("/store/x")
	a.want(t, 200, "Signpost-Route", "empty", "X-Site", "yes", "Content-Encoding", "")
	plain := a.body

	a = s.get("/store/x", "Accept-Encoding", "gzip")
	a.want(t, 200, "Signpost-Route", "empty", "Content-Encoding", "gzip")
	reader, err := gzip.NewReader(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(reader); err != nil || string(body) != plain {
		t.Errorf("the encoded body holds %d bytes (%v), want the %d of the plain one", len(body), err, len(plain))
	}
	s.send("POST", "/store/x", "hello").want(t, 200, "Signpost-Route", "full", "X-Site", "yes")
	// A length that is told is Caddy's own to refuse, one that shows is ours.
	s.send("POST", "/store/x", strings.Repeat("x", 1001)).want(t, 413, "Signpost-Outcome", "")
	s.stream("POST", "/store/x", strings.Repeat("x", 1001)).want(t, 413, "Signpost-Outcome", "bad_request", "X-Site", "yes",
		"Signpost-Reason", "The request's body is larger than 1000B.")

	if got := s.get("/version").body; got != "1.0" {
		t.Errorf("respond gives %q, want 1.0", got)
	}
	s.get("/internal/x").want(t, 418, "Signpost-Outcome", "")
	if page := s.get("/metrics").body; !strings.Contains(page, "signpost_calls_total{") {
		t.Error("the metrics page has no signpost_calls_total")
	}
}

func TestSignpostStandsInsideHandleAndRoute(t *testing.T) {
	url := okParty(t)
	for name, site := range map[string]string{
		"handle":      "handle {\nsignpost\n}",
		"route":       "route {\nheader X-Site yes\nsignpost\n}",
		"handle_path": "handle_path /bots/* {\nsignpost\n}",
		"a matcher":   "signpost /store/*",
	} {
		t.Run(name, func(t *testing.T) {
			s := startSite(t, unlimited+"policy store "+url, site)
			path := "/store/x"
			if name == "handle_path" {
				path = "/bots/store/x"
			}
			s.get(path).want(t, 200, "Signpost-Outcome", "success", "Signpost-Policy", "store")
		})
	}
}

func TestTheUserOfBasicAuthCanBeTheTenant(t *testing.T) {
	// The password is "open sesame", hashed at the least cost.
	s := startSite(t, "tenant {http.auth.user.id}\ntenant_required\nplan gold {\ntenants acme\n}\npolicy store "+okParty(t)+" {\nhint gold plan == \"gold\" and tenant == \"acme\"\n}",
		"basic_auth {\nacme $2a$04$4V3BYgNixFqT8hpgz.ZEq.TAAncykW4KWjyiptnaLRWHs/8Df7s5a\n}\nsignpost")
	login := "Basic " + base64.StdEncoding.EncodeToString([]byte("acme:open sesame"))
	s.get("/store/x", "Authorization", login, "X-Tenant-ID", "globex").want(t, 200, "Signpost-Route", "gold")
	s.get("/store/x", "X-Tenant-ID", "acme").want(t, 401, "Signpost-Outcome", "")
}

func TestCallsJoinTheTraceOfCaddysTracing(t *testing.T) {
	sink := sinkTraces(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.url)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	got := make(chan http.Header, 1)
	party := thirdParty(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header })
	s := startSite(t, unlimited+"policy store "+party.URL, "tracing {\nspan bot\n}\nsignpost")
	server, clients := sink.of(s.get("/store/x"))
	if len(clients) != 1 || clients[0].parent != server.id {
		t.Fatalf("CLIENT spans %+v, want one below the SERVER span %s", clients, server.id)
	}
	outer := sink.other(server.trace, "bot")
	if server.parent != outer.id || outer.kind != tracepb.Span_SPAN_KIND_SERVER {
		t.Errorf("the SERVER span's parent is %s, want Caddy's span %s", server.parent, outer.id)
	}
	if header := <-got; header.Get("Traceparent") != "" {
		t.Errorf("the third party got traceparent %q, want none", header.Get("Traceparent"))
	}
}

// other waits for a span of a trace by its name.
func (k *traceSink) other(trace, name string) sunkSpan {
	k.t.Helper()
	var found sunkSpan
	eventually(k.t, "the span "+name, func() bool {
		for {
			select {
			case s := <-k.spans:
				k.early = append(k.early, s)
				continue
			default:
			}
			break
		}
		for _, s := range k.early {
			if s.trace == trace && s.name == name {
				found = s
				return true
			}
		}
		return false
	})
	return found
}

// orderInJSON is a policy as it stands in JSON.
func orderInJSON(socket, url string) string {
	return `{"admin":{"disabled":true},"logging":{"logs":{"default":{"writer":{"output":"discard"}}}},"apps":{
		"http":{"servers":{"bots":{"listen":["unix/` + socket + `"],"automatic_https":{"disable":true},
			"routes":[{"handle":[{"handler":"signpost"}]}]}}},
		"signpost":{
			"plans":[{"name":"default","rate_limits":[{"rate":"3/h"}]}],
			"policies":[{"name":"store","base_url":"` + url + `/v2","timeout":"2s","breaker":{"trip":"off"},
				"operations":[{"name":"order","method":"GET","template":"/orders/{{number}}",
					"extracts":[{"var":"status","path":"$.order.status","default":"unknown"}],
					"hints":[{"route":"shipped","when":"vars.status == \"shipped\""}],
					"fallbacks":[{"route":"later","respond":{"status":200,"type":"text/plain","body":"order {{input.number}}"}}]}]}]}}}`
}

// seen is what a bot gets for calls of every kind, without what differs each time.
func (s *sidecar) seen(m *moody) (lines []string) {
	for _, step := range []struct {
		status int32
		path   string
	}{{200, "/store/orders/7"}, {500, "/store/orders/7"}, {404, "/store/x"}, {200, "/store/orders/7"}, {200, "/nobody/x"}} {
		m.status.Store(step.status)
		a := s.after(step.path, "X-Tenant-ID", "acme")
		line := a.Status + " " + a.body
		for _, name := range []string{"Route", "Outcome", "Next", "Policy", "Reason", "Fallback", "Var-Status"} {
			line += " " + a.Header.Get("Signpost-"+name)
		}
		line = strings.ReplaceAll(line, a.Header.Get("Signpost-Trace"), "trace")
		lines = append(lines, line+" "+a.Header.Get("Ratelimit")+" "+a.Header.Get("Proxy-Status"))
	}
	return lines
}

func TestAPolicyInJSONAnswersAsInACaddyfile(t *testing.T) {
	m, url := moodyParty(t, `{"order":{"status":"shipped"}}`)
	s := start(t, `plan default {
		rate_limit 3/h
	}
	policy store `+url+`/v2 {
		timeout 2s
		breaker off
		operation order GET "/orders/{{number}}" {
			extract status $.order.status default "unknown"
			hint shipped vars.status == "shipped"
			fallback {
				route later
				respond 200 text/plain "order {{input.number}}"
			}
		}
	}`)
	want := s.seen(m)
	s.bot.CloseIdleConnections()
	if err := caddy.Stop(); err != nil { // Otherwise the limits would go on counting.
		t.Fatal(err)
	}
	if err := caddy.Load([]byte(orderInJSON(s.socket, url)), true); err != nil {
		t.Fatal(err)
	}
	for i, got := range s.seen(m) {
		if got != want[i] {
			t.Errorf("call %d in JSON:\n%s\nin a Caddyfile:\n%s", i, got, want[i])
		}
	}
}

func TestLogAppendReadsTheRouteOfACall(t *testing.T) {
	logged := filepath.Join(t.TempDir(), "access")
	s := startSite(t, unlimited+"policy store "+okParty(t)+" {\nhint fine ok\n}",
		"log {\noutput file "+logged+"\nformat json\n}\nlog_append who {header.X-Tenant-ID}\nsignpost")
	s.get("/store/x", "X-Tenant-ID", "acme").want(t, 200)
	eventually(t, "the access log", func() bool {
		line, err := os.ReadFile(logged)
		return err == nil && strings.Contains(string(line), `"who":"acme"`) && strings.Contains(string(line), `"Signpost-Route":["fine"]`)
	})
}

func TestTheTenantsHeaderOfTheAppGoesOutFromNoSite(t *testing.T) {
	url, heard := talkative(t)
	s := startSite(t, unlimited+"policy api "+url+" {\nhint other `tenant == \"other\"`\n}", "signpost {\ntenant header X-Other\n}")
	s.get("/api/x", "X-Tenant-ID", "acme", "X-Other", "other").want(t, 200, "Signpost-Route", "other")
	for name := range await(t, heard, "request").Header {
		if strings.EqualFold(name, "X-Tenant-ID") || strings.EqualFold(name, "X-Other") {
			t.Errorf("%s went out", name)
		}
	}
}

func TestASiteOfOnePolicySaysNothingOfOthers(t *testing.T) {
	url := okParty(t)
	s := startSite(t, unlimited+"policy one https://one.example\npolicy two "+url, "signpost one")
	a := s.raw("GET", "GET "+url+"/x HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n")
	a.refused(t, 404, "not_found", "destination_not_found")
	if got := a.Header.Get("Signpost-Policy"); got != "" {
		t.Errorf("the answer names the policy %q", got)
	}
	s.raw("GET", "GET ftp://one.example/x HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n").refused(t, 404, "not_found", "destination_not_found")
}

func TestWhatWouldSendTheTenantsHeaderOutIsFoundWithItsLine(t *testing.T) {
	_, err := adapt("{\nsignpost {\npolicy store https://x.example {\ninject header x-tenant-id fixed\ninject jwt {\nkey {secret.a}\nalg HS256\nas header X-Tenant-ID\n}\n" +
		"operation a GET /a {\nheader X-Tenant-Id \"{{a}}\"\n}\n}\n}\n}\n")
	if err == nil {
		t.Fatal("nothing is wrong, want three mistakes")
	}
	for _, want := range []string{"Caddyfile:4: policy store: inject header", "Caddyfile:5: policy store: inject jwt", "Caddyfile:11: policy store: operation a: header"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told: %v", want, err)
		}
	}
}
