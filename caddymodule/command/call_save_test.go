package command_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/caddymodule/command"
	"github.com/signpost-gateway/signpost/policy"
)

// savedTests gives the tests of a file, after they have passed with the configuration.
func savedTests(t *testing.T, h *callHost, path string) (text string, file policytest.File) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read, err := policytest.Read(path)
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	report, err := policytest.Run(t.Context(), []policytest.File{*read}, func(policytest.File) (*policy.Spec, error) { return &h.spec, nil }, policytest.Options{})
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	if report.Failed() > 0 {
		t.Errorf("%d saved tests fail: %+v\n%s", report.Failed(), report.Results, data)
	}
	return string(data), *read
}

// besides makes a configuration that a test can name. What is in it, the host says.
func besides(t *testing.T, folder string) string {
	t.Helper()
	path := filepath.Join(folder, "Caddyfile")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestACallIsSavedAsATestThatPasses(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "tests", "store_test.yaml")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	config := besides(t, folder)
	status, body := 200, shippedOrder
	h := openCall(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "differs each time")
		partySays(status, body)(w, r)
	})
	args := []string{"--config", config, "--save", path}
	call := func(want int, more ...string) {
		t.Helper()
		got := runWith(command.CallCommand(h), "", append(more, args...)...)
		if got.status != want || !strings.Contains(got.complaints, "saved the test ") {
			t.Fatalf("%q: status %d: %v\n%s", more, got.status, got.err, got.complaints)
		}
	}
	call(0, "store.order_status", "--var", "order_number=1001", "--tenant", "acme")
	status, body = 404, `{"error":"no such order"}`
	call(0, "store.order_status", "--var", "order_number=1002", "--name", "an unknown order")
	call(0, "store.order_status", "--var", "order_number=1002", "--name", "an unknown order")
	status, body = 503, `{"down":true}`
	call(1, "store.order_status", "--var", "order_number=1003")
	status, body = 200, `{"order":{"status":"lost"}}`
	call(0, "store", "--path", "/customers/7", "--query", "full=yes", "--query", "token=t0ken", "--header", "Authorization: Bearer b0ts-own", "--header", "X-Lang: de")
	call(1, "store", "--tenant", " ")

	text, file := savedTests(t, h, path)
	if file.Config != "../Caddyfile" {
		t.Errorf("the configuration is named %q", file.Config)
	}
	var names []string
	for _, test := range file.Tests {
		names = append(names, test.Name)
	}
	if got, want := strings.Join(names, "; "), "shipped (success); an unknown order; an unknown order (2); error (server_error); success; error (denied)"; got != want {
		t.Errorf("the tests are named %s, want %s", got, want)
	}
	for _, part := range []string{"order_number: \"1001\"", "tenant: acme", "card: '[redacted]'", "route: shipped", "X-Lang: de", "full=yes"} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is not saved:\n%s", part, text)
		}
	}
	for _, hidden := range []string{callSecret, "4111111111111111", "b0ts-own", "t0ken", "differs each time", `body: ""`} {
		if strings.Contains(text, hidden) {
			t.Errorf("%s is saved:\n%s", hidden, text)
		}
	}
}

func TestACallWithRetriesIsSavedWithEachAttempt(t *testing.T) {
	n := 0
	h := openCall(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			partySays(503, `{}`)(w, r)
			return
		}
		partySays(200, shippedOrder)(w, r)
	}, func(p *policy.PolicySpec) { p.Retry = &policy.Retry{Attempts: 2} })
	folder := t.TempDir()
	path := filepath.Join(folder, "store_test.yaml")
	if got := runWith(command.CallCommand(h), "", "store.order_status", "--var", "order_number=1", "--save", path, "--config", besides(t, folder)); got.status != 0 {
		t.Fatalf("status %d: %v", got.status, got.err)
	}
	_, file := savedTests(t, h, path)
	if given := file.Tests[0].Steps[0].Given; len(given) != 2 || given[0].Status != 503 || given[1].Status != 200 {
		t.Errorf("got %+v, want an attempt that fails and one that does not", given)
	}
}

func TestACallThatCannotBeRepeatedIsNotSaved(t *testing.T) {
	byCard := func(p *policy.PolicySpec) {
		p.Hints = []policy.Hint{{Route: "visa", When: `vars.card startsWith "4"`}}
	}
	for _, test := range []struct {
		name   string
		body   string
		change func(*policy.PolicySpec)
		want   string
	}{
		{"the route depends on what is redacted", shippedOrder, byCard, "route is success instead of visa"},
		{"the answer is too long", `{"a":"` + strings.Repeat("x", 2<<20) + `"}`, func(p *policy.PolicySpec) { p.Peek = 4 << 20; p.Record = nil }, "the body of the answer is 2097160 bytes long, and only 1048576 are kept of a call"},
		{"redact cannot look into the answer", "down", func(*policy.PolicySpec) {}, "the answer is not whole: The body is not kept: redact is written, and it is not JSON"},
		{"no text", "\xff\x00", func(p *policy.PolicySpec) { p.Record = nil }, "UTF-8"},
	} {
		folder := t.TempDir()
		path := filepath.Join(folder, "store_test.yaml")
		got := runWith(command.CallCommand(openCall(t, partySays(200, test.body), test.change)), "", "store.order_status", "--var", "order_number=1", "--save", path, "--config", besides(t, folder))
		if got.status != 1 || got.err == nil || !strings.Contains(got.err.Error(), test.want) {
			t.Errorf("%s: got status %d and %.500v, want %q", test.name, got.status, got.err, test.want)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: a test was saved", test.name)
		}
	}
}
