package stage_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/stage"
	"github.com/signpost-gateway/signpost/policy"
)

// dice makes configurations and calls.
type dice struct{ *rand.Rand }

// one of several.
func one[T any](d dice, of ...T) T { return of[d.IntN(len(of))] }

// rules draws what a policy or an operation says.
func (d dice) rules(line int, vars ...string) policy.Rules {
	at := policy.Place{File: "Caddyfile", Line: line}
	r := policy.Rules{RateLimits: []policy.RateLimit{{Rate: one(d, "3/m", "5/10s", "1000/m"), Shared: d.IntN(2) == 0}}}
	for _, v := range vars {
		e := policy.Extract{Var: v, Path: one(d, "$.a", "$.b.c", "$.list[*]"), Place: at}
		if d.IntN(2) == 0 {
			e.Default = json.RawMessage(`"none"`)
		}
		r.Extracts = append(r.Extracts, e)
		r.Hints = append(r.Hints, policy.Hint{Route: v, When: fmt.Sprintf(`vars.%s == %s`, v, one(d, `"x"`, `nil`, `1`)), Place: at})
	}
	if d.IntN(3) == 0 {
		r.Otherwise = "other"
	}
	if d.IntN(2) == 0 {
		r.Breaker = &policy.BreakerSpec{Trip: one(d, "2 consecutive", "off", "50% of 4 in 30s")}
	}
	if d.IntN(2) == 0 {
		r.Fallbacks = []policy.Fallback{{Stale: policy.Duration(time.Minute), Route: one(d, "", "fallback"), Places: policy.Places{"fallback": at}}}
	}
	return r
}

// spec draws a configuration. What a policy says may read what one of its operations
// alone extracts.
func (d dice) spec() *policy.Spec {
	s := &policy.Spec{KnownTenantsOnly: d.IntN(4) == 0, Plans: []policy.Plan{
		{Name: "default", RateLimits: []policy.RateLimit{{Rate: one(d, "4/m", "50/m")}}},
		{Name: "gold", RateLimits: []policy.RateLimit{{Rate: "30/m"}}, Timeout: policy.Duration(time.Second), Tenants: []string{"acme", "globex", one(d, "initech", policy.Anonymous)}},
	}}
	for i := range 3 {
		p := policy.PolicySpec{Name: fmt.Sprint("p", i), BaseURL: fmt.Sprintf("https://p%d.example", i), Rules: d.rules(10*i, "v")}
		p.OperationsOnly = d.IntN(3) == 0
		for k := range 1 + d.IntN(3) {
			o := policy.OperationSpec{Name: fmt.Sprint("o", k), Method: one(d, "GET", "POST"), Template: one(d, "/{{id}}", "/o/{{id}}") + fmt.Sprint("/", k)}
			o.Rules = d.rules(10*i+k+1, "w"+fmt.Sprint(k))
			p.Operations = append(p.Operations, o)
		}
		if d.IntN(2) == 0 {
			p.Hints = append(p.Hints, policy.Hint{Route: "of_another", When: "vars.w0 != nil or (input.id ?? \"\") == \"9\""})
		}
		s.Policies = append(s.Policies, p)
	}
	return s
}

// turn draws what the third party does.
func (d dice) turn() stage.Turn {
	return one(d,
		stage.Turn{Body: []byte(`{"a":"x","b":{"c":1},"list":[1,2]}`)}, stage.Turn{Body: []byte(`{"a":null}`)}, stage.Turn{Body: []byte(`{}`)},
		stage.Turn{Status: 500}, stage.Turn{Status: 404, Body: []byte("no")}, stage.Turn{Fails: policy.Timeout}, stage.Turn{Fails: policy.Unreachable},
		stage.Turn{After: 2 * time.Second, Body: []byte(`{"a":1}`)},
	)
}

// seen is all that is compared of a call.
type seen struct {
	verdict policy.Verdict
	vars    map[string]string
	sent    []stage.Sent
	taken   []policy.Branch
}

// see plays calls with a second between them.
func see(t *testing.T, spec *policy.Spec, o stage.Options, calls []stage.Call) []seen {
	t.Helper()
	var all []seen
	err := stage.Run(func() {
		s, err := stage.New(spec, o)
		if err != nil {
			t.Error(err)
			return
		}
		for _, c := range calls {
			time.Sleep(time.Second)
			next := seen{vars: make(map[string]string)}
			c.Took = func(b policy.Branch) { next.taken = append(next.taken, b) }
			p := s.Play(c)
			for _, v := range p.Vars {
				next.vars[v.Name] = string(v.JSON)
			}
			next.verdict, next.sent = p.Verdict, p.Sent
			all = append(all, next)
		}
	})
	if err != nil {
		t.Error(err)
	}
	return all
}

func TestAPartOfAConfigurationDecidesAsTheWholeOfIt(t *testing.T) {
	outcomes := make(map[policy.Outcome]int)
	for seed := range uint64(150) {
		d := dice{rand.New(rand.NewPCG(seed, 7))}
		spec := d.spec()
		p := one(d, spec.Policies...)
		op := one(d, p.Operations...)
		o := stage.Options{Policy: p.Name, Operations: []string{op.Name}, Callers: []string{"acme", "hooli"}}
		named := d.IntN(2) == 0
		recognising, err := stage.New(spec, stage.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var calls []stage.Call
		for range 20 {
			c := stage.Call{Policy: p.Name, Tenant: one(d, "", "acme", "hooli"), Turns: []stage.Turn{d.turn()}}
			if named {
				c.Operation, c.Input = op.Name, json.RawMessage(one(d, `{"id":1}`, `{"id":"9"}`, `{}`))
			} else {
				c.Method, c.Path = one(d, "GET", "POST"), one(d, "/1/0", "/o/1/1", "/x", "")
			}
			if recognised := recognising.Recognises(c); !named && recognised != "" {
				o.Operations = append(o.Operations, recognised)
			}
			calls = append(calls, c)
		}
		whole, part := see(t, spec, stage.Options{}, calls), see(t, spec, o, calls)
		if len(whole) != len(calls) || len(part) != len(calls) {
			t.Fatalf("seed %d: %d and %d calls were played, want %d", seed, len(whole), len(part), len(calls))
		}
		for i := range whole {
			outcomes[whole[i].verdict.Outcome]++
			if !reflect.DeepEqual(whole[i], part[i]) {
				t.Fatalf("seed %d, call %d %+v: with a part\n%+v\nwith the whole\n%+v", seed, i, calls[i], part[i], whole[i])
			}
		}
	}
	if len(outcomes) < 8 {
		t.Errorf("the calls came to %v only, want more kinds", slices.Collect(maps.Keys(outcomes)))
	}
}

func TestACallOfAPolicyThatIsNotThereIsToldWhenItIsOpened(t *testing.T) {
	if _, err := stage.New(shop("http://a.example", "http://b.example"), stage.Options{Policy: "stoer"}); err == nil {
		t.Error("a stage was made for a policy that is not there")
	}
}
