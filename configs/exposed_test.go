package configs_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"
)

func init() { caddy.RegisterModule(registryKeeper{}) }

// keptRegistry is the metrics registry of the configuration that runs, where it
// has the app registry_keeper.
var keptRegistry *prometheus.Registry

// registryKeeper is a Caddy app that does nothing but to hand out the registry
// behind the metrics endpoint.
type registryKeeper struct{}

func (registryKeeper) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "registry_keeper", New: func() caddy.Module { return new(registryKeeper) }}
}

func (*registryKeeper) Provision(ctx caddy.Context) error {
	keptRegistry = ctx.GetMetricsRegistry()
	return nil
}

func (*registryKeeper) Start() error { return nil }
func (*registryKeeper) Stop() error  { return nil }

// exposition is the labels of each series that Prometheus can ask for, by the
// series' name.
type exposition map[string][]string

// described is how a description prints: it gives its names in no other way.
var described = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", .*variableLabels: \{([^}]*)\}\}$`)

// exposed asks a real gateway for all that it can expose. One call makes the
// histograms appear, whose kind a description does not tell.
func exposed(t *testing.T) exposition {
	t.Helper()
	bots := serve(t, `{
	metrics
	signpost {
		policy gone http://127.0.0.1:9
	}
}
:8080 {
	signpost
}
`)
	if status, _ := bots.get(t, "8080", "/gone/orders/1"); status != http.StatusBadGateway {
		t.Fatalf("a call to nobody is answered %d, want 502", status)
	}
	all := make(exposition)
	descriptions := make(chan *prometheus.Desc)
	go func() {
		keptRegistry.Describe(descriptions)
		close(descriptions)
	}()
	for description := range descriptions {
		found := described.FindStringSubmatch(description.String())
		if found == nil {
			t.Fatalf("the description %s cannot be read", description)
		}
		all[found[1]] = slices.DeleteFunc(strings.Split(found[2], ","), func(l string) bool { return l == "" })
	}
	families, err := keptRegistry.Gather()
	if err != nil {
		t.Fatalf("gathering metrics: %v", err)
	}
	for _, family := range families {
		if family.GetType().String() == "HISTOGRAM" {
			labels := all[family.GetName()]
			delete(all, family.GetName())
			all[family.GetName()+"_bucket"] = append(slices.Clone(labels), "le")
			all[family.GetName()+"_sum"], all[family.GetName()+"_count"] = labels, labels
		}
	}
	// Prometheus itself makes one row for each target, and one for each alert.
	all["up"] = nil
	all["ALERTS"] = []string{"alertname", "alertstate", "severity", "policy", "operation"}
	return all
}

func TestTheGatewayExposesWhatItsMetricsPageSays(t *testing.T) {
	inRepository(t)
	all := exposed(t)
	want := exposition{
		"signpost_calls_total":                     {"policy", "operation", "outcome", "route"},
		"signpost_attempt_duration_seconds_bucket": {"policy", "operation", "outcome", "le"},
		"signpost_breaker_state":                   {"policy", "host"},
		"signpost_tenants":                         nil,
		"caddy_config_last_reload_successful":      nil,
		"caddy_http_requests_total":                {"server", "handler"},
		"go_goroutines":                            nil,
		"process_resident_memory_bytes":            nil,
	}
	for name, want := range want {
		if got, known := all[name]; !known || !slices.Equal(got, want) {
			t.Errorf("%s is exposed: %v, with the labels %q; want %q", name, known, got, want)
		}
	}
	if _, known := all["signpost_call_duration_seconds"]; known {
		t.Error("a histogram is exposed under its bare name, want only _bucket, _sum and _count")
	}
}
