package alert

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// maxDeliveries is how many mails, and how many calls of the webhook, are
	// under way at once. What is due beyond waits for one of them to end.
	maxDeliveries = 4

	// deliveryPatience is how long one delivery may take in all.
	deliveryPatience = 10 * time.Second

	// maxTold is how many calls of OnTold wait at most for a slow one.
	maxTold = 64

	// closePatience is how long Close waits for what is under way.
	closePatience = time.Second
)

// The results that Options.Counted hears of.
const (
	resultSent    = "sent"    // to one recipient or more
	resultRetried = "retried" // tried again for those who did not get it
	resultRefused = "refused" // by the server, for one recipient or more
)

// Sender delivers the messages of one configuration. It is safe for concurrent
// use.
type Sender struct {
	options    Options
	book       *Book
	log        *complaints
	recipients map[string][]target // by policy
	everywhere []target            // for policies without recipients
	mail       func(context.Context, letter) result
	webhook    func(context.Context, letter) result

	wake  chan struct{}
	slots map[channel]chan struct{}
	told  chan Told

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// New prepares a Sender. The error is of type policy.Mistakes: that of Check.
// Nothing runs before Start.
func New(o Options) (*Sender, error) {
	if wrong := Check(o.Config, o.Recipients); len(wrong) > 0 {
		return nil, wrong
	}
	o.fill()
	s := &Sender{
		options:    o,
		book:       o.Book,
		log:        &complaints{log: o.Log},
		recipients: map[string][]target{},
		wake:       make(chan struct{}, 1),
		told:       make(chan Told, maxTold),
		slots: map[channel]chan struct{}{
			byMail:    make(chan struct{}, maxDeliveries),
			byWebhook: make(chan struct{}, maxDeliveries),
		},
	}
	if o.Config.Webhook != "" {
		s.webhook = newWebhook(&o).deliver
		s.everywhere = []target{{channel: byWebhook, recipients: []string{string(byWebhook)}}}
	}
	if o.Config.SMTP != nil {
		m, err := newMailer(&o)
		if err != nil {
			return nil, err
		}
		s.mail = m.deliver
		for name, addresses := range o.Recipients {
			if len(addresses) > 0 {
				s.recipients[name] = append(slices.Clone(s.everywhere), target{channel: byMail, recipients: addresses})
			}
		}
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Start puts the Sender in charge of its Book, and starts two goroutines, which
// end with Close.
func (s *Sender) Start() {
	s.book.enlist(s)
	s.work.Go(s.run)
	s.work.Go(s.announce)
}

// Close ends what Start began, and calls off what is under way. It returns
// within a second, whatever a server does. What was not delivered is left to the
// Sender that takes over. It must be called once, and only after Start.
func (s *Sender) Close() {
	s.cancel()
	ended := make(chan struct{})
	go func() {
		s.work.Wait()
		close(ended)
	}()
	patience := time.NewTimer(closePatience)
	defer patience.Stop()
	select {
	case <-ended:
	case <-patience.C:
	}
	s.book.dismiss(s)
}

// Failed notes a failed call. It is told at once where the policy's last message,
// about failures or changes, is an hour old, and when that hour is over where it
// is not. It never waits: where many fail at once, some are counted without their
// reason. It may be called before Start and after Close; the Sender in charge
// tells of it then.
func (s *Sender) Failed(f Failure) { s.book.queue.put(note{kind: failing, Failure: f}) }

// Drifted notes that the structure of an operation's answers changed, and is like
// Failed in all else. The summary is a sentence for people.
func (s *Sender) Drifted(policy, operation, summary string) {
	s.book.queue.put(note{kind: drifting, Failure: Failure{Policy: policy, Operation: operation, Reason: summary}})
}

// Reset forgets what was told of a policy, what was counted and what waits: its
// next failure or change is told at once. It is false where there was nothing to
// forget. Messages under way may still arrive.
func (s *Sender) Reset(policy string) bool { return s.book.reset(policy, time.Now()) }

// Status is that of the Book.
func (s *Sender) Status() []Status { return s.book.Status() }

// run notes what calls hand over, and starts deliveries when it is their time.
func (s *Sender) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		look := true
		select {
		case <-s.ctx.Done():
			return
		case <-s.book.queue.wake:
			look = s.book.collect(time.Now())
		case <-s.wake:
		case <-timer.C:
		}
		if n := s.book.lost(); n > 0 {
			s.log.warn("noting failures for alerts", slog.Int("dropped", n))
		}
		if !look {
			continue
		}
		if s.book.inCharge() != s {
			s.book.wake()
			continue
		}
		now := time.Now()
		s.step(now)
		if next := s.book.next(now); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}

// step makes messages of what is due and starts what is ready.
func (s *Sender) step(now time.Time) {
	for _, t := range s.book.due(now, s.targets) {
		select {
		case s.told <- t:
		default:
		}
	}
	for _, j := range s.book.ready(now, s.targets, s.takeSlot) {
		s.work.Go(func() { s.attempt(j) })
	}
}

// targets says whom a policy's messages reach.
func (s *Sender) targets(policy string) []target {
	if t, known := s.recipients[policy]; known {
		return t
	}
	return s.everywhere
}

func (s *Sender) takeSlot(c channel) bool {
	select {
	case s.slots[c] <- struct{}{}:
		return true
	default:
		return false
	}
}

// attempt makes one attempt to deliver.
func (s *Sender) attempt(j job) {
	ctx, cancel := context.WithTimeout(s.ctx, deliveryPatience)
	defer cancel()
	send := s.webhook
	if j.channel == byMail {
		send = s.mail
	}
	r := send(ctx, s.letter(&j))
	calledOff := s.ctx.Err() != nil
	s.book.settle(j, r, calledOff, time.Now())
	<-s.slots[j.channel]
	s.book.wake()
	s.report(&j, &r, calledOff)
}

// report counts an attempt, and logs one that did not succeed.
func (s *Sender) report(j *job, r *result, calledOff bool) {
	for _, c := range []struct {
		n      int
		result string
	}{
		{len(j.recipients) - len(r.left) - len(r.refused), resultSent},
		{len(r.left), resultRetried},
		{len(r.refused), resultRefused},
	} {
		if c.n > 0 && (c.result != resultRetried || !calledOff) {
			s.options.Counted(string(j.channel), c.result)
		}
	}
	if r.trouble == "" || calledOff && len(r.refused) == 0 {
		return
	}
	attrs := []slog.Attr{
		slog.String("policy", cleaned(j.policy)),
		slog.String("channel", string(j.channel)),
		slog.String("error", r.trouble),
	}
	if len(r.refused) > 0 {
		attrs = append(attrs, slog.Any("refused", r.refused))
	}
	s.log.warn("delivering an alert", attrs...)
}

// announce calls OnTold, until the Sender is closed.
func (s *Sender) announce() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case t := <-s.told:
			s.options.OnTold(t)
		}
	}
}
