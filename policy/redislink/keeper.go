package redislink

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	// lookGap is between one look at what may have been lost and the next.
	lookGap = time.Second

	// Pauses between attempts to come back are of random length up to a bound, so
	// that gateways do not come all at once: 50 ms at first, twice as much each
	// time, at most 1.6 s.
	firstPause = 50 * time.Millisecond
	doublings  = 5

	// steady is how long Redis must have been there for the pauses to begin anew:
	// one that comes and goes is not run after.
	steady = time.Second

	// probeGap is the least from one examination to the next, so that
	// callers of no patience make no load.
	probeGap = 20 * time.Millisecond

	// examinations is how often Redis is asked in one of them while this process
	// itself is too slow to tell.
	examinations = 3
)

// keep comes back to Redis and watches over it until the Link is closed. All
// connecting is done here.
func (l *Link) keep() {
	defer close(l.kept)
	for attempt := 0; l.ctx.Err() == nil; attempt++ {
		s, err := l.come()
		if err != nil {
			l.miss(err)
		} else {
			l.tell(s.began)
			l.watch(s)
			if l.ctx.Err() == nil {
				l.tell(s.ended)
			}
			l.closing.Go(s.close)
			if time.Since(s.began.Since) >= steady {
				attempt = 0
			}
		}
		l.pause(attempt)
	}
}

// come connects all that is needed, lets the listeners catch up, and only then is
// Redis there.
func (l *Link) come() (*session, error) {
	s := newSession(l)
	err := s.connect()
	if err == nil {
		err = l.admit(s)
	}
	if err != nil {
		s.close()
		return nil, l.cause(s, err)
	}
	return s, nil
}

// pause waits before the next attempt, unless the Link is closed.
func (l *Link) pause(attempt int) {
	slept(l.ctx, rand.N(firstPause<<min(attempt, doublings)))
}

// slept tells whether d passed before the context ended.
func slept(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// watch returns when the session is over.
func (l *Link) watch(s *session) {
	tick := time.NewTicker(lookGap)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.doubts:
			s.examine()
		case <-tick.C:
			s.examine()
			if s.missing.Swap(false) || abandoned(s.elsewhere) {
				s.reach(l.o.Timeout)
			}
		}
	}
}

// examine asks Redis where somebody had too little patience, giving it as long as a
// call may take at most: what a short patience says of Redis is nothing.
func (s *session) examine() {
	if !s.doubtful() || !slept(s.ctx, probeGap-time.Since(s.probed)) {
		return
	}
	timeout := s.link.o.Timeout
	for range examinations {
		began := time.Now()
		err := s.probe()
		if err == nil || s.ctx.Err() != nil {
			return
		}
		if !starved(time.Since(began), timeout) {
			s.fail(reason(err, timeout))
			return
		}
	}
	s.fail(reason(context.DeadlineExceeded, timeout))
}
