package alert

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// quiet is the least time between two messages about a policy, but that one about
	// changed answers alone does not delay that calls fail.
	quiet = time.Hour

	// maxLedgers bounds what a Book holds: one ledger for each policy.
	maxLedgers = 1000
)

// Book is what must be known across configurations: when each policy was last
// told of, what happened since, and what is still to be delivered. It lives in
// memory, holds 1,000 policies at most, some KiB each, and is safe for
// concurrent use. Of more policies, the one that was told of longest ago is
// forgotten, those of which nothing waits first.
type Book struct {
	queue *queue

	mu      sync.Mutex
	ledgers map[string]*ledger // by policy
	left    int                // notes that were forgotten with their ledgers
	senders []*Sender          // the last one started is in charge
}

// ledger is what is known of one policy.
type ledger struct {
	told    time.Time // when the last message became due
	mild    bool      // it told of changed answers alone
	open    Digest    // what happened since
	parcels []*parcel
	trouble map[channel]string // of the last delivery by each, if it did not succeed
}

// NewBook gives an empty Book.
func NewBook() *Book {
	return &Book{queue: newQueue(), ledgers: map[string]*ledger{}}
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
		l := b.ledger(n.Policy)
		look = look || l.isNews(n.kind)
		l.open.of(n.kind).add(&n.Failure)
	}
	b.queue.take(func(t tally, n int) {
		l := b.ledger(t.policy)
		look = look || l.isNews(t.kind)
		l.open.of(t.kind).count(cleaned(t.outcome), n, now)
	})
	return look
}

// isNews tells whether a note may make a message due: the first one of all, and
// the first failure.
func (l *ledger) isNews(k kind) bool {
	return l.open.total() == 0 || k == failing && l.open.Failed.Total == 0
}

// ledger gives the ledger of a policy, and makes room for a new one.
func (b *Book) ledger(policy string) *ledger {
	l, known := b.ledgers[policy]
	if !known {
		if len(b.ledgers) >= maxLedgers {
			b.forgetOne()
		}
		l = &ledger{trouble: map[channel]string{}}
		b.ledgers[policy] = l
	}
	return l
}

// forgetOne drops the ledger that matters least.
func (b *Book) forgetOne() {
	var victim string
	var least *ledger
	for policy, l := range b.ledgers {
		if least == nil || l.compare(least) < 0 {
			victim, least = policy, l
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
	n := l.open.total()
	for _, p := range l.parcels {
		n += p.digest.total()
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
	for policy, l := range b.ledgers {
		if l.open.total() == 0 || !l.mayTell(now) {
			continue
		}
		fresh := l.open
		l.open, l.told, l.mild = Digest{}, now, fresh.Failed.Total == 0
		l.dispatch(fresh, targets(policy), now)
		told = append(told, Told{Policy: policy, Digest: fresh})
	}
	return told
}

// mayTell tells whether the hour after the last message is over, or was not one of
// those that a failed call has to wait for.
func (l *ledger) mayTell(now time.Time) bool {
	return l.told.IsZero() || now.Sub(l.told) >= quiet || l.mild && l.open.Failed.Total > 0
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
		if l.open.total() > 0 {
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
	_, known = b.ledgers[policy]
	delete(b.ledgers, policy)
	return known
}

// Status is what is known of a policy's messages.
type Status struct {
	// Policy is what the messages are about.
	Policy string `json:"policy"`

	// LastTold is when the last message became due.
	LastTold time.Time `json:"last_told,omitzero"`

	// Failed is how many calls failed since.
	Failed int `json:"failed"`

	// Drifted is how often the structure of answers changed since.
	Drifted int `json:"drifted"`

	// NextAt is when the next message may leave, and zero when that is at once.
	NextAt time.Time `json:"next_at,omitzero"`

	// Pending is how many deliveries are under way or will be tried again.
	Pending int `json:"pending"`

	// LastError is why the last delivery by mail or by webhook did not succeed.
	// It holds no secret, and is empty when both did.
	LastError string `json:"last_error,omitempty"`
}

// Status tells of each policy that ever was told of, by name. It takes a lock
// that no call waits for.
func (b *Book) Status() []Status {
	now := time.Now()
	b.mu.Lock()
	all := make([]Status, 0, len(b.ledgers))
	for policy, l := range b.ledgers {
		s := Status{
			Policy: policy, LastTold: l.told, Failed: l.open.Failed.Total, Drifted: l.open.Drifted.Total,
			Pending: len(l.parcels), LastError: l.lastError(),
		}
		if !l.mayTell(now) {
			s.NextAt = l.told.Add(quiet)
		}
		all = append(all, s)
	}
	b.mu.Unlock()
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Policy, b.Policy) })
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
