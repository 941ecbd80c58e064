package openapi_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/openapi"
)

// names are those of the operations that are drafted.
func names(t *testing.T, o openapi.Options) []string {
	t.Helper()
	var all []string
	for _, op := range fromFile(t, "testdata/shop.yaml", o).Policy.Operations {
		all = append(all, op.Name)
	}
	return all
}

func TestOperationsAreChosen(t *testing.T) {
	all := []string{"get_order", "cancel_order", "create_order", "list_orders"}
	for _, c := range []struct {
		name string
		o    openapi.Options
		want []string
	}{
		{"all", openapi.Options{}, all},
		{"by operationId", openapi.Options{Operations: []string{"getOrder"}}, []string{"get_order"}},
		{"by name", openapi.Options{Operations: []string{"list_orders"}}, []string{"list_orders"}},
		{"by method and path", openapi.Options{Operations: []string{"GET /orders/{orderId}"}}, []string{"get_order"}},
		{"by an expression", openapi.Options{Operations: []string{"^(get|list)Order"}}, []string{"get_order", "list_orders"}},
		{"by its path", openapi.Options{Operations: []string{"/orders$"}}, []string{"create_order", "list_orders"}},
		{"by two", openapi.Options{Operations: []string{"cancelOrder", "create"}}, []string{"cancel_order", "create_order"}},
		{"by tag", openapi.Options{Tags: []string{"Orders"}}, all},
		{"by tag and name", openapi.Options{Tags: []string{"orders"}, Operations: []string{"cancel"}}, []string{"cancel_order"}},
		{"the first ones", openapi.Options{MaxOperations: 2}, all[:2]},
	} {
		if got := names(t, c.o); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAChoiceOfNothingIsAMistake(t *testing.T) {
	for _, c := range []struct {
		o    openapi.Options
		says string
	}{
		{openapi.Options{Operations: []string{"getOrder", "getTicket"}}, `no operation is called "getTicket": the document has 2 operations, such as`},
		{openapi.Options{Operations: []string{"("}}, `no operation is called "("`},
		{openapi.Options{Operations: []string{""}}, `no operation is called ""`},
		{openapi.Options{Tags: []string{"tickets"}}, `no operation has one of the tags "tickets"`},
	} {
		source := `{"openapi": "3.0.0", "paths": {"/a": {"get": {"operationId": "getOrder"}, "put": {}}}}`
		if m := refused(t, source, c.o); !strings.Contains(m.Error(), c.says) {
			t.Errorf("%+v gives %q, want one that says %q", c.o, m.Error(), c.says)
		}
	}
}

func TestNamesAreUniqueAndDoNotDependOnTheChoice(t *testing.T) {
	source := `{"openapi": "3.0.0", "servers": [{"url": "https://a.example"}], "paths": {
"/a": {"get": {"operationId": "get-it"}}, "/b": {"get": {"operationId": "getIt"}}, "/c/{x}": {"get": {}},
"/d": {"get": {"operationId": "привет"}}}}`
	d := imported(t, source, openapi.Options{})
	for _, name := range []string{"get_it", "get_it_2", "get_c_by_x", "get_d"} {
		operation(t, d, name)
	}
	d = imported(t, source, openapi.Options{Operations: []string{"getIt"}})
	if got := operation(t, d, "get_it_2"); got.Template != "/b" {
		t.Errorf("get_it_2 is %s, want /b", got.Template)
	}
}

func TestOperationsThatCannotBeSaidAreLeftOut(t *testing.T) {
	for _, c := range []struct{ name, path, operation, says string }{
		{"a piece of a segment", "/files/{name}.json", `{}`, "segment"},
		{"two in a segment", "/{a}-{b}", `{}`, "segment"},
		{"one name twice", "/{a}/{a}", `{}`, "segment"},
		{"a query in the path", "/a?b=c", `{}`, "its path"},
		{"no slash", "a/b", `{}`, "its path"},
		{"dots", "/a/../b", `{}`, "dot segments"},
		{"braces", "/a/{{b}}", `{}`, "segment"},
		{"multipart", "/a", `{"requestBody": {"required": true, "content": {"multipart/form-data": {}}}}`, "multipart"},
		{"XML", "/a", `{"requestBody": {"required": true, "content": {"text/xml": {}}}}`, "text/xml"},
		{"a cookie", "/a", `{"parameters": [{"name": "sid", "in": "cookie", "required": true}]}`, "cookie"},
		{"an object in the query", "/a", `{"parameters": [{"name": "f", "in": "query", "required": true, "schema": {"type": "object"}}]}`, `"f"`},
		{"a header of the connection", "/a", `{"parameters": [{"name": "Host", "in": "header", "required": true, "schema": {}}]}`, `"Host"`},
		{"a server of its own", "/a", `{"servers": [{"url": "https://else.example"}]}`, "https://else.example"},
	} {
		source := `{"openapi": "3.0.0", "servers": [{"url": "https://a.example"}], "paths": {
"/good": {"get": {"operationId": "good"}}, "` + c.path + `": {"post": ` + c.operation + `}}}`
		d := imported(t, source, openapi.Options{})
		if len(d.Policy.Operations) != 1 || d.Policy.Operations[0].Name != "good" {
			t.Errorf("%s: got %s, want good alone", c.name, asJSON(d.Policy.Operations))
		}
		if all := strings.Join(d.Warnings, "\n"); !strings.Contains(all, c.says) || !strings.Contains(all, c.path) {
			t.Errorf("%s: the warnings are\n%s\nwant one that says %q of %s", c.name, all, c.says, c.path)
		}
	}
}

func TestOperationsThatCannotBeToldApartAreLeftOut(t *testing.T) {
	d := imported(t, `{"openapi": "3.0.0", "servers": [{"url": "https://a.example"}], "paths": {
"/orders/{id}": {"get": {"operationId": "byId"}}, "/orders/{name}": {"get": {"operationId": "byName"}}}}`, openapi.Options{})
	operation(t, d, "by_id")
	if all := strings.Join(d.Warnings, "\n"); len(d.Policy.Operations) != 1 || !strings.Contains(all, "by_name") {
		t.Errorf("got %s and the warnings\n%s\nwant one of by_name, which is left out", asJSON(d.Policy.Operations), all)
	}
	for _, test := range d.Tests {
		if test.Operation == "by_name" {
			t.Errorf("the test %q is of an operation that is left out", test.Name)
		}
	}
}
