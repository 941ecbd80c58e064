package openapi_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/openapi"
	"github.com/signpost-gateway/signpost/policy"
)

// answering is an operation with a good answer of a schema.
func answering(schema string) string {
	return `{"responses": {"200": {"description": "", "content": {"application/json": {"schema": ` + schema + `}}}}}`
}

func TestVariablesAreReadOfAnswers(t *testing.T) {
	const schemas = `"Order": {"type": "object", "properties": {"id": {"type": "integer"}, "url": {"type": "string"}, "state": {"type": "string"},
"parent": {"$ref": "#/components/schemas/Order"}, "owner": {"type": "object", "properties": {"name": {"type": "string"}, "owner_id": {"type": "integer"},
"password": {"type": "string"}, "home": {"type": "object", "properties": {"city": {"type": "string"}}}}}}}`
	order := []string{"id $.id", "state $.state", "owner_name $.owner.name", "owner_id $.owner.owner_id"}
	for _, c := range []struct {
		name, schema string
		want         []string
	}{
		{"members, and those of objects", `{"$ref": "#/components/schemas/Order"}`, order},
		{"in an envelope", `{"properties": {"data": {"$ref": "#/components/schemas/Order"}}}`, []string{"id $.data.id", "state $.data.state"}},
		{"the first of a list", `{"type": "array", "items": {"$ref": "#/components/schemas/Order"}}`, []string{"first_id $[0].id", "first_state $[0].state"}},
		{"the first of a list inside", `{"properties": {"more": {"type": "boolean"}, "next": {"type": "string"}, "total": {"type": "integer"}, "orders": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}}}}`,
			[]string{"more $.more", "next $.next", "total $.total", "first_order_id $.orders[0].id", "first_order_state $.orders[0].state"}},
		{"a list of texts", `{"type": "array", "items": {"type": "string"}}`, []string{"first $[0]"}},
		{"names that are none of JSONPath's", `{"properties": {"a-b": {"type": "string"}, "it's": {"type": "string"}, "{x}": {"type": "string"}}}`,
			[]string{"a_b $['a-b']", `it_s $['it\'s']`}},
		{"an address, where there is nothing else", `{"properties": {"url": {"type": "string"}}}`, []string{"url $.url"}},
		{"a text", `{"type": "string"}`, nil},
		{"anything", `{}`, nil},
	} {
		op, _ := of(t, "get", "/a", answering(c.schema), schemas)
		var got []string
		for _, e := range op.Extracts {
			got = append(got, e.Var+" "+e.Path)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestFewVariablesAreRead(t *testing.T) {
	var members []string
	for _, name := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		members = append(members, `"`+name+`": {"type": "string"}`)
	}
	op, _ := of(t, "get", "/a", answering(`{"properties": {`+strings.Join(members, ",")+`}}`), "")
	if n := len(op.Extracts); n != 8 || op.Extracts[0].Var != "a" {
		t.Errorf("there are %d variables, the first one %s, want the first 8", n, op.Extracts[0].Var)
	}
}

func TestWhatNoExampleHasIsNotRead(t *testing.T) {
	op, _ := of(t, "get", "/a", `{"responses": {"200": {"description": "", "content": {"application/json": {
"schema": {"properties": {"rare": {"type": "string"}, "id": {"type": "integer"}}}, "example": {"id": 1}}}}}}`, "")
	if len(op.Extracts) != 1 || op.Extracts[0].Var != "id" {
		t.Errorf("got %+v, want id alone", op.Extracts)
	}
}

func TestNothingIsReadWhereAGoodAnswerMayHaveNoJSON(t *testing.T) {
	const ok = `"200": {"description": "", "content": {"application/json": {"schema": {"properties": {"id": {"type": "integer"}}}}}}`
	for other, want := range map[string]int{
		`"202": {"description": ""}`:                                0,
		`"201": {"description": "", "content": {"text/plain": {}}}`: 0,
		`"204": {"description": ""}`:                                1,
		`"404": {"description": ""}`:                                1,
		`"default": {"description": ""}`:                            1,
	} {
		op, said := of(t, "post", "/a", `{"responses": {`+ok+`, `+other+`}}`, "")
		if len(op.Extracts) != want {
			t.Errorf("beside %s there are %d variables, want %d", other, len(op.Extracts), want)
		}
		if want == 0 && !strings.Contains(said, "extract id $.id") {
			t.Errorf("beside %s the comments are\n%s\nwant the line to take over", other, said)
		}
	}
}

func TestWhatIsNotFoundHasARoute(t *testing.T) {
	for _, c := range []struct {
		name, method, path, responses string
		want                          bool
	}{
		{"where the document tells of it", "post", "/a", `"404": {"description": ""}`, true},
		{"where a call names a thing", "get", "/a/{id}", `"200": {"description": ""}`, true},
		{"where all refusals are one", "get", "/a/{id}", `"4XX": {"description": ""}`, true},
		{"not where other refusals are told", "get", "/a/{id}", `"403": {"description": ""}`, false},
		{"not where a call names nothing", "get", "/a", `"200": {"description": ""}`, false},
	} {
		op, _ := of(t, c.method, c.path, `{"responses": {`+c.responses+`}}`, "")
		got := len(op.Hints) == 1 && op.Hints[0] == policy.Hint{Route: "not_found", When: "status == 404"}
		if got != c.want {
			t.Errorf("%s: the hints are %+v", c.name, op.Hints)
		}
	}
}

func TestJSONIsAskedForWhereThereIsMore(t *testing.T) {
	for content, want := range map[string][]policy.Field{
		`"application/json": {}`:                             nil,
		`"application/json": {}, "application/xml": {}`:      {{Name: "Accept", Value: "application/json"}},
		`"application/hal+json": {}, "text/html": {}`:        {{Name: "Accept", Value: "application/hal+json"}},
		`"application/hal+json": {}, "application/json": {}`: {{Name: "Accept", Value: "application/json"}},
		`"text/html": {}, "application/xml": {}`:             nil,
	} {
		op, _ := of(t, "get", "/a", `{"responses": {"200": {"description": "", "content": {`+content+`}}}}`, "")
		if !reflect.DeepEqual(op.Header, want) {
			t.Errorf("of %s the header is %+v, want %+v", content, op.Header, want)
		}
	}
}

func TestALargeExampleIsTestedForWhatIsRead(t *testing.T) {
	many := strings.Repeat(`{"deep": {"deeper": "text"}},`, 200)
	d := imported(t, `{"openapi": "3.0.0", "info": {"title": "Shop"}, "servers": [{"url": "https://shop.example"}], "paths": {"/a": {"get": {"operationId": "a", "responses": {"200": {"description": "",
"content": {"application/json": {"schema": {"properties": {"order": {"type": "object", "properties": {"id": {"type": "integer"}}}}},
"example": {"order": {"id": 7, "lines": [`+many+`{}]}, "rest": [`+many+`{}], "note": "kept"}}}}}}}}}`, openapi.Options{})
	got := string(d.Tests[0].Steps[0].Given[0].Body)
	if want := `{"note":"kept","order":{"id":7}}`; got != want {
		t.Errorf("got the body %s, want %s", got, want)
	}
}
