package oauth2

import (
	"context"
	"errors"
	"time"
)

const (
	// maxFlight is how long a request for a token may take.
	maxFlight = 10 * time.Second
	// maxFlights bounds how many are under way at once, over all credentials,
	// and so the goroutines of a Source.
	maxFlights = 1024
)

// flight is one request for a token. It belongs to nobody: calls that wait for
// it may give up, and it goes on.
type flight struct {
	done chan struct{} // Closed when token and err are set.

	token Token
	err   *Error
}

// wait gives what the flight brings, or the error of a context that ends before.
func (f *flight) wait(ctx context.Context) (Token, error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		return Token{}, ctx.Err()
	}
	if f.err != nil {
		return Token{}, f.err
	}
	return f.token, nil
}

// launch starts a flight for an entry that has none, or gives nil where too
// many are under way. The caller holds s.mu.
func (s *Source) launch(now time.Time, e *entry, cr Credentials) *flight {
	if s.flights >= maxFlights {
		return nil
	}
	s.flights++
	e.flight = &flight{done: make(chan struct{})}
	go s.fly(now, e, e.flight, cr)
	return e.flight
}

// fly asks for a token under a context of its own, which holds nothing of the
// call that started it. It ends within maxFlight, if the transport does as its
// context says.
func (s *Source) fly(now time.Time, e *entry, f *flight, cr Credentials) {
	ctx, cancel := context.WithTimeout(context.Background(), maxFlight)
	defer cancel()
	started := time.Now()
	var granted grant
	// What stands if the transport panics. In a goroutine of its own, and
	// outside any server's, that would end the process for all tenants.
	failure := silence(errors.New("the transport panicked"))
	defer func() {
		_ = recover()
		s.land(now, started, e, f, granted, failure)
	}()
	granted, failure = ask(ctx, s.cfg, s.transport, cr)
}

// land keeps what a flight has brought and tells those who wait. now is when it
// began by the caller's clock, started by that of the system.
func (s *Source) land(now, started time.Time, e *entry, f *flight, g grant, failure *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flights--
	e.flight = nil
	e.failure = failure
	e.rests = time.Time{}
	switch {
	case failure != nil:
		f.err = failure
	case g.lifetime > 0:
		f.token = Token{Value: g.value, Expires: now.Add(g.lifetime)}
		e.keep(f.token, g.lifetime)
	default:
		f.token = Token{Value: g.value, Expires: now}
	}
	if failure != nil || g.lifetime <= 0 {
		e.rests = now.Add(time.Since(started) + pause)
	}
	close(f.done)
}
