package redislink

import (
	"context"
	"crypto/tls"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// maxWanted bounds the nodes of a Cluster that are connected beside the one with
// the counters.
const maxWanted = 64

// session is all that is connected, from one coming back to the next failure.
type session struct {
	link       *Link
	encryption *tls.Config
	ctx        context.Context // Done when the session is over.
	cancel     context.CancelFunc
	running    sync.WaitGroup // what the keeper started for this session.

	mode     string
	main     *node  // holds all keys that begin with the prefix's own tag.
	ears     *group // hears messages; nil where nobody listens.
	sentinel *sentinel
	refused  string                // a master that a Sentinel named and that did not answer.
	slots    atomic.Pointer[slots] // nil but in a Cluster.
	asking   atomic.Bool           // whether a survey is under way.

	// others are further nodes of a Cluster by address, and wanted a key of each
	// that somebody asked for and that is to be connected.
	others atomic.Pointer[map[string]*node]
	mu     sync.Mutex // for changes of others, and for wanted.
	wanted map[string]string

	// The Link's mutex guards what follows.
	over  bool
	why   string
	began Status // when Redis turned there, and away again, with this session.
	ended Status
}

func newSession(l *Link) *session {
	s := &session{link: l, wanted: make(map[string]string)}
	s.ctx, s.cancel = context.WithCancel(l.ctx)
	s.others.Store(&map[string]*node{})
	return s
}

// connect finds Redis and connects all of it.
func (s *session) connect() (err error) {
	if s.encryption, err = s.link.o.encryption(s.link.address); err != nil {
		return err
	}
	if err := s.locate(); err != nil {
		return err
	}
	if err := s.main.complete(s.link.o.Scripts, s.link.o.Connections); err != nil {
		return err
	}
	return s.subscribe()
}

// fail is the end of the session.
func (s *session) fail(why string) { s.link.leave(s, why) }

// node is the one that holds the first of the keys, nil where it is not connected.
func (s *session) node(keys []string) *node {
	table := s.slots.Load()
	if table == nil || len(keys) == 0 || strings.HasPrefix(keys[0], s.link.tag) {
		return s.main
	}
	address := table.master(slotOf(keys[0]))
	if address == s.main.address {
		return s.main
	}
	n := (*s.others.Load())[address]
	if tag := tagOf(keys[0]); n == nil && address != "" && tag != "" {
		s.want(address, "{"+tag+"}:probe")
	}
	return n
}

func (s *session) want(address, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wanted) < maxWanted {
		s.wanted[address] = key
	}
}

// reach connects the nodes that are wanted, one after the other.
func (s *session) reach() {
	s.mu.Lock()
	wanted := maps.Clone(s.wanted)
	clear(s.wanted)
	s.mu.Unlock()
	for address, key := range wanted {
		if _, known := (*s.others.Load())[address]; known || len(*s.others.Load()) >= maxWanted {
			continue
		}
		n, err := s.newNode(address, key, func(string) { s.drop(address) })
		if err != nil {
			continue // It is wanted again by the next call.
		}
		if err := n.complete(s.link.o.Scripts, s.link.o.Connections); err != nil {
			n.close()
			continue
		}
		s.keep(n)
	}
}

// keep has calls use a node, unless it broke already.
func (s *session) keep(n *node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.seal() != nil {
		go n.close()
		return
	}
	all := maps.Clone(*s.others.Load())
	all[n.address] = n
	s.others.Store(&all)
}

// drop forgets a node beside the main one.
func (s *session) drop(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := (*s.others.Load())[address]
	if n == nil {
		return
	}
	all := maps.Clone(*s.others.Load())
	delete(all, address)
	s.others.Store(&all)
	go n.close()
}

// close ends what is left of a session and returns when nothing is.
func (s *session) close() {
	s.cancel()
	s.running.Wait()
	if s.main != nil {
		s.main.close()
	}
	for _, n := range *s.others.Load() {
		n.close()
	}
	if s.ears != nil {
		s.ears.close()
	}
	if s.sentinel != nil {
		s.sentinel.close()
	}
}
