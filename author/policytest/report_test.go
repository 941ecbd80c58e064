package policytest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy"
)

// reported runs tests of the store, of which some fail, with times that are fixed.
func reported(t testing.TB) *policytest.Report {
	t.Helper()
	path := writeFile(t, t.TempDir(), "store_test.yaml", `policy: store
operation: order_status
tests:
  - name: a shipped order
    given: {body: {order: {status: shipped}}}
    expect: {route: shipped, vars: {eta: unknown}}
  - name: a lost order
    given: {body: {order: {status: lost, eta: "2026-11-20"}}}
    expect: {route: shipped, vars: {status: {a: [1, 2]}}, body: {order: {status: shipped, eta: "2026-11-20"}}}
  - name: down twice
    steps:
      - repeat: 3
        given: {status: 404}
        expect: {route: not_found}
      - given: {outcome: timeout}
        expect: {fallback: none, reason: "\e[31mred"}
`)
	f, err := policytest.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	report, err := policytest.Run(context.Background(), []policytest.File{*f}, func(policytest.File) (*policy.Spec, error) { return store(), nil }, policytest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report.Duration = 31 * time.Millisecond
	report.Coverage[0].Config = "Caddyfile"
	for i := range report.Results {
		r := &report.Results[i]
		r.Duration, r.File, r.Place.File = 1500*time.Microsecond, "store_test.yaml", "store_test.yaml"
		for j := range r.Failures {
			r.Failures[j].Place.File = "store_test.yaml"
		}
	}
	return report
}

func TestAFailedTestTellsGotAndWantAndWhy(t *testing.T) {
	const want = `ok store_test.yaml:4: a shipped order (1 ms)
store_test.yaml:7: a lost order
  line 9:
    route        got   something_else
                 want  shipped
    vars.status  got   "lost"
                 want  {"a":[1,2]}
    body         got   {"order":{"eta":"2026-11-20","status":"lost"}}
                 want  {"order":{"eta":"2026-11-20","status":"shipped"}}
    store.order_status: success, route something_else, continue
    asked, in order:
      ✗ ` + "`hint shipped vars.status == \"shipped\"`" + ` does not hold: vars.status was "lost", which is not "shipped".
      ✗ ` + "`hint not_found status == 404`" + ` does not hold: status was 200, which is not 404.
        So the branch is something_else: no hint held, and ` + "`otherwise`" + ` names it for that.
        Signpost-Next is continue: the call succeeded.

store_test.yaml:10: down twice
  step 2, line 16:
    fallback  got   static
              want  none
    reason    got   The third party did not answer within 4s.
              want  \x1b[31mred
`
	var got strings.Builder
	if err := (policytest.Text{Verbose: true, Coverage: true}).Write(&got, reported(t)); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got.String(), want) {
		t.Errorf("got\n%s\nwant\n%s…", got.String(), want)
	}
	const last = "\nFAILED 3 tests, 2 failed, 31 ms\ncoverage 100 % (5 of 5 branches) of Caddyfile\n"
	if !strings.HasSuffix(got.String(), last) {
		t.Errorf("got\n%s\nwant the end\n%s", got.String(), last)
	}
}

// text is the report as it is printed.
func printed(t testing.TB, how policytest.Text, r *policytest.Report) string {
	t.Helper()
	var b strings.Builder
	if err := how.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestABranchThatNoTestReachedIsListed(t *testing.T) {
	report := &policytest.Report{
		Results: []policytest.Result{{Name: "a"}},
		Coverage: []policytest.Coverage{
			{Config: "Caddyfile", Reached: 2, Total: 3, Branches: []policytest.Covered{
				{Branch: policy.Branch{Policy: "store", Operation: "order_status", Text: `hint preparing vars.status in ["paid"]`, Place: line(12)}},
				{Branch: policy.Branch{Policy: "store", Text: "otherwise lost", Place: line(14)}, Tests: 3},
				{Branch: policy.Branch{Policy: "crm", Text: "fallback\x1b"}, Tests: 0},
			}},
			{Config: "large", Reached: 1999, Total: 2000},
			{Config: "none"},
		},
	}
	const want = `Caddyfile:12: store.order_status: hint preparing vars.status in ["paid"]: no test reached it
crm: fallback\x1b: no test reached it
ok 1 test, 0 failed, 0 µs
coverage 66.6 % (2 of 3 branches) of Caddyfile: expected at least 90 %
coverage 99.9 % (1999 of 2000 branches) of large
coverage 100 % (0 of 0 branches) of none
`
	if got := printed(t, policytest.Text{Coverage: true, Threshold: 90}, report); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for threshold, want := range map[float64]int{0: 0, 66: 0, 67: 1, 100: 2} {
		if got := len(report.Below(threshold)); got != want {
			t.Errorf("%d configurations are below %v %%, want %d", got, threshold, want)
		}
	}
}

func TestColoursStandAroundTheWordsOnly(t *testing.T) {
	report := reported(t)
	plain := printed(t, policytest.Text{Diff: true, Verbose: true, Coverage: true}, report)
	coloured := printed(t, policytest.Text{Diff: true, Verbose: true, Coverage: true, Style: terminal.Coloured()}, report)
	if coloured == plain || !strings.Contains(coloured, "\x1b[31msomething_else\x1b[0m") {
		t.Errorf("got no colours in %q", coloured)
	}
	for _, code := range []string{"0", "1", "2", "31", "32", "33", "36"} {
		coloured = strings.ReplaceAll(coloured, "\x1b["+code+"m", "")
	}
	if coloured != plain {
		t.Errorf("got\n%q without the colours, want\n%q", coloured, plain)
	}
}

func TestADiffShowsWhatDiffersLineByLine(t *testing.T) {
	report := &policytest.Report{Results: []policytest.Result{{Name: "a", Failures: []policytest.Failure{{Step: 1, Repeat: 7, Mismatches: []policytest.Mismatch{
		{What: "body", Got: `{"a":1,"b":[1,2]}`, Want: `{"a":1,"b":[1,3]}`, JSON: true},
		{What: "body", Got: "one\ntwo", Want: "one\nthree\x1b"},
		{What: "vars.status", Got: `"a"`, Want: `"b"`, JSON: true},
		{What: "route", Got: "a", Want: "b"},
	}}}}}}
	const want = `:0: a
  line 0, call 7 of it:
    body       
      --- want
      +++ got
      @@ -2,6 +2,6 @@
         "a": 1,
         "b": [
           1,
      -    3
      +    2
         ]
       }
    body       
      --- want
      +++ got
      @@ -1,2 +1,2 @@
       one
      -three\x1b
      +two
    vars.status  got   "a"
                 want  "b"
    route        got   a
                 want  b
    The call came to no end.
`
	if got := printed(t, policytest.Text{Diff: true}, report); !strings.HasPrefix(strings.TrimPrefix(got, ":0"), strings.TrimPrefix(want, ":0")) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestLongValuesAreShownWhereTheyDiffer(t *testing.T) {
	long := strings.Repeat("é", 1000)
	report := &policytest.Report{Results: []policytest.Result{{Name: "a", Failures: []policytest.Failure{{Mismatches: []policytest.Mismatch{
		{What: "body", Got: long + "X" + long, Want: long + "Y"},
	}}}}}}
	got := printed(t, policytest.Text{}, report)
	before := "…" + strings.Repeat("é", 60)
	if !strings.Contains(got, "got   "+before+"X"+strings.Repeat("é", 139)+"…\n") || !strings.Contains(got, "want  "+before+"Y\n") {
		t.Errorf("got\n%s\nwant the parts around X and Y", got)
	}
}

func TestAStoppedTestSaysWhy(t *testing.T) {
	report := &policytest.Report{Results: []policytest.Result{{Name: "a", Place: line(3), Stopped: "stopped after 10s\x1b"}}}
	if got := printed(t, policytest.Text{}, report); !strings.HasPrefix(got, "Caddyfile:3: a\n  stopped after 10s\\x1b\n\nFAILED 1 test, 1 failed") {
		t.Errorf("got\n%s\nwant why it was stopped", got)
	}
}

func TestTheJUnitReportIsWhatCISystemsRead(t *testing.T) {
	report := reported(t)
	report.Results = append(report.Results, policytest.Result{File: "b_test.yaml", Name: "b \x00<&>\x1b", Label: "store.b/b \x00<&>\x1b", Stopped: "stopped ]]>"})
	var b bytes.Buffer
	if err := policytest.WriteJUnit(&b, report); err != nil {
		t.Fatal(err)
	}
	type problem struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	var got struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Name  string `xml:"name,attr"`
			Tests int    `xml:"tests,attr"`
			Time  string `xml:"time,attr"`
			Cases []struct {
				Name     string    `xml:"name,attr"`
				Class    string    `xml:"classname,attr"`
				Line     int       `xml:"line,attr"`
				Failures []problem `xml:"failure"`
				Errors   []problem `xml:"error"`
				Out      string    `xml:"system-out"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	if got.Tests != 4 || got.Failures != 2 || got.Errors != 1 || len(got.Suites) != 2 || got.Suites[0].Tests != 3 || got.Suites[0].Time != "0.004500" {
		t.Errorf("got %+v of\n%s\nwant 4 tests in 2 suites, 2 failures and 1 error", got, b.String())
	}
	cases := got.Suites[0].Cases
	if len(cases[0].Failures) != 0 || cases[0].Out != "" || cases[1].Class != "store.order_status" || cases[1].Line != 7 {
		t.Errorf("got %+v, want the first to pass and the second in line 7", cases)
	}
	if f := cases[1].Failures; len(f) != 1 || f[0].Message != "route: got something_else, want shipped (and vars.status, body)" || !strings.Contains(f[0].Text, "want  {\"a\":[1,2]}") {
		t.Errorf("got %+v, want what was got and wanted", f)
	}
	if !strings.Contains(cases[1].Out, "✗ `hint shipped vars.status == \"shipped\"` does not hold: vars.status was \"lost\"") {
		t.Errorf("got %q, want each hint", cases[1].Out)
	}
	if f := cases[2].Failures; len(f) != 1 || !strings.Contains(f[0].Text, `want  \x1b[31mred`) {
		t.Errorf("got %+v, want control characters escaped", f)
	}
	if last := got.Suites[1].Cases[0]; last.Name != `b \x00<&>\x1b` || last.Class != "store.b" || len(last.Errors) != 1 || last.Errors[0].Message != "stopped ]]>" {
		t.Errorf("got %+v, want an error and a name that XML can hold", last)
	}
}

func TestTheJSONReportIsForPrograms(t *testing.T) {
	var b bytes.Buffer
	report := reported(t)
	report.Results[2].Failures[0].Mismatches[0].Got = policytest.Nothing
	if err := policytest.WriteJSON(&b, report); err != nil {
		t.Fatal(err)
	}
	var got policytest.ReportJSON
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	if got.Passed != 1 || got.Failed != 2 || got.DurationMS != 31 || len(got.Tests) != 3 || got.Tests[0].DurationMS != 1.5 || got.Tests[2].Calls != 4 {
		t.Errorf("got %+v, want 1 passed and 2 failed", got)
	}
	failure := got.Tests[1].Failures[0]
	if failure.Call == nil || len(failure.Call.Hints) != 2 || failure.Line != 9 || got.Tests[1].Label != "store.order_status/a lost order" {
		t.Errorf("got %+v, want the call with its hints", failure)
	}
	if m := failure.Mismatches; m[0].Got != "something_else" || m[1].Got != "lost" || asJSON(t, m[1].Want) != asJSON(t, map[string]any{"a": []int{1, 2}}) {
		t.Errorf("got %+v, want texts and JSON", m)
	}
	if m := got.Tests[2].Failures[0].Mismatches[0]; m.Got != nil || m.Want != "none" {
		t.Errorf("got %+v, want null for nothing", m)
	}
	if c := got.Coverage[0]; c.Percent != 100 || c.Total != 5 || len(c.Branches) != 5 || c.Branches[0].Tests == 0 || c.Branches[0].File != "Caddyfile" {
		t.Errorf("got %+v, want 5 branches", c)
	}
}

func TestAReportThatCannotBeWrittenIsAnError(t *testing.T) {
	broken := errors.New("the disk is full")
	for name, write := range map[string]func(io.Writer, *policytest.Report) error{
		"text": policytest.Text{}.Write, "junit": policytest.WriteJUnit, "json": policytest.WriteJSON,
	} {
		if err := write(failing{broken}, reported(t)); !errors.Is(err, broken) {
			t.Errorf("%s: got %v, want %v", name, err, broken)
		}
	}
}

// failing is a writer that cannot write.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
