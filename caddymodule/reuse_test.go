package caddymodule_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

func TestABotGoesOnWithItsConnectionAfterARefusedUpload(t *testing.T) {
	var arrived atomic.Int32
	third := thirdParty(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		arrived.Add(1)
	})
	s := start(t, `plan default {
		rate_limit 1/h
	}
	policy narrow `+third.URL+` {
		methods GET
		fallback outcome == "denied" {
			respond 200 text/plain "no"
		}
	}
	policy store `+third.URL)
	s.send(http.MethodPost, "/store/x", "{}").want(t, 200, "Signpost-Outcome", "success")
	fresh := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if !info.Reused {
			fresh++
		}
	}})
	for i := range 60 {
		for path, outcome := range map[string]string{"/nope": "not_found", "/call/store/x": "not_found", "/narrow/x": "denied", "/store/x": "rate_limited", "/store/../x": "bad_request"} {
			body := strings.Repeat("x", []int{2, 1000, 100_000}[i%3])
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://sidecar", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.URL.Opaque = path
			a, err := s.ask(req)
			if err != nil {
				t.Fatalf("POST %s of %d bytes: %v", path, len(body), err)
			}
			if got := a.Header.Get("Signpost-Outcome"); got != outcome {
				t.Errorf("POST %s is %q, want %q", path, got, outcome)
			}
		}
	}
	// An upload of which the rest is late costs its connection, but no error.
	if fresh > 30 {
		t.Errorf("300 refusals took %d new connections, want the first and few more", fresh)
	}
	if n := arrived.Load(); n != 1 {
		t.Errorf("%d calls arrived at the third party, want 1", n)
	}
}

func TestAThirdPartySeesNoRequestTwiceUnlessARetryIsAllowed(t *testing.T) {
	var seen atomic.Int32
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	// Each connection answers once, and breaks when it has read another request.
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				requests := bufio.NewReader(conn)
				for n := 0; ; n++ {
					if _, err := http.ReadRequest(requests); err != nil {
						return
					}
					seen.Add(1)
					if n > 0 {
						return
					}
					io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}()
		}
	}()
	address := listener.Addr().String()
	s := start(t, `plan default {
		rate_limit off
	}
	policy once http://`+address+` {
		breaker off
		hint `+"`one` `attempts == 1`"+`
	}
	policy again http://`+address+` {
		breaker off
		retry 1 {
			backoff 1ms 1ms
		}
		hint `+"`two` `attempts == 2`"+`
	}`)
	for i := range 10 {
		s.get("/once/x").want(t, 200, "Signpost-Route", "one")
		s.get("/once/x").want(t, 502, "Signpost-Outcome", "incomplete", "Signpost-Route", "one")
		if n, want := seen.Load(), int32(2*(i+1)); n != want {
			t.Fatalf("the third party saw %d requests after %d calls without a retry", n, want)
		}
	}
	seen.Store(0)
	s.get("/again/x").want(t, 200)
	s.get("/again/x").want(t, 200, "Signpost-Route", "two")
	if n := seen.Load(); n != 3 {
		t.Errorf("the third party saw %d requests, want 3: one, and one that was sent twice", n)
	}
}

func TestAnInterimAnswerDoesNotReachABotThatAsksForAnUpgrade(t *testing.T) {
	const secret = "sesame-sesame-4711"
	t.Setenv("TEST_SECRET_TOKEN", secret)
	url := wire(t, func(conn *net.TCPConn, r *http.Request) {
		fmt.Fprintf(conn, "HTTP/1.1 103 Early Hints\r\nLink: <%s>\r\nSignpost-Route: forged\r\n\r\n", r.Header.Get("Authorization"))
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	})
	s := start(t, `secrets env TEST_SECRET_
	policy store `+url+` {
		inject bearer {secret.token}
	}`)
	conn := s.dial()
	defer conn.Close()
	io.WriteString(conn, "GET /store/x HTTP/1.1\r\nHost: sidecar\r\nConnection: Upgrade, close\r\nUpgrade: chat\r\n\r\n")
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(all); strings.Contains(text, secret) || strings.Contains(text, "forged") || !strings.HasPrefix(text, "HTTP/1.1 200 OK") {
		t.Errorf("the bot got %q", text)
	}
}

func TestWhatWasForTheSidecarDoesNotGoOut(t *testing.T) {
	var got http.Header
	third := thirdParty(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	const hash = "$2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG" // of hiccup
	s := startSite(t, `tenant {header.X-Bot}
	policy store `+third.URL, "basic_auth {\nbob "+hash+"\n}\nsignpost")
	s.get("/store/x", "X-Bot", "acme", "Authorization", "Basic Ym9iOmhpY2N1cA==").want(t, 200)
	for _, name := range []string{"X-Bot", "Authorization"} {
		if got.Get(name) != "" {
			t.Errorf("%s went out: %q", name, got.Get(name))
		}
	}
	s.get("/store/x", "X-Bot", "acme", "X-Bot", "globex", "Authorization", "Basic Ym9iOmhpY2N1cA==").want(t, 403, "Signpost-Outcome", "denied")
}

func TestSecretsAndControlHeadersAreRefusedWhereTheyCouldGetOut(t *testing.T) {
	const policy = "policy store https://api.store.example/v2 {\n%s\n}"
	for line, want := range map[string]string{
		"inject header Signpost-Route x":                 "Signpost's own",
		"title {secret.a}":                               "a secret may stand only in inject",
		`fallback { respond 200 text/plain {secret.a} }`: "",
		`extract a $.a default "{secret.a}"`:             "a secret may stand only in inject",
		"inject header X-Tenant-ID x":                    "never goes out",
	} {
		line = strings.NewReplacer("{ respond", "{\nrespond", "{secret.a} }", "\"{secret.a}\"\n}").Replace(line)
		if want == "" {
			want = "a secret may stand only in inject"
		}
		s := "{\nadmin off\npersist_config off\nsignpost {\n" + fmt.Sprintf(policy, line) + "\n}\n}\nhttp:// {\nbind unix/" + shortDir(t) + "/x.sock\nsignpost\n}\n"
		if err := load(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", line, err, want)
		}
	}
}

func TestABotThatIsStillSendingWhenItIsAnsweredIsNotCutOff(t *testing.T) {
	early := wire(t, func(conn *net.TCPConn, _ *http.Request) {
		io.WriteString(conn, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
		conn.CloseWrite()
		hang(conn)
	})
	s := start(t, unlimited+"policy early "+early+" {\nbreaker off\n}\npolicy narrow "+early+" {\nmethods GET\n}")
	for path, outcome := range map[string]string{"/early/x": "client_error", "/narrow/x": "denied", "/nope": "not_found"} {
		t.Run(path, func(t *testing.T) {
			conn := s.dial()
			defer conn.Close()
			io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: sidecar\r\nContent-Length: 100000\r\n\r\n")
			a := s.readAnswer("POST", bufio.NewReader(conn))
			if got := a.Header.Get("Signpost-Outcome"); got != outcome {
				t.Fatalf("the outcome is %q, want %q", got, outcome)
			}
			for sent := range 100 {
				if _, err := conn.Write(make([]byte, 1000)); err != nil {
					t.Fatalf("after the answer and %d KB more: %v", sent, err)
				}
			}
			if n, err := conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
				t.Errorf("after the upload the connection gives %d bytes and %v, want its end", n, err)
			}
		})
	}
}

func TestABotThatSendsOnWhileItIsAnsweredIsReadByOneAlone(t *testing.T) {
	hanging := wire(t, func(conn *net.TCPConn, _ *http.Request) { hang(conn) })
	for _, beside := range []string{"request_body {\nmax_size 1MB\n}", "log {\noutput discard\n}"} {
		s := startSite(t, unlimited+"policy api "+hanging+" {\ntimeout 100ms\nbreaker off\n}", beside+"\nsignpost")
		conn := s.dial()
		defer conn.Close()
		io.WriteString(conn, "POST /api/x HTTP/1.1\r\nHost: sidecar\r\nContent-Length: 100000\r\n\r\nfirst")
		a := s.readAnswer("POST", bufio.NewReader(conn))
		a.refused(t, 504, "timeout", "http_response_timeout")
		for range 50 {
			if _, err := conn.Write(make([]byte, 1000)); err != nil {
				t.Fatalf("beside %q: %v", beside, err)
			}
		}
		s.bot.CloseIdleConnections()
		if err := caddy.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}
