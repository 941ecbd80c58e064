package policytest

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// ReportJSON is a report for programs.
type ReportJSON struct {
	// Passed and Failed are how many tests did.
	Passed int `json:"passed"`
	Failed int `json:"failed"`

	// DurationMS is how long all of it took, in milliseconds.
	DurationMS float64 `json:"duration_ms"`

	// Tests are all that ran, in the order of files and tests.
	Tests []TestJSON `json:"tests"`

	// Coverage tells of each configuration.
	Coverage []CoverageJSON `json:"coverage"`
}

// TestJSON is a test.
type TestJSON struct {
	// File and Line are where the test stands, Name is its own, and Label what
	// `--run` is held against.
	File  string `json:"file"`
	Line  int    `json:"line"`
	Name  string `json:"name"`
	Label string `json:"label"`

	Passed     bool    `json:"passed"`
	DurationMS float64 `json:"duration_ms"`

	// Calls is how many calls it made.
	Calls int `json:"calls"`

	// Stopped says why it did not run to its end, or is empty.
	Stopped string `json:"stopped"`

	Failures []FailureJSON `json:"failures"`
}

// FailureJSON is a call that did not come to what was expected.
type FailureJSON struct {
	// Step and Repeat number the call, from 1, and Line is where its expectations
	// stand.
	Step   int `json:"step"`
	Repeat int `json:"repeat"`
	Line   int `json:"line"`

	Mismatches []MismatchJSON `json:"mismatches"`

	// Call is the call as the call log tells of it, with the hints that were asked;
	// null where it came to no end.
	Call *calllog.Detail `json:"call"`
}

// MismatchJSON is an expectation that was not met.
type MismatchJSON struct {
	// What names it as a test writes it: "vars.status".
	What string `json:"what"`

	// Got and Want are JSON values where both are, else strings, and null where there
	// is nothing.
	Got  any `json:"got"`
	Want any `json:"want"`
}

// CoverageJSON tells which branches of a configuration tests took.
type CoverageJSON struct {
	Config  string  `json:"config"`
	Percent float64 `json:"percent"`
	Reached int     `json:"reached"`
	Total   int     `json:"total"`

	Branches []BranchJSON `json:"branches"`
}

// BranchJSON is a branch.
type BranchJSON struct {
	Policy    string            `json:"policy"`
	Operation string            `json:"operation"` // Empty where it is the policy's.
	Kind      policy.BranchKind `json:"kind"`
	Name      string            `json:"name"` // The route, or the variable.
	Text      string            `json:"text"`
	File      string            `json:"file"`
	Line      int               `json:"line"`

	// Tests is how many tests took it.
	Tests int `json:"tests"`
}

// WriteJSON writes a report as a ReportJSON.
func WriteJSON(w io.Writer, r *Report) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r.JSON()); err != nil {
		return fmt.Errorf("writing the JSON report: %w", err)
	}
	return nil
}

// JSON gives the report for programs.
func (r *Report) JSON() ReportJSON {
	failed := r.Failed()
	report := ReportJSON{
		Passed: len(r.Results) - failed, Failed: failed, DurationMS: millis(r.Duration),
		Tests: make([]TestJSON, 0, len(r.Results)), Coverage: make([]CoverageJSON, 0, len(r.Coverage)),
	}
	for i := range r.Results {
		report.Tests = append(report.Tests, r.Results[i].json())
	}
	for i := range r.Coverage {
		report.Coverage = append(report.Coverage, r.Coverage[i].json())
	}
	return report
}

// millis gives milliseconds to the microsecond.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

func (r *Result) json() TestJSON {
	test := TestJSON{
		File: r.File, Line: r.Place.Line, Name: r.Name, Label: r.Label,
		Passed: r.Passed(), DurationMS: millis(r.Duration), Calls: r.Calls, Stopped: r.Stopped,
		Failures: make([]FailureJSON, 0, len(r.Failures)),
	}
	for i := range r.Failures {
		f := &r.Failures[i]
		failure := FailureJSON{Step: f.Step, Repeat: f.Repeat, Line: f.Place.Line, Mismatches: make([]MismatchJSON, 0, len(f.Mismatches))}
		if f.Entry != nil {
			detail := f.Entry.Detail()
			failure.Call = &detail
		}
		for _, m := range f.Mismatches {
			failure.Mismatches = append(failure.Mismatches, MismatchJSON{What: m.What, Got: m.value(m.Got), Want: m.value(m.Want)})
		}
		test.Failures = append(test.Failures, failure)
	}
	return test
}

// value gives one side as JSON.
func (m *Mismatch) value(text string) any {
	switch {
	case text == Nothing:
		return nil
	case m.JSON && json.Valid([]byte(text)):
		return json.RawMessage(text)
	}
	return text
}

func (c *Coverage) json() CoverageJSON {
	coverage := CoverageJSON{
		Config: c.Config, Percent: c.Percent(), Reached: c.Reached, Total: c.Total,
		Branches: make([]BranchJSON, 0, len(c.Branches)),
	}
	for _, b := range c.Branches {
		coverage.Branches = append(coverage.Branches, BranchJSON{
			Policy: b.Policy, Operation: b.Operation, Kind: b.Kind, Name: b.Name, Text: b.Text,
			File: b.Place.File, Line: b.Place.Line, Tests: b.Tests,
		})
	}
	return coverage
}
