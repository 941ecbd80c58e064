package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// settle is the pause after the last round, in which gateways do what they put
// off: spans leave at the latest after 5 s.
const settle = 6 * time.Second

// figures are what one gateway did in one round.
type figures struct {
	loaded
	cpu time.Duration // of the gateway process, for each call
}

// measure runs the rounds. The result has a row for each round, in which the
// gateways are in the order given. Progress goes to a line for each.
func measure(ctx context.Context, gateways []*gateway, l load, rounds int, progress io.Writer) ([][]figures, error) {
	var begun [][]time.Duration // CPU time at the beginning of its turn, by round and gateway
	all := make([][]figures, rounds)
	for round := range rounds {
		begun = append(begun, make([]time.Duration, len(gateways)))
		all[round] = make([]figures, len(gateways))
		for i, g := range gateways {
			used, err := g.cpuTime()
			if err != nil {
				return nil, err
			}
			begun[round][i] = used
			done, err := l.run(ctx, g.url)
			if err != nil {
				return nil, fmt.Errorf("round %d, %s: %w", round+1, g.name, err)
			}
			all[round][i].loaded = done
			fmt.Fprintf(progress, "round %d of %d  %-6s %8.0f calls/s\n", round+1, rounds, g.name, done.rate)
		}
	}
	if err := pause(ctx, settle); err != nil {
		return nil, err
	}
	ended := make([]time.Duration, len(gateways))
	for i, g := range gateways {
		used, err := g.cpuTime()
		if err != nil {
			return nil, err
		}
		ended[i] = used
	}
	begun = append(begun, ended)
	for round := range all {
		for i := range gateways {
			all[round][i].cpu = (begun[round+1][i] - begun[round][i]) / time.Duration(all[round][i].calls)
		}
	}
	return all, nil
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
