//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// keptStructure is an operation as GET drift/<policy>/<operation> tells of it.
type keptStructure struct {
	State, Learned string
	Pinned         bool
	Ignored        bool
	Count          int
	DriftingSince  string `json:"drifting_since"`
	Changes        []keptChange
	Structure      map[string]string
	Diff           []struct{ Path, Old, New, Kind string }
}

// keptChange is one difference of two structures.
type keptChange struct {
	Path, Was, Is, Suggest, Extract string
	Vars                            []string
}

// String is what an operator reads.
func (s keptStructure) String() string {
	text := s.State
	for _, c := range s.Changes {
		text += fmt.Sprintf("; %s was %s, is %s, for %v: %s", c.Path, c.Was, c.Is, c.Vars, c.Extract)
	}
	return text
}

// structure gives what is known of the orders of the store.
func (g *operated) structure(t *testing.T) keptStructure {
	t.Helper()
	return inquire[keptStructure](t, "GET", g.admin+"/drift/store/order_status", "")
}

// watches waits until what was stored is read, which a start does not wait for.
func (g *operated) watches(t *testing.T) {
	t.Helper()
	await(t, "the structure from the storage", func() bool { return g.structure(t).Structure != nil })
}

// order asks for an order, and gives the answer's drift header and the variable.
func (g *operated) order(t *testing.T) (drift, status string) {
	t.Helper()
	header := g.call(t, "/store/orders/1", "success").Header
	return header.Get("Signpost-Drift"), header.Get("Signpost-Var-Status")
}

const (
	driftHeader = "JSON Structure Change Detected"

	// movedOrder is a changed answer: what was the status is the state, and what
	// it looks like to the operator before and after.
	movedOrder = `{"order":{"state":"shipped","eta":"2026-11-24","items":[{"name":"teapot"}]}}`
	drifting   = "drifting; $.order.status was string, is missing, for [status]: extract status $.order.state"

	oldLine = "extract status $.order.status"
	newLine = "extract status $.order.state"
)

func TestOperatorMapsAChangedAnswerAnewAndAcceptsIt(t *testing.T) {
	o := build(t)
	since := ""
	t.Run("before a restart", func(t *testing.T) {
		g := o.operate(t)
		if drift, status := g.order(t); drift != "" || status != "shipped" {
			t.Fatalf("the first answer: drift %q, status %q", drift, status)
		}
		o.store.change(movedOrder)
		if drift, status := g.order(t); drift != driftHeader || status != "" {
			t.Fatalf("the changed answer: drift %q, status %q", drift, status)
		}
		if got := g.structure(t); got.String() != drifting {
			t.Fatalf("the operator reads %q, want %q", got, drifting)
		}
		since = g.structure(t).DriftingSince
		operatorIsToldOfDrift(t, o, g)
		g.reload(t, "title \"The store\"", "title \"The same store\"")
		if got := g.structure(t); got.String() != drifting || got.DriftingSince != since {
			t.Errorf("after a reload: %q since %s, want %q since %s", got, got.DriftingSince, drifting, since)
		}
	})
	t.Run("after a restart", func(t *testing.T) {
		g := o.operate(t)
		g.watches(t)
		if got := g.structure(t); got.String() != drifting || got.DriftingSince != since {
			t.Fatalf("after a restart: %q since %s, want %q since %s", got, got.DriftingSince, drifting, since)
		}
		g.reload(t, oldLine, newLine)
		if drift, status := g.order(t); drift != "" || status != "shipped" {
			t.Errorf("with the new line: drift %q, status %q", drift, status)
		}
		accepted := inquire[keptStructure](t, "POST", g.console+"/drift/store/order_status/accept", "")
		if accepted.String() != "watching" || accepted.Structure["$.order.state"] != "string" || accepted.Structure["$.order.status"] != "" {
			t.Errorf("accepted: %s with %v", accepted, accepted.Structure)
		}
		if _, metrics := g.get(t, "", "/metrics"); !strings.Contains(metrics, `signpost_drift{operation="order_status",policy="store"} 0`+"\n") {
			t.Error("the metric does not say that the drift is over")
		}
	})
	t.Run("after a second one", func(t *testing.T) {
		g := o.operate(t, oldLine, newLine)
		g.watches(t)
		if drift, status := g.order(t); drift != "" || status != "shipped" {
			t.Errorf("what was accepted: drift %q, status %q", drift, status)
		}
		o.store.change(strings.Replace(movedOrder, `"shipped"`, "7", 1))
		if drift, status := g.order(t); drift != driftHeader || status != "7" {
			t.Errorf("another type: drift %q, status %q", drift, status)
		}
		ignored := inquire[keptStructure](t, "POST", g.admin+"/drift/store/order_status/ignore", "")
		if ignored.String() != "watching" || !ignored.Ignored || ignored.Structure["$.order.state"] != "string" {
			t.Errorf("ignored: %s, %v, with %v", ignored, ignored.Ignored, ignored.Structure)
		}
		if drift, status := g.order(t); drift != "" || status != "7" {
			t.Errorf("what is ignored: drift %q, status %q", drift, status)
		}
	})
	stored, err := os.ReadFile(filepath.Join(o.dir, "signpost", "structure", "store.order_status.json"))
	if err != nil || !strings.Contains(string(stored), "$.order.state") || strings.Contains(string(stored), "teapot") {
		t.Errorf("stored is %s, %v; want paths and types, and no values", stored, err)
	}
	t.Run("after a third one", func(t *testing.T) {
		g := o.operate(t, oldLine, newLine)
		g.watches(t)
		if drift, status := g.order(t); drift != "" || status != "7" {
			t.Errorf("what is ignored: drift %q, status %q", drift, status)
		}
	})
}

// operatorIsToldOfDrift looks at each place where a drift shows.
func operatorIsToldOfDrift(t *testing.T, o *outside, g operated) {
	t.Helper()
	diff := make(map[string]string)
	for _, line := range g.structure(t).Diff {
		diff[line.Path] = line.Kind + " " + line.Old + " " + line.New
	}
	if diff["$.order.status"] != "removed string " || diff["$.order.state"] != "added  string" || diff["$.order.eta"] != "same string string" {
		t.Errorf("the diff is %q", diff)
	}
	resp := g.call(t, "/store/orders/2", "success")
	if kept := g.find(t, resp); len(kept.Drift) != 1 || kept.Drift[0].Path != "$.order.status" || kept.Drift[0].Is != "missing" {
		t.Errorf("the log has the drift %+v", kept.Drift)
	}
	_, metrics := g.get(t, "", "/metrics")
	for _, want := range []string{
		`signpost_drift{operation="order_status",policy="store"} 1`,
		`signpost_drifting_answers_total{operation="order_status",policy="store"} 2`,
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	// Caddy writes each event into its debug log.
	await(t, "Caddy's event", func() bool {
		return strings.Contains(g.log.String(), `"name":"signpost.drift"`)
	})
	mails := o.office.awaitMails(t, 1)
	if subject := "Signpost: answers of The store changed (1 time)"; mails[0].subject != subject || !strings.Contains(mails[0].text, "$.order.status: string, now missing") {
		t.Errorf("the mail is %q\n%s\nwant %q", mails[0].subject, mails[0].text, subject)
	}
	await(t, "the webhook", func() bool { return len(o.hooks.received()) > 0 })
	if text := o.hooks.received()[0]; !strings.Contains(text, "$.order.status: string, now missing") {
		t.Errorf("the webhook got %s", text)
	}
	alerts := g.alerts(t)
	if store := alerts["store"]; store.LastTold == "" || store.Failed != 0 || store.Drifted != 0 || store.LastError != "" {
		t.Errorf("the alerts are %+v", alerts)
	}
}

func TestOperatorWorksOnInMemoryWhereTheStorageIsReadOnly(t *testing.T) {
	o := build(t)
	// A link to nowhere is an empty folder that nobody can write to, not even root.
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(o.dir, "nowhere", "at", "all"), filepath.Join(o.dir, "signpost")); err != nil {
		t.Fatal(err)
	}
	g := o.operate(t)
	g.order(t)
	o.store.change(movedOrder)
	if drift, _ := g.order(t); drift != driftHeader || g.structure(t).String() != drifting {
		t.Errorf("the changed answer: drift %q, the operator reads %q", drift, g.structure(t))
	}
	inquire[keptStructure](t, "POST", g.admin+"/drift/store/order_status/accept", "")
	if drift, _ := g.order(t); drift != "" {
		t.Errorf("what was accepted: drift %q", drift)
	}
	g.reload(t, oldLine, newLine)
	if drift, status := g.order(t); drift != "" || status != "shipped" {
		t.Errorf("after a reload: drift %q, status %q", drift, status)
	}
	inquire[keptStructure](t, "POST", g.admin+"/drift/store/order_status/forget", "")
	if got := g.structure(t); got.State != "learning" {
		t.Errorf("forgotten: %s", got)
	}
	if resp, _ := request(t, "POST", g.admin+"/drift/store/order_status/pin", shippedOrder); resp.StatusCode != http.StatusOK {
		t.Errorf("pinning: %s", resp.Status)
	}
	if drift, _ := g.order(t); drift != "" || !g.structure(t).Pinned {
		t.Errorf("pinned: %v, drift %q", g.structure(t).Pinned, drift)
	}
	// One of the configuration that was there first, and one of that which took over.
	await(t, "the warnings", func() bool { return g.warnings("structure of answers failed") >= 2 })
	inquire[keptStructure](t, "POST", g.admin+"/drift/store/order_status/forget", "")
	g.order(t)
	if n := g.warnings("structure of answers failed"); n != 2 {
		t.Errorf("%d warnings of two configurations, want one each", n)
	}
}

func TestOperatorIsToldOfAChangeThatOutlivedItsConfiguration(t *testing.T) {
	o := build(t)
	g := o.operate(t)
	g.order(t)
	o.store.change(movedOrder)
	o.store.mu.Lock()
	answered := make(chan string, 1)
	go func() {
		resp, err := http.Get(g.url + "/store/orders/1")
		if err != nil {
			answered <- err.Error()
			return
		}
		resp.Body.Close()
		answered <- resp.Header.Get("Signpost-Outcome") + ", " + resp.Header.Get("Signpost-Drift")
	}()
	await(t, "the call at the store", func() bool { return o.store.asked.Load() == 2 })
	g.reload(t, `title "The store"`, `title "The new store"`)
	o.store.mu.Unlock()
	if got, want := <-answered, "success, "+driftHeader; got != want {
		t.Errorf("the bot got %q, want %q", got, want)
	}
	if mail := o.office.awaitMails(t, 1)[0]; mail.subject != "Signpost: answers of The new store changed (1 time)" {
		t.Errorf("the mail is about %q", mail.subject)
	}
	await(t, "Caddy's event", func() bool { return strings.Contains(g.log.String(), `"name":"signpost.drift"`) })
	if got := g.structure(t); got.String() != drifting {
		t.Errorf("the operator reads %q, want %q", got, drifting)
	}
}

// warnings counts the lines of the log that warn of something.
func (g *operated) warnings(of string) (n int) {
	for line := range strings.Lines(g.log.String()) {
		if strings.Contains(line, of) && strings.Contains(line, `"level":"warn"`) {
			n++
		}
	}
	return n
}
