package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// loggingTo are the global options of tests that read the log.
func loggingTo(file, level string) string {
	return "admin off\npersist_config off\nlog default {\noutput file " + file + "\nformat json\nlevel " + level + "\n}\n"
}

// validate does what `caddy validate` does: everything but starting.
func validate(source string) error {
	raw, err := adapt(source)
	if err != nil {
		return err
	}
	var config caddy.Config
	if err := json.Unmarshal(raw, &config); err != nil {
		return err
	}
	return caddy.Validate(&config)
}

func TestWithoutItsSecretsAConfigurationIsValidButDoesNotStart(t *testing.T) {
	folder := t.TempDir()
	logged := filepath.Join(folder, "log")
	s := &sidecar{t: t, socket: filepath.Join(folder, "bot.sock"), globals: loggingTo(logged, "INFO")}
	source := s.source("secrets env SIGNPOST_NONE_\npolicy store http://127.0.0.1:1 {\ninject bearer {secret.missing_one}\n}", "signpost")
	if err := validate(source); err != nil {
		t.Errorf("validating: %v, want a warning only", err)
	}
	log, err := os.ReadFile(logged)
	if err != nil {
		t.Fatal(err)
	}
	warned := slices.ContainsFunc(strings.Split(string(log), "\n"), func(line string) bool {
		return strings.Contains(line, `"level":"warn"`) && strings.Contains(line, "secret.missing_one")
	})
	if !warned {
		t.Errorf("the log has no warning that names the secret:\n%s", log)
	}
	if err := load(source); err == nil || !strings.Contains(err.Error(), "secret.missing_one") {
		t.Errorf("starting gave %v, want an error that names the secret", err)
	}
	if err := caddy.Stop(); err != nil {
		t.Error(err)
	}
}

func TestWithoutAPlanDefaultTheLogSaysWhatHolds(t *testing.T) {
	logged := filepath.Join(t.TempDir(), "log")
	startGlobal(t, loggingTo(logged, "WARN"), "policy store http://127.0.0.1:1", "signpost")
	log, err := os.ReadFile(logged)
	if err != nil || !strings.Contains(string(log), "10/m") {
		t.Errorf("the log is %q (%v), want a warning that names 10/m", log, err)
	}
}

// logLine waits for the line of a call and gives its fields.
func logLine(t testing.TB, file, trace string) map[string]any {
	t.Helper()
	var found map[string]any
	eventually(t, "the log line of the call", func() bool {
		log, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		for line := range strings.SplitSeq(string(log), "\n") {
			var fields map[string]any
			if json.Unmarshal([]byte(line), &fields) == nil && fields["trace_id"] == trace && fields["msg"] == "call" {
				found = fields
				return true
			}
		}
		return false
	})
	return found
}

func TestEachCallHasOneLineInTheLog(t *testing.T) {
	logged := filepath.Join(t.TempDir(), "log")
	url, _ := obeying(t)
	s := startGlobal(t, loggingTo(logged, "DEBUG"), unlimited+`policy store `+url+` {
		breaker off
		fallback status == 503 {
			respond 200 text/plain "later"
		}
		operation order GET "/orders/{{number}}" {
			hint fine ok
		}
	}`, "signpost")
	for _, tc := range []struct {
		path string
		want map[string]any
	}{
		{"/store/orders/200?card=four-ones", map[string]any{
			"level": "debug", "policy": "store", "operation": "order", "tenant": "acme", "plan": "default", "method": "GET",
			"path": "/orders/200", "status": 200.0, "upstream_status": 200.0, "outcome": "success", "route": "fine", "next": "continue",
			"attempts": 1.0, "breaker": nil, "reason": nil, "fallback": nil, "logger": "signpost",
		}},
		{"/store/503", map[string]any{
			"policy": "store", "operation": nil, "status": 200.0, "upstream_status": 503.0, "outcome": "server_error", "fallback": "static",
			"reason": "The third party answered 503 Service Unavailable.", "route": "error", "next": "continue",
		}},
		{"/nobody/x", map[string]any{"level": "debug", "policy": "", "status": 404.0, "outcome": "not_found", "attempts": 0.0, "tenant": "acme", "plan": nil}},
	} {
		a := s.get(tc.path, "X-Tenant-ID", "acme")
		line := logLine(t, logged, a.Header.Get("Signpost-Trace"))
		for name, want := range tc.want {
			if line[name] != want {
				t.Errorf("%s: the field %s is %v, want %v", tc.path, name, line[name], want)
			}
		}
		if took, isNumber := line["duration_ms"].(float64); !isNumber || took <= 0 {
			t.Errorf("%s: duration_ms is %v, want how long it took", tc.path, line["duration_ms"])
		}
	}
	// A flood of failures is bounded, so another test may have used up this
	// second's lines: one of the next is written.
	eventually(t, "a failure is a warning", func() bool {
		a := s.get("/store/500")
		return logLine(t, logged, a.Header.Get("Signpost-Trace"))["level"] == "warn"
	})
	if log, err := os.ReadFile(logged); err != nil || strings.Contains(string(log), "four-ones") {
		t.Errorf("the log holds what stood in a query (%v)", err)
	}
}

func TestTheMetricsPageCountsCallsUnderBoundedLabels(t *testing.T) {
	url, _ := obeying(t)
	name := fresh("counted")
	s := startSite(t, `plan default {
		rate_limit 3/h
	}
	policy `+name+` `+url+` {
		breaker 1 consecutive
		retry 1 {
			on status == 404
			backoff 1ms 1ms
		}
		fallback {
			respond 200 text/plain "later"
		}
		operation order GET "/orders/{{number}}"
	}`, "metrics /metrics\nsignpost")
	s.get("/"+name+"/orders/200", "X-Tenant-ID", "tenant-of-nobody")
	s.get("/"+name+"/404", "X-Tenant-ID", "tenant-of-nobody")
	s.get("/"+name+"/500", "X-Tenant-ID", "tenant-of-nobody")
	s.get("/"+name+"/200", "X-Tenant-ID", "tenant-of-nobody")
	for i := range 20 {
		s.get("/nobody-of-that-name/x"+strings.Repeat("y", i), "X-Tenant-ID", "tenant-of-nobody")
	}
	host := strings.TrimPrefix(url, "http://")
	page := s.get("/metrics").body
	for _, line := range []string{
		`signpost_calls_total{operation="order",outcome="success",policy="` + name + `",route="success"} 1`,
		`signpost_calls_total{operation="",outcome="client_error",policy="` + name + `",route="failure"} 1`,
		`signpost_calls_total{operation="",outcome="server_error",policy="` + name + `",route="error"} 1`,
		`signpost_calls_total{operation="",outcome="rate_limited",policy="` + name + `",route="error"} 1`,
		`signpost_call_duration_seconds_count{operation="order",policy="` + name + `"} 1`,
		`signpost_attempt_duration_seconds_count{operation="",outcome="client_error",policy="` + name + `"} 2`,
		`signpost_rate_limited_total{limit="default:3/h",policy="` + name + `"} 1`,
		`signpost_fallbacks_total{kind="static",operation="",policy="` + name + `"} 1`,
		`signpost_retries_total{operation="",policy="` + name + `"} 1`,
		`signpost_breaker_state{host="` + host + `",policy="` + name + `"} 2`,
	} {
		if !strings.Contains(page, "\n"+line+"\n") {
			t.Errorf("the metrics page lacks %s", line)
		}
	}
	for _, word := range []string{"tenant-of-nobody", "nobody-of-that-name", "/orders/200"} {
		if strings.Contains(page, word) {
			t.Errorf("the metrics page holds %q, which comes from a request", word)
		}
	}
}

// fresh names a policy that no test has used before: metrics outlive their
// configurations.
func fresh(name string) string { return fmt.Sprintf("%s%d", name, used.Add(1)) }

var used atomic.Int64
