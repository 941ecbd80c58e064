package policy_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signpost-gateway/signpost/policy"
)

// TestAStaleAnswerIsOnlyForTheSameQuestion has questions that a URL alone does
// not tell apart.
func TestAStaleAnswerIsOnlyForTheSameQuestion(t *testing.T) {
	spec := store(policy.Rules{Fallbacks: []policy.Fallback{{Stale: policy.Duration(time.Hour)}}, Breaker: &policy.BreakerSpec{Trip: "off"}})
	spec.Policies[0].Operations = []policy.OperationSpec{
		{Name: "body", Method: "GET", Template: "/search", Body: &policy.BodySpec{As: "json", Template: `{"of":{{who}}}`}},
		{Name: "header", Method: "GET", Template: "/me", Header: []policy.Field{{Name: "X-Session", Value: "{{who}}"}}},
		{Name: "path", Method: "GET", Template: "/of/{{who}}"},
	}
	var down atomic.Bool
	g := open(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) {
		if down.Load() {
			return reply(r, 503, `{}`), nil
		}
		return reply(r, 200, `{"private":true}`), nil
	}))
	ask := func(operation, who string) string {
		req := request(http.MethodPost, "/call", `{"who":"`+who+`"}`)
		resp, _ := ended(t, g.Answer(req, &policy.Call{Policy: "store", Operation: operation, Tenant: "acme"}))
		return resp.Header.Get("Signpost-Fallback")
	}
	for _, operation := range []string{"body", "header", "path"} {
		ask(operation, "alice")
	}
	call(t, g, request(http.MethodGet, "/raw", `{"of":"alice"}`))
	down.Store(true)
	for _, operation := range []string{"body", "header", "path"} {
		if got := ask(operation, "bob"); got != "" {
			t.Errorf("%s: bob gets a %s answer to alice's question", operation, got)
		}
	}
	if got := ask("path", "alice") + ask("header", "alice"); got != "stalestale" {
		t.Errorf("alice gets %q for her own questions, want both stale", got)
	}
	if resp, _ := call(t, g, request(http.MethodGet, "/raw", `{"of":"bob"}`)); resp.Header.Get("Signpost-Fallback") != "" {
		t.Error("a body that asks for something else gets a stale answer")
	}
}

func TestWhyAConditionCannotBeEvaluatedDoesNotQuoteWhatTheBotSent(t *testing.T) {
	spec := store(policy.Rules{
		Hints:   []policy.Hint{{Route: "a", When: `int(request.headers["authorization"]) > 1`}, {Route: "b", When: `int(request.query["key"]) > 1`}},
		Success: `int(request.headers["authorization"]) > 1`,
	})
	var texts []string
	g := open(t, spec, says(200, "{}"), func(o *policy.Options) {
		o.Observe = func(r *policy.Record) {
			for _, h := range r.Hints {
				texts = append(texts, h.Err.Error())
			}
			for _, f := range r.Faults {
				texts = append(texts, f.Err.Error())
			}
		}
	})
	req := request(http.MethodGet, "/x?key=SECRET-OF-THE-BOT", "")
	req.Header.Set("Authorization", "SECRET-OF-THE-BOT")
	call(t, g, req)
	if len(texts) != 3 || strings.Contains(strings.Join(texts, "\n"), "SECRET") {
		t.Errorf("the errors are %q", texts)
	}
}

// lasting is a context of a whole program: it counts who waits for its end.
type lasting struct {
	context.Context
	waiting atomic.Int64
	done    chan struct{}
}

func (c *lasting) Done() <-chan struct{} { return c.done }

func (c *lasting) AfterFunc(func()) func() bool {
	c.waiting.Add(1)
	return sync.OnceValue(func() bool { c.waiting.Add(-1); return true })
}

func TestACallLeavesNothingBehindInTheContextThatItCameWith(t *testing.T) {
	g := open(t, desk(nil), says(200, "{}"))
	ctx := &lasting{Context: t.Context(), done: make(chan struct{})}
	for range 10 {
		ask(t, g, jsonRequest(`{"id":1,"note":"n"}`).WithContext(ctx))
		ask(t, g, request(http.MethodGet, "/call?id=1&note=n", "").WithContext(ctx))
		ask(t, g, jsonRequest(`{}`).WithContext(ctx))
	}
	if n := ctx.waiting.Load(); n != 0 {
		t.Errorf("after 30 calls %d still wait for the context's end", n)
	}
}

// stalling is the body of a server's request whose bot stalls: closing it waits
// for the Read that is under way, as net/http's does.
type stalling struct {
	mu     sync.Mutex
	more   chan struct{}
	closed atomic.Bool
}

func (s *stalling) Read([]byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	<-s.more
	return 0, io.EOF
}

func (s *stalling) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed.Store(true)
	return nil
}

func TestANamedCallThatStallsIsAnsweredAtItsDeadlineAndItsBodyIsClosed(t *testing.T) {
	spec := desk(nil)
	spec.Policies[0].Timeout = policy.Duration(200 * time.Millisecond)
	synctest.Test(t, func(t *testing.T) {
		g := open(t, spec, says(200, "{}"))
		body := &stalling{more: make(chan struct{})}
		req := jsonRequest("")
		req.Body, req.ContentLength = body, 100
		began := time.Now()
		resp, _ := ask(t, g, req)
		if took := time.Since(began); took > 205*time.Millisecond || resp.Header.Get("Signpost-Outcome") != "timeout" {
			t.Errorf("%s after %v, want timeout after 200ms", resp.Header.Get("Signpost-Outcome"), took)
		}
		close(body.more)
		synctest.Wait()
		if !body.closed.Load() {
			t.Error("the body is not closed")
		}
	})
}

func TestAnyBodyOfANamedCallIsClosed(t *testing.T) {
	g := open(t, desk(nil), says(200, "{}"))
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
		body := &closing{Reader: strings.NewReader(`{"id":1,"note":"n"}`)}
		req := request(method, "/call?id=1&note=n", "")
		req.Body, req.ContentLength = body, 19
		ask(t, g, req)
		if !body.closed {
			t.Errorf("the body of a %s is not closed", method)
		}
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func TestAHeaderOfTheOperationIsNotTakenForTheBots(t *testing.T) {
	var got []seen
	spec := desk(nil)
	spec.Policies[0].Operations[0].Header = []policy.Field{{Name: "Authorization", Value: "Token {{note}}"}}
	g := open(t, spec, echoing(&got))
	req := jsonRequest(`{"id":1,"note":"n"}`)
	req.Header.Set("Authorization", "Basic for-the-site")
	ended(t, g.Answer(req, &policy.Call{Policy: "store", Operation: "ticket", Tenant: "acme", Consumed: []string{"Authorization"}}))
	if len(got) != 1 || got[0].header.Get("Authorization") != "Token n" {
		t.Errorf("what went out is %+v, want the operation's Authorization", got)
	}
}

func TestUnderOperationsOnlyABotSaysNothingThatTheOperationDoesNot(t *testing.T) {
	var got []seen
	spec := desk(&policy.BodySpec{As: "json", Template: `{"role":"guest"}`})
	spec.Policies[0].OperationsOnly = true
	spec.Policies[0].Operations = append(spec.Policies[0].Operations, policy.OperationSpec{Name: "order", Method: "GET", Template: "/orders/{{id}}"})
	g := open(t, spec, echoing(&got))
	resp, text := call(t, g, request(http.MethodPut, "/tickets/1/notes/2", `{"role":"admin"}`))
	if resp.StatusCode != 403 || len(got) != 0 || !strings.Contains(text, "/call/store/ticket") {
		t.Errorf("%d %s, %d requests; want 403 that says how to call it", resp.StatusCode, text, len(got))
	}
	if resp, _ := ask(t, g, jsonRequest(`{"id":1,"note":"n"}`)); resp.StatusCode != 200 || len(got) != 1 {
		t.Errorf("by name it is %d", resp.StatusCode)
	}
	req := request(http.MethodGet, "/orders/1", "")
	req.Header.Set("X-HTTP-Method-Override", "DELETE")
	req.Header["x_rewrite_url"] = []string{"/admin"}
	req.Header.Set("X-Original-URL", "/admin")
	if resp, _ := call(t, g, req); resp.StatusCode != 200 {
		t.Errorf("an operation that says no more than method and path is %d", resp.StatusCode)
	}
	for name := range got[len(got)-1].header {
		if name != "User-Agent" {
			t.Errorf("%s went out, by which some servers take another method or path", name)
		}
	}
}

func TestSegmentsThatAServerCouldClimbByAreRefusedInBothWaysOfCalling(t *testing.T) {
	var got []seen
	spec := store(policy.Rules{})
	spec.Policies[0].Operations = []policy.OperationSpec{{Name: "ticket", Method: "GET", Template: "/orders/{{id}}"}}
	g := open(t, spec, echoing(&got))
	for _, path := range []string{"/orders/%252e%252e", "/orders/..%252f", "/orders/%2e%2e", "/orders/..%3f"} {
		if resp, _ := call(t, g, request(http.MethodGet, path, "")); resp.Header.Get("Signpost-Outcome") != "bad_request" {
			t.Errorf("%s is %s, want bad_request", path, resp.Header.Get("Signpost-Outcome"))
		}
	}
	if len(got) != 0 {
		t.Errorf("%d requests went out", len(got))
	}
}

func TestEachVariableIsNamedHoweverManyThereAre(t *testing.T) {
	spec := desk(nil)
	var names []string
	for i := range 12 {
		name := "variable_" + string(rune('a'+i))
		names = append(names, name)
		spec.Policies[0].Operations[0].Inputs = append(spec.Policies[0].Operations[0].Inputs, policy.InputSpec{Var: name, Matches: strings.Repeat("[a-z]", 20)})
	}
	g := open(t, spec, says(200, "{}"))
	req := jsonRequest(`{"id":1,"note":"n"}`)
	req.Header.Set("Signpost-Reply", "envelope")
	resp, text := ask(t, g, req)
	for _, name := range names {
		if !strings.Contains(text, name) || !strings.Contains(resp.Header.Get("Signpost-Reason"), name) {
			t.Errorf("%s is not named: %s", name, text)
		}
	}
}

func TestARequestToNowhereIsAnsweredToo(t *testing.T) {
	g := open(t, store(policy.Rules{}), says(200, "{}"))
	resp, err := g.RoundTrip(new(http.Request))
	if err != nil {
		t.Fatal(err)
	}
	if resp, _ := ended(t, resp); resp.Header.Get("Signpost-Outcome") != "not_found" {
		t.Errorf("the outcome is %s, want not_found", resp.Header.Get("Signpost-Outcome"))
	}
}

func TestAHeaderIsDroppedHoweverAProgramWroteItsName(t *testing.T) {
	var got []seen
	spec := store(policy.Rules{})
	spec.Policies[0].Inject = []policy.Inject{{As: "header", Name: "X-Key", Value: "ours"}}
	g := open(t, spec, echoing(&got))
	req := request(http.MethodGet, "/x", "")
	req.Header["x-key"], req.Header["signpost-route"], req.Header["x-kept"] = []string{"theirs"}, []string{"forged"}, []string{"1"}
	call(t, g, req)
	for name, want := range map[string]string{"X-Key": "ours", "Signpost-Route": "", "X-Kept": "1"} {
		if v := strings.Join(got[0].header.Values(name), ","); v != want || len(got[0].header[strings.ToLower(name)]) > 0 {
			t.Errorf("%s is %q, want %q; the header is %v", name, v, want, got[0].header)
		}
	}
}

func TestAnAnswerWithoutABodyThatNobodyReadsIsWhole(t *testing.T) {
	var broken string
	g := open(t, store(policy.Rules{}), thirdParty(func(r *http.Request) (*http.Response, error) {
		resp := reply(r, 204, "")
		return resp, nil
	}), func(o *policy.Options) { o.Observe = func(r *policy.Record) { broken = r.Broken } })
	resp, err := g.Policy("store").RoundTrip(request(http.MethodGet, "/x", ""))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if broken != "" {
		t.Errorf("it is recorded as broken: %s", broken)
	}
}

func TestOperationsThatAreCalledByNameMayShareMethodAndPath(t *testing.T) {
	var got []seen
	spec := store(policy.Rules{})
	for _, name := range []string{"orders", "customers"} {
		spec.Policies[0].Operations = append(spec.Policies[0].Operations, policy.OperationSpec{
			Name: name, Method: "POST", Template: "/graphql", Body: &policy.BodySpec{As: "json", Template: `{"query":"` + name + `","id":{{id}}}`},
		})
	}
	g := open(t, spec, echoing(&got))
	for _, name := range []string{"orders", "customers"} {
		got = nil
		ended(t, g.Answer(request(http.MethodPost, "/call", `{"id":"7"}`), &policy.Call{Policy: "store", Operation: name, Tenant: "acme"}))
		if want := `{"query":"` + name + `","id":"7"}`; len(got) != 1 || got[0].body != want {
			t.Errorf("%s sends %+v, want %s", name, got, want)
		}
	}
	if resp, _ := call(t, g, request(http.MethodPost, "/graphql", `{}`)); resp.Header.Get("Signpost-Policy") != "store.orders" {
		t.Errorf("a base-URL call is %s, want the first of them", resp.Header.Get("Signpost-Policy"))
	}
	spec.Policies[0].Operations = append(spec.Policies[0].Operations,
		policy.OperationSpec{Name: "raw", Method: "POST", Template: "/graphql"}, policy.OperationSpec{Name: "rough", Method: "POST", Template: "/graphql"})
	if mistakes := policy.Check(&spec); len(mistakes) != 1 || !strings.Contains(mistakes.Error(), "operation rough") {
		t.Errorf("of two that only differ in name, the mistakes are %v", mistakes)
	}
}
