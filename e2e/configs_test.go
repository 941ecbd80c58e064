//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// promtool runs Prometheus's own checker, of Debian's package prometheus, and
// gives what it says and whether it is content.
func promtool(t *testing.T, arguments ...string) (string, bool) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "promtool", arguments...).CombinedOutput()
	if failed := new(exec.ExitError); err != nil && !errors.As(err, &failed) {
		t.Fatalf("running promtool: %v", err)
	}
	return string(out), err == nil
}

func TestPrometheusAcceptsItsConfigurationAndItsRulesFireWhenTheyShould(t *testing.T) {
	folder := filepath.Join(root, "configs", "prometheus")
	for _, arguments := range [][]string{
		{"check", "config", filepath.Join(folder, "prometheus.yml")},
		{"check", "rules", filepath.Join(folder, "alerts.yml")},
		{"test", "rules", filepath.Join(folder, "alerts_test.yml")},
	} {
		if said, content := promtool(t, arguments...); !content {
			t.Errorf("promtool %s: %s", strings.Join(arguments, " "), said)
		}
	}
}

func TestTheTestsOfTheRulesFindARuleThatIsWrong(t *testing.T) {
	rules := string(readFile(t, "configs/prometheus/alerts.yml"))
	for name, change := range map[string][2]string{
		"fires too late":       {"> 0.1\n", "> 0.3\n"},
		"fires too early":      {"        for: 1m\n", ""},
		"fires for what hints": {`,route="failure"`, ""},
		"misses the first":     {"unless signpost_alerts_total offset 1h", "unless signpost_alerts_total"},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := strings.Replace(rules, change[0], change[1], 1)
			if wrong == rules {
				t.Fatalf("the rules do not hold %q", change[0])
			}
			folder := t.TempDir()
			for file, content := range map[string][]byte{
				"alerts.yml":      []byte(wrong),
				"alerts_test.yml": readFile(t, "configs/prometheus/alerts_test.yml"),
			} {
				if err := os.WriteFile(filepath.Join(folder, file), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if said, content := promtool(t, "test", "rules", filepath.Join(folder, "alerts_test.yml")); content || !strings.Contains(said, "FAILED") {
				t.Errorf("with %q for %q promtool says %q, want that a test failed", change[1], change[0], said)
			}
		})
	}
}

// otelcolPatience bounds how long it takes to build the collector, from nothing.
const otelcolPatience = 8 * time.Minute

// otelcolSource is a collector with the components that configs/otel names, out
// of the stock distribution's some thirty.
const otelcolSource = `package main

import (
	"log"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/batchprocessor"
	"go.opentelemetry.io/collector/processor/memorylimiterprocessor"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
)

func factories() (otelcol.Factories, error) {
	all := otelcol.Factories{Telemetry: otelconftelemetry.NewFactory()}
	var err error
	if all.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory()); err != nil {
		return all, err
	}
	if all.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](otlpexporter.NewFactory()); err != nil {
		return all, err
	}
	all.Processors, err = otelcol.MakeFactoryMap[processor.Factory](batchprocessor.NewFactory(), memorylimiterprocessor.NewFactory())
	return all, err
}

func main() {
	settings := otelcol.CollectorSettings{BuildInfo: component.NewDefaultBuildInfo(), Factories: factories}
	settings.ConfigProviderSettings.ResolverSettings = confmap.ResolverSettings{
		DefaultScheme:     "file",
		ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()},
	}
	if err := otelcol.NewCommand(settings).Execute(); err != nil {
		log.Fatal(err)
	}
}
`

// otelcolModules are what it requires in the version of its image. All else
// follows from what these require themselves.
var otelcolModules = []string{"otelcol", "exporter/otlpexporter", "receiver/otlpreceiver", "processor/batchprocessor", "processor/memorylimiterprocessor"}

// otelcolImage is the collector of compose, with its version.
var otelcolImage = regexp.MustCompile(`image: otel/opentelemetry-collector:([0-9.]+)\n`)

// otelcol finds the collector in the user's cache, or builds it.
func otelcol(t *testing.T) string {
	t.Helper()
	image := otelcolImage.FindSubmatch(readFile(t, "configs/compose/compose.yaml"))
	if image == nil {
		t.Fatal("compose.yaml has no image of the collector")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("looking for a place for the collector: %v", err)
	}
	folder, version := filepath.Join(cache, "signpost-e2e"), string(image[1])
	path := filepath.Join(folder, "otelcol-"+version+"-"+runtime.Version())
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatalf("making a place for the collector: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), otelcolPatience)
	defer cancel()
	if err := buildOtelcol(ctx, folder, path, "v"+version); err != nil {
		t.Fatal(err)
	}
	return path
}

// buildOtelcol compiles the collector from modules that Go's checksum database
// vouches for. The binary gets its name at the end: of two builds at once each
// finds a whole one.
func buildOtelcol(ctx context.Context, folder, path, version string) error {
	work, err := os.MkdirTemp(folder, "build-")
	if err != nil {
		return fmt.Errorf("making a folder for the collector's source: %w", err)
	}
	defer os.RemoveAll(work)
	module := "module otelcol\n\ngo 1.26.0\n"
	for _, name := range otelcolModules {
		module += "\nrequire go.opentelemetry.io/collector/" + name + " " + version + "\n"
	}
	for file, content := range map[string]string{"go.mod": module, "main.go": otelcolSource} {
		if err := os.WriteFile(filepath.Join(work, file), []byte(content), 0o600); err != nil {
			return fmt.Errorf("writing the collector's source: %w", err)
		}
	}
	built := filepath.Join(work, "otelcol")
	for _, arguments := range [][]string{{"mod", "tidy"}, {"build", "-buildvcs=false", "-o", built}} {
		if _, err := run(ctx, work, "go", arguments...); err != nil {
			return fmt.Errorf("building the collector: %w", err)
		}
	}
	if err := os.Rename(built, path); err != nil {
		return fmt.Errorf("keeping the collector: %w", err)
	}
	return nil
}

func TestTheCollectorAcceptsItsConfigurationAndNoBrokenOne(t *testing.T) {
	collector := otelcol(t)
	config := string(readFile(t, "configs/otel/collector.yaml"))
	for name, c := range map[string]struct{ old, new, want string }{
		"as it ships":         {"", "", ""},
		"unknown key":         {"check_interval", "every", "invalid keys: every"},
		"unknown exporter":    {"exporters: [otlp_grpc]", "exporters: [jaeger]", `exporter "jaeger" which is not configured`},
		"unknown component":   {"  batch:", "  batches:", "batches"},
		"more than its limit": {"spike_limit_mib: 64", "spike_limit_mib: 640", "must be smaller"},
		"larger than largest": {"send_batch_size: 512", "send_batch_size: 5120", "send_batch_max_size"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(config, c.old, c.new, 1)
			path := filepath.Join(t.TempDir(), "collector.yaml")
			if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), collector, "validate", "--config", path).CombinedOutput()
			if accepted := err == nil; accepted != (c.want == "") || !strings.Contains(string(out), c.want) {
				t.Errorf("the collector accepts it: %v, and says %q, want %q", accepted, out, c.want)
			}
		})
	}
}
