package policytest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/signpost-gateway/signpost/author/terminal"
)

// The elements of JUnit's reports, as CI systems read them.
type (
	junitReport struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
		took     time.Duration
	}
	junitCase struct {
		Name      string          `xml:"name,attr"`
		ClassName string          `xml:"classname,attr"`
		File      string          `xml:"file,attr"`
		Line      int             `xml:"line,attr"`
		Time      string          `xml:"time,attr"`
		Failures  []junitProblem  `xml:"failure"`
		Error     *junitProblem   `xml:"error"`
		SystemOut *junitSystemOut `xml:"system-out"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	junitSystemOut struct {
		Text string `xml:",chardata"`
	}
)

// WriteJUnit writes a report as the XML of JUnit that CI systems read: a suite for
// each file, a failure for each call that did not come to what was expected, an
// error where a test was stopped, and why each branch was taken as what the test
// printed. Characters that XML cannot hold are escaped.
func WriteJUnit(w io.Writer, r *Report) error {
	report := junitReport{Name: "policy tests", Tests: len(r.Results), Time: seconds(r.Duration)}
	for i := range r.Results {
		result := &r.Results[i]
		if last := len(report.Suites) - 1; last < 0 || report.Suites[last].Name != safeXML(result.File) {
			report.Suites = append(report.Suites, junitSuite{Name: safeXML(result.File)})
		}
		suite := &report.Suites[len(report.Suites)-1]
		test := junitTest(result)
		suite.Cases = append(suite.Cases, test)
		suite.Tests++
		suite.took += result.Duration
		switch {
		case test.Error != nil:
			suite.Errors++
			report.Errors++
		case len(test.Failures) > 0:
			suite.Failures++
			report.Failures++
		}
	}
	for i := range report.Suites {
		report.Suites[i].Time = seconds(report.Suites[i].took)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("writing the JUnit report: %w", err)
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(report); err != nil {
		return fmt.Errorf("writing the JUnit report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	if err != nil {
		return fmt.Errorf("writing the JUnit report: %w", err)
	}
	return nil
}

// junitTest tells of one test.
func junitTest(r *Result) junitCase {
	test := junitCase{
		Name: safeXML(r.Name), ClassName: safeXML(strings.TrimSuffix(r.Label, "/"+r.Name)),
		File: safeXML(r.File), Line: r.Place.Line, Time: seconds(r.Duration),
	}
	if r.Stopped != "" {
		test.Error = &junitProblem{Message: safeXML(r.Stopped), Type: "stopped", Text: safeXML(r.Stopped)}
	}
	var out strings.Builder
	var plain printer
	for i := range r.Failures {
		f := &r.Failures[i]
		test.Failures = append(test.Failures, junitFailure(f))
		out.WriteString(whichCall(f) + "\n")
		for _, line := range why(f) {
			out.WriteString("  " + plain.reason(line) + "\n")
		}
	}
	if out.Len() > 0 {
		test.SystemOut = &junitSystemOut{Text: safeXML(out.String())}
	}
	return test
}

// junitFailure tells of one call.
func junitFailure(f *Failure) junitProblem {
	var names []string
	var text strings.Builder
	fmt.Fprintf(&text, "%v: %s\n", f.Place, whichCall(f))
	for i := range f.Mismatches {
		m := &f.Mismatches[i]
		names = append(names, m.What)
		fmt.Fprintf(&text, "%s\n  got   %s\n  want  %s\n", m.What, m.Got, m.Want)
	}
	first := f.Mismatches[0]
	got, want := window(first.Got, first.Want)
	message := fmt.Sprintf("%s: got %s, want %s", first.What, got, want)
	if len(names) > 1 {
		message += fmt.Sprintf(" (and %s)", strings.Join(names[1:], ", "))
	}
	return junitProblem{Message: safeXML(message), Type: "expectation", Text: safeXML(text.String())}
}

// safeXML escapes what XML cannot hold.
func safeXML(text string) string { return terminal.SafeText(text) }

// seconds writes a duration as JUnit does.
func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 6, 64) }
