//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

func TestNoOutcomeIsLeftOutOfWhatJaegerIsAskedFor(t *testing.T) {
	missing := policy.Outcomes()
	missing = slices.DeleteFunc(missing, func(o policy.Outcome) bool {
		return o == policy.Canceled || slices.ContainsFunc(slices.Collect(maps.Values(tracedCalls)), func(c tracedCall) bool { return c.outcome == o })
	})
	if len(missing) > 0 {
		t.Fatalf("no call has the outcomes %v", missing)
	}
}

func TestJaegerShowsEachOutcomeAsOneTree(t *testing.T) {
	j := startJaeger(t)
	g, entered := startTraced(t, "endpoint "+j.http)
	hangUp := g.occupy(t, entered)
	traces := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(tracedCalls)) {
		t.Run(name, func(t *testing.T) {
			resp := tracedCalls[name].make(t, g)
			traces[name] = resp.Header.Get("Signpost-Trace")
			server, clients := j.await(t, traces[name])
			tracedCalls[name].check(t, resp.Header, server, clients)
		})
	}
	hangUp()
	t.Run("canceled", func(t *testing.T) {
		server, clients := j.await(t, goneTrace)
		canceled := tracedCall{outcome: policy.Canceled, status: 499, policy: "narrow", span: "GET /narrow",
			attempts: []tracedAttempt{{policy.Canceled, 0}}, more: []string{"signpost.route", "", "signpost.next", ""}}
		canceled.check(t, nil, server, clients)
		if server.parent != botSpan {
			t.Errorf("the SERVER span's parent is %q, want the bot's", server.parent)
		}
	})
	t.Run("the trace begins with the bot's", func(t *testing.T) {
		if server, _ := j.await(t, botTrace); server.parent != botSpan || traces["a bot's trace"] != botTrace {
			t.Errorf("the SERVER span of %s has the parent %q, want %s of %s", traces["a bot's trace"], server.parent, botSpan, botTrace)
		}
		if server, _ := j.await(t, traces["success"]); server.parent != "" {
			t.Errorf("without a bot's trace the SERVER span has the parent %q, want none", server.parent)
		}
	})
	t.Run("an attempt says who answered", func(t *testing.T) { j.namesPeers(t, traces["a retry"]) })
	t.Run("the trace says why this branch", func(t *testing.T) { j.explains(t, traces["success"], traces["unmappable"]) })
	t.Run("an answer that breaks off is an event of the call", func(t *testing.T) {
		g.breaksOff(t)
		broken := tracedCall{outcome: policy.Success, status: 200, policy: "store", span: "GET /store", attempts: []tracedAttempt{{policy.Success, 200}}}
		server, clients := j.await(t, brokenTrace)
		broken.check(t, nil, server, clients)
		if len(server.events) != 1 || server.events[0]["event"] != "signpost.broken" || server.events[0]["signpost.reason"] == "" {
			t.Errorf("the events are %v, want one that says why the answer broke off", server.events)
		}
	})
	t.Run("a third party goes on with the trace where it may", func(t *testing.T) { j.goesOn(t, g) })
	t.Run("nothing holds a secret", func(t *testing.T) { j.holdsNoSecret(t, slices.Collect(maps.Values(traces))) })
}

// occupy has one call of the policy narrow in flight, whose bot hangs up when
// the function that it gives is called.
func (g gateway) occupy(t *testing.T, entered <-chan struct{}) (hangUp func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+"/narrow/hang", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Tenant-ID", "acme")
	req.Header.Set("Traceparent", "00-"+goneTrace+"-"+botSpan+"-01")
	over := make(chan struct{})
	go func() {
		defer close(over)
		if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
			resp.Body.Close()
			t.Errorf("a call that hangs is answered with %s", resp.Status)
		}
	}()
	hangUp = func() { cancel(); <-over }
	t.Cleanup(hangUp)
	select {
	case <-entered:
	case <-time.After(patience):
		t.Fatal("a call does not come to the third party")
	}
	return hangUp
}

// breaksOff has an answer that ends after its headers have left.
func (g gateway) breaksOff(t *testing.T) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.url+"/store/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Tenant-ID", "acme")
	req.Header.Set("Traceparent", "00-"+brokenTrace+"-"+botSpan+"-01")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("an answer that breaks off ends well, with %q", body)
	}
}

// namesPeers tests which addresses the attempts of a call name.
func (j jaeger) namesPeers(t *testing.T, trace string) {
	_, clients := j.await(t, trace)
	for _, c := range clients {
		c.want(t, "server.address", "localhost", "network.peer.port", c.tags["server.port"])
		if peer := c.tags["network.peer.address"]; peer != "127.0.0.1" && peer != "::1" {
			t.Errorf("who answered is %q, want an address of this machine", peer)
		}
	}
}

// explains tests the events of a call whose fourth hint held, and of one whose
// third could not be evaluated.
func (j jaeger) explains(t *testing.T, shipped, unmappable string) {
	const p = "signpost.hint."
	want := []map[string]string{
		{p + "route": "known", p + "condition": `request.headers["x-bot-key"] == "another" or request.query["bot_key"] == "another"`, p + "result": "false",
			p + `value.request.headers["x-bot-key"]`: "[redacted]", p + "value.request.query.bot_key": "[redacted]"},
		{p + "route": "leaked", p + "condition": `text contains "never there" or headers["x-echo"] == "never there"`, p + "result": "false"},
		{p + "route": "many", p + "condition": `vars.items > 100 and status == 200`, p + "result": "false", p + "value.vars.items": "7"},
		{p + "route": "shipped", p + "condition": `vars.status == "shipped"`, p + "result": "true", p + "value.vars.status": "shipped"},
	}
	server, _ := j.await(t, shipped)
	if len(server.events) != len(want) {
		t.Fatalf("the events are %v, want %d: one for each hint that was asked", server.events, len(want))
	}
	for i, w := range want {
		w["event"] = "signpost.hint"
		for name, value := range w {
			if got := server.events[i][name]; got != value {
				t.Errorf("hint %d: %s is %q, want %q; it says %v", i+1, name, got, value, server.events[i])
			}
		}
	}
	if read := server.events[1][p+"value.text"]; !strings.Contains(read, strings.Repeat("*", len(tracedSecret))) {
		t.Errorf("the text that was read is %q, want the echoed secret overwritten", read)
	}
	server, _ = j.await(t, unmappable)
	if len(server.events) < 3 || server.events[2][p+"error"] == "" || server.events[2][p+"result"] != "false" {
		t.Errorf("the events are %v, want the third to say that it could not be evaluated", server.events)
	}
}

// goesOn tests which trace a third party hears of.
func (j jaeger) goesOn(t *testing.T, g gateway) {
	for path, propagated := range map[string]bool{"/login/plain": true, "/store/orders/paid": false} {
		resp, body := g.send(t, http.MethodGet, path, "", "X-Tenant-ID", "acme")
		trace := resp.Header.Get("Signpost-Trace")
		_, clients := j.await(t, trace)
		var heard struct{ Traceparent string }
		if err := json.Unmarshal([]byte(body), &heard); err != nil || len(clients) != 1 {
			t.Fatalf("%s: %d CLIENT spans, %v: %s", path, len(clients), err, body)
		}
		want := ""
		if propagated {
			want = "00-" + trace + "-" + clients[0].id + "-01"
		}
		if heard.Traceparent != want {
			t.Errorf("%s: the third party hears of %q, want %q", path, heard.Traceparent, want)
		}
	}
}

// holdsNoSecret looks for credentials in all that Jaeger knows, which must have
// the given traces.
func (j jaeger) holdsNoSecret(t *testing.T, traces []string) {
	t.Helper()
	all := j.raw(t)
	for _, trace := range traces {
		if !strings.Contains(all, trace) {
			t.Fatalf("Jaeger does not give the trace %s", trace)
		}
	}
	query := url.QueryEscape(tracedSecret)
	for form, secret := range map[string]string{
		"the credential": tracedSecret, "the bot's key": tracedBotKey, "query form": query, "lower-case query form": strings.ToLower(query),
		"path form": url.PathEscape(tracedSecret), "Base64": base64.RawStdEncoding.EncodeToString([]byte(tracedSecret)),
		"Base64 of URLs": base64.RawURLEncoding.EncodeToString([]byte(tracedSecret)),
		"a login":        base64.RawStdEncoding.EncodeToString([]byte("acme:" + tracedSecret)), "a piece": "sesame", "an unreadable credential": "two\\nlines",
	} {
		if at := strings.Index(all, secret); at >= 0 {
			t.Errorf("%s is in what Jaeger has: …%s…", form, all[max(0, at-200):min(len(all), at+200)])
		}
	}
}

func TestJaegerHasFailedAndSlowCallsWhateverTheSampling(t *testing.T) {
	j := startJaeger(t)
	g, _ := startTraced(t, "endpoint "+j.grpc+"\nsample 0%\nkeep failed slow "+slowCall.String())
	quick := g.quickly(t, "/store/orders/shipped")
	quiet := []string{"Traceparent", "00-" + goneTrace + "-" + botSpan + "-00"}
	kept := map[string]tracedCall{
		"failed": tracedCalls["unmappable"], "refused": tracedCalls["denied: method"], "retried": tracedCalls["retries in vain"],
		"slow": {path: "/store/orders/slow", outcome: policy.Success, status: 200, policy: "store.order",
			span: "GET /store/orders/{order_number}", attempts: []tracedAttempt{{policy.Success, 200}}},
		"failed, of a bot that samples nothing": {path: "/store/orders/500", header: quiet, outcome: policy.ServerError, status: 500,
			policy: "store.order", span: "GET /store/orders/{order_number}", attempts: []tracedAttempt{{policy.ServerError, 500}}},
	}
	var traces []string
	for name, call := range kept {
		t.Run(name, func(t *testing.T) {
			resp := call.make(t, g)
			traces = append(traces, resp.Header.Get("Signpost-Trace"))
			server, clients := j.await(t, traces[len(traces)-1])
			call.check(t, resp.Header, server, clients)
			if took := time.Duration(server.end-server.start) * time.Microsecond; name == "slow" && took < slowCall {
				t.Errorf("a call that took %s is shown with %s", slowCall, took)
			}
			if call.header != nil && server.parent != botSpan {
				t.Errorf("the SERVER span's parent is %q, want the bot's", server.parent)
			}
		})
	}
	// Spans come in the order of the calls: when the last is there, so would be
	// those before.
	tracedCalls["a bot's trace"].make(t, g)
	j.await(t, botTrace)
	if spans, found := j.find(t, quick); found {
		t.Errorf("Jaeger has a quick success that was not sampled: %+v", spans)
	}
	j.holdsNoSecret(t, traces)
}

// quickly makes a call that succeeds, again while the machine is too slow for
// one that counts as quick, and gives its trace.
func (g gateway) quickly(t *testing.T, path string) (trace string) {
	t.Helper()
	for range 10 {
		began := time.Now()
		resp, _ := g.send(t, http.MethodGet, path, "", "X-Tenant-ID", "acme")
		if took := time.Since(began); resp.Header.Get("Signpost-Outcome") == "success" && took < slowCall/2 {
			return resp.Header.Get("Signpost-Trace")
		}
	}
	t.Fatalf("no call of %s succeeds within %s", path, slowCall/2)
	return ""
}
