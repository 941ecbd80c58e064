package openapi_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/openapi"
	"github.com/signpost-gateway/signpost/policy"
)

// of drafts the one operation of a document: its method, path and object, and
// schemas that it may refer to.
func of(t *testing.T, method, path, object, schemas string) (policy.OperationSpec, string) {
	t.Helper()
	d := imported(t, `{"openapi": "3.1.0", "info": {"title": "Shop", "version": "1"}, "servers": [{"url": "https://shop.example"}],
"paths": {"`+path+`": {"`+method+`": `+object+`}}, "components": {"schemas": {`+schemas+`}}}`, openapi.Options{})
	op := d.Policy.Operations[0]
	return op, strings.Join(append(d.Warnings, d.Operations[op.Name]...), "\n")
}

func TestParametersBecomeInputs(t *testing.T) {
	for _, c := range []struct {
		name, schema string
		want         policy.InputSpec // without its variable; zero: it is not declared
		says         string
	}{
		{"any text", `{"type": "string"}`, policy.InputSpec{}, ""},
		{"nothing said", `{}`, policy.InputSpec{}, ""},
		{"a whole number", `{"type": "integer"}`, policy.InputSpec{Type: "number"}, ""},
		{"a number", `{"type": ["null", "number"]}`, policy.InputSpec{Type: "number"}, ""},
		{"a truth value", `{"type": "boolean", "default": true}`, policy.InputSpec{Type: "bool", Default: []byte("true")}, ""},
		{"one of two", `{"enum": ["a", "b", null, ""]}`, policy.InputSpec{In: []string{"a", "b"}}, "one of a, b"},
		{"one of two numbers", `{"type": "integer", "enum": [1, 2], "default": 2}`, policy.InputSpec{Type: "number", Default: []byte("2"), In: []string{"1", "2"}}, ""},
		{"a default that is not allowed", `{"enum": ["a", "b"], "default": "c"}`, policy.InputSpec{In: []string{"a", "b"}}, "v has no default"},
		{"values of another type", `{"type": "integer", "enum": ["x", "y"]}`, policy.InputSpec{Type: "number"}, "v may be anything"},
		{"values that cannot stand there", `{"enum": ["a", "{{x}}"]}`, policy.InputSpec{}, "v may be anything"},
		{"a default of the environment", `{"type": "string", "default": "{$HOME}"}`, policy.InputSpec{}, "v has no default"},
		{"a default that is a secret", `{"type": "string", "default": "{secret.x}"}`, policy.InputSpec{}, "v has no default"},
		{"a pattern of the whole", `{"type": "string", "pattern": "^[0-9]{1,12}$"}`, policy.InputSpec{Matches: "[0-9]{1,12}"}, ""},
		{"a pattern of a part", `{"type": "string", "pattern": "[0-9]"}`, policy.InputSpec{Matches: "(?s:.*)(?:[0-9])(?s:.*)"}, ""},
		{"a pattern of two", `{"type": "string", "pattern": "^a|b$"}`, policy.InputSpec{Matches: "(?s:.*)(?:^a|b$)(?s:.*)"}, ""},
		{"a pattern that ends in a dollar", `{"type": "string", "pattern": "^a\\$"}`, policy.InputSpec{Matches: `(?s:.*)(?:^a\$)(?s:.*)`}, ""},
		{"a pattern that is not RE2's", `{"type": "string", "pattern": "^(?!x).*$"}`, policy.InputSpec{}, "not one of RE2"},
		{"a format", `{"type": "string", "format": "uuid"}`, policy.InputSpec{}, "v: uuid"},
		{"a description", `{"type": "string", "description": "Number of\nthe <b>order</b>. And more."}`, policy.InputSpec{}, "v: Number of the order."},
	} {
		op, said := of(t, "get", "/a", `{"parameters": [{"name": "v", "in": "query", "required": true, "schema": `+c.schema+`}]}`, "")
		if want := []policy.Field{{Name: "v", Value: "{{v}}"}}; !reflect.DeepEqual(op.Query, want) {
			t.Errorf("%s: the query is %+v, want %+v", c.name, op.Query, want)
		}
		var got policy.InputSpec
		if len(op.Inputs) > 0 {
			got = op.Inputs[0]
			got.Var = ""
		}
		if !reflect.DeepEqual(got, c.want) || !strings.Contains(said, c.says) {
			t.Errorf("%s: got %+v and\n%s\nwant %+v and %q", c.name, got, said, c.want, c.says)
		}
	}
}

func TestOnlyWhatIsRequiredOrHasADefaultIsSent(t *testing.T) {
	op, said := of(t, "get", "/a", `{"parameters": [
{"name": "q", "in": "query", "required": true, "schema": {"type": "string"}},
{"name": "size", "in": "query", "schema": {"type": "integer", "default": 10}},
{"name": "filter[state]", "in": "query", "description": "Only these", "schema": {"type": "string"}},
{"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
{"name": "where", "in": "query", "required": true, "content": {"application/json": {"schema": {"type": "object"}}}},
{"name": "Idempotency-Key", "in": "header", "required": true, "schema": {"type": "string"}}]}`, "")
	wantQuery := []policy.Field{{Name: "q", Value: "{{q}}"}, {Name: "size", Value: "{{size}}"}, {Name: "where", Value: "{{where}}"}}
	wantInputs := []policy.InputSpec{{Var: "size", Type: "number", Default: []byte("10")}, {Var: "where", Type: "json"}}
	if !reflect.DeepEqual(op.Query, wantQuery) || !reflect.DeepEqual(op.Inputs, wantInputs) || len(op.Header) > 0 {
		t.Errorf("got %s", asJSON(op))
	}
	for _, line := range []string{`query filter[state] "{{filter_state}}" # Only these`, `header X-Trace "{{x_trace}}"`} {
		if !strings.Contains(said, line) {
			t.Errorf("the comments are\n%s\nwant the line %s", said, line)
		}
	}
}

func TestVariablesOfTheSameNameAreToldApart(t *testing.T) {
	op, _ := of(t, "post", "/a/{id}", `{"parameters": [
{"name": "id", "in": "query", "required": true, "schema": {}}, {"name": "ID", "in": "header", "required": true, "schema": {}}],
"requestBody": {"content": {"application/json": {"schema": {"type": "object", "required": ["id", "Id"], "properties": {"id": {}, "Id": {}}}}}}}`, "")
	if op.Template != "/a/{{id}}" || op.Query[0].Value != "{{query_id}}" || op.Header[0].Value != "{{header_id}}" ||
		op.Body.Template != `{"id": {{body_id}}, "Id": {{body_id_2}}}` {
		t.Errorf("got %s", asJSON(op))
	}
}

func TestAnOperationsOwnParameterTakesThePlaceOfThePaths(t *testing.T) {
	d := imported(t, `{"openapi": "3.1.0", "servers": [{"url": "https://shop.example"}], "paths": {"/a": {
"parameters": [{"name": "n", "in": "query", "required": true, "schema": {"type": "string"}}],
"get": {"parameters": [{"name": "n", "in": "query", "required": true, "schema": {"type": "integer"}}]}, "delete": {}}}}`, openapi.Options{})
	if got := operation(t, d, "get_a"); len(got.Query) != 1 || got.Inputs[0].Type != "number" {
		t.Errorf("got %s, want the operation's own parameter", asJSON(got))
	}
	if got := operation(t, d, "delete_a"); len(got.Query) != 1 || len(got.Inputs) != 0 {
		t.Errorf("got %s, want the path's parameter", asJSON(got))
	}
}

func TestAListInTheQueryIsOneValueOfIt(t *testing.T) {
	list := func(more, schema string) string {
		return `{"parameters": [{"name": "tags", "in": "query", "required": true` + more + `, "schema": ` + schema + `}]}`
	}
	for _, c := range []struct {
		name, operation string
		want            []policy.InputSpec
		says            string // of the input
		warned          bool
	}{
		{"each value a parameter", list(``, `{"type": "array", "items": {"type": "string"}}`), nil, "one value of a list", true},
		{"said so", list(`, "style": "form", "explode": true`, `{"type": "array", "items": {"type": "integer"}, "example": [3, 4]}`), []policy.InputSpec{{Var: "tags", Type: "number"}}, "one value of a list", true},
		{"one of few", list(``, `{"type": "array", "items": {"enum": ["a", "b"]}}`), []policy.InputSpec{{Var: "tags", In: []string{"a", "b"}}}, "one value of a list", true},
		{"a default of one", list(``, `{"type": "array", "items": {}, "default": ["a"]}`), []policy.InputSpec{{Var: "tags", Default: []byte(`"a"`)}}, "one value of a list", true},
		{"a default of several", list(``, `{"type": "array", "items": {}, "default": ["a", "b"]}`), nil, "one value of a list", true},
		{"with commas", list(`, "explode": false`, `{"type": "array", "items": {"type": "integer"}, "example": [3, 4]}`), nil, "values with \",\" between them", false},
		{"with bars", list(`, "style": "pipeDelimited", "explode": false`, `{"type": "array", "items": {"enum": ["a", "b"]}}`), nil, "values with \"|\" between them", false},
	} {
		d := imported(t, api(c.operation), openapi.Options{})
		op := d.Policy.Operations[0]
		inputs := slices.DeleteFunc(op.Inputs, func(in policy.InputSpec) bool { return in.Var != "tags" })
		if len(op.Query) != 1 || op.Query[0].Value != "{{tags}}" || len(inputs)+len(c.want) > 0 && !reflect.DeepEqual(inputs, c.want) {
			t.Errorf("%s: got %s, want the inputs %s", c.name, asJSON(op), asJSON(c.want))
		}
		if said := strings.Join(d.Operations[op.Name], "\n"); !strings.Contains(said, c.says) {
			t.Errorf("%s: the comments are\n%s\nwant %q", c.name, said, c.says)
		}
		if warned := strings.Contains(strings.Join(d.Warnings, "\n"), "a call sends one value"); warned != c.warned {
			t.Errorf("%s: the warnings are %q", c.name, d.Warnings)
		}
	}
}

func TestAListOfObjectsInTheQueryCannotBeSaid(t *testing.T) {
	const operation = `{"parameters": [{"name": "f", "in": "query", "required": REQUIRED, "schema": {"type": "array", "items": {"type": "object", "properties": {"a": {}}}}}]}`
	if d := imported(t, api(strings.Replace(operation, "REQUIRED", "false", 1)), openapi.Options{}); len(d.Policy.Operations[0].Query) > 0 {
		t.Errorf("got %s, want no parameter", asJSON(d.Policy.Operations[0]))
	}
	if m := refused(t, api(strings.Replace(operation, "REQUIRED", "true", 1)), openapi.Options{}); !strings.Contains(m.Error(), `"f" has a form that a policy cannot say`) {
		t.Errorf("got %v", m)
	}
}

func TestAListWithADefaultOfSeveralIsLeftToTheThirdParty(t *testing.T) {
	op, said := of(t, "get", "/a", `{"parameters": [{"name": "expand", "in": "query", "schema": {"type": "array", "items": {"type": "string"}, "default": ["a", "b"]}}]}`, "")
	if len(op.Query) > 0 || !strings.Contains(said, `query expand "{{expand}}"`) {
		t.Errorf("got %s and\n%s\nwant a line to take over", asJSON(op), said)
	}
}
