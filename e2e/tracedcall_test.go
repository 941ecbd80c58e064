//go:build e2e

package e2e

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
)

// tracedCall is a call, and what its trace must show.
type tracedCall struct {
	method, path string
	header       []string
	before       string // a path that is called first

	outcome  policy.Outcome
	status   int
	policy   string // with its operation
	span     string // the SERVER span's name
	attempts []tracedAttempt
	more     []string // pairs of attribute and value; empty: there is none
}

// tracedAttempt is what a CLIENT span must show.
type tracedAttempt struct {
	outcome policy.Outcome
	status  int // 0: there was no answer
}

// Traces that a bot names, and its span in them.
const (
	botTrace    = "4bf92f3577b34da6a3ce929d0e0e4736"
	botSpan     = "00f067aa0ba902b7"
	goneTrace   = "0af7651916cd43dd8448eb211c80319c"
	brokenTrace = "80e1afed08e019fc1110464cfa66635c"
)

// tracedCalls are one call of every outcome at least. That of a bot which goes
// away, canceled, is made by its test.
var tracedCalls = map[string]tracedCall{
	"success": {
		path: "/store/orders/shipped?bot_key=" + tracedBotKey, header: []string{"X-Bot-Key", tracedBotKey}, outcome: policy.Success, status: 200,
		policy: "store.order", span: "GET /store/orders/{order_number}", attempts: []tracedAttempt{{policy.Success, 200}},
		more: []string{"signpost.route", "shipped", "signpost.next", "continue", "signpost.var.status", "shipped", "signpost.var.items", "7",
			"http.route", "/store/orders/{order_number}", "url.path", "/store/orders/shipped", "signpost.reason", ""},
	},
	"client_error": {path: "/store/orders/404", outcome: policy.ClientError, status: 404,
		policy: "store.order", span: "GET /store/orders/{order_number}", attempts: []tracedAttempt{{policy.ClientError, 404}},
		more: []string{"signpost.route", "failure", "signpost.next", "stop"}},
	"server_error": {path: "/store/orders/500", outcome: policy.ServerError, status: 500,
		policy: "store.order", span: "GET /store/orders/{order_number}", attempts: []tracedAttempt{{policy.ServerError, 500}}},
	"rejected": {path: "/store/orders/refused", outcome: policy.Rejected, status: 200,
		policy: "store.order", span: "GET /store/orders/{order_number}", attempts: []tracedAttempt{{policy.Success, 200}},
		more: []string{"signpost.route", "failure"}},
	"unmappable": {path: "/store/orders/html", outcome: policy.Unmappable, status: 200,
		policy: "store.order", span: "GET /store/orders/{order_number}", attempts: []tracedAttempt{{policy.Success, 200}}},
	"rate_limited": {path: "/limited/plain", before: "/limited/plain", outcome: policy.RateLimited, status: 429,
		policy: "limited", span: "GET /limited"},
	"overloaded": {path: "/narrow/plain", outcome: policy.Overloaded, status: 503, policy: "narrow", span: "GET /narrow"},
	"circuit_open": {path: "/fragile/plain", before: "/fragile/500", outcome: policy.CircuitOpen, status: 503,
		policy: "fragile", span: "GET /fragile", more: []string{"signpost.breaker.state", "open"}},
	"timeout": {path: "/store/orders/hang", header: []string{"Signpost-Timeout", "150ms"}, outcome: policy.Timeout, status: 504,
		policy: "store.order", span: "GET /store/orders/{order_number}", attempts: []tracedAttempt{{policy.Timeout, 0}}},
	"unreachable": {path: "/gone/plain", outcome: policy.Unreachable, status: 502,
		policy: "gone", span: "GET /gone", attempts: []tracedAttempt{{policy.Unreachable, 0}}},
	"incomplete": {path: "/store/orders/half", outcome: policy.Incomplete, status: 502,
		policy: "store.order", span: "GET /store/orders/{order_number}", attempts: []tracedAttempt{{policy.Incomplete, 200}}},
	"denied: method": {method: "DELETE", path: "/limited/plain", outcome: policy.Denied, status: 405,
		policy: "limited", span: "DELETE /limited"},
	"denied: address": {path: "/guarded/plain", outcome: policy.Denied, status: 502,
		policy: "guarded", span: "GET /guarded", attempts: []tracedAttempt{{policy.Denied, 0}}},
	"bad_request": {path: "/store/%2e%2e/admin", outcome: policy.BadRequest, status: 400, policy: "store", span: "GET /store"},
	"not_found":   {path: "/nobody/orders/1", outcome: policy.NotFound, status: 404, span: "GET"},
	"internal":    {path: "/broken/plain", outcome: policy.Internal, status: 500, policy: "broken", span: "GET /broken"},
	"a bot's trace": {path: "/store/orders/paid", header: []string{"Traceparent", "00-" + botTrace + "-" + botSpan + "-01"}, outcome: policy.Success, status: 200,
		policy: "store.order", span: "GET /store/orders/{order_number}", attempts: []tracedAttempt{{policy.Success, 200}},
		more: []string{"signpost.route", "success"}},
	"a retry": {path: "/patient/flaky", outcome: policy.Success, status: 200, policy: "patient", span: "GET /patient",
		attempts: []tracedAttempt{{policy.ServerError, 503}, {policy.Success, 200}}, more: []string{"signpost.breaker.state", "closed"}},
	"retries in vain": {path: "/patient/502", outcome: policy.ServerError, status: 502, policy: "patient", span: "GET /patient",
		attempts: []tracedAttempt{{policy.ServerError, 502}, {policy.ServerError, 502}, {policy.ServerError, 502}}},
	"a fallback": {path: "/backed/500", outcome: policy.ServerError, status: 200, policy: "backed", span: "GET /backed",
		attempts: []tracedAttempt{{policy.ServerError, 500}}, more: []string{"signpost.fallback", "static", "signpost.next", "continue"}},
	"a named call": {method: "POST", path: "/call/store/order?order_number=shipped", outcome: policy.Success, status: 200,
		policy: "store.order", span: "POST /call/store/order", attempts: []tracedAttempt{{policy.Success, 200}}, more: []string{"signpost.route", "shipped"}},
	"a method of its own": {method: "PURGE", path: "/store/plain", outcome: policy.Success, status: 200, policy: "store", span: "HTTP /store",
		attempts: []tracedAttempt{{policy.Success, 200}}, more: []string{"http.request.method_original", "PURGE"}},
}

// make makes the call and gives its answer, which is read.
func (c tracedCall) make(t *testing.T, g gateway) *http.Response {
	t.Helper()
	if c.before != "" {
		g.send(t, http.MethodGet, c.before, "", "X-Tenant-ID", "acme")
	}
	resp, _ := g.send(t, cmp.Or(c.method, http.MethodGet), c.path, "", append([]string{"X-Tenant-ID", "acme"}, c.header...)...)
	if resp.StatusCode != c.status {
		t.Errorf("status %d (%s), want %d", resp.StatusCode, resp.Header.Get("Signpost-Reason"), c.status)
	}
	return resp
}

// check compares a call's spans with what is wanted and, where there was one, its
// answer.
func (c tracedCall) check(t *testing.T, answer http.Header, server span, clients []span) {
	t.Helper()
	name, operation, _ := strings.Cut(c.policy, ".")
	failure, status := string(c.outcome), ""
	if c.outcome == policy.Success || c.outcome == policy.Canceled {
		failure = ""
	}
	if c.status >= 500 || server.tags["signpost.fallback"] != "" {
		status = "ERROR"
	}
	if server.name != c.span {
		t.Errorf("the SERVER span is %q, want %q", server.name, c.span)
	}
	tenant, plan := "acme", "gold"
	if c.status == http.StatusNotFound && c.policy == "" || c.status == http.StatusMethodNotAllowed {
		plan = "" // Policy and method come before the plan, which nobody asked for.
	}
	server.want(t, append([]string{
		"signpost.outcome", string(c.outcome), "signpost.policy", name, "signpost.operation", operation,
		"signpost.tenant", tenant, "signpost.plan", plan,
		"http.response.status_code", strconv.Itoa(c.status), "url.scheme", "http", "error.type", failure, "otel.status_code", status,
	}, c.more...)...)
	if server.types["http.response.status_code"] != "int64" {
		t.Errorf("the status is of the type %s, want a number", server.types["http.response.status_code"])
	}
	if answer != nil {
		server.want(t, "signpost.outcome", answer.Get("Signpost-Outcome"), "signpost.route", answer.Get("Signpost-Route"),
			"signpost.next", answer.Get("Signpost-Next"), "signpost.reason", answer.Get("Signpost-Reason"), "signpost.fallback", answer.Get("Signpost-Fallback"))
	}
	if len(clients) != len(c.attempts) {
		t.Fatalf("%d CLIENT spans, want one for each of %d attempts", len(clients), len(c.attempts))
	}
	for i, a := range c.attempts {
		a.check(t, clients[i], i, operation)
	}
}

// check compares the CLIENT span of the attempt with that number.
func (a tracedAttempt) check(t *testing.T, client span, number int, operation string) {
	t.Helper()
	failure, status, resend, answered, template := string(a.outcome), "ERROR", "", "", ""
	if a.outcome == policy.Success || a.outcome == policy.Canceled {
		failure, status = "", ""
	}
	if number > 0 {
		resend = strconv.Itoa(number)
	}
	if a.status > 0 {
		answered = strconv.Itoa(a.status)
	}
	name := strings.Replace(client.tags["http.request.method"], "_OTHER", "HTTP", 1)
	if operation == "order" {
		template = "/v2/orders/{order_number}"
		name += " " + template
	}
	if client.name != name {
		t.Errorf("the CLIENT span is %q, want %q", client.name, name)
	}
	client.want(t, "signpost.outcome", string(a.outcome), "error.type", failure, "otel.status_code", status,
		"http.request.resend_count", resend, "http.response.status_code", answered, "url.template", template)
	if resend != "" && client.types["http.request.resend_count"] != "int64" {
		t.Errorf("the number of resends is of the type %s, want a number", client.types["http.request.resend_count"])
	}
	full, err := url.Parse(client.tags["url.full"])
	if err != nil || client.tags["url.full"] == "" || full.Hostname() != client.tags["server.address"] || full.Port() != client.tags["server.port"] {
		t.Errorf("the URL is %q of %s:%s", client.tags["url.full"], client.tags["server.address"], client.tags["server.port"])
	}
}

// want compares attributes; an empty value means that there must be none.
func (s span) want(t *testing.T, pairs ...string) {
	t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		if got := s.tags[pairs[i]]; got != pairs[i+1] {
			t.Errorf("%s: %s is %q, want %q", s.name, pairs[i], got, pairs[i+1])
		}
	}
}

// tree gives the SERVER span of a trace and, in the order of the attempts, its
// CLIENT spans. A SERVER span that is there must be the only one, and above the others.
func tree(t *testing.T, trace string, spans []span) (server span, clients []span, found bool) {
	t.Helper()
	for _, s := range spans {
		switch kind := s.tags["span.kind"]; {
		case kind == "client":
			clients = append(clients, s)
		case kind == "server" && !found:
			server, found = s, true
		default:
			t.Errorf("the trace %s has the span %s of the kind %q, want one SERVER and CLIENT spans", trace, s.name, kind)
		}
		if s.service != "signpost" || s.tags["http.request.method"] == "" {
			t.Errorf("the trace %s has the span %s of the service %s with the method %q", trace, s.name, s.service, s.tags["http.request.method"])
		}
	}
	if !found {
		return server, nil, false
	}
	slices.SortFunc(clients, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	for _, c := range clients {
		if c.parent != server.id {
			t.Errorf("the trace %s: the parent of %s is %q, want the SERVER span %s", trace, c.name, c.parent, server.id)
		}
		const rounding = 1 // Begin and duration are rounded to a microsecond each.
		if c.start < server.start || c.end > server.end+rounding {
			t.Errorf("the trace %s: an attempt lasts from %d to %d, its call from %d to %d", trace, c.start, c.end, server.start, server.end)
		}
	}
	return server, clients, true
}
