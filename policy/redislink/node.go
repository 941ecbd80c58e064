package redislink

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// maxUnderWay bounds the commands on one connection that have no answer yet. Below
// what the connection's ring holds, since who meets a full one waits without regard
// for a deadline.
const maxUnderWay = 1<<ringScale - 24

var errBusy = errors.New("too many calls wait for redis")

// probing writes, so that a replica, a full Redis or a user who may not write is
// not taken for well.
var probing = rueidis.NewLuaScript(`
redis.call('SET', KEYS[1], '', 'PX', 10000)
return 1
`)

// connection is one of those to a node.
type connection struct {
	client    rueidis.Client
	underWay  atomic.Int64 // commands without an answer.
	abandoned atomic.Int64 // those of them that nobody waits for any longer.
}

// enter asks whether one more command may be sent.
func (c *connection) enter() bool {
	if c.underWay.Add(1) <= maxUnderWay {
		return true
	}
	c.underWay.Add(-1)
	return false
}

// leave is the end of a command that was answered, or that died with its
// connection.
func (c *connection) leave() { c.underWay.Add(-1) }

// abandon is the end of waiting for a command whose answer is still to come.
func (c *connection) abandon() { c.abandoned.Add(1) }

// probe writes. Answers come in the order of commands, so that with its own those
// of all that was abandoned before have come.
func (c *connection) probe(ctx context.Context, key string) error {
	before := c.abandoned.Load()
	if err := probing.Exec(ctx, c.client, []string{key}, nil).Error(); err != nil {
		return err
	}
	c.abandoned.Add(-before)
	c.underWay.Add(-before)
	return nil
}

// node is one Redis, and what is connected to it.
type node struct {
	*group
	address     string
	key         string           // one that the node holds, for probing.
	connections []*connection    // fixed once the node is sealed.
	lost        func(why string) // what to do when the node fails.
	timeout     time.Duration    // the Link's.
	first       rueidis.Client   // before the rest is connected.
	probed      time.Time        // when it was last probed; the keeper's alone.
	open        func() (rueidis.Client, error)
}

// newNode connects once to a node, so that it can be asked what it is.
func (s *session) newNode(address, key string, lost func(why string)) (*node, error) {
	l := s.link
	n := &node{address: address, key: key, lost: lost, timeout: l.o.Timeout}
	n.group = newGroup(s.ctx, l.o.Timeout, func(err error) { lost(reason(err, 0)) })
	n.open = func() (rueidis.Client, error) {
		return n.connect(address, l.login, s.encryption, l.address.Database)
	}
	var err error
	if n.first, err = n.open(); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// complete makes the node ready for calls: it writes in the time that a call has,
// scripts are loaded, all connections are there.
func (n *node) complete(scripts []*rueidis.Lua, connections int) error {
	n.connections = append(n.connections, &connection{client: n.first})
	if err := n.probe(); err != nil {
		return err
	}
	n.load(scripts)
	for len(n.connections) < connections {
		client, err := n.open()
		if err != nil {
			return err
		}
		n.connections = append(n.connections, &connection{client: client})
	}
	if err := n.probe(); err != nil {
		return err
	}
	return n.seal()
}

// load sends the scripts. Where that is not permitted, the first call of each
// sends its own.
func (n *node) load(scripts []*rueidis.Lua) {
	ctx, cancel := context.WithTimeout(n.ctx, dialTimeout)
	defer cancel()
	for _, script := range scripts {
		// Run for nobody, a script is only loaded.
		script.ExecMulti(ctx, n.first)
	}
}

// probe writes over each connection, all within the timeout.
func (n *node) probe() error {
	ctx, cancel := context.WithTimeout(n.ctx, n.timeout)
	defer cancel()
	n.probed = time.Now()
	errs := make(chan error, len(n.connections))
	for _, c := range n.connections {
		go func() { errs <- c.probe(ctx, n.key) }()
	}
	var first error
	for range n.connections {
		if err := <-errs; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}

// doubtful tells whether somebody stopped waiting and nothing was heard since.
func (n *node) doubtful() bool {
	for _, c := range n.connections {
		if c.abandoned.Load() > 0 {
			return true
		}
	}
	return false
}

// pick is any of the connections.
func (n *node) pick() *connection { return n.connections[rand.IntN(len(n.connections))] }
