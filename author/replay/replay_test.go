package replay_test

import (
	"testing"

	"github.com/signpost-gateway/signpost/author/replay"
	"github.com/signpost-gateway/signpost/policy"
)

// everything makes calls that come to every outcome that a replay can know.
func everything(w *world) map[policy.Outcome]int {
	w.t.Helper()
	outcomes := make(map[policy.Outcome]int)
	bot := func(line string, more ...string) {
		w.t.Helper()
		outcomes[policy.Outcome(w.bot(line, more...).Outcome)]++
	}
	for _, order := range []string{
		"shipped", "paid", "none", "forbidden", "down", "rejected", "html", "large", "events", "moved", "empty", "slow", "broken", "reset", "flaky",
	} {
		bot("GET /store/orders/"+order, "X-Tenant-ID: acme")
		bot("HEAD /store/orders/" + order)
		bot("GET /call/store/order_status?order_number="+order, "Signpost-Reply: envelope")
	}
	bot("POST /call/store/open_ticket", `{"text":"it is \"broken\"","urgent":true}`)
	bot("POST /call/store/open_ticket", "X-Tenant-ID: acme", `{"text":"second"}`)
	bot("POST /call/store/open_ticket", `{"urgent":"maybe"}`)
	bot("POST /call/store/open_ticket", `{"text":`)
	bot("POST /call/store/nothing", `{}`)
	bot("POST /store/tickets", "Content-Type: application/json", `{"text":"plain"}`)
	bot("GET /store/else?a=1&token=secret")
	bot("DELETE /store/orders/1")
	bot("GET /nowhere/x")
	bot("GET " + w.spec.Policies[0].BaseURL + "/orders/paid")
	bot("GET http://elsewhere.example/x")
	bot("GET /plain/long")
	bot("GET /fixed/orders/shipped")
	bot("GET /fixed/orders/paid")
	bot("GET /guarded/orders/shipped")
	bot("GET /store/orders/%2e%2e")
	for range 3 {
		bot("GET /store/orders/shipped", "X-Tenant-ID: small")
		bot("GET /gone/x")
	}
	bot("GET /store/orders/shipped", "Signpost-Timeout: soon")
	return outcomes
}

func TestTheSameConfigurationGivesTheSameVerdicts(t *testing.T) {
	w := newWorld(t, storeSpec(thirdParty(t).URL))
	outcomes := everything(w)
	for _, o := range policy.Outcomes() {
		switch o {
		case policy.Canceled, policy.Internal, policy.Overloaded:
		default:
			if outcomes[o] == 0 {
				t.Errorf("no call came to %s", o)
			}
		}
	}
	for _, limits := range []replay.Limits{replay.LimitsRecorded, replay.LimitsOn} {
		r := w.replay(w.spec, replay.Options{Limits: limits})
		if r.Same != w.calls {
			t.Errorf("limits %s: %d of %d calls are the same:\n%s", limits, r.Same, w.calls, told(t, r))
		}
	}
}
