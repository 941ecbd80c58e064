//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// keptCall is a call as GET calls lists it.
type keptCall struct {
	ID, Time, Tenant, Policy, Operation, Method, Path, Outcome, Route, Next, Reason string

	Status  int
	Failed  bool
	TraceID string `json:"trace_id"`
}

// wholeCall is a call as GET calls/<id> tells it.
type wholeCall struct {
	keptCall
	RouteBy    string `json:"route_by"`
	ProxyError string `json:"proxy_error"`

	Request, Sent, Received, Response *keptMessage
	Vars, Input                       []keptVar
	Hints                             []struct {
		Route, Condition string
		Result           bool
		Values           []keptVar
	}
	Attempts []struct{ Status int }
	Drift    []keptChange
}

// keptMessage is a request or an answer.
type keptMessage struct {
	Method, URL, Body string
	Status            int
	Headers           [][2]string
	BodyCut           bool `json:"body_cut"`
}

// header gives the value of a header.
func (m *keptMessage) header(name string) string {
	for _, h := range m.Headers {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

// keptVar is a variable with its value.
type keptVar struct {
	Name  string
	Value json.RawMessage
}

// keptCalls is what GET calls gives.
type keptCalls struct {
	Calls []keptCall
	More  bool
}

// calls lists calls.
func (g *operated) calls(t *testing.T, query string) keptCalls {
	t.Helper()
	return inquire[keptCalls](t, "GET", g.admin+"/calls?"+query, "")
}

// find gives the call of a trace in full, when it is kept.
func (g *operated) find(t *testing.T, resp *http.Response) wholeCall {
	t.Helper()
	id := resp.Header.Get("Signpost-Trace")
	await(t, "the call in the log", func() bool { return len(g.calls(t, "trace_id="+id).Calls) == 1 })
	return inquire[wholeCall](t, "GET", g.admin+"/calls/"+id, "")
}

// byName gives the values of variables, as JSON.
func byName(vars []keptVar) map[string]string {
	all := make(map[string]string)
	for _, v := range vars {
		all[v.Name] = string(v.Value)
	}
	return all
}

func TestOperatorSeesWhatChatbotProductsShow(t *testing.T) {
	g := build(t).operate(t)
	for _, promise := range []struct {
		name string
		test func(*testing.T, operated)
	}{
		{"policies and operations have a title and a base URL", operatorSeesPolicies},
		{"what is not JSON says so in header, envelope and log", operatorSeesUnmappable},
		{"the first answer teaches the structure", operatorSeesStructure},
		{"a test call shows each value with its path and the line that reads it", operatorTests},
		{"extracted values are in headers, envelope and log", operatorSeesVariables},
		{"each cause of a failure has its own outcome and reason", operatorSeesCauses},
	} {
		t.Run(promise.name, func(t *testing.T) { promise.test(t, g) })
	}
}

func operatorSeesPolicies(t *testing.T, g operated) {
	type policy struct {
		Name, Title string
		BaseURL     string `json:"base_url"`
		Operations  []struct{ Name, Title, Method, Template string }
	}
	for _, api := range []string{g.admin, g.console, g.window} {
		answer := inquire[struct{ Policies []policy }](t, "GET", api+"/policies", "")
		i := slices.IndexFunc(answer.Policies, func(p policy) bool { return p.Name == "store" })
		if len(answer.Policies) != 5 || i < 0 {
			t.Fatalf("%s lists %+v", api, answer)
		}
		store := answer.Policies[i]
		if store.Title != "The store" || !strings.HasPrefix(store.BaseURL, "http://127.0.0.1:") || !strings.HasSuffix(store.BaseURL, "/v2") ||
			fmt.Sprint(store.Operations[0]) != "{order_status Where is my order? GET /orders/{{number}}}" {
			t.Errorf("%s: the store is %+v", api, store)
		}
	}
}

func operatorSeesUnmappable(t *testing.T, g operated) {
	const reason = "Response Mapping Not Done, Only JSON can be mapped as Response"
	resp := g.call(t, "/store/notes/1", "unmappable")
	if got := resp.Header.Get("Signpost-Reason"); got != reason {
		t.Errorf("the header says %q, want %q", got, reason)
	}
	if kept := g.find(t, resp); kept.Reason != reason || kept.Outcome != "unmappable" || !kept.Failed || kept.Received.Body != "All is well." {
		t.Errorf("the log has %+v", kept)
	}
	_, text := g.send(t, "GET", "/store/notes/1", "", "Signpost-Reply", "envelope")
	var envelope struct {
		Outcome string
		Error   struct{ Code, Message string }
		Data    string
	}
	if err := json.Unmarshal([]byte(text), &envelope); err != nil || envelope.Outcome != "unmappable" || envelope.Error.Code != "unmappable" ||
		envelope.Error.Message != reason || envelope.Data != "All is well." {
		t.Errorf("%v: the envelope is %s", err, text)
	}
}

func operatorSeesStructure(t *testing.T, g operated) {
	before := inquire[keptStructure](t, "GET", g.admin+"/drift/store/order_status", "")
	if before.State != "learning" || before.Structure != nil {
		t.Errorf("before the first answer: %+v", before)
	}
	g.call(t, "/store/orders/1", "success")
	after := inquire[keptStructure](t, "GET", g.admin+"/drift/store/order_status", "")
	want := map[string]string{
		"$": "object", "$.order": "object", "$.order.status": "string", "$.order.eta": "string",
		"$.order.items": "array", "$.order.items[*]": "object", "$.order.items[*].name": "string",
	}
	if after.State != "watching" || after.Learned == "" || fmt.Sprint(after.Structure) != fmt.Sprint(want) {
		t.Errorf("after the first answer: %+v, want the structure %v", after, want)
	}
}

func operatorTests(t *testing.T, g operated) {
	type tested struct {
		Call   wholeCall
		Answer *keptMessage
		Values []struct {
			Path, Type, Var, Extract string
			Value                    json.RawMessage
		}
	}
	const named = `{"policy":"store","operation":"order_status","tenant":"acme","vars":{"number":"4711"},"timeout":"3s"}`
	const plain = `{"policy":"store","method":"GET","path":"/orders/4711","tenant":"acme"}`
	for api, body := range map[string]string{g.admin: named, g.console: plain} {
		answer := inquire[tested](t, "POST", api+"/test", body)
		if answer.Answer.Status != 200 || answer.Answer.Body != shippedOrder {
			t.Errorf("%s: the answer is %+v", body, answer.Answer)
		}
		lines := make(map[string]string)
		for _, v := range answer.Values {
			lines[v.Path] = v.Type + " " + string(v.Value) + ": " + v.Extract
		}
		for path, want := range map[string]string{
			"$.order.status":        `string "shipped": extract status $.order.status`,
			"$.order.eta":           `string "2026-11-23": extract eta $.order.eta`,
			"$.order.items[1].name": `string "cups": extract name_2 $.order.items[1].name`,
			"$.order.items":         `array : extract items $.order.items`,
		} {
			if lines[path] != want {
				t.Errorf("%s: %s is %q, want %q", body, path, lines[path], want)
			}
		}
		call := answer.Call
		if call.Operation != "order_status" || call.Route != "shipped" || call.RouteBy != "hint" || byName(call.Vars)["status"] != `"shipped"` ||
			len(call.Hints) != 1 || !call.Hints[0].Result || byName(call.Hints[0].Values)["vars.status"] != `"shipped"` || len(call.Attempts) != 1 {
			t.Errorf("%s: the explanation is %+v", body, call)
		}
		if kept := inquire[wholeCall](t, "GET", api+"/calls/"+call.ID, ""); kept.Tenant != "acme" || kept.TraceID != call.TraceID {
			t.Errorf("%s: the log has %+v", body, kept)
		}
	}
	const without = `{"policy":"store","operation":"order_status"}`
	call := inquire[tested](t, "POST", g.console+"/test", without).Call
	if call.Outcome != "bad_request" || !strings.Contains(call.Reason, "number") || call.Sent != nil || len(call.Attempts) != 0 {
		t.Errorf("%s: the explanation is %+v", without, call)
	}
	if resp, text := request(t, "POST", g.window+"/test", named, "Content-Type", "application/json"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a console without allow_changes: %d %s", resp.StatusCode, text)
	}
}

func operatorSeesVariables(t *testing.T, g operated) {
	resp := g.call(t, "/store/orders/4711", "success")
	for name, want := range map[string]string{"Status": "shipped", "Eta": "2026-11-23", "Items": `["teapot","cups"]`} {
		if got := resp.Header.Get("Signpost-Var-" + name); got != want {
			t.Errorf("the header of %s is %q, want %q", name, got, want)
		}
	}
	kept := g.find(t, resp)
	want := map[string]string{"status": `"shipped"`, "eta": `"2026-11-23"`, "items": `["teapot","cups"]`}
	if got := byName(kept.Vars); fmt.Sprint(got) != fmt.Sprint(want) || byName(kept.Input)["number"] != `"4711"` {
		t.Errorf("the log has %v with input %v, want %v", got, byName(kept.Input), want)
	}
	_, text := g.send(t, "GET", "/store/orders/4711", "", "Signpost-Reply", "envelope")
	var envelope struct{ Vars map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(text), &envelope); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for name, value := range want {
		if got := string(envelope.Vars[name]); got != value {
			t.Errorf("the envelope's %s is %s, want %s", name, got, value)
		}
	}
}

func operatorSeesCauses(t *testing.T, g operated) {
	tests := []struct{ path, policy, outcome, proxyError, route, by, reason string }{
		{"/shop/orders/1", "", "not_found", "destination_not_found", "error", "outcome", "No policy"},
		{"/call/store/nothing", "store", "not_found", "destination_not_found", "error", "outcome", "operation"},
		{"/unnamed/x", "unnamed", "unreachable", "dns_error", "error", "outcome", "name"},
		{"/closed/x", "closed", "unreachable", "connection_refused", "error", "outcome", "connected"},
		{"/store/choices/1", "store", "success", "", "others", "otherwise", ""},
		{"/store/receipts/1", "store", "unmappable", "", "error", "outcome", "total"},
		{"/store/status/404", "store", "client_error", "", "failure", "outcome", "404"},
		{"/store/status/503", "store", "server_error", "", "error", "outcome", "503"},
	}
	reasons := make(map[string]string)
	for _, test := range tests {
		resp := g.call(t, test.path, test.outcome)
		kept := g.find(t, resp)
		if kept.Policy != test.policy || kept.Outcome != test.outcome || kept.ProxyError != test.proxyError || kept.Route != test.route || kept.RouteBy != test.by {
			t.Errorf("%s: the log has %+v, want %+v", test.path, kept, test)
		}
		if kept.Reason != resp.Header.Get("Signpost-Reason") || !strings.Contains(kept.Reason, test.reason) || (test.reason == "") != (kept.Reason == "") {
			t.Errorf("%s: the reason is %q, in the header %q, want it to tell of %q", test.path, kept.Reason, resp.Header.Get("Signpost-Reason"), test.reason)
		}
		if other := reasons[kept.Reason]; other != "" {
			t.Errorf("%s and %s both have the reason %q", test.path, other, kept.Reason)
		}
		reasons[kept.Reason] = test.path
	}
}
