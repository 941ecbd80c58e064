package caddymodule_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// okParty answers 200 to everything.
func okParty(t testing.TB) string {
	t.Helper()
	return thirdParty(t, func(http.ResponseWriter, *http.Request) {}).URL
}

func TestWithoutPlansATenantHasTenCallsAMinute(t *testing.T) {
	url := okParty(t)
	s := start(t, "policy store "+url+"\npolicy other "+url)
	for i := range 10 {
		path := "/store/x"
		if i%2 == 1 {
			path = "/other/x" // A plan holds over all policies together.
		}
		left := `"default:10/m";r=` + string(rune('0'+9-i))
		s.get(path, "X-Tenant-ID", "acme").want(t, 200, "Ratelimit-Policy", `"default:10/m";q=10;w=60`, "Ratelimit", left, "Retry-After", "")
	}
	a := s.get("/store/x", "X-Tenant-ID", "acme")
	a.want(t, 429, "Signpost-Outcome", "rate_limited", "Signpost-Reason", "Rate Limit Exceeded",
		"Proxy-Status", `signpost; error=http_request_error; details="Rate Limit Exceeded"`,
		"Ratelimit-Policy", `"default:10/m";q=10;w=60`, "Ratelimit", `"default:10/m";r=0`)
	a.comesBack(t, 60)
	if got, want := a.Header.Get("Ratelimit"), `"default:10/m";r=0;t=`+a.Header.Get("Retry-After"); got != want {
		t.Errorf("RateLimit is %q, want %q as Retry-After says", got, want)
	}
	s.get("/store/x", "X-Tenant-ID", "globex").want(t, 200)
}

// comesBack tests that Retry-After is the rest of a window that began just now.
func (a answer) comesBack(t testing.TB, window int) {
	t.Helper()
	if after, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || after > window || after < window-30 {
		t.Errorf("Retry-After is %q, want at most %d and not much less", a.Header.Get("Retry-After"), window)
	}
}

func TestCallsWithoutATenantShareTheTenantAnonymous(t *testing.T) {
	s := start(t, `plan default {
		rate_limit 2/h
	}
	policy store `+okParty(t)+` {
		hint who tenant == "anonymous"
	}`)
	s.get("/store/x").want(t, 200, "Signpost-Route", "who", "Ratelimit", `"default:2/h";r=1`)
	s.get("/store/x", "X-Tenant-ID", "anonymous").want(t, 200, "Ratelimit", `"default:2/h";r=0`)
	s.get("/store/x").want(t, 429)
}

func TestPlansPutTheirTenantsUnderTheirOwnLimits(t *testing.T) {
	s := start(t, `plan default {
		rate_limit 1/h
	}
	plan gold {
		rate_limit 2/h
		rate_limit 300/d
		tenants acme globex
	}
	plan open {
		rate_limit off
		tenants initech
	}
	policy store `+okParty(t)+` {
		hint gold plan == "gold"
		hint other plan in ["default", "open"]
	}`)
	for range 2 {
		s.get("/store/x", "X-Tenant-ID", "acme").want(t, 200, "Signpost-Route", "gold",
			"Ratelimit-Policy", `"gold:2/h";q=2;w=3600, "gold:300/d";q=300;w=86400`)
	}
	s.get("/store/x", "X-Tenant-ID", "acme").want(t, 429, "Ratelimit", `"gold:2/h";r=0, "gold:300/d";r=298`)
	s.get("/store/x", "X-Tenant-ID", "globex").want(t, 200)
	s.get("/store/x", "X-Tenant-ID", "nobody").want(t, 200, "Signpost-Route", "other")
	s.get("/store/x", "X-Tenant-ID", "nobody").want(t, 429)
	for range 20 {
		s.get("/store/x", "X-Tenant-ID", "initech").want(t, 200, "Ratelimit-Policy", "", "Ratelimit", "")
	}
}

func TestAllWindowsOfACallAreTakenOrNone(t *testing.T) {
	s := start(t, `plan default {
		rate_limit 5/h
	}
	policy store `+okParty(t)+` {
		rate_limit 3/h
		operation order GET "/orders/{{number}}" {
			rate_limit 1/h
		}
	}`)
	const policies = `"default:5/h";q=5;w=3600, "store:3/h";q=3;w=3600`
	s.get("/store/orders/1").want(t, 200, "Ratelimit-Policy", policies+`, "store.order:1/h";q=1;w=3600`)
	for range 3 {
		s.get("/store/orders/1").want(t, 429, "Ratelimit",
			`"default:5/h";r=4, "store:3/h";r=2, "store.order:1/h";r=0`)
	}
	s.get("/store/x").want(t, 200, "Ratelimit-Policy", policies, "Ratelimit", `"default:5/h";r=3, "store:3/h";r=1`)
}

func TestASharedLimitHoldsForAllTenantsTogether(t *testing.T) {
	s := start(t, unlimited+`policy store `+okParty(t)+` {
		rate_limit 2/h shared
	}`)
	s.get("/store/x", "X-Tenant-ID", "acme").want(t, 200)
	s.get("/store/x", "X-Tenant-ID", "globex").want(t, 200)
	s.get("/store/x", "X-Tenant-ID", "initech").want(t, 429, "Signpost-Reason", "Rate Limit Exceeded")
	a := s.get("/store/x", "X-Tenant-ID", "initech")
	a.comesBack(t, 3600)
}

func TestCallsInFlightAreBoundedForATenantAndForAll(t *testing.T) {
	url, entered := obeying(t)
	s := start(t, `plan default {
		rate_limit off
	}
	plan narrow {
		concurrency 1
		tenants acme
	}
	policy store `+url+` {
		timeout 20s
	}
	policy shared `+url+` {
		timeout 20s
		concurrency 1 shared
	}`)
	hold := func(path, tenant string) (release func()) {
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() {
			defer close(over)
			s.try(ctx, path, "X-Tenant-ID", tenant)
		}()
		<-entered
		return func() { cancel(); <-over }
	}
	release := hold("/store/hang", "acme")
	s.get("/shared/200", "X-Tenant-ID", "acme").want(t, 503, "Signpost-Outcome", "overloaded", "Retry-After", "",
		"Signpost-Reason", "Too many calls are in flight.")
	s.get("/store/200", "X-Tenant-ID", "globex").want(t, 200)
	release()
	eventually(t, "the tenant's slot comes back", func() bool { return s.outcome("/store/200", "acme") == "success" })

	release = hold("/shared/hang", "globex")
	s.get("/shared/200", "X-Tenant-ID", "initech").want(t, 503, "Signpost-Outcome", "overloaded")
	s.get("/store/200", "X-Tenant-ID", "globex").want(t, 200)
	release()
	eventually(t, "the shared slot comes back", func() bool { return s.outcome("/shared/200", "initech") == "success" })
}

func TestATenantIsAskedForWhereThePolicySaysSo(t *testing.T) {
	url := okParty(t)
	s := start(t, "tenant_required\ntenant header X-Bot\npolicy store "+url+" {\nmethods GET\n}")
	s.get("/store/x").want(t, 401, "Signpost-Outcome", "denied", "Signpost-Reason", "The call names no tenant.", "Ratelimit", "")
	s.get("/store/x", "X-Tenant-ID", "acme").want(t, 401, "Signpost-Outcome", "denied")
	s.send("POST", "/store/x", "").want(t, 405, "Allow", "GET") // The method comes before the tenant.
	s.get("/store/x", "X-Bot", "acme").want(t, 200)
	s.get("/store/x", "X-Bot", "ac me ").want(t, 200) // Blanks at the ends are no part of a field.
	s.get("/store/x", "X-Bot", "acme", "X-Bot", "globex").want(t, 403, "Signpost-Outcome", "denied")
	s.get("/store/x", "X-Bot", strings.Repeat("x", 129)).want(t, 403, "Signpost-Outcome", "denied")
}

func TestOnlyKnownTenantsAreServedWhereThePolicySaysSo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tenants.yaml")
	writeFile(t, file, "tenants:\n  globex: {}\n")
	s := start(t, "known_tenants_only\ntenants_file "+file+"\nplan gold {\ntenants acme\n}\npolicy store "+okParty(t))
	s.get("/store/x", "X-Tenant-ID", "acme").want(t, 200)
	s.get("/store/x", "X-Tenant-ID", "globex").want(t, 200)
	s.get("/store/x", "X-Tenant-ID", "initech").want(t, 403, "Signpost-Outcome", "denied", "Signpost-Reason", "The tenant is not known.")
}

// writeFile replaces a file at once, as editors and Kubernetes do.
func writeFile(t testing.TB, path, content string) {
	t.Helper()
	next := path + ".next"
	if err := os.WriteFile(next, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

func TestTheTenantsFileIsReadAgainAndABrokenOneChangesNothing(t *testing.T) {
	folder := t.TempDir()
	file, logged := filepath.Join(folder, "tenants.yaml"), filepath.Join(folder, "log")
	writeFile(t, file, "tenants:\n  acme: {plan: gold}\n")
	s := startGlobal(t, "admin off\npersist_config off\nlog default {\noutput file "+logged+"\nformat json\n}\n", `tenants_file `+file+`
	plan default {
		rate_limit off
	}
	plan gold {
		rate_limit 100/h
	}
	plan silver {
		rate_limit 200/h
	}
	policy store `+okParty(t)+` {
		hint gold plan == "gold"
		hint silver plan == "silver"
		otherwise plain
	}`, "signpost")
	plan := func(tenant string) string {
		return s.get("/store/x", "X-Tenant-ID", tenant).Header.Get("Signpost-Route")
	}
	if got := plan("acme"); got != "gold" {
		t.Fatalf("acme is on %s, want gold", got)
	}
	writeFile(t, file, "tenants:\n  acme: {plan: silver}\n  globex: {plan: gold}\n")
	eventually(t, "acme moves to silver", func() bool { return plan("acme") == "silver" })
	if got := plan("globex"); got != "gold" {
		t.Errorf("globex is on %s, want gold", got)
	}

	writeFile(t, file, "tenants:\n  acme: {plan: brass}\n")
	eventually(t, "the broken file is told", func() bool {
		log, err := os.ReadFile(logged)
		return err == nil && strings.Contains(string(log), "keeping the last good one") && strings.Contains(string(log), "brass")
	})
	if got := plan("acme"); got != "silver" {
		t.Errorf("with a broken file acme is on %s, want silver as before", got)
	}
	writeFile(t, file, "tenants:\n  globex: {}\n")
	eventually(t, "acme leaves the file", func() bool { return plan("acme") == "plain" })
}

func TestATenantThatChangesItsPlanGetsNoFreshWindow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tenants.yaml")
	writeFile(t, file, "tenants:\n  acme: {plan: small}\n")
	s := start(t, `tenants_file `+file+`
	plan small {
		rate_limit 2/h
	}
	plan large {
		rate_limit 3/h
	}
	policy store `+okParty(t)+` {
		hint large plan == "large"
	}`)
	for range 2 {
		s.get("/store/x", "X-Tenant-ID", "acme").want(t, 200)
	}
	writeFile(t, file, "tenants:\n  acme: {plan: large}\n")
	var route string
	eventually(t, "acme is on the large plan", func() bool {
		a := s.get("/store/x", "X-Tenant-ID", "acme")
		route = a.Header.Get("Signpost-Route")
		return route == "large"
	})
	s.get("/store/x", "X-Tenant-ID", "acme").want(t, 429, "Ratelimit-Policy", `"large:3/h";q=3;w=3600`)
}
