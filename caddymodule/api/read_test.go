package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/caddymodule/alert"
	"github.com/signpost-gateway/signpost/caddymodule/api"
	"github.com/signpost-gateway/signpost/policy"
)

const shipped = `{"order":{"status":"shipped","items":[{"id":7}]}}`

func TestInfoTellsVersionStartAndWhatIsAllowed(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	g.get("info").want(t, `{"version":"v0.4.0","started":"2026-11-20T07:30:00.123Z","trace_ui":"https://jaeger.example/trace/{trace_id}","allow_changes":true}`)
}

func TestPoliciesAreToldAsTheyAreConfigured(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	g.get("policies").want(t, `[{"name":"store","title":"The store","base_url":"https://api.store.example/v2","methods":[],"timeout_ms":4000,
		"limits":[],"concurrency":[{"text":"9","shared":true}],"breaker":"50% of 20 in 30s, open 15s, 3 probes","operations_only":false,"inject":[],
		"extracts":[{"var":"status","path":"$.order.status","default":null,"required":false}],
		"hints":[{"route":"shipped","when":"vars.status == \"shipped\""}],"otherwise":"","fallbacks":[],"record":20,"drift":"watch","operations":[
		{"name":"order_status","title":"","method":"GET","template":"/orders/{{order_number}}","named":false,
		 "inputs":[{"var":"order_number","type":"string","required":true,"default":null,"in":[],"matches":""}],"extracts":[],"hints":[],"otherwise":"","fallbacks":[]},
		{"name":"note","title":"","method":"POST","template":"/notes","named":true,
		 "inputs":[{"var":"text","type":"string","required":true,"default":null,"in":[],"matches":""}],"extracts":[],"hints":[],"otherwise":"","fallbacks":[]}]}]`, "policies")
}

func TestAnIdleGatewayGivesEmptyLists(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	g.get("calls").want(t, `{"calls":[],"more":false}`)
	g.get("tenants").want(t, `{"tenants":[]}`)
	g.get("alerts").want(t, `{"alerts":[],"channels":["mail"]}`)
	g.get("traffic").want(t, `[]`, "policies")
	g.get("traffic").want(t, `60`, "minute_s")
	g.get("breakers").want(t, `[{"policy":"store","config":"50% of 20 in 30s, open 15s, 3 probes","off":false,"held":"","held_until":null,"cells":[],"left_out":0},
		{"policy":"store.note","config":"1 consecutive, open 15s, 3 probes","off":false,"held":"","held_until":null,"cells":[],"left_out":0}]`, "breakers")
	g.bot("acme", "/orders/1")
	a := g.get("breakers")
	a.want(t, `1`, "breakers", 0, "cells", 0, "requests")
	a.want(t, `"api.store.example:443"`, "breakers", 0, "cells", 0, "host")
	a.want(t, `"closed"`, "breakers", 0, "cells", 0, "state")
}

func TestAStateThatIsNotSharedHasNothingToTell(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	g.bot("acme", "/orders/1")
	a := g.get("state")
	a.want(t, `{"kind":"memory","fail":"","there":false,"since":null,"reason":"","address":"","mode":"","sidecar":"","round_trip_ms":0,
		"calls":0,"failures":0,"dropped":0,"times_away":0,"decided":{"redis":0,"local":0,"refused":0}}`)
	id := g.get("calls").at(t, "calls", 0, "id").(string)
	g.get("calls/"+id).want(t, `null`, "state")
}

func TestWhatHasNotLearnedAStructureHasNone(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	g.get("drift").want(t, `"learning"`, "operations", 0, "state")
	g.get("drift").want(t, `null`, "operations", 0, "learned")
	g.get("drift/store/order_status").want(t, `null`, "structure")
}

func TestWithoutAnythingRunningAllIsUnavailable(t *testing.T) {
	g := open(t, store(), says(200, shipped), func(s *api.Source) { s.Running = func() *api.Running { return nil } })
	for _, path := range []string{"info", "policies", "calls", "drift/store/note"} {
		if a := g.ask(http.MethodGet, path, ""); a.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: %s, want 503", path, a.Status)
		}
	}
}

func TestCallsAreListedNewestFirstAndFiltered(t *testing.T) {
	g := open(t, store(), func(r *http.Request) *http.Response {
		if strings.HasSuffix(r.URL.Path, "/down") {
			return says(503, `{}`)(r)
		}
		return says(200, shipped)(r)
	})
	g.bot("acme", "/orders/1")
	g.bot("globex", "/orders/down")
	g.bot("", "/else")
	all := g.get("calls")
	var ids []string
	for i, path := range []string{"/store/else", "/store/orders/down", "/store/orders/1"} {
		all.want(t, `"`+path+`"`, "calls", i, "path")
		ids = append(ids, all.at(t, "calls", i, "id").(string))
	}
	all.want(t, `1`, "calls", 0, "attempts")
	all.want(t, `"shipped"`, "calls", 2, "route")
	trace := all.at(t, "calls", 1, "trace_id").(string)
	for query, want := range map[string]string{
		"failed=true": ids[1], "failed=false": ids[0] + ids[2], "outcome=server_error": ids[1], "outcome=success": ids[0] + ids[2],
		"tenant=acme": ids[2], "tenant=anonymous": ids[0], "policy=store": ids[0] + ids[1] + ids[2], "policy=_none": "", "policy=&outcome=&tenant=": ids[0] + ids[1] + ids[2], "policy=gone": "",
		"operation=order_status": ids[1] + ids[2], "operation=_none": ids[0], "route=shipped": ids[0] + ids[2], "trace_id=" + trace: ids[1],
		"limit=1": ids[0], "before=" + ids[0]: ids[1] + ids[2], "before=" + ids[0] + "&limit=1": ids[1], "before=" + ids[2]: "",
	} {
		a := g.get("calls?" + query)
		var found string
		for i := range a.at(t, "calls").([]any) {
			found += a.at(t, "calls", i, "id").(string)
		}
		if found != want {
			t.Errorf("%s: %s, want %s", query, found, want)
		}
		if more := a.at(t, "more"); more != strings.Contains(query, "limit=1") {
			t.Errorf("%s: more is %v", query, more)
		}
	}
	for _, id := range []string{ids[1], trace} {
		one := g.get("calls/" + id)
		one.want(t, `"server_error"`, "outcome")
		one.want(t, `503`, "attempts", 0, "status")
		one.want(t, `"/store/orders/down"`, "request", "url")
		one.want(t, `"https://api.store.example/v2/orders/down"`, "sent", "url")
		one.want(t, `[{"name":"order_number","value":"down"}]`, "input")
	}
}

func TestTrafficCountsCalls(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	g.bot("acme", "/orders/1")
	a := g.get("traffic")
	a.want(t, `"store"`, "policies", 0, "policy")
	a.want(t, `{"success":1}`, "policies", 0, "outcomes")
	if _, err := time.Parse("2006-01-02T15:04:05.000Z", a.at(t, "now").(string)); err != nil {
		t.Error(err)
	}
}

func TestTenantsNearestToALimitComeFirst(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	for range 3 {
		g.bot("acme", "/orders/1")
	}
	for range 60 {
		g.bot("globex", "/orders/1")
	}
	g.bot("idle", "/orders/1")
	a := g.get("tenants")
	if n := len(a.at(t, "tenants").([]any)); n != 2 {
		t.Fatalf("%d tenants, want acme and globex: %s", n, a.text)
	}
	a.want(t, `"acme"`, "tenants", 0, "tenant")
	a.want(t, `"plan gold"`, "tenants", 0, "scope")
	a.want(t, `"4/h"`, "tenants", 0, "window")
	a.want(t, `0.75`, "tenants", 0, "used_share")
	a.want(t, `1`, "tenants", 0, "remaining")
	a.want(t, `"globex"`, "tenants", 1, "tenant")
	if reset := a.at(t, "tenants", 0, "reset_ms").(float64); reset < 3590e3 || reset > 3600e3 {
		t.Errorf("reset_ms is %v, want about an hour", reset)
	}
}

func TestATenantIsToldWithItsLimits(t *testing.T) {
	g := open(t, store(), says(401, `{}`))
	g.bot("acme", "/orders/1")
	a := g.get("tenants/acme")
	a.want(t, `"gold"`, "plan")
	a.want(t, `true`, "known")
	a.want(t, `3`, "limits", 0, "remaining")
	a.want(t, `"store"`, "breakers", 0, "policy")
	a.want(t, `"acme"`, "breakers", 0, "cells", 0, "tenant")
	g.get("tenants/a%2Fb%20%C3%BC").want(t, `"a/b ü"`, "name")
	g.get("tenants/stranger").want(t, `false`, "known")
	for _, name := range []string{"a%00b", "%20x", strings.Repeat("x", 129), "%FF", "x%E2%80%AEy"} {
		if a := g.ask(http.MethodGet, "tenants/"+name, ""); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s, want 400", name, a.Status)
		}
	}
	if n := g.get("tenants").at(t, "tenants").([]any); len(n) != 0 {
		t.Errorf("asking for tenants made some: %v", n)
	}
}

func TestAlertsAreToldAsTheyStand(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	told := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	g.alerts.status = []alert.Status{
		{Policy: "store", LastTold: told, Failed: 3, Drifted: 2, NextAt: told.Add(time.Hour), Pending: 2, LastError: "mail: no"},
		{Policy: "gone"},
	}
	a := g.get("alerts")
	a.want(t, `{"policy":"store","last_told":"2026-11-20T08:00:00.000Z","failed":3,"drifted":2,"next":"2026-11-20T09:00:00.000Z","pending":true,"last_error":"mail: no"}`, "alerts", 0)
	a.want(t, `{"policy":"gone","last_told":null,"failed":0,"drifted":0,"next":null,"pending":false,"last_error":""}`, "alerts", 1)
	g.running.Alerts, g.running.Channels = nil, nil
	g.get("alerts").want(t, `{"alerts":[],"channels":[]}`)
}

func TestDriftIsToldWithItsDifferences(t *testing.T) {
	body := shipped
	g := open(t, store(), func(r *http.Request) *http.Response { return says(200, body)(r) })
	g.bot("acme", "/orders/1")
	g.get("drift").want(t, `"watching"`, "operations", 0, "state")
	learned := g.get("drift/store/order_status")
	learned.want(t, `{"$":"object","$.order":"object","$.order.status":"string","$.order.items":"array","$.order.items[*]":"object","$.order.items[*].id":"number"}`, "structure")
	if _, there := learned.json.(map[string]any)["diff"]; there {
		t.Errorf("there is a diff while nothing drifts: %s", learned.text)
	}
	body = `{"order":{"state":"shipped","items":[{"id":7}]}}`
	g.bot("acme", "/orders/1")
	a := g.get("drift")
	a.want(t, `"drifting"`, "operations", 0, "state")
	a.want(t, `1`, "operations", 0, "count")
	a.want(t, `[{"path":"$.order.status","was":"string","is":"missing","vars":["status"],"suggest":"$.order.state","extract":"extract status $.order.state"}]`, "operations", 0, "changes")
	one := g.get("drift/store/order_status")
	if lines := one.at(t, "diff").([]any); len(lines) < 6 {
		t.Errorf("%d lines of difference: %s", len(lines), one.text)
	}
	one.want(t, `false`, "ignored")
}

func TestHeadIsAnsweredLikeGet(t *testing.T) {
	g := open(t, store(), says(200, shipped))
	if a := g.ask(http.MethodHead, "policies", ""); a.StatusCode != http.StatusOK {
		t.Errorf("%s, want 200", a.Status)
	}
}

func TestSecretsAreNotTold(t *testing.T) {
	t.Setenv("API_TEST_STORE_TOKEN", "s3cr3t-value")
	spec := store()
	spec.Secrets = []policy.SecretSource{{From: "env", Where: "API_TEST_"}}
	spec.Policies[0].Inject = []policy.Inject{{As: "bearer", Value: "{secret.store_token}"}}
	g := open(t, spec, says(200, `{"order":{"status":"s3cr3t-value"}}`, "X-Echo", "s3cr3t-value"))
	result := g.post("test", `{"policy":"store","operation":"order_status","vars":{"order_number":"1"},"tenant":"acme"}`)
	for _, text := range []string{result.text, g.get("policies").text, g.get("calls/" + result.at(t, "call", "id").(string)).text} {
		if strings.Contains(text, "s3cr3t") {
			t.Errorf("the secret is told: %s", text)
		}
	}
	result.want(t, `"************"`, "values", 2, "value")
}

func TestASecretInsideOfANumberLeavesTheCallReadable(t *testing.T) {
	t.Setenv("API_TEST_STORE_TOKEN", "12345678")
	spec := store()
	spec.Secrets = []policy.SecretSource{{From: "env", Where: "API_TEST_"}}
	spec.Policies[0].Inject = []policy.Inject{{As: "bearer", Value: "{secret.store_token}"}}
	g := open(t, spec, says(200, `{"order":{"status":123456789}}`))
	a := g.post("test", `{"policy":"store","operation":"order_status","vars":{"order_number":123456789}}`)
	if strings.Contains(a.text, "12345678") {
		t.Errorf("the secret is told: %s", a.text)
	}
	g.get("calls/" + a.at(t, "call", "id").(string))
}
