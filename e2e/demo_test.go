//go:build e2e

package e2e

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// startDemo runs the Caddyfile of the repository's folder on free ports, without
// the admin endpoint.
func startDemo(t *testing.T) gateway {
	t.Helper()
	config := readFile(t, "Caddyfile")
	ports := map[string]string{"8080": freePort(t), "8081": freePort(t), "9090": freePort(t)}
	for old, port := range ports {
		if !bytes.Contains(config, []byte(":"+old)) {
			t.Fatalf("the demo does not listen on port %s, as its README says", old)
		}
		config = bytes.ReplaceAll(config, []byte(":"+old), []byte(":"+port))
	}
	withoutAdmin := bytes.Replace(config, []byte("\n{\n"), []byte("\n{\n\tadmin off\n"), 1)
	if bytes.Equal(withoutAdmin, config) {
		t.Fatal("the demo has no global options")
	}
	return start(t, withoutAdmin, ports["8080"])
}

// curl gives the header fields of the answer, by lower-case name, and the body.
func curl(t *testing.T, arguments ...string) (map[string]string, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "curl", append([]string{"--silent", "--show-error", "--include", "--max-time", "10"}, arguments...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("curl %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	head, body, _ := strings.Cut(string(out), "\r\n\r\n")
	fields := make(map[string]string)
	for line := range strings.SplitSeq(head, "\r\n") {
		if name, value, found := strings.Cut(line, ": "); found {
			fields[strings.ToLower(name)] = value
		}
	}
	return fields, body
}

func TestTheDemoNamesABranchWhateverHappens(t *testing.T) {
	g := startDemo(t)
	tests := []struct {
		path string
		want map[string]string
	}{
		{"/store/orders/1001", map[string]string{"signpost-route": "shipped", "signpost-outcome": "success", "signpost-next": "continue", "signpost-var-eta": "2026-11-23"}},
		{"/store/orders/1002", map[string]string{"signpost-route": "preparing", "signpost-var-eta": "unknown"}},
		{"/store/orders/1003", map[string]string{"signpost-route": "success", "signpost-drift": "JSON Structure Change Detected"}},
		{"/store/orders/4711", map[string]string{"signpost-route": "not_found", "signpost-outcome": "client_error", "signpost-next": "continue"}},
		{"/store/orders/901", map[string]string{"signpost-outcome": "timeout", "signpost-next": "continue", "signpost-fallback": "static"}},
		{"/gone/orders/1", map[string]string{"signpost-outcome": "unreachable", "signpost-route": "handoff", "signpost-next": "continue"}},
		{"/nowhere/orders/1", map[string]string{"signpost-outcome": "not_found", "signpost-route": "error", "signpost-next": "stop"}},
	}
	for _, test := range tests {
		fields, _ := curl(t, "--header", "X-Tenant-ID: acme", g.url+test.path)
		for name, want := range test.want {
			if got := fields[name]; got != want {
				t.Errorf("%s: %s is %q, want %q", test.path, name, got, want)
			}
		}
	}
}

func TestTheDemosBreakerOpensAndTheConversationGoesOn(t *testing.T) {
	g := startDemo(t)
	var outcomes []string
	for range 6 {
		fields, body := curl(t, "--header", "X-Tenant-ID: acme", g.url+"/store/orders/500")
		outcomes = append(outcomes, fields["signpost-outcome"])
		if fields["signpost-next"] != "continue" || !strings.Contains(body, "not answering right now") {
			t.Errorf("the bot is told %q with %q, want continue with the fallback's text", fields["signpost-next"], body)
		}
	}
	got := strings.Join(outcomes, " ")
	if want := strings.Repeat("server_error ", 5) + "circuit_open"; got != want {
		t.Errorf("six calls to a store that fails have the outcomes %q, want %q", got, want)
	}
}

func TestTheDemosEleventhCallWithinAMinuteIsRefused(t *testing.T) {
	g := startDemo(t)
	for i := range 11 {
		fields, body := curl(t, "--header", "X-Tenant-ID: busy", g.url+"/store/orders/1001")
		if got, refused := fields["signpost-outcome"] == "rate_limited", i == 10; got != refused {
			t.Errorf("call %d has the outcome %q", i+1, fields["signpost-outcome"])
		}
		if i == 10 && (!regexp.MustCompile(`^[1-9]\d*$`).MatchString(fields["retry-after"]) || !strings.Contains(body, "urn:signpost:rate_limited")) {
			t.Errorf("the refusal says Retry-After %q with %q, want seconds and a problem", fields["retry-after"], body)
		}
	}
}

func TestNoBotSeesTheDemosCredential(t *testing.T) {
	g := startDemo(t)
	token := strings.TrimSpace(string(readFile(t, "configs/demo/secrets/store_token")))
	for _, path := range []string{"/store/orders/1001", "/store/orders/500", "/store/echo"} {
		fields, body := curl(t, g.url+path)
		if strings.Contains(body, token) || strings.Contains(strings.Join(values(fields), "\n"), token) {
			t.Errorf("the answer to %s holds the credential", path)
		}
	}
}

// values are the values of a map.
func values(fields map[string]string) []string {
	var all []string
	for _, value := range fields {
		all = append(all, value)
	}
	return all
}

func TestTheDemoAnswersANamedCallInAnEnvelope(t *testing.T) {
	g := startDemo(t)
	fields, body := curl(t, "--header", "X-Tenant-ID: acme", "--header", "Signpost-Reply: envelope",
		"--data", `{"order_number":"1001"}`, g.url+"/call/store/order_status")
	if fields["content-type"] != "application/json" ||
		!strings.HasPrefix(body, `{"ok":true,"route":"shipped","next":"continue","outcome":"success","status":200,`+
			`"vars":{"status":"shipped","eta":"2026-11-23","items":["teapot","cups"]},"data":{"order":{`) {
		t.Errorf("the envelope is %s: %s", fields["content-type"], body)
	}
	_, body = curl(t, "--header", "X-Tenant-ID: acme", "--header", "Signpost-Reply: envelope", "--data", `{}`, g.url+"/call/store/order_status")
	if !strings.Contains(body, "order_number is missing") {
		t.Errorf("without its variable the call is answered %s", body)
	}
	fields, _ = curl(t, "--header", "X-Tenant-ID: acme", "--data", `{"product":"teapot","customer":"Zoe"}`, g.url+"/call/store/place_order")
	if fields["signpost-route"] != "refused" || fields["signpost-outcome"] != "rejected" {
		t.Errorf("an order on a Sunday takes %s as %s, want refused as rejected", fields["signpost-route"], fields["signpost-outcome"])
	}
	_, body = curl(t, "--header", "X-Tenant-ID: acme", g.url+"/catalog/products/teapot")
	if !strings.HasPrefix(body, `{"ok":true,"route":"affordable",`) {
		t.Errorf("the catalog answers %s, want an envelope", body)
	}
}
