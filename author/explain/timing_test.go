package explain_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signpost-gateway/signpost/author/explain"
	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
	"github.com/signpost-gateway/signpost/policy/dialguard"
)

// slow is a transport that takes its time for each step, and tells of them as
// net/http's does. Its answers are those of statuses, one after the other.
type slow struct {
	statuses []int
	n        int
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	trace := httptrace.ContextClientTrace(r.Context())
	s.n++
	if s.n == 1 {
		trace.DNSStart(httptrace.DNSStartInfo{})
		time.Sleep(2 * time.Millisecond)
		trace.DNSDone(httptrace.DNSDoneInfo{})
		trace.ConnectStart("tcp", "192.0.2.1:443")
		trace.ConnectStart("tcp", "192.0.2.2:443")
		time.Sleep(3 * time.Millisecond)
		trace.ConnectDone("tcp", "192.0.2.1:443", errors.New("refused"))
		time.Sleep(2 * time.Millisecond)
		trace.ConnectDone("tcp", "192.0.2.2:443", nil)
	}
	trace.GotConn(httptrace.GotConnInfo{Reused: s.n > 1})
	time.Sleep(time.Millisecond)
	trace.WroteRequest(httptrace.WroteRequestInfo{})
	status := s.statuses[s.n-1]
	if status == 0 {
		time.Sleep(10 * time.Millisecond)
		return nil, io.ErrUnexpectedEOF
	}
	time.Sleep(20 * time.Millisecond)
	trace.GotFirstResponseByte()
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: -1, Request: r,
		Body: &late{strings.NewReader(shipped)},
	}, nil
}

// late is a body that takes its time.
type late struct{ io.Reader }

func (l *late) Read(p []byte) (int, error) {
	time.Sleep(4 * time.Millisecond)
	return l.Reader.Read(p)
}

func (l *late) Close() error { return nil }

// timed makes a call through a recorder, in time that does not pass really.
func timed(t *testing.T, base http.RoundTripper) (*calllog.Entry, explain.Timing) {
	t.Helper()
	var recorder explain.Recorder
	spec := store(&shop{Server: &httptest.Server{URL: "https://api.store.example"}}, func(_ *policy.Spec, p *policy.PolicySpec) {
		p.Retry = &policy.Retry{Attempts: 3, BackoffMin: policy.Duration(time.Nanosecond), BackoffMax: policy.Duration(time.Nanosecond)}
	})
	e := open(t, spec, func(o *policy.Options) {
		o.Transport = func(policy.PolicySpec, *dialguard.Guard) (http.RoundTripper, error) { return recorder.Wrap(base), nil }
	}).order()
	return e, explain.TimingOf(e, recorder.Exchanges())
}

func TestEachStepOfEachAttemptHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, got := timed(t, &slow{statuses: []int{0, 200}})
		want := `{"total_ms":47,"signpost_ms":0,"requests":[
			{"attempt":1,"method":"GET","host":"api.store.example","reused":false,"failed":true,"phases":[
				{"name":"dns","start_ms":0,"duration_ms":2},{"name":"connect","start_ms":2,"duration_ms":5},
				{"name":"request","start_ms":7,"duration_ms":1},{"name":"first byte","start_ms":8,"duration_ms":10}]},
			{"attempt":2,"method":"GET","host":"api.store.example","reused":true,"failed":false,"phases":[
				{"name":"request","start_ms":18,"duration_ms":1},{"name":"first byte","start_ms":19,"duration_ms":20},
				{"name":"body","start_ms":39,"duration_ms":8}]}]}`
		var compact strings.Builder
		if err := json.NewEncoder(&compact).Encode(got); err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer("\n", "", "\t", "").Replace(want)
		if got := strings.TrimSpace(compact.String()); got != text {
			t.Errorf("got\n%s\nwant\n%s", got, text)
		}
	})
}

func TestTheStepsOfACallAreAPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, timing := timed(t, &slow{statuses: []int{200}})
		want := `  attempt 1 GET api.store.example
    dns               2 ms  ██
    connect           5 ms    ██████
    request           1 ms          █
    first byte       20 ms           ██████████████████████
    body              8 ms                                  █████████
  signpost            0 ms
  total              36 ms
`
		got := timing.Text(terminal.Style{})
		if fields(got) != fields(want) {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		for line := range strings.Lines(got) {
			if width := terminal.Width(line); width > 72 {
				t.Errorf("a line takes %d columns: %s", width, line)
			}
		}
	})
}

// fields are the words of a picture, without its bars.
func fields(text string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("█", "", "▏", "").Replace(text)), " ")
}

func TestARealRequestIsTimedFromConnectingToTheLastByte(t *testing.T) {
	s := openShop(t, 200, shipped)
	var recorder explain.Recorder
	g := open(t, store(s, nil), func(o *policy.Options) {
		o.Transport = func(spec policy.PolicySpec, guard *dialguard.Guard) (http.RoundTripper, error) {
			base, err := policy.NewTransport(spec, guard)
			return recorder.Wrap(base), err
		}
	})
	g.order()
	g.order()
	exchanges := recorder.Exchanges()
	if len(exchanges) != 2 {
		t.Fatalf("%d requests were noted, want 2", len(exchanges))
	}
	for i, x := range exchanges {
		if x.Reused != (i == 1) || x.ConnectStart.IsZero() != (i == 1) {
			t.Errorf("request %d: reused %t, connecting began %v", i, x.Reused, x.ConnectStart)
		}
		last := x.Begun
		for name, at := range map[string]time.Time{"connected": x.Connected, "sent": x.Sent, "first byte": x.FirstByte, "headers": x.Headers, "over": x.Over} {
			if at.Before(last) {
				t.Errorf("request %d: %s was at %v, before it began at %v", i, name, at, last)
			}
		}
		if x.Failed {
			t.Errorf("request %d is told to have failed", i)
		}
	}
}

func TestRequestsForTokensAreNoAttempts(t *testing.T) {
	t.Setenv("SIGNPOST_EXPLAIN_TEST_STORE", "s3cr3t-of-the-store")
	s := openShop(t, 200, "")
	s.does(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/token" {
			io.WriteString(w, `{"access_token":"token-of-the-store","token_type":"Bearer","expires_in":3600}`)
			return
		}
		io.WriteString(w, shipped)
	})
	var recorder explain.Recorder
	e := open(t, store(s, func(spec *policy.Spec, p *policy.PolicySpec) {
		spec.Secrets = []policy.SecretSource{{From: "env", Where: "SIGNPOST_EXPLAIN_TEST_"}}
		p.Inject = []policy.Inject{{As: "oauth2", OAuth2: &policy.OAuth2{TokenURL: s.URL + "/token", ClientID: "signpost", ClientSecret: "{secret.store}"}}}
	}), func(o *policy.Options) {
		o.Transport = func(spec policy.PolicySpec, guard *dialguard.Guard) (http.RoundTripper, error) {
			base, err := policy.NewTransport(spec, guard)
			return recorder.Wrap(base), err
		}
	}).order()
	timing := explain.TimingOf(e, recorder.Exchanges())
	if len(timing.Requests) != 2 || timing.Requests[0].Attempt != 0 || timing.Requests[1].Attempt != 1 {
		t.Errorf("got %+v, want a request for a token and an attempt", timing.Requests)
	}
	if text := timing.Text(terminal.Style{}); !strings.Contains(text, "token request POST") || strings.Contains(text, "s3cr3t") {
		t.Errorf("got\n%s", text)
	}
}

func TestARequestWhoseTransportTellsNothingHasNoSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, timing := timed(t, broken{io.ErrUnexpectedEOF})
		if len(e.Attempts) != 4 || len(timing.Requests) != 4 {
			t.Errorf("%d attempts are told of as %d requests, want 4", len(e.Attempts), len(timing.Requests))
		}
		for _, r := range timing.Requests {
			if !r.Failed || len(r.Phases) > 0 {
				t.Errorf("got %+v, want a failed request without steps", r)
			}
		}
	})
}

func TestACallWithoutARequestHasATotalAlone(t *testing.T) {
	if got := explain.TimingOf(&calllog.Entry{}, nil).Text(terminal.Style{}); fields(got) != "signpost 0 ms total 0 ms" {
		t.Errorf("got %q", got)
	}
}

// fixed is a transport whose answers all have this status and body.
type fixed struct {
	status int
	body   io.ReadCloser
	idle   int
}

func (f *fixed) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: f.status, Body: f.body, Request: r}, nil
}

func (f *fixed) CloseIdleConnections() { f.idle++ }

func TestARecorderChangesNothingButBodiesAndNotesNoMoreThanItsBound(t *testing.T) {
	var recorder explain.Recorder
	base := &fixed{status: http.StatusSwitchingProtocols, body: http.NoBody}
	wrapped := recorder.Wrap(base)
	for range 40 {
		resp, err := wrapped.RoundTrip(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://api.store.example/x?token=t0ken", nil))
		if err != nil || resp.Body != http.NoBody {
			t.Fatalf("got %v and the body %v, want that of the transport", err, resp.Body)
		}
		resp.Body.Close()
	}
	if noted := recorder.Exchanges(); len(noted) != 32 || noted[0].Host != "api.store.example" {
		t.Errorf("%d requests were noted, the first to %q; want 32", len(noted), noted[0].Host)
	}
	wrapped.(interface{ CloseIdleConnections() }).CloseIdleConnections()
	if base.idle != 1 {
		t.Errorf("idle connections were closed %d times, want once", base.idle)
	}
}
