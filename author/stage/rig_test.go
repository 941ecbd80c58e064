package stage_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/stage"
	"github.com/signpost-gateway/signpost/policy"
)

// shop is a configuration with most of what there is, for a third party at an
// address, and one at which nobody listens.
func shop(address, gone string) *policy.Spec {
	order := policy.Rules{
		Extracts: []policy.Extract{
			{Var: "status", Path: "$.order.status", Required: true},
			{Var: "eta", Path: "$.order.eta", Default: json.RawMessage(`"unknown"`)},
		},
		Hints: []policy.Hint{
			{Route: "shipped", When: `vars.status == "shipped"`},
			{Route: "not_found", When: "status == 404"},
			{Route: "busy", When: `outcome == "rate_limited"`},
			{Route: "odd", When: `exists("$.odd") and input.order_number != "7"`},
		},
		Success: "body.error == nil",
	}
	slow, limited, fragile := order, order, order
	slow.Timeout = policy.Duration(50 * time.Millisecond)
	limited.RateLimits = []policy.RateLimit{{Rate: "1/m"}}
	fragile.Breaker = &policy.BreakerSpec{Trip: "1 consecutive"}
	operation := func(name string, rules policy.Rules) policy.OperationSpec {
		return policy.OperationSpec{Name: name, Method: "GET", Template: "/" + name + "/{{order_number}}", Rules: rules}
	}
	rules := policy.Rules{
		Fallbacks: []policy.Fallback{{When: `outcome in ["timeout", "circuit_open"]`, Respond: &policy.Respond{Status: 200, Body: `{"eta":{{vars.eta}}}`}}},
		Breaker:   &policy.BreakerSpec{Trip: "off"}, Peek: 64 << 10,
	}
	return &policy.Spec{
		Plans:   []policy.Plan{{Name: "default", RateLimitOff: true}},
		Secrets: []policy.SecretSource{{From: "env", Where: "STAGE_"}},
		Policies: []policy.PolicySpec{{
			Name: "store", BaseURL: address, AllowPrivate: true, Rules: rules,
			Inject: []policy.Inject{{As: "bearer", Value: "{secret.token}"}, {As: "query", Name: "key", Value: "k-{secret.token}"}},
			Operations: []policy.OperationSpec{
				operation("order", order), operation("slow", slow), operation("limited", limited), operation("fragile", fragile),
				{
					Name: "note", Method: "POST", Template: "/notes", Inputs: []policy.InputSpec{{Var: "stars", Type: "number"}},
					Query: []policy.Field{{Name: "lang", Value: "{{lang}}"}}, Header: []policy.Field{{Name: "X-Text", Value: "{{text}}"}},
					Body:  &policy.BodySpec{As: "json", Template: `{"text": {{text}}, "stars": {{stars}}}`},
					Rules: policy.Rules{Reply: &policy.Reply{As: "envelope"}, Retry: &policy.Retry{Attempts: 1, Methods: []string{"POST"}}},
				},
			},
		}, {
			Name: "gone", BaseURL: gone, AllowPrivate: true, Rules: rules,
			Operations: []policy.OperationSpec{operation("order", order)},
		}, {
			Name: "private", BaseURL: address, AllowPrivate: true, Rules: rules,
			Inject:     []policy.Inject{{As: "bearer", Value: "{tenant_secret.own}"}},
			Operations: []policy.OperationSpec{operation("order", order)},
		}},
	}
}

// thirdParty is a real server that does what turns say.
type thirdParty struct {
	mu    sync.Mutex
	turns []stage.Turn
	sent  []string
}

// ServeHTTP does the next turn.
func (p *thirdParty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	turn := stage.Turn{}
	if len(p.turns) > 0 {
		turn = p.turns[min(len(p.sent), len(p.turns)-1)]
	}
	p.sent = append(p.sent, request(r.Method, r.URL.RequestURI(), r.Header, body))
	p.mu.Unlock()
	switch {
	case turn.Fails == policy.Timeout:
		<-r.Context().Done()
	case turn.Fails == policy.Incomplete && len(turn.Body) == 0:
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), turn.Header)
	answer := turn.Body
	if strings.Contains(turn.Header.Get("Content-Encoding"), "gzip") {
		answer = zipped(answer)
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
	if turn.Status == 0 {
		turn.Status = http.StatusOK
	}
	w.WriteHeader(turn.Status)
	if turn.Fails == policy.Incomplete {
		w.Write(answer[:len(answer)/2])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(answer)
}

// zipped is a text as gzip.
func zipped(text []byte) []byte {
	var coded bytes.Buffer
	w := gzip.NewWriter(&coded)
	w.Write(text)
	w.Close()
	return coded.Bytes()
}

// request is what of a request is compared.
func request(method, target string, header http.Header, body []byte) string {
	return fmt.Sprintf("%s %s %q %q %q %q", method, target, header["Authorization"], header["X-Text"], header["Content-Type"], body)
}

// serve answers bots as a real gateway does.
func serve(g *policy.Gateway) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := policy.Call{Tenant: r.Header.Get("X-Tenant-ID"), TenantHeader: "X-Tenant-ID", OneReader: true}
		var named bool
		if call.Policy, call.Operation, named = policy.SplitCall(r.URL.EscapedPath()); !named {
			call.Policy, call.Path = policy.SplitPath(r.URL.EscapedPath())
		}
		resp := g.Answer(r, &call)
		defer resp.Body.Close()
		maps.Copy(w.Header(), resp.Header)
		w.WriteHeader(resp.StatusCode)
		if _, err := io.Copy(w, resp.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
	})
}

// telling is the headers of an answer that tell of the decision.
func telling(header http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(header)) {
		compared := strings.HasPrefix(name, "Signpost-") && name != "Signpost-Trace"
		if compared || slices.Contains([]string{"Proxy-Status", "Content-Type", "Content-Encoding", "X-Own"}, name) {
			fmt.Fprintf(&b, "%s: %q\n", name, header[name])
		}
	}
	return b.String()
}

// outcome is what of a call is compared.
type outcome struct {
	status              int
	headers, body, sent string
}

// ask sends the call to a real gateway.
func ask(t *testing.T, gateway string, party *thirdParty, c stage.Call) outcome {
	t.Helper()
	party.mu.Lock()
	party.turns, party.sent = c.Turns, nil
	party.mu.Unlock()
	method, target, body := c.Method, "/"+c.Policy+c.Path, c.Body
	if c.Query != "" {
		target += "?" + c.Query
	}
	if c.Operation != "" {
		method, target, body = http.MethodPost, "/call/"+c.Policy+"/"+c.Operation, c.Input
	}
	req, err := http.NewRequestWithContext(t.Context(), method, gateway+target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = c.Header.Clone()
	if req.Header == nil {
		req.Header = make(http.Header)
	}
	if c.Operation != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if req.Header["Accept-Encoding"] == nil {
		req.Header["Accept-Encoding"] = []string{"identity"}
	}
	if c.Tenant != "" {
		req.Header.Set("X-Tenant-ID", c.Tenant)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body) // It may break off.
	party.mu.Lock()
	defer party.mu.Unlock()
	return outcome{status: resp.StatusCode, headers: telling(resp.Header), body: told(text), sent: strings.Join(party.sent, "\n")}
}

// told is a body without what differs from call to call.
func told(body []byte) string {
	var fields map[string]any
	if json.Unmarshal(body, &fields) != nil || fields["trace_id"] == nil {
		return string(body)
	}
	delete(fields, "trace_id")
	delete(fields, "latency_ms")
	text, _ := json.Marshal(fields)
	return string(text)
}

// play makes the call on a stage.
func play(s *stage.Stage, c stage.Call) outcome {
	if c.Header == nil {
		c.Header = make(http.Header)
	}
	p := s.Play(c)
	o := outcome{status: p.Status, headers: telling(p.Header), body: told(p.Body)}
	var sent []string
	for _, one := range p.Sent {
		_, rest, _ := strings.Cut(one.URL, "://")
		_, target, _ := strings.Cut(rest, "/")
		target = strings.NewReplacer("{", "%7B", "}", "%7D").Replace(target)
		sent = append(sent, request(one.Method, "/"+target, one.Header, one.Body))
	}
	o.sent = strings.Join(sent, "\n")
	return o
}

// rig is a real gateway with a real third party, and the same configuration.
type rig struct {
	spec    *policy.Spec
	party   *thirdParty
	gateway string
}

// newRig opens real sockets.
func newRig(t *testing.T) *rig {
	t.Helper()
	t.Setenv("STAGE_TOKEN", "{secret.token}")
	r := &rig{party: new(thirdParty)}
	third := httptest.NewUnstartedServer(r.party)
	// On a kept connection, what an aborted answer looks like depends on the moment.
	third.Config.SetKeepAlivesEnabled(false)
	third.Start()
	t.Cleanup(third.Close)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := free.Addr().String()
	free.Close()
	r.spec = shop(third.URL+"/v2", "http://"+gone)
	g, err := policy.New(*r.spec, policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Stop)
	server := httptest.NewServer(serve(g))
	t.Cleanup(server.Close)
	r.gateway = server.URL
	return r
}

// both makes calls in a row, for real and on a stage, and compares each.
func (r *rig) both(t *testing.T, name string, o stage.Options, calls ...stage.Call) {
	t.Helper()
	for i := range calls {
		if calls[i].Header == nil {
			calls[i].Header = http.Header{"Accept-Encoding": {"identity"}}
		}
	}
	var played []outcome
	err := stage.Run(func() {
		s, err := stage.New(r.spec, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		for _, c := range calls {
			played = append(played, play(s, c))
		}
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for i, c := range calls {
		if i >= len(played) {
			return
		}
		if real := ask(t, r.gateway, r.party, c); real != played[i] {
			t.Errorf("%s, call %d: on the stage\n%+v\nfor real\n%+v", name, i+1, played[i], real)
		}
	}
}
