package policytest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signpost-gateway/signpost/author/stage"
	"github.com/signpost-gateway/signpost/policy"
)

// Options say which tests run, and how. The zero value runs all.
type Options struct {
	// Match chooses the tests of whose Label some part matches: what the test calls,
	// a slash and its name, "store.order_status/a shipped order", or without an
	// operation "store/any other call". Default: all.
	Match *regexp.Regexp

	// WholeConfigurations counts the branches of policies that no test names, too.
	// Default: those of policies that the tests name, whether they ran or not.
	WholeConfigurations bool

	// Longest is how long one test may take really before it is stopped. Default and
	// bound: 10s.
	Longest time.Duration
}

// maxReal is how long one test may take really.
const maxReal = 10 * time.Second

// Run runs the tests of files, each in a virtual time and with limits, breakers and
// stale answers of its own, as many at once as there are processors. load gives the
// configuration of a file, once for each path and adapter; it is called by one
// goroutine at a time, and its Spec is not changed.
//
// The error tells all that keeps tests from running, before any has: policy.Mistakes
// with their places where configurations or tests are at fault. A test that fails is
// no error. Run gives ctx's error when that ends.
func Run(ctx context.Context, files []File, load func(File) (*policy.Spec, error), o Options) (*Report, error) {
	began := time.Now()
	cs := configs{load: load, known: make(map[string]*config)}
	jobs, err := plan(files, &cs, o)
	if err != nil {
		return nil, err
	}
	report := &Report{Results: make([]Result, len(jobs))}
	tallies := make([]branches, len(jobs))
	longest := o.Longest
	if longest <= 0 || longest > maxReal {
		longest = maxReal
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(jobs)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(jobs) {
					return
				}
				report.Results[i], tallies[i] = jobs[i].run(ctx, longest)
			}
		})
	}
	workers.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	report.Coverage = coverage(cs.all, jobs, tallies, o.WholeConfigurations)
	report.Duration = time.Since(began)
	return report, nil
}

// plan makes all tests ready that are to run, or tells all that is wrong with any.
func plan(files []File, cs *configs, o Options) ([]job, error) {
	var p planner
	var errs []error
	var jobs []job
	for i := range files {
		f := &files[i]
		c, err := cs.of(f)
		if err != nil {
			if mistakes, placed := errors.AsType[policy.Mistakes](err); placed {
				p.mistakes = append(p.mistakes, mistakes...)
			} else {
				errs = append(errs, err)
			}
		}
		if c == nil {
			continue // What is wrong with it has been told.
		}
		for k := range f.Tests {
			j := p.job(f, &f.Tests[k], c)
			if o.Match == nil || o.Match.MatchString(j.label) {
				jobs = append(jobs, j)
			}
		}
	}
	switch {
	case len(p.mistakes) == 0:
		return jobs, errors.Join(errs...)
	case len(errs) == 0:
		return nil, p.mistakes
	}
	return nil, errors.Join(append(errs, p.mistakes)...)
}

// branches are those that a test took.
type branches map[policy.Branch]bool

// run makes the calls of a test and compares what comes of them.
func (j *job) run(ctx context.Context, longest time.Duration) (Result, branches) {
	r := Result{File: j.file.Path, Name: j.test.Name, Label: j.label, Place: j.test.Place}
	taken := make(branches)
	// A context or a timer of the outside would keep virtual time from passing for
	// whoever waits for it inside, so that a test is asked to stop between its calls.
	var stopped atomic.Bool
	late := time.AfterFunc(longest, func() { stopped.Store(true) })
	defer late.Stop()
	defer context.AfterFunc(ctx, func() { stopped.Store(true) })()
	began := time.Now()
	if err := stage.Run(func() { j.play(&r, taken, &stopped) }); err != nil {
		r.Stopped = err.Error()
	}
	r.Duration = time.Since(began)
	if stopped.Load() && r.Stopped == "" && r.Calls < j.planned() {
		r.Stopped = fmt.Sprintf("the test was stopped after %s and %d of its %d calls: expected fewer calls, or smaller answers", longest, r.Calls, j.planned())
	}
	return r, taken
}

// planned is how many calls the test makes.
func (j *job) planned() int {
	calls := 0
	for i := range j.test.Steps {
		calls += max(1, j.test.Steps[i].Repeat)
	}
	return calls
}

// play makes the calls, inside of virtual time.
func (j *job) play(r *Result, taken branches, stopped *atomic.Bool) {
	s, err := stage.New(j.config.spec, j.stage)
	if err != nil {
		r.Stopped = err.Error() // Not reached: the whole of it was compiled.
		return
	}
	for i := range j.calls {
		step := &j.test.Steps[i]
		time.Sleep(step.Wait)
		j.calls[i].Took = func(b policy.Branch) { taken[b] = true }
		failed := false
		for n := 1; n <= max(1, step.Repeat); n++ {
			if stopped.Load() {
				return
			}
			played := s.Play(j.calls[i])
			r.Calls++
			if failed || len(r.Failures) == MaxFailures {
				continue
			}
			if wrong := compare(&step.Expect, &played); len(wrong) > 0 {
				failed = true
				r.Failures = append(r.Failures, Failure{
					Step: i + 1, Repeat: n, Place: place(j.file, j.test, step, step.Expect.Place), Mismatches: wrong, Entry: played.Entry,
				})
			}
		}
	}
}
