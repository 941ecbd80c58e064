package policy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// idleTransport answers everything, and counts how often its idle connections
// were closed.
type idleTransport struct{ closed int }

func (*idleTransport) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), ContentLength: 2}, nil
}

func (i *idleTransport) CloseIdleConnections() { i.closed++ }

func TestStopClosesIdleConnectionsOnlyWhenTheLastCallIsOver(t *testing.T) {
	transport := &idleTransport{}
	g, err := policy.New(policy.Spec{Policies: []policy.PolicySpec{{Name: "store", BaseURL: "https://store.example"}}}, policy.Options{
		Transport: func(policy.PolicySpec, *dialguard.Guard) (http.RoundTripper, error) { return transport, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	call := func() *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://store.example/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := g.Policy("store").RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	first, second := call(), call()
	first.Body.Close()
	g.Stop()
	if transport.closed != 0 {
		t.Errorf("closed %d times while a call is in flight, want not yet", transport.closed)
	}
	second.Body.Close()
	if transport.closed != 1 {
		t.Errorf("closed %d times after the last call, want once", transport.closed)
	}
	call().Body.Close() // One that came late, over a connection from before.
	if transport.closed != 2 {
		t.Errorf("closed %d times after a late call, want twice", transport.closed)
	}
}
