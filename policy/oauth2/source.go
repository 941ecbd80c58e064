package oauth2

import (
	"context"
	"crypto/subtle"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// maxEntries bounds the credentials whose tokens are kept. With tokens of
	// 16 KiB they take 64 MiB, and about 8 MiB with usual ones.
	maxEntries = 4096

	// A token is renewed when no more of its life remains than the lesser of
	// renewShare and maxRenew, and given no more when it is the lesser of
	// reserveShare and maxReserve, so that it does not expire on its way.
	renewShare, maxRenew     = 10, 60 * time.Second // A tenth.
	reserveShare, maxReserve = 20, 5 * time.Second  // A twentieth.

	// pause is how long after a request that brought no token there is no
	// further one for the same credentials, and after a token that was refused
	// none is thrown away. So an endpoint that is down, or a third party that
	// refuses everything, does not turn each call into a request for a token.
	pause = time.Second
)

// Source gets tokens and keeps them. It is safe for concurrent use. It keeps
// those of at most 4096 credentials, under a hash of all their parts, and
// forgets those not used for longest. It needs no closing: it runs goroutines
// only to ask for tokens, one for each credentials and at most 1024, each of
// which ends within 10 s.
type Source struct {
	cfg       Config
	transport http.RoundTripper

	mu      sync.Mutex
	entries *simplelru.LRU[hash, *entry]
	flights int // Those under way, of forgotten entries too.
}

// entry is what is known for some credentials. Source.mu guards it.
type entry struct {
	token   Token     // Zero when there is none.
	renews  time.Time // From when on it is to be renewed,
	ends    time.Time // and from when on it is not given any more.
	flight  *flight   // The one under way, or nil.
	failure *Error    // What the last flight came to, nil if it brought a token.
	rests   time.Time // Until then no other flight starts because of that.
	refused time.Time // When a token was last thrown away, by the system's clock.
}

// NewSource gives a Source that asks through the transport, which must heed the
// context of a request. The requests' contexts hold no values of any call.
func NewSource(c Config, transport http.RoundTripper) *Source {
	entries, err := simplelru.NewLRU[hash, *entry](maxEntries, nil)
	if err != nil {
		panic(err) // Not reached: the size is positive.
	}
	return &Source{cfg: c, transport: transport, entries: entries}
}

// Token gives a token for the credentials. One that is kept is given at once,
// also when the context has ended; in the last tenth of its life, or its last 60 s
// if that is less, one request in the background renews it. Otherwise Token
// waits for a request that takes at most 10 s and is shared by all who wait. A
// request that fails is not repeated for 1 s; calls get its error until then.
//
// A token lasts as long as the endpoint says, but at most 24 h; 5 min if it says
// nothing or 0. One whose lifetime is negative serves only the calls that waited
// for it.
//
// The error is an *Error, or ctx.Err() if the context ended first. To tell them
// apart, ask for the *Error: it can wrap the deadline of the request. Safe for
// concurrent use.
func (s *Source) Token(ctx context.Context, now time.Time, cr Credentials) (Token, error) {
	token, f, failure := s.find(ctx, now, cr)
	switch {
	case f != nil:
		return f.wait(ctx)
	case failure != nil:
		return Token{}, failure
	}
	return token, nil
}

// find gives a token that is kept, or a flight to wait for, or why there is
// neither.
func (s *Source) find(ctx context.Context, now time.Time, cr Credentials) (Token, *flight, error) {
	h := cr.hash()
	s.mu.Lock()
	defer s.mu.Unlock()
	e, known := s.entries.Get(h)
	if !known {
		e = new(entry)
		s.entries.Add(h, e)
	}
	resting := now.Before(e.rests)
	if e.token.Value != "" && now.Before(e.ends) {
		if e.flight == nil && !resting && !now.Before(e.renews) {
			s.launch(now, e, cr) // If there are too many, a later call does.
		}
		return e.token, nil, nil
	}
	switch {
	case e.flight != nil:
		return Token{}, e.flight, nil
	case resting && e.failure != nil:
		return Token{}, nil, e.failure
	case ctx.Err() != nil:
		return Token{}, nil, ctx.Err() // Nobody is left to ask for.
	}
	if f := s.launch(now, e, cr); f != nil {
		return Token{}, f, nil
	}
	return Token{}, nil, &Error{Kind: Unreachable, reason: "Too many requests for access tokens are under way."}
}

// keep puts a token in place of the one before.
func (e *entry) keep(t Token, lifetime time.Duration) {
	e.token = t
	e.renews = t.Expires.Add(-min(lifetime/renewShare, maxRenew))
	e.ends = t.Expires.Add(-min(lifetime/reserveShare, maxReserve))
}

// Refuse says that the third party answered 401 to a call with this token. It
// is forgotten, so that the next call asks for another, unless another one is
// kept by now, or one was forgotten within the last second: a token that is as
// new as that is not what the third party dislikes. Safe for concurrent use.
func (s *Source) Refuse(cr Credentials, token string) {
	h := cr.hash()
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries.Peek(h)
	if !ok || token == "" || subtle.ConstantTimeCompare([]byte(e.token.Value), []byte(token)) == 0 {
		return
	}
	if time.Since(e.refused) < pause {
		return
	}
	e.token, e.refused = Token{}, time.Now()
}
