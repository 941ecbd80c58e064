package lint

import (
	"path/filepath"

	"github.com/signpost-gateway/signpost/author/policytest"
)

// maxTestFiles bounds the files of tests that are read to see which variables they
// expect.
const maxTestFiles = 1000

// Tested reads the policy tests beside a configuration, or in the folders there, and
// gives what Subject.Tested asks. Files that cannot be read expect nothing: whoever
// runs them is told.
func Tested(config string) func(policy, variable string) bool {
	type expected struct{ policy, variable string }
	known := make(map[expected]bool)
	folder := filepath.Dir(config)
	var paths []string
	for _, pattern := range []string{"*_test.yaml", filepath.Join("*", "*_test.yaml")} {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err == nil {
			paths = append(paths, found...)
		}
	}
	for _, path := range paths[:min(len(paths), maxTestFiles)] {
		f, err := policytest.Read(path)
		if err != nil || !tests(f, config) {
			continue
		}
		for _, t := range f.Tests {
			for _, s := range t.Steps {
				for name := range s.Expect.Vars {
					known[expected{t.Policy, name}] = true
				}
				for _, name := range s.Expect.Missing {
					known[expected{t.Policy, name}] = true
				}
			}
		}
	}
	return func(policy, variable string) bool { return known[expected{policy, variable}] }
}

// tests tells whether a file is about the configuration.
func tests(f *policytest.File, config string) bool {
	of := filepath.Join(filepath.Dir(f.Path), f.Config)
	if f.Config == "" {
		of = filepath.Join(filepath.Dir(f.Path), "Caddyfile")
	} else if filepath.IsAbs(f.Config) {
		of = filepath.Clean(f.Config)
	}
	named, err := filepath.Abs(config)
	if err != nil {
		return false
	}
	of, err = filepath.Abs(of)
	return err == nil && of == named
}
