package oauth2

import "time"

// The bounds of a Source and of what it reads.
const (
	MaxEntries = maxEntries
	MaxFlights = maxFlights
	MaxFlight  = maxFlight
	MaxAnswer  = maxAnswer
	MaxToken   = maxToken
)

// Kept tells how many credentials a Source knows.
func (s *Source) Kept() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.entries.Len()
}

// Judge tells what an answer is worth.
func Judge(status int, body []byte) (token string, lifetime time.Duration, err *Error) {
	g, err := judge(status, body)
	return g.value, g.lifetime, err
}

// Alike reports whether two credentials share their tokens.
func Alike(a, b Credentials) bool { return a.hash() == b.hash() }
