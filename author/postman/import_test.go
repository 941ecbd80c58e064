package postman

import (
	"bytes"
	"context"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

// update writes what is made of the collections in testdata instead of comparing it.
var update = flag.Bool("update", false, "write the files in testdata")

// file reads a file of testdata.
func file(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatalf("reading a file: %v", err)
	}
	return data
}

// imported is what is made of a collection, which has to be good.
func imported(t testing.TB, source string, options Options) *draft.Draft {
	t.Helper()
	d, err := Import([]byte(source), options)
	if err != nil {
		t.Fatalf("importing: %v\n%s", err, source)
	}
	return d
}

// printed is the policy as a Caddyfile, and its tests.
func printed(t testing.TB, d *draft.Draft) (policy, tests string) {
	t.Helper()
	var p, y bytes.Buffer
	if err := d.Caddyfile(&p, false); err != nil {
		t.Fatalf("writing the policy: %v", err)
	}
	if err := d.WriteTests(&y, ""); err != nil {
		t.Fatalf("writing the tests: %v", err)
	}
	return p.String(), y.String()
}

// run runs policy tests on a drafted policy.
func run(t testing.TB, d *draft.Draft, tests []policytest.Test) *policytest.Report {
	t.Helper()
	files := []policytest.File{{Path: "made_test.yaml", Policy: d.Policy.Name, Tests: tests}}
	load := func(policytest.File) (*policy.Spec, error) {
		return &policy.Spec{Policies: []policy.PolicySpec{d.Policy}}, nil
	}
	report, err := policytest.Run(context.Background(), files, load, policytest.Options{})
	if err != nil {
		t.Fatalf("running tests: %v", err)
	}
	for _, r := range report.Results {
		for _, f := range r.Failures {
			t.Errorf("%s: %+v", r.Name, f.Mismatches)
		}
		if r.Stopped != "" {
			t.Errorf("%s: %s", r.Name, r.Stopped)
		}
	}
	return report
}

func TestACollectionBecomesAPolicyWithItsTests(t *testing.T) {
	for _, name := range []string{"shop", "desk_v20"} {
		d := imported(t, string(file(t, name+".json")), Options{File: name + ".json"})
		caddyfile, tests := printed(t, d)
		for path, got := range map[string]string{name + ".caddyfile": caddyfile, name + ".tests.yaml": tests} {
			if *update {
				if err := os.WriteFile("testdata/"+path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if want := string(file(t, path)); got != want {
				t.Errorf("%s.json became, in testdata/%s\n%s\nwant\n%s", name, path, got, want)
			}
		}
		if report := run(t, d, d.Tests); report.Coverage[0].Reached != report.Coverage[0].Total {
			t.Errorf("%s.json: the tests reach these branches: %+v", name, report.Coverage[0].Branches)
		}
	}
}

func TestWhatACollectionSendsTheOperationSends(t *testing.T) {
	d := imported(t, string(file(t, "shop.json")), Options{})
	f, err := policytest.Read("testdata/sent.tests.yaml")
	if err != nil {
		t.Fatal(err)
	}
	run(t, d, f.Tests)
}

func TestEveryWarningNamesWhatWasLeftOut(t *testing.T) {
	d := imported(t, string(file(t, "shop.json")), Options{})
	for _, want := range []string{
		"1 request to https://status.teashop.example: a policy has one host",
		`"Tickets / Upload": its body is multipart/form-data`,
		"create_ticket is called with the credentials of the policy, but the collection sends others (header X-Desk-Key)",
		"2 scripts: nothing of a collection is run",
	} {
		if !strings.Contains(strings.Join(d.Warnings, "\n"), want) {
			t.Errorf("the warnings are\n%s\nwant one with %q", strings.Join(d.Warnings, "\n"), want)
		}
	}
	if len(d.Warnings) != 4 {
		t.Errorf("there are %d warnings, want 4:\n%s", len(d.Warnings), strings.Join(d.Warnings, "\n"))
	}
}
