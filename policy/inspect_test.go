package policy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/breaker"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// shop is a Spec that says something of everything an operator may see.
func shop() policy.Spec {
	spec := store(policy.Rules{
		Title: "The store", Timeout: seconds(2.5),
		RateLimits: []policy.RateLimit{{Rate: "60/m"}, {Rate: "1000/m", Shared: true}},
		Breaker:    &policy.BreakerSpec{Trip: "2 consecutive", Open: seconds(20), Slow: seconds(1)},
		Extracts:   []policy.Extract{{Var: "status", Path: "$.status", Required: true}},
		Hints:      []policy.Hint{{Route: "paid", When: `vars.status == "paid"`}},
		Otherwise:  "other", Drift: "off",
		Fallbacks: []policy.Fallback{
			{When: "status == 503", Stale: seconds(60), Next: "stop"},
			{Respond: &policy.Respond{Status: 200, Body: `{"a":"BODY"}`}, Route: "away"},
		},
	})
	spec.Plans = []policy.Plan{{
		Name: "gold", Tenants: []string{"acme"}, RateLimits: []policy.RateLimit{{Rate: "5/m"}},
		Concurrency: []policy.Concurrency{{Calls: 3}},
	}}
	p := &spec.Policies[0]
	p.Methods, p.OperationsOnly = []string{"GET", "POST"}, true
	p.Concurrency = []policy.Concurrency{{Calls: 9, Shared: true}}
	p.Inject = []policy.Inject{
		{As: "header", Name: "X-Api-Key", Value: "HIDDEN-1{secret.a}"},
		{As: "query", Name: "key", Value: "HIDDEN-2"},
		{As: "basic", Name: "HIDDEN-3", Value: "HIDDEN-4"},
		{As: "jwt", JWT: &policy.JWT{Key: "{secret.hidden_key}", Algorithm: "HS256", KeyID: "HIDDEN-5", Header: "X-Token"}},
	}
	p.Operations = []policy.OperationSpec{
		{Name: "order_status", Method: "GET", Template: "/orders/{{number}}", Rules: policy.Rules{
			Breaker: &policy.BreakerSpec{Trip: "1 consecutive"}, RateLimits: []policy.RateLimit{{Rate: "7/30s"}},
			Extracts: []policy.Extract{{Var: "eta", Path: "$.eta", Default: json.RawMessage(`"soon"`)}},
		}},
		{Name: "note", Method: "POST", Template: "/notes", Body: &policy.BodySpec{As: "json", Template: `{"n":{{text}},"l":{{lang}}}`},
			Inputs: []policy.InputSpec{{Var: "lang", Type: "string", Default: json.RawMessage(`"en"`), In: []string{"en", "de"}, Matches: "[a-z]+"}}},
	}
	return spec
}

// rendered is what an API makes of a value.
func rendered(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// bare gives the places of a tree without its blanks, so that tests can be read.
func bare(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line))
	}
	return b.String()
}

func TestAnOperatorSeesWhatIsConfiguredAndNoSecret(t *testing.T) {
	text := rendered(t, open(t, shop(), says(200, "{}")).Policies())
	if i := strings.Index(strings.ToLower(text), "hidden"); i >= 0 {
		t.Errorf("a value is shown: …%s…", text[max(0, i-40):i+20])
	}
	want := bare(`[{"name": "store","title": "The store","base_url": "https://api.store.example/v2","methods": ["GET","POST"],
		"timeout_ms": 2500,"limits": [{"text": "60/m","shared": false},{"text": "1000/m","shared": true}],
		"concurrency": [{"calls": 9,"shared": true}],"breaker": "2 consecutive, open 20s, 3 probes, slow 1s",
		"operations_only": true,"inject": ["header X-Api-Key","query key","basic","jwt X-Token"],
		"extracts": [{"var": "status","path": "$.status","required": true}],
		"hints": [{"route": "paid","when": "vars.status == \"paid\""}],"otherwise": "other",
		"fallbacks": ["status == 503: stale 1m0s, next stop","respond 200 application/json, route away"],
		"record": 20,"drift": "off","operations": [
		{"name": "order_status","title": "order_status","method": "GET","template": "/orders/{{number}}","timeout_ms": 2500,
		"inputs": [{"var": "number","required": true}],"named": false,"limits": [{"text": "7/30s","shared": false}],
		"breaker": "1 consecutive, open 15s, 3 probes",
		"extracts": [{"var": "eta","path": "$.eta","default": "soon","required": false}],"hints": [],"fallbacks": []},
		{"name": "note","title": "note","method": "POST","template": "/notes","timeout_ms": 2500,
		"inputs": [{"var": "lang","type": "string","required": false,"default": "en","in": ["en","de"],"matches": "[a-z]+"},
		{"var": "text","required": true}],"named": true,"limits": [],"extracts": [],"hints": [],"fallbacks": []}]}]`)
	if got := bare(text); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestPoliciesComeAsTheyWereWrittenElseByName(t *testing.T) {
	spec := policy.Spec{}
	for i, name := range []string{"m", "z", "a"} {
		spec.Policies = append(spec.Policies, policy.PolicySpec{
			Name: name, BaseURL: "https://x.example", Places: policy.Places{"policy": {File: "Caddyfile", Line: i + 1}}})
	}
	order := func() (names string) {
		g := open(t, spec, says(200, "{}"))
		for _, p := range g.Policies() {
			names += p.Name
		}
		for _, b := range g.Breakers() {
			names += b.Policy
		}
		return names
	}
	if got := order(); got != "mzamza" {
		t.Errorf("with places: %s, want mza twice", got)
	}
	for i := range spec.Policies {
		spec.Policies[i].Places = nil
	}
	if got := order(); got != "amzamz" {
		t.Errorf("without places: %s, want amz twice", got)
	}
}

func TestWhatIsShownBelongsToWhoAsked(t *testing.T) {
	g := open(t, shop(), says(200, "{}"))
	before := rendered(t, g.Policies())
	p := &g.Policies()[0]
	p.Methods[0], p.Limits[0].Text, p.Hints[0].When = "x", "x", "x"
	p.Operations[0].Extracts[0].Default[1] = 'X'
	p.Operations[1].Inputs[0].In[0], p.Operations[1].Inputs[0].Default[1] = "x", 'X'
	if after := rendered(t, g.Policies()); after != before {
		t.Errorf("a change by the caller is seen by the next: %s", after)
	}
}

// named calls an operation of the shop for a tenant.
func named(t *testing.T, g *policy.Gateway, operation, tenant string) *http.Response {
	t.Helper()
	req := request(http.MethodPost, "/call", `{"number":1,"text":"t"}`)
	resp, _ := ended(t, g.Answer(req, &policy.Call{Policy: "store", Operation: operation, Tenant: tenant}))
	return resp
}

// unlimited is the shop without limits and credentials, so that only breakers
// refuse.
func unlimited() policy.Spec {
	spec := shop()
	p := &spec.Policies[0]
	spec.Plans = []policy.Plan{{Name: "default", RateLimitOff: true}}
	p.RateLimits, p.Inject, p.Fallbacks, p.Operations[0].RateLimits = nil, nil, nil, nil
	return spec
}

func TestABreakerThatIsHeldOpenAnswersCircuitOpenAndSaysWhenToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, unlimited(), says(200, `{"status":"paid"}`))
		expect := func(operation, outcome, retryAfter string) {
			t.Helper()
			resp := named(t, g, operation, "acme")
			if got := resp.Header.Get("Signpost-Outcome"); got != outcome || resp.Header.Get("Retry-After") != retryAfter {
				t.Errorf("%s: %d %s, Retry-After %q, want %s and %q", operation, resp.StatusCode, got, resp.Header.Get("Retry-After"), outcome, retryAfter)
			}
			if outcome == "circuit_open" && resp.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("%s: status %d, want 503", operation, resp.StatusCode)
			}
		}
		expect("note", "success", "")
		until := time.Now().Add(90 * time.Second)
		if !g.HoldBreaker("store", breaker.Open, until) {
			t.Fatal("the breaker cannot be held")
		}
		for i, b := range g.Breakers() {
			if want := []string{"store", "store.order_status"}[i]; b.Policy != want || b.Held != "open" || !b.HeldUntil.Equal(until) {
				t.Errorf("breaker %d is %+v, want %s held open until %v", i, b, want, until)
			}
		}
		time.Sleep(30 * time.Second)
		expect("note", "circuit_open", "60")
		expect("order_status", "circuit_open", "60")
		if !g.ResetBreaker("store.order_status") {
			t.Fatal("the operation's breaker cannot be reset")
		}
		expect("order_status", "success", "")
		expect("note", "circuit_open", "60")
		time.Sleep(time.Minute)
		expect("note", "success", "")

		g.HoldBreaker("store.order_status", breaker.Open, time.Time{})
		expect("order_status", "circuit_open", "15") // Without an end: as long as it would be open.
		expect("note", "success", "")
		g.ResetBreaker("store")
		expect("order_status", "success", "")
	})
}

func TestOnlyABreakerThatThereIsCanBeResetOrHeld(t *testing.T) {
	g := open(t, unlimited(), says(200, "{}"))
	for name, want := range map[string]bool{
		"store": true, "store.order_status": true, "store.note": false, "store.": false, "": false, ".": false, "stor": false,
		"store.order_status.x": false, "order_status": false, "STORE": false,
	} {
		if got := g.ResetBreaker(name); got != want {
			t.Errorf("ResetBreaker(%q) = %v, want %v", name, got, want)
		}
		if got := g.HoldBreaker(name, breaker.Closed, time.Time{}); got != want {
			t.Errorf("HoldBreaker(%q) = %v, want %v", name, got, want)
		}
	}
	if g.HoldBreaker("store", breaker.HalfOpen, time.Time{}) || g.HoldBreaker("store", breaker.Open, time.Now().Add(-time.Second)) {
		t.Error("a breaker was held half-open, or until yesterday")
	}
}

func TestAHoldStaysOverAReloadAndCoversWhatTheReloadAdds(t *testing.T) {
	state := policy.NewState(nil)
	shared := func(o *policy.Options) { o.State = state }
	before := open(t, unlimited(), says(200, "{}"), shared)
	before.Adopt()
	before.HoldBreaker("store", breaker.Open, time.Time{})

	spec := unlimited()
	spec.Policies[0].Breaker = &policy.BreakerSpec{Trip: "off"}
	spec.Policies[0].Operations[1].Breaker = &policy.BreakerSpec{Trip: "9 consecutive"}
	after := open(t, spec, says(200, "{}"), shared)
	after.Adopt()
	for _, operation := range []string{"order_status", "note"} {
		if got := named(t, after, operation, "acme").Header.Get("Signpost-Outcome"); got != "circuit_open" {
			t.Errorf("%s after a reload is %s, want circuit_open", operation, got)
		}
	}
	for _, b := range after.Breakers() {
		if b.Held != "open" || !b.HeldUntil.IsZero() {
			t.Errorf("%s is held %q until %v, want open without an end", b.Policy, b.Held, b.HeldUntil)
		}
	}
}

func TestTheWorstCellsAreShownAndTheOthersCounted(t *testing.T) {
	spec := unlimited()
	spec.Policies[0].Operations, spec.Policies[0].OperationsOnly, spec.Policies[0].Methods = nil, false, nil
	g := open(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) { return reply(r, 401, "{}"), nil }))
	for i := range 130 {
		for range 1 + i%2 { // Two failures open a cell, one does not.
			as(t, g, fmt.Sprintf("tenant%03d", i))
		}
	}
	b := g.Breakers()[0]
	if len(b.Cells) != 100 || b.LeftOut != 31 {
		t.Fatalf("%d cells shown and %d left out, want 100 and 31", len(b.Cells), b.LeftOut)
	}
	for i, c := range b.Cells {
		if want := []string{"open", "closed"}[min(i/65, 1)]; c.State != want || c.Tenant == "" {
			t.Errorf("cell %d is %s of %q, want %s and a tenant's", i, c.State, c.Tenant, want)
		}
	}
	if first := b.Cells[0]; first.Tenant != "tenant001" || first.Host != "api.store.example:443" || first.ProbeAt.Sub(first.Since) != 20*time.Second {
		t.Errorf("the first cell is %+v, want tenant001's, which probes after 20s", first)
	}
	info, err := g.Tenant("tenant001", false)
	if err != nil || len(info.Breakers) != 1 || len(info.Breakers[0].Cells) != 1 || info.Breakers[0].Cells[0].State != "open" {
		t.Errorf("tenant001 has the breakers %+v, %v, want its own cell alone, open", info.Breakers, err)
	}
}

func TestATenantIsShownWithWhatIsLeftOfItsLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := shop()
		spec.Policies[0].Inject = nil
		spec.TenantsFile = tenantsFile(t, "tenants:\n  globex: {plan: gold, vars: {shop: HIDDEN, area: HIDDEN}}\n")
		var during string
		var g *policy.Gateway
		g = open(t, spec, thirdParty(func(r *http.Request) (*http.Response, error) {
			info, err := g.Tenant("globex", true)
			if err != nil {
				t.Error(err)
			}
			during = rendered(t, info)
			return reply(r, 200, `{"status":"paid"}`), nil
		}))
		named(t, g, "order_status", "globex")
		named(t, g, "order_status", "acme")
		time.Sleep(1500*time.Millisecond + 1)
		named(t, g, "order_status", "globex")
		want := bare(`{"name": "globex","plan": "gold","known": true,"vars": ["area","shop"],"limits": [
			{"scope": "plan gold","window": "5/m","limit": 5,"remaining": 3,"reset_ms": 58500,"shared": false},
			{"scope": "policy store","window": "60/m","limit": 60,"remaining": 58,"reset_ms": 58500,"shared": false},
			{"scope": "policy store","window": "1000/m","limit": 1000,"remaining": 997,"reset_ms": 58500,"shared": true},
			{"scope": "operation store.order_status","window": "7/30s","limit": 7,"remaining": 5,"reset_ms": 28500,"shared": false}],
			"concurrency": [{"scope": "plan gold","limit": 3,"in_flight": 1,"shared": false},
			{"scope": "policy store","limit": 9,"in_flight": 1,"shared": true}],"breakers": []}`)
		if got := bare(during); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestATenantThatWasNeverSeenHasEverythingLeftAndStaysUnseen(t *testing.T) {
	state := policy.NewState(nil)
	g := open(t, shop(), says(200, "{}"), func(o *policy.Options) { o.State = state })
	for name, plan := range map[string]string{"acme": "gold", "nobody": "default", policy.Anonymous: "default", "Ü 1": "default"} {
		info, err := g.Tenant(name, true)
		if err != nil || info.Name != name || info.Plan != plan || info.Known != (plan == "gold") || info.Vars != nil {
			t.Errorf("Tenant(%q) = %+v, %v, want plan %s", name, info, err, plan)
		}
		for _, l := range info.Limits {
			if l.Remaining != l.Limit || l.Reset != 0 {
				t.Errorf("Tenant(%q): %+v, want everything left", name, l)
			}
		}
	}
	if n := state.Tenants(); n != 0 {
		t.Errorf("%d tenants after looking at four, want none", n)
	}
	for _, name := range []string{"", " acme", "a\nb", "a\u200b", "\xff", strings.Repeat("x", 129)} {
		if info, err := g.Tenant(name, true); err == nil || info.Name != "" {
			t.Errorf("Tenant(%q) = %+v, %v, want an error", name, info, err)
		}
	}
}

func TestDurationsAreWholeMillisecondsNeverTooShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", 1: "1", time.Millisecond: "1", time.Millisecond + 1: "2", 90 * time.Second: "90000", -time.Millisecond: "-1",
	} {
		if got, err := json.Marshal(policy.Millis(d)); err != nil || string(got) != want {
			t.Errorf("Millis(%v) in JSON is %s, %v, want %s", d, got, err, want)
		}
	}
}

func TestInJSONEveryNameIsLowerSnakeAndTimesAreRFC3339(t *testing.T) {
	g := open(t, unlimited(), says(500, "{}"))
	for range 2 {
		named(t, g, "note", "acme")
	}
	g.HoldBreaker("store.order_status", breaker.Open, time.Now().Add(time.Hour))
	info, _ := g.Tenant("acme", true)
	text := rendered(t, []any{g.Policies(), g.Breakers(), info})
	for _, found := range regexp.MustCompile(`"([^"]*)":`).FindAllStringSubmatch(text, -1) {
		if !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(found[1]) {
			t.Errorf("the name %q is not lower_snake", found[1])
		}
	}
	for _, name := range []string{"since", "probe_at", "held_until"} {
		found := regexp.MustCompile(`"` + name + `": "([^"]*)"`).FindStringSubmatch(text)
		if found == nil {
			t.Errorf("%s is not shown", name)
		} else if _, err := time.Parse(time.RFC3339, found[1]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if strings.Contains(text, "null") {
		t.Errorf("a list is null, want it empty: %s", text)
	}
}

func TestLookingAndInterveningWhileCallsGoOn(t *testing.T) {
	state := policy.NewState(func(breaker.Transition) {})
	shared := func(o *policy.Options) {
		o.State = state
		o.Transport = func(policy.PolicySpec, *dialguard.Guard) (http.RoundTripper, error) {
			return thirdParty(func(r *http.Request) (*http.Response, error) { return reply(r, 500, "{}"), nil }), nil
		}
	}
	g := open(t, unlimited(), nil, shared)
	ctx, cancel := context.WithCancel(t.Context())
	var calls, people sync.WaitGroup
	for i := range 3 {
		calls.Go(func() {
			for n := range 150 {
				outcome := named(t, g, []string{"note", "order_status"}[n%2], fmt.Sprint("tenant", i)).Header.Get("Signpost-Outcome")
				if outcome != "server_error" && outcome != "circuit_open" {
					t.Errorf("a call is %s", outcome)
				}
			}
		})
	}
	people.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			g.HoldBreaker("store", []breaker.State{breaker.Open, breaker.Closed}[i%2], time.Now().Add(time.Millisecond))
			g.Breakers()
			g.BreakerStates()
			if _, err := g.Tenant("tenant1", true); err != nil {
				t.Error(err)
			}
			g.ResetBreaker("store")
			g.Policies()
			open(t, unlimited(), nil, shared).Adopt()
			g.Adopt()
		}
	})
	calls.Wait()
	cancel()
	people.Wait()
	g.ResetBreaker("store")
	if got := named(t, g, "note", "acme").Header.Get("Signpost-Outcome"); got != "server_error" {
		t.Errorf("after the last reset a call is %s, want it to go out", got)
	}
	if !slices.ContainsFunc(g.Breakers(), func(b policy.BreakerInfo) bool { return len(b.Cells) > 0 }) {
		t.Error("no cell is shown")
	}
}

func BenchmarkLookingAtATenant(b *testing.B) {
	g := open(b, unlimited(), says(200, "{}"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Tenant("acme", true); err != nil {
			b.Fatal(err)
		}
	}
}
