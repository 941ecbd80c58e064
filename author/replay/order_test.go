package replay_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/replay"
	"github.com/signpost-gateway/signpost/policy"
)

// at is the call of the log at so many milliseconds, of so many milliseconds.
func at(t *testing.T, id int, ms, took float64) string {
	t.Helper()
	var call map[string]any
	if err := json.Unmarshal([]byte(one), &call); err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC).Add(time.Duration(ms * 1e6))
	call["id"], call["time"], call["latency_ms"], call["tenant"] = fmt.Sprintf("%016x", id), begin.Format("2006-01-02T15:04:05.000Z07:00"), took+0.15, "acme"
	call["attempts"].([]any)[0].(map[string]any)["duration_ms"] = took
	text, err := json.Marshal(call)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// limited is the store with one more rule, and the limits of the configuration asked.
func limited(t *testing.T, change func(*policy.PolicySpec), calls ...string) (refused []string) {
	t.Helper()
	spec := storeSpec("https://api.store.example/v2")
	spec.Policies[0].Timeout = policy.Duration(10 * time.Second)
	change(&spec.Policies[0])
	r, err := replay.Run(&spec, replay.Options{Limits: replay.LimitsOn}, replay.Input{Name: "calls", From: strings.NewReader(strings.Join(calls, "\n"))})
	if err != nil {
		t.Fatal(err)
	}
	if r.Same+r.Different != len(calls) || r.Late > 0 {
		t.Errorf("%s", told(t, r))
	}
	for _, g := range r.Differences {
		for _, e := range g.Examples {
			refused = append(refused, strings.TrimLeft(e.ID, "0")+" "+string(e.Is.Outcome))
		}
	}
	return refused
}

func TestCallsArePlayedInTheOrderOfTimeAndOverlapAsTheyDid(t *testing.T) {
	tenAMinute := func(n int) func(*policy.PolicySpec) {
		return func(p *policy.PolicySpec) { p.RateLimits = []policy.RateLimit{{Rate: fmt.Sprintf("%d/m", n)}} }
	}
	inFlight := func(n int) func(*policy.PolicySpec) {
		return func(p *policy.PolicySpec) { p.Concurrency = []policy.Concurrency{{Calls: n}} }
	}
	for name, test := range map[string]struct {
		change func(*policy.PolicySpec)
		calls  []string
		want   string
	}{
		"the newest first in the file": {tenAMinute(1), []string{at(t, 3, 2000, 1), at(t, 2, 1000, 1), at(t, 1, 0, 1)}, "3 rate_limited 2 rate_limited"},
		"a minute later":               {tenAMinute(1), []string{at(t, 1, 0, 1), at(t, 2, 59_000, 1), at(t, 3, 61_000, 1)}, "2 rate_limited"},
		"at the same time":             {inFlight(2), []string{at(t, 1, 0, 3000), at(t, 2, 1000, 3000), at(t, 3, 2000, 1), at(t, 4, 3500, 1)}, "3 overloaded"},
		"one after the other":          {inFlight(1), []string{at(t, 1, 0, 900), at(t, 2, 1000, 900)}, ""},
		"in one millisecond":           {inFlight(1), []string{at(t, 1, 0, 0.2), at(t, 2, 0, 0.2), at(t, 3, 0, 0.2)}, ""},
	} {
		if refused := strings.Join(limited(t, test.change, test.calls...), " "); refused != test.want {
			t.Errorf("%s: refused are %q, want %q", name, refused, test.want)
		}
	}
}

func TestCallsFarFromTheirPlaceArePlayedLateAndCounted(t *testing.T) {
	spec := storeSpec("https://api.store.example/v2")
	var calls strings.Builder
	const many = 4100
	for i := range many {
		calls.WriteString(at(t, i, float64(i)+10, 1) + "\n")
	}
	calls.WriteString(at(t, many, 0, 1))
	r := replayed(t, spec, calls.String())
	if r.Same != many+1 || r.Late != 1 {
		t.Errorf("%d the same and %d late, want %d and 1", r.Same, r.Late, many+1)
	}
}
