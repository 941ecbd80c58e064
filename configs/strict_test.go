package configs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// decodeYAML reads the one document of a file into v, and refuses a second one,
// repeated keys, and keys that v does not know.
func decodeYAML(source string, v any) error {
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(source)))
	decoder.KnownFields(true)
	if err := decoder.Decode(v); err != nil {
		return fmt.Errorf("reading YAML: %w", err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return errors.New("reading YAML: there is a second document")
	}
	return nil
}

// mistake is a change of a file that its check must find.
type mistake struct{ old, new, want string }

// wantChecked passes when check finds nothing wrong with a file as it ships, and
// names each of the mistakes once it is made.
func wantChecked(t *testing.T, path string, check func(source string) []string, mistakes map[string]mistake) {
	t.Helper()
	source := read(t, path)
	for _, problem := range check(source) {
		t.Errorf("%s: %s", path, problem)
	}
	for name, m := range mistakes {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(source, m.old) {
				t.Fatalf("%s does not hold %q, which the mistake would change", path, m.old)
			}
			problems := strings.Join(check(strings.Replace(source, m.old, m.new, 1)), "\n")
			if !strings.Contains(problems, m.want) {
				t.Errorf("with %q for %q the problems are %q, want one of %q", m.new, m.old, problems, m.want)
			}
		})
	}
}
