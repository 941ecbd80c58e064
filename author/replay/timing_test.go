package replay_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/replay"
	"github.com/signpost-gateway/signpost/policy"
)

func TestWhatTookItsTimeTakesItAgain(t *testing.T) {
	var refused atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/slow":
			time.Sleep(120 * time.Millisecond)
		case r.URL.Path == "/later" && refused.CompareAndSwap(false, true):
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case r.URL.Path == "/never":
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{}`)
	}))
	t.Cleanup(server.Close)
	spec := policy.Spec{
		Plans: []policy.Plan{{Name: "default", RateLimitOff: true}},
		Policies: []policy.PolicySpec{{Name: "store", BaseURL: server.URL, AllowPrivate: true, Rules: policy.Rules{
			Retry: &policy.Retry{Attempts: 1, BackoffMin: policy.Duration(time.Millisecond), BackoffMax: policy.Duration(time.Millisecond)},
			Hints: []policy.Hint{{Route: "waited", When: "latency_ms > 900"}, {Route: "slow", When: "latency_ms > 100"}, {Route: "once", When: "attempts == 1"}},
		}}},
	}
	w := newWorld(t, spec)
	for path, route := range map[string]string{"/slow": "slow", "/later": "waited", "/never": "once", "/fast": "once"} {
		if d := w.bot("GET /store" + path); d.Route != route {
			t.Fatalf("%s went to %s, want %s: %+v", path, d.Route, route, d.Attempts)
		}
	}
	want(t, "nothing changed", w.replay(spec, replay.Options{}), 4, nil, nil, nil)
	spec.Policies[0].Timeout = policy.Duration(50 * time.Millisecond)
	r := w.replay(spec, replay.Options{})
	want(t, "a short deadline", r, 2, []string{
		"| store: route slow → once, outcome success → timeout, status 200 → 504",
	}, []string{"| store: was success, route waited; now sent, answer unknown"}, nil)
}
