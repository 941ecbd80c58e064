package limit

import (
	"strings"
	"sync"
	"time"
)

const (
	// maxLeases bounds the leases of a process, about 400 bytes each.
	maxLeases = 4096
	// maxPermits bounds the permits of one lease.
	maxPermits = 1000
	// idleLease is after how long a lease that nobody asks for is forgotten.
	idleLease = 10 * time.Second
	// pace is over how long a lease watches the demand while it has no permits.
	pace = 100 * time.Millisecond
	// lookEvery is how often leases are looked through for permits to give back.
	lookEvery = 50 * time.Millisecond
)

// leases are the permits that a process has taken in advance.
type leases struct {
	mu   sync.Mutex
	held map[leaseKey]*lease
	wake chan struct{} // There are leases.
}

// leaseKey is what the calls of a lease have in common.
type leaseKey struct {
	tenant string
	sets   [MaxSets]*Set
}

// lease holds permits for calls of one tenant under the same limits. Redis counts all
// of them from the beginning, as of the end of the lease, which is at the latest the end
// of the slice that it began in. So a call may use one at any time before that end and
// is counted no shorter than it should be, and at most a slice longer, as merged calls
// are in any case. What is left at the end is given back.
type lease struct {
	leaseKey
	mu      sync.Mutex
	permits int64 // That nobody has used.
	until   time.Time
	counted counted
	since   time.Time // When Redis granted them, and what it said then.
	windows [sides][]int64
	// How many calls there were since the watch over the demand began, which ends
	// with the permits or, without any, by itself.
	used  int64
	watch time.Time
}

// rest is permits to be given back.
type rest struct {
	counted counted
	sets    [MaxSets]*Set
	permits int64
}

func (l *leases) init() {
	l.held = make(map[leaseKey]*lease)
	l.wake = make(chan struct{}, 1)
}

// leasable says whether a call of this shape may use a permit: one that takes nothing
// but windows, all of them so large that calls share marks.
func (f shape) leasable(k *Ticket, a asking) bool {
	if !a.slots || f.gates > 0 || f.claims > 0 {
		return false
	}
	for _, set := range k.sets {
		for s := range set.parts {
			for i := range set.parts[s].rules {
				if set.parts[s].rules[i].n <= sliceCount {
					return false
				}
			}
		}
	}
	return true
}

// of finds or makes the lease for calls like k, nil when there are too many.
func (l *leases) of(k *Ticket) *lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found := l.held[leaseKey{k.tenant, k.sets}]; found != nil {
		return found
	}
	if len(l.held) == maxLeases {
		return nil
	}
	made := &lease{leaseKey: leaseKey{strings.Clone(k.tenant), k.sets}}
	l.held[made.leaseKey] = made
	signal(l.wake)
	return made
}

// lease decides about a call with a permit that lies here, or asks Redis for several.
func (r *Remote) lease(k *Ticket, patience time.Duration, a asking, f shape) *Refusal {
	l := r.leases.of(k)
	if l == nil {
		return r.inquire(k, patience, a, f)
	}
	now := r.clock()
	if l.use(k, now) {
		refusal := k.here(now, a)
		if refusal != nil {
			r.putBack(k)
			k.forget(a)
		}
		return refusal
	}
	a.permits = l.want(now)
	refusal := r.inquire(k, patience, a, f)
	if refusal == nil && k.remote.by == Redis {
		l.fill(r, k, now)
	}
	return refusal
}

// use gives k one of the permits, if there are any.
func (l *lease) use(k *Ticket, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.permits == 0 || !now.Before(l.until) {
		return false
	}
	l.permits--
	l.used++
	t := k.remote
	t.by, t.lease, t.counted = Redis, l, l.counted
	t.since, t.windows, t.given = l.since, l.windows, [sides]bool{}
	return true
}

// want is how many permits to ask for: as many as were used in the last watch, or in
// this one if it is not over.
func (l *lease) want(now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	used := l.used
	if !now.Before(l.watch) {
		if now.Sub(l.watch) > pace {
			used = 0
		}
		l.used, l.watch = 0, now.Add(pace)
	}
	return int(min(max(used, 1), maxPermits))
}

// fill keeps what Redis granted to k, which was asked for at the time asked, beyond the
// permit that k uses itself. The end comes a little early, so that clocks that do not run
// at the same rate do no harm.
func (l *lease) fill(r *Remote, k *Ticket, asked time.Time) {
	t := k.remote
	l.mu.Lock()
	l.used++
	if t.permits == 1 {
		l.mu.Unlock()
		return
	}
	t.lease = l
	if l.permits > 0 && t.counted.at < l.counted.at {
		// An answer that was overtaken: what lies here lasts longer.
		l.mu.Unlock()
		r.giveBack(rest{t.counted, l.sets, t.permits - 1})
		return
	}
	var old rest
	if l.permits > 0 && l.counted != t.counted {
		old = rest{l.counted, l.sets, l.permits}
		l.permits = 0
	}
	span := micros(t.counted.at - t.now)
	l.permits += t.permits - 1
	l.counted, l.since, l.windows = t.counted, t.since, t.windows
	l.until = asked.Add(span - span/1024)
	l.watch = l.until
	l.mu.Unlock()
	r.giveBack(old)
}

// putBack gives back the permit of k, to its lease while that lasts.
func (r *Remote) putBack(k *Ticket) {
	l := k.remote.lease
	l.mu.Lock()
	lasts := l.counted == k.remote.counted && r.clock().Before(l.until)
	if lasts {
		l.permits++
		l.used--
	}
	l.mu.Unlock()
	if !lasts {
		r.undo(k.remote.counted, k.sets[:], 1)
	}
}

// giveBack has Redis take back permits that nobody used.
func (r *Remote) giveBack(rests ...rest) {
	for i := range rests {
		if rests[i].permits > 0 {
			r.undo(rests[i].counted, rests[i].sets[:], rests[i].permits)
		}
	}
}

// ended takes out the permits of leases that have ended at the time now, and forgets
// leases that nobody asked for of late. It says whether there are any left.
func (l *leases) ended(now time.Time) (rests []rest, left bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, one := range l.held {
		one.mu.Lock()
		if one.permits > 0 && !now.Before(one.until) {
			rests = append(rests, rest{one.counted, one.sets, one.permits})
			one.permits = 0
		}
		if now.Sub(one.watch) > idleLease {
			delete(l.held, key)
		}
		one.mu.Unlock()
	}
	return rests, len(l.held) > 0
}

// takeAll takes out all permits.
func (l *leases) takeAll() (rests []rest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.held {
		one.mu.Lock()
		if one.permits > 0 {
			rests = append(rests, rest{one.counted, one.sets, one.permits})
			one.permits = 0
		}
		one.mu.Unlock()
	}
	return rests
}
