package replay_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/replay"
	"github.com/signpost-gateway/signpost/policy"
)

// texts are groups as "calls label: text".
func texts(groups []replay.Group) []string {
	var lines []string
	for _, g := range groups {
		lines = append(lines, strings.Repeat("|", g.Calls)+" "+g.Label+": "+g.Text)
	}
	return lines
}

// changed plays the calls through a configuration in which one thing is otherwise.
func (w *world) changed(o replay.Options, change func(store *policy.PolicySpec, order *policy.Rules)) *replay.Report {
	w.t.Helper()
	spec := w.spec
	spec.Policies = slices.Clone(spec.Policies)
	store := &spec.Policies[0]
	store.Operations = slices.Clone(store.Operations)
	change(store, &store.Operations[0].Rules)
	return w.replay(spec, o)
}

// want compares what a report tells.
func want(t *testing.T, what string, r *replay.Report, same int, differences, unknowns, reasons []string) {
	t.Helper()
	if r.Same != same || !slices.Equal(texts(r.Differences), differences) || !slices.Equal(texts(r.Unknowns), unknowns) || !slices.Equal(texts(r.Reasons), reasons) {
		t.Errorf("%s: %d the same, different %q, unknown %q, not replayed %q\nwant %d, %q, %q, %q",
			what, r.Same, texts(r.Differences), texts(r.Unknowns), texts(r.Reasons), same, differences, unknowns, reasons)
	}
	if r.Differs() != (len(differences)+len(unknowns) > 0) {
		t.Errorf("%s: differs is %v", what, r.Differs())
	}
}

func TestAChangeIsToldAsFarAsItGoes(t *testing.T) {
	w := newWorld(t, storeSpec(thirdParty(t).URL))
	for _, order := range []string{"shipped", "paid", "none", "down", "slow", "html"} {
		w.bot("GET /store/orders/"+order, "X-Tenant-ID: acme")
	}
	w.bot("GET /store/orders/shipped", "X-Tenant-ID: globex")
	w.bot("POST /call/store/open_ticket", `{"text":"x"}`)
	for _, test := range []struct {
		name                string
		change              func(store *policy.PolicySpec, order *policy.Rules)
		same                int
		different, unknowns []string
		reasons             []string
	}{
		{"nothing", func(*policy.PolicySpec, *policy.Rules) {}, 8, nil, nil, nil},
		{"a route", func(_ *policy.PolicySpec, r *policy.Rules) {
			r.Hints = append([]policy.Hint{{Route: "sent", When: `vars.status == "shipped"`}}, r.Hints...)
		}, 6, []string{"|| store.order_status: route shipped → sent"}, nil, nil},
		{"a default", func(_ *policy.PolicySpec, r *policy.Rules) {
			r.Extracts = []policy.Extract{r.Extracts[0], {Var: "eta", Path: "$.order.eta", Default: []byte("null")}}
		}, 3, []string{"||||| store.order_status: vars.eta changes"}, nil, nil},
		{"a variable's name", func(_ *policy.PolicySpec, r *policy.Rules) {
			r.Extracts = []policy.Extract{r.Extracts[0], {Var: "arrives", Path: "$.order.eta"}}
		}, 1, []string{"||||| store.order_status: vars.eta is gone", "|| store.order_status: vars.arrives is new, vars.eta is gone"}, nil, nil},
		{"no fallback", func(p *policy.PolicySpec, _ *policy.Rules) { p.Fallbacks = nil }, 6, []string{
			"| store.order_status: next continue → stop, status 200 → 503, fallback static → none",
			"| store.order_status: next continue → stop, status 200 → 504, fallback static → none",
		}, nil, nil},
		{"another success", func(_ *policy.PolicySpec, r *policy.Rules) { r.Success = `vars.status != "paid"` }, 7, []string{
			"| store.order_status: outcome success → rejected",
		}, nil, nil},
		{"a path", func(p *policy.PolicySpec, _ *policy.Rules) { p.BaseURL += "/v2" }, 0, []string{
			"||||||| store.order_status: sent to another URL", "| store.open_ticket: sent to another URL",
		}, nil, nil},
		{"a body", func(p *policy.PolicySpec, _ *policy.Rules) {
			p.Operations[1].Body = &policy.BodySpec{As: "json", Template: `{"text": {{text}}, "urgent": {{urgent}}, "from": "bot"}`}
		}, 7, []string{"| store.open_ticket: sent with another body"}, nil, nil},
		{"a longer deadline", func(p *policy.PolicySpec, _ *policy.Rules) { p.Timeout = policy.Duration(time.Second) }, 7, nil,
			[]string{"| store.order_status: was timeout, route error, fallback static; now sent, answer unknown"}, nil},
		{"a retry", func(_ *policy.PolicySpec, r *policy.Rules) { r.Retry = &policy.Retry{Attempts: 2, On: "status == 503"} }, 7, nil,
			[]string{"| store.order_status: was server_error, route error, fallback static; now sent, answer unknown"}, nil},
		{"a required input", func(p *policy.PolicySpec, _ *policy.Rules) {
			p.Operations[1].Inputs = append(slices.Clone(p.Operations[1].Inputs), policy.InputSpec{Var: "text", Type: "string", Matches: "[0-9]+"})
		}, 7, []string{"| store.open_ticket: route opened → error, outcome success → bad_request, next continue → stop, status 201 → 400, vars.id is gone, sent nothing any more"}, nil, nil},
	} {
		want(t, test.name, w.changed(replay.Options{}, test.change), test.same, test.different, test.unknowns, test.reasons)
	}
	r := w.changed(replay.Options{Policy: "gone"}, func(*policy.PolicySpec, *policy.Rules) {})
	if r.NotReplayed != 8 || len(r.Reasons) != 2 || r.Reasons[0].Text != string(replay.WhyOther) {
		t.Errorf("of another policy: %+v", r)
	}
}

func TestAShorterDeadlineIsReachedByWhatWasSlow(t *testing.T) {
	w := newWorld(t, storeSpec(thirdParty(t).URL))
	w.bot("GET /store/orders/slow", "Signpost-Timeout: 20ms")
	w.bot("GET /store/orders/shipped")
	r := w.changed(replay.Options{}, func(p *policy.PolicySpec, _ *policy.Rules) {
		p.Timeout = policy.Duration(time.Microsecond)
	})
	if len(r.Differences) != 1 || r.Same != 1 || !strings.Contains(r.Differences[0].Text, "outcome success → timeout") {
		t.Errorf("%s", told(t, r))
	}
}

func TestLimitsAreThoseOfTheRecordingTheConfigurationOrNone(t *testing.T) {
	w := newWorld(t, storeSpec(thirdParty(t).URL))
	for range 4 {
		w.bot("GET /store/orders/shipped", "X-Tenant-ID: small") // Two an hour.
	}
	none := func(*policy.PolicySpec, *policy.Rules) {}
	want(t, "recorded", w.changed(replay.Options{}, none), 4, nil, nil, nil)
	want(t, "on", w.changed(replay.Options{Limits: replay.LimitsOn}, none), 4, nil, nil, nil)
	want(t, "off", w.changed(replay.Options{Limits: replay.LimitsOff}, none), 2, nil,
		[]string{"|| store.order_status: was rate_limited, route busy; now sent, answer unknown"}, nil)
	tighter := func(p *policy.PolicySpec, _ *policy.Rules) { p.RateLimits = []policy.RateLimit{{Rate: "1/h"}} }
	want(t, "tighter, recorded", w.changed(replay.Options{}, tighter), 4, nil, nil, nil)
	want(t, "tighter, on", w.changed(replay.Options{Limits: replay.LimitsOn}, tighter), 3,
		[]string{"| store.order_status: route shipped → busy, outcome success → rate_limited, status 200 → 429, vars.eta changes, vars.status is gone, sent nothing any more"}, nil, nil)
}

func TestTheBaselineCanBeAConfiguration(t *testing.T) {
	w := newWorld(t, storeSpec(thirdParty(t).URL))
	for range 3 {
		w.bot("GET /store/orders/shipped", "X-Tenant-ID: acme")
	}
	w.bot("GET /store/orders/paid")
	before := storeSpec(w.spec.Policies[0].BaseURL)
	before.Policies[0].Operations[0].Hints[0].Route = "on_its_way"
	r := w.replay(w.spec, replay.Options{Before: &before})
	want(t, "before", r, 1, []string{"||| store.order_status: route on_its_way → shipped"}, nil, nil)
	r = w.replay(before, replay.Options{Before: &before})
	want(t, "the same twice", r, 4, nil, nil, nil)
}

func TestAStaleAnswerIsReplayedThoughItsSuccessIsNotInTheLog(t *testing.T) {
	server := thirdParty(t)
	spec := storeSpec(server.URL)
	spec.Policies[0].Fallbacks[0].When = `outcome in ["unreachable", "incomplete"]`
	w := newWorld(t, spec)
	w.bot("GET /store/orders/shipped", "X-Tenant-ID: stale")
	w.log.Reset()
	w.calls = 0
	server.Close()
	if d := w.bot("GET /store/orders/shipped", "X-Tenant-ID: stale"); d.Fallback != "stale" || d.Route != "shipped" {
		t.Fatalf("the fallback is %q and the route %q: %+v", d.Fallback, d.Route, d)
	}
	w.bot("GET /store/orders/shipped", "X-Tenant-ID: stale", "Signpost-Reply: envelope")
	want(t, "nothing changed", w.replay(spec, replay.Options{}), 2, nil, nil, nil)
	none := func(p *policy.PolicySpec, _ *policy.Rules) { p.Fallbacks = p.Fallbacks[1:] }
	want(t, "no stale answers", w.changed(replay.Options{}, none), 0,
		[]string{"|| store.order_status: route shipped → error, fallback stale → static, vars.eta changes, vars.status is gone"}, nil, nil)
}
