package policy_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// seconds is a duration in a Spec.
func seconds(n float64) policy.Duration { return policy.Duration(n * float64(time.Second)) }

// script is a third party that answers with one status after the other, and then
// with the last one for ever. It notes when it was asked, and with which body.
type script struct {
	statuses   []int
	retryAfter string
	at         []time.Time
	bodies     []string
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		read, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(read)
		r.Body.Close()
	}
	status := s.statuses[min(len(s.at), len(s.statuses)-1)]
	s.at, s.bodies = append(s.at, time.Now()), append(s.bodies, body)
	if status == 0 {
		return nil, errReset
	}
	resp := reply(r, status, `{}`)
	if s.retryAfter != "" {
		resp.Header.Set("Retry-After", s.retryAfter)
	}
	return resp, nil
}

func TestFurtherAttemptsFollowTheRules(t *testing.T) {
	retry := policy.Rules{Retry: &policy.Retry{Attempts: 2}}
	for name, c := range map[string]struct {
		rules    policy.Rules
		method   string
		header   http.Header
		upstream script
		attempts int
		status   int
	}{
		"a 503 is tried again":                 {retry, "GET", nil, script{statuses: []int{503, 200}}, 2, 200},
		"a 429 is tried again":                 {retry, "GET", nil, script{statuses: []int{429, 429, 200}}, 3, 200},
		"a broken answer is tried again":       {retry, "GET", nil, script{statuses: []int{0, 200}}, 2, 200},
		"the last answer stands":               {retry, "GET", nil, script{statuses: []int{503, 502, 504}}, 3, 504},
		"a 500 is not tried again":             {retry, "GET", nil, script{statuses: []int{500}}, 1, 500},
		"a POST is not tried again":            {retry, "POST", nil, script{statuses: []int{503}}, 1, 503},
		"a POST with a key is":                 {retry, "POST", http.Header{"Idempotency-Key": {`"a"`}}, script{statuses: []int{503, 200}}, 2, 200},
		"methods say otherwise":                {policy.Rules{Retry: &policy.Retry{Attempts: 1, Methods: []string{"POST"}}}, "POST", nil, script{statuses: []int{503, 200}}, 2, 200},
		"an expression says otherwise":         {policy.Rules{Retry: &policy.Retry{Attempts: 1, On: "status == 404"}}, "GET", nil, script{statuses: []int{404, 200}}, 2, 200},
		"no retry without the word":            {policy.Rules{}, "GET", nil, script{statuses: []int{503}}, 1, 503},
		"a Retry-After that fits is waited":    {retry, "GET", nil, script{statuses: []int{503, 200}, retryAfter: "1"}, 2, 200},
		"a Retry-After that does not fit ends": {retry, "GET", nil, script{statuses: []int{503}, retryAfter: "30"}, 1, 503},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				g := open(t, store(c.rules), &c.upstream)
				req := request(c.method, "/orders", "{}")
				for n, v := range c.header {
					req.Header[n] = v
				}
				resp, _ := call(t, g, req)
				if len(c.upstream.at) != c.attempts || resp.StatusCode != c.status {
					t.Fatalf("%d attempts and status %d, want %d and %d", len(c.upstream.at), resp.StatusCode, c.attempts, c.status)
				}
				for _, body := range c.upstream.bodies {
					if body != "{}" {
						t.Errorf("an attempt sent the body %q, want {}", body)
					}
				}
				if c.upstream.retryAfter == "1" && c.upstream.at[1].Sub(began) < time.Second {
					t.Errorf("the second attempt came after %s, want 1s or more", c.upstream.at[1].Sub(began))
				}
				if c.upstream.retryAfter == "30" && time.Since(began) != 0 {
					t.Errorf("the answer came after %s, want at once", time.Since(began))
				}
			})
		})
	}
}

func TestBackoffStaysWithinItsBoundsAndTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := policy.Rules{Timeout: seconds(2), Retry: &policy.Retry{Attempts: 5, BackoffMin: seconds(0.4), BackoffMax: seconds(0.5)}}
		for range 50 {
			upstream := &script{statuses: []int{503}}
			began := time.Now()
			call(t, open(t, store(rules), upstream), request(http.MethodGet, "/", ""))
			if took := time.Since(began); took > 2*time.Second {
				t.Fatalf("the answer came after %s, over the deadline of 2s", took)
			}
			for i := 1; i < len(upstream.at); i++ {
				if wait := upstream.at[i].Sub(upstream.at[i-1]); wait >= 500*time.Millisecond {
					t.Errorf("waited %s before attempt %d, want less than 500ms", wait, i+1)
				}
			}
		}
	})
}

// hangs is a third party that answers when the call is given up.
var hangs = thirdParty(func(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, context.Cause(r.Context())
})

func TestBackoffIsDrawnByWhoeverPlaysTheCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bounds []time.Duration
		third := script{statuses: []int{503}}
		rules := policy.Rules{Retry: &policy.Retry{Attempts: 3, BackoffMin: seconds(0.1), BackoffMax: seconds(0.3)}, Breaker: &policy.BreakerSpec{Trip: "off"}}
		spec := policy.Spec{Policies: []policy.PolicySpec{{Name: "store", BaseURL: "https://store.example", Rules: rules}}}
		g, err := policy.New(spec, policy.Options{
			Transport: func(policy.PolicySpec, *dialguard.Guard) (http.RoundTripper, error) { return &third, nil },
			Backoff: func(bound time.Duration) time.Duration {
				bounds = append(bounds, bound)
				return bound
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		g.Answer(httpGet(t, "http://gateway/"), &policy.Call{Policy: "store", Path: "/"}).Body.Close()
		if want := []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond}; !slices.Equal(bounds, want) {
			t.Errorf("the bounds are %v, want %v", bounds, want)
		}
		if took := time.Since(began); took != 600*time.Millisecond || len(third.at) != 4 {
			t.Errorf("%d attempts took %v, want 4 and the whole of the bounds", len(third.at), took)
		}
	})
}

func TestTheDeadlineIsTheLeastOfAllThatIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		policy, plan, ceiling float64
		header                string
		want                  time.Duration
	}{
		"nothing is said":                   {0, 0, 0, "", 4 * time.Second},
		"the policy's":                      {10, 0, 0, "", 10 * time.Second},
		"the plan's shortens":               {10, 3, 0, "", 3 * time.Second},
		"the plan's alone":                  {0, 20, 0, "", 20 * time.Second},
		"the request shortens":              {10, 3, 0, "500ms", 500 * time.Millisecond},
		"the request cannot lengthen":       {2, 0, 0, "30s", 2 * time.Second},
		"the ceiling bounds what is unsaid": {0, 0, 1, "", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := store(policy.Rules{Timeout: seconds(c.policy)})
				spec.Plans[0].Timeout, spec.MaxTimeout = seconds(c.plan), seconds(c.ceiling)
				req := request(http.MethodGet, "/", "")
				if c.header != "" {
					req.Header.Set("Signpost-Timeout", c.header)
				}
				began := time.Now()
				resp, _ := call(t, open(t, spec, hangs), req)
				if took := time.Since(began); took != c.want || resp.Header.Get("Signpost-Outcome") != "timeout" {
					t.Errorf("%s after %s, want a timeout after %s", resp.Header.Get("Signpost-Outcome"), took, c.want)
				}
			})
		})
	}
}

func TestATimeoutThatTheBotShortenedOpensNoBreakerForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rules := policy.Rules{Breaker: &policy.BreakerSpec{Trip: "3 consecutive"}}
		upstream := hangs
		g := open(t, store(rules), thirdParty(func(r *http.Request) (*http.Response, error) { return upstream(r) }))
		for range 10 {
			req := request(http.MethodGet, "/", "")
			req.Header.Set("Signpost-Timeout", "1ms")
			call(t, g, req)
		}
		upstream = says(200, `{}`)
		other := request(http.MethodGet, "/", "")
		other = other.WithContext(policy.WithTenant(other.Context(), "globex"))
		if resp, _ := call(t, g, other); resp.Header.Get("Signpost-Outcome") != "success" {
			t.Errorf("another tenant's call is %s, want success", resp.Header.Get("Signpost-Outcome"))
		}
		if resp, _ := call(t, g, request(http.MethodGet, "/", "")); resp.Header.Get("Signpost-Outcome") != "circuit_open" {
			t.Errorf("the tenant's own call is %s, want circuit_open", resp.Header.Get("Signpost-Outcome"))
		}
	})
}

func TestAStreamedAnswerMayTakeLongerThanTheDeadlineButNotBeSilentForSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, bot := io.Pipe()
		stream := thirdParty(func(r *http.Request) (*http.Response, error) {
			context.AfterFunc(r.Context(), func() { bot.CloseWithError(context.Cause(r.Context())) })
			resp := reply(r, 200, "")
			resp.Header.Set("Content-Type", "text/event-stream")
			resp.Body, resp.ContentLength = server, -1
			return resp, nil
		})
		var broken string
		g := open(t, store(policy.Rules{Timeout: seconds(2)}), stream, func(o *policy.Options) {
			o.Observe = func(r *policy.Record) { broken = r.Broken }
		})
		go func() {
			for range 5 {
				time.Sleep(1500 * time.Millisecond)
				io.WriteString(bot, "data: tick\n\n")
			}
		}()
		began := time.Now()
		resp, err := g.Policy("store").RoundTrip(request(http.MethodGet, "/", ""))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if n := strings.Count(string(got), "tick"); n != 5 || err == nil {
			t.Errorf("%d events and error %v, want 5 events and then an error", n, err)
		}
		if took := time.Since(began); took != 9500*time.Millisecond {
			t.Errorf("the stream ended after %s, want 5 times 1.5s and a silence of 2s", took)
		}
		if !strings.Contains(broken, "no bytes came within 2s") {
			t.Errorf("broken by %q, want the silence", broken)
		}
	})
}
