package redislink

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// reachTimeout is the least time that the nodes of a Cluster have to be reached
// while the session is being connected.
const reachTimeout = 200 * time.Millisecond

// session is all that is connected, from one coming back to the next failure. Once
// sealed it dials no more, so that no call waits for it.
type session struct {
	link    *Link
	ctx     context.Context // Done when the session is over.
	cancel  context.CancelFunc
	running sync.WaitGroup // what the keeper started for this session.
	doubts  chan struct{}

	key    string  // one of those with the prefix's own tag, for probing.
	mode   string  // fixed with the first client.
	main   []*lane // to the keys with the prefix's own tag,
	probed time.Time

	// elsewhere are lanes over the same clients to other keys, which may lie on other
	// nodes of a Cluster.
	elsewhere []*lane

	sealed  atomic.Bool
	shaken  atomic.Bool // whether a socket to some node of a Cluster broke.
	missing atomic.Bool // whether a node of a Cluster was wanted that is not connected.

	mu      sync.Mutex
	sockets map[*socket]struct{}

	// The Link's mutex guards what follows.
	over  bool
	why   string
	began Status // when Redis turned there, and away again, with this session.
	ended Status
}

func newSession(l *Link) *session {
	s := &session{link: l, key: l.Key("probe"), doubts: make(chan struct{}, 1), sockets: make(map[*socket]struct{})}
	s.ctx, s.cancel = context.WithCancel(l.ctx)
	context.AfterFunc(s.ctx, s.abort)
	return s
}

// connect connects all that calls will need, and seals it. The first connection has
// to show that Redis is well before there are others.
func (s *session) connect() error {
	o, err := s.option()
	if err != nil {
		return err
	}
	if err := s.first(&o); err != nil {
		return err
	}
	if err := s.probe(); err != nil {
		return s.explained(err, o.InitAddress)
	}
	s.load()
	for len(s.main) < s.link.o.Connections {
		client, err := s.open(o)
		if err != nil {
			return err
		}
		s.add(client)
	}
	s.reach(max(s.link.o.Timeout, reachTimeout))
	if err := s.subscribe(); err != nil {
		return err
	}
	s.sealed.Store(true)
	return s.explained(s.probe(), o.InitAddress) // What broke before is not dialled any more.
}

// add has calls use a client.
func (s *session) add(client rueidis.Client) {
	s.main = append(s.main, &lane{client: client, limit: maxUnderWay})
	s.elsewhere = append(s.elsewhere, &lane{client: client, limit: maxElsewhere})
}

// fail is the end of the session.
func (s *session) fail(why string) { s.link.leave(s, why) }

// decides tells whether what becomes of these keys says whether Redis is there.
// Those of other tags may lie on other nodes of a Cluster.
func (s *session) decides(keys []string) bool {
	return s.mode != cluster || len(keys) == 0 || strings.HasPrefix(keys[0], s.link.tag)
}

// lane is any of those to the keys.
func (s *session) lane(keys []string) *lane {
	lanes := s.main
	if !s.decides(keys) {
		lanes = s.elsewhere
	}
	return lanes[rand.IntN(len(lanes))]
}

// load sends the scripts to every node. Where that is not permitted, the first call
// of each sends its own.
func (s *session) load() {
	ctx, cancel := context.WithTimeout(s.ctx, max(s.link.o.Timeout, reachTimeout))
	defer cancel()
	var loading sync.WaitGroup
	for _, node := range s.main[0].client.Nodes() {
		loading.Go(func() {
			for _, script := range s.link.scripts {
				script.ExecMulti(ctx, node) // Run for nobody, it is only loaded.
			}
		})
	}
	loading.Wait()
}

// reach connects to the nodes of a Cluster that are not connected, as far as that is
// possible, and settles what was abandoned. No call waits longer for it than
// timeout.
func (s *session) reach(timeout time.Duration) {
	if s.mode != cluster {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithValue(s.ctx, reaching{}, true), timeout)
	defer cancel()
	var lanes sync.WaitGroup
	for _, n := range s.elsewhere {
		lanes.Go(func() { n.reach(ctx) })
	}
	lanes.Wait()
}

// probe writes over each lane, all within the timeout.
func (s *session) probe() error {
	ctx, cancel := context.WithTimeout(s.ctx, s.link.o.Timeout)
	defer cancel()
	s.probed = time.Now()
	errs := make(chan error, len(s.main))
	for _, n := range s.main {
		go func() { errs <- n.probe(ctx, s.key) }()
	}
	var first error
	for range s.main {
		if err := <-errs; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}

// doubt has the session examined. One examination at a time is enough, and every
// second it is looked at anyway.
func (s *session) doubt() {
	select {
	case s.doubts <- struct{}{}:
	default:
	}
}

// doubtful tells whether a socket broke, or somebody stopped waiting and nothing was
// heard since.
func (s *session) doubtful() bool {
	return s.shaken.Swap(false) || abandoned(s.main)
}

// close ends what is left of a session and returns when nothing is.
func (s *session) close() {
	s.cancel()
	s.abort()
	s.running.Wait()
	for _, n := range s.main {
		n.client.Close()
	}
}
