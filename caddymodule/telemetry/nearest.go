package telemetry

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/limit"
)

const (
	// nearestPlaces is how many tenants are remembered at most: with names of 16
	// bytes less than 256 KiB.
	nearestPlaces = 1024

	// nearShare is the share of a limit from which on a tenant is near it.
	nearShare = 0.5
)

// NearLimit is a tenant that was near a limit when it last called.
type NearLimit struct {
	// Tenant, Plan, Policy and Operation are those of the call; Operation may be
	// empty.
	Tenant, Plan, Policy, Operation string

	// Window is the limit's name, such as "gold:600/m", and Rate what it allows.
	Window string
	Rate   limit.Rate

	// Remaining is how many calls the limit would have admitted then.
	Remaining int

	// At is when the call was answered, and Reset when Remaining grows after it.
	At, Reset time.Time
}

// Share is how much of the limit was used when the call was answered, from 0 to 1.
func (n *NearLimit) Share() float64 { return usedShare(n.Rate.N, n.Remaining) }

// usedShare is how much of a limit of so many calls is used.
func usedShare(calls, remaining int) float64 { return 1 - float64(remaining)/float64(max(calls, 1)) }

// shareAt is how much of the limit is used by now if the tenant does not call any
// more: nothing comes back before Reset, all has when the window is over, and in
// between it is taken to come back evenly.
func (n *NearLimit) shareAt(now time.Time) float64 {
	end := n.At.Add(n.Rate.Window)
	if !now.After(n.Reset) {
		return n.Share()
	}
	if !now.Before(end) {
		return 0
	}
	return n.Share() * (float64(end.Sub(now)) / float64(end.Sub(n.Reset)))
}

// Nearest remembers which tenants are near a limit of theirs, so that nobody has
// to walk a table of a million for it. Each tenant has one place by a hash of its
// name; of several tenants with the same place the nearest one keeps it. So it
// may miss tenants when hundreds are near at once, but the nearest of all only if
// another with its place was as near.
//
// What it knows is as old as the tenant's last call: ask the gateway for the
// present state of whoever it names. That also tells the tenants apart that found
// the table of limits full and were held against the cell that those share: they
// have no counters of their own.
//
// Calls wait for no lock. It is safe for concurrent use.
type Nearest struct {
	seed   maphash.Seed
	places [nearestPlaces]atomic.Pointer[NearLimit] // never changed, only replaced
}

// ProcessNearest gives the tenants near a limit in this process; like the limits
// they go on over reloads.
var ProcessNearest = sync.OnceValue(NewNearest)

// NewNearest makes an empty Nearest of 8 KiB.
func NewNearest() *Nearest { return &Nearest{seed: maphash.MakeSeed()} }

// Observe looks at what a call that is over has left of its tenant's limits, and
// remembers the one that is used most if that is half or more. Only then it
// allocates. It keeps nothing of r.
func (n *Nearest) Observe(r *policy.Record) {
	near := mostUsed(r.Limits)
	if near == nil {
		return
	}
	at := answeredAt(r)
	found := NearLimit{
		Tenant: r.Tenant, Plan: r.Plan, Policy: r.Policy, Operation: r.Operation,
		Window: near.Name, Rate: near.Rate, Remaining: near.Remaining,
		At: at, Reset: at.Add(near.Reset),
	}
	place := &n.places[n.placeOf(r.Tenant)]
	for {
		old := place.Load()
		if old != nil && !found.replaces(old) {
			return
		}
		kept := found
		if old != nil && old.Tenant == r.Tenant {
			kept.Tenant = old.Tenant
		} else {
			// The name may be part of a larger string.
			kept.Tenant = strings.Clone(r.Tenant)
		}
		if place.CompareAndSwap(old, &kept) {
			return
		}
	}
}

// placeOf gives a tenant its place.
func (n *Nearest) placeOf(tenant string) uint64 {
	return maphash.String(n.seed, tenant) % nearestPlaces
}

// mostUsed gives the limit of which the largest share is used, the first of
// several; nil when of none half is.
func mostUsed(states []limit.State) (most *limit.State) {
	share := nearShare
	for i := range states {
		s := &states[i]
		if used := usedShare(s.Rate.N, s.Remaining); used > share || most == nil && used >= share {
			most, share = s, used
		}
	}
	return most
}

// answeredAt is about when the limits of a call were read: not when it was over,
// for streams can last long.
func answeredAt(r *policy.Record) time.Time {
	if n := len(r.Attempts); n > 0 {
		return r.Attempts[n-1].Start.Add(r.Attempts[n-1].Duration)
	}
	return r.Start
}

// replaces tells whether n takes the place of another: as later news of the same
// window, else when more of its limit is used than by then is of the other's.
func (n *NearLimit) replaces(other *NearLimit) bool {
	if n.Tenant == other.Tenant && n.Window == other.Window {
		return !n.At.Before(other.At)
	}
	return n.shareAt(n.At) > other.shareAt(n.At)
}

// Top gives at most count tenants that are near a limit, the nearest first: by the
// share that is used by now if they have not called since, then by name. Those
// whose share has fallen below half by then are left out. It is never nil.
func (n *Nearest) Top(now time.Time, count int) []NearLimit {
	type ranked struct {
		near  *NearLimit
		share float64
	}
	found := make([]ranked, 0, nearestPlaces)
	for i := range n.places {
		near := n.places[i].Load()
		if near == nil {
			continue
		}
		if share := near.shareAt(now); share >= nearShare {
			found = append(found, ranked{near, share})
		}
	}
	slices.SortFunc(found, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.share, a.share), strings.Compare(a.near.Tenant, b.near.Tenant))
	})
	top := make([]NearLimit, min(len(found), max(count, 0)))
	for i := range top {
		top[i] = *found[i].near
	}
	return top
}
