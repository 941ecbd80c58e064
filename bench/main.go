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
	if err := findWrk(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "signpost-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var processes fleet
	defer processes.wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop() // Ends them.
	binary, err := buildGateway(ctx, dir)
	if err != nil {
		return err
	}
	gateways, err := processes.startAll(ctx, binary, dir)
	if err != nil {
		return err
	}
	if err := warmUp(ctx, gateways, o.load); err != nil {
		return err
	}
	fmt.Printf("%s, %d CPUs, wrk -t%d -c%d, %d interleaved rounds of %s\n\n",
		runtime.Version(), runtime.NumCPU(), o.threads, o.connections, o.rounds, o.length)
	rounds, err := measure(ctx, gateways, o.load, o.rounds, os.Stderr)
	if err != nil {
		return err
	}
	printTable(os.Stdout, variants, rounds)
	if o.profile != "" {
		return profileAll(ctx, gateways, o)
	}
	return nil
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

// startAll starts the upstream and every variant.
func (f *fleet) startAll(ctx context.Context, binary, dir string) ([]*gateway, error) {
	at, err := f.startUpstream(ctx)
	if err != nil {
		return nil, err
	}
	gateways := make([]*gateway, len(variants))
	for i, name := range variants {
		if gateways[i], err = f.startGateway(ctx, binary, dir, name, at); err != nil {
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
