package caddymodule_test

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tracing is a `trace` block for a sink.
func tracing(sink *traceSink, more string) string {
	return "trace {\nendpoint " + sink.url + "\n" + more + "\n}\n" + unlimited
}

func TestTheTraceSaysWhyThisBranchWasTaken(t *testing.T) {
	sink := sinkTraces(t)
	s := start(t, tracing(sink, "")+`policy store `+saying(t, "application/json", `{"order":{"status":"packed","eta":null,"items":2}}`)+`/v2 {
		operation order GET "/orders/{{number}}" {
			extract status $.order.status
			extract eta $.order.eta
			hint shipped vars.status == "shipped"
			hint soon `+"`vars.eta < 3`"+`
			hint small `+"`path(\"$.order.items\") < 3 and status == 200`"+`
			hint never true
		}
	}`)
	server, clients := sink.of(s.get("/store/orders/7?lang=de", "X-Tenant-ID", "acme"))
	server.want(t, "signpost.tenant", "acme", "signpost.plan", "default", "signpost.policy", "store", "signpost.operation", "order",
		"signpost.route", "small", "signpost.var.status", "packed", "signpost.var.eta", "null", "signpost.breaker.state", "closed",
		"http.route", "/store/orders/{number}", "url.path", "/store/orders/7", "url.scheme", "http", "signpost.fallback", "")
	want := []sunkEvent{
		{"signpost.hint", map[string]string{
			"signpost.hint.route": "shipped", "signpost.hint.condition": `vars.status == "shipped"`, "signpost.hint.result": "false",
			"signpost.hint.value.vars.status": "packed",
		}},
		{"signpost.hint", map[string]string{
			"signpost.hint.route": "soon", "signpost.hint.condition": "vars.eta < 3", "signpost.hint.result": "false",
			"signpost.hint.value.vars.eta": "null",
		}},
		{"signpost.hint", map[string]string{
			"signpost.hint.route": "small", "signpost.hint.condition": `path("$.order.items") < 3 and status == 200`, "signpost.hint.result": "true",
			`signpost.hint.value.path("$.order.items")`: "2", "signpost.hint.value.status": "200",
		}},
	}
	if len(server.events) != len(want) {
		t.Fatalf("got the events %+v, want %d: one for each hint that was asked", server.events, len(want))
	}
	for i, w := range want {
		got := server.events[i]
		for name, value := range w.attributes {
			if got.name != w.name || got.attributes[name] != value {
				t.Errorf("event %d, %s: %s is %q, want %q", i, got.name, name, got.attributes[name], value)
			}
		}
		if failed := got.attributes["signpost.hint.error"] != ""; failed != (w.attributes["signpost.hint.route"] == "soon") {
			t.Errorf("event %d has the error %q", i, got.attributes["signpost.hint.error"])
		}
	}
	if len(clients) != 1 {
		t.Fatalf("%d CLIENT spans, want 1", len(clients))
	}
	clients[0].want(t, "url.template", "/v2/orders/{number}", "http.response.status_code", "200", "network.peer.address", "127.0.0.1")
	if clients[0].name != "GET /v2/orders/{number}" || !strings.HasSuffix(clients[0].attributes["url.full"], "/v2/orders/7?lang=REDACTED") {
		t.Errorf("the CLIENT span is %q of %q, want GET /v2/orders/{number} with the query's value left out", clients[0].name, clients[0].attributes["url.full"])
	}
}

func TestFailedAndSlowCallsAreExportedWhateverTheSampling(t *testing.T) {
	url, _ := obeying(t)
	for name, tc := range map[string]struct {
		keep, path string
		kept       bool
	}{
		"nothing kept":                   {"", "/store/500", false},
		"failed":                         {"keep failed", "/store/500", true},
		"a client error is a failure":    {"keep failed", "/store/404", true},
		"a success is no failure":        {"keep failed", "/store/200", false},
		"one that a hint names is none":  {"keep failed", "/store/410", false},
		"an ill-formed call is none":     {"keep failed", "/store/%2e%2e", false},
		"slow":                           {"keep slow 40ms", "/store/hang", true},
		"quick":                          {"keep slow 30s", "/store/500", false},
		"a call that was not let out":    {"keep failed", "/store/405", true},
		"a slow one where failed counts": {"keep failed slow 30s", "/store/hang", true},
	} {
		t.Run(name, func(t *testing.T) {
			sink := sinkTraces(t)
			s := start(t, tracing(sink, "sample 0%\n"+tc.keep)+`policy store `+url+` {
				breaker off
				hint gone status == 410
			}`)
			var header []string
			if tc.path == "/store/hang" {
				header = []string{"Signpost-Timeout", "50ms"}
			}
			a := s.get(tc.path, header...)
			// Spans leave in the order of calls: that of a bot which samples comes last.
			const sampled = "0af7651916cd43dd8448eb211c80319c"
			s.get("/store/200", "Traceparent", "00-"+sampled+"-b7ad6b7169203331-01")
			sink.call(sampled)
			trace := a.Header.Get("Signpost-Trace")
			kept := slices.ContainsFunc(sink.early, func(s sunkSpan) bool { return s.trace == trace })
			if kept != tc.kept {
				t.Fatalf("the call was exported: %v, want %v", kept, tc.kept)
			}
			if !kept {
				return
			}
			server, clients := sink.of(a)
			server.want(t, "signpost.outcome", a.Header.Get("Signpost-Outcome"), "http.response.status_code", a.Status[:3])
			if len(clients) != 1 || clients[0].parent != server.id || server.took <= 0 {
				t.Errorf("CLIENT spans %+v below %s, which took %s; want one, and a duration", clients, server.id, server.took)
			}
		})
	}
}

func TestTheBotsTraceIsTheParentOfTheCall(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	sink := sinkTraces(t)
	url, _ := obeying(t)
	s := start(t, tracing(sink, "keep failed")+"policy store "+url)
	s.get("/store/200", "Traceparent", "00-"+trace+"-"+span+"-01").want(t, 200, "Signpost-Trace", trace)
	if server, _ := sink.call(trace); server.parent != span {
		t.Errorf("the SERVER span's parent is %s, want %s", server.parent, span)
	}
	// A bot that does not sample is heeded, but for what is kept.
	const quiet, failed = "11111111111111111111111111111111", "22222222222222222222222222222222"
	s.get("/store/200", "Traceparent", "00-"+quiet+"-"+span+"-00").want(t, 200, "Signpost-Trace", quiet)
	s.get("/store/500", "Traceparent", "00-"+failed+"-"+span+"-00").want(t, 500, "Signpost-Trace", failed)
	if server, _ := sink.call(failed); server.parent != span {
		t.Errorf("the kept SERVER span's parent is %s, want %s", server.parent, span)
	}
	if slices.ContainsFunc(sink.early, func(s sunkSpan) bool { return s.trace == quiet }) {
		t.Error("a call that its bot does not sample was exported")
	}
	for _, broken := range []string{"nonsense", "00-" + strings.Repeat("0", 32) + "-" + span + "-01", "ff"} {
		if got := s.get("/store/200", "Traceparent", broken).Header.Get("Signpost-Trace"); len(got) != 32 || got == strings.Repeat("0", 32) {
			t.Errorf("with traceparent %q the call has trace %q, want one of its own", broken, got)
		}
	}
}

func TestAThirdPartyLearnsOfTheTraceOnlyWhereThePolicySaysSo(t *testing.T) {
	got := make(chan string, 8)
	party := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("Traceparent") + r.Header.Get("Baggage")
		w.WriteHeader(503)
	})
	sink := sinkTraces(t)
	s := start(t, tracing(sink, "")+`policy quiet `+party.URL+` {
		breaker off
	}
	policy open `+party.URL+` {
		propagate trace
		breaker off
		retry 2 {
			backoff 1ms 1ms
		}
	}`)
	header := []string{"Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "Baggage", "a=b"}
	s.get("/quiet/x", header...)
	if sent := <-got; sent != "" {
		t.Errorf("the third party got %q, want nothing", sent)
	}
	_, clients := sink.of(s.get("/open/x"))
	if len(clients) != 3 {
		t.Fatalf("%d CLIENT spans, want 3", len(clients))
	}
	for i, client := range clients {
		if sent, want := <-got, "00-"+client.trace+"-"+client.id+"-01"; sent != want {
			t.Errorf("attempt %d: the third party got %q, want %q", i, sent, want)
		}
		client.want(t, "http.request.resend_count", []string{"", "1", "2"}[i], "http.response.status_code", "503")
	}
}

func TestNoSecretStandsInAnySpan(t *testing.T) {
	const key, password = "k3y-that-nobody-reads", "pa55word-of-nobody"
	secrets := t.TempDir()
	writeFile(t, filepath.Join(secrets, "key"), key)
	writeFile(t, filepath.Join(secrets, "password"), password)
	sink := sinkTraces(t)
	echo := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(500)
		io.WriteString(w, `{"query":"`+r.URL.Query().Get("key")+`","auth":"`+r.Header.Get("Authorization")+`"}`)
	})
	s := start(t, tracing(sink, "")+"secrets dir "+secrets+`
	policy store `+echo.URL+` {
		breaker off
		inject query key {secret.key}
		inject basic bot {secret.password}
		extract query $.query
		extract auth $.auth
		hint leaked `+"`path(\"$.auth\") contains \"nothing\" or text contains \"nothing\"`"+`
	}`)
	server, clients := sink.of(s.get("/store/x?own=1"))
	for _, span := range append(clients, server) {
		texts := []string{span.name}
		for _, value := range span.attributes {
			texts = append(texts, value)
		}
		for _, e := range span.events {
			for _, value := range e.attributes {
				texts = append(texts, value)
			}
		}
		for _, text := range texts {
			for _, secret := range []string{key, url.QueryEscape(key), password, "Ym90OnBhNTV3b3JkLW9mLW5vYm9keQ"} {
				if strings.Contains(text, secret) {
					t.Errorf("the span %q holds the secret: %q", span.name, text)
				}
			}
		}
	}
	if got := clients[0].attributes["url.full"]; !strings.HasSuffix(got, "/x?own=REDACTED") {
		t.Errorf("url.full is %q, want the bot's own parameter alone", got)
	}
}

func TestACollectorThatIsDownOrHangsCostsACallNothing(t *testing.T) {
	hanging, err := net.Listen("tcp", "127.0.0.1:0") // Accepts, and never answers.
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	down := thirdParty(t, nil)
	down.Close()
	for name, endpoint := range map[string]string{"down": down.URL, "hanging": "http://" + hanging.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
			t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
			s := start(t, "trace {\nendpoint "+endpoint+"\n}\n"+unlimited+"policy store "+okParty(t))
			began := time.Now()
			for range 60 { // More than the queue holds.
				s.get("/store/x").want(t, 200)
			}
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("60 calls took %s, want them as quick as without a collector", took)
			}
			began = time.Now()
			if err := s.load(unlimited+"policy store "+okParty(t), "signpost"); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 12*time.Second {
				t.Errorf("the reload took %s, want at most the 3s that spans are given", took)
			}
			s.after("/store/x").want(t, 200)
		})
	}
}
