package breaker

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

const (
	// tellEvery is how long results are gathered before they are told.
	tellEvery = 20 * time.Millisecond

	// maxListed bounds the cells whose results wait to be told. What is counted in
	// further ones meanwhile is not.
	maxListed = MaxHosts + MaxTenants
)

// Link is what Peers needs of the connection to Redis. All of it is safe for
// concurrent use. Later and Publish only queue, because cells call them under
// their locks; what they are given is dropped while Redis is away.
type Link interface {
	// There tells whether Redis answers, as far as is known.
	There() bool
	// Key gives the name of a key at Redis; all may stand in one script.
	Key(rest string) string
	// Channel gives the name of a channel, whose messages no other database hears.
	Channel(rest string) string
	// Run runs a script in one round trip of at most patience; 0 is the
	// connection's own time-out. It fails at once while Redis is away.
	Run(ctx context.Context, patience time.Duration, script *rueidis.Lua, keys, args []string) rueidis.RedisResult
	// Later runs a script soon.
	Later(script *rueidis.Lua, keys, args []string)
	// Publish tells those who listen to a channel soon.
	Publish(channel, payload string)
}

// Peers are the other sidecars, which a Registry tells through Redis what its cells
// count and do, and from which it hears the same. Make it with NewPeers, let the
// link call Hear and Back, start Run, and give it to Registry.Join. Safe for
// concurrent use.
type Peers struct {
	registry *Registry
	link     Link
	sidecar  string
	channel  string
	made     time.Time // A reset before it is none of this sidecar's.

	members atomic.Uint64 // How many places were asked for.
	wake    chan struct{} // Holds one: there is something for Run to do.

	mu     sync.Mutex        // Innermost, but for the link's own.
	listed []*cell           // Have results to tell; at most maxListed.
	given  map[string]*order // By policy, so bounded: orders of this sidecar that Redis has not told yet.
	unread map[string]bool   // Policies whose records are to be read, of those that there are.
	behind bool              // All are.
	tries  int               // Of reading them, that are left.
}

// NewPeers makes the peers of a registry, which are told and heard after
// Registry.Join. Sidecar names this process among all: 1 to 64 letters, digits and
// dashes.
func NewPeers(r *Registry, link Link, sidecar string) *Peers {
	return &Peers{
		registry: r, link: link, sidecar: sidecar, channel: link.Channel("breakers"), made: time.Now(),
		wake: make(chan struct{}, 1), given: map[string]*order{}, unread: map[string]bool{},
	}
}

// Channel is the one that Hear is to hear.
func (p *Peers) Channel() string { return p.channel }

// Join makes what happens to the registry's breakers from now on known to peers, and
// the other way round. Earlier peers are left; nil is by itself again. Cells keep
// their states. Safe for concurrent use.
func (r *Registry) Join(p *Peers) {
	r.peers.Store(p)
	if p != nil {
		p.fallBehind()
		p.rouse()
	}
}

// Back is for the link to call when Redis is there or there again, and listened to.
// What was told meanwhile was not heard, so it reads all records: at once, if the
// link runs scripts already, else Run does. It takes a round trip for each policy,
// and at most one time-out.
func (p *Peers) Back() {
	p.fallBehind()
	if p.registry.peers.Load() == p {
		p.catchUp(context.Background())
	}
}

// fallBehind has all records read.
func (p *Peers) fallBehind() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behind, p.tries = true, maxTries
}

// readSoon has the records of a policy read that was not known before.
func (p *Peers) readSoon(policy string) {
	p.mu.Lock()
	p.unread[policy], p.tries = true, maxTries
	p.mu.Unlock()
	p.rouse()
}

// rouse wakes Run.
func (p *Peers) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run tells what cells count, every 20 ms while there is anything, and reads records
// when there is need to, until ctx is done. Without it trips are told and heard all
// the same. No timer runs while nothing is counted.
func (p *Peers) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		p.catchUp(ctx)
		if !pause(ctx) {
			return
		}
		p.tellResults()
	}
}

// pause lets results gather. It gives false when ctx is done.
func pause(ctx context.Context) bool {
	timer := time.NewTimer(tellEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// list notes a cell that has something to tell. It gives false when there are too
// many. The cell's lock is held.
func (p *Peers) list(x *cell) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.listed) >= maxListed {
		return false
	}
	p.listed = append(p.listed, x)
	if len(p.listed) == 1 {
		p.rouse()
	}
	return true
}

// tellResults tells what the listed cells counted, in as many messages as it needs.
func (p *Peers) tellResults() {
	p.mu.Lock()
	listed := p.listed
	p.listed = nil
	p.mu.Unlock()
	var batch []byte
	for _, x := range listed {
		t := x.takeTally()
		if t == (tally{}) || !x.key.tellable() {
			continue
		}
		if len(batch) == 0 {
			batch = append(append(batch, wordResults+"\n"...), p.sidecar...)
		}
		batch = t.append(batch, x.policy, x.key)
		if len(batch) > fullBatch {
			p.link.Publish(p.channel, string(batch))
			batch = batch[:0]
		}
	}
	if len(batch) > 0 {
		p.link.Publish(p.channel, string(batch))
	}
}

// member names a call that wants a place.
func (p *Peers) member() string {
	return p.sidecar + "." + strconv.FormatUint(p.members.Add(1), 36)
}
