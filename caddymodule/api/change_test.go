package api_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/caddymodule/alert"
	"github.com/signpost-gateway/signpost/caddymodule/api"
)

func TestABreakerCanBeHeldAndReset(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	g.bot("acme", "/orders/1")
	before := time.Now()
	a := g.post("breakers/store/hold", `{"state":"open","for":"10m"}`)
	for i, name := range []string{"store", "store.note"} {
		a.want(t, `"`+name+`"`, "breakers", i, "policy")
		a.want(t, `"open"`, "breakers", i, "held")
	}
	a.want(t, `"open"`, "breakers", 0, "cells", 0, "state")
	until, err := time.Parse(time.RFC3339, a.at(t, "breakers", 0, "held_until").(string))
	if err != nil || until.Sub(before) < 9*time.Minute || until.Sub(before) > 11*time.Minute {
		t.Errorf("held until %v, %v; want in 10 minutes", until, err)
	}
	if resp := g.bot("acme", "/orders/1"); resp.Header.Get("Signpost-Outcome") != "circuit_open" || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a call got %v, want circuit_open with Retry-After", resp.Header)
	}
	a = g.post("breakers/store.note/reset", "")
	a.want(t, `""`, "breakers", 0, "held")
	if n := len(a.at(t, "breakers").([]any)); n != 1 {
		t.Errorf("%d breakers of an operation, want 1", n)
	}
	g.get("breakers").want(t, `"open"`, "breakers", 0, "held")
	g.post("breakers/store/reset", "{}").want(t, `null`, "breakers", 0, "held_until")
	a = g.post("breakers/store/hold", `{"state":"closed"}`)
	a.want(t, `"closed"`, "breakers", 0, "held")
	a.want(t, `null`, "breakers", 0, "held_until")
}

func TestDriftCanBeAcceptedIgnoredForgottenAndPinned(t *testing.T) {
	body := shipped
	g := open(t, store(), func(r *http.Request) *http.Response { return says(200, body)(r) })
	const path = "drift/store/order_status"
	if a := g.ask(http.MethodPost, path+"/pin", ""); a.StatusCode != http.StatusConflict {
		t.Errorf("pinning what was not learned: %s, want 409", a.Status)
	}
	if a := g.ask(http.MethodPost, path+"/accept", ""); a.StatusCode != http.StatusConflict {
		t.Errorf("accepting what does not drift: %s, want 409", a.Status)
	}
	g.bot("acme", "/orders/1")
	g.post(path+"/pin", "").want(t, `true`, "pinned")
	body = `{"order":{"status":7,"items":[]}}`
	g.bot("acme", "/orders/1")
	g.get(path).want(t, `"drifting"`, "state")
	a := g.post(path+"/ignore", "")
	a.want(t, `"watching"`, "state")
	a.want(t, `true`, "ignored")
	g.bot("acme", "/orders/1")
	g.get(path).want(t, `"watching"`, "state")
	g.post(path+"/forget", "").want(t, `"learning"`, "state")
	a = g.post(path+"/pin", ` {"order":{"status":"x"}} `)
	a.want(t, `{"$":"object","$.order":"object","$.order.status":"string"}`, "structure")
	g.bot("acme", "/orders/1")
	a = g.post(path+"/accept", "")
	a.want(t, `"number"`, "structure", "$.order.status")
	if a := g.ask(http.MethodPost, path+"/pin", `{"order":`); a.StatusCode != http.StatusBadRequest {
		t.Errorf("pinning what is no JSON: %s, want 400", a.Status)
	}
}

func TestAlertsCanBeReset(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	g.alerts.status = []alert.Status{{Policy: "gone"}}
	g.post("alerts/store/reset", "")
	g.post("alerts/gone/reset", "").want(t, `"gone"`, "alerts", 0, "policy")
	if a := g.ask(http.MethodPost, "alerts/never/reset", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("%s, want 404", a.Status)
	}
	if want := []string{"store", "gone", "never"}; !slices.Equal(g.alerts.reset, want) {
		t.Errorf("reset were %q, want %q", g.alerts.reset, want)
	}
	g.running.Alerts = nil
	g.post("alerts/store/reset", "").want(t, `[]`, "alerts")
}

func TestChangesAreRefusedWhereTheyAreNotAllowed(t *testing.T) {
	calls := 0
	g := open(t, store(), func(r *http.Request) *http.Response { calls++; return says(200, shipped)(r) }, func(s *api.Source) { s.AllowChanges = false })
	for _, path := range []string{"breakers/store/reset", "breakers/store/hold", "drift/store/note/forget", "alerts/store/reset", "test", "breakers/none/reset"} {
		a := g.ask(http.MethodPost, path, `{"policy":"store","path":"/x","state":"open"}`)
		if a.StatusCode != http.StatusForbidden || !strings.Contains(a.text, "allow_changes") {
			t.Errorf("%s: %s %s, want 403 that says what to do", path, a.Status, a.text)
		}
	}
	if calls != 0 || len(g.alerts.reset) != 0 {
		t.Errorf("%d calls and %d resets were made", calls, len(g.alerts.reset))
	}
	g.get("breakers").want(t, `""`, "breakers", 0, "held")
	g.get("info").want(t, `false`, "allow_changes")
}

func TestMistakesAreToldWithWhatWasExpected(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	const id = "0123456789abcdef"
	for _, test := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "", "", 404, "nothing at this path"},
		{"GET", "nothing", "", 404, "nothing at this path"},
		{"GET", "calls/", "", 404, "nothing at this path"},
		{"GET", "/calls", "", 404, "nothing at this path"},
		{"GET", "x/../calls", "", 404, "nothing at this path"},
		{"GET", "drift/store", "", 404, "nothing at this path"},
		{"POST", "info", "", 405, "GET, HEAD"},
		{"DELETE", "calls", "", 405, "GET, HEAD"},
		{"PUT", "calls/" + id, "", 405, "GET, HEAD"},
		{"GET", "test", "", 405, "POST"},
		{"HEAD", "test", "", 405, "POST"},
		{"GET", "breakers/store/reset", "", 405, "POST"},
		{"OPTIONS", "drift/store/note/pin", "", 405, "POST"},
		{"GET", "info?x=1", "", 400, `Unknown parameter \"x\": this path takes none`},
		{"GET", "calls?policies=store", "", 400, `Unknown parameter \"policies\": expected policy, operation`},
		{"GET", "calls?limit=1&limit=2", "", 400, "stands 2 times"},
		{"GET", "calls?%zz", "", 400, "cannot be read"},
		{"GET", "calls?a;b", "", 400, "cannot be read"},
		{"GET", "calls?outcome=fine", "", 400, "expected one of success client_error"},
		{"GET", "calls?failed=yes", "", 400, "expected true or false"},
		{"GET", "calls?trace_id=abc", "", 400, "expected 32"},
		{"GET", "calls?limit=0", "", 400, "from 1 to 1000"},
		{"GET", "calls?limit=1001", "", 400, "from 1 to 1000"},
		{"GET", "calls?limit=+5", "", 400, "from 1 to 1000"},
		{"GET", "calls/" + id, "", 404, "no call of that id"},
		{"GET", "calls/xyz", "", 404, "16 hexadecimal digits"},
		{"GET", "drift/store/none", "", 404, `has no operation \"none\"`},
		{"POST", "drift/store/none/accept", "", 404, "not watched"},
		{"POST", "drift/store/note/approve", "", 404, "accept, ignore, forget or pin"},
		{"POST", "drift/store/note/accept", "x", 400, "takes no body"},
		{"POST", "drift/store/note/accept?x", "", 400, "Unknown parameter"},
		{"POST", "drift/store/note/pin", strings.Repeat(" ", 1<<20+1), 413, "1048576 bytes"},
		{"POST", "breakers/none/reset", "", 404, "no breaker"},
		{"POST", "breakers/store.order_status/reset", "", 404, "one of its own"},
		{"POST", "breakers/none/hold", `{"state":"open"}`, 404, "no breaker"},
		{"POST", "breakers/store/reset", strings.Repeat(" ", 64<<10+1), 413, "65536 bytes"},
		{"POST", "breakers/store/hold", "", 400, "not a JSON object"},
		{"POST", "breakers/store/hold", "null", 400, "not a JSON object"},
		{"POST", "breakers/store/hold", `[]`, 400, "not a JSON object"},
		{"POST", "breakers/store/hold", `{`, 400, "cannot be read"},
		{"POST", "breakers/store/hold", `{"state":"open"}x`, 400, "stands behind"},
		{"POST", "breakers/store/hold", `{"state":"open"}{}`, 400, "stands behind"},
		{"POST", "breakers/store/hold", `{"state":"open","until":"x"}`, 400, "unknown field"},
		{"POST", "breakers/store/hold", `{"state":"half-open"}`, 400, "half-open"},
		{"POST", "breakers/store/hold", `{"state":"open","for":"soon"}`, 400, "expected a duration"},
		{"POST", "breakers/store/hold", `{"state":"open","for":"-1m"}`, 400, "expected a duration"},
		{"POST", "breakers/store/hold", `{"state":"open","for":"1ns"}`, 400, "expected a duration"},
		{"POST", "breakers/store/hold", `{"state":"open","for":"100000h"}`, 400, "expected a duration"},
		{"POST", "breakers/store/hold", `{"state":"open","for":10}`, 400, "cannot be read"},
		{"POST", "alerts/store/reset", "x", 400, "takes no body"},
		{"POST", "test", "", 400, "not a JSON object"},
		{"POST", "test", `{}`, 400, "policy is missing"},
		{"POST", "test", `{"policy":"none"}`, 404, `no policy \"none\"`},
		{"POST", "test", `{"policy":"store","operation":"none"}`, 404, `no operation \"none\"`},
		{"POST", "test", `{"policy":"store","vars":{}}`, 400, "vars belong to an operation"},
		{"POST", "test", `{"policy":"store","operation":"note","path":"/x"}`, 400, "cannot be given beside"},
		{"POST", "test", `{"policy":"store","operation":"note","vars":[]}`, 400, "vars is not an object"},
		{"POST", "test", `{"policy":"store","operation":"note","timeout":"3"}`, 400, "timeout is"},
		{"POST", "test", `{"policy":"store","method":"G T"}`, 400, "method is"},
		{"POST", "test", `{"policy":"store","method":"CONNECT"}`, 400, "method is"},
		{"POST", "test", `{"policy":"store","path":"x"}`, 400, "path is"},
		{"POST", "test", `{"policy":"store","path":"/x?y=1"}`, 400, "path is"},
		{"POST", "test", `{"policy":"store","path":"/x#y"}`, 400, "path is"},
		{"POST", "test", `{"policy":"store","path":"/%zz"}`, 400, "path is"},
		{"POST", "test", `{"policy":"store","path":"/\n"}`, 400, "path is"},
		{"POST", "test", `{"policy":"store","path":"https://evil.example/"}`, 400, "path is"},
		{"POST", "test", `{"policy":"store","query":"a b"}`, 400, "query is"},
		{"POST", "test", `{"policy":"store","query":"a\r\nHost: x"}`, 400, "query is"},
		{"POST", "test", `{"policy":"store","headers":{"X Y":"1"}}`, 400, "not a header"},
		{"POST", "test", `{"policy":"store","headers":{"X":"1\r\nY: 2"}}`, 400, "not a header"},
		{"POST", "test", `{"policy":"store","headers":{"host":"x"}}`, 400, "cannot be given"},
		{"POST", "test", `{"policy":"store","headers":{"Upgrade":"websocket"}}`, 400, "cannot be given"},
		{"POST", "test", `{"policy":"store","headers":{"signpost-reply":"envelope"}}`, 400, "cannot be given"},
		{"POST", "test", `{"policy":"store","headers":{"x":"1","X":"2"}}`, 400, "stands twice"},
		{"POST", "test", `{"policy":"store","body":"` + strings.Repeat("x", 1<<20+64<<10) + `"}`, 413, "larger than"},
		{"POST", "test?policy=store", `{}`, 400, "Unknown parameter"},
	} {
		a := g.ask(test.method, test.path, test.body)
		if a.StatusCode != test.status || !strings.Contains(strings.ReplaceAll(a.text, `\\u`, `\u`), test.says) {
			t.Errorf("%s %s %.80s: %s %s, want %d with %q", test.method, test.path, test.body, a.Status, a.text, test.status, test.says)
		}
		allow := ""
		if test.status == 405 {
			allow = test.says
		}
		if got := a.Header.Get("Allow"); got != allow {
			t.Errorf("%s %s: Allow is %q, want %q", test.method, test.path, got, allow)
		}
	}
	if a := g.get("calls").at(t, "calls").([]any); len(a) != 0 {
		t.Errorf("a refused request sent calls: %v", a)
	}
}

func TestOperatorsAndBotsDoNotDisturbEachOther(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for range 25 {
				g.bot("tenant"+strconv.Itoa(i), "/orders/1")
			}
		})
	}
	for _, path := range []string{"info", "policies", "traffic", "calls", "breakers", "tenants", "tenants/tenant1", "drift", "drift/store/order_status", "alerts"} {
		work.Go(func() {
			for range 10 {
				if a := g.ask(http.MethodGet, path, ""); a.StatusCode != http.StatusOK {
					t.Errorf("%s: %s", path, a.Status)
				}
			}
		})
	}
	for path, body := range map[string]string{
		"breakers/store/hold": `{"state":"closed","for":"1m"}`, "breakers/store/reset": "", "drift/store/order_status/forget": "",
		"test": `{"policy":"store","operation":"order_status","vars":{"order_number":1},"tenant":"tester"}`,
	} {
		work.Go(func() {
			for range 10 {
				if a := g.ask(http.MethodPost, path, body); a.StatusCode != http.StatusOK {
					t.Errorf("%s: %s", path, a.Status)
				}
			}
		})
	}
	work.Wait()
	g.get("traffic").want(t, `{"success":110}`, "policies", 0, "outcomes")
}
