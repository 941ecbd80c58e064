package stage_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/stage"
	"github.com/signpost-gateway/signpost/policy"
)

// answer is a turn with a JSON body.
func answer(status int, body string) []stage.Turn {
	return []stage.Turn{{Status: status, Header: http.Header{"Content-Type": {"application/json"}, "X-Own": {"a", "b"}}, Body: []byte(body)}}
}

// with is a turn with headers of its own.
func with(body string, pairs ...string) []stage.Turn {
	header := make(http.Header)
	for i := 0; i < len(pairs); i += 2 {
		header.Add(pairs[i], pairs[i+1])
	}
	return []stage.Turn{{Header: header, Body: []byte(body)}}
}

// fails is a turn that is no answer.
func fails(o policy.Outcome) []stage.Turn { return []stage.Turn{{Fails: o}} }

// order is a named call of an operation with an order number.
func order(policyName, operation string, turns []stage.Turn) stage.Call {
	return stage.Call{Policy: policyName, Operation: operation, Input: json.RawMessage(`{"order_number": 7}`), Turns: turns}
}

const shipped = `{"order":{"status":"shipped"}}`

// ordersAsked are calls that come to all kinds of outcomes.
func ordersAsked() map[string]stage.Call {
	return map[string]stage.Call{
		"success":                      order("store", "order", answer(200, shipped)),
		"success, no hint":             order("store", "order", answer(201, `{"order":{"status":"paid","eta":{"day":1}}}`)),
		"success, a path in a hint":    order("store", "order", answer(200, `{"order":{"status":"x"},"odd":1}`)),
		"a redirect":                   order("store", "order", answer(302, "")),
		"no content":                   order("store", "order", []stage.Turn{{Status: 204}}),
		"client_error":                 order("store", "order", answer(404, `{"order":{"status":"shipped"}}`)),
		"client_error without JSON":    order("store", "order", answer(429, `slow down`)),
		"server_error":                 order("store", "order", answer(503, shipped)),
		"rejected":                     order("store", "order", answer(200, `{"error":1,"order":{"status":"x"}}`)),
		"unmappable, no JSON":          order("store", "order", with("<p>", "Content-Type", "text/html")),
		"unmappable, nothing required": order("store", "order", answer(200, `{}`)),
		"unmappable, too large":        order("store", "order", answer(200, `{"a":"`+strings.Repeat("x", 100<<10)+`"}`)),
		"unmappable, too deep":         order("store", "order", answer(200, strings.Repeat("[", 200)+strings.Repeat("]", 200))),
		"an echoed secret":             order("store", "order", answer(200, `{"order":{"status":"{secret.token}"}}`)),
		"gzip":                         order("store", "order", with(shipped, "Content-Type", "application/json", "Content-Encoding", "gzip")),
		"an unknown coding":            order("store", "order", with(shipped, "Content-Type", "application/json", "Content-Encoding", "br")),
		"an event stream":              order("store", "order", with("data: 1\n\n", "Content-Type", "text/event-stream")),
		"timeout":                      order("store", "slow", fails(policy.Timeout)),
		"incomplete":                   order("store", "order", fails(policy.Incomplete)),
		"incomplete, in the body":      order("store", "order", []stage.Turn{{Fails: policy.Incomplete, Body: []byte(shipped)}}),
		"unreachable":                  order("gone", "order", fails(policy.Unreachable)),
		"denied, no secret":            order("private", "order", nil),
		"a tenant's secret":            {Policy: "store", Operation: "order", Tenant: "acme", Input: json.RawMessage(`{"order_number":"1"}`), Turns: answer(200, shipped)},
		"bad_request":                  {Policy: "store", Operation: "order", Input: json.RawMessage(`{"order":1}`)},
		"bad_request, a dot segment":   {Policy: "store", Path: "/a/%2e%2e/b"},
		"not_found, the operation":     order("store", "nothing", nil),
		"not_found, the policy":        order("nobody", "order", nil),
	}
}

func TestCallsComeToTheSameOnAStageAsForReal(t *testing.T) {
	r := newRig(t)
	for name, c := range ordersAsked() {
		r.both(t, name, stage.Options{}, c)
	}
	r.both(t, "rate_limited", stage.Options{}, order("store", "limited", answer(200, shipped)), order("store", "limited", nil))
	r.both(t, "circuit_open", stage.Options{}, order("store", "fragile", answer(500, "")), order("store", "fragile", nil))
}

func TestEnvelopesAttemptsAndRequestsAreTheSameOnAStageAsForReal(t *testing.T) {
	r := newRig(t)
	note := stage.Call{Policy: "store", Operation: "note", Input: json.RawMessage(`{"text":"a \"b\" ü","stars":1e1,"lang":"d e&x"}`)}
	noteOf := func(turns ...stage.Turn) stage.Call { c := note; c.Turns = turns; return c }
	base := func(method, path, query, body string, turns []stage.Turn) stage.Call {
		return stage.Call{Policy: "store", Method: method, Path: path, Query: query, Body: []byte(body), Turns: turns,
			Header: http.Header{"Content-Type": {"text/plain"}, "Accept-Encoding": {"gzip"}, "Connection": {"X-Text"}, "X-Text": {"gone"}}}
	}
	for name, c := range map[string]stage.Call{
		"an envelope":              noteOf(answer(200, `{"id":1}`)...),
		"an envelope of a failure": noteOf(answer(500, `no`)...),
		"a further attempt":        noteOf(answer(503, `no`)[0], answer(200, `{"id":2}`)[0]),
		"a recognised request":     base("GET", "/order/8", "a=1&a=2", "", answer(200, shipped)),
		"a free request":           base("PUT", "/x%2Fy", "", "body", answer(200, "text")),
		"a HEAD request":           base("HEAD", "/order/8", "", "", answer(200, shipped)),
		"a large body":             base("GET", "/big", "", "", with(strings.Repeat("0123456789", 100<<10), "Content-Type", "text/plain")),
		"an envelope that is asked for": {
			Policy: "store", Operation: "order", Input: json.RawMessage(`{"order_number": 9}`), Turns: answer(200, shipped),
			Header: http.Header{"Signpost-Reply": {"envelope"}, "Accept-Encoding": {"identity"}},
		},
	} {
		r.both(t, name, stage.Options{}, c)
	}
}

// decided is what of an answer tells of the decision, without why it was taken.
func decided(o outcome) string {
	var kept []string
	for line := range strings.Lines(o.headers) {
		if strings.HasPrefix(line, "Signpost-") && !strings.HasPrefix(line, "Signpost-Reason") {
			kept = append(kept, line)
		}
	}
	return fmt.Sprint(o.status, "\n", strings.Join(kept, ""))
}

func TestASupposedOutcomeIsDecidedAsTheRealOne(t *testing.T) {
	r := newRig(t)
	limited, fragile := order("store", "limited", answer(200, shipped)), order("store", "fragile", answer(500, ""))
	ask(t, r.gateway, r.party, limited)
	ask(t, r.gateway, r.party, fragile)
	for _, c := range []struct {
		outcome  policy.Outcome
		real     stage.Call
		supposed stage.Call
	}{
		{policy.RateLimited, limited, limited},
		{policy.CircuitOpen, fragile, fragile},
		{policy.Denied, order("private", "order", nil), stage.Call{Policy: "private", Operation: "order", Tenant: "acme", Input: json.RawMessage(`{"order_number":1}`)}},
		{policy.BadRequest, stage.Call{Policy: "store", Operation: "order", Input: json.RawMessage(`{}`)}, order("store", "order", nil)},
		// Of an operation that is not there, only what the policy says is asked.
		{policy.NotFound, order("gone", "nothing", nil), stage.Call{Policy: "gone", Path: "/nothing"}},
	} {
		c.supposed.Suppose = c.outcome
		real := ask(t, r.gateway, r.party, c.real)
		err := stage.Run(func() {
			s, err := stage.New(r.spec, stage.Options{Policy: c.supposed.Policy})
			if err != nil {
				t.Error(err)
				return
			}
			got := play(s, c.supposed)
			if !strings.Contains(got.headers, string(c.outcome)) || got.sent != "" || decided(got) != decided(real) {
				t.Errorf("%s: supposed\n%s\nfor real\n%s", c.outcome, decided(got), decided(real))
			}
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestWhateverIsConfiguredDecidesOnAStageAsForReal(t *testing.T) {
	r := newRig(t)
	address := r.spec.Policies[0].BaseURL
	for seed := range uint64(30) {
		d := dice{rand.New(rand.NewPCG(seed, 11))}
		spec := d.spec()
		for i := range spec.Policies {
			spec.Policies[i].BaseURL, spec.Policies[i].AllowPrivate = address, true
		}
		g, err := policy.New(*spec, policy.Options{})
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(serve(g))
		one := rig{spec: spec, party: r.party, gateway: server.URL}
		var calls []stage.Call
		for range 12 {
			calls = append(calls, d.call(spec))
		}
		one.both(t, fmt.Sprint("seed ", seed), stage.Options{}, calls...)
		server.Close()
		g.Stop()
	}
}

// call draws a call that a third party answers at once.
func (d dice) call(spec *policy.Spec) stage.Call {
	p := one(d, spec.Policies...)
	op := one(d, p.Operations...)
	turn := d.turn()
	for turn.Fails == policy.Timeout || turn.Fails == policy.Unreachable || turn.After > 0 {
		turn = d.turn()
	}
	turn.Header = http.Header{"Content-Type": {"application/json"}}
	c := stage.Call{Policy: p.Name, Tenant: one(d, "", "acme", "hooli"), Turns: []stage.Turn{turn}}
	if d.IntN(2) == 0 {
		c.Operation, c.Input = op.Name, json.RawMessage(one(d, `{"id":1}`, `{"id":"9"}`, `{}`))
	} else {
		c.Method, c.Path = one(d, "GET", "POST"), one(d, "/1/0", "/o/1/1", "/x", "")
	}
	return c
}
