package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// shareLimit is the limit of a tenant that sidecars share in the second part.
var shareLimit = limit{calls: 1000, window: 2 * time.Second}

const (
	// shareSpans is for how many windows they are asked for more than that.
	shareSpans = 3

	// overDemand is how much more, taken together.
	overDemand = 2

	// leastDemand is how much more it must have been, or nothing is shown.
	leastDemand = 1.25
)

// shareSizes are how many sidecars share the limit.
var shareSizes = []int{1, 2, 4, 8}

// shareVariants are the Caddyfiles of the sidecars, and what they are called.
var shareVariants = []struct{ name, caddyfile string }{
	{"redis", "limited"},
	{"leases", "limited-leases"},
}

// limit is a rate limit.
type limit struct {
	calls  int
	window time.Duration
}

// String gives it as the Caddyfile has it.
func (l limit) String() string { return fmt.Sprintf("%d/%s", l.calls, l.window) }

// share is what a number of sidecars made of the limit that they share, over what
// it allows.
type share struct {
	asked   float64 // calls that bots made
	mean    float64 // calls let out in a span of the window's length, of all spans
	fullest float64 // and of the fullest of them
}

// measureShares has each number of sidecars, of each variant, share the limit
// while bots ask for more, on behalf of a tenant of their own. It fails where
// more than the limit allows was let out in any span.
func (f *fleet) measureShares(ctx context.Context, progress io.Writer) ([]share, error) {
	var all []share
	for _, variant := range shareVariants {
		shares, err := f.measureVariant(ctx, variant.name, variant.caddyfile, progress)
		if err != nil {
			return nil, fmt.Errorf("sharing a limit with %s: %w", variant.name, err)
		}
		all = append(all, shares...)
	}
	return all, nil
}

// measureVariant starts as many sidecars as there are at the most, and ends them.
func (f *fleet) measureVariant(ctx context.Context, name, caddyfile string, progress io.Writer) ([]share, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop() // Ends them.
	redis, err := f.startRedis(ctx, "redis-of-sharing-"+name)
	if err != nil {
		return nil, err
	}
	sidecars := make([]*gateway, shareSizes[len(shareSizes)-1])
	for i := range sidecars {
		if sidecars[i], err = f.startGateway(ctx, fmt.Sprintf("sharing-%s-%d", name, i+1), caddyfile, redis); err != nil {
			return nil, err
		}
	}
	shares := make([]share, len(shareSizes))
	for i, n := range shareSizes {
		if shares[i], err = shareAmong(ctx, sidecars[:n], name); err != nil {
			return nil, err
		}
		fmt.Fprintf(progress, "%d sidecars  %-6s  %.3f of %s let out\n", n, name, shares[i].mean, shareLimit)
	}
	return shares, nil
}

// shareAmong has these sidecars share the limit.
func shareAmong(ctx context.Context, sidecars []*gateway, variant string) (share, error) {
	var s share
	length := shareSpans * shareLimit.window
	calls, err := demand(ctx, sidecars, fmt.Sprintf("%s-%d", variant, len(sidecars)), float64(overDemand*shareLimit.calls)/shareLimit.window.Seconds(), length)
	if err != nil {
		return s, err
	}
	for _, g := range sidecars {
		if err := g.wantRedisDecided(ctx); err != nil {
			return s, err
		}
	}
	allowed := float64(shareLimit.calls)
	s.asked = float64(len(calls)) / (shareSpans * allowed)
	if s.asked < leastDemand {
		return s, fmt.Errorf("bots made %.2f times the calls that are allowed, want %d times: this machine is too slow or too busy", s.asked, overDemand)
	}
	letOut := admitted(calls)
	s.mean = meanSpan(letOut, shareLimit.window, length) / allowed
	s.fullest = float64(fullestSpan(letOut, shareLimit.window)) / allowed
	if s.fullest > 1 {
		return s, fmt.Errorf("%d sidecars let %.3f of %s out in one span", len(sidecars), s.fullest, shareLimit)
	}
	return s, nil
}

// printShares writes a Markdown table with a line for each number of sidecars,
// and for each variant what they let out over what the limit allows. They are in
// the order in which they were measured.
func printShares(w io.Writer, all []share) {
	header, rule := "| sidecars | asked for |", "|---:|---:|"
	for _, variant := range shareVariants {
		header += " " + variant.name + ": mean span | " + variant.name + ": fullest span |"
		rule += "---:|---:|"
	}
	fmt.Fprintln(w, header)
	fmt.Fprintln(w, rule)
	for i, n := range shareSizes {
		fmt.Fprintf(w, "| %d | %.2f |", n, all[i].asked)
		for ; i < len(all); i += len(shareSizes) {
			fmt.Fprintf(w, " %.3f | %.3f |", all[i].mean, all[i].fullest)
		}
		fmt.Fprintln(w)
	}
}
