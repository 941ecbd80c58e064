package limit

import (
	"slices"
	"sync"
	"time"
)

// maxEnded bounds the places that Redis is still to be told of, about 100 bytes each.
// The leases of those beyond end by themselves.
const maxEnded = 4096

// flights are the calls of this process that hold places at Redis, and the places of
// those that have ended but that Redis may not know of yet.
type flights struct {
	mu sync.Mutex
	// going has an entry for each call in flight, which are as many as the limits
	// allow, and vacant ones.
	going  []flight
	vacant []int
	// over holds the members of calls that have ended, by the key of their places.
	over  map[string][]string
	count int // Of all over.
	// running says that somebody looks after wake and urgent.
	running bool
	wake    chan struct{} // Something is over.
	urgent  chan struct{} // Redis is to be told of all that are going.
}

// flight is a call that holds places.
type flight struct {
	member string // Empty when the entry is vacant.
	keys   []string
	leased time.Time // When Redis was last told, zero for never.
}

// place is one member's place.
type place struct{ key, member string }

func (f *flights) init() {
	f.over = make(map[string][]string)
	f.wake, f.urgent = make(chan struct{}, 1), make(chan struct{}, 1)
}

// begin notes a call that holds places since then, and gives it a number from 1.
func (f *flights) begin(member string, keys []string, since time.Time) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.vacant) == 0 {
		f.going = append(f.going, flight{})
		f.vacant = append(f.vacant, len(f.going)-1)
	}
	n := f.vacant[len(f.vacant)-1]
	f.vacant = f.vacant[:len(f.vacant)-1]
	g := &f.going[n]
	g.member, g.keys, g.leased = member, append(g.keys[:0], keys...), since
	return n + 1
}

// end notes that a call has ended. It gives the call's places when nobody looks after
// what is over.
func (f *flights) end(n int) []place {
	f.mu.Lock()
	defer f.mu.Unlock()
	g := &f.going[n-1]
	member := g.member
	g.member = ""
	f.vacant = append(f.vacant, n-1)
	if f.running {
		f.finish(g.keys, member)
		return nil
	}
	places := make([]place, len(g.keys))
	for i, key := range g.keys {
		places[i] = place{key, member}
	}
	return places
}

// ended notes that a member holds no places, or is to hold none.
func (f *flights) ended(keys []string, member string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.finish(keys, member)
}

// finish is ended with the lock held.
func (f *flights) finish(keys []string, member string) {
	for _, key := range keys {
		if f.count == maxEnded {
			return
		}
		f.over[key] = append(f.over[key], member)
		f.count++
	}
	signal(f.wake)
}

// signal tells whoever listens, once.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// appendEnded appends the members that ended last under a key to args.
func (f *flights) appendEnded(args []string, key string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	over := f.over[key]
	return append(args, over[max(0, len(over)-maxCarried):]...)
}

// finished appends up to so many places that are over to dst.
func (f *flights) finished(dst []place, most int) []place {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, members := range f.over {
		for _, member := range members {
			if len(dst) == most {
				return dst
			}
			dst = append(dst, place{key, member})
		}
	}
	return dst
}

// forget drops places of which Redis has been told.
func (f *flights) forget(told []place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range told {
		members := f.over[p.key]
		i := slices.Index(members, p.member)
		if i < 0 {
			continue
		}
		f.count--
		if members = slices.Delete(members, i, i+1); len(members) == 0 {
			delete(f.over, p.key)
		} else {
			f.over[p.key] = members
		}
	}
}

// lasting appends the places of the calls of which Redis was not told from since on, and
// notes that it is told now.
func (f *flights) lasting(dst []place, since, now time.Time) []place {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.going {
		g := &f.going[i]
		if g.member == "" || g.leased.After(since) {
			continue
		}
		g.leased = now
		for _, key := range g.keys {
			dst = append(dst, place{key, g.member})
		}
	}
	return dst
}

// look says whether somebody looks after what is over, from now on.
func (f *flights) look(running bool) {
	f.mu.Lock()
	f.running = running
	f.mu.Unlock()
}

// tellAll has Redis told of all calls in flight.
func (f *flights) tellAll() {
	f.mu.Lock()
	for i := range f.going {
		f.going[i].leased = time.Time{}
	}
	f.mu.Unlock()
	signal(f.urgent)
}
