package policy

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// upload is the bot's request body. It streams through to the third party as
// it comes; what has passed is kept, up to a bound, so that a further attempt
// can send it again. A transport may still be reading for one attempt while
// the next begins, so all reading is under a lock, and nobody waits for it.
type upload struct {
	mu     sync.Mutex
	source io.ReadCloser
	keep   int // bytes that may be kept; 0: none
	kept   []byte
	read   int64 // bytes that have come from source
	err    error // how source ended: io.EOF, or a fault
	closed bool  // the call is over; close source when nobody reads it
}

// errUploadOver is what a transport gets that reads on after the call is over.
var errUploadOver = errors.New("the call is over")

// newUpload gives nil for a request without a body.
func newUpload(req *http.Request, keep int) *upload {
	if req.Body == nil || req.Body == http.NoBody {
		return nil
	}
	if keep > 0 && req.ContentLength > int64(keep) {
		keep = 0 // It would not fit in any case.
	}
	return &upload{source: req.Body, keep: keep}
}

// repeatable tells whether all that has passed is still there.
func (u *upload) repeatable() bool {
	if u == nil {
		return true
	}
	// A read for the attempt before may be under way; it is not waited for.
	if !u.mu.TryLock() {
		return false
	}
	defer u.mu.Unlock()
	return u.read == int64(len(u.kept)) && (u.err == nil || errors.Is(u.err, io.EOF))
}

// failed is the fault with which the bot's own body ended, nil where it did not.
func (u *upload) failed() error {
	if u == nil || !u.mu.TryLock() {
		return nil
	}
	defer u.mu.Unlock()
	if errors.Is(u.err, io.EOF) {
		return nil
	}
	return u.err
}

// body gives the whole body from its beginning, for one attempt.
func (u *upload) body() io.ReadCloser { return &uploadReader{upload: u} }

// close closes the source as soon as nobody reads it.
func (u *upload) close() {
	if u == nil {
		return
	}
	if u.mu.TryLock() {
		defer u.mu.Unlock()
		u.closeLocked()
		return
	}
	go func() { // A read is under way: wait for it, but not here.
		u.mu.Lock()
		defer u.mu.Unlock()
		u.closeLocked()
	}()
}

func (u *upload) closeLocked() {
	if !u.closed {
		u.closed = true
		u.source.Close()
	}
}

// readAt copies what stands at offset, from what was kept or from the source.
func (u *upload) readAt(p []byte, offset int64) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case offset < int64(len(u.kept)):
		return copy(p, u.kept[offset:]), nil
	case u.closed:
		return 0, errUploadOver
	case u.err != nil:
		return 0, u.err
	case offset < u.read:
		return 0, errUploadOver // Passed and not kept: an attempt that has been left behind.
	}
	n, err := u.source.Read(p)
	u.err = err
	switch {
	case len(u.kept) == int(u.read) && len(u.kept)+n <= u.keep:
		u.kept = append(u.kept, p[:n]...)
	case u.keep > 0:
		u.keep, u.kept = 0, nil // Too large to be sent twice.
	}
	u.read += int64(n)
	return n, err
}

// uploadReader reads the body for one attempt.
type uploadReader struct {
	upload *upload
	offset int64
	closed bool
	mu     sync.Mutex
}

// Read reads on, unless this attempt is over.
func (r *uploadReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	closed, offset := r.closed, r.offset
	r.mu.Unlock()
	if closed {
		return 0, errUploadOver
	}
	n, err := r.upload.readAt(p, offset)
	r.mu.Lock()
	r.offset += int64(n)
	r.mu.Unlock()
	return n, err
}

// Close ends this attempt's reading. It does not wait for a read that is under
// way, nor close the bot's body.
func (r *uploadReader) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	return nil
}
