package tenant

import (
	"context"
	"crypto/sha256"
	"os"
	"sync/atomic"
	"time"
)

const (
	// pollInterval is the time between two looks at the file. A change is
	// seen after one interval, read after a second, and so in use within two
	// seconds although a large file takes one to parse.
	pollInterval = 250 * time.Millisecond
	// rereads is how many times a file is read and compared after a change was
	// seen. For these two seconds a further change can be invisible, where the
	// file system counts modification times in seconds.
	rereads = 8
)

// Watcher keeps the tenants of a file up to date. File and Lookup are safe for
// concurrent use.
type Watcher struct {
	path   string
	plans  func(string) bool
	report func(err error, f *File)
	file   atomic.Pointer[File]

	cancel context.CancelFunc
	done   chan struct{}

	// What follows belongs to the goroutine once it runs.
	seen   os.FileInfo       // The file at the last look; nil for none.
	fresh  bool              // The last look saw a change and left it alone.
	left   int               // Further times to read the file.
	tried  [sha256.Size]byte // Of the bytes that were parsed last, good or bad.
	failed string            // The failure reported last; "" when all is well.
}

// NewWatcher reads a tenants file, as Load does, and returns Load's error: there
// is no last good file yet. Nothing runs before Start.
//
// report is called from the watcher's goroutine, one call at a time: with an
// error, and the file that stays in use, once for each failure that differs from
// the one before; and with a nil error for each file newly in use, and when a
// failure has gone. It must not call Stop. nil reports to nobody.
func NewWatcher(path string, plans func(string) bool, report func(err error, f *File)) (*Watcher, error) {
	if report == nil {
		report = func(error, *File) {}
	}
	w := &Watcher{path: path, plans: plans, report: report, left: rereads}
	// Looked at before it is read: a change in between is seen later.
	w.seen, _ = os.Stat(path)
	f, err := Load(path, plans)
	if err != nil {
		return nil, err
	}
	w.tried = f.sum
	w.file.Store(f)
	return w, nil
}

// Fixed gives a Watcher of tenants that never change: Start does nothing.
func Fixed(f *File) *Watcher {
	w := new(Watcher)
	w.file.Store(f)
	return w
}

// File gives the tenants as they are known now; it is never nil.
func (w *Watcher) File() *File { return w.file.Load() }

// Lookup gives what is known of a tenant now; ok is false for an unknown one.
func (w *Watcher) Lookup(name string) (e Entry, ok bool) { return w.file.Load().Lookup(name) }

// Start watches the file, in one goroutine, until ctx ends or Stop is called. It
// is called at most once.
func (w *Watcher) Start(ctx context.Context) {
	if w.path == "" {
		return
	}
	ctx, w.cancel = context.WithCancel(ctx)
	w.done = make(chan struct{})
	go w.run(ctx)
}

// Stop ends the watching and waits until its goroutine has gone, which takes as
// long as a reading that is under way. The tenants stay known. Stop may be called
// more than once, and without Start, but not together with Start.
func (w *Watcher) Stop() {
	if w.cancel != nil {
		w.cancel()
		<-w.done
	}
}

func (w *Watcher) run(ctx context.Context) {
	defer close(w.done)
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.look()
		}
	}
}

// look reads the file if it may have changed. A change is left alone until the
// next look, because whoever made it may still be writing; but no longer, or a
// file that changes all the time would never be read.
func (w *Watcher) look() {
	info, err := os.Stat(w.path)
	if err != nil {
		w.missed(readError(w.path, err))
		return
	}
	if !same(w.seen, info) {
		w.seen, w.left = info, rereads
		if !w.fresh {
			w.fresh = true
			return
		}
	}
	w.fresh = false
	if w.left > 0 {
		w.left--
		w.reload()
	}
}

// reload reads the file and, when its bytes are others than the last time, puts
// it into use.
func (w *Watcher) reload() {
	data, err := read(w.path)
	if err != nil {
		w.missed(err)
		return
	}
	if info, err := os.Stat(w.path); err != nil || !same(w.seen, info) {
		return // It was written while it was read; the next look sees that.
	}
	sum := sha256.Sum256(data)
	if sum == w.tried {
		return
	}
	w.tried = sum
	f, err := parse(w.path, data, w.plans)
	if err != nil {
		w.fail(err)
		return
	}
	w.file.Store(f)
	w.failed = ""
	w.report(nil, f)
}

// missed notes that the file cannot be read. Whatever is there at the next look
// counts as a change: a permission that was mended shows in no other way.
func (w *Watcher) missed(err error) {
	w.seen, w.fresh, w.tried = nil, false, [sha256.Size]byte{}
	w.fail(err)
}

// fail reports an error unless it is the one reported last.
func (w *Watcher) fail(err error) {
	if msg := err.Error(); msg != w.failed {
		w.failed = msg
		w.report(err, w.file.Load())
	}
}

// same reports whether two looks saw the same file, unchanged: a swapped link
// shows another file, a write another time or size.
func same(a, b os.FileInfo) bool {
	return a != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
