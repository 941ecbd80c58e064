package openapi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/signpost-gateway/signpost/author/openapi"
	"github.com/signpost-gateway/signpost/policy"
)

// refused gives the mistakes of a document that cannot be imported.
func refused(t *testing.T, source string, o openapi.Options) policy.Mistakes {
	t.Helper()
	d, err := openapi.Import(strings.NewReader(source), o)
	var mistakes policy.Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) == 0 {
		t.Fatalf("importing\n%.500s\ngives %v and %v, want mistakes", source, d, err)
	}
	return mistakes
}

// api is a document around one operation.
func api(operation string) string {
	return `{"openapi": "3.1.0", "info": {"title": "Shop", "version": "1"}, "servers": [{"url": "https://shop.example"}],
"paths": {"/orders/{id}": {"get": ` + operation + `}},
"components": {"schemas": {"Order": {"type": "object"}, "Loop": {"$ref": "#/components/schemas/Loop"}}}}`
}

func TestMistakesSayWhereTheyAre(t *testing.T) {
	answer := func(schema string) string {
		return api(`{"responses": {"200": {"description": "", "content": {"application/json": {"schema": ` + schema + `}}}}}`)
	}
	for _, c := range []struct {
		name, source string
		line         int
		says         string
	}{
		{"broken JSON", "{\"openapi\": \"3.0.0\",\n  \"info\" {}}", 2, "column 10"},
		{"JSON that ends early", "{\n\"openapi\": \"3.0.0\",\n", 3, "ends too early"},
		{"a comma at the end", "{\"openapi\": \"3.0.0\",\n}", 2, "column 1"},
		{"more behind JSON", "{}\n{}", 2, "nothing after"},
		{"broken YAML", "openapi: 3.0.0\ninfo:\n  title: a\n version: 1\n", 4, "reading YAML"},
		{"YAML with a tab", "openapi: 3.0.0\ninfo:\n\ttitle: a\n", 3, "reading YAML"},
		{"an open brace in YAML", "openapi: 3.0.0\npaths:\n  /a: {get: {]\n", 3, "reading YAML"},
		{"an open quote in YAML", "openapi: 3.0.0\ninfo: {title: 'a}\n", 2, "reading YAML"},
		{"a bracket that stays open", "openapi: [\n", 2, "reading YAML"},
		{"two documents", "openapi: 3.0.0\n---\nopenapi: 3.0.0\n", 2, "second document"},
		{"an alias to what it is in", "openapi: 3.0.0\npaths: &a\n  /x: *a\n", 3, "alias"},
		{"a list as a name", "openapi: 3.0.0\n? [a]\n: 1\n", 2, "name"},
		{"nothing", " \n", 0, "empty"},
		{"a text", "hello", 1, "version of OpenAPI"},
		{"a list", "[1]", 1, "version of OpenAPI"},
		{"no version", "info:\n  title: a\n", 1, "version of OpenAPI"},
		{"Swagger 2.0", "info: {}\nswagger: '2.0'\n", 2, "convert"},
		{"a version to come", "openapi: 4.0.0\n", 1, "expected 3.0, 3.1 or 3.2"},
		{"no paths", "openapi: 3.1.0\nwebhooks: {}\n", 1, "no paths"},
		{"paths without operations", "openapi: 3.1.0\npaths:\n  /a: {summary: x}\n", 3, "no operations"},
		{"a reference to a host", answer(`{"$ref": "https://else.example/order.json"}`), 2, "https://else.example/order.json"},
		{"a reference to a file", answer(`{"$ref": "order.yaml#/Order"}`), 2, "order.yaml#/Order"},
		{"a reference to nothing", answer(`{"$ref": "#/components/schemas/Gone"}`), 2, "leads to nothing"},
		{"a reference to an anchor", answer(`{"$ref": "#order"}`), 2, "no place of the document"},
		{"a reference to itself", answer(`{"$ref": "#/components/schemas/Loop"}`), 3, "refers to itself"},
		{"a reference to something else", answer(`{"$ref": "#/info/title"}`), 2, "something else"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := refused(t, c.source, openapi.Options{File: "shop.yaml"})[0]
			if m.Place.Line != c.line || !strings.Contains(m.Error(), c.says) || !strings.Contains(m.Error(), "shop.yaml") {
				t.Errorf("%s gives %q in line %d, want one that says %q, in line %d", c.name, m.Error(), m.Place.Line, c.says, c.line)
			}
		})
	}
}

func TestASnippetShowsThePlace(t *testing.T) {
	m := refused(t, "{\"openapi\": \"3.0.0\",\n  \"info\" {}}", openapi.Options{})[0]
	if want := "  \"info\" {}}\n         ^"; m.Snippet != want {
		t.Errorf("got the snippet\n%s\nwant\n%s", m.Snippet, want)
	}
}

func TestAllBrokenReferencesAreTold(t *testing.T) {
	mistakes := refused(t, api(`{"parameters": [{"$ref": "a.json"}, {"$ref": "b.json"}],
"responses": {"200": {"$ref": "#/nowhere"}}}`), openapi.Options{})
	var lines []string
	for _, m := range mistakes {
		lines = append(lines, m.Error())
	}
	all := strings.Join(lines, "\n")
	for _, want := range []string{`"a.json"`, `"b.json"`, `"#/nowhere"`} {
		if !strings.Contains(all, want) {
			t.Errorf("got\n%s\nwant a mistake of %s, too", all, want)
		}
	}
}

// A document is data: whatever it names is not looked for.
func TestNothingIsReadButTheDocument(t *testing.T) {
	var asked atomic.Int32
	party := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer party.Close()
	schema := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(schema, []byte(`{"type": "object", "properties": {"stolen": {"type": "string"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{party.URL, party.URL + "/a.json#/b", schema, "file://" + schema, "//" + party.Listener.Addr().String() + "/x"} {
		for _, source := range []string{
			api(`{"responses": {"200": {"description": "", "content": {"application/json": {"schema": {"$ref": "` + address + `"}}}}}}`),
			api(`{"parameters": [{"$ref": "` + address + `"}], "responses": {}}`),
			strings.Replace(api(`{"responses": {}}`), `{"get"`, `{"$ref": "`+address+`", "get"`, 1),
		} {
			if m := refused(t, source, openapi.Options{}); !strings.Contains(m.Error(), "leads out of the document") {
				t.Errorf("%s\nis refused with %v, want it named", source, m)
			}
		}
		harmless := api(`{"externalDocs": {"url": "` + address + `"}, "responses": {"200": {"description": "", "content": {"application/json": {
"examples": {"a": {"externalValue": "` + address + `"}, "b": {"value": {"$ref": "` + address + `"}}}}}}}}`)
		if d := imported(t, harmless, openapi.Options{}); len(d.Policy.Operations) != 1 {
			t.Errorf("of\n%s\nthere is no operation: %v", harmless, d.Warnings)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("a server that a document names was asked %d times", n)
	}
}

func TestWhatIsNotChosenMayBeBroken(t *testing.T) {
	source := `{"openapi": "3.0.0", "info": {"title": "Shop", "version": "1"}, "servers": [{"url": "https://shop.example"}],
"paths": {"/good": {"get": {"operationId": "good", "responses": {}}},
"/bad": {"get": {"operationId": "bad", "responses": {"200": {"$ref": "https://else.example"}}}}}}`
	refused(t, source, openapi.Options{})
	d := imported(t, source, openapi.Options{Operations: []string{"good"}})
	operation(t, d, "good")
}

func TestDetailsThatDoNotMatterAreForgiven(t *testing.T) {
	source := `
openapi: 3.0.9
info: {title: 12}
servers: [{url: https://shop.example, variables: 3}]
externalDocs: nonsense
paths:
  /orders:
    x-internal: {$ref: gone.yaml}
    get:
      tags: orders
      deprecated: "yes"
      callbacks: {a: {$ref: 'elsewhere.yaml'}}
      parameters:
        - {name: a, in: query, required: true, schema: {type: string, required: true, minLength: many, discriminator: x}}
        - ~
        - {name: b}
      responses:
        200: {description: 7, headers: {$ref: 'gone.yaml'}, links: 1, content: {application/json: {schema: {type: object, properties: {id: {type: integer, exclusiveMinimum: maybe}}}}}}
        x-other: {}
components:
  schemas: {Unused: {$ref: 'gone.yaml'}}
`
	d := imported(t, source, openapi.Options{})
	got := operation(t, d, "get_orders")
	if len(got.Query) != 1 || len(got.Extracts) != 1 {
		t.Errorf("got %s", asJSON(got))
	}
	if all := strings.Join(d.Warnings, "\n"); !strings.Contains(all, "wrong type") {
		t.Errorf("the warnings are\n%s\nwant one of values of the wrong type", all)
	}
	if all := strings.Join(d.Notes, "\n"); !strings.Contains(all, "rule") {
		t.Errorf("the notes are\n%s\nwant one of the rules that are broken", all)
	}
}
