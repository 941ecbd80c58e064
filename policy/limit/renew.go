package limit

import (
	"context"
	"slices"
	"time"
)

const (
	// renewEvery is how often calls in flight are told to Redis. Their leases last
	// for three times that and more, so that one time may fail.
	renewEvery = 3 * time.Second
	// freshFor is how old a lease must be to be renewed: most calls are over by then.
	freshFor = time.Second
	// maxPlaces is how many places one script sees to, so that it holds up no others.
	maxPlaces = 128
)

// Renew tells Redis of the calls in flight every 3 seconds, so that their places are
// kept, of those that have ended, and of permits that were not used. It runs until ctx
// is done; what is left then goes to [Link.Later]. To be run once; without it, Redis is
// told of each call that has ended by itself, and the others' leases end.
func (r *Remote) Renew(ctx context.Context) {
	r.flights.look(true)
	every := time.NewTicker(renewEvery)
	defer every.Stop()
	var look <-chan time.Time // While there are leases.
	for {
		select {
		case <-ctx.Done():
			r.flights.look(false)
			r.leaveAll()
			return
		case <-r.flights.wake:
			r.giveUp(ctx) // Those that end meanwhile are told together.
		case <-r.flights.urgent:
			r.renew(ctx, r.clock(), 0)
		case <-every.C:
			r.renew(ctx, r.clock(), freshFor)
			// Last, so that a renewal that crossed an end is put right.
			r.giveUp(ctx)
		case <-r.leases.wake:
			look = time.After(lookEvery)
		case <-look:
			rests, left := r.leases.ended(r.clock())
			r.giveBack(rests...)
			if look = nil; left {
				look = time.After(lookEvery)
			}
		}
	}
}

// renew tells Redis of the calls in flight of which it was last told so long ago.
func (r *Remote) renew(ctx context.Context, now time.Time, age time.Duration) {
	if !r.link.There() {
		return
	}
	for places := range slices.Chunk(r.flights.lasting(nil, now.Add(-age), now), maxPlaces) {
		keys, args := tell(places, placeLeaseMillis)
		if r.link.Run(ctx, 0, placesScript, keys, args).Error() != nil {
			return
		}
	}
}

// giveUp tells Redis of the calls that have ended. What cannot be told now is kept.
func (r *Remote) giveUp(ctx context.Context) {
	places := make([]place, 0, maxPlaces)
	for r.link.There() {
		if places = r.flights.finished(places[:0], maxPlaces); len(places) == 0 {
			return
		}
		keys, args := tell(places, "0")
		if r.link.Run(ctx, 0, placesScript, keys, args).Error() != nil {
			return
		}
		r.flights.forget(places)
	}
}

// leaveAll gives up what can be when nobody will look after it any more.
func (r *Remote) leaveAll() {
	places := r.flights.finished(nil, maxEnded)
	r.flights.forget(places)
	for some := range slices.Chunk(places, maxPlaces) {
		keys, args := tell(some, "0")
		r.link.Later(placesScript, keys, args)
	}
	r.giveBack(r.leases.takeAll()...)
}
