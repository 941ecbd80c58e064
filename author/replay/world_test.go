package replay_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/replay"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// world is a gateway that really calls a third party, and keeps what it did.
type world struct {
	t       testing.TB
	spec    policy.Spec
	gateway *policy.Gateway
	log     bytes.Buffer
	calls   int
}

// newWorld opens a gateway of a configuration.
func newWorld(t testing.TB, spec policy.Spec) *world {
	t.Helper()
	w := &world{t: t, spec: spec}
	gateway, err := policy.New(spec, policy.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("compiling: %v", err)
	}
	w.gateway = gateway
	return w
}

// bot is a call that a bot makes: "GET /store/orders/1", with headers as
// "Name: value" and a body at the end, where it begins with a brace.
func (w *world) bot(line string, more ...string) calllog.Detail {
	w.t.Helper()
	method, target, _ := strings.Cut(line, " ")
	body := ""
	header := http.Header{}
	for _, text := range more {
		name, value, is := strings.Cut(text, ": ")
		if !is || strings.HasPrefix(text, "{") {
			body = text
		} else {
			header.Set(name, value)
		}
	}
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	req.Header = header
	if body == "" {
		req.Body = http.NoBody
	}
	return w.send(req)
}

// send sends a request as a site does that serves all policies.
func (w *world) send(req *http.Request) (kept calllog.Detail) {
	w.t.Helper()
	info := policy.Call{Tenant: req.Header.Get("X-Tenant-ID"), TenantHeader: "X-Tenant-ID", Kept: func(e *calllog.Entry) { kept = e.Detail() }}
	info.Policy, info.Path = policy.SplitPath(req.URL.EscapedPath())
	if name, operation, named := policy.SplitCall(req.URL.EscapedPath()); named {
		info.Policy, info.Operation = name, operation
	}
	if req.URL.IsAbs() {
		info.Policy, info.Path = w.gateway.Locate(req.URL)
		info.Host = req.URL.Host
	}
	resp := w.gateway.Answer(req, &info)
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	line, err := json.Marshal(kept)
	if err != nil {
		w.t.Fatalf("%s: %v", req.URL, err)
	}
	w.log.Write(append(line, '\n'))
	w.calls++
	return kept
}

// replay plays what was kept through a configuration.
func (w *world) replay(spec policy.Spec, o replay.Options) *replay.Report {
	w.t.Helper()
	report, err := replay.Run(&spec, o, replay.Input{Name: "calls.ndjson", From: bytes.NewReader(w.log.Bytes())})
	if err != nil {
		w.t.Fatalf("replaying: %v", err)
	}
	if sum := report.Same + report.Different + report.Unknown + report.Now + report.NotReplayed; sum != report.Calls || report.Calls != w.calls {
		w.t.Errorf("%d calls of %d are told of, %d in sum", report.Calls, w.calls, sum)
	}
	return report
}

// told is a report for messages.
func told(t testing.TB, r *replay.Report) string {
	t.Helper()
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// thirdParty does what the path says.
func thirdParty(t testing.TB) *httptest.Server {
	t.Helper()
	flaky := 0
	mux := http.NewServeMux()
	says := func(path string, status int, kind, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}
	says("/orders/shipped", 200, "application/json", `{"order":{"status":"shipped","eta":"grün"}}`)
	says("/orders/paid", 200, "application/json", `{"order":{"status":"paid"}}`)
	says("/orders/none", 404, "application/json", `{"error":"no such order"}`)
	says("/orders/forbidden", 403, "application/json", `{}`)
	says("/orders/down", 503, "text/html", `<p>down</p>`)
	says("/orders/rejected", 200, "application/json", `{"error":"no","order":{}}`)
	says("/orders/html", 200, "text/html", `<p>hello</p>`)
	says("/orders/long", 200, "application/json", `{"order":{"status":"shipped"},"x":"`+strings.Repeat("x", 20000)+`"}`)
	says("/orders/large", 200, "application/json", `{"order":{"status":"shipped"},"x":"`+strings.Repeat("x", 200000)+`"}`)
	says("/orders/events", 200, "text/event-stream", "data: 1\n\n")
	says("/orders/moved", 302, "text/plain", "")
	says("/plain/long", 200, "text/plain", strings.Repeat("plain ", 10000))
	says("/tickets", 201, "application/json", `{"id":"T-1"}`)
	mux.HandleFunc("/orders/empty", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/orders/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/orders/broken", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"order"`)
	})
	mux.HandleFunc("/orders/reset", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/orders/flaky", func(w http.ResponseWriter, _ *http.Request) {
		if flaky++; flaky%2 == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"order":{"status":"shipped"}}`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// storeSpec is a configuration with one policy that calls the third party.
func storeSpec(base string) policy.Spec {
	return policy.Spec{
		Plans: []policy.Plan{{Name: "default", RateLimitOff: true}, {Name: "small", RateLimits: []policy.RateLimit{{Rate: "2/h"}}, Tenants: []string{"small"}}},
		Policies: []policy.PolicySpec{{
			Name: "store", BaseURL: base, Methods: []string{"GET", "POST", "HEAD"},
			Rules: policy.Rules{
				Timeout: policy.Duration(500 * time.Millisecond), Peek: 64 << 10,
				Breaker: &policy.BreakerSpec{Trip: "off"},
				Fallbacks: []policy.Fallback{
					{When: `outcome == "server_error" && tenant == "stale"`, Stale: policy.Duration(time.Hour)},
					{Respond: &policy.Respond{Status: 200, Body: `{"message":"later"}`}},
				},
			},
			Operations: []policy.OperationSpec{
				{Name: "order_status", Method: "GET", Template: "/orders/{{order_number}}", Rules: policy.Rules{
					Success:  `body.error == nil`,
					Retry:    &policy.Retry{Attempts: 1, On: `status == 503 && request.path contains "flaky"`},
					Extracts: []policy.Extract{{Var: "status", Path: "$.order.status", Required: true}, {Var: "eta", Path: "$.order.eta", Default: []byte(`"unknown"`)}},
					Hints: []policy.Hint{
						{Route: "shipped", When: `vars.status == "shipped"`}, {Route: "preparing", When: `vars.status in ["paid"]`},
						{Route: "not_found", When: `status == 404`}, {Route: "busy", When: `outcome == "rate_limited"`},
						{Route: "retried", When: `attempts > 1`},
					},
				}},
				{Name: "open_ticket", Method: "POST", Template: "/tickets", Body: &policy.BodySpec{As: "json", Template: `{"text": {{text}}, "urgent": {{urgent}}}`},
					Inputs: []policy.InputSpec{{Var: "urgent", Type: "bool", Default: []byte("false")}},
					Rules: policy.Rules{
						Extracts: []policy.Extract{{Var: "id", Path: "$.id"}}, Hints: []policy.Hint{{Route: "urgent", When: `input.urgent == true`}, {Route: "opened", When: `status == 201`}},
						RateLimits: []policy.RateLimit{{Rate: "5/h"}},
					}},
			},
			AllowPrivate: true,
		}, {
			Name: "guarded", BaseURL: "http://localhost:" + base[strings.LastIndexByte(base, ':')+1:], Rules: policy.Rules{Hints: []policy.Hint{{Route: "held", When: `outcome == "denied"`}}},
		}, {
			Name: "gone", BaseURL: "http://127.0.0.1:1", Rules: policy.Rules{Breaker: &policy.BreakerSpec{Trip: "2 consecutive"}},
		}, {
			Name: "plain", BaseURL: base + "/plain", OperationsOnly: false, AllowPrivate: true,
		}, {
			Name: "fixed", BaseURL: base, OperationsOnly: true, AllowPrivate: true, Operations: []policy.OperationSpec{{Name: "one", Method: "GET", Template: "/orders/shipped"}},
		}},
	}
}
