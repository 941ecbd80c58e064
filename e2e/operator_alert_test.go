//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// keptAlert is what is known of a policy's messages.
type keptAlert struct {
	Policy, Next    string
	LastTold        string `json:"last_told"`
	Failed, Drifted int
	Pending         bool
	LastError       string `json:"last_error"`
}

// alerts gives what GET alerts gives, by policy.
func (g *operated) alerts(t *testing.T) map[string]keptAlert {
	t.Helper()
	answer := inquire[struct {
		Alerts   []keptAlert
		Channels []string
	}](t, "GET", g.admin+"/alerts", "")
	if fmt.Sprint(answer.Channels) != "[mail webhook]" {
		t.Errorf("the channels are %v", answer.Channels)
	}
	all := make(map[string]keptAlert)
	for _, a := range answer.Alerts {
		all[a.Policy] = a
	}
	return all
}

// awaitAlert waits until what is known of the store is as it should be.
func (g *operated) awaitAlert(t *testing.T, what string, is func(keptAlert) bool) {
	t.Helper()
	last := keptAlert{}
	defer func() {
		if t.Failed() {
			t.Logf("waiting for %s: the last was %+v", what, last)
		}
	}()
	await(t, what, func() bool {
		last = g.alerts(t)["store"]
		return is(last)
	})
}

// failAnew resets the alerts of the store, and has the next call fail.
func (g *operated) failAnew(t *testing.T) *http.Response {
	t.Helper()
	inquire[any](t, "POST", g.console+"/alerts/store/reset", "")
	return g.call(t, "/store/status/503", "server_error")
}

func TestOperatorIsMailedOnceAnHourWhateverFails(t *testing.T) {
	o := build(t)
	g := o.operate(t)
	const tenant = "tenant-nobody-need-know"
	resp, _ := g.get(t, tenant, "/store/status/503")
	mail := o.office.awaitMails(t, 1)[0]
	if got := strings.Join(mail.to, " "); got != tenAddresses || mail.from != "signpost@example.com" || !mail.tls {
		t.Errorf("a mail from %s to %s, over TLS %v; want all of %s", mail.from, got, mail.tls, tenAddresses)
	}
	if got := mail.header.Get("From"); got != `"Signpost" <signpost@example.com>` {
		t.Errorf("the mail says it is from %s", got)
	}
	if want := "Signpost: The store fails (1 call): server_error"; mail.subject != want {
		t.Errorf("the subject is %q, want %q", mail.subject, want)
	}
	link := "https://traces.example/trace/" + resp.Header.Get("Signpost-Trace")
	for _, want := range []string{"Policy: store\n", "server_error", "The third party answered 503 Service Unavailable.", link} {
		if !strings.Contains(mail.text, want) {
			t.Errorf("the mail lacks %q:\n%s", want, mail.text)
		}
	}
	await(t, "the webhook", func() bool { return len(o.hooks.received()) == 1 })
	await(t, "Caddy's event", func() bool { return strings.Contains(g.log.String(), `"name":"signpost.policy_failed"`) })
	for _, text := range []string{mail.text, fmt.Sprint(mail.header), o.hooks.received()[0], g.log.String()} {
		for _, secret := range []string{storeToken, mailPassword, hookSecret} {
			if strings.Contains(text, secret) {
				t.Errorf("a secret stands in %.300s", text)
			}
		}
	}
	if text := mail.text + fmt.Sprint(mail.header) + o.hooks.received()[0]; strings.Contains(text, tenant) {
		t.Errorf("the tenant stands in %s", text)
	}

	for i := range 50 {
		g.get(t, fmt.Sprint("tenant-", i), []string{"/store/status/500", "/store/notes/1"}[i%2])
	}
	g.order(t)
	o.store.change(movedOrder)
	if drift, _ := g.order(t); drift != driftHeader {
		t.Errorf("the changed answer has the drift %q", drift)
	}
	g.awaitAlert(t, "50 failures and a change to be counted", func(a keptAlert) bool { return a.Failed == 50 && a.Drifted == 1 })
	if a := g.alerts(t)["store"]; a.Next <= a.LastTold || a.Pending || a.LastError != "" {
		t.Errorf("the alerts tell %+v, want a next one later, and nothing under way", a)
	}
	if mails, posts := len(o.office.received()), len(o.hooks.received()); mails != 1 || posts != 1 {
		t.Errorf("%d mails and %d texts of the webhook came, want 1 in the first hour", mails, posts)
	}
	g.failAnew(t)
	mails := o.office.awaitMails(t, 2)
	await(t, "the webhook", func() bool { return len(o.hooks.received()) == 2 })
	if len(mails) != 2 || mails[1].subject != mails[0].subject {
		t.Errorf("%d mails came, the last one about %q; want one more after the reset", len(mails), mails[len(mails)-1].subject)
	}
}

func TestOperatorsMailsReachNoMoreThanTenAddresses(t *testing.T) {
	o := build(t)
	g := o.operate(t)
	config := strings.Replace(g.config, tenAddresses, tenAddresses+" k@example.com", 1)
	before, _, _ := strings.Cut(config, "alert a@example.com b@example.com")
	line := strings.Count(before, "\n") + 1
	if status, answer := g.load(t, config); status != http.StatusBadRequest || !strings.Contains(answer, fmt.Sprint("Caddyfile:", line)) || !strings.Contains(answer, "11 addresses") {
		t.Errorf("a reload: %d %s, want a 400 that names line %d", status, answer, line)
	}
	g.call(t, "/store/status/503", "server_error") // The ten still hear of it.
	if mail := o.office.awaitMails(t, 1)[0]; strings.Join(mail.to, " ") != tenAddresses {
		t.Errorf("after a refused reload the mail reaches %v", mail.to)
	}
	file := filepath.Join(t.TempDir(), "operator.caddyfile")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.CommandContext(t.Context(), binary, "validate", "--adapter", "caddyfile", "--config", file).CombinedOutput()
	if want := fmt.Sprint(filepath.Base(file), ":", line); err == nil || !strings.Contains(string(text), want) || !strings.Contains(string(text), "11 addresses") {
		t.Errorf("validate: %v, %s, want it to name %s", err, text, want)
	}
}

func TestOperatorsMailServerHoldsUpNoCall(t *testing.T) {
	o := build(t)
	g := o.operate(t)

	// It takes connections, and says nothing, nor does the webhook: every call is
	// answered meanwhile.
	o.office.behave(true, nil)
	o.hooks.mu.Lock()
	g.call(t, "/store/status/503", "server_error")
	await(t, "mail and webhook to be on their way", func() bool { return o.office.waiting() == 1 && o.hooks.asked.Load() == 1 })
	for err := range g.failManyTimes(t.Context(), 8, 25) {
		t.Error(err)
	}
	if o.office.waiting() != 1 {
		t.Error("the mail came to an end before the calls did")
	}
	g.awaitAlert(t, "all failures to be counted", func(a keptAlert) bool { return a.Failed == 200 && a.Pending })
	o.hooks.mu.Unlock()
	o.office.behave(false, nil)
	o.office.letGo()
	g.awaitAlert(t, "the error of a server without a greeting", func(a keptAlert) bool {
		return a.Pending && strings.Contains(a.LastError, "mail: ")
	})

	// It refuses, now and for good, or for now.
	o.office.behave(false, &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user"})
	g.failAnew(t)
	g.awaitAlert(t, "the error of a refusal", func(a keptAlert) bool { return !a.Pending && strings.Contains(a.LastError, "No such user") })
	o.office.behave(false, &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted"})
	g.failAnew(t)
	g.awaitAlert(t, "the error of greylisting", func(a keptAlert) bool { return a.Pending && strings.Contains(a.LastError, "Greylisted") })
	o.office.behave(false, nil)

	// Nobody listens.
	office, nobody := "smtp "+o.office.Addr().String(), "smtp 127.0.0.1:"+freePort(t)
	g.reload(t, office, nobody)
	g.failAnew(t)
	g.awaitAlert(t, "the error of a server that is down", func(a keptAlert) bool { return a.Pending && strings.Contains(a.LastError, "connecting") })
	if mails := o.office.received(); len(mails) != 0 {
		t.Errorf("%d mails came from a server that took none", len(mails))
	}
	g.reload(t, nobody, office)
	g.failAnew(t)
	if mail := o.office.awaitMails(t, 1)[0]; strings.Join(mail.to, " ") != tenAddresses {
		t.Errorf("the mail reaches %v", mail.to)
	}
	g.awaitAlert(t, "the error to be over", func(a keptAlert) bool { return !a.Pending && a.LastError == "" })
	_, metrics := g.get(t, "", "/metrics")
	for _, want := range []string{
		`signpost_alerts_total{channel="mail",result="sent"} `, `signpost_alerts_total{channel="mail",result="retried"} `,
		`signpost_alerts_total{channel="mail",result="refused"} `,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if logins := slices.Compact(o.office.logins); len(logins) != 1 || logins[0] != mailUser+" "+mailPassword {
		t.Errorf("who logged in: %q", logins)
	}
}

func TestOperatorsMailThatIsUnderWaySurvivesAReload(t *testing.T) {
	o := build(t)
	g := o.operate(t)
	o.office.behave(true, nil)
	g.call(t, "/store/status/503", "server_error")
	await(t, "the mail to be on its way", func() bool { return o.office.waiting() == 1 })
	o.office.behave(false, nil)
	g.reload(t, `title "The store"`, `title "The new store"`)
	mail := o.office.awaitMails(t, 1)[0]
	if want := "Signpost: The new store fails (1 call): server_error"; mail.subject != want || strings.Join(mail.to, " ") != tenAddresses {
		t.Errorf("after a reload a mail about %q to %v, want %q", mail.subject, mail.to, want)
	}
	g.awaitAlert(t, "the mail to be noted", func(a keptAlert) bool { return !a.Pending && a.LastError == "" })
	if n := len(o.office.received()); n != 1 {
		t.Errorf("%d mails came, want 1", n)
	}
	// The process ends by itself, which its start asks for, also while a server
	// greets nobody.
	o.office.letGo()
	o.office.behave(true, nil)
	g.failAnew(t)
	await(t, "another mail to be on its way", func() bool { return o.office.waiting() == 1 })
}

// failManyTimes has bots call what fails, all at once, and gives what was not
// answered as it should be.
func (g *operated) failManyTimes(ctx context.Context, bots, calls int) <-chan error {
	wrong := make(chan error, bots*calls)
	var work sync.WaitGroup
	for range bots {
		work.Go(func() {
			for range calls {
				if err := g.failOnce(ctx); err != nil {
					wrong <- err
				}
			}
		})
	}
	work.Wait()
	close(wrong)
	return wrong
}

func (g *operated) failOnce(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+"/store/status/503", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if got := resp.Header.Get("Signpost-Outcome"); resp.StatusCode != 503 || got != "server_error" {
		return fmt.Errorf("a call that fails is %d %s", resp.StatusCode, got)
	}
	return nil
}
