package policytest

import (
	"path/filepath"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// Report is what became of tests.
type Report struct {
	// Results are those of all tests that ran, in the order of files and tests.
	Results []Result

	// Coverage tells of each configuration, in the order in which files name them,
	// which branches the tests took.
	Coverage []Coverage

	// Duration is how long all of it took.
	Duration time.Duration
}

// Failed is how many tests failed.
func (r *Report) Failed() int {
	failed := 0
	for i := range r.Results {
		if !r.Results[i].Passed() {
			failed++
		}
	}
	return failed
}

// Result is what became of one test.
type Result struct {
	// File is the path of the test's file, and Name the test's own name.
	File, Name string

	// Label is what Options.Match is held against: what the test calls, a slash and
	// its name, "store.order_status/a shipped order".
	Label string

	// Place is where the test stands.
	Place policy.Place

	// Duration is how long the test took really, and Calls how many it made.
	Duration time.Duration
	Calls    int

	// Failures are the calls that did not come to what was expected, at most
	// MaxFailures. Of a repeated step it is the first one.
	Failures []Failure

	// Stopped says why the test did not run to its end, or is empty.
	Stopped string
}

// Passed tells whether everything came to what was expected.
func (r *Result) Passed() bool { return len(r.Failures) == 0 && r.Stopped == "" }

// Failure is one call that did not come to what was expected.
type Failure struct {
	// Step is the number of the step in its test, and Repeat that of the call in
	// its step, both from 1.
	Step, Repeat int

	// Place is where the step's expectations stand, else the step.
	Place policy.Place

	// Mismatches are the expectations that were not met, at least one.
	Mismatches []Mismatch

	// Entry is the call as the call log would keep it: outcome, reason, the hints
	// that were asked, in order, each with its result and what it read. It is nil
	// only where the call came to no end.
	Entry *calllog.Entry
}

// Mismatch is one expectation that was not met.
type Mismatch struct {
	// What names the expectation as a test writes it: "route", "vars.status",
	// "sent.headers.Authorization".
	What string

	// Got and Want are texts, or JSON in one line with sorted names where JSON says
	// so. Got is Nothing where there is none.
	Got, Want string
	JSON      bool
}

// Nothing is what is told of a value that is not there. As it is no JSON, it cannot
// be taken for one.
const Nothing = "(nothing)"

// MaxFailures bounds the failures that are told of one test.
const MaxFailures = 10

// Coverage tells which branches of a configuration tests took.
type Coverage struct {
	// Config is the path of the configuration.
	Config string

	// Branches are all that count: each hint, which has to hold once; `otherwise`,
	// or where there is none the outcome's own route; each default of an
	// extraction; each fallback. They stand in the order of files and lines.
	Branches []Covered

	// Reached is how many of them a test took, and Total how many there are.
	Reached, Total int
}

// Covered is a branch, and how many tests took it.
type Covered struct {
	policy.Branch
	Tests int
}

// Percent is the share of branches that tests took. Where there are none it is 100.
func (c *Coverage) Percent() float64 {
	if c.Total == 0 {
		return 100
	}
	return 100 * float64(c.Reached) / float64(c.Total)
}

// ConfigPath is the path of the configuration that the file tests.
func (f *File) ConfigPath() string {
	switch {
	case f.Config == "":
		return filepath.Join(filepath.Dir(f.Path), "Caddyfile")
	case filepath.IsAbs(f.Config):
		return f.Config
	}
	return filepath.Join(filepath.Dir(f.Path), f.Config)
}
