package caddymodule

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// tunnels are those that are open on a site. net/http does not know them when
// its server shuts down. It is safe for concurrent use; there are at most as
// many as the site has connections.
type tunnels struct {
	mu    sync.Mutex
	open  map[*tunnel]struct{}
	ended bool
	all   sync.WaitGroup
}

// exitPatience is how long calls inside tunnels may go on when the process ends:
// as long as the longest deadline. Streams have none, and end then.
const exitPatience = 60 * time.Second

func newTunnels() *tunnels { return &tunnels{open: make(map[*tunnel]struct{})} }

// add enters a tunnel. It is false when none is opened any more.
func (s *tunnels) add(t *tunnel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.open[t] = struct{}{}
	s.all.Add(1)
	return true
}

// remove forgets a tunnel that add has entered, and that is over.
func (s *tunnels) remove(t *tunnel) {
	s.mu.Lock()
	delete(s.open, t)
	s.mu.Unlock()
	s.all.Done()
}

// end opens no tunnel any more, and closes each one after the answer that is on
// its way. It does not wait, and may be called twice.
func (s *tunnels) end() {
	s.mu.Lock()
	s.ended = true
	open := slices.Collect(maps.Keys(s.open))
	s.mu.Unlock()
	for _, t := range open {
		t.end()
	}
}

// cut closes the tunnels whose connection has changed its protocol: nobody knows
// when those would end.
func (s *tunnels) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.open {
		if t.upgraded.Load() {
			_ = t.Close() // It may be closed already.
		}
	}
}

// wait waits, after end, until no tunnel is open, but not longer than patience.
func (s *tunnels) wait(patience time.Duration) {
	over := make(chan struct{})
	go func() {
		s.all.Wait()
		close(over)
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-over:
	case <-timer.C:
	}
}
