package openapi_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/openapi"
	"github.com/signpost-gateway/signpost/policy"
)

func TestBodiesBecomeTemplates(t *testing.T) {
	const schemas = `"Person": {"type": "object", "required": ["name"], "properties": {"id": {"type": "string", "readOnly": true},
"name": {"type": "string"}, "boss": {"$ref": "#/components/schemas/Person"}}},
"Chain": {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/components/schemas/Chain"}}},
"Named": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
"Aged": {"allOf": [{"$ref": "#/components/schemas/Named"}, {"required": ["age"], "properties": {"age": {"type": "integer"}}}]}`
	for _, c := range []struct{ name, media, schema, as, want string }{
		{"texts, numbers and truth values", "application/json",
			`{"type": "object", "required": ["a", "b", "c"], "properties": {"a": {"type": "string"}, "b": {"type": "number"}, "c": {"type": "boolean"}}}`,
			"json", `{"a": "{{a}}", "b": {{b}}, "c": {{c}}}`},
		{"lists and objects", "application/json",
			`{"required": ["a", "b"], "properties": {"a": {"type": "array", "items": {}}, "b": {"type": "object"}}}`, "json", `{"a": {{a}}, "b": {{b}}}`},
		{"an object inside", "application/json", `{"required": ["person", "n"], "properties": {"person": {"$ref": "#/components/schemas/Person"}, "n": {"type": "integer"}}}`,
			"json", `{"person": {"name": "{{person_name}}"}, "n": {{n}}}`},
		{"an envelope", "application/json", `{"properties": {"data": {"$ref": "#/components/schemas/Named"}}}`, "json", `{"data": {"name": "{{name}}"}}`},
		{"several schemas in one", "application/json", `{"$ref": "#/components/schemas/Aged"}`, "json", `{"name": "{{name}}", "age": {{age}}}`},
		{"the first of several", "application/json", `{"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Named"}, {"$ref": "#/components/schemas/Person"}]}`,
			"json", `{"name": "{{name}}"}`},
		{"what is fixed", "application/json", `{"required": ["kind", "v"], "properties": {"kind": {"const": "order"}, "v": {"enum": [2]}}}`, "json", `{"kind": "order", "v": 2}`},
		{"what would be a variable", "application/json", `{"required": ["kind"], "properties": {"kind": {"const": "{{x}}"}}}`, "json", `{"kind": "{{kind}}"}`},
		{"a list", "application/json", `{"type": "array", "items": {"type": "string"}}`, "json", `{{body}}`},
		{"a text", "application/json", `{"type": "string"}`, "json", `"{{body}}"`},
		{"anything", "application/json", `{}`, "json", `{{body}}`},
		{"a name that needs quotes", "application/json", `{"required": ["a \"b\""], "properties": {"a \"b\"": {"type": "string"}}}`, "json", `{"a \"b\"": "{{a_b}}"}`},
		{"without end", "application/json", `{"$ref": "#/components/schemas/Chain"}`, "json", ``},
		{"text", "text/plain", `{"type": "string"}`, "text", "{{text}}"},
	} {
		op, _ := of(t, "post", "/a", `{"requestBody": {"required": true, "content": {"`+c.media+`": {"schema": `+c.schema+`}}}}`, schemas)
		switch {
		case op.Body == nil || op.Body.As != c.as:
			t.Errorf("%s: got %+v, want a body as %s", c.name, op.Body, c.as)
		case c.want != "" && op.Body.Template != c.want:
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, op.Body.Template, c.want)
		case len(op.Body.Template) > 1000:
			t.Errorf("%s: the template has %d bytes", c.name, len(op.Body.Template))
		}
	}
}

func TestALongBodyStandsOnLines(t *testing.T) {
	op, _ := of(t, "post", "/a", `{"requestBody": {"content": {"application/json": {"schema": {"type": "object",
"required": ["what_is_to_be_done", "who_is_to_do_it", "place"], "properties": {
"who_is_to_do_it": {"type": "string"}, "what_is_to_be_done": {"type": "string"},
"place": {"type": "object", "required": ["street"], "properties": {"street": {"type": "string"}}}}}}}}}`, "")
	want := "{\n\t\"who_is_to_do_it\": \"{{who_is_to_do_it}}\",\n\t\"what_is_to_be_done\": \"{{what_is_to_be_done}}\",\n\t\"place\": {\"street\": \"{{place_street}}\"}\n}"
	if op.Body.Template != want {
		t.Errorf("got\n%s\nwant\n%s", op.Body.Template, want)
	}
}

func TestAFormHasItsFields(t *testing.T) {
	op, said := of(t, "post", "/a", `{"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": {"type": "object", "required": ["To", "Kind"], "properties": {
"To": {"type": "string"}, "Kind": {"enum": ["sms"]}, "Tries": {"type": "integer", "default": 1}, "Note": {"type": "string", "description": "For the file"}}}}}}}`, "")
	want := &policy.BodySpec{As: "form", Form: []policy.Field{{Name: "To", Value: "{{to}}"}, {Name: "Kind", Value: "sms"}, {Name: "Tries", Value: "{{tries}}"}}}
	if !reflect.DeepEqual(op.Body, want) || !strings.Contains(said, `Note "{{note}}" # For the file`) {
		t.Errorf("got %s and\n%s", asJSON(op.Body), said)
	}
}

func TestTheMediaTypeOfABodyIsSent(t *testing.T) {
	for media, want := range map[string][]policy.Field{
		"application/json":         nil,
		"*/*":                      nil,
		"application/vnd.api+json": {{Name: "Content-Type", Value: "application/vnd.api+json"}},
		"text/csv":                 {{Name: "Content-Type", Value: "text/csv"}},
		"text/plain":               nil,
	} {
		op, _ := of(t, "post", "/a", `{"requestBody": {"content": {"`+media+`": {"schema": {"type": "string"}}}}}`, "")
		if !reflect.DeepEqual(op.Header, want) {
			t.Errorf("with the body %s goes the header %+v, want %+v", media, op.Header, want)
		}
	}
}

func TestABodyOfWhichNothingIsRequiredSaysSo(t *testing.T) {
	for _, media := range []string{"application/json", "application/x-www-form-urlencoded"} {
		_, said := of(t, "patch", "/a", `{"requestBody": {"content": {"`+media+`": {"schema": {"type": "object", "properties": {"name": {"type": "string"}}}}}}}`, "")
		if !strings.Contains(said, "Nothing that it takes is required") || !strings.Contains(said, `name`) {
			t.Errorf("of %s the comments are\n%s\nwant that nothing is required, and name to take over", media, said)
		}
	}
}

func TestACredentialInABodyIsWarnedOf(t *testing.T) {
	const schema = `{"type": "object", "required": ["user", "login", "page_token", "grant_type"], "properties": {"user": {"type": "string"}, "page_token": {"type": "string"},
"grant_type": {"type": "string"}, "login": {"type": "object", "required": ["password"], "properties": {"password": {"type": "string"}}}}}`
	for media, schema := range map[string]string{
		"application/json":                  schema,
		"application/x-www-form-urlencoded": `{"type": "object", "required": ["user", "login_password"], "properties": {"user": {"type": "string"}, "login_password": {"type": "string"}}}`,
	} {
		d := imported(t, api(`{"requestBody": {"content": {"`+media+`": {"schema": `+schema+`}}}}`), openapi.Options{})
		all := strings.Join(d.Warnings, "\n")
		if !strings.Contains(all, "{{login_password}}, a part of the body, may be a credential: Signpost injects those into headers and queries alone, so the bot has to send it") || len(d.Warnings) != 1 {
			t.Errorf("%s: the warnings are\n%s\nwant one of login_password", media, all)
		}
	}
}
