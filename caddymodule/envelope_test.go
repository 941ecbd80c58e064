package caddymodule_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/signpost-gateway/signpost/policy"
)

// envelope is what an envelope says, beside what its schema tests.
type envelope struct {
	Route    string          `json:"route"`
	Next     string          `json:"next"`
	Outcome  policy.Outcome  `json:"outcome"`
	Status   int             `json:"status"`
	Vars     map[string]any  `json:"vars"`
	Data     json.RawMessage `json:"data"`
	Policy   string          `json:"policy"`
	Attempts int             `json:"attempts"`
	Trace    string          `json:"trace_id"`
	Error    *struct {
		Code    policy.Outcome `json:"code"`
		Message string         `json:"message"`
	} `json:"error"`
}

// unwrap reads an envelope that its published schema accepts.
func (a answer) unwrap(t *testing.T) envelope {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(a.body))
	if err != nil {
		t.Fatalf("reading the envelope %q: %v", a.body, err)
	}
	schema, err := jsonschema.NewCompiler().Compile("../docs/envelope.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Errorf("the envelope %s is not as its schema says: %v", a.body, err)
	}
	var e envelope
	if err := json.Unmarshal([]byte(a.body), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEachOutcomeIsToldAlikeInEnvelopeAndHeaders(t *testing.T) {
	s, sink, entered := startOutcomes(t)
	s.occupyNarrow(t, entered)
	for _, outcome := range policy.Outcomes() {
		if outcome == policy.Canceled {
			continue // Nobody is left to read it.
		}
		t.Run(string(outcome), func(t *testing.T) {
			want := outcomeCases[outcome]
			if want.before != "" {
				s.get(want.before)
			}
			if want.method == "" {
				want.method = http.MethodGet
			}
			a := s.send(want.method, want.path, "", slices.Concat(want.header, []string{"Signpost-Reply", "envelope"})...)
			want.checkEnvelope(t, outcome, a)
			server, clients := sink.of(a)
			server.want(t, "signpost.outcome", string(outcome), "signpost.route", want.route, "signpost.next", want.next)
			want.checkClientSpans(t, server, clients)
		})
	}
}

func (want *outcomeCase) checkEnvelope(t *testing.T, outcome policy.Outcome, a answer) {
	t.Helper()
	reason, proxyStatus := a.Header.Get("Signpost-Reason"), ""
	if want.token != "" {
		proxyStatus = "signpost; error=" + want.token + `; details="` + reason + `"`
	}
	a.want(t, 200, "Content-Type", "application/json", "Cache-Control", "no-store", "Retry-After", "", "Signpost-Route", want.route,
		"Signpost-Outcome", string(outcome), "Signpost-Next", want.next, "Signpost-Policy", want.policy, "Proxy-Status", proxyStatus)
	e := a.unwrap(t)
	if e.Route != want.route || e.Next != want.next || e.Outcome != outcome || e.Status != want.status || e.Policy != want.policy {
		t.Errorf("the envelope is %s; want %s, %s, %s, %d, %s", a.body, want.route, want.next, outcome, want.status, want.policy)
	}
	sent := 1
	if want.attempt == "" {
		sent = 0
	}
	if e.Attempts != sent || e.Trace != a.Header.Get("Signpost-Trace") {
		t.Errorf("%d attempts in the trace %s; want %d in %s", e.Attempts, e.Trace, sent, a.Header.Get("Signpost-Trace"))
	}
	if outcome == policy.Success {
		if reason != "" || e.Error != nil {
			t.Errorf("a success has reason %q and error %v", reason, e.Error)
		}
	} else if e.Error == nil || e.Error.Code != outcome || e.Error.Message != reason || want.reason != "" && reason != want.reason {
		t.Errorf("the error is %+v; want %s, %q", e.Error, outcome, want.reason)
	}
	if own := want.title != ""; own != (string(e.Data) == "null") {
		t.Errorf("the data is %s; want the third party's where it answered", e.Data)
	}
}

func TestABotThatUpgradesOrStreamsGetsNoEnvelope(t *testing.T) {
	store := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: 1\n\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"a":1}`)
	})
	s := start(t, "policy store "+store.URL)
	if a := s.get("/store/events", "Signpost-Reply", "envelope"); a.body != "data: 1\n\n" || a.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("a stream of events is %q of type %s", a.body, a.Header.Get("Content-Type"))
	}
	// An upgrade that is not granted is an answer like any other.
	a := s.get("/store/x", "Signpost-Reply", "envelope", "Connection", "Upgrade", "Upgrade", "chat")
	a.want(t, 200, "Content-Type", "application/json", "Signpost-Route", "success")
	if e := a.unwrap(t); string(e.Data) != `{"a":1}` {
		t.Errorf("data %s; want the answer", e.Data)
	}
	head := s.send(http.MethodHead, "/store/x", "", "Signpost-Reply", "envelope")
	head.want(t, 200, "Content-Type", "application/json", "Content-Length", "", "Signpost-Route", "success")
}

func TestAnEnvelopeLeavesTheConnectionFitForTheNextCall(t *testing.T) {
	store := thirdParty(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 300<<10)) })
	s := start(t, "plan default {\nrate_limit off\n}\npolicy store "+store.URL)
	for range 3 {
		a := s.send(http.MethodPost, "/store/x", strings.Repeat("y", 100<<10), "Signpost-Reply", "envelope")
		a.want(t, 200, "Connection", "", "Signpost-Outcome", "success")
		if e := a.unwrap(t); string(e.Data) != "null" || !strings.Contains(a.body, `"omitted":["data"]`) {
			t.Errorf("the envelope is %s; want one without data", a.body)
		}
	}
}
