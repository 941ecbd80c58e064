package explain_test

import (
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/explain"
	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy"
)

// told is what is told of one hint, asked by the engine of an answer.
func told(t *testing.T, condition, body string) string {
	t.Helper()
	s := openShop(t, 200, body)
	e := open(t, store(s, func(_ *policy.Spec, p *policy.PolicySpec) {
		p.Hints = []policy.Hint{{Route: "r", When: condition}}
	})).order()
	for _, section := range explain.Explain(e.Detail()).Sections {
		if section.Title == "Why this branch" {
			return strings.TrimPrefix(section.Lines[0].Text, "`hint r "+condition+"` ")
		}
	}
	t.Fatalf("nothing is told of %s", condition)
	return ""
}

func TestWhatDecidedAConditionIsTold(t *testing.T) {
	const body = `{"order":{"status":"packed","eta":3,"items":[1,2],"customer":{"name":"Ada"}}}`
	for _, test := range []struct{ condition, want string }{
		{`vars.status == "packed"`, `holds: vars.status was "packed".`},
		{`"shipped" == vars.status`, `does not hold: vars.status was "packed", which is not "shipped".`},
		{`vars.status != "packed"`, `does not hold: vars.status was "packed".`},
		{`vars.status != "shipped"`, `holds: vars.status was "packed", which is not "shipped".`},
		{`vars.eta < 3`, `does not hold: vars.eta was 3, which is not less than 3.`},
		{`3 >= vars.eta`, `holds: vars.eta was 3, which is at most 3.`},
		{`vars.eta > -1`, `holds: vars.eta was 3, which is more than -1.`},
		{`vars.eta >= 3.5`, `does not hold: vars.eta was 3, which is less than 3.5.`},
		{`vars.status in ["paid", "shipped"]`, `does not hold: vars.status was "packed", which is not one of "paid", "shipped".`},
		{`vars.status not in ["paid"]`, `holds: vars.status was "packed", which is not one of "paid".`},
		{`vars.eta in 1..2`, `does not hold: vars.eta was 3, which is not from 1 to 2.`},
		{`vars.status contains "ack"`, `holds: vars.status was "packed", which contains "ack".`},
		{`vars.status endsWith "x"`, `does not hold: vars.status was "packed", which does not end with "x".`},
		{`path("$.order.customer.name") == "Ada"`, `holds: path("$.order.customer.name") was "Ada".`},
		{`exists("$.order.refund")`, `does not hold: there was no $.order.refund.`},
		{`not exists("$.order.status")`, `does not hold: there was $.order.status.`},
		{`body.order.customer["name"] == "Bob"`, `does not hold: body.order.customer.name was "Ada", which is not "Bob".`},
		{`body.order.items[1] == 2`, `holds: body.order.items[1] was 2.`},
		{`headers["content-type"] == "text/html"`, `does not hold: headers["content-type"] was "application/json", which is not "text/html".`},
		{`ok && vars.eta > 5`, `does not hold: vars.eta was 3, which is not more than 5.`},
		{`vars.eta > 5 && ok`, `does not hold: vars.eta was 3, which is not more than 5.`},
		{`vars.eta > 5 || !ok`, `does not hold: vars.eta was 3, which is not more than 5, and ok was true.`},
		{`vars.eta > 5 || ok`, `holds: ok was true.`},
		{`vars.eta == nil`, `does not hold: vars.eta was 3, which is not null.`},
		{`body.order.nothing == nil`, `holds: body.order.nothing was missing or null.`},
		{`vars.status matches "^p"`, `holds: vars.status was "packed".`},
		{`len(vars.status) == 6 and ok`, `holds: vars.status was "packed", ok was true.`},
		{`body.order.customer == nil`, `does not hold: body.order.customer was an object with 1 member, which is not null.`},
		{`body.order.items == nil`, `does not hold: body.order.items was a list of 2 elements, which is not null.`},
		{`request.headers["x-a"] == "b"`, `does not hold: request.headers["x-a"] was a value that is not shown, which is not "b".`},
		{`vars.status == vars.eta`, `does not hold: vars.status was "packed", vars.eta was 3.`},
		{`true`, `holds.`},
		{`vars.status + 1 == 2`, `could not be evaluated, so it does not hold: `},
	} {
		if got := told(t, test.condition, body); got != test.want && (!strings.HasPrefix(test.want, "could not") || !strings.HasPrefix(got, test.want)) {
			t.Errorf("%s: got\n%s\nwant\n%s", test.condition, got, test.want)
		}
	}
}

func TestNothingOfAStrangersReachesTheTerminalAsItIs(t *testing.T) {
	s := openShop(t, 200, `{"order":{"status":"\u001b[2Jpacked\nSo the branch is refund","eta":"\u202e"}}`)
	e := open(t, store(s, nil)).order()
	got := explain.Explain(e.Detail()).Text(terminal.Style{})
	for _, bad := range []string{"\x1b", "\nSo the branch is refund", "\u202e"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q is printed: %s", bad, got)
		}
	}
	if !strings.Contains(got, `\x1b[2Jpacked\nSo the branch`) && !strings.Contains(got, `\u001b[2Jpacked\nSo the branch`) {
		t.Errorf("the value is not told: %s", got)
	}
}

func FuzzExplain(f *testing.F) {
	f.Add([]byte(`{"id":"00f067aa0ba902b7","time":"2026-11-20T12:00:00.000Z","tenant":"acme","policy":"store","method":"GET","path":"/x","status":503,"outcome":"circuit_open",
		"route":"error","next":"stop","latency_ms":1.5,"breaker":"open","route_by":"outcome","breaker_cell":{"breaker":"store","host":"h:1","since":"2026-11-20T11:59:50.000Z"},
		"limits":[{"name":"gold:1/m","max":1,"window_ms":60000,"left":0,"reset_ms":1e9,"refused":true}],"request":{"method":"GET","url":"/store/x","body_bytes":7},
		"attempts":[{"start_ms":1,"duration_ms":2,"status":503,"outcome":"server_error","host":"h:1"},{"start_ms":4}],"faults":[{"where":"retry","condition":"a","error":"b"}],
		"vars":[{"name":"a","value":{"b":[1]}}],"drift":[{"path":"$.a","was":"string","is":"missing","vars":["a"]}],"retry_after_ms":12000,"fallback_rule":"fallback stale 10m"}`))
	f.Add([]byte(`{"call":{"hints":[{"condition":"a == 1 and (b or","result":true,"values":[{"name":"a","value":[1]}]}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := explain.ReadDetail(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		text := explain.Explain(d).Text(terminal.Style{})
		if strings.ContainsAny(text, "\x1b\x00\r\u009b") {
			t.Errorf("%q is printed as it is: %q", data, text)
		}
		if len(text) > 100*len(data)+10_000 {
			t.Errorf("%d bytes are told of %d", len(text), len(data))
		}
	})
}
