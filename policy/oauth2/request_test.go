package oauth2_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/policy/oauth2"
)

const bearer = `{"access_token":"token-1","token_type":"Bearer","expires_in":3600}`

// serve starts an endpoint on a socket and gives a Source for it.
func serve(t testing.TB, c oauth2.Config, h http.HandlerFunc) (*oauth2.Source, oauth2.Credentials) {
	t.Helper()
	server := httptest.NewServer(h)
	transport := new(http.Transport)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	return oauth2.NewSource(c, transport), credentialsFor(server.URL + "/token?tenant=acme")
}

func TestARequestHoldsWhatTheStandardSays(t *testing.T) {
	for _, inBody := range []bool{false, true} {
		var got *http.Request
		s, cr := serve(t, oauth2.Config{AuthInBody: inBody, Scopes: []string{"orders.read", "orders.write"}}, func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil {
				t.Error(err)
			}
			got = r
			io.WriteString(w, bearer)
		})
		cr.Params = url.Values{"audience": {"orders"}, "resource": {"https://a.example", "https://b.example"}}
		wantToken(t, s, cr, "token-1")

		want := url.Values{
			"grant_type": {"client_credentials"}, "scope": {"orders.read orders.write"},
			"audience": {"orders"}, "resource": {"https://a.example", "https://b.example"},
		}
		id, secret, basic := got.BasicAuth()
		if inBody {
			want["client_id"], want["client_secret"] = []string{clientID}, []string{clientSecret}
		} else if !basic || id != url.QueryEscape(clientID) || secret != url.QueryEscape(clientSecret) {
			t.Errorf("Basic: got %q and %q, want both form-encoded", id, secret)
		}
		if basic == inBody {
			t.Errorf("in the body: %v, and Authorization: %v", inBody, basic)
		}
		if got.PostForm.Encode() != want.Encode() {
			t.Errorf("in the body %v: got %s, want %s", inBody, got.PostForm.Encode(), want.Encode())
		}
		if got.Method != http.MethodPost || got.URL.String() != "/token?tenant=acme" || got.Header.Get("Accept") != "application/json" {
			t.Errorf("got %s %s with %v", got.Method, got.URL, got.Header)
		}
	}
}

func TestWhatAnEndpointAnswersInsteadOfATokenIsToldInOurWords(t *testing.T) {
	const echo = ` "error_description":"echo s3cr3t:p@ss%w0rd"`
	for _, c := range []struct {
		name   string
		status int
		body   string
		kind   oauth2.Kind
		code   string
		reason string
	}{
		{"invalid client", 401, `{"error":"invalid_client",` + echo + `}`, oauth2.Denied, "invalid_client", "The token endpoint refused the credentials: invalid_client."},
		{"401 in HTML", 401, "<html>echo", oauth2.Denied, "", "The token endpoint refused the credentials with status 401."},
		{"403", 403, `{"error":"echo"}`, oauth2.Denied, "", "The token endpoint refused the credentials with status 403."},
		{"invalid scope", 400, `{"error":"invalid_scope",` + echo + `}`, oauth2.Denied, "invalid_scope", "The token endpoint refused the credentials: invalid_scope."},
		{"unauthorized client", 400, `{"error":"unauthorized_client"}`, oauth2.Denied, "unauthorized_client", "The token endpoint refused the credentials: unauthorized_client."},
		{"invalid grant", 422, `{"error":"invalid_grant"}`, oauth2.Denied, "invalid_grant", "The token endpoint refused the credentials: invalid_grant."},
		{"a code of its own", 400, `{"error":"echo s3cr3t"}`, oauth2.Denied, "", "The token endpoint refused the credentials with status 400."},
		{"200, but an error", 200, `{"error":"invalid_client"}`, oauth2.Denied, "invalid_client", "The token endpoint refused the credentials: invalid_client."},
		{"an error of its own trouble", 400, `{"error":"temporarily_unavailable"}`, oauth2.Unreachable, "temporarily_unavailable", "The token endpoint answered with the error temporarily_unavailable."},
		{"400 in HTML", 400, "<html>echo", oauth2.Unreachable, "", "The token endpoint answered with status 400."},
		{"400 with another shape", 400, `{"error":{"code":7}}`, oauth2.Unreachable, "", "The token endpoint answered with status 400."},
		{"404", 404, "no echo", oauth2.Unreachable, "", "The token endpoint answered with status 404."},
		{"429", 429, `{"error":"invalid_request"}`, oauth2.Unreachable, "invalid_request", "The token endpoint answered with the error invalid_request."},
		{"503", 503, `{"error":"invalid_client"}`, oauth2.Unreachable, "", "The token endpoint answered with status 503."},
		{"HTML", 200, "<html>echo</html>", oauth2.Unreachable, "", "The token endpoint did not answer with a JSON object."},
		{"nothing", 204, "", oauth2.Unreachable, "", "The token endpoint did not answer with a JSON object."},
		{"a list", 200, "[" + bearer + "]", oauth2.Unreachable, "", "The token endpoint did not answer with a JSON object."},
		{"two answers", 200, bearer + bearer, oauth2.Unreachable, "", "The token endpoint did not answer with a JSON object."},
		{"another object", 200, `{"echo":1}`, oauth2.Unreachable, "", "The token endpoint answered without a token."},
		{"too long", 200, bearer + strings.Repeat(" ", oauth2.MaxAnswer), oauth2.Unreachable, "", "The token endpoint's answer is too long."},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, cr := serve(t, oauth2.Config{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			})
			_, err := get(s, cr)
			e := wantError(t, err, c.kind, c.reason)
			if e.Code != c.code || e.Status != c.status || e.Unwrap() != nil {
				t.Errorf("got code %q, status %d and the cause %v, want %q and %d", e.Code, e.Status, e.Unwrap(), c.code, c.status)
			}
		})
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		var followed atomic.Bool
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			followed.Store(true)
			io.WriteString(w, bearer)
		}))
		defer other.Close()
		s, cr := serve(t, oauth2.Config{}, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, status)
		})
		_, err := get(s, cr)
		wantError(t, err, oauth2.Unreachable, "The token endpoint answered with a redirect.")
		if followed.Load() {
			t.Errorf("%d was followed", status)
		}
	}
}

func TestAnErrorOfTheNetworkCanBeLookedInto(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		_, err = get(oauth2.NewSource(oauth2.Config{}, new(http.Transport)), credentialsFor("http://"+l.Addr().String()+"/s3cr3t"))
		e := wantError(t, err, oauth2.Unreachable, "The token endpoint could not be reached.")
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" || !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got the cause %v, want a refused connection", e.Unwrap())
		}
		if _, ok := errors.AsType[*url.Error](err); ok {
			t.Error("the cause holds the URL")
		}
	})
	t.Run("unknown authority", func(t *testing.T) {
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ErrorLog = discard()
		server.StartTLS()
		defer server.Close()
		_, err := get(oauth2.NewSource(oauth2.Config{}, new(http.Transport)), credentialsFor(server.URL))
		if e := wantError(t, err, oauth2.Unreachable, "The token endpoint could not be reached."); e.Unwrap() == nil {
			t.Error("got no cause, want the certificate's")
		}
	})
	t.Run("broken off", func(t *testing.T) {
		s, cr := serve(t, oauth2.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, bearer)
		})
		_, err := get(s, cr)
		wantError(t, err, oauth2.Unreachable, "The token endpoint's answer broke off.")
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v, want an unexpected EOF as its cause", err)
		}
	})
	t.Run("no URL", func(t *testing.T) {
		_, err := get(oauth2.NewSource(oauth2.Config{}, new(http.Transport)), credentialsFor("http://a/%zzs3cr3t"))
		wantError(t, err, oauth2.Unreachable, "The token endpoint could not be reached.")
	})
}

func TestAHundredWaitingCallsAskOnce(t *testing.T) {
	var asked atomic.Int64
	arrived := make(chan struct{}, 100)
	s, cr := serve(t, oauth2.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		for range 100 {
			<-arrived
		}
		io.WriteString(w, bearer)
	})
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			arrived <- struct{}{}
			if got, err := get(s, cr); got != "token-1" || err != nil {
				t.Errorf("got %q and %v", got, err)
			}
		})
	}
	wg.Wait()
	if got := asked.Load(); got != 1 {
		t.Errorf("the endpoint was asked %d times, want once", got)
	}
}

func TestACallThatGoesAwayTakesNobodyWithIt(t *testing.T) {
	release := make(chan struct{})
	var asked atomic.Int64
	s, cr := serve(t, oauth2.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		<-release
		io.WriteString(w, bearer)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := s.Token(ctx, time.Now(), cr)
	if !endedAs(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's own error", err)
	}
	close(release)
	wantToken(t, s, cr, "token-1")
	if got := asked.Load(); got != 1 {
		t.Errorf("the endpoint was asked %d times, want once", got)
	}
}

func TestCredentialsAndTokensCannotBePrinted(t *testing.T) {
	cr := credentialsFor("https://auth.example/s3cr3t")
	token := oauth2.Token{Value: "token-1"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, v := range []any{cr, &cr, token, &token, []any{cr, token}} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, "s3cr3t") || strings.Contains(got, "token-1") || strings.Contains(got, "store") {
				t.Errorf("%s of %T: got %s", verb, v, got)
			}
		}
	}
	for _, got := range []string{logged(cr), logged(token), logged(&cr), logged(&token)} {
		if !strings.Contains(got, `"[redacted]"`) || strings.Contains(got, "s3cr3t") || strings.Contains(got, "token-1") {
			t.Errorf("logged: got %s", got)
		}
	}
}
