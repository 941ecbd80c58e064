package policy_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// logging is a gateway whose call log is looked at.
type logging struct {
	*policy.Gateway
	logs *calllog.Logs
	last policy.Record // of the call that ended last; its lists are copies
}

// logged compiles a Spec like open.
func logged(t testing.TB, spec policy.Spec, upstream http.RoundTripper, options ...func(*policy.Options)) *logging {
	t.Helper()
	l := &logging{}
	state := policy.NewState(nil)
	options = append([]func(*policy.Options){func(o *policy.Options) {
		o.State = state
		o.Observe = func(r *policy.Record) {
			l.last = *r
			l.last.Attempts, l.last.Hints = append([]policy.Attempt{}, r.Attempts...), append([]policy.HintResult{}, r.Hints...)
		}
	}}, options...)
	l.Gateway = open(t, spec, upstream, options...)
	l.logs = state.CallLogs()
	return l
}

// ask sends a request to the policy "store" as the sidecar does, so that the call's
// memory is used again, and gives the answer with what the log keeps of it.
func (l *logging) ask(t testing.TB, req *http.Request) (*http.Response, string, *calllog.Entry) {
	t.Helper()
	return l.answer(t, req, &policy.Call{Policy: "store", Path: req.URL.EscapedPath(), Tenant: "acme"})
}

func (l *logging) answer(t testing.TB, req *http.Request, call *policy.Call) (*http.Response, string, *calllog.Entry) {
	t.Helper()
	req.URL.Scheme, req.URL.Host = "", "" // As net/http gives it to a server.
	call.OneReader = true
	resp := l.Answer(req, call)
	trace := resp.Header.Get("Signpost-Trace")
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Logf("reading the answer: %v", err)
	}
	resp.Body.Close()
	return resp, string(body), l.logs.ByID(trace)
}

// drain reads a request's body to its end, as third parties mostly do.
func drain(r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	_, err := io.Copy(io.Discard, r.Body)
	return err
}

// headersOf are the values of a header that the entry shows.
func headersOf(fields any, name string) string {
	var values []string
	list := reflect.ValueOf(fields)
	for i := range list.Len() {
		if field := list.Index(i); field.Index(0).String() == name {
			values = append(values, field.Index(1).String())
		}
	}
	return strings.Join(values, " | ")
}

// all is every text of an entry: each string and each []byte that it holds, and
// what is shown of it.
func all(t testing.TB, e *calllog.Entry) string {
	t.Helper()
	var b strings.Builder
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			b.WriteString(v.String() + "\n")
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				visit(v.Elem())
			}
		case reflect.Slice:
			if v.Type().Elem().Kind() == reflect.Uint8 {
				b.Write(append(v.Bytes(), '\n'))
				return
			}
			for i := range v.Len() {
				visit(v.Index(i))
			}
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				return
			}
			for i := range v.NumField() {
				visit(v.Field(i))
			}
		case reflect.Int, reflect.Int64, reflect.Float64, reflect.Bool:
			fmt.Fprintln(&b, v)
		default:
			t.Fatalf("an entry holds a %s", v.Type())
		}
	}
	visit(reflect.ValueOf(e))
	shown, err := json.Marshal(e.Detail())
	if err != nil {
		t.Fatalf("the call cannot be shown: %v", err)
	}
	return b.String() + string(shown)
}

// outcomes are one call of each outcome of the contract, with an operation that
// tells of all of them by hints.
var outcomes = []struct {
	outcome  policy.Outcome
	rules    func(*policy.PolicySpec)
	before   int // calls that come first
	upstream thirdParty
	method   string
	path     string
	policy   string // else "store"
	attempts int
	failed   bool
	limit    string
	breaker  string
}{
	{outcome: policy.Success, upstream: says(200, `{"s":"new"}`), attempts: 1, breaker: "closed"},
	{outcome: policy.ClientError, upstream: says(404, `{"s":"new"}`), attempts: 1, failed: true, breaker: "closed"},
	{outcome: policy.ServerError, upstream: says(503, `{"s":"new"}`), attempts: 1, failed: true, breaker: "closed"},
	{outcome: policy.Rejected, upstream: says(200, `{"s":"bad"}`), attempts: 1, failed: true, breaker: "closed",
		rules: func(p *policy.PolicySpec) { p.Success = `vars.s != "bad"` }},
	{outcome: policy.Unmappable, upstream: says(200, `no JSON`), attempts: 1, failed: true, breaker: "closed"},
	{outcome: policy.RateLimited, upstream: says(200, `{}`), before: 1, limit: "policy store: 1/h",
		rules: func(p *policy.PolicySpec) { p.RateLimits = []policy.RateLimit{{Rate: "1/h"}} }},
	{outcome: policy.CircuitOpen, upstream: says(500, `{}`), before: 1, failed: true, breaker: "open",
		rules: func(p *policy.PolicySpec) { p.Breaker = &policy.BreakerSpec{Trip: "1 consecutive"} }},
	{outcome: policy.Timeout, attempts: 1, failed: true, breaker: "closed",
		rules: func(p *policy.PolicySpec) { p.Timeout = policy.Duration(time.Millisecond) },
		upstream: func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}},
	{outcome: policy.Unreachable, attempts: 1, failed: true, breaker: "closed",
		upstream: func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}
		}},
	{outcome: policy.Incomplete, attempts: 1, failed: true, breaker: "closed",
		upstream: func(*http.Request) (*http.Response, error) { return nil, errReset }},
	{outcome: policy.Denied, method: http.MethodDelete, failed: true,
		rules: func(p *policy.PolicySpec) { p.Methods = []string{"GET"} }},
	{outcome: policy.BadRequest, path: "/a/../b"},
	{outcome: policy.NotFound, policy: "nobody"},
	{outcome: policy.Internal, attempts: 1, failed: true, breaker: "closed",
		upstream: func(*http.Request) (*http.Response, error) { panic("a fault") }},
}

func TestEveryOutcomeIsKeptInFull(t *testing.T) {
	for _, test := range outcomes {
		t.Run(string(test.outcome), func(t *testing.T) {
			spec := store(policy.Rules{
				Extracts: []policy.Extract{{Var: "s", Path: "$.s"}},
				Hints:    []policy.Hint{{Route: "never", When: `status == 999`}, {Route: "mine", When: `outcome == "success"`}},
			})
			if test.rules != nil {
				test.rules(&spec.Policies[0])
			}
			l := logged(t, spec, test.upstream, quietly)
			method, path, name := "GET", "/orders/7", "store"
			if test.method != "" {
				method = test.method
			}
			if test.path != "" {
				path = test.path
			}
			if test.policy != "" {
				name = test.policy
			}
			var resp *http.Response
			var body string
			var e *calllog.Entry
			for range test.before + 1 {
				req := request(method, path+"?lang=de", "")
				req.Header.Set("X-Mine", "yes")
				resp, body, e = l.answer(t, req, &policy.Call{Policy: name, Path: path, Tenant: "acme"})
			}
			if e == nil {
				t.Fatal("the call is not in the log")
			}
			compareWithRecord(t, e, &l.last)
			d := e.Detail()
			if e.Outcome != string(test.outcome) || e.Failed != test.failed || len(e.Attempts) != test.attempts || e.Breaker != test.breaker {
				t.Errorf("kept as %s (failed %v) after %d attempts with the breaker %q; want %s (%v), %d and %q",
					e.Outcome, e.Failed, len(e.Attempts), e.Breaker, test.outcome, test.failed, test.attempts, test.breaker)
			}
			if (e.Limit != "") != (test.limit != "") {
				t.Errorf("the limit is %q, want %q", e.Limit, test.limit)
			}
			if e.Policy == "" != (test.policy != "") || e.Tenant == "" || e.TraceID != resp.Header.Get("Signpost-Trace") || len(e.ID) != 16 {
				t.Errorf("the call is of policy %q and tenant %q with the ids %s and %s", e.Policy, e.Tenant, e.TraceID, e.ID)
			}
			if d.Request.Method != method || d.Request.URL != path+"?lang=de" || e.Path != path || headersOf(d.Request.Headers, "X-Mine") != "yes" {
				t.Errorf("the bot sent %s %s (path %s) with %v", d.Request.Method, d.Request.URL, e.Path, d.Request.Headers)
			}
			if d.Response.Body != body || d.Response.Status != resp.StatusCode || headersOf(d.Response.Headers, "Signpost-Outcome") != string(test.outcome) {
				t.Errorf("the bot got %d %q, kept is %+v", resp.StatusCode, body, d.Response)
			}
			if sent := d.Sent != nil; sent != (test.attempts > 0) {
				t.Errorf("what was sent is %+v after %d attempts", d.Sent, test.attempts)
			} else if sent && (d.Sent.URL != "https://api.store.example/v2/orders/7?lang=de" || headersOf(d.Sent.Headers, "X-Mine") != "yes") {
				t.Errorf("sent was %s with %v", d.Sent.URL, d.Sent.Headers)
			}
			if came := d.Received != nil; came != (e.UpstreamStatus != 0) {
				t.Errorf("what came back is %+v, with the status %d", d.Received, e.UpstreamStatus)
			} else if came && (d.Received.Status != e.UpstreamStatus || d.Received.Body != body || headersOf(d.Received.Headers, "Content-Type") != "application/json") {
				t.Errorf("back came %+v", d.Received)
			}
		})
	}
}

// quietly keeps the gateway's own faults out of the output of tests.
func quietly(o *policy.Options) { o.Log = slog.New(slog.DiscardHandler) }

// compareWithRecord tests that an entry says what the record of the call said.
func compareWithRecord(t *testing.T, e *calllog.Entry, r *policy.Record) {
	t.Helper()
	for name, pair := range map[string][2]any{
		"outcome": {e.Outcome, string(r.Outcome)}, "status": {e.Status, r.Status}, "upstream status": {e.UpstreamStatus, r.UpstreamStatus},
		"route": {e.Route, r.Route}, "route_by": {e.RouteBy, r.RouteBy}, "next": {e.Next, r.Next}, "reason": {e.Reason, r.Reason},
		"proxy error": {e.ProxyError, r.ProxyError}, "fallback": {e.Fallback, r.Fallback}, "limit": {e.Limit, r.LimitHit}, "breaker": {e.Breaker, r.BreakerState},
		"policy": {e.Policy, r.Policy}, "operation": {e.Operation, r.Operation}, "tenant": {e.Tenant, r.Tenant}, "plan": {e.Plan, r.Plan},
		"start": {e.Time, r.Start}, "duration": {e.Duration, r.Duration}, "upstream": {e.Upstream, r.Upstream}, "failed": {e.Failed, r.Failed()},
		"trace": {e.TraceID, r.Trace.TraceID().String()}, "id": {e.ID, r.Trace.SpanID().String()}, "broken": {e.Broken, r.Broken},
		"attempts": {len(e.Attempts), len(r.Attempts)}, "hints": {len(e.Hints), len(r.Hints)}, "vars": {len(e.Vars), len(r.Vars)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("the %s is kept as %v, want %v", name, pair[0], pair[1])
		}
	}
	for i, a := range e.Attempts {
		if b := r.Attempts[i]; a.Outcome != string(b.Outcome) || a.Status != b.Status || a.Host != b.Host || a.Duration != b.Duration || a.ProxyError != b.ProxyError || a.After != b.Start.Sub(r.Start) {
			t.Errorf("attempt %d is kept as %+v, want %+v", i, a, b)
		}
	}
	for i, h := range e.Hints {
		if b := r.Hints[i]; h.Route != b.Route || h.Condition != b.Condition || h.Holds != b.Holds || len(h.Values) != len(b.Readings) {
			t.Errorf("hint %d is kept as %+v, want %+v", i, h, b)
		}
	}
}

func TestACallThatIsOverloadedOrCanceledIsKept(t *testing.T) {
	spec := store(policy.Rules{})
	spec.Policies[0].Concurrency = []policy.Concurrency{{Calls: 1}}
	l := logged(t, spec, says(200, `{}`))
	first := l.Answer(request("GET", "/slow", ""), &policy.Call{Policy: "store", Path: "/slow", Tenant: "acme"})
	if _, _, e := l.ask(t, request("GET", "/x", "")); e == nil || e.Outcome != "overloaded" || e.Limit == "" || e.Sent != nil || !e.Failed {
		t.Errorf("an overloaded call is kept as %+v", e)
	}
	first.Body.Close()

	ctx, cancel := context.WithCancel(t.Context())
	l = logged(t, store(policy.Rules{}), thirdParty(func(r *http.Request) (*http.Response, error) {
		cancel()
		<-r.Context().Done()
		return nil, r.Context().Err()
	}))
	_, _, e := l.ask(t, request("GET", "/x", "").WithContext(ctx))
	if e == nil || e.Outcome != "canceled" || e.Status != 499 || e.Failed || e.Sent == nil || e.Received != nil {
		t.Errorf("a canceled call is kept as %+v", e)
	}
}

func TestHintsAreKeptWithWhatTheyRead(t *testing.T) {
	l := logged(t, store(policy.Rules{
		Extracts: []policy.Extract{{Var: "total", Path: "$.total"}, {Var: "id", Path: "$.id"}, {Var: "items", Path: "$.items"}, {Var: "none", Path: "$.none"}},
		Hints: []policy.Hint{
			{Route: "large", When: `vars.total > 1000`}, {Route: "broken", When: `int(vars.id) > 3`},
			{Route: "some", When: `len(vars.items) > 5 or vars.none != nil`}, {Route: "yes", When: `vars.id == "a7" and ok`}, {Route: "late", When: "true"},
		},
	}), says(200, `{"total":412.5,"id":"a7","items":[1,2,3]}`))
	_, _, e := l.ask(t, request("GET", "/x", ""))
	got, err := json.Marshal(e.Detail().Hints)
	if err != nil {
		t.Fatal(err)
	}
	var hints []calllog.HintDetail
	if err := json.Unmarshal(got, &hints); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		route  string
		holds  bool
		failed bool
		values string
	}{
		{"large", false, false, "[{vars.total 412.5}]"}, {"broken", false, true, "[{vars.id a7}]"},
		{"some", false, false, "[{vars.items [3 elements]} {vars.none <nil>}]"}, {"yes", true, false, "[{vars.id a7} {ok true}]"},
	}
	if len(hints) != len(want) {
		t.Fatalf("kept are %d hints, want %d: %s", len(hints), len(want), got)
	}
	for i, w := range want {
		if h := hints[i]; h.Route != w.route || h.Result != w.holds || (h.Error != "") != w.failed || fmt.Sprint(h.Values) != w.values {
			t.Errorf("hint %d is kept as %+v, want %+v", i, h, w)
		}
	}
}

func gzipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

func TestBodiesAreKeptUpToTheirBound(t *testing.T) {
	large := strings.Repeat("0123456789", 1<<20)
	grown := strings.Repeat("ü", 100)
	mapped := policy.Rules{Extracts: []policy.Extract{{Var: "a", Path: "$.a"}}}
	for _, test := range []struct {
		name             string
		rules            policy.Rules
		record           *policy.RecordSpec
		method           string
		sent, came       string
		header           http.Header // of the answer
		status           int
		request, answer  string // what is shown
		encoding         string // of the answer, else utf-8
		size             int64  // of the answer
		requestN         int64
		cutReq, cutAnswr bool
	}{
		{name: "small", method: "POST", sent: `{"q":1}`, came: `{"a":1}`, request: `{"q":1}`, answer: `{"a":1}`, size: 7, requestN: 7},
		{name: "peeked", rules: mapped, method: "POST", sent: `{"q":1}`, came: `{"a":1}`, request: `{"q":1}`, answer: `{"a":1}`, size: 7, requestN: 7},
		{name: "10 MB", method: "POST", sent: large, came: large, request: large[:4096], answer: large[:4096], size: 10 << 20, requestN: 10 << 20, cutReq: true, cutAnswr: true},
		{name: "10 MB, over the peek", rules: mapped, method: "POST", sent: large, came: large, request: large[:4096], answer: large[:4096], size: 10 << 20, requestN: 10 << 20, cutReq: true, cutAnswr: true},
		{name: "64 KiB", record: &policy.RecordSpec{Calls: 1, Bodies: 64 << 10}, method: "PUT", sent: large, came: large, request: large[:64<<10], answer: large[:64<<10],
			size: 10 << 20, requestN: 10 << 20, cutReq: true, cutAnswr: true},
		{name: "no bodies", record: &policy.RecordSpec{Calls: 1, NoBodies: true}, method: "PUT", sent: "abc", came: "defg", size: 4, requestN: 3, cutReq: true, cutAnswr: true},
		{name: "cut within a character", record: &policy.RecordSpec{Calls: 1, Bodies: 9}, method: "PUT", sent: grown, came: grown,
			request: "üüüü", answer: "üüüü", size: 200, requestN: 200, cutReq: true, cutAnswr: true},
		{name: "binary", method: "GET", came: "\xff\xfe\x00\x01", answer: "//4AAQ==", encoding: "base64", size: 4},
		{name: "gzip that was read", rules: mapped, method: "GET", came: gzipped(`{"a":1}`), header: http.Header{"Content-Encoding": {"gzip"}}, answer: `{"a":1}`, size: 7},
		{name: "head", method: "HEAD", came: ""},
		{name: "no content", method: "GET", status: 204, came: ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			spec := store(test.rules)
			spec.Policies[0].Record = test.record
			l := logged(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) {
				if r.Body != nil {
					if err := drain(r); err != nil {
						return nil, err
					}
				}
				resp := reply(r, max(test.status, 200), test.came)
				if test.status == 204 {
					resp.StatusCode = 204
				}
				for name, values := range test.header {
					resp.Header[name] = values
				}
				resp.ContentLength = -1
				return resp, nil
			}))
			req := request(test.method, "/x", test.sent)
			req.Header.Set("Accept-Encoding", "gzip")
			_, _, e := l.ask(t, req)
			d := e.Detail()
			encoding := "utf-8"
			if test.encoding != "" {
				encoding = test.encoding
			}
			for name, pair := range map[string][2]any{
				"request": {d.Request.Body, test.request}, "sent": {d.Sent.Body, test.request}, "received": {d.Received.Body, test.answer},
				"response": {d.Response.Body, test.answer}, "encoding": {d.Response.BodyEncoding, encoding}, "bytes": {d.Response.BodyBytes, test.size},
				"received bytes": {d.Received.BodyBytes, test.size}, "request bytes": {d.Request.BodyBytes, test.requestN}, "sent bytes": {d.Sent.BodyBytes, test.requestN},
				"cut": {d.Response.BodyCut, test.cutAnswr}, "request cut": {d.Request.BodyCut, test.cutReq}, "note": {d.Response.BodyNote + d.Request.BodyNote, ""},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s is %.60q, want %.60q", name, fmt.Sprint(pair[0]), fmt.Sprint(pair[1]))
				}
			}
		})
	}
}

func TestABodyThatNobodyReadIsNotKept(t *testing.T) {
	spec := store(policy.Rules{})
	spec.Policies[0].Methods = []string{"GET"}
	_, _, e := logged(t, spec, says(200, "{}")).ask(t, request("POST", "/x", "abcdef"))
	if d := e.Detail().Request; d.Body != "" || d.BodyNote != "The body was not read." || d.BodyBytes != 6 {
		t.Errorf("kept is %+v", d.Content)
	}
}

func TestAnAnswerOfOurOwnIsKeptBesideThatOfTheThirdParty(t *testing.T) {
	respond := &policy.Respond{Status: 200, Body: `{"sorry":"{{vars.why}}"}`}
	rules := policy.Rules{Extracts: []policy.Extract{{Var: "why", Path: "$.why", Default: json.RawMessage(`"none"`)}}}
	for _, test := range []struct {
		name               string
		method             string
		fallback           *policy.Fallback
		reply              *policy.Reply
		status             int
		answered           int // the bot's status, as kept
		received, response string
	}{
		{"static", "GET", &policy.Fallback{Respond: respond}, nil, 500, 200, `{"why":"down"}`, `{"sorry":"down"}`},
		{"static to HEAD", "HEAD", &policy.Fallback{Respond: respond}, nil, 500, 200, "", ""},
		{"no content", "GET", &policy.Fallback{Respond: &policy.Respond{Status: 204}}, nil, 500, 204, `{"why":"down"}`, ""},
		{"envelope", "GET", nil, &policy.Reply{As: "envelope"}, 500, 200, `{"why":"down"}`, `"data":{"why":"down"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			with := rules
			with.Reply = test.reply
			if test.fallback != nil {
				with.Fallbacks = []policy.Fallback{*test.fallback}
			}
			body := `{"why":"down"}`
			if test.method == "HEAD" {
				body = ""
			}
			resp, got, e := logged(t, store(with), says(test.status, body)).ask(t, request(test.method, "/x", ""))
			d := e.Detail()
			if d.Received.Body != test.received || d.Received.Status != 500 || d.UpstreamStatus != 500 {
				t.Errorf("received is %+v", d.Received)
			}
			if !strings.Contains(d.Response.Body, test.response) || d.Response.Body != got || d.Response.Status != test.answered || resp.StatusCode != test.answered {
				t.Errorf("the bot got %d %q, kept is %d %q", resp.StatusCode, got, d.Response.Status, d.Response.Body)
			}
			if d.Response.BodyBytes != int64(len(got)) || d.Response.BodyCut {
				t.Errorf("the bot got %d bytes, kept are %d, cut %v", len(got), d.Response.BodyBytes, d.Response.BodyCut)
			}
		})
	}
}

func TestAStaleAnswerIsKeptBesideTheBadOne(t *testing.T) {
	status := 200
	l := logged(t, store(policy.Rules{Fallbacks: []policy.Fallback{{Stale: policy.Duration(time.Hour)}}}),
		thirdParty(func(r *http.Request) (*http.Response, error) {
			return reply(r, status, fmt.Sprintf(`{"n":%d}`, status)), nil
		}))
	l.ask(t, request("GET", "/x", ""))
	status = 502
	_, body, e := l.ask(t, request("GET", "/x", ""))
	d := e.Detail()
	if d.Fallback != "stale" || d.Response.Body != `{"n":200}` || d.Response.Body != body || d.Response.Status != 200 || d.Received.Status != 502 || d.UpstreamStatus != 502 {
		t.Errorf("the bot got %q; kept is %q, answered %+v, received %+v", body, d.Fallback, d.Response, d.Received)
	}
}

func TestTheLastAttemptIsShownAndAllAreListed(t *testing.T) {
	n := 0
	l := logged(t, store(policy.Rules{Retry: &policy.Retry{Attempts: 3, BackoffMin: 1, BackoffMax: 1}}),
		thirdParty(func(r *http.Request) (*http.Response, error) {
			n++
			body, err := io.ReadAll(r.Body)
			if err != nil || string(body) != "twice" {
				return nil, errors.New("another body")
			}
			switch n {
			case 1:
				return nil, errReset
			case 2:
				return reply(r, 503, "later"), nil
			}
			return reply(r, 200, `{"n":3}`), nil
		}))
	_, _, e := l.ask(t, request("PUT", "/x", "twice"))
	d := e.Detail()
	var got []string
	for _, a := range d.Attempts {
		got = append(got, fmt.Sprint(a.Outcome, a.Status, a.Host))
	}
	if want := "[incomplete0api.store.example:443 server_error503api.store.example:443 success200api.store.example:443]"; fmt.Sprint(got) != want {
		t.Errorf("the attempts are %v, want %s", got, want)
	}
	if d.Received.Body != `{"n":3}` || d.Sent.Body != "twice" || d.Sent.Method != "PUT" {
		t.Errorf("shown are %+v and %+v", d.Sent, d.Received)
	}
}

func TestANamedCallIsKeptAsItWasSentAndAsItWentOut(t *testing.T) {
	spec := store(policy.Rules{})
	spec.Policies[0].Operations = []policy.OperationSpec{{
		Name: "buy", Method: "PUT", Template: "/orders/{{number}}", Query: []policy.Field{{Name: "lang", Value: "{{lang}}"}},
		Header: []policy.Field{{Name: "X-Number", Value: "n{{number}}"}}, Body: &policy.BodySpec{As: "json", Template: `{"count":{{count}}}`},
		Inputs: []policy.InputSpec{{Var: "count", Type: "number"}, {Var: "lang", Default: json.RawMessage(`"de"`)}},
	}}
	for _, test := range []struct{ name, method, query, body, kind string }{
		{"JSON", "POST", "", `{"number":"a/7","count":2}`, "application/json"},
		{"form", "POST", "", `number=a%2F7&count=2`, "application/x-www-form-urlencoded"},
		{"query", "GET", "?number=a%2F7&count=2", "", ""},
	} {
		l := logged(t, spec, says(200, `{}`))
		req := request(test.method, "/call/store/buy"+test.query, test.body)
		req.Header.Set("Content-Type", test.kind)
		_, _, e := l.answer(t, req, &policy.Call{Policy: "store", Operation: "buy", Tenant: "acme"})
		d := e.Detail()
		inputs, err := json.Marshal(d.Input)
		if err != nil {
			t.Fatal(err)
		}
		for name, pair := range map[string][2]string{
			"request": {d.Request.Method + d.Request.URL + d.Request.Body, test.method + "/call/store/buy" + test.query + test.body},
			"sent":    {d.Sent.Method + d.Sent.URL + d.Sent.Body, "PUThttps://api.store.example/v2/orders/a%2F7?lang=de" + `{"count":2}`},
			"header":  {headersOf(d.Sent.Headers, "X-Number"), "na/7"}, "operation": {d.Operation + d.Path, "buy/call/store/buy"},
			"inputs": {string(inputs), `[{"name":"count","value":2},{"name":"lang","value":"de"},{"name":"number","value":"a/7"}]`},
		} {
			if pair[0] != pair[1] && (name != "inputs" || len(d.Input) != 3) {
				t.Errorf("%s: %s is %q, want %q", test.name, name, pair[0], pair[1])
			}
		}
	}
}

// heldBack is a body whose rest comes when it is allowed to.
type heldBack struct {
	first, rest io.Reader
	allowed     chan struct{}
}

func (h *heldBack) Read(p []byte) (int, error) {
	if n, err := h.first.Read(p); err == nil {
		return n, nil
	}
	<-h.allowed
	return h.rest.Read(p)
}

func (h *heldBack) Close() error { return nil }

func TestTheFirstBytesOfAStreamWaitForNothing(t *testing.T) {
	for name, record := range map[string]*policy.RecordSpec{
		"off": {Calls: 0}, "on": {Calls: 1000, Bodies: 64 << 10}, "redacted": {Calls: 1000, Bodies: 64 << 10, Redact: []string{"$..card"}},
	} {
		spec := store(policy.Rules{})
		spec.Policies[0].Record = record
		answer := &heldBack{strings.NewReader(`{"card":`), strings.NewReader(`"4111"}`), make(chan struct{})}
		question := &heldBack{strings.NewReader(`{"card":`), strings.NewReader(`"4222"}`), make(chan struct{})}
		l := logged(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) {
			got := make([]byte, len(`{"card":`))
			if _, err := io.ReadFull(r.Body, got); err != nil { // The rest of the question is held back.
				return nil, err
			}
			close(question.allowed)
			if err := drain(r); err != nil {
				return nil, err
			}
			resp := reply(r, 200, "")
			resp.Body, resp.ContentLength = answer, -1
			return resp, nil
		}))
		req := request("POST", "/x", "x")
		req.Body, req.ContentLength = question, -1
		resp := l.Answer(req, &policy.Call{Policy: "store", Path: "/x", Tenant: "acme", OneReader: true})
		got := make([]byte, len(`{"card":`))
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != `{"card":` {
			t.Fatalf("%s: the first bytes are %q: %v", name, got, err)
		}
		close(answer.allowed) // Only now.
		if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != `"4111"}` {
			t.Fatalf("%s: the rest is %q: %v", name, rest, err)
		}
		trace := resp.Header.Get("Signpost-Trace")
		resp.Body.Close()
		e := l.logs.ByID(trace)
		if (e == nil) != (record.Calls == 0) {
			t.Errorf("%s: the log keeps %v", name, e)
		}
		want := `{"card":"4222"}{"card":"4111"}`
		if name == "redacted" {
			want = `{"card":"[redacted]"}{"card":"[redacted]"}`
		}
		if e != nil && string(e.Request.Body)+string(e.Received.Body) != want {
			t.Errorf("%s: kept are %q and %q, want %q", name, e.Request.Body, e.Received.Body, want)
		}
	}
}

func TestAStreamThatBreaksOffIsKeptAsFarAsItCame(t *testing.T) {
	l := logged(t, store(policy.Rules{}), thirdParty(func(r *http.Request) (*http.Response, error) {
		resp := reply(r, 200, "")
		resp.Body, resp.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader("half"), brokenReader{})), -1
		return resp, nil
	}))
	_, _, e := l.ask(t, request("GET", "/x", ""))
	if d := e.Detail(); d.Broken == "" || d.Response.Body != "half" || d.Response.BodyBytes != 4 || d.Outcome != "success" {
		t.Errorf("kept is %+v, broken by %q", d.Response, d.Broken)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAnUpgradeIsKeptWithoutItsBytes(t *testing.T) {
	l := logged(t, store(policy.Rules{}), thirdParty(func(r *http.Request) (*http.Response, error) {
		resp := reply(r, 101, "")
		resp.Header = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}}
		resp.Body = &pipeEnd{}
		return resp, nil
	}))
	req := request("GET", "/x", "")
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	_, _, e := l.ask(t, req)
	if d := e.Detail(); d.Status != 101 || d.Received.BodyNote != "The connection changed its protocol." || d.Response.Body != "" || d.Outcome != "success" {
		t.Errorf("kept is %d, %+v", d.Status, d.Received)
	}
}

// pipeEnd is a connection on which nothing is said.
type pipeEnd struct{ bytes.Buffer }

func (*pipeEnd) Close() error { return nil }

func TestWhatIsKeptOfACallIsBounded(t *testing.T) {
	spec := store(policy.Rules{
		Extracts: []policy.Extract{{Var: "all", Path: "$"}, {Var: "text", Path: "$.text"}, {Var: "again", Path: "$.text"}},
		Hints:    []policy.Hint{{Route: "never", When: `text == "" or vars.text == "" or request.path == "" or int(vars.text) > 0`}},
	})
	spec.Policies[0].Record = &policy.RecordSpec{Calls: 1, Bodies: 64 << 10}
	long := strings.Repeat("x", 1<<20-100)
	l := logged(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) {
		if err := drain(r); err != nil {
			return nil, err
		}
		resp := reply(r, 200, `{"text":"`+long[:1000_000]+`"}`)
		for n := range 1000 {
			resp.Header.Set(fmt.Sprint("X-", n), long[:100])
		}
		return resp, nil
	}))
	line := "LONGMETHOD /" + long // As net/http reads it: method and path are parts of one text.
	req := request("GET", "/x", long)
	req.Method, req.URL.Path, req.URL.RawQuery = line[:10], line[11:], "q="+long
	for n := range 1000 {
		req.Header.Set(fmt.Sprint("X-", n), long[:100])
	}
	_, _, e := l.answer(t, req, &policy.Call{Policy: "store", Path: line[11:], Tenant: "acme"})
	for name, m := range map[string]*calllog.Message{"request": &e.Request, "sent": e.Sent, "received": e.Received, "response": &e.Response} {
		head := len(m.Head) + len(m.Shared) // The bot's answer has the received headers and the gateway's own.
		if len(m.Head) > calllog.MaxHead || len(m.Shared) > calllog.MaxHead || head < calllog.MaxHead/2 || len(m.URL) > calllog.MaxURL || len(m.Body) != 64<<10 {
			t.Errorf("%s: %d bytes of headers, %d of the URL, %d of the body", name, head, len(m.URL), len(m.Body))
		}
	}
	if e.Path != line[11:][:calllog.MaxURL] || e.Method != line[:10] || e.Request.Method != line[:10] {
		t.Errorf("the method is %q, the path has %d bytes", e.Method, len(e.Path))
	}
	for _, method := range []string{e.Method, e.Request.Method, e.Sent.Method} {
		if unsafe.StringData(method) == unsafe.StringData(line) {
			t.Error("the method keeps the whole line in memory")
		}
	}
	size, count := 0, 0
	for _, v := range e.Vars {
		size, count = size+len(v.JSON), count+1
		if !json.Valid(v.JSON) {
			t.Errorf("%s is no JSON: %.60q", v.Name, v.JSON)
		}
	}
	if size > calllog.MaxVars || count != 3 || string(e.Vars[1].JSON) != `"[1000002 bytes]"` {
		t.Errorf("%d variables have %d bytes, one is %.60q", count, size, e.Vars[1].JSON)
	}
	if got, bound := len(all(t, e))/2, 4*(64<<10)+4*calllog.MaxHead+3*calllog.MaxURL+20_000; got > bound { // Each text is there twice, packed and shown.
		t.Errorf("the entry holds about %d bytes, want at most %d", got, bound)
	}
}

func TestTheMemoryOfAFullLogIsBounded(t *testing.T) {
	const calls = 200
	spec := store(policy.Rules{
		Extracts: []policy.Extract{{Var: "text", Path: "$.text"}},
		Hints:    []policy.Hint{{Route: "never", When: `text == "" or vars.text == ""`}},
	})
	spec.Policies[0].Record = &policy.RecordSpec{Calls: calls}
	long := `{"text":"` + strings.Repeat("x", 500_000) + `"}`
	l := logged(t, spec, says(500, long)) // Each is kept as a call and as a failure.
	inUse := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	l.ask(t, request("POST", "/x", long))
	before := inUse()
	for range 2 * calls {
		l.ask(t, request("POST", "/x", long))
	}
	if grown := int64(inUse()) - int64(before); grown > calls*24<<10 {
		t.Errorf("%d calls of 1 MB with bodies of 4 KiB hold %d KiB, want at most %d", calls, grown>>10, calls*24)
	}
	runtime.KeepAlive(l)
}

func TestTheLogOutlivesAReload(t *testing.T) {
	state := policy.NewState(nil)
	load := func(record *policy.RecordSpec, names ...string) *policy.Gateway {
		t.Helper()
		spec := policy.Spec{Plans: []policy.Plan{{Name: "default", RateLimitOff: true}}}
		for _, name := range names {
			spec.Policies = append(spec.Policies, policy.PolicySpec{Name: name, BaseURL: "https://api.store.example", Record: record})
		}
		g := open(t, spec, says(500, `{"card":"4111111111111111"}`), func(o *policy.Options) { o.State = state })
		return g
	}
	calling := func(g *policy.Gateway, name string) *http.Response {
		return g.Answer(request("GET", "/x", ""), &policy.Call{Policy: name, Path: "/x", Tenant: "acme"})
	}
	kept := func() map[string]int {
		found, _, _ := state.CallLogs().Find(calllog.Filter{}, "", 10_000)
		counts := make(map[string]int)
		for _, e := range found {
			counts[e.Policy]++
		}
		return counts
	}
	want := func(when string, want map[string]int) {
		t.Helper()
		if got := kept(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v are kept, want %v", when, got, want)
		}
	}
	running := func(g *policy.Gateway, before *policy.Gateway) *policy.Gateway {
		t.Helper()
		if err := g.Start(); err != nil {
			t.Fatal(err)
		}
		if before != nil {
			before.Stop()
		}
		g.Adopt()
		t.Cleanup(g.Stop)
		return g
	}
	g := running(load(&policy.RecordSpec{Calls: 10}, "store", "bank"), nil)
	for range 12 {
		for _, name := range []string{"store", "bank", "nobody"} {
			calling(g, name).Body.Close()
		}
	}
	full := map[string]int{"store": 10, "bank": 10, "": 12}
	want("at first", full)

	load(&policy.RecordSpec{Calls: 2, Redact: []string{"$.card"}}, "store", "bank").Stop() // It was never started.
	if _, err := policy.New(policy.Spec{Policies: []policy.PolicySpec{{Name: "store", BaseURL: "%", Record: &policy.RecordSpec{Calls: 1}}}}, policy.Options{State: state}); err == nil {
		t.Fatal("a configuration with a mistake was taken")
	}
	want("after rejected ones", full)

	g = running(load(&policy.RecordSpec{Calls: 4}, "store"), g)
	want("smaller, and without the bank", map[string]int{"store": 4, "": 12})

	late := calling(g, "store")
	g = running(load(&policy.RecordSpec{Calls: 4, Redact: []string{"$.card"}}, "store"), g)
	want("redacted", map[string]int{"": 12})
	late.Body.Close() // Of the configuration before, which showed the card.
	want("after a late call", map[string]int{"": 12})
	calling(g, "store").Body.Close()
	want("after one more", map[string]int{"store": 1, "": 12})
}

// fingerprint is a hash over every text of an entry.
func fingerprint(t testing.TB, e *calllog.Entry) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, all(t, e))
	return h.Sum64()
}

// TestWhatIsKeptDoesNotChangeWhileOthersCall tests that no later call writes into
// the memory of a call that is over, which is used again.
func TestWhatIsKeptDoesNotChangeWhileOthersCall(t *testing.T) {
	const callers, each = 16, 30
	spec := everything()
	spec.Policies[0].Record = &policy.RecordSpec{Calls: 50, Redact: []string{"$.order.customer.name"}}
	state := policy.NewState(nil)
	g := open(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) {
		if err := drain(r); err != nil {
			return nil, err
		}
		return reply(r, 200, strings.ReplaceAll(order(), "ord_1001", "ord_"+r.URL.Query().Get("n"))), nil
	}), func(o *policy.Options) { o.State = state })
	var calling, looking sync.WaitGroup
	done := make(chan struct{})
	looking.Go(func() {
		known := make(map[*calllog.Entry]uint64)
		for round := 0; ; round++ {
			select {
			case <-done:
				for e, before := range known {
					if fingerprint(t, e) != before {
						t.Errorf("the call %s changed after it was kept", e.ID)
					}
				}
				return
			default:
			}
			found, _, _ := state.CallLogs().Find(calllog.Filter{}, "", 5)
			for _, e := range found {
				if known[e] == 0 && len(known) < 200 {
					known[e] = fingerprint(t, e)
				}
			}
			state.CallLogs().Of("store", calllog.Settings{}).Configure(calllog.Settings{Calls: 20 + round%5, Bodies: calllog.DefaultBodies, Redact: "$.order.customer.name"})
		}
	})
	for k := range callers {
		calling.Go(func() {
			for n := range each {
				query := fmt.Sprintf("n=%d-%d", k, n)
				req := request("POST", "/orders/1?"+query, `{"q":"`+query+`"}`)
				req.Header = botHeaders()
				resp := g.Answer(req, &policy.Call{Policy: "store", Path: "/orders/1", Tenant: "acme", OneReader: true})
				trace := resp.Header.Get("Signpost-Trace")
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				e := state.CallLogs().ByID(trace)
				if e == nil {
					continue // Others were later.
				}
				if string(e.Request.Body) != `{"q":"`+query+`"}` || !strings.Contains(string(e.Received.Body), "ord_"+query[2:]+`"`) || !strings.HasSuffix(e.Sent.URL, query) {
					t.Errorf("the call %s is kept as %q, %q and %.60q", query, e.Sent.URL, e.Request.Body, e.Received.Body)
				}
			}
		})
	}
	calling.Wait()
	close(done)
	looking.Wait()
}
