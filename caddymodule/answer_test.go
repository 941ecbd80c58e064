package caddymodule_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestServerTimingTellsTheThirdPartysShareFromOurs(t *testing.T) {
	party := thirdParty(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server-Timing", "db;dur=1")
		<-time.After(30 * time.Millisecond)
	})
	s := start(t, unlimited+"policy store "+party.URL+"\npolicy closed "+party.URL+" {\nmethods POST\n}")
	timing := regexp.MustCompile(`^upstream;dur=([0-9]+\.[0-9]{3}), signpost;dur=([0-9]+\.[0-9]{3})$`)
	for path, least := range map[string]float64{"/store/x": 30, "/closed/x": 0} {
		began := time.Now()
		values := s.get(path).Header.Values("Server-Timing")
		whole := float64(time.Since(began).Microseconds()) / 1e3
		var parts []string
		for _, value := range values {
			if found := timing.FindStringSubmatch(value); found != nil {
				parts = found
			}
		}
		if theirs := slices.Contains(values, "db;dur=1"); parts == nil || theirs != (least > 0) {
			t.Errorf("%s: Server-Timing is %q, want ours, and beside it the third party's where it answered", path, values)
			continue
		}
		upstream, err := strconv.ParseFloat(parts[1], 64)
		if err != nil || upstream < least || least == 0 && upstream != 0 {
			t.Errorf("%s: the third party's share is %v ms (%v), want at least %v", path, upstream, err, least)
		}
		own, err := strconv.ParseFloat(parts[2], 64)
		if err != nil || own+upstream > whole {
			t.Errorf("%s: our own share is %v ms (%v), with the third party's more than the %v ms of the whole", path, own, err, whole)
		}
	}
}

func TestARedirectIsPassedOnAndNeverFollowed(t *testing.T) {
	party, url := scriptedParty(t, says(302, "Location", "http://169.254.169.254/latest"))
	s := start(t, unlimited+"policy store "+url+" {\nextract status $.status required\n}")
	s.get("/store/x").want(t, 302, "Location", "http://169.254.169.254/latest", "Signpost-Outcome", "success", "Signpost-Next", "continue")
	if got := len(party.sent()); got != 1 {
		t.Errorf("%d requests arrived, want 1", got)
	}
}

func TestAnswersWithoutABodyAreMappedAsFarAsTheyCanBe(t *testing.T) {
	party := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(204)
		case "/304":
			w.WriteHeader(304)
		case "/sse":
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: {}\n\n")
		default:
			w.Header().Set("Content-Length", "20")
		}
	})
	s := start(t, unlimited+`policy strict `+party.URL+` {
		extract status $.status required
	}
	policy lax `+party.URL+` {
		extract status $.status default "none"
		hint empty vars.status == "none" and body == nil
	}`)
	for _, tc := range []struct {
		method, path    string
		status          int
		strict, laxPath string
	}{
		{"GET", "/204", 204, "unmappable", "empty"},
		{"GET", "/304", 304, "success", "empty"},
		{"HEAD", "/200", 200, "success", "empty"},
		{"GET", "/sse", 200, "success", "empty"},
	} {
		s.send(tc.method, "/strict"+tc.path, "").want(t, tc.status, "Signpost-Outcome", tc.strict)
		s.send(tc.method, "/lax"+tc.path, "").want(t, tc.status, "Signpost-Outcome", "success", "Signpost-Route", tc.laxPath,
			"Signpost-Var-Status", "none")
	}
}

func TestABotThatGoesAwayBetweenTwoAttemptsIsCanceled(t *testing.T) {
	const trace = "0af7651916cd43dd8448eb211c80319c"
	sent := make(chan struct{}, 1)
	party := thirdParty(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(503)
		sent <- struct{}{}
	})
	sink := sinkTraces(t)
	s := start(t, tracing(sink, "")+`policy store `+party.URL+` {
		timeout 20s
		breaker off
		retry 1
	}`)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		<-sent
		// The attempt is over a moment later, and the pause before the next is long.
		time.AfterFunc(100*time.Millisecond, cancel)
	}()
	if a, err := s.try(ctx, "/store/x", "Traceparent", "00-"+trace+"-b7ad6b7169203331-01"); err == nil {
		t.Fatalf("the call was answered: %d", a.StatusCode)
	}
	server, clients := sink.call(trace)
	server.want(t, "signpost.outcome", "canceled", "http.response.status_code", "499", "error.type", "")
	if len(clients) != 1 || clients[0].attributes["signpost.outcome"] != "server_error" || server.took > 4*time.Second {
		t.Errorf("the call took %s and had CLIENT spans %+v, want one, and the end when the bot went away", server.took, clients)
	}
}

func TestStaleAnswersOfAnAnonymousBotAreKeptOnlyUnderTheOperatorsKey(t *testing.T) {
	secrets := t.TempDir()
	if err := os.WriteFile(filepath.Join(secrets, "key"), []byte("secret-of-the-operator"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, url := moodyParty(t, `{}`)
	const stale = "breaker off\nfallback {\nstale 10m\n}\n"
	s := start(t, unlimited+"secrets dir "+secrets+"\npolicy open "+url+" {\n"+stale+"}\npolicy keyed "+url+" {\n"+stale+"inject bearer {secret.key}\n}")
	for _, path := range []string{"/open/x", "/keyed/x"} {
		s.get(path).want(t, 200, "Signpost-Fallback", "")
	}
	m.status.Store(500)
	s.get("/open/x").want(t, 500, "Signpost-Fallback", "")
	s.get("/keyed/x").want(t, 200, "Signpost-Fallback", "stale")
}

func TestAStaleAnswerIsKeptForEachLanguageThatVaryNames(t *testing.T) {
	m, url := moodyParty(t, `{}`, "Vary", "Accept-Language")
	s := start(t, unlimited+"policy store "+url+" {\nbreaker off\nfallback {\nstale 10m\n}\n}")
	s.get("/store/x", "X-Tenant-ID", "acme", "Accept-Language", "de").want(t, 200)
	m.status.Store(500)
	s.get("/store/x", "X-Tenant-ID", "acme", "Accept-Language", "fr").want(t, 500, "Signpost-Fallback", "")
	s.get("/store/x", "X-Tenant-ID", "acme", "Accept-Language", "de").want(t, 200, "Signpost-Fallback", "stale")
}

// Net/http holds small answers of known length back until they are whole, which can
// be long after the deadline.
func TestWhatHasComeOfAnAnswerOfKnownLengthIsNotHeldBack(t *testing.T) {
	release := make(chan struct{})
	party := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		w.WriteHeader(http.StatusOK)
		if r.URL.Path == "/half" {
			io.WriteString(w, "hello")
		}
		http.NewResponseController(w).Flush()
		<-release
		io.WriteString(w, "helloworld"[10-map[bool]int{true: 5, false: 10}[r.URL.Path == "/half"]:])
	})
	s := start(t, unlimited+"policy store "+party.URL+" {\nrecord 1000 bodies 64KiB\n}")
	for path, header := range map[string]http.Header{
		"/store/half": nil, "/store/none": nil, "/store/half?upgrade": {"Connection": {"Upgrade"}, "Upgrade": {"chat"}},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://signpost"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, values := range header {
			req.Header[name] = values
		}
		resp, err := s.bot.Do(req) // It returns when the headers are there.
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		var first [5]byte
		if path != "/store/none" {
			if _, err := io.ReadFull(resp.Body, first[:]); err != nil || string(first[:]) != "hello" {
				t.Errorf("%s: the first bytes are %q (%v), want hello before the rest is there", path, first, err)
			}
		}
		release <- struct{}{}
		rest, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || len(rest) < 5 {
			t.Errorf("%s: the rest is %q (%v)", path, rest, err)
		}
	}
}
