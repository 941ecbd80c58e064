package caddymodule_test

import (
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
)

// unlimited is a default plan that stands in no test's way.
const unlimited = "plan default {\nrate_limit off\n}\n"

// moody answers with a status that the test sets; 200 has the body, as JSON.
type moody struct {
	status atomic.Int32
	calls  atomic.Int32
	body   string
	header http.Header
}

func (m *moody) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	m.calls.Add(1)
	for name, values := range m.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/json")
	status := int(m.status.Load())
	w.WriteHeader(status)
	if status == http.StatusOK {
		io.WriteString(w, m.body)
	}
}

// moodyParty starts one that answers 200 at first.
func moodyParty(t testing.TB, body string, header ...string) (*moody, string) {
	t.Helper()
	m := &moody{body: body, header: make(http.Header)}
	for i := 0; i+1 < len(header); i += 2 {
		m.header.Add(header[i], header[i+1])
	}
	m.status.Store(http.StatusOK)
	return m, thirdParty(t, m.ServeHTTP).URL
}

func TestAStaticFallbackAnswersInPlaceOfAFailure(t *testing.T) {
	m, url := moodyParty(t, `{"order":{"status":"shipped"}}`)
	s := start(t, unlimited+`policy store `+url+` {
		breaker off
		operation order GET "/orders/{{number}}" {
			extract status $.order.status default "unknown"
			hint late status == 502
			fallback status == 502 {
				route apology
				next stop
				respond 200 `+"`"+`{"order":{{input.number}},"status":"is {{vars.status}}"}`+"`"+`
			}
			fallback {
				respond 203 text/plain "order {{input.number}}"
			}
		}
	}`)
	s.get("/store/orders/7").want(t, 200, "Signpost-Fallback", "", "Signpost-Route", "success", "Proxy-Status", "")

	m.status.Store(503)
	a := s.get(`/store/orders/a%22b`)
	a.want(t, 203, "Signpost-Fallback", "static", "Signpost-Route", "error", "Signpost-Outcome", "server_error",
		"Signpost-Next", "continue", "Content-Type", "text/plain", "Proxy-Status", "signpost; received-status=503")
	if want := `order a"b`; a.body != want {
		t.Errorf("the body is %q, want %q", a.body, want)
	}

	m.status.Store(502)
	a = s.get(`/store/orders/a%22b`)
	a.want(t, 200, "Signpost-Fallback", "static", "Signpost-Route", "apology", "Signpost-Next", "stop",
		"Signpost-Outcome", "server_error", "Signpost-Var-Status", "unknown", "Content-Type", "application/json")
	if want := `{"order":"a\"b","status":"is unknown"}`; a.body != want {
		t.Errorf("the body is %q, want %q", a.body, want)
	}
}

func TestAFallbackWithoutAnExpressionLeavesAnswersAndRefusalsAlone(t *testing.T) {
	m, url := moodyParty(t, `{}`)
	s := start(t, unlimited+`policy store `+url+` {
		breaker off
		methods GET
		rate_limit 3/h
		fallback {
			respond 200 text/plain "sorry"
		}
	}`)
	for _, tc := range []struct {
		status   int32
		want     int
		fallback string
	}{{404, 404, ""}, {429, 429, ""}, {500, 200, "static"}} {
		m.status.Store(tc.status)
		s.get("/store/x").want(t, tc.want, "Signpost-Fallback", tc.fallback)
	}
	s.get("/store/x").want(t, 429, "Signpost-Fallback", "", "Signpost-Outcome", "rate_limited")
	s.send("POST", "/store/x", "").want(t, 405, "Signpost-Fallback", "", "Signpost-Outcome", "denied")
	s.get("/store/../x").want(t, 400, "Signpost-Fallback", "", "Signpost-Outcome", "bad_request")
}

func TestAFallbackThatOnlyNamesARouteOrNextChangesOnlyThat(t *testing.T) {
	m, url := moodyParty(t, `{}`)
	s := start(t, unlimited+`policy named `+url+` {
		breaker off
		fallback {
			route human
		}
	}
	policy stepped `+url+` {
		breaker off
		fallback {
			next continue
		}
	}
	policy limited `+url+` {
		rate_limit 1/h
		fallback outcome == "rate_limited" {
			route busy
			next continue
		}
	}`)
	s.get("/limited/x").want(t, 200, "Signpost-Route", "success")
	s.get("/limited/x").want(t, 429, "Signpost-Route", "busy", "Signpost-Next", "continue", "Signpost-Fallback", "",
		"Content-Type", "application/problem+json")

	m.status.Store(500)
	s.get("/named/x").want(t, 500, "Signpost-Route", "human", "Signpost-Next", "stop", "Signpost-Fallback", "", "Proxy-Status", "")
	s.get("/stepped/x").want(t, 500, "Signpost-Route", "error", "Signpost-Next", "continue", "Signpost-Fallback", "")
}

func TestNextSaysContinueOnlyWhereSomebodyPlannedForIt(t *testing.T) {
	m, url := moodyParty(t, `{}`)
	m.status.Store(404)
	s := start(t, unlimited+`policy bare `+url+`
	policy hinted `+url+` {
		hint missing status == 404
	}
	policy caught `+url+` {
		hint never status == 999
		otherwise anything
	}
	policy told `+url+` {
		next continue
		operation stopped GET /stopped {
			next stop
		}
	}`)
	for _, tc := range []struct{ path, route, next string }{
		{"/bare/x", "failure", "stop"},
		{"/hinted/x", "missing", "continue"},
		{"/caught/x", "anything", "continue"},
		{"/told/x", "failure", "continue"},
		{"/told/stopped", "failure", "stop"},
	} {
		s.get(tc.path).want(t, 404, "Signpost-Route", tc.route, "Signpost-Next", tc.next)
	}
}

func TestAStaleAnswerComesBackToTheSameTenantForTheSameRequest(t *testing.T) {
	m, url := moodyParty(t, `{"order":{"status":"shipped"}}`, "X-Kept", "yes")
	s := start(t, unlimited+`policy store `+url+` {
		breaker off
		fallback {
			stale 10m
			respond 200 text/plain "sorry"
		}
		operation order GET "/orders/{{number}}" {
			extract status $.order.status default "unknown"
			hint stale_one not ok and vars.status == "shipped"
			hint fresh ok
			otherwise lost
		}
	}`)
	s.get("/store/orders/7?a=1", "X-Tenant-ID", "acme").want(t, 200, "Signpost-Route", "fresh", "Age", "")
	m.status.Store(500)
	a := s.get("/store/orders/7?a=1", "X-Tenant-ID", "acme")
	a.want(t, 200, "Signpost-Fallback", "stale", "Signpost-Outcome", "server_error", "Signpost-Route", "stale_one",
		"Signpost-Next", "continue", "Signpost-Var-Status", "shipped", "X-Kept", "yes", "Content-Type", "application/json",
		"Proxy-Status", "signpost; received-status=500")
	if age, err := strconv.Atoi(a.Header.Get("Age")); err != nil || age < 0 || age > 60 {
		t.Errorf("Age is %q, want a few seconds", a.Header.Get("Age"))
	}
	if a.body != m.body {
		t.Errorf("the stale body is %q, want %q", a.body, m.body)
	}
	for _, tc := range []struct {
		why, path, tenant string
		header            []string
	}{
		{"another tenant", "/store/orders/7?a=1", "globex", nil},
		{"no tenant", "/store/orders/7?a=1", "", nil},
		{"another query", "/store/orders/7?a=2", "acme", nil},
		{"another order", "/store/orders/8?a=1", "acme", nil},
		{"another credential of the bot's", "/store/orders/7?a=1", "acme", []string{"Authorization", "Bearer x"}},
	} {
		header := tc.header
		if tc.tenant != "" {
			header = append(header, "X-Tenant-ID", tc.tenant)
		}
		a := s.get(tc.path, header...)
		if a.Header.Get("Signpost-Fallback") != "static" || a.body != "sorry" {
			t.Errorf("%s: fallback %q with body %q, want the static one", tc.why, a.Header.Get("Signpost-Fallback"), a.body)
		}
	}
}

func TestAStaleAnswerThatIsTooOldOrMustNotBeStoredIsNotGiven(t *testing.T) {
	for name, tc := range map[string]struct{ stale, cacheControl string }{
		"too old":  {"1ns", "max-age=1"},
		"no-store": {"10m", "no-store"},
	} {
		t.Run(name, func(t *testing.T) {
			m, url := moodyParty(t, `{}`, "Cache-Control", tc.cacheControl)
			s := start(t, unlimited+`policy store `+url+` {
				breaker off
				fallback {
					stale `+tc.stale+`
				}
			}`)
			s.get("/store/x", "X-Tenant-ID", "acme").want(t, 200, "Signpost-Fallback", "")
			m.status.Store(500)
			s.get("/store/x", "X-Tenant-ID", "acme").want(t, 500, "Signpost-Fallback", "", "Signpost-Next", "stop", "Age", "")
		})
	}
}

func TestAnsweredErrorsAreNotKeptAsStaleAnswers(t *testing.T) {
	m, url := moodyParty(t, `{"ok":false}`)
	s := start(t, unlimited+`policy store `+url+` {
		breaker off
		extract fine $.ok
		success vars.fine == true
		fallback {
			stale 10m
		}
	}`)
	s.get("/store/x", "X-Tenant-ID", "acme").want(t, 200, "Signpost-Outcome", "rejected")
	m.status.Store(404)
	s.get("/store/x", "X-Tenant-ID", "acme").want(t, 404, "Signpost-Outcome", "client_error")
	m.status.Store(500)
	s.get("/store/x", "X-Tenant-ID", "acme").want(t, 500, "Signpost-Fallback", "")
}
