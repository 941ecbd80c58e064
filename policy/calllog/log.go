package calllog

import (
	"sync"
	"sync/atomic"
)

// Settings say what a log keeps.
type Settings struct {
	// Calls is how many calls are kept, and as many that failed: 0 to MaxCalls.
	Calls int

	// Bodies is how much of each body is kept, in bytes: 0 to MaxBodies.
	Bodies int

	// Redact is what is overwritten before a call is kept, as it is written.
	// The log only compares it: what was kept under other words is dropped.
	Redact string
}

// Call is a call that is over, and may be kept. One of its methods is called, once:
// most calls of a busy policy are overtaken by later ones before anybody looks.
type Call interface {
	// Entry makes what is kept of it; nil where that cannot be made.
	Entry() *Entry

	// Forget says that nobody wants it any more.
	Forget()
}

// Log keeps the last calls of one policy and the last that failed. It is safe
// for concurrent use.
type Log struct {
	pages atomic.Pointer[pages]
	fresh atomic.Bool // some of the calls may not be entries yet

	// settling is held by whoever makes entries of calls: readers and Settle, but
	// never by a call.
	settling sync.Mutex
}

// pages are a log's calls under one setting.
type pages struct {
	settings    Settings
	all, failed ring
}

// newLog makes an empty log.
func newLog(s Settings) *Log {
	l := &Log{}
	l.pages.Store(newPages(s))
	return l
}

func newPages(s Settings) *pages {
	s.Calls = min(max(s.Calls, 0), MaxCalls)
	return &pages{settings: s, all: newRing(s.Calls), failed: newRing(s.Calls)}
}

// Put keeps a call that was redacted by these words, as Settings has them. It
// never waits. A call that was redacted otherwise than the log now says is
// dropped: it began under an earlier configuration.
func (l *Log) Put(e *Entry, redact string) {
	i := &item{}
	i.claimed.Store(true)
	i.entry.Store(e)
	l.put(i, e.Failed, redact)
}

// PutCall is Put for a call of which an entry is made when somebody looks, or
// Settle is called. The call is the log's from now on.
func (l *Log) PutCall(c Call, failed bool, redact string) {
	l.put(&item{call: c}, failed, redact)
	if !l.fresh.Load() {
		l.fresh.Store(true)
	}
}

func (l *Log) put(i *item, failed bool, redact string) {
	p := l.pages.Load()
	if p.settings.Redact != redact || p.settings.Calls == 0 {
		i.drop()
		return
	}
	i.places.Store(1)
	if failed {
		i.places.Store(2)
		p.failed.put(i)
	}
	p.all.put(i)
}

// Settle makes entries of the calls that are none yet, so that they do not hold
// more memory than what is kept of them.
func (l *Log) Settle() {
	if l.fresh.Load() {
		l.entries()
	}
}

// Configure changes what the log keeps from now on. Entries that it has stay, as
// far as there is room, unless they were redacted otherwise. Calls that end at
// that moment may be lost. It is not to be called twice at once.
func (l *Log) Configure(s Settings) {
	before := l.pages.Load()
	if before.settings == s {
		return
	}
	l.entries() // Under the settings with which the calls were made.
	after := newPages(s)
	if before.settings.Redact == s.Redact {
		after.all.takeOver(&before.all)
		after.failed.takeOver(&before.failed)
	}
	l.pages.Store(after)
}

// entries gives all that is kept, in no order, each once.
func (l *Log) entries() []*Entry {
	l.settling.Lock()
	defer l.settling.Unlock()
	l.fresh.Store(false)
	p := l.pages.Load()
	items := p.failed.appendTo(p.all.appendTo(nil))
	all := make([]*Entry, 0, len(items))
	seen := make(map[*Entry]bool, len(items))
	for _, i := range items {
		if e := i.settle(); e != nil && !seen[e] {
			seen[e] = true
			all = append(all, e)
		}
	}
	return all
}

// item is a call in a log: an entry, or what one can be made of.
type item struct {
	call    Call
	claimed atomic.Bool // by the one who calls a method of call
	places  atomic.Int32
	entry   atomic.Pointer[Entry]
}

// settle gives the entry, nil where the call was overtaken before there was one.
// The log's settling is held.
func (i *item) settle() *Entry {
	if i.claimed.CompareAndSwap(false, true) {
		i.entry.Store(i.call.Entry())
		i.call = nil
	}
	return i.entry.Load()
}

// leave takes the item out of one of its places.
func (i *item) leave() {
	if i.places.Add(-1) == 0 {
		i.drop()
	}
}

// drop forgets the call, unless an entry of it was made or is being made.
func (i *item) drop() {
	if i.claimed.CompareAndSwap(false, true) {
		i.call.Forget()
		i.call = nil
	}
}

// ring keeps the last calls. Writers take turns by a counter and wait for
// nobody; one that is overtaken by a whole round overwrites a newer call, which
// is then lost.
type ring struct {
	slots []atomic.Pointer[item]
	next  *atomic.Uint64
}

func newRing(size int) ring {
	return ring{slots: make([]atomic.Pointer[item], size), next: new(atomic.Uint64)}
}

func (r *ring) put(i *item) {
	if before := r.slots[(r.next.Add(1)-1)%uint64(len(r.slots))].Swap(i); before != nil {
		before.leave()
	}
}

// appendTo gives the calls, oldest first.
func (r *ring) appendTo(dst []*item) []*item {
	size := uint64(len(r.slots))
	if size == 0 {
		return dst
	}
	from := r.next.Load()
	for i := range size {
		if e := r.slots[(from+i)%size].Load(); e != nil {
			dst = append(dst, e)
		}
	}
	return dst
}

// takeOver fills a new ring with the calls of another, as far as there is room.
func (r *ring) takeOver(from *ring) {
	if len(r.slots) == 0 {
		return
	}
	for _, i := range from.appendTo(nil) {
		r.put(i)
	}
}
