//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// overHTTP finds a policy whose base URL is not encrypted.
var overHTTP = regexp.MustCompile(`\n\t\tpolicy \S+ http://`)

// imports imports a document whole, in the folder of an author of its own, and checks
// and tests what came of it. It may lack encryption where the document does.
func imports(t *testing.T, document string) {
	t.Helper()
	a := sit(t)
	said := a.runs(t, 0, "import", "openapi", document, "--whole", "--output", "Caddyfile", "--tests", "imported_test.yaml")
	said.tells(t, "wrote Caddyfile\n", "wrote imported_test.yaml\n")
	said.hides(t, "Error")
	status := 0
	if made := a.read(t, "Caddyfile"); overHTTP.MatchString(made) && strings.Contains(made, " {secret.") {
		status = 3
	}
	checked := a.runs(t, status, "check")
	checked.hides(t, "not formatted")
	if got := strings.Count(checked.out, "warning: "); got != min(status, 1) {
		t.Errorf("%s: `check` has %d warnings, want only one of a secret over http:\n%s", document, got, checked.out)
	}
	a.runs(t, 0, "test", "--coverage").tells(t, ", 0 failed")
}

func TestAuthorImportsDocumentsOfAllKinds(t *testing.T) {
	t.Parallel()
	folder := filepath.Dir(filepath.Dir(published(t, "@readme/oas-examples/3.1/yaml")))
	var documents []string
	for _, pattern := range []string{"3.1/yaml/*.yaml", "3.1/json/s*.json", "3.0/json/*circular*.json", "3.0/yaml/se*.yaml"} {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil || len(found) < 4 {
			t.Fatalf("looking for %s: %v, %v", pattern, found, err)
		}
		documents = append(documents, found...)
	}
	for _, document := range documents {
		if name, _ := filepath.Rel(folder, document); name != "3.1/yaml/webhooks.yaml" {
			t.Run(name, func(t *testing.T) { imports(t, document) })
			continue
		}
		a := sit(t)
		a.runs(t, 1, "import", "openapi", document, "--whole", "--output", "Caddyfile").tells(t, "the document has no paths: expected operations to call")
		if files := a.files(t); files != "" {
			t.Errorf("what cannot be imported left %s behind", files)
		}
	}
}

func TestAuthorImportsThousandsOfOperationsAtOnce(t *testing.T) {
	t.Parallel()
	t.Run("published", func(t *testing.T) {
		a := sit(t)
		document := published(t, githubDocument)
		a.runs(t, 0, "import", "openapi", document, "--whole", "--output", "Caddyfile", "--tests", "github_test.yaml")
		operations := strings.Count(a.read(t, "Caddyfile"), "\n\t\t\toperation ")
		if operations < 1000 {
			t.Errorf("%d operations of GitHub were imported, want 1000 at least", operations)
		}
		a.runs(t, 0, "check")
		a.runs(t, 0, "test", "--coverage=100").tells(t, ", 0 failed", "coverage 100 %")
	})
	t.Run("made", func(t *testing.T) {
		a := sit(t)
		a.write(t, "large.yaml", largeDocument(5000))
		said := a.runs(t, 0, "import", "openapi", "large.yaml", "--whole", "--output", "Caddyfile", "--tests", "large_test.yaml")
		if n := strings.Count(a.read(t, "Caddyfile"), "\n\t\t\toperation "); n != 5000 {
			t.Errorf("%d operations were imported, want 5000; it said %s", n, said.errors)
		}
		t.Logf("5000 operations were imported within %s, with at most %d MiB", said.took.Round(time.Millisecond), said.memory>>20)
		a.runs(t, 0, "check")
		tested := a.runs(t, 0, "test")
		t.Logf("their tests: %s", strings.TrimSpace(tested.out))
		tested.tells(t, ", 0 failed")
	})
	t.Run("too many", func(t *testing.T) {
		a := sit(t)
		a.write(t, "large.yaml", largeDocument(5001))
		a.runs(t, 0, "import", "openapi", "large.yaml", "--output", "x.caddyfile").tells(t, "1 of 5001 operations are left out", "--operation")
		if n := strings.Count(a.read(t, "x.caddyfile"), "\n\toperation "); n != 5000 {
			t.Errorf("%d operations were imported, want 5000", n)
		}
	})
}

// largeDocument makes an OpenAPI document with that many operations.
func largeDocument(operations int) string {
	var text strings.Builder
	text.WriteString("openapi: 3.1.0\ninfo: {title: Large, version: \"1\"}\nservers: [{url: https://large.example/api}]\npaths:\n")
	for i := range operations {
		fmt.Fprintf(&text, "  /things%d/{id}:\n    get:\n      operationId: thing%d\n      parameters: [{name: id, in: path, required: true, schema: {type: string}}]\n"+
			"      responses: {\"200\": {description: OK, content: {application/json: {schema: {type: object, properties: {state: {type: string}, at: {type: string, format: date}}}}}}}\n", i, i)
	}
	return text.String()
}

func TestAuthorImportsACollectionOfRequests(t *testing.T) {
	t.Parallel()
	a := sit(t)
	a.write(t, "store.postman_collection.json", `{
	"info": {"name": "Store", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
	"auth": {"type": "bearer", "bearer": [{"key": "token", "value": "t0ken-of-nobody", "type": "string"}]},
	"event": [{"listen": "prerequest", "script": {"exec": ["require('fs').writeFileSync('canary', '')"]}}],
	"variable": [{"key": "base", "value": "https://api.store.example/v2"}],
	"item": [{"name": "Orders", "item": [
		{"name": "Order status", "request": {"method": "GET", "url": "{{base}}/orders/:order_number"},
			"response": [{"name": "shipped", "code": 200, "header": [{"key": "Content-Type", "value": "application/json"}], "body": "{\"order\":{\"status\":\"shipped\"}}"}]},
		{"name": "New order", "request": {"method": "POST", "url": "{{base}}/orders", "header": [{"key": "Content-Type", "value": "application/json"}],
			"body": {"mode": "raw", "raw": "{\"sku\": \"teapot\", \"n\": 2}"}}, "response": []}
	]}]
}`)
	a.runs(t, 0, "import", "postman", "store.postman_collection.json", "--whole", "--output", "Caddyfile", "--tests", "store_test.yaml").
		tells(t, "wrote Caddyfile\n", "wrote store_test.yaml\n").hides(t, "t0ken-of-nobody")
	text := a.read(t, "Caddyfile") + a.read(t, "store_test.yaml")
	for _, want := range []string{"policy store https://api.store.example/v2", "inject bearer {secret.", `"/orders/{{order_number}}"`, "POST /orders", "status: shipped"} {
		if !strings.Contains(text, want) {
			t.Errorf("what was imported lacks %q:\n%s", want, text)
		}
	}
	if files := a.files(t); strings.Contains(text, "t0ken-of-nobody") || strings.Contains(files, "canary") {
		t.Errorf("a credential was taken over, or a script run; in the folder are %s:\n%s", files, text)
	}
	a.runs(t, 0, "check")
	a.runs(t, 0, "test", "--coverage").tells(t, ", 0 failed")
}
