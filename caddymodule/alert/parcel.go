package alert

import (
	"crypto/rand"
	"slices"
	"time"
)

const (
	// firstPause is how long a delivery that did not succeed rests, each
	// further pause is twice as long, and longestPause the longest.
	firstPause   = 30 * time.Second
	longestPause = 10 * time.Minute
)

// channel is a way to people.
type channel string

// The channels, as they are counted.
const (
	byMail    channel = "mail"
	byWebhook channel = "webhook"
)

// target says whom a message reaches by a channel.
type target struct {
	channel    channel
	recipients []string
}

// parcel is a message on its way by one channel. A ledger has one for each
// recipient at most, and one more while a slow delivery ends.
type parcel struct {
	id         string // the same each time it is tried, so that a copy is known
	channel    channel
	recipients []string
	digest     Digest
	attempts   int
	next       time.Time
	inFlight   bool
}

// dispatch makes parcels of a digest. Parcels that wait take it along, so that
// nobody gets two messages, or misses what came before.
func (l *ledger) dispatch(fresh Digest, targets []target, now time.Time) {
	for _, t := range targets {
		rest := slices.Clone(t.recipients)
		for _, p := range l.parcels {
			if p.channel != t.channel || p.inFlight || !containsAll(rest, p.recipients) {
				continue
			}
			p.id, p.digest, p.attempts, p.next = rand.Text(), p.digest.followedBy(fresh), 0, now
			rest = without(rest, p.recipients)
		}
		if len(rest) > 0 {
			l.parcels = append(l.parcels, &parcel{
				id: rand.Text(), channel: t.channel, recipients: rest, digest: fresh.clone(), next: now,
			})
		}
	}
}

// job is one attempt to deliver a parcel.
type job struct {
	policy     string
	told       time.Time
	id         string
	channel    channel
	recipients []string
	digest     Digest

	ledger *ledger
	parcel *parcel
}

// result is what an attempt came to.
type result struct {
	// left are the recipients that may still get it.
	left []string

	// refused are those that never will.
	refused []string

	// hold is set when trying again soon is of no use.
	hold bool

	// wait is how long the other side asks to wait, or 0.
	wait time.Duration

	// trouble says what went wrong. It holds no secret.
	trouble string
}

// ready gives the attempts whose time has come, as long as take finds room for
// one. Who is not among the targets any more gets nothing.
func (b *Book) ready(now time.Time, targets func(policy string) []target, take func(channel) bool) []job {
	b.mu.Lock()
	defer b.mu.Unlock()
	var jobs []job
	for policy, l := range b.ledgers {
		if len(l.parcels) == 0 {
			continue
		}
		wanted := targets(policy)
		l.parcels = slices.DeleteFunc(l.parcels, func(p *parcel) bool {
			return !p.inFlight && !p.keep(wanted)
		})
		for _, p := range l.parcels {
			if p.inFlight || p.next.After(now) || !take(p.channel) {
				continue
			}
			p.inFlight = true
			jobs = append(jobs, job{
				policy: policy, told: l.told, id: p.id, channel: p.channel,
				recipients: slices.Clone(p.recipients), digest: p.digest.clone(),
				ledger: l, parcel: p,
			})
		}
	}
	return jobs
}

// keep leaves the recipients that are still wanted, and tells whether there are
// any.
func (p *parcel) keep(wanted []target) bool {
	i := slices.IndexFunc(wanted, func(t target) bool { return t.channel == p.channel })
	if i < 0 {
		return false
	}
	p.recipients = slices.DeleteFunc(p.recipients, func(r string) bool {
		return !slices.Contains(wanted[i].recipients, r)
	})
	return len(p.recipients) > 0
}

// settle notes what an attempt came to. An attempt that was called off goes to
// the Sender that takes over.
func (b *Book) settle(j job, r result, calledOff bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, p := j.ledger, j.parcel
	p.inFlight = false
	if calledOff && len(r.left) > 0 {
		p.recipients, p.next = r.left, now
		return
	}
	l.trouble[p.channel] = r.trouble
	if len(r.left) == 0 {
		l.drop(p)
		return
	}
	p.recipients = r.left
	p.next = now.Add(max(pause(p.attempts), min(r.wait, quiet)))
	p.attempts++
	if hour := l.told.Add(quiet); r.hold && p.next.Before(hour) {
		p.next = hour
	} else if r.hold {
		p.next = now.Add(quiet)
	}
	l.join(p)
}

// pause is how long to rest after so many attempts before the one that did not
// succeed.
func pause(attempts int) time.Duration {
	const doublings = 5 // 30 s doubled as often is beyond the longest.
	return min(firstPause<<min(attempts, doublings), longestPause)
}

// join puts a parcel into a later one for the same recipients, if there is one.
func (l *ledger) join(p *parcel) {
	for _, later := range l.parcels {
		if later != p && later.channel == p.channel && !later.inFlight && slices.Equal(later.recipients, p.recipients) {
			later.digest = p.digest.followedBy(later.digest)
			l.drop(p)
			return
		}
	}
}

func (l *ledger) drop(p *parcel) {
	l.parcels = slices.DeleteFunc(l.parcels, func(other *parcel) bool { return other == p })
}

func containsAll(all, some []string) bool { return len(without(some, all)) == 0 }

// without gives a copy of all that lacks what is in some.
func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}
