// Package configs_test proves that every configuration that ships works: those
// in configs and examples, the demo, and the container image's.
package configs_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/signpost-gateway/signpost"
)

// inRepository makes the repository's folder the current one, since that is
// what paths in configurations are relative to.
func inRepository(t *testing.T) {
	t.Helper()
	t.Chdir("..")
}

// shipped finds the files that ship and whose names fit.
func shipped(t *testing.T, fits func(name string) bool) []string {
	t.Helper()
	found := []string{}
	for _, dir := range []string{"configs", "examples"} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && fits(entry.Name()) {
				found = append(found, path)
			}
			return err
		})
		if err != nil {
			t.Fatalf("looking for files: %v", err)
		}
	}
	return found
}

// isWhole tells the names of configurations that stand by themselves.
func isWhole(name string) bool {
	return name == "Caddyfile" || strings.HasSuffix(name, ".Caddyfile")
}

// isPart tells the names of files to import within `signpost { … }`.
func isPart(name string) bool { return strings.HasSuffix(name, ".caddyfile") }

// read reads a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("reading a file: %v", err)
	}
	return string(content)
}

// validate does what `caddy validate` does.
func validate(t *testing.T, path, source string) {
	t.Helper()
	adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(source), map[string]any{"filename": path})
	if err != nil {
		t.Fatalf("adapting %s: %v", path, err)
	}
	for _, warning := range warnings {
		t.Errorf("adapting %s: %s", path, warning)
	}
	var config caddy.Config
	if err := json.Unmarshal(adapted, &config); err != nil {
		t.Fatalf("reading the adapted %s: %v", path, err)
	}
	if err := caddy.Validate(&config); err != nil {
		t.Errorf("validating %s: %v", path, err)
	}
}

// wantFormatted compares a file with what `caddy fmt` makes of it.
func wantFormatted(t *testing.T, path, source string) {
	t.Helper()
	if string(caddyfile.Format([]byte(source))) != source {
		t.Errorf("%s is not formatted: go run ./cmd/caddy fmt --overwrite %s", path, path)
	}
}

func TestEveryConfigurationThatShipsIsFormattedAndValid(t *testing.T) {
	inRepository(t)
	for _, path := range append(shipped(t, isWhole), "Caddyfile") {
		t.Run(path, func(t *testing.T) {
			source := read(t, path)
			wantFormatted(t, path, source)
			validate(t, path, source)
		})
	}
}

func TestEveryPartThatShipsIsFormattedAndValidWithinASignpostBlock(t *testing.T) {
	inRepository(t)
	for _, path := range shipped(t, isPart) {
		t.Run(path, func(t *testing.T) {
			wantFormatted(t, path, read(t, path))
			whole, err := filepath.Abs(path) // Caddy remembers the folder in which this program began.
			if err != nil {
				t.Fatal(err)
			}
			validate(t, "Caddyfile", "{\n\tsignpost {\n\t\timport "+whole+"\n\t}\n}\n")
		})
	}
}
