package alert

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// quiet is the least time between two messages about a policy and kind.
	quiet = time.Hour

	// maxLedgers bounds what a Book holds: 1,000 policies with both kinds.
	maxLedgers = 2000
)

// Book is what must be known across configurations: when each policy was last
// told of, what failed since, and what is still to be delivered. It lives in
// memory, holds 1,000 policies at most, some KiB each, and is safe for
// concurrent use. Of more policies, the one that was told of longest ago is
// forgotten, those of which nothing waits first.
type Book struct {
	queue *queue

	mu      sync.Mutex
	ledgers map[subject]*ledger
	left    int       // notes that were forgotten with their ledgers
	senders []*Sender // the last one started is in charge
}

// subject is what a message is about.
type subject struct {
	policy string
	kind   Kind
}

// ledger is what is known of one subject.
type ledger struct {
	told    time.Time // when the last message became due
	open    Digest    // what happened since
	parcels []*parcel
	trouble map[channel]string // of the last delivery by each, if it did not succeed
}

// NewBook gives an empty Book.
func NewBook() *Book {
	return &Book{queue: newQueue(), ledgers: map[subject]*ledger{}}
}

// collect notes what waits in the queue. It tells whether a message may have
// become due, or a time to look for one.
func (b *Book) collect(now time.Time) (look bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range len(b.queue.notes) { // Nobody else takes any.
		n := <-b.queue.notes
		if n.Time.IsZero() {
			n.Time = now
		}
		l := b.ledger(subject{n.Policy, n.kind})
		look = look || l.open.Total == 0
		l.open.add(&n.Failure)
	}
	b.queue.take(func(t tally, n int) {
		l := b.ledger(subject{t.policy, t.kind})
		look = look || l.open.Total == 0
		l.open.count(cleaned(t.outcome), n, now)
	})
	return look
}

// ledger gives the ledger of a subject, and makes room for a new one.
func (b *Book) ledger(of subject) *ledger {
	l, known := b.ledgers[of]
	if !known {
		if len(b.ledgers) >= maxLedgers {
			b.forgetOne()
		}
		l = &ledger{trouble: map[channel]string{}}
		b.ledgers[of] = l
	}
	return l
}

// forgetOne drops the ledger that matters least.
func (b *Book) forgetOne() {
	var victim subject
	var least *ledger
	for of, l := range b.ledgers {
		if least == nil || l.compare(least) < 0 {
			victim, least = of, l
		}
	}
	b.left += least.waiting()
	delete(b.ledgers, victim)
}

// compare orders ledgers by how little would be lost with them.
func (l *ledger) compare(other *ledger) int {
	return cmp.Or(
		cmp.Compare(min(l.waiting(), 1), min(other.waiting(), 1)),
		l.told.Compare(other.told),
	)
}

// waiting is how much was noted and reached nobody yet.
func (l *ledger) waiting() int {
	n := l.open.Total
	for _, p := range l.parcels {
		n += p.digest.Total
	}
	return n
}

// lost gives how many notes were dropped since it was last called.
func (b *Book) lost() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.left + int(b.queue.lost())
	b.left = 0
	return n
}

// due closes the digests whose time has come, and makes parcels of them for
// those whom targets names.
func (b *Book) due(now time.Time, targets func(policy string) []target) []Told {
	b.mu.Lock()
	defer b.mu.Unlock()
	var told []Told
	for of, l := range b.ledgers {
		if l.open.Total == 0 || !l.mayTell(now) {
			continue
		}
		fresh := l.open
		l.open, l.told = Digest{}, now
		l.dispatch(fresh, targets(of.policy), now)
		told = append(told, Told{Policy: of.policy, Kind: of.kind, Digest: fresh})
	}
	return told
}

// mayTell tells whether the hour after the last message is over.
func (l *ledger) mayTell(now time.Time) bool {
	return l.told.IsZero() || now.Sub(l.told) >= quiet
}

// next is when due or ready will have something to do, or the zero time. It
// leaves out what waits for a delivery to end, which wakes the Sender.
func (b *Book) next(now time.Time) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	var first time.Time
	sooner := func(t time.Time) {
		if t.After(now) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, l := range b.ledgers {
		if l.open.Total > 0 {
			sooner(l.told.Add(quiet))
		}
		for _, p := range l.parcels {
			if !p.inFlight {
				sooner(p.next)
			}
		}
	}
	return first
}

// reset forgets a policy, also what waits in the queue.
func (b *Book) reset(policy string, now time.Time) (known bool) {
	b.collect(now)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, kind := range []Kind{Failing, Drifting} {
		of := subject{policy, kind}
		if _, there := b.ledgers[of]; there {
			known = true
			delete(b.ledgers, of)
		}
	}
	return known
}

// Status is what is known of a policy's messages of one kind.
type Status struct {
	// Policy and Kind are what the messages are about.
	Policy string `json:"policy"`
	Kind   Kind   `json:"kind"`

	// LastTold is when the last message became due.
	LastTold time.Time `json:"last_told,omitzero"`

	// Failed is how often it happened since.
	Failed int `json:"failed"`

	// NextAt is when the next message may leave, and zero when that is at once.
	NextAt time.Time `json:"next_at,omitzero"`

	// Pending is how many deliveries are under way or will be tried again.
	Pending int `json:"pending"`

	// LastError is why the last delivery by mail or by webhook did not succeed.
	// It holds no secret, and is empty when both did.
	LastError string `json:"last_error,omitempty"`
}

// Status tells of each policy and kind that ever was told of, by name. It takes
// a lock that no call waits for.
func (b *Book) Status() []Status {
	now := time.Now()
	b.mu.Lock()
	all := make([]Status, 0, len(b.ledgers))
	for of, l := range b.ledgers {
		s := Status{
			Policy: of.policy, Kind: of.kind,
			LastTold: l.told, Failed: l.open.Total, Pending: len(l.parcels), LastError: l.lastError(),
		}
		if !l.mayTell(now) {
			s.NextAt = l.told.Add(quiet)
		}
		all = append(all, s)
	}
	b.mu.Unlock()
	slices.SortFunc(all, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Kind, b.Kind))
	})
	return all
}

// lastError joins what went wrong, by channel.
func (l *ledger) lastError() string {
	var texts []string
	for _, c := range []channel{byMail, byWebhook} {
		if text := l.trouble[c]; text != "" {
			texts = append(texts, string(c)+": "+text)
		}
	}
	return strings.Join(texts, "; ")
}

// enlist puts a Sender in charge.
func (b *Book) enlist(s *Sender) {
	b.mu.Lock()
	b.senders = append(b.senders, s)
	b.mu.Unlock()
	b.wake()
}

// dismiss takes a Sender out. If it was in charge, the one before it is again:
// a configuration that is rejected after it started gives way to the one that
// goes on.
func (b *Book) dismiss(s *Sender) {
	b.mu.Lock()
	b.senders = slices.DeleteFunc(b.senders, func(other *Sender) bool { return other == s })
	b.mu.Unlock()
	b.wake()
}

// inCharge gives the Sender that delivers, or nil.
func (b *Book) inCharge() *Sender {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.senders) == 0 {
		return nil
	}
	return b.senders[len(b.senders)-1]
}

// wake has the Sender in charge look at what is due.
func (b *Book) wake() {
	if s := b.inCharge(); s != nil {
		nudge(s.wake)
	}
}
