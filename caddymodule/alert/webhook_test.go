package alert

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// webhookTo gives a webhook of an address that is at a server.
func webhookTo(t testing.TB, address string, server *httptest.Server) *webhook {
	t.Helper()
	o := Options{Config: &Config{Webhook: address}, Secret: lookup(map[string]string{"hook": "http://hooks.example.com/sesame-sesame", "bad": "sesame sesame"})}
	if server != nil {
		o.dial = dialing(server.Listener.Addr().String())
	}
	o.fill()
	return newWebhook(&o)
}

func TestAWebhookGetsATextAsSlackWantsIt(t *testing.T) {
	got := make(chan *http.Request, 1)
	body := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		body <- string(raw)
		got <- r
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // It is not followed.
	l := letter{recipients: []string{"webhook"}, short: short([]string{"store fails: <!channel> & \"more\"", "second"})}
	for _, address := range []string{"http://hooks.example.com/sesame-sesame", "{secret.hook}"} {
		if r := webhookTo(t, address, server).deliver(patiently(t), l); !reflect.DeepEqual(r, result{}) {
			t.Fatalf("got %+v", r)
		}
		r := <-got
		if r.Method != http.MethodPost || r.URL.Path != "/sesame-sesame" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %s %s with %v", r.Method, r.URL, r.Header)
		}
		var sent map[string]string
		if err := json.Unmarshal([]byte(<-body), &sent); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"text": "store fails: &lt;!channel&gt; &amp; \"more\"\nsecond"}
		if !reflect.DeepEqual(sent, want) {
			t.Errorf("got %q, want %q", sent, want)
		}
	}
}

func TestWhatAWebhookAnswersDecidesWhenItIsTriedAgain(t *testing.T) {
	left := []string{"webhook"}
	for name, c := range map[string]struct {
		status int
		header string
		want   result
	}{
		"a fault":               {status: 500, want: result{left: left}},
		"unavailable":           {status: 503, header: "60", want: result{left: left, wait: time.Minute}},
		"too many":              {status: 429, header: "120", want: result{left: left, wait: 2 * time.Minute}},
		"too many, no time":     {status: 429, want: result{left: left}},
		"gone":                  {status: 404, want: result{left: left, hold: true}},
		"a redirect":            {status: 307, want: result{left: left, hold: true}},
		"a redirect after POST": {status: 302, want: result{left: left, hold: true}},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls++
				w.Header().Set("Retry-After", c.header)
				w.Header().Set("Location", "/elsewhere/sesame-sesame")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, strings.Repeat("no, sesame-sesame ", 1<<16))
			}))
			r := webhookTo(t, "{secret.hook}", server).deliver(patiently(t), letter{recipients: left, short: "text"})
			server.Close()
			if want := "the webhook answered " + strconv.Itoa(c.status); r.trouble != want {
				t.Errorf("got %q, want %q", r.trouble, want)
			}
			r.trouble = ""
			if !reflect.DeepEqual(r, c.want) || calls != 1 {
				t.Errorf("got %+v and %d calls, want %+v and 1", r, calls, c.want)
			}
		})
	}
}

func TestNoErrorOfAWebhookQuotesItsAddress(t *testing.T) {
	hanging := scripted(t)
	garbage := scripted(t, "sesame-sesame\r\n")
	endless := scripted(t, "HTTP/1.1 200 OK\r\nA: "+strings.Repeat("sesame-sesame", 2*maxHeader/13))
	plain, _ := certificate(t)
	trusted := listen(t)
	secured := tls.NewListener(trusted, plain)
	go func() {
		for {
			conn, err := secured.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).Handshake()
			_ = conn.Close()
		}
	}()
	defer secured.Close()
	closed := listen(t)
	_ = closed.Close()
	for name, c := range map[string]struct{ webhook, at, want string }{
		"hangs":              {"{secret.hook}", hanging, "the webhook did not answer in time"},
		"garbage":            {"{secret.hook}", garbage, "the webhook gave no usable answer"},
		"endless headers":    {"{secret.hook}", endless, "the webhook gave no usable answer"},
		"down":               {"{secret.hook}", closed.Addr().String(), "connecting to the webhook: connection refused"},
		"no host":            {"http://sesame-sesame.invalid/", "", "the webhook's host was not found"},
		"not trusted":        {"https://hooks.example.com/sesame-sesame", trusted.Addr().String(), "the webhook's certificate is not trusted"},
		"no address":         {"{secret.bad}", hanging, "reading the webhook's address: expected an http or https URL"},
		"the secret is gone": {"{secret.gone}", hanging, "reading the webhook's address: looking up {secret.gone}: secret not found"},
	} {
		t.Run(name, func(t *testing.T) {
			w := webhookTo(t, c.webhook, nil)
			if c.at != "" {
				w.client.Transport.(*http.Transport).DialContext = dialing(c.at)
			}
			ctx := patiently(t)
			if name == "hangs" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
				defer cancel()
			}
			r := w.deliver(ctx, letter{recipients: []string{"webhook"}, short: "text"})
			if strings.Contains(r.trouble, "sesame") {
				t.Errorf("%q quotes the address", r.trouble)
			}
			if r.trouble != c.want || len(r.left) != 1 || r.wait != 0 {
				t.Errorf("got %+v, want %q", r, c.want)
			}
		})
	}
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	now := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		" 90 ":                          90 * time.Second,
		"-1":                            0,
		"1.5":                           0,
		"99999999999999999999":          0,
		"Fri, 20 Nov 2026 15:01:00 GMT": time.Minute,
		"Fri, 20 Nov 2026 14:00:00 GMT": 0,
		"soon":                          0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("got %v for %q, want %v", got, value, want)
		}
	}
}

func FuzzRetryAfterIsNeverNegative(f *testing.F) {
	for _, seed := range []string{"", "1", "4294967295", "Fri, 20 Nov 2026 15:01:00 GMT", "-5"} {
		f.Add(seed)
	}
	now := time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		if got := retryAfter(value, now); got < 0 {
			t.Errorf("got %v for %q", got, value)
		}
	})
}
