package postman

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/policy"
)

// schema is the line that says which version a collection is.
const schema = `"schema":"https://schema.getpostman.com/json/collection/v2.1.0/collection.json"`

// collecting makes a collection of items.
func collecting(items string) string {
	return `{"info":{"name":"Store",` + schema + `},"item":[` + items + `]}`
}

// asking makes a request of what stands in it.
func asking(name, request string) string {
	return fmt.Sprintf(`{"name":%q,"request":%s}`, name, request)
}

func TestWhatIsNoCollectionIsRefusedWithARemedy(t *testing.T) {
	one := asking("a", `{"url":"https://store.example/a"}`)
	tests := map[string]struct{ source, want string }{
		"nothing":               {``, "column 1: expected a Postman collection in JSON"},
		"broken JSON":           {"{\n  \"info\": {\n    \"name\": \"x\",,\n", "column 17: expected a Postman collection in JSON"},
		"a list":                {`[]`, "this is no Postman collection"},
		"another object":        {`{"a":1}`, "this is no Postman collection"},
		"version 1":             {`{"id":"x","name":"y","order":[],"requests":[{"url":"https://a.example"}]}`, "version 1: export it again, as Collection v2.1"},
		"version 1 by schema":   {`{"info":{"schema":"https://schema.getpostman.com/json/collection/v1.0.0/collection.json"},"item":[` + one + `]}`, "version 1"},
		"a version of tomorrow": {`{"info":{"schema":"https://schema.example/v9/collection.json"},"item":[` + one + `]}`, "is not known: export the collection as Collection v2.1"},
		"an environment":        {`{"name":"prod","values":[{"key":"a","value":"b"}],"_postman_variable_scope":"environment"}`, "this is a Postman environment"},
		"an OpenAPI document":   {`{"openapi":"3.1.0","info":{"title":"x"},"paths":{}}`, "import openapi"},
		"no requests":           {collecting(`{"name":"folder","item":[]}`), "the collection has no requests"},
		"an unknown address":    {collecting(asking("a", `{"url":"{{base}}/a"}`)), "does not say what {{base}} in its address is: give its value"},
		"no address":            {collecting(asking("a", `{"method":"GET"}`)), "its address is not one of https://host/path"},
		"another protocol":      {collecting(asking("a", `{"url":"wss://store.example/a"}`)), "its address is not one of https://host/path"},
		"nothing of use":        {collecting(asking("a", `{"url":"https://store.example/a","body":{"mode":"file","file":{"src":"x"}}}`)), "nothing of it can be an operation"},
	}
	for name, tt := range tests {
		d, err := Import([]byte(tt.source), Options{File: "store.json"})
		if err == nil {
			t.Errorf("%s became a policy: %+v", name, d.Policy)
		} else if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "store.json") {
			t.Errorf("%s is refused with\n%v\nwant store.json, and\n%s", name, err, tt.want)
		}
	}
}

func TestAMistakeInTheJSONHasItsLine(t *testing.T) {
	_, err := Import([]byte("{\n\"info\": {},\n\"item\": [}\n"), Options{File: "store.json"})
	mistake, placed := errors.AsType[policy.Mistake](err)
	if !placed || mistake.Place != (policy.Place{File: "store.json", Line: 3}) {
		t.Errorf("got %#v, want a mistake in line 3 of store.json", err)
	}
}

func TestACollectionIsBounded(t *testing.T) {
	nested := func(levels int, inner string) string {
		return strings.Repeat(`{"name":"f","item":[`, levels) + inner + strings.Repeat("]}", levels)
	}
	leaf := asking("a", `{"url":"https://store.example/a"}`)
	many := strings.TrimSuffix(strings.Repeat(leaf+",", MaxRequests+1), ",")
	var secrets strings.Builder
	for i := range maxCredentials + 1 {
		fmt.Fprintf(&secrets, `{"key":"token_%[1]d","value":"abcdefgh-%[1]d"},`, i)
	}
	tests := map[string]struct{ source, want string }{
		"folders too deep":  {collecting(nested(maxFolders+1, leaf)), "folders nest deeper than 64 levels"},
		"values too deep":   {collecting(strings.Repeat(`[`, maxNesting+1)), "nests deeper than 512 levels"},
		"too many requests": {collecting(many), "more than 5000 requests"},
		"too many values":   {collecting(strings.Repeat(`{},`, maxValues/2) + `{}`), "more than 2000000 values"},
		"too many secrets":  {strings.Replace(collecting(leaf), `"item"`, `"variable":[`+secrets.String()+`{}],"item"`, 1), "more than 20000 credentials"},
		"too many bytes":    {strings.Repeat(" ", MaxCollection+1), "at most 67108864 can be read"},
	}
	for name, tt := range tests {
		if _, err := Import([]byte(tt.source), Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
	imported(t, collecting(nested(maxFolders, leaf)), Options{})
}

func TestARequestThatIsTooLargeIsLeftOut(t *testing.T) {
	long := strings.Repeat("a", maxBody)
	tests := map[string]struct{ request, want string }{
		"a long address":        {`{"url":"https://store.example/` + long + `"}`, "its address is longer than 8192 bytes"},
		"many parameters":       {`{"url":"https://store.example/?` + strings.Repeat("a=1&", maxFields+1) + `"}`, "has more than 256 parts"},
		"many headers":          {`{"url":"https://store.example/","header":"` + strings.Repeat(`a: b\n`, 1<<20) + `"}`, "it has more than 256 headers"},
		"a long header":         {`{"url":"https://store.example/","header":[{"key":"X","value":"` + long + `"}]}`, "one of its headers has more than 8192 bytes"},
		"a long body":           {`{"url":"https://store.example/","body":{"mode":"raw","raw":"` + long + `a"}}`, "its body has 65537 bytes"},
		"a long query":          {`{"url":"https://store.example/","body":{"mode":"graphql","graphql":{"query":"` + long + `a"}}}`, "its body has 65537 bytes"},
		"many fields":           {`{"url":"https://store.example/","body":{"mode":"urlencoded","urlencoded":"` + strings.Repeat("a=1&", 1<<20) + `"}}`, "it has more than 256 fields"},
		"many inputs of a body": {`{"url":"https://store.example/","body":{"mode":"raw","raw":"` + strings.Repeat("{{a}} ", 300) + `"}}`, "at most 256 variables"},
	}
	for name, tt := range tests {
		d := imported(t, collecting(asking("small", `{"url":"https://store.example/small"}`)+`,{"name":"large","request":`+tt.request+`}`), Options{})
		if len(d.Policy.Operations) != 1 || len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], tt.want) || !strings.Contains(d.Warnings[0], `"large"`) {
			t.Errorf("%s: there are %d operations, and the warnings are %q, want one with %q", name, len(d.Policy.Operations), d.Warnings, tt.want)
		}
	}
}

func TestVariablesThatGrowAreNotFilled(t *testing.T) {
	var bomb strings.Builder
	for i := range 20 {
		fmt.Fprintf(&bomb, `{"key":"v%d","value":"%s"},`, i, strings.Repeat(fmt.Sprintf("{{v%d}}", i+1), 1000))
	}
	source := `{"info":{"name":"Store",` + schema + `},"variable":[` + bomb.String() + `{"key":"v20","value":"x"}],"item":[` +
		asking("bomb", `{"url":"https://store.example/{{v0}}/a?x={{v0}}&y=1{{v1}}"}`) + `]}`
	d := imported(t, source, Options{})
	if got := d.Policy.Operations[0].Template; got != "/{{v0}}/a" {
		t.Errorf("the path became %.200s, want a variable", got)
	}
}

func TestANameThatNoPolicyHasIsRefused(t *testing.T) {
	source := collecting(asking("a", `{"url":"https://store.example/a"}`))
	for _, name := range []string{"call", "9th", "Store"} {
		if _, err := Import([]byte(source), Options{Name: name}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the name %s: got %v, want an error that names it", name, err)
		}
	}
}

func TestAVariableThatTheCollectionDoesNotHaveIsRefused(t *testing.T) {
	source := `{"info":{"name":"Store",` + schema + `},"variable":[{"key":"version","value":"v1"}],"item":[{"name":"f","variable":[{"key":"shop","value":"x"}],"item":[` +
		asking("a", `{"url":"{{base_url}}/orders?lang={{lang}}","auth":{"type":"bearer","bearer":[{"key":"token","value":"{{token}}"}]}}`) + `]}]}`
	for name, good := range map[string]bool{"base_url": true, "lang": true, "version": true, "shop": true, "token": true, "baseUrl": false} {
		variables := map[string]string{"base_url": "https://store.example", name: "https://store.example"}
		_, err := Import([]byte(source), Options{File: "store.json", Variables: variables})
		if good && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !good && (err == nil || !strings.Contains(err.Error(), `store.json: the collection has no variable "baseUrl": it has base_url, lang, shop, token, version`)) {
			t.Errorf("%s: got %v, want what there is", name, err)
		}
	}
}
