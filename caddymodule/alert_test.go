package caddymodule_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// alerting is a `signpost` block with these alerts, and one policy with this line.
func alerting(alerts, line string) string {
	return alerts + "\npolicy store http://127.0.0.1:1 {\n" + line + "\n}"
}

func TestMistakesInAlertsAreAllToldWithTheirPlaces(t *testing.T) {
	const eleven = "a1@x.example a2@x.example a3@x.example a4@x.example a5@x.example a6@x.example a7@x.example a8@x.example a9@x.example a10@x.example a11@x.example"
	source := `{
	admin off
	signpost {
		alerts {
			smtp mail.example {
				from nobody
				username {tenant_secret.user}
			}
			webhook ftp://hooks.example/x
		}
		policy many http://127.0.0.1:1 {
			alert ` + eleven + `
		}
		policy bad http://127.0.0.1:1 {
			alert ops@example.com "x@example.com
Bcc: y@example.com" nobody OPS@example.com
		}
	}
}
`
	_, err := adapt(source)
	if err == nil {
		t.Fatal("the mistakes were accepted")
	}
	for _, want := range []string{
		`Caddyfile:5: alerts: smtp: "mail.example" is not a server`,
		`Caddyfile:5: alerts: smtp: username and password belong together`,
		`Caddyfile:6: alerts: smtp: from: "nobody" is not a mail address`,
		`Caddyfile:7: alerts: smtp: username: {tenant_secret.user} belongs to a tenant`,
		`Caddyfile:9: alerts: webhook: expected an http or https URL`,
		`Caddyfile:12: policy many: alert: 11 addresses: expected at most 10`,
		`Caddyfile:15: policy bad: alert: the address "x@example.com\nBcc: y@example.com" holds a control character`,
		`Caddyfile:15: policy bad: alert: "nobody" is not a mail address`,
		`Caddyfile:15: policy bad: alert: OPS@example.com is there twice`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the mistakes lack %s:\n%v", want, err)
		}
	}
	for _, c := range []struct{ alerts, line, want string }{
		{"", "alert ops@example.com", "Caddyfile:10: policy store: alert: alert needs alerts { smtp"},
		{"alerts {\nwebhook http://127.0.0.1:1\n}", "alert ops@example.com", "Caddyfile:13: policy store: alert: alert needs alerts { smtp"},
		{"alerts {\n}", "", "Caddyfile:8: alerts: "},
		{"alerts {\nwebhook http://a.example\nwebhook http://b.example\n}", "", "Caddyfile:10: alerts: webhook"},
	} {
		s := &sidecar{t: t, socket: "/nowhere/bot.sock", globals: "admin off\n"}
		if _, err := adapt(s.source(alerting(c.alerts, c.line), "signpost")); err == nil || !strings.Contains(err.Error(), c.want[strings.Index(c.want, " ")+1:]) {
			t.Errorf("%s, %s: got %v, want %s", c.alerts, c.line, err, c.want)
		}
	}
}

func TestMistakesInAlertsOfJSONAreRefusedAlike(t *testing.T) {
	for name, c := range map[string]struct{ alerts, addresses, want string }{
		"server":        {`{"smtp":{"server":"mail","from":"a@b.example"}}`, `[]`, "is not a server"},
		"from":          {`{"smtp":{"server":"mail:25"}}`, `[]`, "from is missing"},
		"control":       {`{"smtp":{"server":"mail:25","from":"a@b.example\r\nBcc: x@y.example"}}`, `[]`, "holds a control character"},
		"tenant secret": {`{"webhook":"https://x.example/{tenant_secret.x}"}`, `[]`, "belongs to a tenant"},
		"webhook":       {`{"webhook":"hook"}`, `[]`, "expected an http or https URL"},
		"no smtp":       {`null`, `["a@b.example"]`, "policy store: alert: alert needs alerts"},
		"address":       {`{"smtp":{"server":"mail:25","from":"a@b.example"}}`, `["a"]`, `policy store: alert: "a" is not a mail address`},
	} {
		config := `{` + silent + `,"apps":{"signpost":{"alerts":` + c.alerts +
			`,"policies":[{"name":"store","base_url":"http://127.0.0.1:1","alert":` + c.addresses + `}]}}}`
		if err := caddy.Load([]byte(config), true); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if err := caddy.Stop(); err != nil {
		t.Error(err)
	}
}

// messenger is a webhook that notes the texts it gets.
func messenger(t testing.TB, status int) (url string, texts chan string) {
	t.Helper()
	texts = make(chan string, 100)
	return thirdParty(t, func(w http.ResponseWriter, r *http.Request) {
		var posted struct{ Text string }
		body, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(body, &posted) != nil {
			t.Errorf("the webhook got %q, %v", body, err)
		}
		texts <- r.URL.Path + " " + posted.Text
		w.WriteHeader(status)
	}).URL, texts
}

func TestAWebhookHearsOnceOfEachPolicyWhateverHappensOverReloads(t *testing.T) {
	party, url := shapes(t)
	hook, texts := messenger(t, http.StatusOK)
	name, other, last := fresh("alerting"), fresh("alerting"), fresh("alerting")
	config := "alerts {\nwebhook " + hook + "/hook\n}\n" + watched(name, url)
	for _, further := range []string{other, last} {
		config += "\n" + strings.TrimPrefix(watched(further, url), unlimited)
	}
	s := startSite(t, config, "metrics /metrics\nsignpost")
	heard := make(map[string]bool) // A delivery that a reload called off is made again.
	told := func(policy, says string) {
		t.Helper()
		text := await(t, texts, "the message about "+policy)
		for heard[text] {
			text = await(t, texts, "the message about "+policy)
		}
		heard[text] = true
		if !strings.Contains(text, policy) || !strings.Contains(text, says) || strings.Contains(text, "acme") {
			t.Errorf("the webhook got %q, want it to name %s and say %q, and no tenant", text, policy, says)
		}
	}
	s.get("/nobody-of-that-name/x").want(t, 404) // No policy: not a failure of any.
	s.get("/"+name+"/orders/1", "X-Tenant-ID", "acme").want(t, 200)
	s.get("/"+other+"/orders/1", "X-Tenant-ID", "acme").want(t, 200)
	s.get("/"+name+"/fails", "X-Tenant-ID", "acme").want(t, 500)
	told(name, "server_error")
	party.body.Store(movedShape)
	// Within the hour after the failure nobody hears of this change, but of the
	// other policy's.
	s.get("/"+name+"/orders/1", "X-Tenant-ID", "acme").want(t, 200, "Signpost-Drift", changed)
	s.get("/"+other+"/orders/1", "X-Tenant-ID", "acme").want(t, 200, "Signpost-Drift", changed)
	told(other, "$.order.status: string, now missing")

	s.get("/"+name+"/fails", "X-Tenant-ID", "acme").want(t, 500)
	s.get("/"+other+"/fails", "X-Tenant-ID", "acme").want(t, 500)
	told(other, "server_error") // It does not wait for the end of an hour that a change began.
	if err := s.load(config, "metrics /metrics\nsignpost"); err != nil {
		t.Fatal(err)
	}
	s.after("/"+name+"/fails", "X-Tenant-ID", "acme").want(t, 500)
	s.after("/"+name+"/orders/1", "X-Tenant-ID", "acme").want(t, 200, "Signpost-Drift", changed)
	s.after("/"+other+"/fails", "X-Tenant-ID", "acme").want(t, 500)
	// The hours go on: the next message is the last policy's.
	s.after("/"+last+"/fails", "X-Tenant-ID", "acme").want(t, 500)
	told(last, "server_error")
	for len(texts) != 0 {
		if text := <-texts; !heard[text] {
			t.Errorf("the webhook also got %q", text)
		}
	}
	eventually(t, "deliveries are counted", func() bool {
		return strings.Contains(s.after("/metrics").body, `signpost_alerts_total{channel="webhook",result="sent"} `)
	})
}

func TestAlertsWithoutTheirSecretsAreValidButDoNotStart(t *testing.T) {
	folder := t.TempDir()
	logged := filepath.Join(folder, "log")
	s := &sidecar{t: t, socket: filepath.Join(folder, "bot.sock"), globals: loggingTo(logged, "INFO")}
	source := s.source(`secrets env SIGNPOST_NONE_
	alerts {
		smtp mail.example:25 {
			from bot@example.com
			username bot
			password {secret.missing_word}
		}
		webhook http://127.0.0.1:1/{secret.missing_hook}
	}
	policy store http://127.0.0.1:1`, "signpost")
	if err := validate(source); err != nil {
		t.Errorf("validating: %v, want a warning only", err)
	}
	log, err := os.ReadFile(logged)
	if err != nil {
		t.Fatal(err)
	}
	err = load(source)
	for _, name := range []string{"secret.missing_word", "secret.missing_hook"} {
		if !strings.Contains(string(log), name) {
			t.Errorf("after validating the log does not name %s:\n%s", name, log)
		}
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("starting gave %v, want an error that names %s", err, name)
		}
	}
	if err := caddy.Stop(); err != nil {
		t.Error(err)
	}
}

func TestSecretsOfAlertsAreInNoLogAndNoConfiguration(t *testing.T) {
	const value = "WORD-OF-THE-HOOK"
	t.Setenv("SIGNPOST_ALERTS_HOOK", value)
	_, url := shapes(t)
	hook, texts := messenger(t, http.StatusNotFound)
	logged := filepath.Join(t.TempDir(), "log")
	name := fresh("secretive")
	socket := filepath.Join(shortDir(t), "admin.sock")
	globals := strings.Replace(loggingTo(logged, "DEBUG"), "admin off", "admin unix/"+socket, 1)
	withAdmin(t, "unix/"+socket) // Closes the endpoint at the end.
	o := &operator{t: t, http: dialing(socket), base: "http://admin/"}
	t.Cleanup(o.http.CloseIdleConnections)
	s := startGlobal(t, globals, "secrets env SIGNPOST_ALERTS_\nalerts {\nwebhook "+hook+"/{secret.hook}\n}\n"+watched(name, url), "signpost")
	s.get("/"+name+"/fails").want(t, 500)
	if text := await(t, texts, "the message"); !strings.HasPrefix(text, "/"+value+" ") {
		t.Errorf("the webhook was called at %q, want its secret", text)
	}
	eventually(t, "the log complains", func() bool {
		log, err := os.ReadFile(logged)
		return err == nil && strings.Contains(string(log), "the webhook answered 404")
	})
	shown := o.ask("GET", "config/", "").text + o.ask("GET", "signpost/alerts", "").text
	log, err := os.ReadFile(logged)
	if err != nil || strings.Contains(string(log), value) {
		t.Errorf("the log holds the secret (%v)", err)
	}
	if strings.Contains(shown, value) || !strings.Contains(shown, "{secret.hook}") || !strings.Contains(shown, "404") {
		t.Errorf("the operator is shown %s", shown)
	}
}
