package oauth2_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy/oauth2"
)

const (
	clientID     = "store client/1+é"
	clientSecret = "s3cr3t:p@ss%w0rd"
)

// credentialsFor gives credentials for an endpoint.
func credentialsFor(tokenURL string) oauth2.Credentials {
	return oauth2.Credentials{TokenURL: tokenURL, ID: clientID, Secret: clientSecret, Params: url.Values{"audience": {"orders"}}}
}

// endpoint is a token endpoint without a network, for tests that move the clock.
type endpoint struct {
	asked  atomic.Int64
	answer func(n int64, r *http.Request) (*http.Response, error)
}

func (e *endpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	return e.answer(e.asked.Add(1), r)
}

// want checks how many requests there were.
func (e *endpoint) want(t *testing.T, n int64, when string) {
	t.Helper()
	if got := e.asked.Load(); got != n {
		t.Fatalf("%s the endpoint was asked %d times, want %d", when, got, n)
	}
}

// granting gives an endpoint whose n-th token is token-n, after a while.
func granting(lifetime, after time.Duration) *endpoint {
	return &endpoint{answer: func(n int64, r *http.Request) (*http.Response, error) {
		time.Sleep(after)
		return say(r, 200, fmt.Sprintf(`{"access_token":"token-%d","token_type":"Bearer","expires_in":%d}`, n, int64(lifetime.Seconds())))
	}}
}

func say(r *http.Request, status int, body string) (*http.Response, error) {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// hang answers when the request's context ends.
func hang(_ int64, r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// get asks for a token now.
func get(s *oauth2.Source, cr oauth2.Credentials) (string, error) {
	token, err := s.Token(context.Background(), time.Now(), cr)
	return token.Value, err
}

// wantToken checks that a token is had now.
func wantToken(t *testing.T, s *oauth2.Source, cr oauth2.Credentials, want string) {
	t.Helper()
	if got, err := get(s, cr); got != want || err != nil {
		t.Fatalf("got %q and %v, want %q", got, err, want)
	}
}

// wantError checks an error's kind and reason, and that it tells no secrets.
func wantError(t *testing.T, err error, kind oauth2.Kind, reason string) *oauth2.Error {
	t.Helper()
	e, ok := errors.AsType[*oauth2.Error](err)
	if !ok {
		t.Fatalf("got %#v, want an *Error: %s", err, reason)
	}
	if e.Kind != kind || e.Reason() != reason {
		t.Errorf("got %s: %q, want %s: %q", e.Kind, e.Reason(), kind, reason)
	}
	for _, text := range []string{e.Error(), e.Reason(), fmt.Sprint(e), fmt.Sprintf("%+v", err)} {
		for _, secret := range []string{clientSecret, clientID, url.QueryEscape(clientSecret), "s3cr3t", "echo", "token-"} {
			if strings.Contains(text, secret) {
				t.Errorf("the error %q holds %q", text, secret)
			}
		}
	}
	return e
}

// endedAs reports whether an error is that of the caller's context, and not of
// the request for a token.
func endedAs(err, want error) bool {
	_, ours := errors.AsType[*oauth2.Error](err)
	return !ours && errors.Is(err, want)
}
