package policy_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// thirdParty is a transport that answers without a network.
type thirdParty func(*http.Request) (*http.Response, error)

func (f thirdParty) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	return f(r)
}

// says is a third party that always gives the same JSON answer.
func says(status int, body string) thirdParty {
	return func(r *http.Request) (*http.Response, error) { return reply(r, status, body), nil }
}

// reply makes an answer to r.
func reply(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}
}

// open compiles a Spec whose policies all call the same third party.
func open(t testing.TB, spec policy.Spec, upstream http.RoundTripper, options ...func(*policy.Options)) *policy.Gateway {
	t.Helper()
	o := policy.Options{Transport: func(policy.PolicySpec, *dialguard.Guard) (http.RoundTripper, error) { return upstream, nil }}
	for _, set := range options {
		set(&o)
	}
	g, err := policy.New(spec, o)
	if err != nil {
		t.Fatalf("compiling: %v", err)
	}
	return g
}

// store is a Spec with one policy of these rules, whose tenants have no limits.
func store(rules policy.Rules) policy.Spec {
	return policy.Spec{
		Plans:    []policy.Plan{{Name: "default", RateLimitOff: true}},
		Policies: []policy.PolicySpec{{Name: "store", BaseURL: "https://api.store.example/v2", Rules: rules}},
	}
}

// call sends a request through the policy "store" and reads the answer.
func call(t testing.TB, g *policy.Gateway, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := g.Policy("store").RoundTrip(req)
	if err != nil {
		t.Fatalf("RoundTrip gave an error: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	return resp, string(body)
}

// request makes a request of the tenant acme.
func request(method, path, body string) *http.Request {
	req, err := http.NewRequestWithContext(policy.WithTenant(context.Background(), "acme"), method, "http://store"+path, bytes.NewBufferString(body))
	if err != nil {
		panic(err)
	}
	if body == "" {
		req.Body = http.NoBody
	}
	return req
}
