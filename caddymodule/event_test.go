package caddymodule_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func init() { caddy.RegisterModule(new(listening)) }

// listening is a handler of Caddy's events that tells the test of them.
type listening struct{}

// heard is whom it tells.
var heard atomic.Pointer[listener]

// listener is a test that hears events.
type listener struct {
	events chan emitted
	hangs  chan struct{} // where there is one, the handler waits for it
}

// emitted is an event with its data.
type emitted struct {
	name string
	data map[string]any
}

func (*listening) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.listening", New: func() caddy.Module { return new(listening) }}
}

func (*listening) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { d.Next(); return nil }

func (*listening) Handle(_ context.Context, e caddy.Event) error {
	l := heard.Load()
	if l == nil {
		return nil
	}
	l.events <- emitted{e.Name(), e.Data}
	if l.hangs != nil {
		<-l.hangs
	}
	return nil
}

// subscribed are global options that subscribe a listener, which ends with the
// test, to all events of Signpost.
func subscribed(t testing.TB, l *listener) string {
	t.Helper()
	l.events = make(chan emitted, 1000)
	heard.Store(l)
	t.Cleanup(func() { heard.Store(nil) })
	var on strings.Builder
	for _, name := range []string{"breaker_opened", "breaker_closed", "drift", "policy_failed"} {
		on.WriteString("on signpost." + name + " listening\n")
	}
	return quiet + "events {\n" + on.String() + "}\n"
}

// next waits for an event of that name, and tests its data.
func (l *listener) next(t testing.TB, name string, want map[string]any) {
	t.Helper()
	for {
		e := await(t, l.events, "the event "+name)
		if e.name != name {
			continue
		}
		for key, value := range want {
			if e.data[key] != value {
				t.Errorf("%s: %s is %v, want %v", name, key, e.data[key], value)
			}
		}
		if len(e.data) != len(want) {
			t.Errorf("%s has the data %v, want %v", name, e.data, want)
		}
		return
	}
}

func TestBreakersEmitCaddyEvents(t *testing.T) {
	var failing atomic.Bool
	party := thirdParty(t, func(w http.ResponseWriter, _ *http.Request) {
		if failing.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	var l listener
	s := startGlobal(t, subscribed(t, &l), unlimited+"policy store "+party.URL+" {\nbreaker 1 consecutive {\nopen 1ms\nprobes 1\n}\n}", "signpost")
	host := strings.TrimPrefix(party.URL, "http://")
	failing.Store(true)
	eventually(t, "a failure", func() bool { return s.get("/store/x").StatusCode == 500 })
	l.next(t, "signpost.breaker_opened", map[string]any{"policy": "store", "host": host, "from": "closed"})
	failing.Store(false)
	eventually(t, "a probe", func() bool { return s.get("/store/x").StatusCode == 200 })
	l.next(t, "signpost.breaker_closed", map[string]any{"policy": "store", "host": host, "from": "half-open"})
}

func TestDriftAndFailuresEmitCaddyEventsOnce(t *testing.T) {
	party, url := shapes(t)
	name, changing := fresh("telling"), fresh("changing")
	config := watched(name, url) + "\n" + strings.TrimPrefix(watched(changing, url), unlimited) + "\n"
	var l listener
	s := startGlobal(t, subscribed(t, &l), config, "signpost")
	s.get("/" + name + "/orders/1")
	s.get("/" + changing + "/orders/1")
	failed := s.get("/" + name + "/fails")
	failed.want(t, 500)
	l.next(t, "signpost.policy_failed", map[string]any{
		"policy": name, "outcome": "server_error", "reason": failed.Header.Get("Signpost-Reason"), "failed": 1,
		"trace_id": failed.Header.Get("Signpost-Trace"),
	})
	party.body.Store(movedShape)
	// The event of a drift does not wait for the hour of the alerts; where a drift
	// is all that an alert tells, no call failed.
	for _, policy := range []string{name, changing} {
		trace := s.get("/" + policy + "/orders/1").Header.Get("Signpost-Trace")
		l.next(t, "signpost.drift", map[string]any{
			"policy": policy, "operation": "order", "changes": "$.order.status: string, now missing", "trace_id": trace,
		})
	}
	for range 5 {
		s.get("/"+name+"/orders/1").want(t, 200, "Signpost-Drift", changed)
		s.get("/"+name+"/fails").want(t, 500)
	}
	if err := s.load(config+"policy other "+url, "signpost"); err != nil {
		t.Fatal(err)
	}
	s.after("/"+name+"/orders/1").want(t, 200, "Signpost-Drift", changed)
	s.after("/"+name+"/fails").want(t, 500)
	s.after("/other/fails").want(t, 500)
	// What is emitted in order comes before this one.
	e := await(t, l.events, "the event of the other policy")
	if e.name != "signpost.policy_failed" || e.data["policy"] != "other" {
		t.Errorf("got %s with %v, want only what is new", e.name, e.data)
	}
}

func TestAHandlerOfEventsThatHangsHoldsUpNoCallAndNoReload(t *testing.T) {
	party, url := shapes(t)
	name := fresh("hanging")
	l := listener{hangs: make(chan struct{})}
	s := startGlobal(t, subscribed(t, &l), watched(name, url), "signpost")
	t.Cleanup(func() { close(l.hangs) })
	s.get("/" + name + "/orders/1")
	party.body.Store(movedShape)
	s.get("/" + name + "/orders/1")
	await(t, l.events, "the first event")
	start := time.Now()
	for range 100 {
		s.get("/"+name+"/orders/1").want(t, 200, "Signpost-Drift", changed)
		s.get("/"+name+"/fails").want(t, 500)
	}
	if err := s.load(watched(name, url)+"policy other "+url, "signpost"); err != nil {
		t.Fatal(err)
	}
	s.after("/"+name+"/orders/1").want(t, 200, "Signpost-Drift", changed)
	// A reload waits a second for what is emitted; a call that did would take more.
	if took := time.Since(start); took > patience {
		t.Errorf("200 calls and a reload took %v", took)
	}
}
