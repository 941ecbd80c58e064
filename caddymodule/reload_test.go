package caddymodule_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// during is get while configurations change. net/http closes, without an answer,
// a connection on which a request comes while its server shuts down; nobody has
// looked at that request, so bots may send it again (RFC 9110, section 9.2.2).
func (s *sidecar) during(path string, header ...string) (answer, error) {
	for {
		a, err := s.try(s.t.Context(), path, header...)
		if err == nil || !errors.Is(err, io.EOF) {
			return a, err
		}
	}
}

// after is during for calls that must be answered.
func (s *sidecar) after(path string, header ...string) answer {
	s.t.Helper()
	a, err := s.during(path, header...)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// reloadBetween reloads while bots call, and waits until some more are answered.
func (s *sidecar) reloadBetween(signpost string, answered *atomic.Int64) {
	s.t.Helper()
	before := answered.Load()
	if err := s.swap(signpost, "signpost"); err != nil {
		s.t.Errorf("reloading: %v", err)
	}
	eventually(s.t, "calls go on", func() bool { return answered.Load() > before+4 || s.t.Failed() })
}

func TestReloadsUnderTrafficLoseNoCall(t *testing.T) {
	var asked, answered, arrived atomic.Int64
	party := thirdParty(t, func(http.ResponseWriter, *http.Request) { arrived.Add(1) })
	signpost := func(n int) string {
		return fmt.Sprintf("%spolicy store %s {\nrate_limit %d/h\nhint fine ok\n}", unlimited, party.URL, 1_000_000+n)
	}
	s := start(t, signpost(0))
	stop := make(chan struct{})
	var bots sync.WaitGroup
	for range 4 {
		bots.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				asked.Add(1)
				a, err := s.during("/store/x", "X-Tenant-ID", "acme")
				if err != nil || a.StatusCode != 200 || a.Header.Get("Signpost-Route") != "fine" {
					t.Errorf("a call was lost: %v, %+v", err, a.Response)
					return
				}
				answered.Add(1)
			}
		})
	}
	for n := range 15 {
		s.reloadBetween(signpost(n), &answered)
	}
	close(stop)
	bots.Wait()
	// Whatever left was answered, so what a bot sent again had not left.
	if asked.Load() != answered.Load() || arrived.Load() != answered.Load() {
		t.Errorf("%d calls, %d answers, %d arrived at the third party; want the same number", asked.Load(), answered.Load(), arrived.Load())
	}
	// What was counted before the last reload is still counted.
	var left int64
	if _, err := fmt.Sscanf(s.after("/store/x", "X-Tenant-ID", "acme").Header.Get("Ratelimit"), `"store:1000014/h";r=%d`, &left); err != nil {
		t.Fatal(err)
	}
	if used := 1_000_014 - left; used < answered.Load()+1 {
		t.Errorf("the limit counts %d calls, want at least the %d that were answered", used, answered.Load()+1)
	}
}

func TestACallInFlightOutlivesTheConfigurationThatItBeganUnder(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	party := thirdParty(t, blocking(entered, release))
	s := start(t, unlimited+"policy store "+party.URL+" {\ntimeout 20s\nhint old ok\n}")
	done := make(chan answer, 1)
	go func() {
		a, err := s.try(t.Context(), "/store/x")
		if err != nil {
			t.Errorf("the call in flight: %v", err)
		}
		done <- a
	}()
	<-entered
	loaded := make(chan error, 1)
	go func() {
		loaded <- s.load(unlimited+"policy store "+party.URL+" {\ntimeout 20s\nhint new ok\n}", "signpost")
	}()
	// The new configuration serves while the old one still waits for its call.
	other := *s
	other.bot = dialing(s.socket)
	defer other.bot.CloseIdleConnections()
	eventually(t, "the new configuration answers", func() bool {
		return other.after("/store/quick").Header.Get("Signpost-Route") == "new"
	})
	close(release)
	if a := <-done; a.Response != nil {
		a.want(t, 200, "Signpost-Route", "old")
	}
	if err := <-loaded; err != nil {
		t.Errorf("reloading: %v", err)
	}
}

// limitsAndBreaker is a configuration whose limits and breaker have state.
func limitsAndBreaker(url string, n int, more string) string {
	return fmt.Sprintf(`plan default {
		rate_limit %d/h
	}
	policy store %s
	policy fragile %s {
		breaker 1 consecutive {
			open 90s
		}
	}
	%s`, n, url, url, more)
}

func TestLimitsAndBreakersAreKeptOverReloadsAlsoThoseThatAreRejected(t *testing.T) {
	url, _ := obeying(t)
	s := start(t, limitsAndBreaker(url, 6, ""))
	s.after("/store/200").want(t, 200, "Ratelimit", `"default:6/h";r=5`)
	s.after("/fragile/500").want(t, 500, "Ratelimit", `"default:6/h";r=4`)
	stillOpen := func(what string) {
		t.Helper()
		if got := s.after("/fragile/200").Header.Get("Signpost-Outcome"); got != "circuit_open" {
			t.Errorf("%s: the call is %s, want circuit_open", what, got)
		}
	}
	stillOpen("before any reload")

	if err := s.load(limitsAndBreaker(url, 7, ""), "signpost"); err != nil {
		t.Fatal(err)
	}
	stillOpen("after a reload")
	s.after("/store/200").want(t, 200, "Ratelimit-Policy", `"default:7/h";q=7;w=3600`, "Ratelimit", `"default:7/h";r=4`)

	for name, more := range map[string]string{
		"does not compile": "policy third " + url + " {\nhint x nonsense ==\n}",
		"fails in Provision, where a file is missing": "tenants_file " + filepath.Join(t.TempDir(), "none.yaml"),
	} {
		if err := s.load(limitsAndBreaker(url, 100, more), "signpost"); err == nil {
			t.Fatalf("a configuration that %s was loaded", name)
		}
		stillOpen("after one that " + name)
		a := s.after("/store/../x")
		a.want(t, 400, "Signpost-Outcome", "bad_request")
	}
	s.after("/store/200").want(t, 200, "Ratelimit", `"default:7/h";r=3`)
	if err := s.load(limitsAndBreaker(url, 4, ""), "signpost"); err != nil {
		t.Fatal(err)
	}
	s.after("/store/200").want(t, 429, "Ratelimit", `"default:4/h";r=0`)
}

func TestARejectedConfigurationWithAnotherBreakerLeavesTheRunningOneOpen(t *testing.T) {
	url, _ := obeying(t)
	s := start(t, limitsAndBreaker(url, 100, ""))
	s.after("/fragile/500")
	changed := strings.Replace(limitsAndBreaker(url, 100, "tenants_file "+filepath.Join(t.TempDir(), "none.yaml")), "1 consecutive", "9 consecutive", 1)
	if err := s.load(changed, "signpost"); err == nil {
		t.Fatal("a configuration without its tenants file was loaded")
	}
	if got := s.after("/fragile/200").Header.Get("Signpost-Outcome"); got != "circuit_open" {
		t.Errorf("the call is %s, want circuit_open as before", got)
	}
}

func TestAConfigurationThatLacksSecretsDoesNotReplaceTheRunningOne(t *testing.T) {
	url, _ := obeying(t)
	s := start(t, limitsAndBreaker(url, 6, ""))
	s.get("/store/200").want(t, 200, "Ratelimit", `"default:6/h";r=5`)
	s.get("/fragile/500").want(t, 500)
	// It fails in Start, when another app may have started already.
	err := s.load(limitsAndBreaker(url, 100, "secrets env SIGNPOST_NONE_\npolicy third "+url+" {\ninject bearer {secret.one}\ninject query key {secret.two}\n}"), "signpost")
	if err == nil || !strings.Contains(err.Error(), "secret.one") || !strings.Contains(err.Error(), "secret.two") {
		t.Errorf("got the error %v, want one that names secret.one and secret.two", err)
	}
	s.after("/store/200").want(t, 200, "Ratelimit", `"default:6/h";r=3`)
	s.after("/fragile/200").want(t, 503, "Signpost-Outcome", "circuit_open")
}

func TestFiftyReloadsLeaveNoGoroutineBehind(t *testing.T) {
	sink, url := sinkTraces(t), okParty(t)
	file := filepath.Join(t.TempDir(), "tenants.yaml")
	writeFile(t, file, "tenants:\n  acme: {}\n")
	signpost := func(n int) string {
		return fmt.Sprintf("trace {\nendpoint %s\nkeep failed\n}\ntenants_file %s\nplan default {\nrate_limit %d/h\n}\npolicy store %s", sink.url, file, n+1000, url)
	}
	s := start(t, signpost(0))
	reload := func(n int) {
		if err := s.load(signpost(n), "signpost"); err != nil {
			t.Fatal(err)
		}
		s.after("/store/x").want(t, 200)
	}
	for n := range 5 {
		reload(n)
	}
	before := runtime.NumGoroutine()
	for n := range 50 {
		reload(n)
	}
	var now int
	eventually(t, "goroutines end", func() bool {
		s.bot.CloseIdleConnections()
		now = runtime.NumGoroutine()
		return now <= before+8
	})
	t.Logf("%d goroutines before 50 reloads, %d after", before, now)
}

func TestStoppingEndsEverythingAndForgetsTheState(t *testing.T) {
	url := okParty(t)
	idle := runtime.NumGoroutine()
	s := start(t, "plan default {\nrate_limit 1/h\n}\npolicy store "+url)
	s.after("/store/x").want(t, 200)
	s.after("/store/x").want(t, 429)
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	s.bot.CloseIdleConnections()
	eventually(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= idle+4 })
	if err := s.load("plan default {\nrate_limit 1/h\n}\npolicy store "+url, "signpost"); err != nil {
		t.Fatal(err)
	}
	s.after("/store/x").want(t, 200)
}
