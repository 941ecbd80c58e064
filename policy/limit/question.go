package limit

import (
	"strconv"
	"sync"
	"time"
)

const (
	// placeLease is how long a call is taken to be in flight when nothing more is
	// heard of it, as after its process was killed.
	placeLease = 10 * time.Second
	// maxCarried bounds the calls that have ended of which a question tells, for
	// each limit, so that a tenant's next call does not wait for news of its last.
	maxCarried = 64
	// strayGroups is how many groups of tenants Redis tells apart of those that were
	// counted together for lack of room.
	strayGroups = 1 << 16
)

// remoteRule is what Redis is told of a rule, as text.
type remoteRule struct {
	field  string
	n      string
	window string // In microseconds, rounded up.
	micros int64
}

func newRemoteRule(l Limit) remoteRule {
	micros := int64((l.Rate.Window + time.Microsecond - 1) / time.Microsecond)
	window := decimal(micros)
	return remoteRule{field: l.Scope + "/" + window + "us", n: decimal(int64(l.Rate.N)), window: window, micros: micros}
}

// remoteGate is what Redis is told of a gate, as text.
type remoteGate struct {
	scope string
	n     string
}

func newRemoteGate(c Concurrency) remoteGate {
	return remoteGate{scope: c.Scope, n: decimal(int64(c.N))}
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// question is what the script is asked about one call.
type question struct {
	keys, args []string
	// shape is what an answer to it has to look like.
	shape shape
	// member stands for the call among those in flight; empty without limits on
	// them. Their places are gates, part of keys.
	member string
	gates  []string
}

// shape is how many of each a question asks about.
type shape struct {
	windows [sides]int
	gates   int
	claims  int
	counts  bool // Not only looks.
}

// fixedKeys is how many keys stand before the places.
const fixedKeys = 5

// questions are kept for their slices, which nobody holds once a script has run.
var questions = sync.Pool{New: func() any { return new(question) }}

// asking is what a ticket's question is about.
type asking struct {
	first   side // The windows from this side on.
	slots   bool // The limits on calls in flight, too.
	counts  bool
	permits int
	claims  []Claim
}

// shapeOf says what a question would ask about.
func (k *Ticket) shapeOf(a asking) shape {
	f := shape{claims: len(a.claims), counts: a.counts}
	for _, set := range k.sets {
		for s := a.first; s < sides; s++ {
			f.windows[s] += len(set.parts[s].rules)
		}
		if a.slots {
			f.gates += len(set.parts[own].gates) + len(set.parts[shared].gates)
		}
	}
	return f
}

// empty says that there is nothing to ask.
func (f shape) empty() bool { return f.windows[own]+f.windows[shared]+f.gates+f.claims == 0 }

// ask writes a question. It is to be given back by free.
func (r *Remote) ask(k *Ticket, a asking, f shape) *question {
	q := questions.Get().(*question)
	q.shape, q.member = f, ""
	if f.gates > 0 && a.counts {
		q.member = r.sidecar + "." + strconv.FormatUint(r.number.Add(1), 36)
	}
	tenant := r.names.all // Not asked about, but a key has to be some key of this slot.
	if f.windows[own] > 0 {
		tenant = r.names.tenant + k.tenant
	}
	q.keys = append(q.keys[:0], tenant, r.names.all, r.names.overflow, r.names.newcomers, r.names.strays)
	how, newcomer, group := "take", k.tenant, ""
	if !a.counts {
		how = "look"
	}
	if k.known || f.windows[own] == 0 {
		newcomer = ""
	} else {
		group = groupOf(k.tenant)
	}
	q.args = append(q.args[:0], how,
		strconv.Itoa(f.windows[own]), strconv.Itoa(f.windows[shared]), strconv.Itoa(f.gates), strconv.Itoa(f.claims),
		newcomer, r.room, group, strconv.Itoa(a.permits), q.member, placeLeaseMillis)
	q.askWindows(k, a.first)
	if f.gates > 0 {
		r.askGates(q, k)
	}
	q.gates = q.keys[fixedKeys:]
	for i := range a.claims {
		c := &a.claims[i]
		q.keys = append(q.keys, c.Key)
		q.args = append(q.args, c.Member, strconv.Itoa(c.N), decimal(c.Lease.Milliseconds()))
	}
	return q
}

var placeLeaseMillis = decimal(placeLease.Milliseconds())

// free gives the question back. Its strings may go on elsewhere.
func (q *question) free() {
	clear(q.keys)
	clear(q.args)
	q.gates = nil
	questions.Put(q)
}

// askWindows adds the windows of the sides from first on.
func (q *question) askWindows(k *Ticket, first side) {
	for s := first; s < sides; s++ {
		for _, set := range k.sets {
			for i := range set.parts[s].rules {
				q.args = append(q.args, set.parts[s].rules[i].remote.field)
			}
		}
	}
	for s := first; s < sides; s++ {
		for _, set := range k.sets {
			for i := range set.parts[s].rules {
				r := &set.parts[s].rules[i].remote
				q.args = append(q.args, r.n, r.window)
			}
		}
	}
}

// askGates adds the limits on calls in flight, each with the calls that are known to
// have ended.
func (r *Remote) askGates(q *question, k *Ticket) {
	for s := own; s < sides; s++ {
		for _, set := range k.sets {
			for i := range set.parts[s].gates {
				g := &set.parts[s].gates[i].remote
				key := r.names.places + g.scope
				if s == own {
					key = r.names.places + g.scope + ":" + k.tenant
				}
				q.keys = append(q.keys, key)
				q.args = append(q.args, g.n, "0")
				if q.shape.counts {
					count := len(q.args) - 1
					q.args = r.flights.appendEnded(q.args, key)
					q.args[count] = strconv.Itoa(len(q.args) - 1 - count)
				}
			}
		}
	}
}

// groupOf is the group that a tenant is in, the same in every process (FNV-1a).
func groupOf(tenant string) string {
	h := uint32(2166136261)
	for i := range len(tenant) {
		h = (h ^ uint32(tenant[i])) * 16777619
	}
	return strconv.Itoa(int(h % strayGroups))
}
