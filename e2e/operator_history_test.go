//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestOperatorReadsTheLastTwentyCallsInFull(t *testing.T) {
	g := build(t).operate(t)
	for i := range 25 {
		resp, _ := g.send(t, "POST", fmt.Sprintf("/store/orders/%d?n=%d", i, i), fmt.Sprintf("request %d", i), "X-Tenant-ID", "acme", "Authorization", "Bearer of-the-bot")
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("call %d: %s", i, resp.Status)
		}
	}
	var kept keptCalls
	await(t, "the last call in the log", func() bool {
		kept = g.calls(t, "")
		return len(kept.Calls) > 0 && kept.Calls[0].Path == "/store/orders/24"
	})
	if len(kept.Calls) != 20 || kept.More {
		t.Fatalf("%d calls are kept, more: %v; want 20", len(kept.Calls), kept.More)
	}
	for i, listed := range kept.Calls {
		n := 24 - i
		call := inquire[wholeCall](t, "GET", g.console+"/calls/"+listed.ID, "")
		want := fmt.Sprintf("POST /store/orders/%d?n=%d request %d; 200 %s", n, n, n, shippedOrder)
		got := fmt.Sprintf("%s %s %s; %d %s", call.Request.Method, call.Request.URL, call.Request.Body, call.Response.Status, call.Response.Body)
		if got != want {
			t.Errorf("kept is %s, want %s", got, want)
		}
		if sent := call.Sent; sent == nil || sent.Body != call.Request.Body || !strings.HasSuffix(sent.URL, fmt.Sprintf("/v2/orders/%d?n=%d", n, n)) {
			t.Errorf("call %d: what was sent is kept as %+v", n, sent)
		}
		if received := call.Received; received == nil || received.Status != 200 || received.Body != shippedOrder {
			t.Errorf("call %d: what was received is kept as %+v", n, received)
		}
		for _, m := range []*keptMessage{call.Request, call.Sent} {
			if got := m.header("Authorization"); got != "[redacted]" {
				t.Errorf("call %d: Authorization is kept as %q", n, got)
			}
		}
		if call.Response.header("Signpost-Trace") != call.TraceID {
			t.Errorf("call %d: the answer's headers are kept as %v", n, call.Response.Headers)
		}
	}
}

func TestOperatorStillFindsFailuresThatManySuccessesFollowed(t *testing.T) {
	g := build(t).operate(t)
	for range 25 {
		g.call(t, "/store/status/503", "server_error")
	}
	last := ""
	for range 30 {
		last = g.call(t, "/store/orders/1", "success").Header.Get("Signpost-Trace")
	}
	await(t, "the last call in the log", func() bool { return len(g.calls(t, "trace_id="+last).Calls) == 1 })
	for query, want := range map[string]string{
		"policy=store&failed=true":    "20 server_error 503",
		"policy=store&failed=false":   "20 success 200",
		"policy=store&outcome=denied": "0",
		"policy=store&limit=1000":     "40 success 200",
	} {
		kept := g.calls(t, query)
		got := fmt.Sprint(len(kept.Calls))
		if len(kept.Calls) > 0 {
			got += fmt.Sprintf(" %s %d", kept.Calls[0].Outcome, kept.Calls[0].Status)
		}
		if got != want || kept.More {
			t.Errorf("%s gives %s, more: %v; want %s", query, got, kept.More, want)
		}
	}
	failed := g.calls(t, "policy=store&failed=true").Calls[19]
	call := inquire[wholeCall](t, "GET", g.admin+"/calls/"+failed.ID, "")
	if call.Response == nil || call.Response.Status != 503 || call.Reason == "" || strings.Contains(call.Response.Body, storeToken) || !strings.HasPrefix(call.Response.Body, "refused: ") {
		t.Errorf("the oldest failure is %+v with the answer %+v", call.keptCall, call.Response)
	}
}

func TestOperatorFiltersAndPagesTheHistory(t *testing.T) {
	g := build(t).operate(t)
	made := []struct{ tenant, path, outcome, route string }{
		{"acme", "/store/orders/1", "success", "shipped"},
		{"globex", "/store/orders/2", "success", "shipped"},
		{"acme", "/store/status/404", "client_error", "failure"},
		{"acme", "/store/status/500", "server_error", "error"},
		{"globex", "/store/notes/3", "unmappable", "error"},
		{"acme", "/store/choices/1", "success", "others"},
		{"acme", "/closed/x", "unreachable", "error"},
		{"acme", "/elsewhere/x", "not_found", "error"},
	}
	for _, m := range made {
		resp, _ := g.get(t, m.tenant, m.path)
		if got := resp.Header.Get("Signpost-Outcome") + " " + resp.Header.Get("Signpost-Route"); got != m.outcome+" "+m.route {
			t.Fatalf("%s: %s, want %s %s", m.path, got, m.outcome, m.route)
		}
	}
	await(t, "all calls in the log", func() bool { return len(g.calls(t, "").Calls) == len(made) })
	for query, want := range map[string]string{
		"":                              "/elsewhere/x /closed/x /store/choices/1 /store/notes/3 /store/status/500 /store/status/404 /store/orders/2 /store/orders/1",
		"policy=store":                  "/store/choices/1 /store/notes/3 /store/status/500 /store/status/404 /store/orders/2 /store/orders/1",
		"policy=_none":                  "/elsewhere/x",
		"operation=order_status":        "/store/orders/2 /store/orders/1",
		"outcome=success":               "/store/choices/1 /store/orders/2 /store/orders/1",
		"tenant=globex":                 "/store/notes/3 /store/orders/2",
		"route=error":                   "/elsewhere/x /closed/x /store/notes/3 /store/status/500",
		"failed=true":                   "/closed/x /store/notes/3 /store/status/500 /store/status/404",
		"failed=true&tenant=globex":     "/store/notes/3",
		"tenant=initech":                "",
		"policy=store&route=error":      "/store/notes/3 /store/status/500",
		"outcome=success&route=shipped": "/store/orders/2 /store/orders/1",
	} {
		if got := paths(g.calls(t, query).Calls); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for _, call := range g.calls(t, "failed=true").Calls {
		if call.Status < 200 || call.Reason == "" || call.Outcome == "" {
			t.Errorf("a failure without status, outcome or reason: %+v", call)
		}
	}
	var all []keptCall
	for page := g.calls(t, "limit=3"); ; page = g.calls(t, "limit=3&before="+all[len(all)-1].ID) {
		all = append(all, page.Calls...)
		if page.More != (len(all) < len(made)) {
			t.Errorf("after %d of %d calls more is %v", len(all), len(made), page.More)
		}
		if !page.More || len(page.Calls) != 3 {
			break
		}
	}
	if got, want := paths(all), paths(g.calls(t, "").Calls); got != want {
		t.Errorf("page by page: %s, want %s", got, want)
	}
}

// paths joins the paths of calls.
func paths(calls []keptCall) string {
	all := make([]string, len(calls))
	for i, call := range calls {
		all[i] = call.Path
	}
	return strings.Join(all, " ")
}
