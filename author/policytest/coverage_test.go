package policytest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// lines are the branches of a configuration, as "line kind tests".
func lines(c policytest.Coverage) []string {
	all := []string{}
	for _, b := range c.Branches {
		all = append(all, fmt.Sprint(b.Place.Line, " ", b.Kind, " ", b.Tests))
	}
	return all
}

func TestCoverageCountsTheTestsThatTookEachBranch(t *testing.T) {
	test := func(name string, status int, body string) policytest.Test {
		return policytest.Test{Name: name, Steps: []policytest.Step{{Repeat: 3, Given: answers(status, body), Expect: policytest.Expect{Outcome: policy.Success}}}}
	}
	files := []policytest.File{{Path: "a_test.yaml", Policy: "store", Operation: "order_status", Tests: []policytest.Test{
		test("shipped", 200, `{"order":{"status":"shipped","eta":"x"}}`),
		test("shipped without a date", 200, `{"order":{"status":"shipped"}}`),
		test("down, and not what was expected", 500, ``),
	}}}
	r := run(t, files, store(), policytest.Options{})
	if len(r.Coverage) != 1 || r.Coverage[0].Config != "Caddyfile" {
		t.Fatalf("got %+v, want the coverage of one configuration", r.Coverage)
	}
	c := r.Coverage[0]
	want := []string{"12 otherwise 1", "13 fallback 1", "22 extract default 2", "23 hint 2", "24 hint 0"}
	if got := lines(c); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if c.Reached != 4 || c.Total != 5 || c.Percent() != 80 {
		t.Errorf("got %d of %d, %g %%, want 4 of 5, 80 %%", c.Reached, c.Total, c.Percent())
	}
	if r.Failed() != 1 || r.Results[2].Passed() {
		t.Errorf("got %q, want that the third test failed", told(r))
	}
}

func TestCoverageOfWholeConfigurationsCountsPoliciesThatNoTestNames(t *testing.T) {
	files := []policytest.File{{Path: "a_test.yaml", Policy: "help", Operation: "ticket", Tests: []policytest.Test{
		{Name: "it", Steps: []policytest.Step{{Expect: policytest.Expect{Outcome: policy.Success}}}},
	}}}
	for whole, want := range map[bool][]string{
		false: {"31 default 1"},
		true:  {"12 otherwise 0", "13 fallback 0", "22 extract default 0", "23 hint 0", "24 hint 0", "31 default 1"},
	} {
		r := run(t, files, store(), policytest.Options{WholeConfigurations: whole})
		if got := lines(r.Coverage[0]); !slices.Equal(got, want) {
			t.Errorf("whole configurations %v: got  %q\nwant %q", whole, got, want)
		}
	}
	r := run(t, files, store(), policytest.Options{Match: regexp.MustCompile("no such test")})
	if got := r.Coverage[0]; got.Total != 1 || got.Reached != 0 || len(r.Results) != 0 {
		t.Errorf("got %+v without a test that runs, want one branch that none reached", got)
	}
	if got := (&policytest.Coverage{}).Percent(); got != 100 {
		t.Errorf("got %g %% where there are no branches, want 100", got)
	}
}

func TestABranchOfThePolicyIsReachedByWhicheverOperation(t *testing.T) {
	spec := store()
	p := &spec.Policies[0]
	p.Hints = []policy.Hint{{Route: "down", When: `outcome == "server_error" or (vars.status ?? "") == "lost"`, Place: line(15)}}
	p.Operations = append(p.Operations, policy.OperationSpec{Name: "stock", Method: "GET", Template: "/stock", Places: policy.Places{"operation": line(40)}})
	files := []policytest.File{{Path: "a_test.yaml", Policy: "store", Tests: []policytest.Test{
		{Name: "stock", Operation: "stock", Steps: []policytest.Step{{Given: answers(500, ""), Expect: policytest.Expect{Route: ptr("down")}}}},
		{Name: "order", Operation: "order_status", Steps: []policytest.Step{{Given: answers(503, ""), Expect: policytest.Expect{Route: ptr("down")}}}},
	}}}
	r := run(t, files, spec, policytest.Options{})
	if got := lines(r.Coverage[0]); !slices.Contains(got, "15 hint 2") || r.Failed() > 0 {
		t.Errorf("got %q, %q, want that two tests took the hint in line 15", got, told(r))
	}
}

func TestResultsHaveTheOrderOfFilesAndTests(t *testing.T) {
	files := append(single(200), single(50)...)
	files[1].Path, files[1].Config = "other_test.yaml", "other/Caddyfile"
	r := run(t, files, store(), policytest.Options{})
	for i, one := range r.Results {
		file, number := files[0].Path, i
		if i >= 200 {
			file, number = files[1].Path, i-200
		}
		if one.File != file || one.Name != fmt.Sprint("order ", number) || one.Calls != 1 || one.Duration <= 0 || !one.Passed() {
			t.Fatalf("result %d is %+v, want the one of order %d of %s", i, one, number, file)
		}
	}
	if len(r.Results) != 250 || len(r.Coverage) != 2 || r.Coverage[1].Config != filepath.Join("other", "Caddyfile") {
		t.Errorf("got %d results of %d configurations, want 250 of 2", len(r.Results), len(r.Coverage))
	}
}

func TestAConfigurationIsLoadedOnceAndToldOnceWhatIsWrongWithIt(t *testing.T) {
	step := policytest.Step{Expect: policytest.Expect{Outcome: policy.Success}}
	tests := []policytest.Test{{Name: "it", Policy: "store", Steps: []policytest.Step{step}}}
	files := []policytest.File{
		{Path: "a_test.yaml", Tests: tests}, {Path: "b_test.yaml", Tests: tests},
		{Path: "c_test.yaml", Config: "broken", Tests: tests}, {Path: "d_test.yaml", Config: "broken", Tests: tests},
		{Path: "e_test.yaml", Config: "absent", Tests: tests},
	}
	loads := make(map[string]int)
	_, err := policytest.Run(t.Context(), files, func(f policytest.File) (*policy.Spec, error) {
		loads[f.ConfigPath()]++
		spec := store()
		switch f.Config {
		case "absent":
			return nil, os.ErrNotExist
		case "broken":
			spec.Policies[0].Operations[0].Hints[0].When = "vars.nobody"
		}
		return spec, nil
	}, policytest.Options{})
	want := []string{`Caddyfile:23: policy store: operation order_status: hint shipped: `, `e_test.yaml:1: config: loading absent: file does not exist`}
	got := strings.Split(fmt.Sprint(err), "\n")
	if len(got) < len(want) || !strings.HasPrefix(got[0], want[0]) || got[len(got)-1] != want[1] {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for path, n := range loads {
		if n != 1 {
			t.Errorf("%s was loaded %d times", path, n)
		}
	}
}

func TestTenantsOfAFileHaveTheirPlansAndHosts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenants.yaml")
	if err := os.WriteFile(path, []byte("tenants: {acme: {plan: gold, vars: {shop: acme-shop}}, globex: {}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	spec := store()
	spec.TenantsFile, spec.Policies[0].BaseURL = path, "https://{tenant.shop}.example/v2"
	spec.Plans[1].Tenants = nil
	good := answers(200, `{"order":{"status":"shipped"}}`)
	steps := []policytest.Step{
		{Tenant: "acme", Repeat: 150, Given: good, Expect: policytest.Expect{Outcome: policy.Success, Sent: &policytest.Sent{URL: "https://acme-shop.example/v2/orders/12345"}}},
		{Tenant: "globex", Given: good, Expect: policytest.Expect{Outcome: policy.Denied, Status: 403}},
	}
	if got := told(run(t, orders(steps...), spec, policytest.Options{})); len(got) > 0 {
		t.Errorf("got %q, want nothing to be told", got)
	}
	spec.Plans = spec.Plans[:1]
	if _, err := policytest.Run(t.Context(), orders(steps...), loading(spec), policytest.Options{}); err == nil || !strings.Contains(err.Error(), "gold") {
		t.Errorf("got %v, want that the plan gold is not there", err)
	}
}

func TestManyFailuresAreToldOnceEach(t *testing.T) {
	bad := policytest.Step{Repeat: 5, Tenant: "acme", Expect: policytest.Expect{Route: ptr("x")}}
	r := run(t, orders(slices.Repeat([]policytest.Step{bad}, 30)...), store(), policytest.Options{}).Results[0]
	if len(r.Failures) != policytest.MaxFailures || r.Calls != 150 {
		t.Errorf("got %d failures after %d calls, want %d after 150", len(r.Failures), r.Calls, policytest.MaxFailures)
	}
	for i, f := range r.Failures {
		if f.Step != i+1 || f.Repeat != 1 {
			t.Errorf("failure %d is of step %d, call %d", i, f.Step, f.Repeat)
		}
	}
}

func TestAHugeBodyIsToldInPart(t *testing.T) {
	body, err := json.Marshal(strings.Repeat("ü", 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	step := policytest.Step{Given: answers(200, string(body)), Expect: policytest.Expect{Body: &policytest.Body{JSON: json.RawMessage(`1`)}}}
	m := run(t, orders(step), store(), policytest.Options{}).Results[0].Failures[0].Mismatches[0]
	if len(m.Got) > 65<<10 || !strings.HasSuffix(m.Got, "ü…") || m.JSON {
		t.Errorf("got %d bytes that end in %q, JSON %v, want 64 KiB and …", len(m.Got), m.Got[len(m.Got)-8:], m.JSON)
	}
}
