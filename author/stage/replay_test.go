package stage_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/stage"
	"github.com/signpost-gateway/signpost/policy"
)

// playedParty is a third party of the caller's own.
type playedParty func(*http.Request) *http.Response

// RoundTrip answers.
func (p playedParty) RoundTrip(r *http.Request) (*http.Response, error) { return p(r), nil }

func TestGatewaysThatShareAStateCountTogether(t *testing.T) {
	spec := policy.Spec{Policies: []policy.PolicySpec{{
		Name: "store", BaseURL: "https://api.store.example",
		Inject: []policy.Inject{{As: "oauth2", OAuth2: &policy.OAuth2{TokenURL: "https://api.store.example/token", ClientID: "bot", ClientSecret: "{secret.key}"}}},
		Rules:  policy.Rules{RateLimits: []policy.RateLimit{{Rate: "1/m"}}},
	}}}
	var asked []string
	cast := stage.Cast{State: policy.NewState(nil), Party: playedParty(func(r *http.Request) *http.Response {
		asked = append(asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}
	})}
	var outcomes []string
	err := stage.Run(func() {
		for _, pause := range []time.Duration{0, time.Second, time.Minute} {
			g, err := stage.Open(&spec, cast)
			if err != nil {
				t.Error(err)
				return
			}
			time.Sleep(pause)
			req, err := http.NewRequest(http.MethodGet, "/store/x", http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			resp := g.Answer(req, &policy.Call{Policy: "store", Path: "/x", Tenant: "acme"})
			_ = resp.Body.Close()
			outcomes = append(outcomes, resp.Header.Get("Signpost-Outcome"))
		}
	})
	if got := strings.Join(outcomes, " "); err != nil || got != "success rate_limited success" {
		t.Errorf("%v: %s, want success rate_limited success", err, got)
	}
	if len(asked) != 2 || !strings.HasPrefix(asked[0], "GET /x Bearer ") {
		t.Errorf("the third party was asked %q, want twice, and never for a token", asked)
	}
}

func TestSettleWaitsUntilAllThatRunsWaits(t *testing.T) {
	var mu sync.Mutex
	var steps []string
	step := func(name string) {
		mu.Lock()
		defer mu.Unlock()
		steps = append(steps, name)
	}
	err := stage.Run(func() {
		go func() {
			step("began")
			time.Sleep(time.Hour)
			step("slept")
		}()
		stage.Settle()
		step("settled")
		time.Sleep(2 * time.Hour)
		stage.Settle()
	})
	if got := strings.Join(steps, " "); err != nil || got != "began settled slept" {
		t.Errorf("%v: %s, want began settled slept", err, got)
	}
}
