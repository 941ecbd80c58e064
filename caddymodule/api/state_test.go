package api_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/signpost-gateway/signpost/policy"
)

// sharing is the store with a state at this address.
func sharing(address, fail string) policy.Spec {
	spec := store()
	spec.State = &policy.StateSpec{Redis: address, Fail: fail}
	return spec
}

// nobody is an address at which nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// until reads the state until a member of it is this.
func (g *gate) until(member string, want any) got {
	g.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		a := g.get("state")
		if is := a.at(g.t, member); is == want {
			return a
		}
		if time.Now().After(end) {
			g.t.Fatalf("%s does not become %v: %s", member, want, a.text)
		}
	}
}

func TestASharedStateThatIsAwayIsToldWithItsReason(t *testing.T) {
	address := nobody(t)
	for fail, outcome := range map[string]string{"": "success", "closed": "overloaded"} {
		g := open(t, sharing("redis://bot:hunter2@"+address, fail), says(200, shipped))
		a := g.until("reason", address+": connection refused")
		a.want(t, `false`, "there")
		a.want(t, `"redis"`, "kind")
		a.want(t, `"redis://`+address+`"`, "address")
		since, err := time.Parse(time.RFC3339, a.at(t, "since").(string))
		if err != nil || time.Since(since) > time.Minute {
			t.Errorf("it is away since %v, %v", since, err)
		}
		g.bot("acme", "/orders/1")
		counted, said := `{"redis":0,"local":1,"refused":0}`, "local"
		if fail == "closed" {
			counted, said = `{"redis":0,"local":0,"refused":1}`, "refused"
		}
		a = g.get("state")
		a.want(t, counted, "decided")
		id := g.get("calls").at(t, "calls", 0, "id").(string)
		call := g.get("calls/" + id)
		call.want(t, `"`+outcome+`"`, "outcome")
		call.want(t, `"`+said+`"`, "state", "decided")
	}
}

func TestASharedStateThatIsThereIsToldWithItsRoundTrip(t *testing.T) {
	redis := miniredis.RunT(t)
	g := open(t, sharing("redis://"+redis.Addr(), ""), says(200, shipped))
	a := g.until("there", true)
	a.want(t, `"local"`, "fail")
	a.want(t, `""`, "reason")
	g.bot("acme", "/orders/1")
	a = g.get("state")
	a.want(t, `{"redis":1,"local":0,"refused":0}`, "decided")
	if trip := a.at(t, "round_trip_ms").(float64); trip <= 0 {
		t.Errorf("the round trip is %v ms, want some time", trip)
	}
	if name := a.at(t, "sidecar").(string); len(name) != 8 {
		t.Errorf("the sidecar is called %q, want 8 characters", name)
	}
	id := g.get("calls").at(t, "calls", 0, "id").(string)
	call := g.get("calls/" + id)
	call.want(t, `"redis"`, "state", "decided")
	if wait := call.at(t, "state", "wait_ms").(float64); wait <= 0 {
		t.Errorf("the call waited %v ms for Redis, want some time", wait)
	}
	redis.Close()
	g.bot("acme", "/orders/1")
	g.until("there", false).want(t, `1`, "times_away")
}
