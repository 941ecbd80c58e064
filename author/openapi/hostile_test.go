package openapi_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/openapi"
	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// size is by what the sizes of hostile documents are divided that are no bounds.
var size = 1

// aWhile is how long a hostile document may take, with room for a slow machine and
// the race detector. What is not bounded takes minutes.
const aWhile = 2 * time.Minute

func TestHostileDocumentsAreRefusedSoon(t *testing.T) {
	deep := func(open, end string, n int) string { return strings.Repeat(open, n) + strings.Repeat(end, n) }
	laughs := "a0: &a0 [x, x]\n"
	for i := 1; i < 60; i++ {
		laughs += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	const head = "openapi: 3.0.0\nservers: [{url: 'https://a.example'}]\n"
	examples := "paths: {/a: {get: {responses: {200: {description: '', content: {application/json: {example: *%s}}}}}}}\n"
	cases := []struct{ name, source, says string }{
		{"deep JSON", `{"openapi": "3.0.0", "paths": ` + deep("[", "]", 100_000) + "}", "deeper than 128"},
		{"deep JSON objects", deep(`{"a":`, "}", 100_000), "deeper than 128"},
		{"deep YAML", "openapi: 3.0.0\npaths: " + deep("[", "]", 9_000) + "\n", "deeper than 128"},
		{"deeper YAML", "openapi: 3.0.0\npaths: " + deep("[", "]", 1_000_000) + "\n", ""},
		{"aliases that double", head + laughs + fmt.Sprintf(examples, "a59"), "too much to read"},
		{"aliases of a long text", head + "a: &a '" + strings.Repeat("x", 1<<20) + "'\nb: &b [" + strings.Repeat("*a,", 300_000) + "]\n" + fmt.Sprintf(examples, "b"), "too much to read"},
		{"many values in YAML", "openapi: 3.0.0\npaths: [" + strings.Repeat("1,", 13_000_000) + "]", "more than"},
		{"a large document", strings.Repeat(" ", openapi.MaxDocument+1), "64 MiB"},
		{"merge keys", head + "a: &a {" + fields(20_000) + "}\n" + strings.Repeat("b: {<<: *a}\n", 400), "more than"},
		{"many values in JSON", `{"openapi": "3.0.0", "paths": [` + strings.Repeat("1,", 7_000_000) + "1]}", "more than"},
	}
	for _, c := range cases[:len(cases)-size/5] { // The last two take a minute with a race detector.
		began := time.Now()
		m := refused(t, c.source, openapi.Options{File: "a.yaml"})
		if !strings.Contains(m.Error(), c.says) || len(m.Error()) > 1000 {
			t.Errorf("%s is refused with %.300q, want %q", c.name, m.Error(), c.says)
		}
		took := time.Since(began)
		if took > aWhile {
			t.Errorf("refusing %s took %v", c.name, took)
		}
	}
}

// fields are members of an object, in YAML's flow style.
func fields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "f%d: 1,", i)
	}
	return b.String()
}

// shared is a document of operations that all have the same answer and body.
func shared(operations int, schemas string) string {
	var b strings.Builder
	b.WriteString(`{"openapi": "3.1.0", "info": {"title": "Many"}, "servers": [{"url": "https://many.example"}], "paths": {`)
	for i := range operations {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"/things/%d/{id}": {"post": {"operationId": "thing%d", "summary": "Do it",
"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
"responses": {"200": {"description": "Done", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}, "404": {"description": "No such thing"}}}}`, i, i)
	}
	b.WriteString(`}, "components": {"schemas": {` + schemas + `}}}`)
	return b.String()
}

const thing = `"Thing": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "size": {"type": "integer"},
"part": {"$ref": "#/components/schemas/Thing"}, "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}}}`

func TestFiveThousandOperationsAreTakenAndMoreAreNot(t *testing.T) {
	most := 5_000 / size
	o := openapi.Options{MaxOperations: most}
	if size == 1 {
		o.MaxOperations = 0 // The bound is the same.
	}
	d := imported(t, shared(most+10, thing), o)
	if len(d.Policy.Operations) != most {
		t.Errorf("there are %d operations, want %d", len(d.Policy.Operations), most)
	}
	if !strings.Contains(strings.Join(d.Warnings, "\n"), fmt.Sprintf("10 of %d", most+10)) || !strings.Contains(strings.Join(d.Notes, "\n"), fmt.Sprintf("%d operations", most)) {
		t.Errorf("the notes are %q and the warnings %q, want that these are many", d.Notes, d.Warnings)
	}
	if len(d.Tests) > 10_000 {
		t.Errorf("there are %d tests, want no more than a file may have", len(d.Tests))
	}
}

func TestOfMoreExamplesThanAFileHoldsThoseOfBranchesAreTested(t *testing.T) {
	const answer = `{"description": "ok", "content": {"application/json": {"examples": {"a": {"value": {"id": 1}}, "b": {"value": {"id": 2}}, "c": {"value": {"id": 3}}}}}}`
	large := strings.Replace(answer, `"id": 1`, `"id": 1, "text": "`+strings.Repeat("x", 900)+`"`, 1)
	for _, c := range []struct {
		name, answer string
		operations   int
		warned       bool
	}{
		{"all that there is room for", answer, 2000, false},
		{"one of each branch", answer, 4000, true},
		{"less than each branch", `{"description": "ok"}`, 5000, false},
		{"large bodies", large, 5000, true},
	} {
		source := strings.ReplaceAll(shared(c.operations, thing), `"200": {"description": "Done", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}`, `"200": `+c.answer)
		d := imported(t, source, openapi.Options{})
		if warned := strings.Contains(strings.Join(d.Warnings, "\n"), "examples did not become tests"); warned != c.warned || len(d.Tests) > policytest.MaxTests {
			t.Errorf("%s: there are %d tests and the warnings %q", c.name, len(d.Tests), d.Warnings)
		}
		reached := make(map[string]bool)
		for _, test := range d.Tests {
			for _, s := range test.Steps {
				reached[test.Operation+" "+string(s.Expect.Outcome)] = true
			}
		}
		if want := 2*c.operations + 1; len(reached) != want {
			t.Errorf("%s: the tests reach %d branches, want %d", c.name, len(reached), want)
		}
	}
}

func TestSchemasThatCostMuchAreFollowedALittle(t *testing.T) {
	var wide, all, chain, refs, alike strings.Builder
	for i := range 50_000 / size {
		fmt.Fprintf(&wide, `"p%d": {"type": "string"},`, i)
		fmt.Fprintf(&all, `{"properties": {"p%d": {"type": "string"}}},`, i)
	}
	for i := range 15_000 / size {
		fmt.Fprintf(&chain, `"c%d": {"allOf": [{"$ref": "#/components/schemas/c%d"}], "properties": {"n%d": {"items": {"items": {"items": {"$ref": "#/components/schemas/c%d"}}}}}},`, i, i+1, i, i+1)
	}
	many := 200 - 15*(size-1)
	for i := range many {
		refs.Reset()
		for j := range many {
			fmt.Fprintf(&refs, `"p%d": {"$ref": "#/components/schemas/g%d"},`, j, (i*j+j)%many)
		}
		fmt.Fprintf(&alike, `"g%d": {"type": "object", "properties": {%s "x": {"type": "string"}}},`, i, refs.String())
	}
	for _, c := range []struct {
		name, schemas string
		operations    int
	}{
		{"many properties", `"Thing": {"type": "object", "properties": {` + wide.String() + `"z": {}}}`, 500 / size},
		{"many parts", `"Thing": {"allOf": [` + all.String() + `{}]}`, 500 / size},
		{"a long chain", chain.String() + fmt.Sprintf(`"c%d": {}, "Thing": {"$ref": "#/components/schemas/c0"}`, 15_000/size), 2},
		{"all refer to all", alike.String() + `"Thing": {"$ref": "#/components/schemas/g1"}`, 200 / size},
		{"parts of themselves", `"Thing": {"allOf": [{"$ref": "#/components/schemas/Thing"}], "oneOf": [{"$ref": "#/components/schemas/Thing"}], "items": {"$ref": "#/components/schemas/Thing"}}`, 10},
		{"large examples", `"Thing": {"type": "object", "example": "` + strings.Repeat("x", 4<<20) + `", "default": "` + strings.Repeat("y", 4<<20) + `", "properties": {"a": {"$ref": "#/components/schemas/Thing"}, "b": {"type": "string"}}}`, 500 / size},
	} {
		source := shared(c.operations, c.schemas)
		began := time.Now()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		d := imported(t, source, openapi.Options{})
		runtime.ReadMemStats(&after)
		took := time.Since(began)
		if took > aWhile {
			t.Errorf("%s took %v", c.name, took)
		}
		if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 4_000 {
			t.Errorf("%s took %d MiB of memory in all", c.name, used)
		}
		if len(d.Policy.Operations) != c.operations {
			t.Errorf("of %s there are %d operations, want %d: %.500q", c.name, len(d.Policy.Operations), c.operations, d.Warnings)
		}
	}
}

func TestTooManyComponentsAreRefused(t *testing.T) {
	var b strings.Builder
	for i := range 21_000 {
		fmt.Fprintf(&b, `"c%d": {"items": {"$ref": "#/components/schemas/c%d"}},`, i, i+1)
	}
	m := refused(t, shared(1, b.String()+`"c21000": {}, "Thing": {"$ref": "#/components/schemas/c0"}`), openapi.Options{})
	if !strings.Contains(m.Error(), "--operation") {
		t.Errorf("got %v, want the remedy", m)
	}
}

// What strangers write goes into a file that Caddy reads and to a terminal.
func TestTextsOfStrangersStayTexts(t *testing.T) {
	const evil = `x\n\t}\n}\u001b[31m{$HOME} {secret.a} {env.B} # \u202e\"` + "`" + `<<END {{vars.x}}`
	source := strings.NewReplacer("EVIL", evil).Replace(`{"openapi": "3.1.0", "info": {"title": "EVIL", "version": "EVIL"}, "servers": [{"url": "https://a.example"}],
"security": [{"EVIL": ["EVIL"]}], "components": {"securitySchemes": {"EVIL": {"type": "apiKey", "in": "header", "name": "X-EVIL"}}},
"paths": {"/EVIL": {"get": {}}, "/a": {"post": {"operationId": "EVIL", "summary": "EVIL", "tags": ["EVIL"],
"parameters": [{"name": "EVIL", "in": "query", "description": "EVIL", "schema": {"type": "string"}},
{"name": "q", "in": "query", "required": true, "description": "EVIL", "example": "EVIL", "schema": {"enum": ["EVIL", "b"], "default": "EVIL", "pattern": "EVIL", "format": "EVIL"}},
{"name": "X-Q", "in": "header", "required": true, "schema": {"const": "EVIL"}}],
"requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["a"], "properties": {"EVIL": {"type": "string"}, "a": {"const": "EVIL"}}}}}},
"responses": {"200": {"description": "EVIL", "content": {"application/json": {"schema": {"properties": {"EVIL": {"type": "string"}, "id": {"type": "string"}}},
"examples": {"EVIL": {"summary": "EVIL", "value": {"id": "EVIL", "EVIL": "EVIL"}}}}}}, "409": {"description": "EVIL"}}}}}}`)
	d := imported(t, source, openapi.Options{})
	var caddyfile, tests bytes.Buffer
	if err := d.Caddyfile(&caddyfile, true); err != nil {
		t.Fatalf("writing %s\n%v", asJSON(d), err)
	}
	if err := d.WriteTests(&tests, ""); err != nil {
		t.Fatalf("writing %s\n%v", asJSON(d.Tests), err)
	}
	for _, bad := range []string{"{$HOME", "\x1b", "\u202e", "\n}\n}\n\x1b"} {
		if strings.Contains(caddyfile.String(), bad) {
			t.Errorf("there is %q in\n%s", bad, &caddyfile)
		}
	}
	for i, line := range strings.Split(caddyfile.String(), "\n") {
		if code, _, _ := strings.Cut(line, "#"); strings.Contains(code, "secret.a}") || strings.Contains(code, "env.B") {
			t.Errorf("line %d is %q", i+1, line)
		}
	}
	for _, w := range append(d.Warnings, d.Notes...) {
		if strings.ContainsAny(w, "\x1b\n\u202e") {
			t.Errorf("it is told %q", w)
		}
	}
}

// broken is a reader that does what a fault in the program would.
type broken struct{}

func (broken) Read([]byte) (int, error) { panic("index out of range") }

func TestAFaultInReadingIsAMistakeWithTheNameOfTheFile(t *testing.T) {
	d, err := openapi.Import(broken{}, openapi.Options{File: "shop.yaml"})
	var mistakes policy.Mistakes
	if !errors.As(err, &mistakes) || d != nil || !strings.Contains(err.Error(), "shop.yaml") || !strings.Contains(err.Error(), "index out of range") {
		t.Errorf("got %v and %v, want a mistake that names shop.yaml", d, err)
	}
}

func TestNamesThatTheLibraryTakesForItsOwnEndNothing(t *testing.T) {
	const head = `{"openapi": "3.1.0", "info": {"title": "Odd"}, "servers": [{"url": "https://a.example"}], "paths": `
	const get = `{"get": {"responses": {"200": {"description": "ok"}}}}`
	for _, paths := range []string{
		`{"/a": ` + get + `, "__origin__": ` + get + `}`,
		`{"/a": {"get": {}, "__origin__": {}}}`,
		`{"/a": {"get": {"__origin__": {}, "parameters": [{"__origin__": 1, "name": "q", "in": "query"}], "responses": {"__origin__": {"description": ""}}}}}`,
		`{"/a": ` + get + `, "/b": ` + get + `, "/a": {"post": {}}}`,
		`{"/a": ` + get + `, "/\ud800": ` + get + `, "/\u0000": ` + get + `}`,
		`{"/a": ` + get + `, "": ` + get + `}`,
	} {
		d, err := openapi.Import(strings.NewReader(head+paths+"}"), openapi.Options{})
		if err != nil && strings.Contains(err.Error(), "cannot be read") {
			t.Errorf("%s gives %v", paths, err)
		}
		if err == nil && len(d.Policy.Operations) == 0 {
			t.Errorf("of %s there is no operation: %q", paths, d.Warnings)
		}
	}
}
