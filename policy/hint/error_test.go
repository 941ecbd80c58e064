package hint_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy/hint"
)

func TestAMistakeIsFoundWhenCompilingAndSaysWhereItIs(t *testing.T) {
	tests := []struct{ src, want string }{
		{``, `1:1: a condition is missing`},
		{" \n", `1:1: a condition is missing`},
		{`vars.foo == 1`, `1:6: unknown variable "foo", extracted are: empty, eta, flag, items, null, status, total`},
		{`vars["foo"] == 1`, `1:6: unknown variable "foo", extracted are: empty, eta, flag, items, null, status, total`},
		{`vars?.foo == 1`, `1:7: unknown variable "foo", extracted are: empty, eta, flag, items, null, status, total`},
		{`"foo" in vars`, `1:1: unknown variable "foo", extracted are: empty, eta, flag, items, null, status, total`},
		{`get(vars, "foo") == 1`, `1:11: unknown variable "foo", extracted are: empty, eta, flag, items, null, status, total`},
		{`let v = vars; v.foo == 1`, `1:17: unknown field foo`},
		{`any(body, vars.foo == .x)`, `1:16: unknown variable "foo", extracted are: empty, eta, flag, items, null, status, total`},
		{`input.shop == "a"`, `1:7: unknown input "shop", known are: order_number`},
		{`request.body == "a"`, `1:9: request has no member "body", known are headers, method, path, query`},
		{`request == nil`, `1:1: request is not read as a whole: name headers, method, path or query`},
		{`headers["Content-Type"] == "a"`, `1:9: header names are lower-case here: write "content-type"`},
		{`request.headers.Accept == "a"`, `1:17: header names are lower-case here: write "accept"`},
		{`"X-A" in headers`, `1:1: header names are lower-case here: write "x-a"`},
		{`ok && statsu == 1`, `1:7: unknown name "statsu", known are answered, attempts, body, exists, headers, input, latency_ms, ok, outcome, path, plan, request, status, tenant, text, vars`},
		{`now() > date("2026-01-01")`, `1:1: now is not available in a condition`},
		{`len(repeat("a", 5)) > 1`, `1:5: repeat is not available in a condition`},
		{`len(::uniq(body)) > 1`, `1:7: uniq is not available in a condition`},
		{`date("2026-01-01", "2006-01-02", "Europe/Rome") > date("2026-01-01")`, `1:1: date takes a text and a layout in a condition, no time zone`},
		{`$env.status == 1`, `1:1: unknown name "$env"`},
		{`vars.status == null`, `1:16: unknown name "null": what JSON calls null is nil here`},
		{`$read(0)`, `1:1: unknown name "$read"`},
		{`exists(vars.status)`, `1:13: exists takes a literal path such as "$.order"`},
		{`exists("$.a" + "b")`, `1:14: exists takes a literal path such as "$.order"`},
		{`exists()`, `1:1: exists takes one path, got 0 arguments`},
		{`ok && path("order") == 1`, `1:12: path: a path begins with $`},
		{`path == "/x"`, `1:1: path is called with a literal path: path("$.order")`},
		{`let f = exists; f("$.a")`, `1:9: exists is called with a literal path: exists("$.order")`},
		{`text matches vars.status`, `1:19: the pattern of matches is a literal text`},
		{`text matches "("`, "1:6: error parsing regexp: missing closing ): `(`"},
		{`status == "404"`, `1:8: invalid operation: == (mismatched types int and string)`},
		{`status > "404"`, `1:8: invalid operation: > (mismatched types int and string)`},
		{`outcome == 5`, `1:9: invalid operation: == (mismatched types string and int)`},
		{`ok + 1 == 2`, `1:4: invalid operation: + (mismatched types bool and int)`},
		{`any(body, (ok + 1 == 2) == .x)`, `1:15: invalid operation: + (mismatched types bool and int)`},
		{`status`, `1:1: a condition is true or false, this one is of type int`},
		{`"shipped"`, `1:1: a condition is true or false, this one is of type string`},
		{`vars.total + status > 5 ? "a" : "b"`, `1:1: a condition is true or false, this one is of type string`},
		{`vars`, `1:1: a condition is true or false, this one is of type map[string]interface {}`},
		{`let status = 5; status == 5`, `1:5: cannot redeclare status`},
		{`replace("a", "b") == "x"`, `1:1: not enough arguments to call replace`},
		{`status ==`, `1:9: unexpected token EOF`},
		{"ok &&\n  (status == 1", `2:14: unexpected token EOF`},
		{"ok &&\n\tvars.foo == 1", `2:7: unknown variable "foo", extracted are: empty, eta, flag, items, null, status, total`},
		{`vars.foo == 1 && statsu == 1`, `1:6: unknown variable "foo", extracted are: empty, eta, flag, items, null, status, total`},
		{"ok \xff", `1:1: a condition is UTF-8 text`},
		{strings.Repeat("ok or ", 700), `1:1: a condition has at most 4096 bytes, got 4200`},
		{strings.Repeat("1+", 1000) + "1 > 0", `1:1002: a condition has at most 1000 names, literals, operators and calls`},
	}
	for _, tt := range tests {
		c, err := hint.Compile(tt.src, scope)
		var e *hint.Error
		if c != nil || !errors.As(err, &e) {
			t.Errorf("%s: got %v, %v, want an *Error", tt.src, c, err)
			continue
		}
		if got := e.Error(); got != tt.want {
			t.Errorf("%.100s:\n got %s\nwant %s", tt.src, got, tt.want)
		}
	}
}

func TestTheCaretStandsUnderThePlace(t *testing.T) {
	tests := []struct{ src, want string }{
		{`ok && vars.foo == 1`, "ok && vars.foo == 1\n           ^"},
		{"ok &&\n\tvars.foo == 1\n&& ok", " vars.foo == 1\n      ^"},
		{`tenant == "žluť" && statsu == 1`, "tenant == \"žluť\" && statsu == 1\n                    ^"},
		{`status ==`, "status ==\n        ^"},
		{``, "\n^"},
	}
	for _, tt := range tests {
		_, err := hint.Compile(tt.src, scope)
		var e *hint.Error
		if !errors.As(err, &e) || e.Snippet() != tt.want {
			t.Errorf("%s: got error %v with snippet\n%s\nwant\n%s", tt.src, err, e.Snippet(), tt.want)
		}
	}
}

func TestTheErrorOfAPathCanBeHad(t *testing.T) {
	if _, err := hint.Compile(`exists("order")`, scope); !errors.Is(err, errBadPath) {
		t.Errorf("got %v, want it to be %v", err, errBadPath)
	}
}

func TestAnErrorNeverCarriesAWholeAnswer(t *testing.T) {
	e := &hint.Env{Vars: map[string]any{"status": strings.Repeat("ž", 5000)}}
	_, err := compile(t, `vars.status`).Holds(e)
	if err == nil || len(err.Error()) > 150 || !strings.Contains(err.Error(), "žž…") {
		t.Errorf("got %v, want a clipped text", err)
	}
}
