package policy

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signpost-gateway/signpost/policy/drift"
)

// Why the structure of an operation's answers cannot be changed by hand.
var (
	// ErrNoOperation means that there is no such operation, or that it says
	// `drift off`.
	ErrNoOperation = errors.New("there is no such operation whose answers are watched")
	// ErrNothingDrifts means that there is no difference to accept or to ignore.
	ErrNothingDrifts = errors.New("nothing has changed that could be accepted or ignored")
	// ErrNoStructure means that no answer has taught one yet.
	ErrNoStructure = errors.New("no answer has taught a structure yet")
)

// Drift is a change of the structure of an operation's answers that nobody was
// told of yet.
type Drift struct {
	Policy, Operation string

	// Changes are those that are new.
	Changes []drift.Change

	// TraceID names the call whose answer showed them.
	TraceID string
}

// structures remembers the shape of each operation's answers. It outlives
// configurations.
type structures struct {
	mu       sync.Mutex
	known    map[string]*observed
	archives []*archive // of the gateways that run: the last one started saves
}

// keep drops all but those that are in use.
func (s *structures) keep(used map[*observed]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, o := range s.known {
		if !used[o] {
			delete(s.known, key)
		}
	}
}

// of gives what is known of an operation's answers; about tells whose they are.
func (s *structures) of(label, about string) *observed {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := label + "\n" + about // An API at another address has answers of its own.
	o := s.known[key]
	if o == nil {
		o = &observed{label: label, about: about, saving: make(chan struct{}, 1)}
		o.known.Store(&knowledge{})
		s.known[key] = o
	}
	return o
}

// observed is what is known of the answers of one operation. Calls read it
// without a lock; whoever changes it replaces the whole.
type observed struct {
	label, about string
	known        atomic.Pointer[knowledge]
	saving       chan struct{}             // has room for the one archive that saves it, so that the later state is saved last
	saved        atomic.Pointer[knowledge] // what the storage holds, nil where that is not known
	answers      atomic.Int64              // that were compared
	skipped      atomic.Int64              // that were too large for it
	drifted      atomic.Int64              // of them, those that differed, since it began
	last         atomic.Int64              // when the last one that differed came, in Unix nanoseconds
}

// knowledge is one state of it, which does not change.
type knowledge struct {
	ready     bool             // what was stored has been read
	structure *drift.Structure // nil: nothing is known yet
	learned   time.Time
	pinned    bool
	ignored   []drift.Change
	since     time.Time        // when it began to drift
	changes   []drift.Change   // in what it drifts; none: it does not
	latest    *drift.Structure // of the answer that showed the last of them
}

// maxChanges bounds the differences that are remembered of an operation, and
// those that are ignored.
const maxChanges = 100

// maxCompared bounds the answers that are compared, in bytes: comparing takes
// about 3 µs a KiB, and the bot waits for it.
const maxCompared = 1 << 20

// structureWatch compares the answers of one compiled operation.
type structureWatch struct {
	*observed
	reads []drift.Read
	ready atomic.Pointer[compiledWatch]
}

// compiledWatch is a watch with the structure that it was compiled for.
type compiledWatch struct {
	structure *drift.Structure
	watch     *drift.Watch
}

// against gives the watch for a structure.
func (w *structureWatch) against(s *drift.Structure) *drift.Watch {
	if ready := w.ready.Load(); ready != nil && ready.structure == s {
		return ready.watch
	}
	ready := &compiledWatch{structure: s, watch: s.Watch(w.reads)}
	w.ready.Store(ready)
	return ready.watch
}

// compareStructure looks whether a mapped success has the structure that its
// operation's answers have. The first one teaches it. An answer that is none for
// the lack of a required variable is the gravest change, and compared as well.
func (c *call) compareStructure(end *ending) {
	w, a := c.op.structure, end.answer
	if w == nil || !c.op.readsJSON && c.op.reply.as != replyEnvelope {
		return // What only some bots want in an envelope is compared with nothing.
	}
	if a == nil || a.doc == nil || a.status < 200 || a.status > 299 {
		return
	}
	lacks := end.outcome == Unmappable && a.why == ""
	known := w.known.Load()
	switch {
	case end.outcome != Success && !lacks, !known.ready && known.structure != nil:
		return
	case len(a.doc) > maxCompared:
		w.skipped.Add(1)
		return
	case known.structure == nil:
		if !lacks {
			c.learn(w, known, a.doc)
		}
		return
	}
	doc := a.doc
	w.answers.Add(1)
	changes := w.against(known.structure).Compare(doc)
	changes = slices.DeleteFunc(changes, func(d drift.Change) bool { return isAmong(known.ignored, d) })
	if len(changes) == 0 {
		return
	}
	c.rec.Drift = changes
	w.last.Store(time.Now().UnixNano()) // First, since a count says that it is there.
	w.drifted.Add(1)
	c.noteDrift(w, known.structure, doc, changes)
}

// learn takes the structure of the first answer for that of all.
func (c *call) learn(w *structureWatch, known *knowledge, doc []byte) {
	s, err := drift.Learn(doc)
	if err != nil {
		return // Not reached: the document has been read.
	}
	next := *known
	next.structure, next.learned = s, time.Now()
	if w.known.CompareAndSwap(known, &next) {
		c.gateway.structuresChanged(w.observed)
	}
}

// noteDrift remembers the differences from a structure that are new, and tells of
// them.
func (c *call) noteDrift(w *structureWatch, from *drift.Structure, doc []byte, changes []drift.Change) {
	for {
		known := w.known.Load()
		if known.structure != from {
			return // Somebody put another one in its place meanwhile.
		}
		fresh := slices.DeleteFunc(slices.Clone(changes), func(d drift.Change) bool {
			return isAmong(known.changes, d) || isAmong(known.ignored, d)
		})
		fresh = fresh[:min(len(fresh), maxChanges-len(known.changes))]
		if len(fresh) == 0 {
			return
		}
		s, err := drift.Learn(doc)
		if err != nil {
			return // Not reached: the document has been read.
		}
		next := *known
		next.changes, next.latest = slices.Concat(known.changes, fresh), s
		if next.since.IsZero() {
			next.since = time.Now()
		}
		if w.known.CompareAndSwap(known, &next) {
			c.gateway.structuresChanged(w.observed)
			c.gateway.drifted(Drift{Policy: c.rec.Policy, Operation: c.rec.Operation, Changes: fresh, TraceID: c.rec.Trace.TraceID().String()})
			return
		}
	}
}

// isAmong tells whether a difference is one of those that are known.
func isAmong(known []drift.Change, d drift.Change) bool {
	return slices.ContainsFunc(known, func(k drift.Change) bool { return k.Path == d.Path && k.Was == d.Was && k.Is == d.Is })
}

// change replaces what is known by hand. f is given a copy, and says why not.
func (w *structureWatch) change(f func(*knowledge) error) error {
	for {
		known := w.known.Load()
		next := *known
		if err := f(&next); err != nil {
			return err
		}
		if w.known.CompareAndSwap(known, &next) {
			return nil
		}
	}
}

// settle ends a drift.
func (w *structureWatch) settle(k *knowledge) {
	k.changes, k.latest, k.since = nil, nil, time.Time{}
	w.drifted.Store(0)
}

// watched gives the watch of an operation, nil where there is none.
func (g *Gateway) watched(policy, operation string) *structureWatch {
	p := g.policies[policy]
	if p == nil {
		return nil
	}
	for _, op := range p.operations {
		if op.name == operation {
			return op.structure
		}
	}
	return nil
}

// changeStructure changes what is known of an operation's answers by hand.
func (g *Gateway) changeStructure(policy, operation string, f func(*structureWatch, *knowledge) error) error {
	w := g.watched(policy, operation)
	if w == nil {
		return ErrNoOperation
	}
	err := w.change(func(k *knowledge) error { return f(w, k) })
	if err == nil {
		g.structuresChanged(w.observed)
	}
	return err
}

// AcceptStructure takes what differs for what answers are compared with from now
// on; all else stays as it was, also what is ignored. The error is ErrNoOperation or ErrNothingDrifts. It is
// safe for concurrent use, like all methods here.
func (g *Gateway) AcceptStructure(policy, operation string) error {
	return g.changeStructure(policy, operation, func(w *structureWatch, k *knowledge) error {
		if len(k.changes) == 0 {
			return ErrNothingDrifts
		}
		k.structure, k.learned = drift.Merge(k.structure, k.latest, k.changes), time.Now()
		w.settle(k)
		return nil
	})
}

// IgnoreDrift says that the differences which are known are none. The error is
// ErrNoOperation or ErrNothingDrifts.
func (g *Gateway) IgnoreDrift(policy, operation string) error {
	return g.changeStructure(policy, operation, func(w *structureWatch, k *knowledge) error {
		if len(k.changes) == 0 {
			return ErrNothingDrifts
		}
		ignored := slices.Concat(k.ignored, k.changes)
		k.ignored = ignored[max(0, len(ignored)-maxChanges):]
		w.settle(k)
		return nil
	})
}

// ForgetStructure lets the next answer teach anew. The error is ErrNoOperation.
func (g *Gateway) ForgetStructure(policy, operation string) error {
	return g.changeStructure(policy, operation, func(w *structureWatch, k *knowledge) error {
		*k = knowledge{ready: true}
		w.settle(k)
		return nil
	})
}

// PinStructure fixes the structure to that of an example, which is JSON, or to
// the present one where example is nil. The error is ErrNoOperation,
// ErrNoStructure, or says what is wrong with the example.
func (g *Gateway) PinStructure(policy, operation string, example []byte) error {
	return g.changeStructure(policy, operation, func(w *structureWatch, k *knowledge) error {
		s := k.structure
		if example != nil {
			learned, err := drift.Learn(example)
			if err != nil {
				return err
			}
			s = learned
		}
		if s == nil {
			return ErrNoStructure
		}
		*k = knowledge{ready: true, structure: s, learned: time.Now(), pinned: true}
		w.settle(k)
		return nil
	})
}
