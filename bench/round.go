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
	cpu   time.Duration // of the gateway process, for each call
	redis time.Duration // of its Redis, for each call
}

// used is the CPU time that a gateway and its Redis have used until now.
type used struct{ gateway, redis time.Duration }

// used reads it.
func (g *gateway) used() (u used, err error) {
	if u.gateway, err = g.cpuTime(); err == nil && g.redis != nil {
		u.redis, err = g.redis.cpuTime()
	}
	return u, err
}

// measure runs the rounds. The result has a row for each round, in which the
// gateways are in the order given. Progress goes to a line for each.
func measure(ctx context.Context, gateways []*gateway, l load, rounds int, progress io.Writer) ([][]figures, error) {
	var begun [][]used // At the beginning of its turn, by round and gateway.
	all := make([][]figures, rounds)
	for round := range rounds {
		begun = append(begun, make([]used, len(gateways)))
		all[round] = make([]figures, len(gateways))
		for i, g := range gateways {
			var err error
			if begun[round][i], err = g.used(); err != nil {
				return nil, err
			}
			done, err := l.run(ctx, g.url)
			if err != nil {
				return nil, fmt.Errorf("round %d, %s: %w", round+1, g.name, err)
			}
			all[round][i].loaded = done
			fmt.Fprintf(progress, "round %d of %d  %-6s %2d connections %8.0f calls/s\n", round+1, rounds, g.name, l.connections, done.rate)
		}
	}
	if err := pause(ctx, settle); err != nil {
		return nil, err
	}
	ended := make([]used, len(gateways))
	for i, g := range gateways {
		var err error
		if ended[i], err = g.used(); err != nil {
			return nil, err
		}
		if err := g.wantRedisDecided(ctx); err != nil {
			return nil, err
		}
	}
	begun = append(begun, ended)
	for round := range all {
		for i := range gateways {
			from, to, calls := begun[round][i], begun[round+1][i], time.Duration(all[round][i].calls)
			all[round][i].cpu = (to.gateway - from.gateway) / calls
			all[round][i].redis = (to.redis - from.redis) / calls
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
