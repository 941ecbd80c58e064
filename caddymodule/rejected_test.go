package caddymodule_test

import (
	"net"
	"testing"

	"github.com/signpost-gateway/signpost/caddymodule"
)

func TestARejectedConfigurationGivesWayToTheOneThatGoesOn(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	store := okParty(t)
	s := start(t, "plan default {\nrate_limit off\n}\npolicy store "+store)
	// Caddy starts apps in no order: sometimes ours has started when the site
	// cannot.
	for i := range 20 {
		err := load("{\nadmin off\npersist_config off\nsignpost {\npolicy other " + store + "\n}\n}\nhttp://" + taken.Addr().String() + " {\nbind 127.0.0.1\nsignpost\n}\n")
		if err == nil {
			t.Fatal("a site on a port that is taken was accepted")
		}
		if !caddymodule.ChargeGoesOn() {
			t.Fatalf("after %d rejected configurations nobody is in charge of the shared state", i+1)
		}
		if !caddymodule.GuardsLog() {
			t.Fatalf("after %d rejected configurations nobody guards the log", i+1)
		}
		s.get("/store/x").want(t, 200, "Signpost-Outcome", "success")
	}
}
