package docs_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// envelopeSchema compiles the schema of envelopes, which the schema of schemas
// tests by that.
func envelopeSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("envelope.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// delivered is an envelope as it may be, with some members changed; a nil one is
// removed.
func delivered(changes map[string]any) map[string]any {
	e := map[string]any{
		"ok": true, "route": "shipped", "next": "continue", "outcome": "success", "status": 200.0,
		"vars": map[string]any{"status": "shipped", "lines": []any{1.0, nil}}, "data": map[string]any{"order": map[string]any{}},
		"error": null, "policy": "store.order_status", "attempts": 1.0, "latency_ms": 43.0, "trace_id": strings.Repeat("4bf92f35", 4),
	}
	maps.Copy(e, changes)
	maps.DeleteFunc(e, func(_ string, v any) bool { return v == nil })
	for name, v := range e {
		if v == null {
			e[name] = nil
		}
	}
	return e
}

// null stands for JSON's null where nil says that there is nothing.
const null = nothing("null")

type nothing string

func TestTheEnvelopesSchemaTellsGoodFromBad(t *testing.T) {
	failed := func(changes map[string]any) map[string]any {
		all := map[string]any{
			"ok": false, "outcome": "timeout", "status": 504.0, "data": null,
			"error": map[string]any{"code": "timeout", "message": "Too late.", "retry_after": 12.0},
		}
		maps.Copy(all, changes)
		return delivered(all)
	}
	schema := envelopeSchema(t)
	for name, e := range map[string]map[string]any{
		"a success":            delivered(nil),
		"no policy":            failed(map[string]any{"policy": "", "outcome": "not_found", "attempts": 0.0}),
		"a fallback's data":    failed(map[string]any{"data": "sorry", "status": 200.0}),
		"no time to come back": failed(map[string]any{"error": map[string]any{"code": "timeout", "message": "Too late."}}),
		"omitted data":         delivered(map[string]any{"data": null, "omitted": []any{"data"}}),
		"omitted variables":    delivered(map[string]any{"data": null, "vars": map[string]any{}, "omitted": []any{"data", "vars"}}),
	} {
		if err := schema.Validate(e); err != nil {
			t.Errorf("%s is refused: %v", name, err)
		}
	}
	for name, e := range map[string]map[string]any{
		"one member more":         delivered(map[string]any{"fallback": "stale"}),
		"no variables":            delivered(map[string]any{"vars": nil}),
		"no data":                 delivered(map[string]any{"data": nil}),
		"an outcome of its own":   failed(map[string]any{"outcome": "canceled"}),
		"a success that is not":   delivered(map[string]any{"ok": false}),
		"a success with an error": failed(map[string]any{"outcome": "success", "ok": true}),
		"a failure that is ok":    failed(map[string]any{"ok": true}),
		"a failure without error": failed(map[string]any{"error": null}),
		"a message of nothing":    failed(map[string]any{"error": map[string]any{"code": "timeout", "message": ""}}),
		"a route of two words":    delivered(map[string]any{"route": "a b"}),
		"no route":                delivered(map[string]any{"route": ""}),
		"a status as text":        delivered(map[string]any{"status": "200"}),
		"a variable in capitals":  delivered(map[string]any{"vars": map[string]any{"Status": 1.0}}),
		"half a millisecond":      delivered(map[string]any{"latency_ms": 0.5}),
		"nothing omitted":         delivered(map[string]any{"omitted": []any{}}),
		"omitted, but there":      delivered(map[string]any{"omitted": []any{"data"}}),
		"variables omitted, but":  delivered(map[string]any{"data": null, "omitted": []any{"vars"}}),
	} {
		if err := schema.Validate(e); err == nil {
			t.Errorf("%s passes: %v", name, e)
		}
	}
}

func TestTheEnvelopesSchemaKnowsEveryOutcomeThatABotSees(t *testing.T) {
	var schema struct {
		Properties struct {
			Outcome struct{ Enum []policy.Outcome }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "docs/envelope.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(policy.Outcomes(), func(o policy.Outcome) bool { return o == policy.Canceled })
	if got := schema.Properties.Outcome.Enum; !slices.Equal(got, want) {
		t.Errorf("the schema's outcomes are %q; want %q", got, want)
	}
}

// answering is a third party without a network.
type answering func(*http.Request) (*http.Response, error)

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWhatTheGatewayAnswersWithIsWhatTheEnvelopesSchemaSays(t *testing.T) {
	schema := envelopeSchema(t)
	for name, c := range map[string]struct {
		status int
		body   string
		size   policy.Size
	}{
		"JSON": {200, `{"status":"shipped","lines":[1]}`, 0}, "text": {404, "nothing here", 0}, "a redirect": {302, "", 0},
		"an error": {503, `{"status":null}`, 0}, "an unheard-of status": {799, `{}`, 0}, "much": {200, `{"status":"x","more":"` + strings.Repeat("x", 2000) + `"}`, 1024},
		"too much": {200, `{"status":"` + strings.Repeat("x", 2000) + `"}`, 1024},
	} {
		transport := answering(func(r *http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: c.status, Header: http.Header{"Retry-After": {"7"}}, Body: io.NopCloser(strings.NewReader(c.body)),
				ContentLength: int64(len(c.body)), Request: r,
			}, nil
		})
		g, err := policy.New(policy.Spec{Policies: []policy.PolicySpec{{
			Name: "store", BaseURL: "https://api.store.example/v2", Rules: policy.Rules{
				Reply: &policy.Reply{As: "envelope", Size: c.size}, Extracts: []policy.Extract{{Var: "status", Path: "$.status"}},
			},
		}}}, policy.Options{Transport: func(policy.PolicySpec, *dialguard.Guard) (http.RoundTripper, error) { return transport, nil }})
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://store/orders/7", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := g.Policy("store").RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		envelope, err := jsonschema.UnmarshalJSON(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatalf("%s: reading the envelope: %v", name, err)
		}
		if err := schema.Validate(envelope); err != nil {
			t.Errorf("%s: %v is refused: %v", name, envelope, err)
		}
	}
}
