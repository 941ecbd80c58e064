package policy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// branching is a policy that has every kind of branch, on both of its layers.
func branching() policy.Spec {
	at := func(line int) policy.Place { return policy.Place{File: "Caddyfile", Line: line} }
	return policy.Spec{Policies: []policy.PolicySpec{{
		Name: "store", BaseURL: "https://store.example",
		Rules: policy.Rules{
			Extracts: []policy.Extract{
				{Var: "eta", Path: "$.eta", Default: json.RawMessage(`"soon"`), Place: at(2)},
				{Var: "note", Path: "$.note", Default: json.RawMessage(`""`), Place: at(3)},
			},
			Hints:     []policy.Hint{{Route: "down", When: `outcome == "server_error"`, Place: at(4)}},
			Fallbacks: []policy.Fallback{{Route: "handoff", Places: policy.Places{"fallback": at(5)}}},
			Otherwise: "else", RateLimitOff: true,
			Breaker: &policy.BreakerSpec{Trip: "off"},
		},
		Operations: []policy.OperationSpec{{
			Name: "order", Method: "GET", Template: "/orders/{{id}}",
			Rules: policy.Rules{
				Extracts:  []policy.Extract{{Var: "eta", Path: "$.delivery.eta", Default: json.RawMessage(`"unknown"`), Place: at(7)}},
				Hints:     []policy.Hint{{Route: "shipped", When: `body.status == "shipped"`, Place: at(8)}},
				Fallbacks: []policy.Fallback{{When: "status == 418", Respond: &policy.Respond{Status: 200, Body: "tea"}, Places: policy.Places{"fallback": at(9)}}},
			},
		}, {Name: "list", Method: "GET", Template: "/orders"}},
		Places: policy.Places{"policy": at(1), "otherwise": at(6)},
	}}, Plans: []policy.Plan{{Name: "default", RateLimitOff: true}}}
}

// answering is a transport that always gives the same answer.
type answering struct {
	status int
	body   string
}

func (a answering) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {"application/json"}}, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(strings.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: req,
	}, nil
}

// took makes a call, and gives the branches that it took, as "line kind".
func took(t *testing.T, path string, given answering, suppose policy.Outcome) []string {
	t.Helper()
	g, err := policy.New(branching(), policy.Options{
		Transport: func(policy.PolicySpec, *dialguard.Guard) (http.RoundTripper, error) { return given, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	call := policy.Call{Policy: "store", Path: path, Suppose: suppose, Took: func(b policy.Branch) {
		if !slices.Contains(g.Branches(), b) {
			t.Errorf("the branch %+v is none of the gateway's", b)
		}
		lines = append(lines, fmt.Sprint(b.Place.Line, " ", b.Kind))
	}}
	resp := g.Answer(httpGet(t, "http://gateway/store"+path), &call)
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return lines
}

func httpGet(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestACallTellsTheBranchesThatItTook(t *testing.T) {
	for _, c := range []struct {
		path    string
		given   answering
		suppose policy.Outcome
		want    []string
	}{
		{"/orders/1", answering{200, `{"status":"shipped","delivery":{"eta":"x"},"note":"n"}`}, "", []string{"8 hint"}},
		{"/orders/1", answering{200, `{"status":"shipped"}`}, "", []string{"7 extract default", "3 extract default", "8 hint"}},
		{"/orders/1", answering{500, `{}`}, "", []string{"7 extract default", "3 extract default", "4 hint", "5 fallback"}},
		{"/orders/1", answering{418, `{"delivery":{"eta":"x"},"note":1}`}, "", []string{"6 otherwise", "9 fallback"}},
		{"/orders", answering{200, `{"eta":"x"}`}, "", []string{"3 extract default", "6 otherwise"}},
		{"/other", answering{200, `{"eta":"x","note":1}`}, "", []string{"6 otherwise"}},
		{"/orders/1", answering{200, `{}`}, policy.CircuitOpen, []string{"7 extract default", "3 extract default", "6 otherwise", "5 fallback"}},
		{"/orders/1", answering{200, `{}`}, policy.Canceled, nil},
	} {
		if got := took(t, c.path, c.given, c.suppose); !slices.Equal(got, c.want) {
			t.Errorf("%s with %v, supposed %q: took %q, want %q", c.path, c.given, c.suppose, got, c.want)
		}
	}
}

func TestBranchesAreEachRuleThatACallCanMeet(t *testing.T) {
	linesOf := func(spec policy.Spec) (lines []string) {
		g, err := policy.New(spec, policy.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range g.Branches() {
			lines = append(lines, fmt.Sprint(b.Place.Line, " ", b.Kind))
		}
		return lines
	}
	want := []string{"2 extract default", "3 extract default", "4 hint", "5 fallback", "6 otherwise", "7 extract default", "8 hint", "9 fallback"}
	if got := linesOf(branching()); !slices.Equal(got, want) {
		t.Errorf("branches are %q, want %q", got, want)
	}
	only := branching()
	p := &only.Policies[0]
	p.OperationsOnly, p.Operations, p.Otherwise = true, p.Operations[:1], ""
	p.Operations[0].Places = policy.Places{"operation": {File: "Caddyfile", Line: 10}}
	want = []string{"7 extract default", "8 hint", "9 fallback", "3 extract default", "4 hint", "5 fallback", "10 default"}
	if got := linesOf(only); !slices.Equal(got, want) {
		t.Errorf("branches of operations alone are %q, want %q", got, want)
	}
}

func TestASupposedOutcomeDecidesACallWithoutSendingIt(t *testing.T) {
	for _, outcome := range []policy.Outcome{
		policy.RateLimited, policy.Overloaded, policy.CircuitOpen, policy.Denied, policy.BadRequest, policy.NotFound, policy.Canceled, policy.Internal,
	} {
		g, err := policy.New(branching(), policy.Options{
			Transport: func(policy.PolicySpec, *dialguard.Guard) (http.RoundTripper, error) {
				return nil, nil // Panics where something is sent.
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		call := policy.Call{Policy: "store", Path: "/orders/1", Suppose: outcome}
		resp := g.Answer(httpGet(t, "http://gateway/"), &call)
		resp.Body.Close()
		if got := call.Verdict().Outcome; got != outcome {
			t.Errorf("supposed %s: the outcome is %s", outcome, got)
		}
	}
	for _, outcome := range []policy.Outcome{policy.Success, policy.Rejected, "nonsense"} {
		g, err := policy.New(branching(), policy.Options{})
		if err != nil {
			t.Fatal(err)
		}
		call := policy.Call{Policy: "store", Path: "/orders/1", Suppose: outcome}
		g.Answer(httpGet(t, "http://gateway/"), &call).Body.Close()
		if got := call.Verdict().Outcome; got != policy.Internal {
			t.Errorf("supposed %s: the outcome is %s, want internal, as it needs an answer", outcome, got)
		}
	}
}
