package postman

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

func TestBodies(t *testing.T) {
	tests := map[string]struct{ body, header, as, template, kind string }{
		"JSON":                      {`"mode":"raw","raw":"{\"a\":\"x\",\"n\":1.50,\"b\":true,\"z\":null,\"l\":[1],\"o\":{\"a\":\"y\"}}"`, "", "json", `{"a":{{a}},"n":{{n}},"b":{{b}},"z":null,"l":{{l}},"o":{"a":{{o_a}}}}`, ""},
		"JSON of variables":         {`"mode":"raw","raw":"{\"a\":{{n}},\"b\":\"{{n}}\",\"c\":\"no. {{n}}!\"}"`, "", "json", `{"a":{{n}},"b":"{{n}}","c":"no. {{n}}!"}`, ""},
		"JSON with comments":        {`"mode":"raw","raw":"// hi\n{\"a\" /* b */ : \"//\"}"`, "", "json", `{"a":{{a}}}`, ""},
		"JSON of a kind":            {`"mode":"raw","raw":"[]"`, "application/vnd.store+json", "json", `[]`, "application/vnd.store+json"},
		"JSON that is a variable":   {`"mode":"raw","raw":"{{order}}","options":{"raw":{"language":"json"}}`, "", "json", `{{order}}`, ""},
		"JSON that is broken":       {`"mode":"raw","raw":"{\"a\":"`, "", "", "its body is not JSON", ""},
		"a variable as a name":      {`"mode":"raw","raw":"{\"{{a}}\":1}"`, "", "", "in the name of a member", ""},
		"braces in a text":          {`"mode":"raw","raw":"{\"a\":\"\",\"b\":\"line\\n{{}\"}"`, "", "json", `{"a":"","b":"line\n\u007b\u007b\u007d"}`, ""},
		"text":                      {`"mode":"raw","raw":"hello {{name}}"`, "", "text", "hello {{name}}", ""},
		"text that says so":         {`"mode":"raw","raw":"{\"a\":1}"`, "text/plain", "text", `{"a":1}`, ""},
		"XML":                       {`"mode":"raw","raw":"<a/>","options":{"raw":{"language":"xml"}}`, "", "text", "<a/>", "application/xml"},
		"XML of variables":          {`"mode":"raw","raw":"<a>{{x}}</a>"`, "text/xml", "", "where a value could end what it stands in", ""},
		"an encoded form":           {`"mode":"raw","raw":"a=1&b=x%20y"`, "application/x-www-form-urlencoded", "form", "a={{a}} b={{b}}", ""},
		"a form":                    {`"mode":"urlencoded","urlencoded":[{"key":"a","value":"1"},{"key":"grant_type","value":"password"},{"key":"off","value":"2","disabled":true},{"key":"v","value":"{{a}}"}]`, "", "form", "a={{a}} grant_type=password v={{a_2}}", ""},
		"a form as text":            {`"mode":"urlencoded","urlencoded":"a=1&b=2"`, "", "form", "a={{a}} b={{b}}", ""},
		"GraphQL":                   {`"mode":"graphql","graphql":{"query":"{ a }","variables":{"x":1}}`, "", "json", `{"query":"\u007b a \u007d","variables":{"x":{{variables_x}}}}`, ""},
		"nothing":                   {`"mode":"raw","raw":"  "`, "", "", "", ""},
		"an empty form":             {`"mode":"urlencoded","urlencoded":[]`, "", "", "", ""},
		"multipart of nothing":      {`"mode":"formdata","formdata":[{"key":"a","value":"1","disabled":true}]`, "", "", "", ""},
		"a file that is none":       {`"mode":"file","file":{}`, "", "", "", ""},
		"a form of variable names":  {`"mode":"urlencoded","urlencoded":[{"key":"{{k}}","value":"1"},{"key":"b","value":"2"}]`, "", "form", "b={{b}}", ""},
		"multipart":                 {`"mode":"formdata","formdata":[{"key":"a","type":"file"}]`, "", "", "multipart/form-data", ""},
		"a file":                    {`"mode":"file","file":{"src":"/etc/passwd"}`, "", "", "its body is a file", ""},
		"what nobody knows":         {`"mode":"hologram"`, "", "", "which is not known", ""},
		"a variable that is a bool": {`"mode":"raw","raw":"{\"a\":{{yes}},\"n\":{{seven}}}"`, "", "json", `{"a":{{yes}},"n":{{seven}}}`, ""},
	}
	for name, tt := range tests {
		source := `{"info":{"name":"Store",` + schema + `},"variable":[{"key":"yes","value":"true"},{"key":"seven","value":"7"}],"item":[` +
			asking("x", fmt.Sprintf(`{"method":"POST","url":"https://store.example/x","header":[{"key":"Content-Type","value":%q}],"body":{%s}}`, tt.header, tt.body)) + `]}`
		d, err := Import([]byte(source), Options{})
		if err != nil {
			if tt.as != "" || tt.template == "" || !strings.Contains(err.Error(), tt.template) {
				t.Errorf("%s: %v, want %s %q", name, err, tt.as, tt.template)
			}
			continue
		}
		o := d.Policy.Operations[0]
		as, template := "", ""
		if o.Body != nil {
			as, template = o.Body.As, o.Body.Template
			fields := make([]string, 0, len(o.Body.Form))
			for _, f := range o.Body.Form {
				fields = append(fields, f.Name+"="+f.Value)
			}
			template += strings.Join(fields, " ")
		}
		kind := ""
		for _, h := range o.Header {
			kind = h.Value
		}
		if as != tt.as || template != tt.template || kind != tt.kind {
			t.Errorf("%s became %s %q of type %q, want %s %q of type %q", name, as, template, kind, tt.as, tt.template, tt.kind)
		}
		run(t, d, d.Tests)
	}
}

func TestAVariableOfADocumentHasTheTypeOfItsValue(t *testing.T) {
	d := imported(t, `{"info":{"name":"Store",`+schema+`},"variable":[{"key":"yes","value":"true"},{"key":"seven","value":7},{"key":"word","value":"tea"}],"item":[`+
		asking("x", `{"method":"POST","url":"https://store.example/x","body":{"mode":"raw","raw":"{\"a\":{{yes}},\"b\":{{seven}},\"c\":{{word}}}"}}`)+`]}`, Options{})
	want := []policy.InputSpec{{Var: "yes", Type: "bool"}, {Var: "seven", Type: "number"}}
	if got := d.Policy.Operations[0].Inputs; !reflect.DeepEqual(got, want) {
		t.Errorf("the inputs are %+v, want %+v", got, want)
	}
}

func TestSavedResponsesBecomeHintsAndVariables(t *testing.T) {
	answer := func(code int, body string) string {
		return fmt.Sprintf(`{"name":"n","code":%d,"body":%q}`, code, body)
	}
	tests := map[string]struct {
		answers        []string
		hints, extract string
	}{
		"good and not found":    {[]string{answer(200, `{"id":1,"state":"new","order":{"status":"paid","id":2}}`), answer(404, `{}`)}, "not_found", "id=$.id state=$.state order_status=$.order.status order_id=$.order.id"},
		"refusals":              {[]string{answer(409, ``), answer(422, ``), answer(409, `x`), answer(401, ``), answer(429, ``), answer(503, ``), answer(302, ``)}, "conflict unprocessable_entity", ""},
		"a good one without":    {[]string{answer(200, `{"id":1}`), answer(200, `done`)}, "", ""},
		"nothing, or much":      {[]string{answer(204, ``), answer(201, `{"id":1}`)}, "", "id=$.id"},
		"a list":                {[]string{answer(200, `[{"id":1}]`)}, "", ""},
		"odd names":             {[]string{answer(200, `{"e-mail":"a@b","it's":1,"":2,"x\u0000y":3,"n":null,"l":[1]}`)}, "", "e_mail=$['e-mail'] it_s=$['it\\'s'] value=$['']"},
		"credentials":           {[]string{answer(200, `{"token":"abc","user":"ada"}`)}, "", "user=$.user"},
		"a status that is none": {[]string{answer(0, `{"id":1}`), `{"name":"x","code":"two hundred","body":"{}"}`, `{"code":null,"body":null}`}, "", ""},
		"twice the same name":   {[]string{answer(200, `{"a_b":1,"a":{"b":2},"aB":3}`)}, "", "a_b=$.a_b b=$.a.b a_b_2=$.aB"},
	}
	for name, tt := range tests {
		d := imported(t, collecting(`{"name":"Read","request":{"url":"https://store.example/x"},"response":[`+strings.Join(tt.answers, ",")+`]}`), Options{})
		o := d.Policy.Operations[0]
		var hints, extracts []string
		for _, h := range o.Hints {
			hints = append(hints, h.Route)
		}
		for _, e := range o.Extracts {
			extracts = append(extracts, e.Var+"="+e.Path)
		}
		if got := strings.Join(hints, " "); got != tt.hints {
			t.Errorf("%s: the hints are %q, want %q", name, got, tt.hints)
		}
		if got := strings.Join(extracts, " "); got != tt.extract {
			t.Errorf("%s: the extractions are %q, want %q", name, got, tt.extract)
		}
		run(t, d, d.Tests)
	}
}

func TestParametersAreExamplesOrPresets(t *testing.T) {
	d := imported(t, `{"info":{"name":"Store",`+schema+`},"variable":[{"key":"size","value":"20"}],"item":[`+
		asking("x", `{"url":"https://store.example/x?q=tea&lang=en&limit={{size}}&empty=&from=2026-01-01&sort={{how}}&filter=a:{{how}}&{{odd}}=1","header":[
			{"key":"X-Version","value":"2"},{"key":"X-Trace","value":"{{$guid}}"},{"key":"Signpost-Timeout","value":"9s"},{"key":"Via","value":"x"},{"key":"Idempotency-Key","value":"{{$guid}}"}]}`)+`]}`, Options{})
	o := d.Policy.Operations[0]
	want := `[{Name:q Value:{{q}} Place:} {Name:lang Value:{{lang}} Place:} {Name:limit Value:{{size}} Place:} {Name:empty Value:{{empty}} Place:} ` +
		`{Name:from Value:{{from}} Place:} {Name:sort Value:{{how}} Place:} {Name:filter Value:a:{{how}} Place:}] ` +
		`[{Name:X-Version Value:2 Place:} {Name:X-Trace Value:{{guid}} Place:}] lang="en" size="20"`
	got := fmt.Sprintf("%+v %+v", o.Query, o.Header)
	for _, in := range o.Inputs {
		got += fmt.Sprintf(" %s=%s", in.Var, in.Default)
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	notes := strings.Join(d.Operations[o.Name], "\n")
	for _, say := range []string{"Idempotency-Key", "header Via was left out", "header Signpost-Timeout was left out", "their names are variables"} {
		if !strings.Contains(notes, say) {
			t.Errorf("the comments are\n%s\nwant one with %q", notes, say)
		}
	}
}

func TestOfMoreResponsesThanAFileHoldsThoseOfBranchesAreTested(t *testing.T) {
	answer := func(code int, name string) string {
		return fmt.Sprintf(`{"name":%q,"code":%d,"body":"{\"id\":1}"}`, name, code)
	}
	for _, c := range []struct {
		name     string
		requests int
		answers  []string
		branches int // of each operation
		warned   bool
	}{
		{"no responses", 5000, nil, 1, false},
		{"a good and a bad one", 5000, []string{answer(200, "a"), answer(404, "b")}, 2, false},
		{"more of the same", 2600, []string{answer(200, "a"), answer(200, "b"), answer(200, "c"), answer(404, "d")}, 2, true},
	} {
		var items []string
		for i := range c.requests {
			items = append(items, fmt.Sprintf(`{"name":"o%d","request":{"url":"https://store.example/p%d/x"},"response":[%s]}`, i, i, strings.Join(c.answers, ",")))
		}
		d := imported(t, collecting(strings.Join(items, ",")), Options{})
		if warned := strings.Contains(strings.Join(d.Warnings, "\n"), "saved responses did not become tests"); warned != c.warned || len(d.Tests) > policytest.MaxTests {
			t.Errorf("%s: there are %d tests and the warnings %q", c.name, len(d.Tests), d.Warnings)
		}
		reached := make(map[string]bool)
		for _, test := range d.Tests {
			for _, s := range test.Steps {
				reached[test.Operation+" "+*s.Expect.Route] = true
			}
		}
		if want := c.branches*c.requests + 1; len(reached) != want {
			t.Errorf("%s: the tests reach %d branches, want %d", c.name, len(reached), want)
		}
	}
}
