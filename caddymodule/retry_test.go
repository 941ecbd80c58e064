package caddymodule_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// scripted answers each attempt as the script says, the last line for ever
// after, and keeps the bodies that were sent.
type scripted struct {
	mu     sync.Mutex
	script []http.HandlerFunc
	bodies []string
}

func (p *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	step := p.script[min(len(p.bodies), len(p.script)-1)]
	p.bodies = append(p.bodies, string(body))
	p.mu.Unlock()
	step(w, r)
}

// sent gives the bodies of the attempts so far, and forgets them.
func (p *scripted) sent() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	bodies := p.bodies
	p.bodies = nil
	return bodies
}

func scriptedParty(t testing.TB, script ...http.HandlerFunc) (*scripted, string) {
	t.Helper()
	p := &scripted{script: script}
	return p, thirdParty(t, p.ServeHTTP).URL
}

// says answers with a status, and headers in turn of name and value.
func says(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

// hangsUp closes the connection without an answer.
func hangsUp(w http.ResponseWriter, _ *http.Request) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		conn.Close()
	}
}

// retrying is a policy that tries again at once, up to n times.
func retrying(url, n, more string) string {
	return unlimited + "policy store " + url + " {\nbreaker off\nretry " + n + " {\nbackoff 1ms 1ms\n}\n" + more + "\n}"
}

func TestARetryIsSentForWhatMayPassAndForNothingElse(t *testing.T) {
	for name, tc := range map[string]struct {
		script   []http.HandlerFunc
		method   string
		header   []string
		attempts int
		status   int
	}{
		"503 then 200":                  {[]http.HandlerFunc{says(503), says(200)}, "GET", nil, 2, 200},
		"429, 502 and 504 then 200":     {[]http.HandlerFunc{says(429), says(502), says(504), says(200)}, "GET", nil, 4, 200},
		"503 for ever":                  {[]http.HandlerFunc{says(503)}, "GET", nil, 4, 503},
		"a connection that breaks":      {[]http.HandlerFunc{hangsUp, says(200)}, "PUT", nil, 2, 200},
		"500 is not retried":            {[]http.HandlerFunc{says(500), says(200)}, "GET", nil, 1, 500},
		"404 is not retried":            {[]http.HandlerFunc{says(404), says(200)}, "GET", nil, 1, 404},
		"POST is not retried":           {[]http.HandlerFunc{says(503), says(200)}, "POST", nil, 1, 503},
		"PATCH is not retried":          {[]http.HandlerFunc{hangsUp, says(200)}, "PATCH", nil, 1, 502},
		"POST with an Idempotency-Key":  {[]http.HandlerFunc{says(503), says(200)}, "POST", []string{"Idempotency-Key", "7"}, 2, 200},
		"Retry-After 0 is no hindrance": {[]http.HandlerFunc{says(503, "Retry-After", "0"), says(200)}, "GET", nil, 2, 200},
		"DELETE is idempotent":          {[]http.HandlerFunc{says(503), says(204)}, "DELETE", nil, 2, 204},
	} {
		t.Run(name, func(t *testing.T) {
			party, url := scriptedParty(t, tc.script...)
			s := start(t, retrying(url, "3", "hint counted attempts == "+string(rune('0'+tc.attempts))))
			s.send(tc.method, "/store/x", "", tc.header...).want(t, tc.status, "Signpost-Route", "counted")
			if got := len(party.sent()); got != tc.attempts {
				t.Errorf("%d attempts arrived, want %d", got, tc.attempts)
			}
		})
	}
}

func TestRetryOnAndMethodsReplaceTheDefaults(t *testing.T) {
	party, url := scriptedParty(t, says(500), says(200))
	s := start(t, unlimited+`policy store `+url+` {
		breaker off
		retry 1 {
			on status == 500
			methods POST
			backoff 1ms 1ms
		}
	}`)
	s.send("POST", "/store/x", "").want(t, 200)
	if got := len(party.sent()); got != 2 {
		t.Errorf("POST: %d attempts, want 2", got)
	}
	s.get("/store/x").want(t, 500)
	if got := len(party.sent()); got != 1 {
		t.Errorf("GET: %d attempts, want 1: only POST may be retried", got)
	}
}

func TestRetryOnSeesTheVerdictThatHintsSee(t *testing.T) {
	party, url := scriptedParty(t,
		func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"ok":false}`) },
		func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"ok":true}`) })
	s := start(t, unlimited+`policy store `+url+` {
		extract fine $.ok
		success vars.fine
		retry 1 {
			on outcome == "rejected"
			backoff 1ms 1ms
		}
	}`)
	s.get("/store/x").want(t, 200, "Signpost-Outcome", "success", "Signpost-Var-Fine", "true")
	if got := len(party.sent()); got != 2 {
		t.Errorf("%d attempts, want 2", got)
	}
}

func TestARetryAfterThatDoesNotFitTheDeadlineEndsTheRetrying(t *testing.T) {
	for name, value := range map[string]string{
		"seconds": "30",
		"date":    time.Now().Add(time.Hour).UTC().Format(http.TimeFormat),
	} {
		t.Run(name, func(t *testing.T) {
			party, url := scriptedParty(t, says(503, "Retry-After", value), says(200))
			s := start(t, retrying(url, "3", "timeout 10s"))
			began := time.Now()
			s.get("/store/x").want(t, 503, "Signpost-Outcome", "server_error", "Retry-After", value)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("the answer took %s, want it at once", took)
			}
			if got := len(party.sent()); got != 1 {
				t.Errorf("%d attempts, want 1", got)
			}
		})
	}
}

func TestARetryAfterThatFitsIsWaitedFor(t *testing.T) {
	party, url := scriptedParty(t, says(503, "Retry-After", "1"), says(200))
	s := start(t, retrying(url, "1", "timeout 10s"))
	began := time.Now()
	s.get("/store/x").want(t, 200)
	if took := time.Since(began); took < time.Second {
		t.Errorf("the second attempt came after %s, want at least the second that was asked for", took)
	}
	if got := len(party.sent()); got != 2 {
		t.Errorf("%d attempts, want 2", got)
	}
}

func TestABodyIsSentAgainByteForByteAndNotAtAllWhereItIsTooLarge(t *testing.T) {
	party, url := scriptedParty(t, says(503), says(200))
	s := start(t, retrying(url, "1", "peek 64KiB"))

	small := strings.Repeat("\x00\xffline\r\n", 8<<10-1)
	s.send("PUT", "/store/x", small).want(t, 200)
	if sent := party.sent(); len(sent) != 2 || sent[0] != small || sent[1] != small {
		t.Errorf("a body of %d bytes: %d attempts, want two with the same bytes", len(small), len(sent))
	}
	large := strings.Repeat("x", 64<<10+1)
	s.send("PUT", "/store/x", large).want(t, 503)
	if sent := party.sent(); len(sent) != 1 || sent[0] != large {
		t.Errorf("a body over peek: %d attempts, want one with all of it", len(sent))
	}

	// The same where the length is not told beforehand.
	for _, tc := range []struct {
		body     string
		attempts int
	}{{small, 2}, {large, 1}} {
		s.stream("PUT", "/store/x", tc.body)
		sent := party.sent()
		if len(sent) != tc.attempts {
			t.Errorf("a chunked body of %d bytes: %d attempts, want %d", len(tc.body), len(sent), tc.attempts)
		}
		for i, body := range sent {
			if body != tc.body {
				t.Errorf("attempt %d of a chunked body of %d bytes sent %d others", i, len(tc.body), len(body))
			}
		}
	}
}

func TestSharedLimitsCountAttemptsAndTenantLimitsCountCalls(t *testing.T) {
	party, url := scriptedParty(t, says(503))
	s := start(t, `plan default {
		rate_limit 10/h
	}
	policy store `+url+` {
		breaker off
		rate_limit 5/h shared
		retry 2 {
			backoff 1ms 1ms
		}
	}`)
	s.get("/store/x", "X-Tenant-ID", "acme").want(t, 503, "Signpost-Outcome", "server_error", "Ratelimit", `"default:10/h";r=9`)
	if got := len(party.sent()); got != 3 {
		t.Fatalf("%d attempts, want 3", got)
	}
	// Two of the shared five are left: the last answer stands.
	s.get("/store/x", "X-Tenant-ID", "globex").want(t, 503, "Signpost-Outcome", "server_error", "Ratelimit", `"default:10/h";r=9`)
	if got := len(party.sent()); got != 2 {
		t.Errorf("%d attempts of the second call, want the 2 that the shared limit had left", got)
	}
	s.get("/store/x", "X-Tenant-ID", "initech").want(t, 429, "Signpost-Outcome", "rate_limited", "Ratelimit", `"default:10/h";r=10`)
	if got := len(party.sent()); got != 0 {
		t.Errorf("%d attempts of a refused call, want none", got)
	}
}

func TestACallThatWasSentStaysCountedWhenTheBreakerOpensBeforeItsRetry(t *testing.T) {
	party, url := scriptedParty(t, says(503))
	s := start(t, `plan default {
		rate_limit 10/h
	}
	policy store `+url+` {
		breaker 1 consecutive
		retry 2 {
			backoff 1ms 1ms
		}
	}`)
	s.get("/store/x").want(t, 503, "Signpost-Outcome", "server_error", "Ratelimit", `"default:10/h";r=9`)
	if got := len(party.sent()); got != 1 {
		t.Errorf("%d attempts, want 1: the breaker opened", got)
	}
	// A call that the open breaker keeps back takes nothing.
	s.get("/store/x").want(t, 503, "Signpost-Outcome", "circuit_open", "Ratelimit", `"default:10/h";r=9`)
}
