package redislink

import (
	"context"
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

// deliver sends a batch, always over the first client, so that what came first is
// done first. In a Cluster, letters that may be for other nodes come after those to
// the node with the counters, which must not suffer from a slot that nobody holds.
func (l *Link) deliver(all []letter) {
	s := l.live.Load()
	if s == nil {
		l.counters.dropped.Add(uint64(len(all)))
		return
	}
	var own, others []letter
	for _, t := range all {
		if t.script == nil || s.decides(t.keys) {
			own = append(own, t)
		} else {
			others = append(others, t)
		}
	}
	if err := l.post(s, own); err != nil {
		s.fail(reason(err, l.patienceOffPath()))
	}
	_ = l.post(s, others) // It is counted, and says nothing of Redis.
}

// post sends letters at once. Scripts that Redis forgot come behind the others, with
// their source.
func (l *Link) post(s *session, all []letter) (failed error) {
	if len(all) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, l.patienceOffPath())
	defer cancel()
	client := s.main[0].client
	commands := make(rueidis.Commands, len(all))
	for i, t := range all {
		commands[i] = t.command(client, s.key)
	}
	var forgotten []letter
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
	if failed != nil {
		l.counters.dropped.Add(uint64(len(forgotten)))
		return failed
	}
	return l.postWhole(s, forgotten)
}

// postWhole sends letters one by one, each with the source of its script where need
// be.
func (l *Link) postWhole(s *session, all []letter) error {
	for i, t := range all {
		ctx, cancel := context.WithTimeout(s.ctx, l.patienceOffPath())
		err := t.script.Exec(ctx, s.main[0].client, t.keys, t.args).Error()
		cancel()
		if err != nil && !rueidis.IsRedisNil(err) {
			l.counters.dropped.Add(uint64(len(all) - i))
			return err
		}
	}
	return nil
}

// patienceOffPath is how long one sending may take.
func (l *Link) patienceOffPath() time.Duration { return max(batchTimeout, l.o.Timeout) }

// command is what would be sent for a letter alone. A message goes where key lies.
func (t letter) command(client rueidis.Client, key string) rueidis.Completed {
	if t.script == nil {
		return client.B().Publish().Channel(t.keys[0]).Message(t.args[0]).Build().SetSlot(key)
	}
	taker := taker{Client: client}
	t.script.Exec(context.Background(), &taker, t.keys, t.args)
	return taker.command
}

// taker takes the command that a script sends, since a rueidis.Lua tells nobody its
// text or name. What rueidis has of its own is slower, and more: ExecMulti loads the
// script anew for each batch, on all nodes, and sends nothing when one is down or
// loading is not permitted; scripts one after the other cost a round trip each,
// eight times as long for a full batch on loopback.
type taker struct {
	rueidis.Client
	command rueidis.Completed
}

// Do answers with nothing, which a script takes for an answer.
func (t *taker) Do(_ context.Context, command rueidis.Completed) rueidis.RedisResult {
	t.command = command
	return rueidis.RedisResult{}
}
