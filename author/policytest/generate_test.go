package policytest_test

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// generator makes files of tests that are well formed.
type generator struct {
	*rand.Rand
	folder string
}

// words are texts that YAML, or a reader of it, could take for something else.
var words = []string{
	"a", "shipped", "yes", "no", "null", "~", "true", "False", "007", "1", "-1.50", "1e3", "1e400", "0x1f", "0o7", "+1", ".5", ".nan", ".inf",
	"1_000", "12:30:45", "2026-11-20", "2026-11-20T10:00:00Z", "<<", "=", "- a", "a: b", "a #b", "#b", "{a}", "[a", "a, b", "&a", "*a", "!a", "|", ">", "%", "@", "`",
	"it's", `"quoted"`, `back\slash`, "tab\tinside", "é", "日本", "🎉", "\u2028", "\u00a0", "\ufeff", "\u0085", "\x01", "\x7f", "-", "?", ":", "---", "...", "a b", "{secret.store_token}",
	"a\nb", "a\nb\n", "a\n\nb\n\n", "\na", " a\nb", "a \nb", "a\r\nb", "\ta\nb", "a\n b\n", "a\n\tb", "# a\nb: c\n- d\n", "\n", "a\n---\nb", strings.Repeat("long ", 30) + "end", "y", "N", "On",
}

// writeNamed writes the files that generated tests name.
func writeNamed(t testing.TB, folder string) {
	t.Helper()
	writeFile(t, folder, "Caddyfile", "")
	writeFile(t, folder, "answer.json", `{"a":1}`)
	writeFile(t, folder, "answer.txt", "text")
	writeFile(t, folder, "call.json", `{"id":"1","outcome":"success","received":{"status":404,"headers":[["A","b"]],"body":"c"}}`)
}

func (g generator) oneOf(from ...string) string { return from[g.IntN(len(from))] }

func (g generator) maybe() bool { return g.IntN(3) == 0 }

// text is any text, printable is one on a single line.
func (g generator) text() string { return g.oneOf(words...) + g.oneOf("", "", g.oneOf(words...)) }

func (g generator) printable() string {
	text := strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == 0x85 {
			return '.'
		}
		return c
	}, g.text())
	return strings.ToValidUTF8(text[:min(len(text), 100)], "")
}

func (g generator) file(path string) policytest.File {
	f := policytest.File{Path: path}
	if g.maybe() {
		f.Config = "Caddyfile"
	}
	if g.maybe() {
		f.Adapter = "json"
	}
	if g.maybe() {
		f.Policy = g.oneOf("store", "null", "no")
		if g.maybe() {
			f.Operation = g.oneOf("order_status", "true")
		}
	}
	for i := range 1 + g.IntN(3) {
		t := policytest.Test{Name: strings.TrimSpace(g.printable() + strconv.Itoa(i)), Policy: f.Policy, Operation: f.Operation}
		if g.maybe() || f.Policy == "" {
			t.Policy = g.oneOf("crm", "store")
			t.Operation = g.oneOf("", "lookup", "y")
		}
		steps := 1
		if t.Sequence = g.maybe(); t.Sequence {
			steps += g.IntN(3)
		}
		for range steps {
			t.Steps = append(t.Steps, g.step(t.Operation))
		}
		f.Tests = append(f.Tests, t)
	}
	return f
}

func (g generator) step(operation string) policytest.Step {
	s := policytest.Step{Repeat: 1}
	if g.maybe() {
		s.Repeat = 1 + g.IntN(policytest.MaxRepeat)
	}
	if g.maybe() {
		s.Wait = time.Duration(g.IntN(1e12))
	}
	if g.maybe() {
		s.Tenant = g.printable()
	}
	switch {
	case g.maybe():
		s.Request = g.request()
	case g.maybe() && operation != "":
		s.Input = g.vars()
	}
	switch n := g.IntN(4); n {
	case 0:
	case 1:
		s.Given = []policytest.Given{{Outcome: policy.RateLimited}}
	default:
		for range n - 1 {
			s.Given = append(s.Given, g.given())
		}
	}
	s.Expect = g.expect()
	return s
}

func (g generator) request() *policytest.Request {
	r := &policytest.Request{Path: g.oneOf("", "/", "/orders/7", "/a%2Fb"), Method: g.oneOf("", "GET", "POST"), Query: g.oneOf("", "a=b&c=d", "1", "null")}
	if g.maybe() {
		r.Headers = g.headers()
	}
	if g.maybe() {
		r.Body, r.Headers = g.body(r.Headers)
	}
	if r.Path == "" && r.Method == "" && r.Query == "" && r.Headers == nil && r.Body == nil {
		r.Path = "/"
	}
	return r
}

func (g generator) given() policytest.Given {
	switch g.IntN(6) {
	case 0:
		return policytest.Given{Outcome: policy.Timeout}
	case 1:
		return policytest.Given{Outcome: policy.Unreachable, After: time.Second}
	case 2:
		if g.maybe() {
			return policytest.Given{Call: "call.json", Status: 404, Headers: map[string]string{"A": "b"}, Body: []byte("c"), After: time.Minute}
		}
		given := policytest.Given{File: "answer.txt", Body: []byte("text"), Status: 404}
		if g.maybe() {
			given = policytest.Given{File: "answer.json", Body: []byte(`{"a":1}`), Headers: map[string]string{"Content-Type": "application/json"}}
		}
		return given
	}
	given := policytest.Given{Status: 200 + g.IntN(400), After: time.Duration(g.IntN(1e10))}
	if g.maybe() {
		given.Outcome = policy.Incomplete
	}
	if g.maybe() {
		given.Headers = g.headers()
	}
	if g.maybe() {
		given.Body, given.Headers = g.body(given.Headers)
	}
	return given
}

func (g generator) expect() policytest.Expect {
	x := policytest.Expect{Status: 100 + g.IntN(500)}
	texts := []**string{&x.Route, &x.Next, &x.Fallback, &x.Reason}
	for i, text := range []string{g.oneOf("shipped", "404", "true", "null", "a.b:c-d"), g.oneOf("continue", "stop"), g.oneOf("stale", "static", "none"), g.text()} {
		if g.maybe() {
			*texts[i] = &text
		}
	}
	if g.maybe() {
		x.Outcome = policy.Outcomes()[g.IntN(len(policy.Outcomes()))]
	}
	if g.maybe() {
		attempts := g.IntN(7)
		x.Attempts = &attempts
	}
	if g.maybe() {
		x.Vars = g.vars()
	}
	if g.maybe() {
		x.Missing = []string{"gone", "true"}
	}
	if g.maybe() {
		x.Headers = g.headers()
	}
	if g.maybe() {
		x.Body = g.expected()
	}
	if g.maybe() {
		x.Sent = &policytest.Sent{Nothing: true}
		if g.maybe() {
			x.Sent = &policytest.Sent{Method: "POST", URL: g.oneOf("", "/a?b=c", "https://a.example/b"), Headers: g.headers(), Body: g.expected()}
		}
	}
	return x
}

func (g generator) expected() *policytest.Body {
	if g.maybe() {
		return &policytest.Body{Text: g.text()}
	}
	return &policytest.Body{JSON: g.container(0)}
}

func (g generator) body(headers map[string]string) ([]byte, map[string]string) {
	if g.maybe() {
		return []byte(g.text()), headers
	}
	if headers == nil {
		headers = map[string]string{}
	}
	if headers["Content-Type"] == "" || g.maybe() {
		headers["Content-Type"] = g.oneOf("application/json", "application/json", "application/problem+json; charset=utf-8")
	}
	return g.container(0), headers
}

func (g generator) headers() map[string]string {
	headers := map[string]string{}
	for range 1 + g.IntN(3) {
		headers[g.oneOf("X-One", "Content-Type", "Null", "1")] = g.printable()
	}
	return headers
}

func (g generator) vars() map[string]json.RawMessage {
	vars := map[string]json.RawMessage{}
	for range 1 + g.IntN(4) {
		vars[g.oneOf("status", "eta", "yes", "null", "n")] = g.value(0)
	}
	return vars
}

// value is any JSON, as compact as values are read.
func (g generator) value(depth int) json.RawMessage {
	switch n := g.IntN(7); {
	case n < 3:
		return text(g.text())
	case n < 5 || depth > 4:
		return json.RawMessage(g.oneOf("null", "true", "false", "0", "-1", "1.10", "123456789012345678901234567890", "1e5", strconv.Itoa(g.IntN(1e6))))
	}
	return g.container(depth + 1)
}

// container is a list or an object.
func (g generator) container(depth int) json.RawMessage {
	var parts []string
	seen := map[string]bool{}
	object := g.maybe()
	for range g.IntN(5) {
		value := string(g.value(depth))
		if object {
			name := string(text(g.text()))
			if seen[name] {
				continue
			}
			seen[name] = true
			value = name + ":" + value
		}
		parts = append(parts, value)
	}
	if object {
		return json.RawMessage("{" + strings.Join(parts, ",") + "}")
	}
	return json.RawMessage("[" + strings.Join(parts, ",") + "]")
}

// text writes a text as JSON does that is not for a web page.
func text(value string) json.RawMessage {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return json.RawMessage(strings.TrimSuffix(b.String(), "\n"))
}
