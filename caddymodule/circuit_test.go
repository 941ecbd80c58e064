package caddymodule_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// obeying answers with the status that the last segment of the path is, and
// hangs where that is "hang".
func obeying(t testing.TB) (url string, entered <-chan struct{}) {
	t.Helper()
	arrived := make(chan struct{}, 64)
	party := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		status, err := strconv.Atoi(r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
		if err != nil {
			arrived <- struct{}{}
			<-r.Context().Done()
			return
		}
		w.WriteHeader(status)
	})
	return party.URL, arrived
}

// blocking answers 200, for the path /x only when it is released.
func blocking(entered chan<- struct{}, release <-chan struct{}) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/x" {
			entered <- struct{}{}
			<-release
		}
	}
}

// eventually asks until it is true, and fails after patience.
func eventually(t testing.TB, what string, ask func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	bound := time.After(patience)
	for !ask() {
		select {
		case <-tick.C:
		case <-bound:
			t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// outcome calls a path for a tenant and gives the outcome.
func (s *sidecar) outcome(path, tenant string, header ...string) string {
	s.t.Helper()
	if tenant != "" {
		header = append(header, "X-Tenant-ID", tenant)
	}
	return s.get(path, header...).Header.Get("Signpost-Outcome")
}

func TestABreakerOpensSaysWhenToComeBackAndRecovers(t *testing.T) {
	url, _ := obeying(t)
	s := start(t, unlimited+`policy store `+url+` {
		breaker 3 consecutive {
			open 300ms
			probes 1
		}
	}
	policy other `+url+`
	policy patient `+url+` {
		breaker 1 consecutive {
			open 90s
		}
		fallback outcome == "circuit_open" {
			route busy
			respond 200 text/plain "later"
		}
	}`)
	for i := range 3 {
		if got := s.outcome("/store/500", ""); got != "server_error" {
			t.Fatalf("call %d is %s, want server_error", i, got)
		}
	}
	opened := time.Now()
	a := s.get("/store/200")
	if time.Since(opened) < 300*time.Millisecond {
		a.want(t, 503, "Signpost-Outcome", "circuit_open", "Retry-After", "1",
			"Proxy-Status", `signpost; error=destination_unavailable; details="The circuit breaker is open: the third party keeps failing."`)
	}
	s.get("/other/200").want(t, 200, "Signpost-Outcome", "success")
	eventually(t, "the breaker closes again", func() bool { return s.outcome("/store/200", "") == "success" })
	if open := time.Since(opened); open < 300*time.Millisecond {
		t.Errorf("the breaker was open for %s, want 300ms", open)
	}
	for range 3 {
		if got := s.outcome("/store/200", ""); got != "success" {
			t.Errorf("after a good probe the call is %s, want success", got)
		}
	}

	s.get("/patient/500").want(t, 500, "Signpost-Fallback", "")
	s.get("/patient/200").want(t, 200, "Signpost-Outcome", "circuit_open", "Signpost-Route", "busy",
		"Signpost-Fallback", "static", "Signpost-Next", "continue", "Retry-After", "")
}

func TestAnOpenBreakerTellsTheWholeTimeThatIsLeft(t *testing.T) {
	url, _ := obeying(t)
	s := start(t, unlimited+`policy store `+url+` {
		breaker 1 consecutive {
			open 90s
		}
	}`)
	s.get("/store/500")
	after, err := strconv.Atoi(s.get("/store/200").Header.Get("Retry-After"))
	if err != nil || after < 60 || after > 90 {
		t.Errorf("Retry-After is %d (%v), want almost 90", after, err)
	}
}

func TestWhatTheBreakerCountsForEverybody(t *testing.T) {
	url, _ := obeying(t)
	gone := thirdParty(t, nil)
	gone.Close()
	for name, tc := range map[string]struct{ base, path, breaker, want, timeout string }{
		"server errors":        {url, "/store/500", "2 consecutive", "circuit_open", "20s"},
		"timeouts":             {url, "/store/hang", "2 consecutive", "circuit_open", "60ms"},
		"unreachable":          {gone.URL, "/store/200", "2 consecutive", "circuit_open", "20s"},
		"a share":              {url, "/store/502", "50% of 2 in 1m", "circuit_open", "20s"},
		"404 is an answer":     {url, "/store/404", "2 consecutive", "client_error", "20s"},
		"403 counts nowhere":   {url, "/store/403", "2 consecutive", "client_error", "20s"},
		"off":                  {url, "/store/500", "off", "server_error", "20s"},
		"401 without a tenant": {url, "/store/401", "2 consecutive", "client_error", "20s"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, unlimited+"policy store "+tc.base+" {\ntimeout "+tc.timeout+"\nbreaker "+tc.breaker+"\n}")
			for range 2 {
				s.get(tc.path)
			}
			if got := s.outcome(tc.path, ""); got != tc.want {
				t.Errorf("the third call of %s is %s, want %s", tc.path, got, tc.want)
			}
		})
	}
}

func TestSlowAnswersCountAsFailuresWhereThePolicySaysSo(t *testing.T) {
	release := make(chan struct{})
	party := thirdParty(t, func(http.ResponseWriter, *http.Request) { <-release })
	s := start(t, unlimited+`policy store `+party.URL+` {
		breaker 1 consecutive {
			slow 20ms
		}
	}`)
	time.AfterFunc(40*time.Millisecond, func() { close(release) })
	if got := s.outcome("/store/x", ""); got != "success" {
		t.Fatalf("a slow answer is %s, want success", got)
	}
	if got := s.outcome("/store/x", ""); got != "circuit_open" {
		t.Errorf("after a slow answer the call is %s, want circuit_open", got)
	}
}

func TestATenantsOwnTroubleOpensTheBreakerForNobodyElse(t *testing.T) {
	url, _ := obeying(t)
	for name, tc := range map[string]struct {
		path   string
		header []string
	}{
		"401":                     {path: "/store/401"},
		"429":                     {path: "/store/429"},
		"a timeout of its own":    {path: "/store/hang", header: []string{"Signpost-Timeout", "20ms"}},
		"a timeout of its plan's": {path: "/store/hang"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, unlimited+`plan hasty {
				timeout 30ms
				tenants acme
			}
			policy store `+url+` {
				breaker 2 consecutive
			}`)
			for range 2 {
				s.outcome(tc.path, "acme", tc.header...)
			}
			a := s.get("/store/200", "X-Tenant-ID", "acme")
			a.want(t, 503, "Signpost-Outcome", "circuit_open",
				"Signpost-Reason", "The circuit breaker is open for this tenant: its calls keep failing.")
			for _, other := range []string{"globex", ""} {
				if got := s.outcome("/store/200", other); got != "success" {
					t.Errorf("the tenant %q gets %s, want success", other, got)
				}
			}
		})
	}
}

func TestTwoHundredTenantsWithRevokedKeysDoNotOpenTheBreakerTogether(t *testing.T) {
	url, _ := obeying(t)
	s := start(t, unlimited+`policy store `+url+` {
		breaker 2 consecutive
	}`)
	for i := range 200 {
		if got := s.outcome("/store/401", "t"+strconv.Itoa(i)); got != "client_error" {
			t.Fatalf("tenant %d gets %s, want client_error", i, got)
		}
	}
	if got := s.outcome("/store/200", "acme"); got != "success" {
		t.Errorf("the call of another tenant is %s, want success", got)
	}
}

func TestBotsThatGoAwayOpenNoBreaker(t *testing.T) {
	url, entered := obeying(t)
	s := start(t, unlimited+`policy store `+url+` {
		timeout 20s
		breaker 1 consecutive
	}`)
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-entered
			cancel()
		}()
		if a, err := s.try(ctx, "/store/hang"); err == nil {
			t.Fatalf("a canceled call was answered: %d", a.StatusCode)
		}
	}
	if got := s.outcome("/store/200", ""); got != "success" {
		t.Errorf("after bots went away the call is %s, want success", got)
	}
}

func TestAnOperationHasABreakerOfItsOwnOnlyWhereItSaysSo(t *testing.T) {
	url, _ := obeying(t)
	s := start(t, unlimited+`policy store `+url+` {
		breaker 1 consecutive
		operation shared GET "/shared/{{status}}"
		operation alone GET "/alone/{{status}}" {
			breaker 2 consecutive
		}
	}`)
	s.get("/store/alone/500")
	s.get("/store/alone/500")
	for path, want := range map[string]string{"/store/alone/200": "circuit_open", "/store/shared/200": "success", "/store/200": "success"} {
		if got := s.outcome(path, ""); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	s.get("/store/shared/500")
	for path, want := range map[string]string{"/store/shared/200": "circuit_open", "/store/200": "circuit_open"} {
		if got := s.outcome(path, ""); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

func TestA403NeitherBreaksNorContinuesARowOfFailures(t *testing.T) {
	url, _ := obeying(t)
	s := start(t, unlimited+`policy store `+url+` {
		breaker 2 consecutive
	}`)
	for _, path := range []string{"/store/500", "/store/404", "/store/500", "/store/403", "/store/403"} {
		if got := s.outcome(path, "acme"); got == "circuit_open" {
			t.Fatalf("%s is circuit_open, before two failures came in a row", path)
		}
	}
	s.outcome("/store/500", "acme")
	if got := s.outcome("/store/200", "acme"); got != "circuit_open" {
		t.Errorf("after two failures with nothing but 403 between them the call is %s, want circuit_open", got)
	}
}
