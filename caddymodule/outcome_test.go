package caddymodule_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/signpost-gateway/signpost/policy"
)

func TestAnOrderIsAnsweredWithTheBranchThatItsHintNames(t *testing.T) {
	store := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/orders/1001" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"order":{"status":"shipped"}}`)
	})
	s := start(t, `policy store `+store.URL+`/v2 {
		operation order_status GET "/orders/{{order_number}}" {
			extract status $.order.status
			extract eta $.order.eta default "unknown"
			hint shipped vars.status == "shipped"
			hint not_found status == 404
		}
	}`)
	s.get("/store/orders/1001").want(t, 200,
		"Signpost-Route", "shipped", "Signpost-Outcome", "success", "Signpost-Next", "continue",
		"Signpost-Policy", "store.order_status", "Signpost-Var-Status", "shipped", "Signpost-Var-Eta", "unknown")
	s.get("/store/orders/7").want(t, 404,
		"Signpost-Route", "not_found", "Signpost-Outcome", "client_error", "Signpost-Next", "continue")
}

// outcomeCase is how one outcome comes about, and all that must be said of it.
type outcomeCase struct {
	path   string
	method string // default: GET
	before string // a path that is called first
	header []string

	status  int
	route   string
	next    string
	title   string // of the problem; empty where the body is the third party's
	token   string // the error of Proxy-Status
	reason  string
	policy  string
	span    string // the SERVER span's name
	attempt string // the CLIENT span's outcome; empty: there is none
}

// outcomeCases are the closed list. canceled has a test of its own beside them,
// since nobody is left to read its answer.
var outcomeCases = map[policy.Outcome]outcomeCase{
	policy.Success: {
		path: "/store/orders/shipped", status: 200, route: "shipped", next: "continue",
		policy: "store.order", span: "GET /store/orders/{number}", attempt: "success",
	},
	policy.ClientError: {
		path: "/store/orders/404", status: 404, route: "failure", next: "stop", reason: "The third party answered 404 Not Found.",
		policy: "store.order", span: "GET /store/orders/{number}", attempt: "client_error",
	},
	policy.ServerError: {
		path: "/store/orders/500", status: 500, route: "error", next: "stop", reason: "The third party answered 500 Internal Server Error.",
		policy: "store.order", span: "GET /store/orders/{number}", attempt: "server_error",
	},
	policy.Rejected: {
		path: "/store/orders/refused", status: 200, route: "failure", next: "stop", reason: "The third party's answer says that it did not succeed.",
		policy: "store.order", span: "GET /store/orders/{number}", attempt: "success",
	},
	policy.Unmappable: {
		path: "/store/orders/html", status: 200, route: "error", next: "stop",
		reason: "Response Mapping Not Done, Only JSON can be mapped as Response",
		policy: "store.order", span: "GET /store/orders/{number}", attempt: "success",
	},
	policy.RateLimited: {
		path: "/limited/plain", before: "/limited/plain", status: 429, route: "error", next: "stop", title: "Rate Limit Exceeded",
		token: "http_request_error", reason: "Rate Limit Exceeded", policy: "limited", span: "GET /limited",
	},
	policy.Overloaded: {
		path: "/narrow/plain", status: 503, route: "error", next: "stop", title: "No Room For The Call",
		token: "connection_limit_reached", reason: "Too many calls are in flight.", policy: "narrow", span: "GET /narrow",
	},
	policy.CircuitOpen: {
		path: "/fragile/plain", before: "/fragile/orders/500", status: 503, route: "error", next: "stop", title: "Circuit Open",
		token: "destination_unavailable", reason: "The circuit breaker is open: the third party keeps failing.", policy: "fragile", span: "GET /fragile",
	},
	policy.Timeout: {
		path: "/store/orders/hang", header: []string{"Signpost-Timeout", "150ms"}, status: 504, route: "error", next: "stop", title: "Timeout",
		token: "http_response_timeout", reason: "The third party did not answer within 150ms.",
		policy: "store.order", span: "GET /store/orders/{number}", attempt: "timeout",
	},
	policy.Unreachable: {
		path: "/gone/plain", status: 502, route: "error", next: "stop", title: "Third Party Unreachable",
		token: "connection_refused", reason: "The third party cannot be connected to.", policy: "gone", span: "GET /gone", attempt: "unreachable",
	},
	policy.Incomplete: {
		path: "/store/orders/half", status: 502, route: "error", next: "stop", title: "Incomplete Answer",
		token: "http_response_incomplete", reason: "The third party's answer broke off or is not HTTP.",
		policy: "store.order", span: "GET /store/orders/{number}", attempt: "incomplete",
	},
	policy.Denied: {
		path: "/limited/plain", method: "DELETE", status: 405, route: "error", next: "stop", title: "Denied",
		token: "http_request_denied", reason: "The policy limited does not allow DELETE.", policy: "limited", span: "DELETE /limited",
	},
	policy.BadRequest: {
		path: "/store/%2e%2e/admin", status: 400, route: "error", next: "stop", title: "Bad Request",
		token: "http_request_error", policy: "store", span: "GET /store",
	},
	policy.NotFound: {
		path: "/nobody/orders/1", status: 404, route: "error", next: "stop", title: "Not Found",
		token: "destination_not_found", reason: "No policy answers to this address.", span: "GET",
	},
	policy.Internal: {
		path: "/keyed/plain", status: 500, route: "error", next: "stop", title: "Internal Error",
		token: "proxy_internal_error", policy: "keyed", span: "GET /keyed",
	},
}

// outcomeStore answers as the last segment of the path says.
func outcomeStore(t testing.TB, entered chan<- struct{}) *httptest.Server {
	return thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		switch what := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]; what {
		case "404":
			http.NotFound(w, r)
		case "500":
			http.Error(w, "broken", http.StatusInternalServerError)
		case "html":
			io.WriteString(w, "<p>hello</p>")
		case "hang":
			entered <- struct{}{}
			<-r.Context().Done()
		case "half":
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Errorf("hijacking: %v", err)
				return
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")
			conn.Close()
		default:
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"status":"`+what+`"}`)
		}
	})
}

// startOutcomes runs the gateway of all outcome tests.
func startOutcomes(t *testing.T) (*sidecar, *traceSink, <-chan struct{}) {
	t.Helper()
	secrets := t.TempDir()
	if err := os.WriteFile(filepath.Join(secrets, "key"), []byte("two\nlines"), 0o600); err != nil {
		t.Fatal(err)
	}
	entered := make(chan struct{}, 16)
	store, sink := outcomeStore(t, entered), sinkTraces(t)
	gone := thirdParty(t, nil)
	gone.Close()
	return start(t, `trace {
			endpoint `+sink.url+`
		}
		plan default {
			rate_limit off
		}
		secrets dir `+secrets+`
		policy store `+store.URL+`/v2 {
			breaker off
			operation order GET "/orders/{{number}}" {
				extract status $.status required
				success vars.status != "refused"
				hint shipped vars.status == "shipped"
			}
		}
		policy limited `+store.URL+` {
			methods GET
			rate_limit 1/h
		}
		policy narrow `+store.URL+` {
			concurrency 1
			timeout 20s
		}
		policy fragile `+store.URL+` {
			breaker 1 consecutive
		}
		policy gone `+gone.URL+`
		policy keyed `+store.URL+` {
			inject bearer {secret.key}
		}`), sink, entered
}

// occupyNarrow has one call of the policy narrow in flight until the test ends.
func (s *sidecar) occupyNarrow(t *testing.T, entered <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.try(ctx, "/narrow/hang")
	}()
	t.Cleanup(func() { cancel(); <-over })
	<-entered
}

func TestEachOutcomeIsToldAlikeInHeadersProblemAndSpans(t *testing.T) {
	s, sink, entered := startOutcomes(t)
	s.occupyNarrow(t, entered)
	for _, outcome := range policy.Outcomes() {
		if outcome == policy.Canceled {
			continue
		}
		t.Run(string(outcome), func(t *testing.T) {
			want, found := outcomeCases[outcome]
			if !found {
				t.Fatalf("the outcome %s has no case", outcome)
			}
			if want.before != "" {
				s.get(want.before)
			}
			if want.method == "" {
				want.method = http.MethodGet
			}
			a := s.send(want.method, want.path, "", want.header...)
			want.checkAnswer(t, outcome, a)
			server, clients := sink.of(a)
			want.checkServerSpan(t, outcome, a, server)
			want.checkClientSpans(t, server, clients)
		})
	}
}

func (want *outcomeCase) checkAnswer(t *testing.T, outcome policy.Outcome, a answer) {
	t.Helper()
	a.want(t, want.status, "Signpost-Route", want.route, "Signpost-Outcome", string(outcome),
		"Signpost-Next", want.next, "Signpost-Policy", want.policy)
	reason, trace := a.Header.Get("Signpost-Reason"), a.Header.Get("Signpost-Trace")
	if want.reason != "" && reason != want.reason || (reason == "") != (outcome == policy.Success) {
		t.Errorf("Signpost-Reason is %q, want %q", reason, want.reason)
	}
	proxyStatus := ""
	if want.token != "" {
		proxyStatus = "signpost; error=" + want.token + `; details="` + reason + `"`
	}
	a.want(t, want.status, "Proxy-Status", proxyStatus)
	if want.title == "" {
		return
	}
	a.want(t, want.status, "Content-Type", "application/problem+json")
	var got map[string]any
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatalf("reading the problem %q: %v", a.body, err)
	}
	for name, value := range map[string]any{
		"type": "urn:signpost:" + string(outcome), "title": want.title, "status": float64(want.status), "detail": reason,
		"outcome": string(outcome), "route": want.route, "next": want.next, "trace_id": trace,
	} {
		if got[name] != value {
			t.Errorf("the problem's %s is %v, want %v", name, got[name], value)
		}
	}
}

func (want *outcomeCase) checkServerSpan(t *testing.T, outcome policy.Outcome, a answer, server sunkSpan) {
	t.Helper()
	if server.name != want.span {
		t.Errorf("the SERVER span is %q, want %q", server.name, want.span)
	}
	name, operation, _ := strings.Cut(want.policy, ".")
	errorType, status := string(outcome), tracepb.Status_STATUS_CODE_UNSET
	if outcome == policy.Success {
		errorType = ""
	}
	if want.status >= 500 {
		status = tracepb.Status_STATUS_CODE_ERROR
	}
	if server.status != status {
		t.Errorf("the SERVER span's status is %v, want %v", server.status, status)
	}
	server.want(t, "signpost.outcome", string(outcome), "signpost.route", want.route, "signpost.next", want.next,
		"signpost.policy", name, "signpost.operation", operation, "signpost.reason", a.Header.Get("Signpost-Reason"),
		"http.request.method", want.method, "http.response.status_code", a.Status[:3], "error.type", errorType)
}

func (want *outcomeCase) checkClientSpans(t *testing.T, server sunkSpan, clients []sunkSpan) {
	t.Helper()
	if want.attempt == "" {
		if len(clients) > 0 {
			t.Errorf("%d CLIENT spans of a call that was not sent, want none", len(clients))
		}
		return
	}
	if len(clients) != 1 {
		t.Fatalf("%d CLIENT spans, want 1", len(clients))
	}
	client, errorType, status := clients[0], want.attempt, tracepb.Status_STATUS_CODE_ERROR
	if want.attempt == "success" {
		errorType, status = "", tracepb.Status_STATUS_CODE_UNSET
	}
	if client.parent != server.id || client.status != status {
		t.Errorf("the CLIENT span has parent %s and status %v, want %s and %v", client.parent, client.status, server.id, status)
	}
	client.want(t, "signpost.outcome", want.attempt, "error.type", errorType, "http.request.method", want.method,
		"server.address", "127.0.0.1", "http.request.resend_count", "")
}

func TestACallWhoseBotGoesAwayIsCanceledAndNobodysFailure(t *testing.T) {
	s, sink, entered := startOutcomes(t)
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	if a, err := s.try(ctx, "/narrow/hang", "Traceparent", "00-"+trace+"-00f067aa0ba902b7-01"); err == nil {
		t.Fatalf("a canceled call was answered: %d", a.StatusCode)
	}
	server, clients := sink.call(trace)
	server.want(t, "signpost.outcome", "canceled", "signpost.next", "", "signpost.route", "", "signpost.policy", "narrow",
		"http.response.status_code", "499", "error.type", "")
	if server.name != "GET /narrow" || server.status != tracepb.Status_STATUS_CODE_UNSET {
		t.Errorf("got span %q with status %v, want GET /narrow without one", server.name, server.status)
	}
	if len(clients) != 1 || clients[0].attributes["signpost.outcome"] != "canceled" {
		t.Errorf("CLIENT spans %+v, want one that is canceled", clients)
	}
	// The slot came back: the next call is answered.
	s.get("/narrow/plain").want(t, 200, "Signpost-Outcome", "success")
}
