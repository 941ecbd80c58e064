package configs_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/caddymodule"
	"github.com/signpost-gateway/signpost/policy"
)

// specOf gives what a configuration says of policies.
func specOf(path string) (*policy.Spec, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(source, map[string]any{"filename": path})
	if err != nil {
		return nil, err
	}
	var config struct {
		Apps struct{ Signpost caddymodule.Config }
	}
	if err := json.Unmarshal(adapted, &config); err != nil {
		return nil, err
	}
	return &config.Apps.Signpost.Spec, nil
}

// testFiles gives the files of tests beside a configuration.
func testFiles(t *testing.T, config string) []policytest.File {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(config), "*_test.yaml"))
	if err != nil {
		t.Fatalf("finding tests: %v", err)
	}
	files := make([]policytest.File, 0, len(found))
	for _, path := range found {
		file, err := policytest.Read(path)
		if err != nil {
			t.Fatalf("reading tests:\n%v", err)
		}
		if filepath.Clean(file.ConfigPath()) == config {
			files = append(files, *file)
		}
	}
	return files
}

func TestEveryBranchOfEveryPolicyThatShipsIsTested(t *testing.T) {
	inRepository(t)
	for _, path := range append(shipped(t, isWhole), "Caddyfile") {
		spec, err := specOf(path)
		if err != nil {
			t.Errorf("adapting %s: %v", path, err)
			continue
		}
		if len(spec.Policies) == 0 {
			continue // A third party, or a frame for policies that others write.
		}
		t.Run(path, func(t *testing.T) {
			load := func(policytest.File) (*policy.Spec, error) { return spec, nil }
			report, err := policytest.Run(context.Background(), testFiles(t, path), load, policytest.Options{WholeConfigurations: true})
			if err != nil {
				t.Fatalf("running the tests of %s:\n%v", path, err)
			}
			for _, r := range report.Results {
				if !r.Passed() {
					t.Errorf("%s: %s failed: %s %+v", r.Place, r.Name, r.Stopped, r.Failures)
				}
			}
			if len(report.Coverage) == 0 {
				t.Fatalf("%s has no tests beside it", path)
			}
			for _, b := range report.Coverage[0].Branches {
				if b.Tests == 0 {
					t.Errorf("%s: no test reaches the %s %s of %s.%s", path, b.Kind, b.Name, b.Policy, b.Operation)
				}
			}
		})
	}
}
