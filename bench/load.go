package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// load is how wrk loads a gateway.
type load struct {
	threads, connections int
	length               time.Duration
}

// loaded is what wrk says of one run.
type loaded struct {
	calls  int
	rate   float64 // calls a second
	median time.Duration
	p99    time.Duration
}

// findWrk fails where the load generator is missing.
func findWrk() error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return errors.New("wrk, the load generator, is missing: apt-get install wrk (Debian, Ubuntu), brew install wrk (macOS)")
	}
	return nil
}

// run loads the address and waits for the end.
func (l load) run(ctx context.Context, url string) (loaded, error) {
	cmd := exec.CommandContext(ctx, "wrk",
		"-t", strconv.Itoa(l.threads),
		"-c", strconv.Itoa(l.connections),
		"-d", fmt.Sprintf("%ds", int(l.length.Seconds())),
		"--latency",
		"-H", "X-Tenant-ID: "+tenant,
		url)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return loaded{}, fmt.Errorf("running wrk: %w: %s", err, out)
	}
	return parseWrk(string(out))
}

// The lines of wrk's report that are read. Numbers have a unit glued to them.
var (
	wrkCalls  = regexp.MustCompile(`(?m)^\s*(\d+) requests in `)
	wrkRate   = regexp.MustCompile(`(?m)^Requests/sec:\s+([\d.]+)`)
	wrkMedian = regexp.MustCompile(`(?m)^\s+50%\s+([\d.]+)(us|ms|s|m|h)\b`)
	wrkP99    = regexp.MustCompile(`(?m)^\s+99%\s+([\d.]+)(us|ms|s|m|h)\b`)
	wrkBad    = regexp.MustCompile(`(?m)^\s*(Socket errors:.*|Non-2xx or 3xx responses:.*)`)
)

// parseWrk reads the report of `wrk --latency`. A run in which any call failed
// measures something else, and is an error.
func parseWrk(report string) (loaded, error) {
	if bad := wrkBad.FindStringSubmatch(report); bad != nil {
		return loaded{}, fmt.Errorf("calls failed under load: %s", bad[1])
	}
	var l loaded
	var err error
	calls, rate := wrkCalls.FindStringSubmatch(report), wrkRate.FindStringSubmatch(report)
	if calls == nil || rate == nil {
		return l, fmt.Errorf("reading wrk's report: no count of requests in %q", report)
	}
	if l.calls, err = strconv.Atoi(calls[1]); err != nil || l.calls == 0 {
		return l, fmt.Errorf("reading wrk's report: %q requests", calls[1])
	}
	if l.rate, err = strconv.ParseFloat(rate[1], 64); err != nil {
		return l, fmt.Errorf("reading wrk's report: %w", err)
	}
	if l.median, err = wrkLatency(wrkMedian, report); err != nil {
		return l, err
	}
	l.p99, err = wrkLatency(wrkP99, report)
	return l, err
}

// wrkLatency reads one line of the latency distribution.
func wrkLatency(line *regexp.Regexp, report string) (time.Duration, error) {
	found := line.FindStringSubmatch(report)
	if found == nil {
		return 0, fmt.Errorf("reading wrk's report: no latencies in %q", report)
	}
	latency, err := time.ParseDuration(found[1] + found[2])
	if err != nil {
		return 0, fmt.Errorf("reading wrk's report: %w", err)
	}
	return latency, nil
}
