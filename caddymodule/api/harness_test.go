package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/caddymodule/alert"
	"github.com/signpost-gateway/signpost/caddymodule/api"
	"github.com/signpost-gateway/signpost/caddymodule/telemetry"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// gate is a gateway with its operator API, and a third party of the test's.
type gate struct {
	t       testing.TB
	gateway *policy.Gateway
	running *api.Running
	handler http.Handler
	alerts  *alerts
}

// party is the third party.
type party func(*http.Request) *http.Response

func (p party) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	return p(r), nil
}

// says is a third party that always gives this answer.
func says(status int, body string, header ...string) party {
	return func(r *http.Request) *http.Response {
		h := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i+1 < len(header); i += 2 {
			h.Add(header[i], header[i+1])
		}
		return &http.Response{
			StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
			ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}
	}
}

// store is a policy with two operations, of which one is a named call.
func store() policy.Spec {
	return policy.Spec{
		Plans: []policy.Plan{{Name: "default", RateLimits: []policy.RateLimit{{Rate: "100/h"}}}, {Name: "gold", RateLimits: []policy.RateLimit{{Rate: "4/h"}}, Tenants: []string{"acme"}}},
		Policies: []policy.PolicySpec{{
			Name: "store", BaseURL: "https://api.store.example/v2",
			Rules: policy.Rules{
				Title:    "The store",
				Extracts: []policy.Extract{{Var: "status", Path: "$.order.status"}},
				Hints:    []policy.Hint{{Route: "shipped", When: `vars.status == "shipped"`}},
			},
			Concurrency: []policy.Concurrency{{Calls: 9, Shared: true}},
			Operations: []policy.OperationSpec{
				{Name: "order_status", Method: "GET", Template: "/orders/{{order_number}}"},
				{Name: "note", Method: "POST", Template: "/notes", Body: &policy.BodySpec{As: "json", Template: `{"text": {{text}}}`}, Rules: policy.Rules{
					Breaker: &policy.BreakerSpec{Trip: "1 consecutive"},
				}},
			},
		}},
	}
}

// open makes a gateway whose operator may change everything.
func open(t testing.TB, spec policy.Spec, third party, change ...func(*api.Source)) *gate {
	t.Helper()
	state := policy.NewState(nil)
	run := &api.Running{Logs: state.CallLogs(), Traffic: telemetry.NewTraffic(time.Now), Nearest: telemetry.NewNearest(), TraceUI: "https://jaeger.example/trace/{trace_id}"}
	gateway, err := policy.New(spec, policy.Options{
		State:     state,
		Transport: func(policy.PolicySpec, *dialguard.Guard) (http.RoundTripper, error) { return third, nil },
		Observe: func(r *policy.Record) {
			run.Traffic.Observe(r)
			run.Nearest.Observe(r)
		},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatalf("compiling: %v", err)
	}
	if err := gateway.Start(); err != nil {
		t.Fatalf("starting: %v", err)
	}
	t.Cleanup(gateway.Stop)
	told := &alerts{}
	run.Gateway, run.Alerts, run.Channels = gateway, told, []string{"mail"}
	source := api.Source{
		Running: func() *api.Running { return run }, Version: "v0.4.0", AllowChanges: true,
		Started: time.Date(2026, 11, 20, 8, 30, 0, 123456789, time.FixedZone("", 3600)),
	}
	for _, c := range change {
		c(&source)
	}
	return &gate{t: t, gateway: gateway, running: run, handler: api.New(source), alerts: told}
}

// alerts are those of a test.
type alerts struct {
	status []alert.Status
	reset  []string
}

func (a *alerts) Status() []alert.Status { return a.status }

func (a *alerts) Reset(policy string) bool {
	a.reset = append(a.reset, policy)
	for _, s := range a.status {
		if s.Policy == policy {
			return true
		}
	}
	return false
}

// bot sends a base-URL call of a tenant.
func (g *gate) bot(tenant, path string) *http.Response {
	g.t.Helper()
	req := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/store"+path, nil)
	resp := g.gateway.Answer(req, &policy.Call{Policy: "store", Path: path, Tenant: tenant})
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		g.t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		g.t.Fatal(err)
	}
	return resp
}

// got is what the API gave.
type got struct {
	*http.Response
	text string
	json any
}

// ask sends a request to the API and tests what holds for every answer of it.
func (g *gate) ask(method, path, body string) got {
	g.t.Helper()
	return ask(g.t, g.handler, httptest.NewRequestWithContext(context.Background(), method, "/signpost/"+path, strings.NewReader(body)))
}

func ask(t testing.TB, handler http.Handler, req *http.Request) got {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, req)
	a := got{Response: recorder.Result(), text: recorder.Body.String()}
	kind := "application/json"
	if a.StatusCode != http.StatusOK {
		kind = "application/problem+json"
	}
	for name, want := range map[string]string{"Content-Type": kind, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if values := a.Header.Values(name); len(values) != 1 || values[0] != want {
			t.Errorf("%s %s: %s is %q, want %q", req.Method, req.URL, name, values, want)
		}
	}
	if err := json.Unmarshal([]byte(a.text), &a.json); err != nil {
		t.Errorf("%s %s: the answer is no JSON: %v: %q", req.Method, req.URL, err, a.text)
	}
	if strings.ContainsAny(a.text, "<>&") {
		t.Errorf("%s %s: the answer may pass for HTML: %q", req.Method, req.URL, a.text)
	}
	if a.StatusCode != http.StatusOK {
		p, _ := a.json.(map[string]any)
		if p["type"] != "about:blank" || p["title"] != http.StatusText(a.StatusCode) || p["status"] != float64(a.StatusCode) || p["detail"] == "" {
			t.Errorf("%s %s: %q is no problem of status %d", req.Method, req.URL, a.text, a.StatusCode)
		}
	}
	return a
}

// get reads one path that must be there.
func (g *gate) get(path string) got {
	g.t.Helper()
	a := g.ask(http.MethodGet, path, "")
	if a.StatusCode != http.StatusOK {
		g.t.Fatalf("GET %s: %s: %s", path, a.Status, a.text)
	}
	return a
}

// post changes something that can be changed.
func (g *gate) post(path, body string) got {
	g.t.Helper()
	a := g.ask(http.MethodPost, path, body)
	if a.StatusCode != http.StatusOK {
		g.t.Fatalf("POST %s %s: %s: %s", path, body, a.Status, a.text)
	}
	return a
}

// at gives what stands at a place of the answer: at("calls", 0, "id").
func (a got) at(t testing.TB, steps ...any) any {
	t.Helper()
	value := a.json
	for _, step := range steps {
		switch step := step.(type) {
		case string:
			members, is := value.(map[string]any)
			inner, there := members[step]
			if !is || !there {
				t.Fatalf("%v: there is no %q in %v", steps, step, value)
			}
			value = inner
		case int:
			elements, is := value.([]any)
			if !is || len(elements) <= step {
				t.Fatalf("%v: there is no %d in %v", steps, step, value)
			}
			value = elements[step]
		}
	}
	return value
}

// want compares what stands at a place, as JSON.
func (a got) want(t testing.TB, want string, steps ...any) {
	t.Helper()
	text, err := json.Marshal(a.at(t, steps...))
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(want)); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	var sorted any
	if err := json.Unmarshal(compact.Bytes(), &sorted); err != nil {
		t.Fatal(err)
	}
	wanted, err := json.Marshal(sorted)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != string(wanted) {
		t.Errorf("%v is\n%s\nwant\n%s", steps, text, wanted)
	}
}
