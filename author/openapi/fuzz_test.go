package openapi_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/openapi"
	"github.com/signpost-gateway/signpost/policy"
)

// FuzzImport: whatever a document is, it is refused with mistakes, or becomes a
// policy that is accepted and can be written.
func FuzzImport(f *testing.F) {
	for _, path := range documents(f) {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, source := range []string{
		"", "{", "[]", "openapi: 3.0.0", "a: &a [*a]", api(`{}`),
		api(`{"responses": {"200": {"$ref": "#/components/schemas/Loop"}}}`),
		at(`[{"url": "https://{a}.example/{b}", "variables": {"a": {"default": "x"}}}]`),
		secured(`"s": {"type": "apiKey", "in": "query", "name": "k"}`, `[{"s": []}]`, "", `[{}]`),
		shared(2, thing),
	} {
		f.Add([]byte(source))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 64<<10 {
			return
		}
		d, err := openapi.Import(bytes.NewReader(data), openapi.Options{Server: "https://a.example"})
		if err != nil {
			var mistakes policy.Mistakes
			if !errors.As(err, &mistakes) || len(mistakes) == 0 || strings.TrimSpace(err.Error()) == "" {
				t.Fatalf("importing %q gives %v, want mistakes", data, err)
			}
			return
		}
		if mistakes := policy.Check(&policy.Spec{Policies: []policy.PolicySpec{d.Policy}}); len(mistakes) > 0 {
			t.Fatalf("the draft of %q has mistakes: %v", data, mistakes)
		}
		var out bytes.Buffer
		if err := d.Caddyfile(&out, true); err != nil {
			t.Fatalf("writing the policy of %q: %v", data, err)
		}
		if err := d.WriteTests(&out, ""); err != nil {
			t.Fatalf("writing the tests of %q: %v", data, err)
		}
	})
}
