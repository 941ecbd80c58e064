package redislink

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// errOver is met where a session ended while it was being connected.
var errOver = errors.New("it went away again")

// ErrAway is what Run answers while Redis is away.
var ErrAway = errors.New("redis is away")

// maxSecrets bounds the users and passwords that are remembered to be masked.
const maxSecrets = 16

// closeTimeout is how long Close waits for each of its steps.
const closeTimeout = 400 * time.Millisecond

// Link is a gateway's way to Redis. All methods are safe for concurrent use.
type Link struct {
	o         Options
	address   Address
	endpoints []string
	tag       string // what all keys of Key begin with.

	ctx     context.Context // Done when the Link is closed.
	cancel  context.CancelFunc
	begun   sync.Once
	ended   sync.Once
	kept    chan struct{}  // closed when the keeper is through.
	sent    chan struct{}  // closed when the sender is through.
	closing sync.WaitGroup // sessions that are being closed.
	turn    int            // which host is tried first; the keeper's alone.
	told    bool           // whether OnChange was told anything; the keeper's alone.

	live  atomic.Pointer[session] // nil while Redis is away.
	there atomic.Bool

	queue     chan letter
	stop      chan struct{} // closed when the queue is to be sent out and left.
	queued    atomic.Int64  // bytes in queue.
	listeners []listener
	scripts   []*rueidis.Lua // loaded on every coming back.
	counters  counters

	mu      sync.Mutex // for what follows, and for over and why of a session.
	since   time.Time
	why     string
	mode    string
	secrets []string
}

// New makes a Link of options and reads the certificates that they name, for which
// errors say what is wrong. It connects nothing and starts nothing.
func New(o Options) (*Link, error) {
	o, address, err := o.completed()
	if err != nil {
		return nil, err
	}
	if _, err := o.encryption(address); err != nil {
		return nil, err
	}
	l := &Link{
		o:         o,
		address:   address,
		endpoints: address.Endpoints(o.Sentinel != ""),
		tag:       "{" + o.Prefix + "}:",
		kept:      make(chan struct{}),
		sent:      make(chan struct{}),
		queue:     make(chan letter, maxQueue),
		stop:      make(chan struct{}),
		since:     time.Now(),
		why:       "not connected yet",
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l, nil
}

// Preload has scripts loaded on every coming back, so that no call has to send one.
// Call it before Start.
func (l *Link) Preload(scripts ...*rueidis.Lua) { l.scripts = append(l.scripts, scripts...) }

// Start connects in the background and never blocks. Until it has, Redis is away.
func (l *Link) Start() {
	l.begun.Do(func() {
		go l.keep()
		go l.send()
	})
}

// Close sends what is queued, if Redis is there, and disconnects. It takes at most
// about a second. Afterwards Redis is away for good, of which OnChange is not told.
func (l *Link) Close() {
	l.ended.Do(func() {
		started := true
		l.begun.Do(func() { started = false })
		if !started {
			l.cancel()
			return
		}
		close(l.stop)
		within(closeTimeout, l.sent)
		l.cancel()
		l.shut()
		within(closeTimeout, l.kept)
		closed := make(chan struct{})
		go func() {
			<-l.kept
			<-l.sent
			l.closing.Wait()
			close(closed)
		}()
		within(closeTimeout, closed)
	})
}

// within waits until something is done, but not longer than d.
func within(d time.Duration, done <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// There tells whether Redis is there: one atomic load.
func (l *Link) There() bool { return l.there.Load() }

// Timeout is how long a script may take.
func (l *Link) Timeout() time.Duration { return l.o.Timeout }

// Prefix is what all keys begin with, without braces.
func (l *Link) Prefix() string { return l.o.Prefix }

// Key is the key for rest, "{signpost}:" before it. All of them lie in one slot of a
// Cluster, so that one script may touch several.
func (l *Link) Key(rest string) string { return l.tag + rest }

// Channel is the channel for rest: its key, and the number of the database where that
// is not 0, since all databases of a Redis have the same channels.
func (l *Link) Channel(rest string) string {
	if l.address.Database == 0 {
		return l.Key(rest)
	}
	return l.Key(rest) + "/" + strconv.Itoa(l.address.Database)
}

// admit is the last step of coming back. The listeners' hooks may already run
// scripts, while There still says no.
func (l *Link) admit(s *session) error {
	if !l.change(s, func() { l.live.Store(s); l.mode = s.mode }) {
		return errOver
	}
	for _, each := range l.listeners {
		if each.back != nil {
			each.back()
		}
	}
	if !l.change(s, func() {
		l.there.Store(true)
		l.since, l.why = time.Now(), ""
		s.began = l.status()
	}) {
		return errOver
	}
	return nil
}

// cause is why a session came to nothing: what ended it, else the error met.
func (l *Link) cause(s *session, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.over {
		return errors.New(s.why)
	}
	return err
}

// change does something under the mutex unless the session or the Link is over.
func (l *Link) change(s *session, do func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.over || l.ctx.Err() != nil {
		return false
	}
	do()
	return true
}

// leave is the end of a session, whoever finds it out first.
func (l *Link) leave(s *session, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.over {
		return
	}
	s.over, s.why = true, why
	if l.live.CompareAndSwap(s, nil) && l.there.Swap(false) {
		l.since, l.why = time.Now(), masked(why, l.secrets)
		l.counters.timesAway.Add(1)
		s.ended = l.status()
	}
	s.cancel()
}

// miss is an attempt to come back that failed.
func (l *Link) miss(err error) {
	if l.ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	l.why = masked(reason(err, 0), l.secrets)
	first, now := !l.told, l.status()
	l.mu.Unlock()
	if first {
		l.tell(now)
	}
}

// shut turns away for good.
func (l *Link) shut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.live.Swap(nil); s != nil {
		s.over = true
	}
	if l.there.Swap(false) {
		l.since = time.Now()
	}
	l.why = "closed"
}

// tell tells of a change.
func (l *Link) tell(now Status) {
	l.told = true
	if l.o.OnChange != nil {
		l.o.OnChange(now)
	}
}

// login is who the gateway is to Redis.
func (l *Link) login() (rueidis.AuthCredentials, error) {
	return l.credentials(l.o.User, l.o.Password, "redis")
}

// sentinelLogin is who the gateway is to a Sentinel.
func (l *Link) sentinelLogin() (rueidis.AuthCredentials, error) {
	return l.credentials(l.o.SentinelUser, l.o.SentinelPassword, "a sentinel")
}

func (l *Link) credentials(user, password func() (string, error), whose string) (c rueidis.AuthCredentials, err error) {
	if user != nil {
		if c.Username, err = user(); err != nil {
			return c, fmt.Errorf("reading the user for %s: %w", whose, err)
		}
	}
	if password != nil {
		if c.Password, err = password(); err != nil {
			return c, fmt.Errorf("reading the password for %s: %w", whose, err)
		}
	}
	l.remember(c.Username, c.Password)
	return c, nil
}
