package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// caddyfiles are the configurations, one a variant.
//
//go:embed caddyfiles/*.Caddyfile
var caddyfiles embed.FS

// options are what the flags say.
type options struct {
	load
	rounds  int
	profile string
	share   bool
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "upstream" {
		exitOn(serveUpstream(os.Stdin, os.Stdout))
		return
	}
	var o options
	flag.IntVar(&o.rounds, "rounds", 7, "how often each gateway is loaded")
	flag.DurationVar(&o.length, "length", 5*time.Second, "how long a gateway is loaded in a round, in whole seconds")
	flag.IntVar(&o.threads, "threads", 1, "wrk's threads")
	flag.IntVar(&o.connections, "connections", 16, "wrk's connections")
	flag.BoolVar(&o.share, "share", true, "measure how sidecars share a limit, too")
	flag.StringVar(&o.profile, "profile", "", "afterwards, load every gateway once more and put profiles of CPU and memory into this folder")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exitOn(bench(ctx, o))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench builds, starts, measures and reports.
func bench(ctx context.Context, o options) error {
	if o.rounds < 1 || o.length < time.Second || flag.NArg() > 0 {
		return errors.New("want flags only, at least one round, and at least one second")
	}
	if err := errors.Join(findWrk(), findRedis()); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "signpost-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	processes := fleet{dir: dir}
	defer processes.wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop() // Ends them.
	if err := processes.prepare(ctx); err != nil {
		return err
	}
	fmt.Printf("%s, %d CPUs\n", runtime.Version(), runtime.NumCPU())
	if err := processes.measureCosts(ctx, o); err != nil || !o.share {
		return err
	}
	shares, err := processes.measureShares(ctx, os.Stderr)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s shared by sidecars that are asked for %d times as much\n\n", shareLimit, overDemand)
	printShares(os.Stdout, shares)
	return nil
}

// prepare builds the gateway and starts whom it calls.
func (f *fleet) prepare(ctx context.Context) error {
	err := f.buildGateway(ctx)
	if err == nil {
		f.at, err = f.startUpstream(ctx)
	}
	return err
}

// measureCosts loads every variant, and ends them.
func (f *fleet) measureCosts(ctx context.Context, o options) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	gateways, err := f.startVariants(ctx)
	if err != nil {
		return err
	}
	if err := warmUp(ctx, gateways, o.load); err != nil {
		return err
	}
	rounds, err := measure(ctx, gateways, o.load, o.rounds, os.Stderr)
	if err != nil {
		return err
	}
	printHeading(o.load, o.rounds)
	printTable(os.Stdout, variants, rounds)
	sharing := make([][]figures, len(rounds))
	for i, r := range rounds {
		sharing[i] = r[alone-1:]
	}
	printHeading(o.load, o.rounds)
	printAdditions(os.Stdout, variants[alone-1:], sharing)
	single := load{threads: 1, connections: 1, length: min(o.length, singleLength)}
	if sharing, err = measure(ctx, gateways[alone-1:], single, o.rounds, os.Stderr); err != nil {
		return err
	}
	printHeading(single, o.rounds)
	printAdditions(os.Stdout, variants[alone-1:], sharing)
	if o.profile != "" {
		return profileAll(ctx, gateways, o)
	}
	return nil
}

// singleLength bounds the rounds in which one call is made at a time.
const singleLength = 2 * time.Second

// printHeading says what the table below it is of.
func printHeading(l load, rounds int) {
	fmt.Printf("\nwrk -t%d -c%d, %d interleaved rounds of %s\n\n", l.threads, l.connections, rounds, l.length)
}

// profileAll profiles one gateway after the other.
func profileAll(ctx context.Context, gateways []*gateway, o options) error {
	if err := os.MkdirAll(o.profile, 0o755); err != nil {
		return fmt.Errorf("profiling: %w", err)
	}
	for _, g := range gateways {
		if err := profile(ctx, g, o.load, o.profile); err != nil {
			return err
		}
	}
	return nil
}

// startVariants starts every variant, with a Redis for each that shares state.
func (f *fleet) startVariants(ctx context.Context) ([]*gateway, error) {
	gateways := make([]*gateway, len(variants))
	for i, name := range variants {
		var redis *redisServer
		var err error
		if i >= alone {
			if redis, err = f.startRedis(ctx, "redis-of-"+name); err != nil {
				return nil, err
			}
		}
		if gateways[i], err = f.startGateway(ctx, name, name, redis); err != nil {
			return nil, err
		}
	}
	return gateways, nil
}

// warmUp loads every gateway for a second, so that pools and heaps have their
// size when the measuring begins.
func warmUp(ctx context.Context, gateways []*gateway, l load) error {
	l.length = time.Second
	for _, g := range gateways {
		if _, err := l.run(ctx, g.url); err != nil {
			return fmt.Errorf("warming up %s: %w", g.name, err)
		}
	}
	return nil
}
