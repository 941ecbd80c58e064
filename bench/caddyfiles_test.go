package main

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/signpost-gateway/signpost"
)

func TestEveryGatewayHasAConfigurationThatIsFormattedAndValid(t *testing.T) {
	t.Setenv("BENCH_PORT", "8080")
	t.Setenv("BENCH_ADMIN", "127.0.0.1:2019")
	t.Setenv("BENCH_UPSTREAM", "127.0.0.1:9090")
	t.Setenv("BENCH_COLLECTOR", "http://127.0.0.1:4318")
	t.Setenv("SIGNPOST_SECRET_STORE_TOKEN", storeToken)
	t.Setenv("BENCH_REDIS", "127.0.0.1:6379")
	t.Setenv("BENCH_LIMIT", shareLimit.String())
	for name := range wantRoute {
		source, err := caddyfiles.ReadFile("caddyfiles/" + name + ".Caddyfile")
		if err != nil {
			t.Fatalf("reading the configuration of %s: %v", name, err)
		}
		if string(caddyfile.Format(source)) != string(source) {
			t.Errorf("%s is not formatted", name)
		}
		adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt(source, nil)
		if err != nil || len(warnings) > 0 {
			t.Fatalf("adapting %s: %v, warnings %v", name, err, warnings)
		}
		var config caddy.Config
		if err := json.Unmarshal(adapted, &config); err != nil {
			t.Fatalf("reading the adapted %s: %v", name, err)
		}
		if err := caddy.Validate(&config); err != nil {
			t.Errorf("validating %s: %v", name, err)
		}
	}
}

func TestGatewaysThatShareStateDifferFromTheFullOneInNothingElse(t *testing.T) {
	full, err := caddyfiles.ReadFile("caddyfiles/full.Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range variants[alone:] {
		source, err := caddyfiles.ReadFile("caddyfiles/" + name + ".Caddyfile")
		if err != nil {
			t.Fatal(err)
		}
		state := regexp.MustCompile(`(?m)^\t\tstate redis \S+ \{\n(\t\t\t.*\n)*\t\t\}\n`)
		if got := state.ReplaceAllString(string(source), ""); got != string(full) {
			t.Errorf("without its state, %s is\n%s\nwant\n%s", name, got, full)
		}
	}
}

func TestTheOrderIsOneKibibyteOfJSON(t *testing.T) {
	if len(order) != 1024 || !json.Valid(order) {
		t.Errorf("the order is %d bytes, valid %t: %s", len(order), json.Valid(order), order)
	}
}
