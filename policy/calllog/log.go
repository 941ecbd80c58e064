package calllog

import (
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

// Log keeps the last calls of one policy and the last that failed. It is safe
// for concurrent use.
type Log struct {
	pages atomic.Pointer[pages]
}

// pages are a log's entries under one setting.
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
	p := l.pages.Load()
	if p.settings.Redact != redact {
		return
	}
	p.all.put(e)
	if e.Failed {
		p.failed.put(e)
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
	after := newPages(s)
	if before.settings.Redact == s.Redact {
		after.all.takeOver(&before.all)
		after.failed.takeOver(&before.failed)
	}
	l.pages.Store(after)
}

// entries gives all that is kept, in no order, each once.
func (l *Log) entries() []*Entry {
	p := l.pages.Load()
	all := p.all.appendTo(nil)
	seen := make(map[*Entry]bool, len(all))
	for _, e := range all {
		seen[e] = true
	}
	for _, e := range p.failed.appendTo(nil) {
		if !seen[e] {
			all = append(all, e)
		}
	}
	return all
}

// ring keeps the last entries. Writers take turns by a counter and wait for
// nobody; one that is overtaken by a whole round overwrites a newer entry, which
// is then lost.
type ring struct {
	slots []atomic.Pointer[Entry]
	next  *atomic.Uint64
}

func newRing(size int) ring {
	return ring{slots: make([]atomic.Pointer[Entry], size), next: new(atomic.Uint64)}
}

func (r *ring) put(e *Entry) {
	if size := uint64(len(r.slots)); size > 0 {
		r.slots[(r.next.Add(1)-1)%size].Store(e)
	}
}

// appendTo gives the entries, oldest first.
func (r *ring) appendTo(dst []*Entry) []*Entry {
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

// takeOver fills a new ring with the entries of another.
func (r *ring) takeOver(from *ring) {
	for _, e := range from.appendTo(nil) {
		r.put(e)
	}
}
