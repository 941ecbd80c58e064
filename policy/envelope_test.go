package policy_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/policy"
)

// enveloped is an envelope as a bot reads it: all of its members, and no others.
type enveloped struct {
	OK      *bool                      `json:"ok"`
	Route   string                     `json:"route"`
	Next    string                     `json:"next"`
	Outcome policy.Outcome             `json:"outcome"`
	Status  int                        `json:"status"`
	Vars    map[string]json.RawMessage `json:"vars"`
	Data    json.RawMessage            `json:"data"`
	Error   *struct {
		Code       policy.Outcome `json:"code"`
		Message    string         `json:"message"`
		RetryAfter int            `json:"retry_after"`
	} `json:"error"`
	Policy   string   `json:"policy"`
	Attempts int      `json:"attempts"`
	Latency  int      `json:"latency_ms"`
	Trace    string   `json:"trace_id"`
	Omitted  []string `json:"omitted"`
}

// unwrap reads an envelope, and tests what holds for every one.
func unwrap(t testing.TB, resp *http.Response, body string) enveloped {
	t.Helper()
	var e enveloped
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil || decoder.More() || !utf8.ValidString(body) {
		t.Fatalf("reading the envelope %q: %v", body, err)
	}
	h := resp.Header
	if resp.StatusCode != 200 || h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" || h.Get("Retry-After") != "" {
		t.Errorf("status %d, header %v; want 200, application/json, no-store and no Retry-After", resp.StatusCode, h)
	}
	if length := h.Get("Content-Length"); length != strconv.Itoa(len(body)) {
		t.Errorf("Content-Length is %s; want %d", length, len(body))
	}
	for name, got := range map[string]string{
		"Signpost-Route": e.Route, "Signpost-Next": e.Next, "Signpost-Outcome": string(e.Outcome), "Signpost-Policy": e.Policy, "Signpost-Trace": e.Trace,
	} {
		if h.Get(name) != got {
			t.Errorf("the envelope says %q where %s says %q", got, name, h.Get(name))
		}
	}
	if e.OK == nil || *e.OK != (e.Outcome == policy.Success) || (e.Error == nil) != *e.OK {
		t.Errorf("ok and error of %s contradict the outcome", body)
	}
	if e.Error != nil && (e.Error.Code != e.Outcome || e.Error.Message != h.Get("Signpost-Reason") || e.Error.Message == "") {
		t.Errorf("the error of %s is not outcome and reason %q", body, h.Get("Signpost-Reason"))
	}
	return e
}

// wrapping are rules that answer by envelope.
func wrapping(rules policy.Rules, size policy.Size) policy.Rules {
	rules.Reply = &policy.Reply{As: "envelope", Size: size}
	return rules
}

// wrapped gets the envelope of a GET.
func wrapped(t testing.TB, g *policy.Gateway) (enveloped, *http.Response) {
	t.Helper()
	resp, body := call(t, g, request(http.MethodGet, "/orders/7", ""))
	return unwrap(t, resp, body), resp
}

// moment is what differs from call to call.
var moment = regexp.MustCompile(`"latency_ms":[0-9]+,"trace_id":"[0-9a-f]{32}"`)

func TestAnEnvelopeHasTheseMembersInThisOrder(t *testing.T) {
	spec := store(wrapping(policy.Rules{}, 0))
	spec.Policies[0].Operations = []policy.OperationSpec{{
		Name: "order", Method: "GET", Template: "/orders/{{id}}",
		Rules: policy.Rules{
			Extracts: []policy.Extract{
				{Var: "status", Path: "$.status"}, {Var: "eta", Path: "$.eta", Default: []byte(`"un\u006bnown"`)},
				{Var: "lines", Path: "$.lines"}, {Var: "gone", Path: "$.gone"}, {Var: "none", Path: "$.none"},
			},
			Hints: []policy.Hint{{Route: "shipped", When: `vars.status == "shipped"`}},
		},
	}}
	status, doc := 200, `{"status":"shipped", "lines": [ 1, 2.50 ],"none":null,"a":1,"a":"\u00e9é"}`
	g := open(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) { return reply(r, status, doc+"\r\n"), nil }))
	const tail = `"attempts":1,"latency_ms":0,"trace_id":""}` + "\n"
	for _, want := range []string{
		`{"ok":true,"route":"shipped","next":"continue","outcome":"success","status":200,` +
			`"vars":{"status":"shipped","eta":"un\u006bnown","lines":[1,2.50],"none":null},"data":` + doc + `,` +
			`"error":null,"policy":"store.order",` + tail,
		`{"ok":false,"route":"error","next":"stop","outcome":"server_error","status":503,"vars":{"eta":"un\u006bnown"},"data":{"why":"\"<é>\""},` +
			`"error":{"code":"server_error","message":"The third party answered 503 Service Unavailable."},"policy":"store.order",` + tail,
	} {
		resp, body := call(t, g, request(http.MethodGet, "/orders/7", ""))
		unwrap(t, resp, body)
		if got := moment.ReplaceAllString(body, `"latency_ms":0,"trace_id":""`); got != want {
			t.Errorf("the envelope is\n%s; want\n%s", got, want)
		}
		status, doc = 503, `{"why":"\"<é>\""}`
	}
}

func TestTheFormThatARequestAsksForCountsBeforeThePolicys(t *testing.T) {
	for _, c := range []struct {
		policy, operation string
		asked             []string
		want              string
	}{
		{"", "", nil, "headers"}, {"headers", "", nil, "headers"}, {"envelope", "", nil, "envelope"},
		{"envelope", "headers", nil, "headers"}, {"headers", "envelope", nil, "envelope"}, {"", "envelope", nil, "envelope"},
		{"", "", []string{"envelope"}, "envelope"}, {"envelope", "", []string{"headers"}, "headers"},
		{"envelope", "envelope", []string{"headers", "headers"}, "headers"}, {"headers", "", []string{"envelope", "envelope"}, "envelope"},
		{"", "", []string{"Envelope"}, "envelope"}, {"envelope", "", []string{"yaml"}, "bad envelope"},
		{"", "", []string{"envelope", "headers"}, "bad headers"}, {"", "envelope", []string{"headers", "envelope"}, "bad envelope"},
		{"", "", []string{""}, "bad headers"}, {"", "", []string{"envelope, envelope"}, "bad headers"},
	} {
		var outer, inner policy.Rules
		if c.policy != "" {
			outer.Reply = &policy.Reply{As: c.policy}
		}
		if c.operation != "" {
			inner.Reply = &policy.Reply{As: c.operation}
		}
		spec := store(outer)
		spec.Policies[0].Operations = []policy.OperationSpec{{Name: "order", Method: "GET", Template: "/orders/{{id}}", Rules: inner}}
		req := request(http.MethodGet, "/orders/7", "")
		req.Header["Signpost-Reply"] = c.asked
		resp, body := call(t, open(t, spec, says(404, `[]`)), req)
		got := "headers"
		if resp.StatusCode == 200 {
			unwrap(t, resp, body)
			got = "envelope"
		}
		if resp.Header.Get("Signpost-Outcome") == "bad_request" {
			got = "bad " + got
		}
		if got != c.want {
			t.Errorf("policy %q, operation %q, request %q: got %s; want %s", c.policy, c.operation, c.asked, got, c.want)
		}
	}
}

func TestARefusalBeforeAnyPolicyIsKnownIsAnEnvelopeWhereTheRequestAsksForOne(t *testing.T) {
	g := open(t, store(policy.Rules{}), says(200, `{}`))
	for asked, want := range map[string]int{"envelope": 200, "headers": 404, "": 404, "yaml": 404} {
		req := request(http.MethodGet, "/", "")
		if asked != "" {
			req.Header.Set("Signpost-Reply", asked)
		}
		resp := g.Answer(req, &policy.Call{Policy: "nobody"})
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want || resp.Header.Get("Signpost-Outcome") != "not_found" {
			t.Errorf("%q: status %d, %s; want %d, not_found", asked, resp.StatusCode, resp.Header.Get("Signpost-Outcome"), want)
		}
		if want == 200 {
			if e := unwrap(t, resp, string(body)); e.Status != 404 || e.Policy != "" || string(e.Data) != "null" || e.Attempts != 0 || e.Vars == nil {
				t.Errorf("the envelope is %s; want a 404 of no policy, without data and attempts", body)
			}
		}
	}
}

func TestMistakesOfReplyAreFoundAndNamed(t *testing.T) {
	for want, reply := range map[string]policy.Reply{
		`policy store: reply: "" is not a form of answer: expected headers or envelope`:     {},
		`policy store: reply: "json" is not a form of answer: expected headers or envelope`: {As: "json"},
		`policy store: reply: headers have no size`:                                         {As: "headers", Size: 2048},
		`policy store: reply: 1023B is not the size of an envelope: expected 1KiB to 64KiB`: {As: "envelope", Size: 1023},
		`policy store: reply: 65KiB is not the size of an envelope`:                         {As: "envelope", Size: 65 << 10},
		`policy store: reply: -1B is not the size of an envelope`:                           {As: "envelope", Size: -1},
	} {
		spec := store(policy.Rules{Reply: &reply})
		spec.Policies[0].Operations = []policy.OperationSpec{{Name: "order", Method: "GET", Template: "/x"}}
		mistakes := policy.Check(&spec)
		if len(mistakes) != 1 || !strings.Contains(mistakes.Error(), want) {
			t.Errorf("%+v: got %v; want once %s", reply, mistakes, want)
		}
	}
	good := store(policy.Rules{Reply: &policy.Reply{As: "envelope", Size: policy.MaxEnvelope}})
	if mistakes := policy.Check(&good); mistakes != nil {
		t.Errorf("a good reply: %v", mistakes)
	}
}

func TestHeadersThatDescribeTheThirdPartysBodyDoNotDescribeTheEnvelope(t *testing.T) {
	g := open(t, store(wrapping(policy.Rules{}, 0)), thirdParty(func(r *http.Request) (*http.Response, error) {
		resp := reply(r, 429, `{"e":1}`)
		for name, value := range map[string]string{
			"Content-Type": "application/hal+json", "Content-Language": "de", "Content-Disposition": "attachment", "Content-Range": "bytes 0-1/2",
			"Content-Location": "/x", "Content-Digest": "sha-256=:x:", "Etag": `"v"`, "Last-Modified": "Mon, 02 Jan 2006 15:04:05 GMT", "Accept-Ranges": "bytes",
			"Cache-Control": "max-age=60", "Expires": "Mon, 02 Jan 2006 15:04:05 GMT", "Retry-After": "17",
			"Set-Cookie": "a=b", "Location": "/elsewhere", "X-Request-Id": "abc", "Link": "</x>; rel=next", "Vary": "Accept",
		} {
			resp.Header.Set(name, value)
		}
		resp.Trailer = http.Header{"X-Checksum": {"1"}}
		return resp, nil
	}))
	e, resp := wrapped(t, g)
	for _, gone := range []string{
		"Content-Language", "Content-Disposition", "Content-Range", "Content-Location", "Content-Digest", "Etag", "Last-Modified", "Accept-Ranges", "Expires", "Retry-After",
	} {
		if got := resp.Header.Get(gone); got != "" {
			t.Errorf("%s: %s describes the envelope", gone, got)
		}
	}
	for _, stays := range []string{"Set-Cookie", "Location", "X-Request-Id", "Link", "Vary"} {
		if resp.Header.Get(stays) == "" {
			t.Errorf("%s is lost", stays)
		}
	}
	if len(resp.Trailer) != 0 || e.Error.RetryAfter != 17 || e.Status != 429 || e.Outcome != policy.ClientError {
		t.Errorf("trailer %v, status %d, %s, retry_after %d; want none, 429, client_error, 17", resp.Trailer, e.Status, e.Outcome, e.Error.RetryAfter)
	}
}

func TestAnEnvelopeOfARefusalSaysWhenToComeBack(t *testing.T) {
	spec := store(wrapping(policy.Rules{RateLimits: []policy.RateLimit{{Rate: "1/h"}}}, 0))
	g := open(t, spec, says(200, `{}`))
	wrapped(t, g)
	e, resp := wrapped(t, g)
	if e.Outcome != policy.RateLimited || e.Status != 429 || e.Error.RetryAfter < 3500 || e.Error.RetryAfter > 3600 || e.Error.Message != "Rate Limit Exceeded" {
		t.Errorf("%s %d %+v; want rate_limited, 429, an hour", e.Outcome, e.Status, e.Error)
	}
	if resp.Header.Get("Ratelimit") == "" || resp.Header.Get("Proxy-Status") == "" {
		t.Errorf("header %v; want RateLimit and Proxy-Status", resp.Header)
	}
	spec.Policies[0].Methods = []string{"GET"}
	resp, body := call(t, open(t, spec, says(200, `{}`)), request(http.MethodPut, "/", ""))
	if e := unwrap(t, resp, body); e.Status != 405 || resp.Header.Get("Allow") != "GET" || e.Error.RetryAfter != 0 || strings.Contains(body, "retry_after") {
		t.Errorf("status %d, Allow %q, %s; want 405, GET, no retry_after", e.Status, resp.Header.Get("Allow"), body)
	}
}

func TestWhatHasNoEndIsNotPutIntoAnEnvelope(t *testing.T) {
	events := thirdParty(func(r *http.Request) (*http.Response, error) {
		resp := reply(r, 200, "data: 1\n\n")
		resp.Header.Set("Content-Type", "Text/Event-Stream; charset=utf-8")
		resp.ContentLength = -1
		return resp, nil
	})
	g := open(t, store(wrapping(policy.Rules{}, 0)), events)
	if resp, body := call(t, g, request(http.MethodGet, "/", "")); body != "data: 1\n\n" || resp.Header.Get("Signpost-Route") != "success" {
		t.Errorf("a stream of events is %q with %v; want it as it is, with its route", body, resp.Header)
	}
	g = open(t, store(wrapping(policy.Rules{}, 0)), thirdParty(func(r *http.Request) (*http.Response, error) {
		resp := reply(r, 101, "")
		resp.Header.Set("Upgrade", "chat")
		return resp, nil
	}))
	req := request(http.MethodGet, "/", "")
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "chat")
	if resp, body := call(t, g, req); resp.StatusCode != 101 || body != "" || resp.Header.Get("Signpost-Route") != "success" {
		t.Errorf("an upgrade is %d with %q; want 101", resp.StatusCode, body)
	}
	rules := policy.Rules{Fallbacks: []policy.Fallback{{When: "true", Respond: &policy.Respond{Status: 503, Body: "sorry"}}}}
	if e, _ := wrapped(t, open(t, store(wrapping(rules, 0)), events)); e.Status != 503 || string(e.Data) != `"sorry"` {
		t.Errorf("a fallback for a stream is %d with %s; want an envelope", e.Status, e.Data)
	}
}

func TestARefusedCONNECTIsNeverA200(t *testing.T) {
	g := open(t, store(wrapping(policy.Rules{}, 0)), says(200, `{}`))
	for _, name := range []string{"", "store"} {
		req := request(http.MethodConnect, "/", "")
		req.Header.Set("Signpost-Reply", "envelope")
		resp := g.Answer(req, &policy.Call{Policy: name, Refusal: &policy.Refusal{Outcome: policy.Denied, Reason: "No tunnels."}})
		resp.Body.Close()
		if resp.StatusCode != 403 {
			t.Errorf("policy %q: status %d; want 403: a 2xx opens a tunnel", name, resp.StatusCode)
		}
	}
}

func TestAnEnvelopeToHEADIsOnlyItsHeader(t *testing.T) {
	for status, upstream := range map[int]thirdParty{404: says(404, ``), 502: breaks} {
		resp, body := call(t, open(t, store(wrapping(policy.Rules{}, 0)), upstream), request(http.MethodHead, "/", ""))
		if resp.StatusCode != 200 || body != "" || resp.Header["Content-Length"] != nil || resp.Header.Get("Content-Type") != "application/json" || resp.Header.Get("Signpost-Route") == "" {
			t.Errorf("%d: status %d, body %q, header %v; want 200, none, the route", status, resp.StatusCode, body, resp.Header)
		}
	}
}

func TestACallThatNobodyWaitsForHasNoEnvelope(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	g := open(t, store(wrapping(policy.Rules{}, 0)), thirdParty(func(r *http.Request) (*http.Response, error) {
		cancel()
		<-r.Context().Done()
		return nil, r.Context().Err()
	}))
	if resp, _ := call(t, g, request(http.MethodGet, "/", "").WithContext(ctx)); resp.StatusCode != policy.StatusClientClosedRequest {
		t.Errorf("status %d; want %d", resp.StatusCode, policy.StatusClientClosedRequest)
	}
}

func TestTheRecordKeepsTheStatusThatTheEnvelopeHolds(t *testing.T) {
	var status int
	g := open(t, store(wrapping(policy.Rules{}, 0)), says(503, `{}`), func(o *policy.Options) {
		o.Observe = func(r *policy.Record) { status = r.Status }
	})
	if e, _ := wrapped(t, g); e.Status != 503 || status != 503 {
		t.Errorf("status %d in the envelope, %d in the record; want 503", e.Status, status)
	}
}

func TestAnEnvelopeAfterAFaultOfTheGatewayHoldsNothingOfTheAnswerBefore(t *testing.T) {
	attempts := 0
	rules := policy.Rules{Retry: &policy.Retry{Attempts: 1, On: "vars.a == 1"}, Extracts: []policy.Extract{{Var: "a", Path: "$.a"}}}
	g := open(t, store(wrapping(rules, 0)), thirdParty(func(r *http.Request) (*http.Response, error) {
		if attempts++; attempts > 1 {
			panic("a fault")
		}
		return reply(r, 503, `{"a":1}`), nil
	}))
	if e, _ := wrapped(t, g); e.Outcome != policy.Internal || e.Status != 500 || len(e.Vars) != 0 || string(e.Data) != "null" || e.Attempts != 2 {
		t.Errorf("%s, status %d, vars %s, data %s; want internal, 500, nothing", e.Outcome, e.Status, e.Vars, e.Data)
	}
}

func TestANamedCallOfAnOperationWithHEADHasAnEnvelopeWithoutData(t *testing.T) {
	spec := store(wrapping(policy.Rules{}, 0))
	spec.Policies[0].Operations = []policy.OperationSpec{{Name: "exists", Method: "HEAD", Template: "/orders"}}
	g := open(t, spec, says(404, ``))
	resp := g.Answer(request(http.MethodPost, "/", ""), &policy.Call{Policy: "store", Operation: "exists"})
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if e := unwrap(t, resp, string(body)); e.Status != 404 || string(e.Data) != "null" || e.Omitted != nil || e.Policy != "store.exists" {
		t.Errorf("the envelope is %s; want a 404 without data", body)
	}
}

// BenchmarkEnvelope is what the envelope of an answer of 1 KiB costs, with and
// without a mapping: the difference to headers.
func BenchmarkEnvelope(b *testing.B) {
	for _, c := range []struct {
		name string
		spec policy.Spec
	}{{"plain", store(policy.Rules{})}, {"mapped", everything()}} {
		for _, form := range []string{"headers", "envelope"} {
			b.Run(c.name+"/"+form, func(b *testing.B) {
				g := open(b, c.spec, says(http.StatusOK, order()))
				req := request(http.MethodGet, "/orders/1001", "")
				req.Header.Set("Signpost-Reply", form)
				b.ReportAllocs()
				for b.Loop() {
					resp := g.Answer(req, &policy.Call{Policy: "store", Path: "/orders/1001", Tenant: "acme", OneReader: true})
					if _, err := io.Copy(io.Discard, resp.Body); err != nil {
						b.Fatal(err)
					}
					resp.Body.Close()
				}
			})
		}
	}
}
