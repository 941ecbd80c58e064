package caddymodule_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func TestWhatIsImportedIsFormattedAndCheckAccepts(t *testing.T) {
	const document = `{"openapi":"3.0.3","info":{"title":"Pets","version":"1","description":"a } b { {$HOME} # \u0060"},"servers":[{"url":"https://pets.example/v1"}],
"components":{"securitySchemes":{"k":{"type":"apiKey","in":"header","name":"X-Api-Key"}}},"security":[{"k":[]}],
"paths":{"/pets/{id}":{"get":{"summary":"One pet {{x}}","parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"string"}}],"responses":{"200":{"description":"ok","content":{"application/json":{"example":{"status":"sold"}}}},"404":{"description":"none"}}}}}}`
	const collection = `{"info":{"name":"Pets","schema":"https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
"item":[{"name":"Add pet","request":{"method":"POST","url":"https://pets.example/v1/pets","body":{"mode":"raw","raw":"{\"name\":\"Rex\"}","options":{"raw":{"language":"json"}}}}}]}`
	for _, c := range []struct{ stdin, args string }{
		{`curl 'https://api.store.example/v2/orders?limit=5' -u ann:s3cr3t-w0rd --json '{"product":"tea {$HOME} {{x}}","items":[1]}'`, "curl"},
		{document, "openapi -"},
		{collection, "postman -"},
	} {
		for _, whole := range []string{"", " --whole"} {
			file := filepath.Join(t.TempDir(), "imported.caddyfile")
			got := command(t.Context(), c.stdin, append(strings.Fields("import "+c.args+whole), "--output", file)...)
			text, err := os.ReadFile(file)
			if got.status != 0 || err != nil {
				t.Fatalf("%s%s: got %+v, %v", c.args, whole, got, err)
			}
			if formatted := caddyfile.Format(text); string(formatted) != string(text) {
				t.Errorf("%s%s: caddy fmt makes\n%s\nof\n%s", c.args, whole, formatted, text)
			}
			if checked := command(t.Context(), "", "check", "--config", file); checked.status != 0 || strings.Contains(string(text), "s3cr3t-w0rd") {
				t.Errorf("%s%s: check gave %+v, of\n%s", c.args, whole, checked, text)
			}
		}
	}
}
