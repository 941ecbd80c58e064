// Package policytest reads, runs, writes and reports tests of policies: YAML files
// beside a configuration that say what a third party does with a call, and what the
// policy must make of it.
//
// It exists so that the author of a policy can prove, before it goes live, that every
// branch of it works. A test runs the gateway's own engine on a stage: no model of a
// policy could drift away from what the gateway does. All that is wrong with tests is
// told at once, with its places, before any runs; then thousands run in a second,
// each in a virtual time of its own.
//
//	file.go      what tests may say, the model that all parts share
//	read*.go     from YAML to the model, or to all that is wrong with it
//	encode*.go   from the model to YAML; append.go, beside what a file holds already
//	find.go      the files of tests in folders
//	config.go    the configurations that are tested; target.go, what a test calls
//	sample.go    values for inputs that a test leaves out; pattern.go, of a regular
//	             expression
//	plan.go      from tests to calls, or to what keeps them from running
//	run.go       the calls, and compare.go, what came of them; same.go, JSON by value
//	coverage.go  which branches the tests took
//	result.go    what became of tests, and report*.go, the same for people and programs
//	watch.go     again, whenever a file changes
package policytest
