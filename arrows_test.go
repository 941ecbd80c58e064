package signpost_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/signpost-gateway/signpost"
	engine = module + "/policy"
	author = module + "/author"
)

// goPackage is what `go list -json` says of a package.
type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// goList lists packages, by import path.
func goList(t *testing.T, patterns ...string) map[string]goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Imports,Deps"}, patterns...)...)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("listing packages: %v\n%s", err, complaints.String())
	}
	packages := make(map[string]goPackage)
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("reading the list of packages: %v", err)
		}
		packages[p.ImportPath] = p
	}
	if len(packages) == 0 {
		t.Fatalf("there are no packages %s", strings.Join(patterns, " "))
	}
	return packages
}

// within tells whether a package is path, or lies below it.
func within(pkg, path string) bool {
	return pkg == path || strings.HasPrefix(pkg, path+"/")
}

func TestEngineAndAuthorsToolsDependOnNoServerLoggerOrTelemetrySDK(t *testing.T) {
	banned := []string{
		"github.com/caddyserver/caddy/v2",
		"go.uber.org/zap",
		"github.com/prometheus/client_golang",
		"go.opentelemetry.io/otel/sdk",
		"go.opentelemetry.io/otel/exporters",
	}
	for path, p := range goList(t, "./policy/...", "./author/...") {
		for _, ban := range banned {
			if i := slices.IndexFunc(p.Deps, func(dep string) bool { return within(dep, ban) }); i >= 0 {
				t.Errorf("%s depends on %s", path, p.Deps[i])
			}
		}
	}
}

func TestLeavesOfTheEngineImportNeitherEachOtherNorTheEngine(t *testing.T) {
	leaves := 0
	for path, p := range goList(t, "./policy/...") {
		if path == engine {
			continue
		}
		leaves++
		for _, imported := range p.Imports {
			if within(imported, module) {
				t.Errorf("%s imports %s", path, imported)
			}
		}
	}
	if leaves == 0 {
		t.Error("the engine has no leaves")
	}
}

func TestTheEngineImportsItsLeavesAlone(t *testing.T) {
	for _, imported := range goList(t, "./policy")[engine].Imports {
		if within(imported, module) && !within(imported, engine) {
			t.Errorf("%s imports %s", engine, imported)
		}
	}
}

func TestOnlyTheAdapterAndTheCommandImportCaddy(t *testing.T) {
	allowed := []string{module + "/caddymodule", module + "/cmd/caddy"}
	for path, p := range goList(t, "./...") {
		for _, imported := range p.Imports {
			if within(imported, "github.com/caddyserver/caddy/v2") && !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", path, imported)
			}
		}
	}
}

func TestAuthorsToolsImportTheEngineAndNeverBack(t *testing.T) {
	for path, p := range goList(t, "./author/...") {
		for _, imported := range p.Imports {
			if within(imported, module) && !within(imported, engine) && !within(imported, author) {
				t.Errorf("%s imports %s", path, imported)
			}
		}
	}
	for path, p := range goList(t, "./policy/...") {
		for _, dep := range p.Deps {
			if within(dep, author) {
				t.Errorf("%s depends on %s", path, dep)
			}
		}
	}
}
