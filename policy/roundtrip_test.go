package policy_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/signpost-gateway/signpost/policy"
)

// closes tells whether a body was closed.
type closes struct {
	io.Reader
	closed atomic.Bool
}

func (c *closes) Close() error {
	c.closed.Store(true)
	return nil
}

func TestTheBodyOfARequestIsClosedHoweverTheCallEnds(t *testing.T) {
	for name, c := range map[string]struct {
		spec     func(*policy.Spec)
		upstream thirdParty
	}{
		"a refusal": {func(s *policy.Spec) { s.Policies[0].Methods = []string{"GET"} }, says(200, `{}`)},
		"a success": {func(*policy.Spec) {}, reads},
		"a failure": {func(*policy.Spec) {}, breaks},
	} {
		spec := store(policy.Rules{})
		c.spec(&spec)
		body := &closes{Reader: strings.NewReader("hello")}
		req := request(http.MethodPost, "/", "x")
		req.Body, req.ContentLength = body, 5
		call(t, open(t, spec, c.upstream), req)
		if !body.closed.Load() {
			t.Errorf("%s: the body was not closed", name)
		}
	}
}

func TestAFaultUnderTracingStillEndsTheCall(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	var told int
	panics := thirdParty(func(*http.Request) (*http.Response, error) { panic("a fault") })
	g := open(t, store(policy.Rules{}), panics, func(o *policy.Options) {
		o.Tracing.Provider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
		o.Observe = func(*policy.Record) { told++ }
	})
	if resp, _ := call(t, g, request(http.MethodGet, "/", "")); resp.StatusCode != 500 {
		t.Errorf("status %d, want 500", resp.StatusCode)
	}
	if n := len(recorder.Ended()); n != 2 || told != 1 {
		t.Errorf("%d spans ended and %d records were told, want 2 and 1", n, told)
	}
}

func TestRequestsMayShareTheContextOfATenant(t *testing.T) {
	g := open(t, store(policy.Rules{}), says(200, `{}`))
	ctx := policy.WithTenant(t.Context(), "acme")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { call(t, g, request(http.MethodGet, "/", "").WithContext(ctx)) })
	}
	all.Wait()
}

func TestHooksOfTheCallersContextSeeNothingOfTheCall(t *testing.T) {
	var seen atomic.Bool
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GetConn: func(string) { seen.Store(true) }})
	g := open(t, store(policy.Rules{}), thirdParty(func(r *http.Request) (*http.Response, error) {
		if hooks := httptrace.ContextClientTrace(r.Context()); hooks != nil {
			hooks.GetConn("x")
		}
		return reply(r, 200, `{}`), nil
	}))
	call(t, g, request(http.MethodGet, "/", "").WithContext(ctx))
	if seen.Load() {
		t.Error("a hook of the caller's was called")
	}
}

func TestAnAnswerMayBeClosedWhileItIsRead(t *testing.T) {
	g := open(t, store(policy.Rules{}), thirdParty(func(r *http.Request) (*http.Response, error) {
		server, bot := io.Pipe()
		context.AfterFunc(r.Context(), func() { bot.CloseWithError(context.Cause(r.Context())) })
		go io.WriteString(bot, "data: one\n\n")
		resp := reply(r, 200, "")
		resp.Header.Set("Content-Type", "text/event-stream")
		resp.Body, resp.ContentLength = server, -1
		return resp, nil
	}))
	for range 20 {
		resp, err := g.Policy("store").RoundTrip(request(http.MethodGet, "/", ""))
		if err != nil {
			t.Fatal(err)
		}
		first := make(chan struct{})
		done := make(chan error, 1)
		go func() {
			_, err := io.ReadFull(resp.Body, make([]byte, 4))
			close(first)
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
			}
			done <- err
		}()
		<-first
		resp.Body.Close()
		if err := <-done; err == nil {
			t.Error("reading on after Close gave no error")
		}
	}
}

func TestAnAnswerToHEADHasNoBodyButItsLength(t *testing.T) {
	up := true
	g := open(t, store(policy.Rules{Fallbacks: []policy.Fallback{{Stale: seconds(60), Respond: &policy.Respond{Status: 200, Body: "sorry"}}}}),
		thirdParty(func(r *http.Request) (*http.Response, error) {
			if !up {
				return nil, errReset
			}
			resp := reply(r, 200, "")
			resp.Header.Set("Content-Length", "1234")
			resp.ContentLength = 1234
			return resp, nil
		}))
	for path, c := range map[string]struct{ length, fallback string }{"/known": {"1234", "stale"}, "/unknown": {"5", "static"}} {
		up = path == "/known"
		if up {
			call(t, g, request(http.MethodHead, path, ""))
		}
		up = false
		resp, body := call(t, g, request(http.MethodHead, path, ""))
		if body != "" || resp.Header.Get("Content-Length") != c.length || resp.Header.Get("Signpost-Fallback") != c.fallback {
			t.Errorf("%s: body %q, length %s, fallback %q; want none, %s, %q", path, body, resp.Header.Get("Content-Length"), resp.Header.Get("Signpost-Fallback"), c.length, c.fallback)
		}
	}
}

func TestSuccessIsAskedOfAHEADWhereItNeedsNoBody(t *testing.T) {
	g := open(t, store(policy.Rules{Success: "status == 200"}), says(202, ``))
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		if resp, _ := call(t, g, request(method, "/", "")); resp.Header.Get("Signpost-Outcome") != "rejected" {
			t.Errorf("%s is %s, want rejected", method, resp.Header.Get("Signpost-Outcome"))
		}
	}
}

func TestAProtocolIsChangedOnlyToWhatTheBotAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		asked    http.Header
		upgrade  string
		answered string
	}{
		"nobody asked":                 {http.Header{}, "", "incomplete"},
		"another one":                  {http.Header{"Connection": {"Upgrade"}, "Upgrade": {"chat"}}, "other", "incomplete"},
		"without Connection":           {http.Header{"Upgrade": {"chat"}}, "chat", "incomplete"},
		"to HTTP/2, past every limit":  {http.Header{"Connection": {"Upgrade"}, "Upgrade": {"h2c"}}, "h2c", "incomplete"},
		"the one that was asked for":   {http.Header{"Connection": {"Upgrade"}, "Upgrade": {"chat"}}, "chat", "success"},
		"the same in another spelling": {http.Header{"Connection": {"upgrade"}, "Upgrade": {"Chat"}}, "chat", "success"},
	} {
		g := open(t, store(policy.Rules{}), thirdParty(func(r *http.Request) (*http.Response, error) {
			resp := reply(r, 101, "")
			resp.Header.Set("Upgrade", c.upgrade)
			return resp, nil
		}))
		req := request(http.MethodGet, "/", "")
		for n, v := range c.asked {
			req.Header[n] = v
		}
		if resp, _ := call(t, g, req); resp.Header.Get("Signpost-Outcome") != c.answered {
			t.Errorf("%s: %s, want %s", name, resp.Header.Get("Signpost-Outcome"), c.answered)
		}
	}
}

func TestARetryDoesNotBeginWithABodyThatIsAboutToBeTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot, body := io.Pipe()
		attempts := 0
		g := open(t, store(policy.Rules{Peek: 64, Retry: &policy.Retry{Attempts: 1, BackoffMin: seconds(0.5), BackoffMax: seconds(0.5)}}),
			thirdParty(func(r *http.Request) (*http.Response, error) {
				attempts++
				_, err := io.ReadFull(r.Body, make([]byte, 3))
				go io.ReadFull(r.Body, make([]byte, 1)) // As a transport that reads on.
				time.Sleep(time.Millisecond)
				return reply(r, 503, `{}`), err
			}))
		req := request(http.MethodPut, "/", "x")
		req.Body, req.ContentLength = bot, -1
		go func() {
			io.WriteString(body, "abc")
			time.Sleep(100 * time.Millisecond)
			io.WriteString(body, strings.Repeat("x", 100))
			body.Close()
		}()
		if resp, _ := call(t, g, req); resp.StatusCode != 503 || attempts != 1 {
			t.Errorf("status %d after %d attempts, want 503 after one", resp.StatusCode, attempts)
		}
		time.Sleep(time.Second) // Until the bot is through.
	})
}

func TestABodyThatCannotBeReadIsTheCallersFault(t *testing.T) {
	req := request(http.MethodPost, "/", "x")
	req.Body, req.ContentLength = io.NopCloser(iotest.ErrReader(errors.New("disk broken"))), 10
	if resp, _ := call(t, open(t, store(policy.Rules{}), reads), req); resp.Header.Get("Signpost-Outcome") != "bad_request" {
		t.Errorf("got %q, want bad_request", resp.Header.Get("Signpost-Outcome"))
	}
}

func TestCredentialsThatTheBotSentAreNotShownByATrace(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	rules := policy.Rules{Hints: []policy.Hint{{Route: "x", When: `request.headers["authorization"] == "a" || request.query.token == "b"`}}}
	g := open(t, store(rules), says(200, `{}`), func(o *policy.Options) {
		o.Tracing.Provider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	})
	req := request(http.MethodGet, "/?token=sesame-q&sesame-bare", "")
	req.Header.Set("Authorization", "sesame-h")
	call(t, g, req)
	for _, span := range recorder.Ended() {
		for _, a := range span.Attributes() {
			if strings.Contains(a.Value.String(), "sesame") {
				t.Errorf("%s holds %s", a.Key, a.Value.String())
			}
		}
		for _, event := range span.Events() {
			for _, a := range event.Attributes {
				if strings.Contains(a.Value.String(), "sesame") {
					t.Errorf("%s holds %s", a.Key, a.Value.String())
				}
			}
		}
	}
}
