//go:build e2e

package e2e

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// operatorConfig is a Caddyfile with all that an operator looks at.
const operatorConfig = `(orders) {
	operation order_status GET "/orders/{{number}}" {
		title "Where is my order?"
		extract status $.order.status
		extract eta $.order.eta default "unknown"
		extract items $.order.items[*].name
		hint shipped ` + "`vars.status == \"shipped\"`" + `
		hint preparing ` + "`vars.status in [\"paid\", \"packed\"]`" + `
	}
}
{
	admin 127.0.0.1:ADMIN
	persist_config off
	debug
	storage file_system STORAGE
	signpost {
		plan default {
			rate_limit off
		}
		secrets env OPERATOR_
		trace {
			ui https://traces.example/trace/{trace_id}
		}
		alerts {
			smtp POST_OFFICE {
				from "Signpost <signpost@example.com>"
				username ` + mailUser + `
				password {secret.mail_password}
			}
			webhook HOOKS/{secret.hook}
		}
		policy store STORE/v2 {
			title "The store"
			inject bearer {secret.store_token}
			breaker off
			alert ` + tenAddresses + `
			import orders
			operation note GET "/notes/{{number}}" {
				extract words $.words
			}
			operation receipt GET "/receipts/{{number}}" {
				extract total $.total required
			}
			operation choice GET "/choices/{{number}}" {
				hint red ` + "`body.colour == \"red\"`" + `
				otherwise others
			}
		}
		policy unwatched STORE/v2 {
			inject bearer {secret.store_token}
			record 0
			drift off
			operation talk GET "/streams/{{kind}}" {
				extract status $.order.status
			}
		}
		policy watched STORE/v2 {
			inject bearer {secret.store_token}
			record 1000 bodies 64KiB
			alert a@example.com
			operation talk GET "/streams/{{kind}}" {
				extract status $.order.status
			}
		}
		policy unnamed http://UNNAMED/
		policy closed http://127.0.0.1:CLOSED/
	}
}
:PORT {
	bind 127.0.0.1
	metrics /metrics
	signpost
}
:CONSOLE {
	bind 127.0.0.1
	signpost_console {
		allow_changes
	}
}
:WINDOW {
	bind 127.0.0.1
	signpost_console
}
`

// tenAddresses are as many as an alert takes.
const tenAddresses = "a@example.com b@example.com c@example.com d@example.com e@example.com " +
	"f@example.com g@example.com h@example.com i@example.com j@example.com"

// The secrets of operatorConfig, beside mailPassword.
const (
	storeToken = "token-that-the-store-knows"
	hookSecret = "path-that-only-the-hook-knows"
)

// outside is what lies outside of a gateway: it goes on while one is restarted.
type outside struct {
	store  *changingStore
	office *postOffice
	hooks  *hooks
	dir    string // Caddy's storage
	trust  string // a file with the certificate of the office and of the hooks
}

// build starts what operatorConfig talks to.
func build(t *testing.T) *outside {
	t.Helper()
	o := &outside{store: openStore(t), hooks: openHooks(t), dir: filepath.Join(t.TempDir(), "storage"), trust: filepath.Join(t.TempDir(), "trust.pem")}
	o.office = openPostOffice(t, o.hooks.TLS)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.hooks.Certificate().Raw})
	if err := os.WriteFile(o.trust, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return o
}

// operated is a gateway with its three ways for operators.
type operated struct {
	gateway
	admin, console, window string // addresses of the API, without a slash at their ends
	config                 string
}

// operate starts a gateway with operatorConfig, which ends with the test. edits
// are pairs of what to replace in it.
func (o *outside) operate(t *testing.T, edits ...string) operated {
	t.Helper()
	port, admin, console, window := freePort(t), freePort(t), freePort(t), freePort(t)
	config := strings.NewReplacer(append(edits,
		"ADMIN", admin, "PORT", port, "CONSOLE", console, "WINDOW", window,
		"STORAGE", o.dir, "POST_OFFICE", o.office.Addr().String(), "HOOKS", o.hooks.URL, "STORE", o.store.URL,
		// No name has a label of 64 characters, so that nobody is asked for it.
		"UNNAMED", strings.Repeat("x", 64)+".example", "CLOSED", freePort(t),
	)...).Replace(operatorConfig)
	g := start(t, []byte(config), port, "SSL_CERT_FILE="+o.trust,
		"OPERATOR_STORE_TOKEN="+storeToken, "OPERATOR_MAIL_PASSWORD="+mailPassword, "OPERATOR_HOOK="+hookSecret)
	address := "http://127.0.0.1:"
	started := operated{
		gateway: g, config: config,
		admin: address + admin + "/signpost", console: address + console + "/signpost", window: address + window + "/signpost",
	}
	// Caddy starts sites and what is behind the API in no order.
	await(t, "the operator API", func() bool {
		resp, _ := request(t, "GET", started.admin+"/info", "")
		return resp.StatusCode == http.StatusOK
	})
	return started
}

// load replaces the configuration, and gives Caddy's answer.
func (g *operated) load(t *testing.T, config string) (status int, answer string) {
	t.Helper()
	resp, err := http.Post(strings.TrimSuffix(g.admin, "/signpost")+"/load", "text/caddyfile", strings.NewReader(config))
	if err != nil {
		t.Fatalf("loading a configuration: %v", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("loading a configuration: %v", err)
	}
	return resp.StatusCode, string(text)
}

// reload changes the configuration, which must be taken.
func (g *operated) reload(t *testing.T, old, new string) {
	t.Helper()
	changed := strings.Replace(g.config, old, new, 1)
	if changed == g.config {
		t.Fatalf("the configuration does not hold %q", old)
	}
	if status, answer := g.load(t, changed); status != http.StatusOK {
		t.Fatalf("loading the configuration with %q: %d %s", new, status, answer)
	}
	g.config = changed
}

// call has a bot call, and wants an outcome.
func (g *operated) call(t *testing.T, path, outcome string) *http.Response {
	t.Helper()
	resp, body := g.get(t, "acme", path)
	if got := resp.Header.Get("Signpost-Outcome"); got != outcome {
		t.Fatalf("GET %s: outcome %q, want %q; reason %q, body %.300s", path, got, outcome, resp.Header.Get("Signpost-Reason"), body)
	}
	return resp
}

// inquire asks an operator API, which must answer 200 with JSON. A body, if there is
// one, is sent as JSON.
func inquire[T any](t *testing.T, method, url, body string) (answer T) {
	t.Helper()
	resp, text := request(t, method, url, body, "Content-Type", "application/json")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/json" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s %s: %d %v: %.500s", method, url, resp.StatusCode, resp.Header, text)
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%s %s: %v in %.500s", method, url, err, text)
	}
	return answer
}

// request sends a request with headers, Host among them, and gives the answer
// with its body.
func request(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	// A connection that waited would not outlive a reload. It does not say that it
	// is the only one, as servers then close before they have read a large body.
	var transport http.Transport
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: reading the answer: %v", method, url, err)
	}
	return resp, string(text)
}

// await asks until something is so. What operators see comes a moment after the
// bot has its answer.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: it did not come within %s", what, patience)
		}
	}
}
