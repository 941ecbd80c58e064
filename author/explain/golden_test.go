package explain_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/breaker"
	"github.com/signpost-gateway/signpost/policy/calllog"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// story is a call whose explanation is a golden file.
type story struct {
	name    string
	outcome policy.Outcome
	call    func(*testing.T, *shop) *calllog.Entry
}

// simple is a story of one named call.
func simple(name string, outcome policy.Outcome, status int, body string, change func(*policy.Spec, *policy.PolicySpec)) story {
	return story{name, outcome, func(t *testing.T, s *shop) *calllog.Entry {
		s.says(status, body)
		return open(t, store(s, change)).order()
	}}
}

// respond is a fallback with a text of its own.
func respond(when string) []policy.Fallback {
	return []policy.Fallback{{When: when, Respond: &policy.Respond{Status: 200, Body: `{"message":"later"}`}}}
}

func answered() []story {
	return []story{
		simple("a hint holds", policy.Success, 200, shipped, nil),
		simple("no hint holds", policy.Success, 200, `{"order":{"status":"lost"}}`, nil),
		simple("otherwise", policy.Success, 200, `{"order":{"status":"lost"}}`, func(_ *policy.Spec, p *policy.PolicySpec) { p.Otherwise = "unclear" }),
		simple("a hint cannot be evaluated", policy.Success, 200, shipped, func(_ *policy.Spec, p *policy.PolicySpec) {
			p.Hints = append([]policy.Hint{{Route: "soon", When: "vars.eta < 3"}}, p.Hints...)
		}),
		simple("a condition that is not simple", policy.Success, 200, shipped, func(_ *policy.Spec, p *policy.PolicySpec) {
			p.Hints = []policy.Hint{
				{Route: "late", When: `status == 200 && !(vars.status in ["shipped"]) && exists("$.order.late")`},
				{Route: "many", When: `len(body.order.items) > 3`},
				{Route: "good", When: `ok and (attempts > 1 or vars.status startsWith "pa") and status in 200..299`},
			}
		}),
		simple("not found with a hint", policy.ClientError, 404, `{"error":"no such order"}`, func(_ *policy.Spec, p *policy.PolicySpec) {
			p.Hints = append(p.Hints, policy.Hint{Route: "not_found", When: "status == 404"})
		}),
		simple("not found without a hint", policy.ClientError, 404, `{}`, nil),
		simple("next continue", policy.ClientError, 404, `{}`, func(_ *policy.Spec, p *policy.PolicySpec) { p.Next = "continue" }),
		simple("a server error", policy.ServerError, 500, `{}`, nil),
		simple("a static fallback", policy.ServerError, 503, `{}`, func(_ *policy.Spec, p *policy.PolicySpec) { p.Fallbacks = respond("") }),
		simple("a fallback of a route", policy.ServerError, 503, shipped, func(_ *policy.Spec, p *policy.PolicySpec) {
			p.Fallbacks = []policy.Fallback{{When: "status == 503", Route: "maintenance", Next: "stop"}}
		}),
		simple("a fallback cannot be evaluated", policy.ServerError, 503, shipped, func(_ *policy.Spec, p *policy.PolicySpec) {
			p.Fallbacks = respond("vars.eta > 3")
		}),
		simple("rejected", policy.Rejected, 200, `{"error":"sold out"}`, func(_ *policy.Spec, p *policy.PolicySpec) { p.Success = `!exists("$.error")` }),
		simple("not JSON", policy.Unmappable, 200, `<html>`, nil),
		simple("a required variable", policy.Unmappable, 200, `{}`, func(_ *policy.Spec, p *policy.PolicySpec) { p.Extracts[0].Required = true }),
		{"a stale fallback", policy.ServerError, func(t *testing.T, s *shop) *calllog.Entry {
			s.says(200, shipped)
			g := open(t, store(s, func(_ *policy.Spec, p *policy.PolicySpec) { p.Fallbacks = []policy.Fallback{{Stale: seconds(600)}} }))
			g.order()
			s.says(502, `{}`)
			return g.order()
		}},
		{"retries", policy.Success, func(t *testing.T, s *shop) *calllog.Entry {
			n := 0
			s.does(func(w http.ResponseWriter, _ *http.Request) {
				if n++; n < 3 {
					w.WriteHeader(503)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, shipped)
			})
			return open(t, store(s, func(_ *policy.Spec, p *policy.PolicySpec) {
				p.Retry = &policy.Retry{Attempts: 2, BackoffMin: seconds(0.001), BackoffMax: seconds(0.002)}
			})).order()
		}},
		{"an envelope", policy.ClientError, func(t *testing.T, s *shop) *calllog.Entry {
			s.says(404, `{}`)
			return open(t, store(s, nil)).order("Signpost-Reply", "envelope")
		}},
		{"drift", policy.Success, func(t *testing.T, s *shop) *calllog.Entry {
			s.says(200, shipped)
			g := open(t, store(s, nil))
			if err := g.Start(); err != nil { // Or structures would not be compared.
				t.Fatal(err)
			}
			g.order()
			s.says(200, `{"order":{"state":"packed","items":[]}}`)
			return g.order()
		}},
		{"a base URL call", policy.Success, func(t *testing.T, s *shop) *calllog.Entry {
			s.says(200, shipped)
			return open(t, store(s, nil)).raw(http.MethodGet, "/customers?id=3")
		}},
	}
}

func guarded() []story {
	used := func(change func(*policy.Spec, *policy.PolicySpec)) func(*testing.T, *shop) *calllog.Entry {
		return func(t *testing.T, s *shop) *calllog.Entry {
			s.says(200, shipped)
			g := open(t, store(s, change))
			g.order()
			return g.order()
		}
	}
	return []story{
		{"a rate limit of the plan", policy.RateLimited, used(func(s *policy.Spec, _ *policy.PolicySpec) {
			s.Plans = append(s.Plans, policy.Plan{Name: "gold", RateLimits: []policy.RateLimit{{Rate: "1/m"}, {Rate: "50/d"}}, Tenants: []string{"acme"}})
		})},
		{"a shared rate limit", policy.RateLimited, used(func(_ *policy.Spec, p *policy.PolicySpec) {
			p.RateLimits = []policy.RateLimit{{Rate: "1/30s", Shared: true}, {Rate: "9/h"}}
			p.Concurrency = []policy.Concurrency{{Calls: 5}, {Calls: 50, Shared: true}}
		})},
		{"too many calls in flight", policy.Overloaded, func(t *testing.T, s *shop) *calllog.Entry {
			arrived, leave := make(chan struct{}), make(chan struct{})
			s.does(func(http.ResponseWriter, *http.Request) { close(arrived); <-leave })
			g := open(t, store(s, func(_ *policy.Spec, p *policy.PolicySpec) { p.Concurrency = []policy.Concurrency{{Calls: 1}} }))
			done := make(chan struct{})
			go func() { defer close(done); g.order() }()
			<-arrived
			e := g.order()
			close(leave)
			<-done
			return e
		}},
		{"an open breaker", policy.CircuitOpen, func(t *testing.T, s *shop) *calllog.Entry {
			s.says(500, `{}`)
			g := open(t, store(s, func(_ *policy.Spec, p *policy.PolicySpec) { p.Breaker = &policy.BreakerSpec{Trip: "1 consecutive"} }))
			g.order()
			return g.order()
		}},
		{"a tenants own breaker", policy.CircuitOpen, func(t *testing.T, s *shop) *calllog.Entry {
			s.says(401, `{}`)
			g := open(t, store(s, func(_ *policy.Spec, p *policy.PolicySpec) { p.Breaker = &policy.BreakerSpec{Trip: "1 consecutive"} }))
			g.order()
			return g.order()
		}},
		{"a tenant with a cell of its own", policy.Success, func(t *testing.T, s *shop) *calllog.Entry {
			s.says(401, `{}`)
			g := open(t, store(s, nil))
			g.order()
			s.says(200, shipped)
			return g.order()
		}},
		{"a breaker held by hand", policy.CircuitOpen, func(t *testing.T, s *shop) *calllog.Entry {
			g := open(t, store(s, nil))
			g.HoldBreaker("store", breaker.Open, time.Time{})
			return g.order()
		}},
		{"no breaker", policy.Success, func(t *testing.T, s *shop) *calllog.Entry {
			s.says(200, shipped)
			return open(t, store(s, func(_ *policy.Spec, p *policy.PolicySpec) { p.Breaker = &policy.BreakerSpec{Trip: "off"} })).order()
		}},
		{"a probe", policy.Success, func(t *testing.T, s *shop) *calllog.Entry {
			g := open(t, store(s, func(_ *policy.Spec, p *policy.PolicySpec) {
				p.Breaker = &policy.BreakerSpec{Trip: "1 consecutive", Open: seconds(0.001)}
			}))
			s.says(500, `{}`)
			g.order()
			s.says(200, shipped)
			for {
				if e := g.order(); e.Outcome != string(policy.CircuitOpen) {
					return e
				}
			}
		}},
		{"beyond the probes", policy.CircuitOpen, func(t *testing.T, s *shop) *calllog.Entry {
			arrived, leave := make(chan struct{}), make(chan struct{})
			g := open(t, store(s, func(_ *policy.Spec, p *policy.PolicySpec) {
				p.Breaker = &policy.BreakerSpec{Trip: "1 consecutive", Open: seconds(0.001), Probes: 1}
			}))
			s.says(500, `{}`)
			g.order()
			s.does(func(http.ResponseWriter, *http.Request) { close(arrived); <-leave })
			done := make(chan struct{})
			go func() {
				defer close(done)
				for g.order().Outcome == string(policy.CircuitOpen) {
				}
			}()
			<-arrived
			e := g.order()
			close(leave)
			<-done
			return e
		}},
	}
}

func unanswered() []story {
	elsewhere := func(name string, outcome policy.Outcome, base func(testing.TB) string) story {
		return story{name, outcome, func(t *testing.T, s *shop) *calllog.Entry {
			return open(t, store(s, func(_ *policy.Spec, p *policy.PolicySpec) { p.BaseURL = base(t) })).order()
		}}
	}
	failing := func(name string, outcome policy.Outcome, fault error) story {
		return story{name, outcome, func(t *testing.T, s *shop) *calllog.Entry {
			return open(t, store(s, nil), func(o *policy.Options) {
				o.Transport = func(policy.PolicySpec, *dialguard.Guard) (http.RoundTripper, error) { return broken{fault}, nil }
			}).order()
		}}
	}
	return []story{
		{"a timeout", policy.Timeout, func(t *testing.T, s *shop) *calllog.Entry {
			s.does(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			return open(t, store(s, func(_ *policy.Spec, p *policy.PolicySpec) { p.Timeout, p.Fallbacks = seconds(0.05), respond("") })).order()
		}},
		elsewhere("a refused connection", policy.Unreachable, nowhere),
		failing("an unknown name", policy.Unreachable, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "api.store.example", IsNotFound: true}}),
		elsewhere("a certificate nobody trusts", policy.Unreachable, func(t testing.TB) string {
			s := httptest.NewUnstartedServer(nil)
			s.Config.ErrorLog = discarded
			s.StartTLS()
			t.Cleanup(s.Close)
			return s.URL
		}),
		{"an answer that breaks off", policy.Incomplete, func(t *testing.T, s *shop) *calllog.Entry {
			s.does(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Length", "100")
				io.WriteString(w, `{"order"`)
			})
			return open(t, store(s, nil)).order()
		}},
		failing("a fault of the gateway", policy.Internal, errPanic),
		{"a bot that goes away", policy.Canceled, func(t *testing.T, s *shop) *calllog.Entry {
			ctx, cancel := context.WithCancel(context.Background())
			s.does(func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
			g := open(t, store(s, nil))
			req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/call/store/order_status", strings.NewReader(`{"order_number":1}`))
			return g.send(req, &policy.Call{Policy: "store", Operation: "order_status", Tenant: "acme"})
		}},
	}
}

// errPanic stands for a fault of our own.
var errPanic = errors.New("panic")

// broken is a transport that fails, or is at fault itself.
type broken struct{ err error }

func (b broken) RoundTrip(*http.Request) (*http.Response, error) {
	if errors.Is(b.err, errPanic) {
		panic("a fault")
	}
	return nil, b.err
}

func refused() []story {
	return []story{
		{"a method that is not allowed", policy.Denied, func(t *testing.T, s *shop) *calllog.Entry {
			return open(t, store(s, func(_ *policy.Spec, p *policy.PolicySpec) { p.Methods = []string{"GET"} })).raw(http.MethodDelete, "/orders/1")
		}},
		{"no tenant", policy.Denied, func(t *testing.T, s *shop) *calllog.Entry {
			return open(t, store(s, func(s *policy.Spec, _ *policy.PolicySpec) { s.TenantRequired = true })).named("", `{"order_number":1}`)
		}},
		{"an unknown tenant", policy.Denied, func(t *testing.T, s *shop) *calllog.Entry {
			return open(t, store(s, func(s *policy.Spec, _ *policy.PolicySpec) { s.KnownTenantsOnly = true })).order()
		}},
		{"anonymous", policy.Success, func(t *testing.T, s *shop) *calllog.Entry {
			s.says(200, shipped)
			return open(t, store(s, nil)).named("", `{"order_number":1}`)
		}},
		{"no secret", policy.Denied, func(t *testing.T, s *shop) *calllog.Entry {
			return open(t, store(s, func(s *policy.Spec, p *policy.PolicySpec) {
				s.Secrets = []policy.SecretSource{{From: "env", Where: "SIGNPOST_EXPLAIN_TEST_"}}
				p.Inject = []policy.Inject{{As: "bearer", Value: "{secret.nowhere}"}}
			})).order()
		}},
		{"no operation", policy.Denied, func(t *testing.T, s *shop) *calllog.Entry {
			return open(t, store(s, func(_ *policy.Spec, p *policy.PolicySpec) { p.OperationsOnly = true })).raw(http.MethodGet, "/customers")
		}},
		{"a private address", policy.Denied, func(t *testing.T, s *shop) *calllog.Entry {
			return open(t, store(s, func(_ *policy.Spec, p *policy.PolicySpec) {
				p.AllowPrivate, p.BaseURL = false, strings.Replace(p.BaseURL, "127.0.0.1", "localhost", 1)
			})).order()
		}},
		{"a missing input", policy.BadRequest, func(t *testing.T, s *shop) *calllog.Entry { return open(t, store(s, nil)).named("acme", `{}`) }},
		{"a bad timeout", policy.BadRequest, func(t *testing.T, s *shop) *calllog.Entry {
			return open(t, store(s, nil)).order("Signpost-Timeout", "soon")
		}},
		{"an unknown policy", policy.NotFound, func(t *testing.T, s *shop) *calllog.Entry {
			req := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/shop/orders", nil)
			return open(t, store(s, nil)).send(req, &policy.Call{Policy: "shop", Path: "/orders", Tenant: "acme"})
		}},
		{"an unknown operation", policy.NotFound, func(t *testing.T, s *shop) *calllog.Entry {
			req := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/call/store/refund", nil)
			return open(t, store(s, nil)).send(req, &policy.Call{Policy: "store", Operation: "refund", Tenant: "acme"})
		}},
		{"a refused token", policy.Success, func(t *testing.T, s *shop) *calllog.Entry {
			t.Setenv("SIGNPOST_EXPLAIN_TEST_STORE", "s3cr3t-of-the-store")
			tokens := 0
			s.does(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch {
				case r.URL.Path == "/token":
					tokens++
					io.WriteString(w, `{"access_token":"token-`+strings.Repeat("x", tokens)+`-of-the-store","token_type":"Bearer","expires_in":3600}`)
				case tokens == 1:
					w.WriteHeader(http.StatusUnauthorized)
				default:
					io.WriteString(w, shipped)
				}
			})
			return open(t, store(s, func(spec *policy.Spec, p *policy.PolicySpec) {
				spec.Secrets = []policy.SecretSource{{From: "env", Where: "SIGNPOST_EXPLAIN_TEST_"}}
				p.Inject = []policy.Inject{{As: "oauth2", OAuth2: &policy.OAuth2{TokenURL: s.URL + "/token", ClientID: "signpost", ClientSecret: "{secret.store}"}}}
			})).order()
		}},
	}
}

func TestEachOutcomeAndEachCauseIsExplained(t *testing.T) {
	told := map[policy.Outcome]bool{}
	for _, stories := range [][]story{answered(), guarded(), unanswered(), refused()} {
		for _, s := range stories {
			t.Run(s.name, func(t *testing.T) {
				e := s.call(t, openShop(t, 200, `{}`))
				if e.Outcome != string(s.outcome) {
					t.Fatalf("the call came to %s: %s; want %s", e.Outcome, e.Reason, s.outcome)
				}
				golden(t, s.name, e)
			})
			told[s.outcome] = true
		}
	}
	for _, o := range policy.Outcomes() {
		if !told[o] {
			t.Errorf("nothing explains %s", o)
		}
	}
}
