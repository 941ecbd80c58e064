package caddymodule_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestASecretThatVanishesDeniesCallsUntilItIsBack(t *testing.T) {
	leaksNothing(t)
	third, heard := talkative(t)
	dir := secretFiles(t, map[string]string{"key": "the-first-value", "other": "something-else"})
	file := filepath.Join(dir, "key")
	s := start(t, unlimited+"secrets dir "+dir+"\npolicy api "+third+" {"+fragile+"inject bearer {secret.key}\n}")
	expect := func(value string) {
		t.Helper()
		var used string
		shortly(t, func() bool {
			s.get("/api/x").passed(t, 200, "success")
			used = await(t, heard, "call").Header.Get("Authorization")
			return used == "Bearer "+value
		}, func() string { return "calls still go out with " + used })
	}
	expect("the-first-value")
	if err := os.WriteFile(file, []byte("the-second-value"), 0o600); err != nil {
		t.Fatalf("rotating: %v", err)
	}
	expect("the-second-value")

	if err := os.Remove(file); err != nil {
		t.Fatalf("removing: %v", err)
	}
	var got answer
	shortly(t, func() bool {
		got = s.get("/api/x")
		return got.StatusCode == 403
	}, func() string { return "calls still go out" })
	got.refused(t, 403, "denied", "http_request_denied")
	for len(heard) > 0 {
		<-heard // Those that went out while the value was still known.
	}
	reason := got.Header.Get("Signpost-Reason")
	if !strings.Contains(reason, "key") || strings.Contains(reason, dir) || strings.Contains(reason, "value") {
		t.Errorf("the reason is %q, want one that names the secret and nothing else", reason)
	}
	s.get("/api/x").refused(t, 403, "denied", "http_request_denied")
	if len(heard) > 0 {
		t.Errorf("a call went out with %q", (<-heard).Header)
	}

	if err := os.WriteFile(file, []byte("the-third-value\n"), 0o600); err != nil {
		t.Fatalf("bringing it back: %v", err)
	}
	shortly(t, func() bool { return s.get("/api/x").StatusCode == 200 }, func() string { return "calls are still denied" })
	await(t, heard, "call")
	expect("the-third-value")
}

func TestASecretThatCannotStandInAHeaderIsOurFaultAndIsNotTold(t *testing.T) {
	third, heard := talkative(t)
	dir := secretFiles(t, map[string]string{"key": "broken\r\nX-Evil: value", "empty": "", "large": strings.Repeat("x", 70<<10)})
	s := start(t, unlimited+"secrets dir "+dir+"\npolicy api "+third+" {\ninject bearer {secret.key}\n}")
	got := s.get("/api/x")
	got.refused(t, 500, "internal", "proxy_internal_error")
	if shown := fmt.Sprint(got.Header, got.body); strings.Contains(shown, "Evil") || strings.Contains(shown, "broken") || strings.Contains(shown, dir) {
		t.Errorf("the answer tells of the secret: %s", shown)
	}
	if len(heard) > 0 {
		t.Errorf("a call went out with %q", (<-heard).Header)
	}
}

func TestASecretIsInNoLogNoConfigurationAndNoAnswer(t *testing.T) {
	third := thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			<-r.Context().Done()
			return
		}
		if r.URL.Path == "/break" {
			w.Header().Set("Content-Length", "1000")
		}
		fmt.Fprintf(w, `{"query":%q,"auth":%q,"key":%q}`, r.URL.RawQuery, r.Header.Get("Authorization"), r.Header.Get("X-Key"))
	}).URL
	temp := t.TempDir()
	log, admin := filepath.Join(temp, "caddy.log"), filepath.Join(temp, "admin.sock")
	t.Setenv("LOG_KEY", key)
	t.Setenv("LOG_SHORT", "pin4321")
	globals := "admin unix/" + admin + "\npersist_config off\nstorage_clean_interval off\nlog default {\noutput file " + log + "\nlevel DEBUG\n}\n"
	block := unlimited + "secrets env LOG_\npolicy api " + third + " {\n" + brief + "breaker off\nretry 1\nextract auth $.auth\nextract query $.query\n" +
		"inject basic shop {secret.key}\ninject query api_key {secret.key}\ninject header X-Key {secret.key}\nhint leaked vars.auth contains \"sk\" or vars.query contains \"sk\"\n}\n" +
		"policy gone " + closedPort(t) + " {\ninject query api_key {secret.key}\ninject header X-Short {secret.short}\n}\n" +
		"policy guarded " + named(t, third) + " {\ninject query api_key {secret.key}\n}\n"
	s := startGlobal(t, globals, block, "log\nmetrics /metrics\nsignpost")
	var seen strings.Builder
	for _, path := range []string{"/api/x", "/api/hang", "/api/break", "/gone/x", "/guarded/x", "/api/../x", "/nobody/x", "/metrics"} {
		got, _ := s.getBroken(path)
		fmt.Fprintln(&seen, got.Header, got.Trailer, got.body)
		if got.Header.Get("Signpost-Route") == "leaked" {
			t.Errorf("%s: a hint read the secret", path)
		}
	}
	operator := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", admin)
		},
	}}
	resp, err := operator.Get("http://127.0.0.1/config/")
	if err != nil {
		t.Fatalf("reading the configuration: %v", err)
	}
	config, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || !strings.Contains(string(config), "{secret.key}") {
		t.Errorf("the configuration is %q and %v, want one with a reference to the secret", config, err)
	}
	lines, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(lines), `"outcome":"unreachable"`) || !strings.Contains(string(lines), `"level":"debug"`) {
		t.Fatalf("the log is %.500q and %v, want the calls at DEBUG", lines, err)
	}
	for where, text := range map[string]string{"an answer": seen.String(), "the configuration": string(config), "the log": string(lines)} {
		for how, spelling := range spellings() {
			if at := strings.Index(text, leak(spelling)); at >= 0 {
				t.Errorf("%s holds the secret %s: …%s…", where, how, text[max(0, at-80):min(len(text), at+40)])
			}
		}
		if strings.Contains(text, "pin4321") {
			t.Errorf("%s holds the short secret", where)
		}
	}
}
