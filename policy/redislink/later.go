package redislink

import (
	"context"
	"slices"
	"time"

	"github.com/redis/rueidis"
)

const (
	// maxQueue and maxQueued bound what waits to be sent off the path: letters, and
	// bytes of them all together.
	maxQueue  = 4096
	maxQueued = 16 << 20

	// maxBatch and maxBatched bound what is sent at once. A batch holds up other
	// commands on its connection.
	maxBatch   = 128
	maxBatched = 256 << 10

	// batchTimeout is how long a batch may take, or Timeout where that is longer.
	batchTimeout = time.Second
)

// letter is a script to run or, without one, a message to publish: the key is the
// channel, the argument the payload.
type letter struct {
	script *rueidis.Lua
	keys   []string
	args   []string
	size   int64
}

// Later runs a script when there is time, without an answer, after all that was
// given to Later and Publish before. It never blocks. The slices are the Link's
// from here on. The script is dropped, and counted, while Redis is away and when
// 4096 others or 16 MiB wait already.
func (l *Link) Later(script *rueidis.Lua, keys, args []string) {
	l.put(letter{script: script, keys: keys, args: args})
}

// Publish sends a message to all that listen to a channel, this gateway among them.
// It never blocks, and is dropped where Later is.
func (l *Link) Publish(channel, payload string) {
	l.put(letter{keys: []string{channel}, args: []string{payload}})
}

func (l *Link) put(t letter) {
	for _, list := range [][]string{t.keys, t.args} {
		for _, text := range list {
			t.size += int64(len(text))
		}
	}
	if l.live.Load() == nil {
		l.counters.dropped.Add(1)
		return
	}
	if l.queued.Add(t.size) <= maxQueued {
		select {
		case l.queue <- t:
			return
		default:
		}
	}
	l.queued.Add(-t.size)
	l.counters.dropped.Add(1)
}

// send sends what is queued until the Link is closed.
func (l *Link) send() {
	defer close(l.sent)
	for {
		select {
		case t := <-l.queue:
			l.deliver(l.batch(t))
		case <-l.stop:
			l.finish()
			return
		}
	}
}

// finish sends what is left, as long as Redis is there.
func (l *Link) finish() {
	for l.live.Load() != nil {
		select {
		case t := <-l.queue:
			l.deliver(l.batch(t))
		default:
			return
		}
	}
}

// batch is a letter and those behind it.
func (l *Link) batch(t letter) []letter {
	all := make([]letter, 0, 8)
	var size int64
	for {
		l.queued.Add(-t.size)
		all = append(all, t)
		if size += t.size; size >= maxBatched || len(all) == maxBatch {
			return all
		}
		select {
		case t = <-l.queue:
		default:
			return all
		}
	}
}

// deliver sends a batch, to each node what is for it.
func (l *Link) deliver(all []letter) {
	s := l.live.Load()
	if s == nil {
		l.counters.dropped.Add(uint64(len(all)))
		return
	}
	var order []*node
	byNode := make(map[*node][]letter, 1)
	for _, t := range all {
		n := s.main
		if t.script != nil {
			n = s.node(t.keys)
		}
		if n == nil {
			l.counters.dropped.Add(1)
			continue
		}
		if byNode[n] == nil {
			order = append(order, n)
		}
		byNode[n] = append(byNode[n], t)
	}
	for _, n := range order {
		l.deliverTo(n, byNode[n])
	}
}

// deliverTo sends to one node, always over its first connection, so that what came
// first is done first. Only scripts that Redis forgot come behind the others of
// their batch: they are loaded and sent again or, where that is not permitted, sent
// with their source.
func (l *Link) deliverTo(n *node, all []letter) {
	left, err := l.post(n, all)
	if err == nil && len(left) > 0 {
		n.load(scriptsOf(left))
		left, err = l.post(n, left)
	}
	if err == nil {
		left, err = l.postWhole(n, left)
	}
	if err != nil {
		l.counters.dropped.Add(uint64(len(left)))
		n.lost(reason(err, l.patienceOffPath()))
	}
}

// scriptsOf are the scripts of letters, each once.
func scriptsOf(all []letter) (scripts []*rueidis.Lua) {
	for _, t := range all {
		if !slices.Contains(scripts, t.script) {
			scripts = append(scripts, t.script)
		}
	}
	return scripts
}

// post sends letters at once, and gives those whose script Redis forgot.
func (l *Link) post(n *node, all []letter) (forgotten []letter, failed error) {
	ctx, cancel := context.WithTimeout(n.ctx, l.patienceOffPath())
	defer cancel()
	client := n.connections[0].client
	commands := make(rueidis.Commands, len(all))
	for i, t := range all {
		commands[i] = t.command(client)
	}
	for i, answer := range client.DoMulti(ctx, commands...) {
		err := answer.Error()
		switch e, refused := refusal(err); {
		case err == nil || rueidis.IsRedisNil(err):
		case refused && e.IsNoScript() && all[i].script != nil:
			forgotten = append(forgotten, all[i])
		default:
			l.counters.dropped.Add(1)
			failed = err
		}
	}
	return forgotten, failed
}

// postWhole sends letters one by one, each with the source of its script where need
// be, and gives those that are left after a failure.
func (l *Link) postWhole(n *node, all []letter) (left []letter, failed error) {
	for i, t := range all {
		ctx, cancel := context.WithTimeout(n.ctx, l.patienceOffPath())
		err := t.script.Exec(ctx, n.connections[0].client, t.keys, t.args).Error()
		cancel()
		if err != nil && !rueidis.IsRedisNil(err) {
			return all[i:], err
		}
	}
	return nil, nil
}

// patienceOffPath is how long one sending may take.
func (l *Link) patienceOffPath() time.Duration { return max(batchTimeout, l.o.Timeout) }

// command is what would be sent for a letter alone.
func (t letter) command(client rueidis.Client) rueidis.Completed {
	if t.script == nil {
		return client.B().Publish().Channel(t.keys[0]).Message(t.args[0]).Build()
	}
	taker := taker{Client: client}
	t.script.Exec(context.Background(), &taker, t.keys, t.args)
	return taker.command
}

// taker takes the command that a script sends, which tells nobody its name.
type taker struct {
	rueidis.Client
	command rueidis.Completed
}

// Do answers with nothing, which a script takes for an answer.
func (t *taker) Do(_ context.Context, command rueidis.Completed) rueidis.RedisResult {
	t.command = command
	return rueidis.RedisResult{}
}
