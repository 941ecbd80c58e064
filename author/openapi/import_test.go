package openapi_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/author/lint"
	"github.com/signpost-gateway/signpost/author/openapi"
	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// documents are the files of testdata.
func documents(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob("testdata/*")
	if err != nil || len(all) == 0 {
		t.Fatalf("no documents in testdata: %v", err)
	}
	return all
}

// fromFile drafts a policy of a document of testdata.
func fromFile(t testing.TB, path string, o openapi.Options) *draft.Draft {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return imported(t, string(data), o)
}

// imported drafts a policy of a document.
func imported(t testing.TB, source string, o openapi.Options) *draft.Draft {
	t.Helper()
	d, err := openapi.Import(strings.NewReader(source), o)
	if err != nil {
		t.Fatalf("importing\n%.2000s\n%v", source, err)
	}
	return d
}

// operation gives an operation of a draft.
func operation(t testing.TB, d *draft.Draft, name string) policy.OperationSpec {
	t.Helper()
	for _, o := range d.Policy.Operations {
		if o.Name == name {
			return o
		}
	}
	t.Fatalf("there is no operation %s: %+v\n%s", name, d.Policy.Operations, strings.Join(d.Warnings, "\n"))
	return policy.OperationSpec{}
}

func TestWhatIsDraftedWorks(t *testing.T) {
	for _, path := range documents(t) {
		d := fromFile(t, path, openapi.Options{})
		spec := &policy.Spec{Policies: []policy.PolicySpec{d.Policy}}
		if mistakes := policy.Check(spec); len(mistakes) > 0 {
			t.Errorf("the draft of %s has mistakes: %v", path, mistakes)
			continue
		}
		file := policytest.File{Path: "x_test.yaml", Policy: d.Policy.Name, Tests: d.Tests}
		report, err := policytest.Run(t.Context(), []policytest.File{file}, func(policytest.File) (*policy.Spec, error) { return spec, nil }, policytest.Options{})
		if err != nil {
			t.Errorf("running the tests of %s: %v", path, err)
			continue
		}
		for _, r := range report.Results {
			if !r.Passed() {
				t.Errorf("the test %q of %s failed: %s %+v", r.Name, path, r.Stopped, r.Failures)
			}
		}
		if c := report.Coverage[0]; c.Percent() != 100 {
			t.Errorf("the tests of %s took %d of %d branches: %+v", path, c.Reached, c.Total, c.Branches)
		}
	}
}

func TestWhatIsDraftedIsNotUnwise(t *testing.T) {
	for _, path := range documents(t) {
		d := fromFile(t, path, openapi.Options{})
		expected := make(map[string]bool)
		for _, test := range d.Tests {
			for name := range test.Steps[0].Expect.Vars {
				expected[name] = true
			}
		}
		report := lint.Check(lint.Subject{
			Spec:   &policy.Spec{Policies: []policy.PolicySpec{d.Policy}},
			Tested: func(_, variable string) bool { return expected[variable] },
		})
		for _, f := range report.Findings {
			t.Errorf("of the draft of %s, check says: %s: %s", path, f.Name, f.Message)
		}
	}
}

func TestWhatIsDraftedCanBeWritten(t *testing.T) {
	for _, path := range documents(t) {
		d := fromFile(t, path, openapi.Options{})
		var caddyfile, tests bytes.Buffer
		if err := d.Caddyfile(&caddyfile, true); err != nil {
			t.Errorf("writing the policy of %s: %v", path, err)
		}
		if err := d.WriteTests(&tests, ""); err != nil {
			t.Errorf("writing the tests of %s: %v", path, err)
		}
		if !strings.Contains(caddyfile.String(), "policy "+d.Policy.Name) || !strings.Contains(tests.String(), "tests:") {
			t.Errorf("of %s there is\n%s\n%s", path, &caddyfile, &tests)
		}
	}
}

func TestTheSameDocumentIsDraftedAlikeInAnyForm(t *testing.T) {
	ofYAML := fromFile(t, "testdata/shop.yaml", openapi.Options{})
	ofJSON := fromFile(t, "testdata/shop.json", openapi.Options{})
	if !reflect.DeepEqual(ofYAML.Policy, ofJSON.Policy) {
		t.Errorf("3.0 in YAML is\n%s\n3.1 in JSON is\n%s", asJSON(ofYAML.Policy), asJSON(ofJSON.Policy))
	}
	if !reflect.DeepEqual(ofYAML.Operations, ofJSON.Operations) {
		t.Errorf("3.0 in YAML has the comments\n%s\n3.1 in JSON\n%s", asJSON(ofYAML.Operations), asJSON(ofJSON.Operations))
	}
	if !reflect.DeepEqual(ofYAML.Tests, ofJSON.Tests) {
		t.Errorf("3.0 in YAML has the tests\n%s\n3.1 in JSON\n%s", asJSON(ofYAML.Tests), asJSON(ofJSON.Tests))
	}
}

func TestImportingTwiceDraftsTheSame(t *testing.T) {
	for _, path := range documents(t) {
		if a, b := fromFile(t, path, openapi.Options{}), fromFile(t, path, openapi.Options{}); !reflect.DeepEqual(a, b) {
			t.Errorf("%s is drafted as\n%s\nand then as\n%s", path, asJSON(a), asJSON(b))
		}
	}
}

func asJSON(v any) string {
	raw, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

func TestAnOperationSaysAllThatTheDocumentDoes(t *testing.T) {
	d := fromFile(t, "testdata/shop.yaml", openapi.Options{})
	want := policy.OperationSpec{
		Name: "get_order", Method: "GET", Template: "/orders/{{order_id}}",
		Inputs: []policy.InputSpec{
			{Var: "order_id", Matches: "[A-Z]-[0-9]+"},
			{Var: "lang", Default: json.RawMessage(`"en"`), In: []string{"en", "de"}},
		},
		Query:  []policy.Field{{Name: "lang", Value: "{{lang}}"}},
		Header: []policy.Field{{Name: "X-Channel", Value: "bot"}},
		Rules: policy.Rules{
			Extracts: []policy.Extract{
				{Var: "id", Path: "$.id"}, {Var: "status", Path: "$.status"},
				{Var: "total", Path: "$.total"}, {Var: "delivery_eta", Path: "$.delivery.eta"},
			},
			Hints: []policy.Hint{{Route: "not_found", When: "status == 404"}},
		},
	}
	if got := operation(t, d, "get_order"); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", asJSON(got), asJSON(want))
	}
	comments := []string{
		"Look up an order.",
		"order_id: Number of the order",
		"lang: Language of texts (one of en, de)",
		"Optional, and left out, since a call sends all that is written here:",
		`query expand "{{expand}}" # What to add (one value of a list)`,
		"Other answers that could have a route:",
		"hint gone status == 410 # The order is too old to be shown.",
	}
	if got := d.Operations["get_order"]; !reflect.DeepEqual(got, comments) {
		t.Errorf("the comments are %q, want %q", got, comments)
	}
	if deprecated := strings.Join(d.Operations["cancel_order"], "\n"); !strings.Contains(deprecated, "Deprecated") {
		t.Errorf("the comments of a deprecated operation are %q", deprecated)
	}
}

func TestTheTestsOfAnOperationAreItsExamples(t *testing.T) {
	d := fromFile(t, "testdata/shop.yaml", openapi.Options{})
	found := func(name string) policytest.Step {
		t.Helper()
		for _, test := range d.Tests {
			if test.Name == name {
				return test.Steps[0]
			}
		}
		t.Fatalf("there is no test %q: %s", name, asJSON(d.Tests))
		return policytest.Step{}
	}
	shipped := found("get_order, answered 200: An order on its way")
	wantVars := map[string]json.RawMessage{
		"id": json.RawMessage(`"A-1001"`), "status": json.RawMessage(`"shipped"`),
		"total": json.RawMessage(`19.9`), "delivery_eta": json.RawMessage(`"2026-11-23"`),
	}
	if !reflect.DeepEqual(shipped.Expect.Vars, wantVars) || shipped.Expect.Outcome != policy.Success {
		t.Errorf("a good answer is expected to be %s", asJSON(shipped.Expect))
	}
	if got := string(shipped.Input["order_id"]); got != `"A-1001"` {
		t.Errorf("order_id is %s, want that of the example", got)
	}
	missing := found("get_order, answered 404")
	if string(missing.Given[0].Body) != `{"title":"No such order"}` || *missing.Expect.Route != "not_found" {
		t.Errorf("what is not found is %s", asJSON(missing))
	}
	created := found("create_order, answered 201: made of the schema")
	if got := string(created.Input["customer_email"]); got != `"ada@example.com"` {
		t.Errorf("customer_email is %s, want that of the body's example", got)
	}
}
