package policy_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// endpoint is a third party with a token endpoint: it counts tokens, and answers
// 401 to all but the last one.
type endpoint struct {
	tokens atomic.Int64
	calls  atomic.Int64
	token  func(n int64, r *http.Request) (*http.Response, error) // nil: a token of an hour
	api    func(r *http.Request) (*http.Response, error)          // nil: 200 to the last token
}

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if r.URL.Host == "login.example" {
		n := e.tokens.Add(1)
		if e.token != nil {
			return e.token(n, r)
		}
		return reply(r, 200, fmt.Sprintf(`{"access_token":"token-number-%d","token_type":"bearer","expires_in":3600}`, n)), nil
	}
	e.calls.Add(1)
	if e.api != nil {
		return e.api(r)
	}
	if r.Header.Get("Authorization") != fmt.Sprintf("Bearer token-number-%d", e.tokens.Load()) {
		return reply(r, 401, `{}`), nil
	}
	return reply(r, 200, `{"echo":"`+r.Header.Get("Authorization")+`"}`), nil
}

// granted is a policy whose token comes from login.example.
func granted(t *testing.T, rules policy.Rules) policy.Spec {
	t.Setenv("TEST_SECRET_ID", "the-client")
	t.Setenv("TEST_SECRET_KEY", "the-client-secret")
	spec := store(rules)
	spec.Secrets = []policy.SecretSource{{From: "env", Where: "TEST_SECRET_"}}
	spec.Policies[0].Inject = []policy.Inject{{As: "oauth2", OAuth2: &policy.OAuth2{
		TokenURL: "https://login.example/token", ClientID: "{secret.id}", ClientSecret: "{secret.key}", Scopes: []string{"orders.read"},
	}}}
	return spec
}

func TestOneTokenServesAllCallsUntilItExpires(t *testing.T) {
	spec := granted(t, policy.Rules{})
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{}
		g := open(t, spec, e)
		var bots sync.WaitGroup
		for range 50 {
			bots.Go(func() {
				if resp, body := call(t, g, request("GET", "/x", "")); resp.StatusCode != 200 || strings.Contains(body, "token-number") {
					t.Errorf("%d %s: want 200, and the echoed token overwritten", resp.StatusCode, body)
				}
			})
		}
		bots.Wait()
		if n := e.tokens.Load(); n != 1 {
			t.Errorf("50 calls asked for %d tokens, want 1", n)
		}
		time.Sleep(2 * time.Hour)
		if resp, _ := call(t, g, request("GET", "/x", "")); resp.StatusCode != 200 || e.tokens.Load() != 2 {
			t.Errorf("after its life: %d, %d tokens; want 200 and a second one", resp.StatusCode, e.tokens.Load())
		}
	})
}

func TestARefusedTokenIsRenewedOnceForOneFurtherAttempt(t *testing.T) {
	spec := granted(t, policy.Rules{Breaker: &policy.BreakerSpec{Trip: "1 consecutive"}})
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{}
		g := open(t, spec, e)
		call(t, g, request("GET", "/x", ""))
		time.Sleep(10 * time.Second)
		e.tokens.Add(1) // The one in use is revoked.
		e.calls.Store(0)
		resp, _ := call(t, g, request("POST", "/x", "a body that is sent twice"))
		if resp.StatusCode != 200 || e.calls.Load() != 2 || e.tokens.Load() != 3 {
			t.Errorf("%d after %d attempts and %d tokens; want 200, 2 and 3", resp.StatusCode, e.calls.Load(), e.tokens.Load())
		}
		// A third party that refuses every token is asked twice a call, no more.
		time.Sleep(10 * time.Second)
		e.api = func(r *http.Request) (*http.Response, error) { return reply(r, 401, "{}"), nil }
		e.calls.Store(0)
		resp, _ = call(t, g, request("GET", "/x", ""))
		if resp.StatusCode != 401 || resp.Header.Get("Signpost-Outcome") != "client_error" || e.calls.Load() != 2 {
			t.Errorf("%d %s after %d attempts; want 401 client_error after 2", resp.StatusCode, resp.Header.Get("Signpost-Outcome"), e.calls.Load())
		}
	})
}

func TestWithoutATokenNothingGoesOutAndTheReasonSaysWhy(t *testing.T) {
	spec := granted(t, policy.Rules{Timeout: policy.Duration(2 * time.Second), RateLimits: []policy.RateLimit{{Rate: "5/h"}}})
	html := func(_ int64, r *http.Request) (*http.Response, error) {
		return reply(r, 200, "<html>the-client-secret"), nil
	}
	for name, tc := range map[string]struct {
		token           func(int64, *http.Request) (*http.Response, error)
		status          int
		outcome, reason string
	}{
		"refused connection": {func(int64, *http.Request) (*http.Response, error) {
			return nil, &netError{syscall.ECONNREFUSED}
		}, 502, "unreachable", "token endpoint"},
		"html":     {html, 502, "unreachable", "token endpoint"},
		"down":     {func(_ int64, r *http.Request) (*http.Response, error) { return reply(r, 503, "{}"), nil }, 502, "unreachable", "503"},
		"redirect": {func(_ int64, r *http.Request) (*http.Response, error) { return reply(r, 302, "{}"), nil }, 502, "unreachable", "redirect"},
		"denied": {func(_ int64, r *http.Request) (*http.Response, error) {
			return reply(r, 401, `{"error":"invalid_client","error_description":"the-client-secret is wrong"}`), nil
		}, 403, "denied", "invalid_client"},
		"hangs": {func(_ int64, r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, 502, "unreachable", "within 2s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &endpoint{token: tc.token}
				g := open(t, spec, e)
				start := time.Now()
				resp, body := call(t, g, request("GET", "/x", ""))
				reason := resp.Header.Get("Signpost-Reason")
				if resp.StatusCode != tc.status || resp.Header.Get("Signpost-Outcome") != tc.outcome || !strings.Contains(reason, tc.reason) {
					t.Errorf("%d %s %q, want %d %s and %q", resp.StatusCode, resp.Header.Get("Signpost-Outcome"), reason, tc.status, tc.outcome, tc.reason)
				}
				if took := time.Since(start); took > 2*time.Second+5*time.Millisecond {
					t.Errorf("it took %v, want no more than the deadline", took)
				}
				if e.calls.Load() != 0 || strings.Contains(body, "the-client") {
					t.Errorf("%d requests went out; the answer is %s", e.calls.Load(), body)
				}
				if limit := resp.Header.Get("RateLimit"); !strings.Contains(limit, "r=5") {
					t.Errorf("RateLimit is %q: a call that was not sent takes nothing", limit)
				}
				time.Sleep(time.Minute) // The flight to the endpoint ends by itself.
			})
		})
	}
}

// netError is what dialing gives.
type netError struct{ error }

func (e *netError) Unwrap() error   { return e.error }
func (e *netError) Timeout() bool   { return false }
func (e *netError) Temporary() bool { return false }

func TestAMintedTokenIsSignedForEachTenant(t *testing.T) {
	key, own := strings.Repeat("k", 32), strings.Repeat("a", 32)
	t.Setenv("TEST_SECRET_KEY", key)
	t.Setenv("TEST_SECRET_ACME__KEY", own)
	t.Setenv("TEST_SECRET_ACME__ACCOUNT", "acme-account")
	t.Setenv("TEST_SECRET_ACCOUNT", "shared-account")
	spec := store(policy.Rules{})
	spec.Secrets = []policy.SecretSource{{From: "env", Where: "TEST_SECRET_"}}
	spec.Policies[0].Inject = []policy.Inject{{As: "jwt", JWT: &policy.JWT{
		Key: "{secret.key}", Algorithm: "HS256", KeyID: "k1", TTL: policy.Duration(time.Minute), Header: "X-Token",
		Claims: []policy.Claim{{Name: "iss", Value: []byte(`"signpost"`)}, {Name: "sub", Value: []byte(`"{secret.account}"`)}, {Name: "level", Value: []byte(`3`)}},
	}}}
	var got []seen
	g := open(t, spec, echoing(&got))
	for tenant, want := range map[string]struct{ key, sub string }{"acme": {own, "acme-account"}, "globex": {key, "shared-account"}} {
		got = nil
		ended(t, g.Answer(request("GET", "/x", ""), &policy.Call{Policy: "store", Path: "/x", Tenant: tenant}))
		if len(got) != 1 {
			t.Fatalf("%s: %d requests went out", tenant, len(got))
		}
		parts := strings.Split(got[0].header.Get("X-Token"), ".")
		if len(parts) != 3 {
			t.Fatalf("%s: the token is %q", tenant, got[0].header.Get("X-Token"))
		}
		mac := hmac.New(sha256.New, []byte(want.key))
		mac.Write([]byte(parts[0] + "." + parts[1]))
		if base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) != parts[2] {
			t.Errorf("%s: the signature is not by its key", tenant)
		}
		text, err := base64.RawURLEncoding.DecodeString(parts[1])
		var claims struct {
			Iss, Sub string
			Level    int
			Iat, Exp int64
		}
		if err = errors.Join(err, json.Unmarshal(text, &claims)); err != nil || claims.Iss != "signpost" || claims.Sub != want.sub || claims.Level != 3 || claims.Exp-claims.Iat != 60 {
			t.Errorf("%s: the claims are %s (%v)", tenant, text, err)
		}
	}
}

func TestAKeyThatCannotSignIsFoundAtLoad(t *testing.T) {
	t.Setenv("TEST_SECRET_KEY", "too short")
	spec := store(policy.Rules{})
	spec.Secrets = []policy.SecretSource{{From: "env", Where: "TEST_SECRET_"}}
	spec.Policies[0].Inject = []policy.Inject{{As: "jwt", JWT: &policy.JWT{Key: "{secret.key}", Algorithm: "HS256"}}}
	err := policy.MissingSecrets(&spec)
	if err == nil || !strings.Contains(err.Error(), "{secret.key}") || strings.Contains(err.Error(), "too short") {
		t.Errorf("the error is %v, want one that names {secret.key} and not its value", err)
	}
}

func TestARefusalThatNoNewTokenMendsCountsForItsTenant(t *testing.T) {
	spec := granted(t, policy.Rules{Breaker: &policy.BreakerSpec{Trip: "3 consecutive"}})
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{
			token: func(_ int64, r *http.Request) (*http.Response, error) {
				return reply(r, 200, `{"access_token":"always-the-same","token_type":"bearer","expires_in":3600}`), nil
			},
			api: func(r *http.Request) (*http.Response, error) { return reply(r, 401, `{}`), nil },
		}
		g := open(t, spec, e)
		for range 8 {
			call(t, g, request("GET", "/x", ""))
			time.Sleep(2 * time.Second)
		}
		if n := e.calls.Load(); n != 3 {
			t.Errorf("%d attempts went out, want 3 before the breaker opens for the tenant", n)
		}
	})
}

func TestTheRefusalStandsWhereNoNewTokenComes(t *testing.T) {
	spec := granted(t, policy.Rules{Retry: &policy.Retry{Attempts: 1, On: "status == 401"}, Breaker: &policy.BreakerSpec{Trip: "off"}})
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{
			token: func(n int64, r *http.Request) (*http.Response, error) {
				if n > 1 {
					return reply(r, 503, "{}"), nil
				}
				return reply(r, 200, `{"access_token":"the-first","token_type":"bearer","expires_in":3600}`), nil
			},
			api: func(r *http.Request) (*http.Response, error) { return reply(r, 401, `{"why":"revoked"}`), nil },
		}
		resp, body := call(t, open(t, spec, e), request("GET", "/x", ""))
		if resp.StatusCode != 401 || body != `{"why":"revoked"}` || e.calls.Load() != 2 {
			t.Errorf("%d %s after %d attempts; want the 401, after the retry that its policy allows", resp.StatusCode, body, e.calls.Load())
		}
	})
}

func TestABodyGoesWholeWithTheNewTokenOrNotAtAll(t *testing.T) {
	spec := granted(t, policy.Rules{Peek: 1 << 10})
	synctest.Test(t, func(t *testing.T) {
		for size, want := range map[int]int64{1000: 2, 5000: 1} {
			var bodies []string
			e := &endpoint{}
			e.api = func(r *http.Request) (*http.Response, error) {
				body, _ := io.ReadAll(r.Body)
				bodies = append(bodies, string(body))
				if e.calls.Load() == 1 {
					return reply(r, 401, "{}"), nil
				}
				return reply(r, 200, "{}"), nil
			}
			sent := strings.Repeat("x", size)
			req := request("POST", "/x", sent)
			resp, _ := call(t, open(t, spec, e), req)
			if e.calls.Load() != want || bodies[len(bodies)-1] != sent {
				t.Errorf("%d bytes: %d attempts, the last with %d bytes; want %d", size, e.calls.Load(), len(bodies[len(bodies)-1]), want)
			}
			if status := map[int64]int{1: 401, 2: 200}[want]; resp.StatusCode != status {
				t.Errorf("%d bytes: status %d, want %d", size, resp.StatusCode, status)
			}
		}
	})
}

func TestAProbeWithoutATokenLeavesItsPlaceToTheNext(t *testing.T) {
	spec := granted(t, policy.Rules{Breaker: &policy.BreakerSpec{Trip: "1 consecutive", Open: policy.Duration(time.Second), Probes: 1}})
	synctest.Test(t, func(t *testing.T) {
		var login, api atomic.Bool
		login.Store(true)
		e := &endpoint{
			token: func(_ int64, r *http.Request) (*http.Response, error) {
				if !login.Load() {
					return reply(r, 503, "{}"), nil
				}
				return reply(r, 200, `{"access_token":"a","token_type":"bearer","expires_in":60}`), nil
			},
			api: func(r *http.Request) (*http.Response, error) {
				if api.Load() {
					return reply(r, 200, "{}"), nil
				}
				return reply(r, 503, "{}"), nil
			},
		}
		g := open(t, spec, e)
		outcome := func() string {
			resp, _ := call(t, g, request("GET", "/x", ""))
			return resp.Header.Get("Signpost-Outcome")
		}
		outcome() // Opens the breaker.
		login.Store(false)
		api.Store(true)
		time.Sleep(5 * time.Minute) // The token is over, and the breaker probes.
		if got := outcome(); got != "unreachable" {
			t.Errorf("a probe without a token is %s", got)
		}
		login.Store(true)
		time.Sleep(2 * time.Second)
		if got := outcome(); got != "success" {
			t.Errorf("the next call is %s, want success", got)
		}
	})
}

func TestATokenEndpointElsewhereHasAGuardAndATransportOfItsOwn(t *testing.T) {
	for address, want := range map[string]int{"https://login.example/token": 2, "http://10.0.0.1/token": 2, "https://api.store.example/token": 1} {
		spec := granted(t, policy.Rules{})
		spec.Policies[0].Transport = []byte(`{"of":"the API alone"}`)
		spec.Policies[0].Inject[0].OAuth2.TokenURL = address
		var specs []policy.PolicySpec
		var guards []*dialguard.Guard
		_, err := policy.New(spec, policy.Options{Transport: func(s policy.PolicySpec, g *dialguard.Guard) (http.RoundTripper, error) {
			specs, guards = append(specs, s), append(guards, g)
			return says(200, "{}"), nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		if len(specs) != want || specs[0].Transport == nil {
			t.Fatalf("%s: %d transports, want %d", address, len(specs), want)
		}
		if want == 2 && (specs[1].Transport != nil || guards[0] == guards[1] || guards[1].Named.IsValid() != strings.Contains(address, "10.0.0.1")) {
			t.Errorf("%s: the second transport has the configuration %s and the guard %+v", address, specs[1].Transport, guards[1])
		}
	}
}

func TestMissingSecretsAreToldInTheSameOrderEachTime(t *testing.T) {
	spec := store(policy.Rules{})
	j := &policy.JWT{Key: "{secret.key}", Algorithm: "HS256"}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		j.Claims = append(j.Claims, policy.Claim{Name: name, Value: []byte(`"{secret.` + name + `}"`)})
	}
	spec.Policies[0].Inject = []policy.Inject{{As: "jwt", JWT: j}}
	first := policy.MissingSecrets(&spec).Error()
	for range 20 {
		if again := policy.MissingSecrets(&spec).Error(); again != first {
			t.Fatalf("first\n%s\nthen\n%s", first, again)
		}
	}
}

func TestASlowTokenEndpointIsNoSlowThirdParty(t *testing.T) {
	spec := granted(t, policy.Rules{Breaker: &policy.BreakerSpec{Trip: "1 consecutive", Slow: policy.Duration(500 * time.Millisecond)}})
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{token: func(_ int64, r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return reply(r, 200, `{"access_token":"token-number-1","token_type":"bearer","expires_in":3600}`), nil
		}}
		g := open(t, spec, e)
		for range 2 {
			if resp, _ := call(t, g, request("GET", "/x", "")); resp.StatusCode != 200 {
				t.Errorf("%d %s, want 200", resp.StatusCode, resp.Header.Get("Signpost-Outcome"))
			}
		}
	})
}

func TestARevokedTokenIsThrownAwayAlsoByABodyThatCannotBeRepeated(t *testing.T) {
	spec := granted(t, policy.Rules{Peek: 1 << 10})
	synctest.Test(t, func(t *testing.T) {
		e, good := &endpoint{}, "Bearer token-number-1"
		e.api = func(r *http.Request) (*http.Response, error) {
			if r.Body != nil {
				io.Copy(io.Discard, r.Body)
			}
			if r.Header.Get("Authorization") != good {
				return reply(r, 401, "{}"), nil
			}
			return reply(r, 200, "{}"), nil
		}
		g := open(t, spec, e)
		call(t, g, request("GET", "/x", ""))
		good = "Bearer token-number-2"
		for _, want := range []int{401, 200, 200} {
			time.Sleep(time.Minute)
			if resp, _ := call(t, g, request("POST", "/x", strings.Repeat("x", 5000))); resp.StatusCode != want {
				t.Errorf("status %d, want %d", resp.StatusCode, want)
			}
		}
	})
}

func TestATokenEndpointOfAnotherVariableIsElsewhere(t *testing.T) {
	for variable, want := range map[string]int{"shop": 1, "login": 2} {
		spec := granted(t, policy.Rules{})
		spec.TenantsFile = tenantsFile(t, "tenants: {}\n")
		spec.Policies[0].BaseURL = "https://{tenant.shop}.shops.example"
		spec.Policies[0].Inject[0].OAuth2.TokenURL = "https://{tenant." + variable + "}.shops.example/token"
		made := 0
		_, err := policy.New(spec, policy.Options{Transport: func(policy.PolicySpec, *dialguard.Guard) (http.RoundTripper, error) {
			made++
			return says(200, "{}"), nil
		}})
		if err != nil || made != want {
			t.Errorf("{tenant.%s}: %d transports (%v), want %d", variable, made, err, want)
		}
	}
}
