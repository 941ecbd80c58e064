package configs_test

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
)

const collectorPath = "configs/otel/collector.yaml"

// collection is a configuration of the OpenTelemetry collector. What each
// component takes is its own affair: the collector itself tests it.
type collection struct {
	Receivers  map[string]map[string]any
	Processors map[string]map[string]any
	Exporters  map[string]map[string]any
	Service    struct {
		Pipelines map[string]pipeline
	}
}

type pipeline struct{ Receivers, Processors, Exporters []string }

// stock are components of the collector's distribution of that name.
var stock = map[string][]string{
	"receivers":  {"otlp"},
	"processors": {"memory_limiter", "batch"},
	"exporters":  {"otlp_grpc"},
}

func TestTheCollectorHandsTheTracesOfComposeToJaeger(t *testing.T) {
	inRepository(t)
	var services composition
	if err := decodeYAML(read(t, composePath), &services); err != nil {
		t.Fatal(err)
	}
	gateway := read(t, "configs/compose/Caddyfile")
	wantChecked(t, collectorPath, func(source string) []string { return checkCollector(source, services, gateway) }, map[string]mistake{
		"unknown key":          {"exporters:", "exporter:", "field exporter not found"},
		"not in the stock":     {"  batch:\n", "  tail_sampling:\n", "tail_sampling is not in the stock"},
		"used, not defined":    {"exporters: [otlp_grpc]", "exporters: [otlp]", "otlp is used and not defined"},
		"defined, not used":    {"[memory_limiter, batch]", "[memory_limiter]", "batch is defined and not used"},
		"memory unlimited":     {"[memory_limiter, batch]", "[batch, memory_limiter]", "begins without memory_limiter"},
		"nobody of that name":  {"endpoint: jaeger:4317", "endpoint: tempo:4317", "tempo is no service"},
		"a port of nobody":     {"endpoint: jaeger:4317", "endpoint: jaeger:14317", "jaeger does not listen on 14317"},
		"not where spans come": {"endpoint: 0.0.0.0:4318", "endpoint: 0.0.0.0:14318", "http://collector:4318 is not received"},
		"only to its own self": {"endpoint: 0.0.0.0:4318", "endpoint: localhost:4318", "http://collector:4318 is not received"},
	})
}

// jaegerPorts are where Jaeger takes OTLP over gRPC, and shows its pages.
var jaegerPorts = []string{"4317", "16686"}

// checkCollector names what is wrong with a collector between the gateway's
// Caddyfile and the services of compose.
func checkCollector(source string, services composition, gateway string) []string {
	var config collection
	if err := decodeYAML(source, &config); err != nil {
		return []string{err.Error()}
	}
	var problems []string
	for name, p := range config.Service.Pipelines {
		problems = append(problems, checkComponents("receivers", config.Receivers, p.Receivers)...)
		problems = append(problems, checkComponents("processors", config.Processors, p.Processors)...)
		problems = append(problems, checkComponents("exporters", config.Exporters, p.Exporters)...)
		if len(p.Processors) == 0 || p.Processors[0] != "memory_limiter" {
			problems = append(problems, name+" begins without memory_limiter")
		}
	}
	for _, exporter := range config.Exporters {
		host, port, _ := net.SplitHostPort(fmt.Sprint(exporter["endpoint"]))
		if _, known := services.Services[host]; !known {
			problems = append(problems, host+" is no service of compose")
		} else if !slices.Contains(jaegerPorts, port) {
			problems = append(problems, host+" does not listen on "+port)
		}
	}
	protocols, _ := config.Receivers["otlp"]["protocols"].(map[string]any)
	received, _ := protocols["http"].(map[string]any)
	const sent = "http://collector:4318"
	if !strings.Contains(gateway, "endpoint "+sent+"\n") || received["endpoint"] != "0.0.0.0:4318" {
		problems = append(problems, sent+" is not received")
	}
	return problems
}

// checkComponents wants the components of a kind to be those that are used.
func checkComponents(kind string, defined map[string]map[string]any, used []string) []string {
	var problems []string
	for _, name := range used {
		if _, is := defined[name]; !is {
			problems = append(problems, name+" is used and not defined")
		}
	}
	for name := range maps.Keys(defined) {
		if !slices.Contains(used, name) {
			problems = append(problems, name+" is defined and not used")
		}
		if !slices.Contains(stock[kind], name) {
			problems = append(problems, name+" is not in the stock distribution's "+kind)
		}
	}
	return problems
}
