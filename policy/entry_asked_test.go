package policy_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// keptOf makes a call and gives its entry.
func keptOf(t *testing.T, g *policy.Gateway, path string) *calllog.Entry {
	t.Helper()
	var entry *calllog.Entry
	info := &policy.Call{Policy: "store", Path: path, Tenant: "acme", Kept: func(e *calllog.Entry) { entry = e }}
	resp := g.Answer(request(http.MethodGet, path, ""), info)
	resp.Body.Close()
	if entry == nil {
		t.Fatal("the call left no entry")
	}
	return entry
}

// asJSON renders a part of an entry.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheEntryTellsWhichLimitsWereAskedAndWhichRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := store(policy.Rules{RateLimits: []policy.RateLimit{{Rate: "2/m", Shared: true}}})
		spec.Plans = []policy.Plan{{Name: "default", RateLimits: []policy.RateLimit{{Rate: "5/h"}}, Concurrency: []policy.Concurrency{{Calls: 3}}}}
		spec.Policies[0].Concurrency = []policy.Concurrency{{Calls: 9, Shared: true}}
		g := open(t, spec, says(200, `{}`))
		keptOf(t, g, "/a")
		time.Sleep(time.Second)
		d := keptOf(t, g, "/a").Detail()
		want := `[{"name":"default:5/h","max":5,"window_ms":3600000,"left":3,"reset_ms":3599000,"shared":false,"refused":false},
			{"name":"store:2/m shared","max":2,"window_ms":60000,"left":0,"reset_ms":59000,"shared":true,"refused":false},
			{"name":"default:concurrency","max":3,"window_ms":0,"left":2,"reset_ms":0,"shared":false,"refused":false},
			{"name":"store:concurrency","max":9,"window_ms":0,"left":8,"reset_ms":0,"shared":true,"refused":false}]`
		compact := strings.NewReplacer("\n", "", "\t", "")
		if got := asJSON(t, d.Limits); got != compact.Replace(want) {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		d = keptOf(t, g, "/a").Detail()
		var refused []string
		for _, l := range d.Limits {
			if l.Refused {
				refused = append(refused, l.Name)
			}
		}
		if len(refused) != 1 || refused[0] != "store:2/m shared" || d.RetryAfterMS != 59000 || d.DeadlineMS != 4000 || d.Cell != nil {
			t.Errorf("refused by %q, back after %v ms of %v, cell %+v", refused, d.RetryAfterMS, d.DeadlineMS, d.Cell)
		}
	})
}

func TestTheEntryTellsWhichBreakerCellWasAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := http.StatusInternalServerError
		g := open(t, store(policy.Rules{Breaker: &policy.BreakerSpec{Trip: "1 consecutive"}}), thirdParty(func(r *http.Request) (*http.Response, error) {
			return reply(r, status, `{}`), nil
		}))
		if got, want := asJSON(t, keptOf(t, g, "/a").Detail().Cell), `{"breaker":"store","host":"api.store.example:443","tenant":"","tenant_only":false,"held":false,"since":""}`; got != want {
			t.Errorf("a call that passes: got %s, want %s", got, want)
		}
		opened := time.Now().UTC().Format(calllog.TimeForm)
		time.Sleep(time.Second)
		if got, want := asJSON(t, keptOf(t, g, "/a").Detail().Cell), `{"breaker":"store","host":"api.store.example:443","tenant":"","tenant_only":false,"held":false,"since":"`+opened+`"}`; got != want {
			t.Errorf("a call that is kept back: got %s, want %s", got, want)
		}
		g.ResetBreaker("store")
		status = http.StatusUnauthorized
		keptOf(t, g, "/a")
		if cell := keptOf(t, g, "/a").Detail().Cell; cell == nil || cell.Tenant != "acme" || !cell.TenantOnly {
			t.Errorf("a call that is kept back for its tenant: got %+v", cell)
		}
	})
}

func TestTheEntryTellsWhichFallbackHeldAndHowOldAStaleAnswerIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := http.StatusOK
		g := open(t, store(policy.Rules{Success: "!exists(\"$.error\")", Fallbacks: []policy.Fallback{
			{When: `status == 404`, Next: "stop"}, {Stale: policy.Duration(time.Minute)},
		}}), thirdParty(func(r *http.Request) (*http.Response, error) {
			if status == http.StatusAccepted {
				return reply(r, status, `{"error":1}`), nil
			}
			return reply(r, status, `{}`), nil
		}))
		for _, test := range []struct {
			status        int
			rule, success string
			age           float64
		}{
			{200, "", "", 0},
			{503, "fallback stale 1m0s", "", 30000},
			{404, "fallback status == 404: next stop", "", 0},
			{202, "", `!exists("$.error")`, 0},
		} {
			status = test.status
			d := keptOf(t, g, "/a").Detail()
			if d.FallbackRule != test.rule || d.Success != test.success || d.FallbackAgeMS != test.age {
				t.Errorf("%d: got %q, %q and %v ms, want %q, %q and %v ms", test.status, d.FallbackRule, d.Success, d.FallbackAgeMS, test.rule, test.success, test.age)
			}
			if test.status == http.StatusOK {
				time.Sleep(30 * time.Second)
			}
		}
	})
}
