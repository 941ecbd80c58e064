package redislink

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"
)

// maxUnderWay and maxElsewhere bound the commands of a client without an answer.
// Together they are below what the ring of a connection holds, since who meets a
// full one waits without regard for a deadline.
const (
	maxUnderWay  = 3 << ringScale / 4
	maxElsewhere = 1<<ringScale/4 - 24
)

var errBusy = errors.New("too many calls wait for redis")

// probing writes, so that a replica, a full Redis or a user who may not write is
// not taken for well.
var probing = rueidis.NewLuaScript(`
redis.call('SET', KEYS[1], '', 'PX', 10000)
return 1
`)

// lane is a client and what is under way over it.
type lane struct {
	client    rueidis.Client
	limit     int64
	underWay  atomic.Int64 // commands without an answer.
	abandoned atomic.Int64 // those of them that nobody waits for any longer.
}

// enter asks whether one more command may be sent.
func (n *lane) enter() bool {
	if n.underWay.Add(1) <= n.limit {
		return true
	}
	n.underWay.Add(-1)
	return false
}

// leave is the end of a command that was answered, or that died with its
// connection.
func (n *lane) leave() { n.underWay.Add(-1) }

// abandon is the end of waiting for a command whose answer is still to come.
func (n *lane) abandon() { n.abandoned.Add(1) }

// settle is told that so many answers came that nobody waited for.
func (n *lane) settle(answers int64) {
	n.abandoned.Add(-answers)
	n.underWay.Add(-answers)
}

// abandoned tells whether answers are still to come that nobody waits for.
func abandoned(lanes []*lane) bool {
	return slices.ContainsFunc(lanes, func(n *lane) bool { return n.abandoned.Load() > 0 })
}

// probe writes. Answers come in the order of commands, so that with its own those
// of all that was abandoned before have come.
func (n *lane) probe(ctx context.Context, key string) error {
	before := n.abandoned.Load()
	if err := probing.Exec(ctx, n.client, []string{key}, nil).Error(); err != nil {
		return err
	}
	n.settle(before)
	return nil
}

// reach asks every node of a Cluster whether it is there, which connects to it.
// Where none of them is silent, nothing is under way any longer.
func (n *lane) reach(ctx context.Context) {
	before := n.abandoned.Load()
	var nodes sync.WaitGroup
	var silent atomic.Bool
	for _, node := range n.client.Nodes() {
		nodes.Go(func() {
			if err := node.Do(ctx, node.B().Ping().Build()).Error(); err != nil && ctx.Err() != nil {
				silent.Store(true)
			}
		})
	}
	nodes.Wait()
	if !silent.Load() {
		n.settle(before)
	}
}
