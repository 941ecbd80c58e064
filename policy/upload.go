package policy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// uploadChunk is how much of the bot's body is read at once, in bytes.
const uploadChunk = 32 << 10

// errUploadOver is what a transport gets that reads on when its attempt is over.
var errUploadOver = errors.New("the attempt is over")

// upload is the bot's request body. It streams through to the third party as
// it comes; what has passed is kept, up to a bound, so that a further attempt
// can send it again. Reading the bot's connection is left to a goroutine, one at
// a time: a bot that stalls would otherwise hold up the transport, and with it
// the answer, beyond the deadline. The lock is never held while it reads.
type upload struct {
	mu       sync.Mutex
	source   io.ReadCloser
	look     int    // bytes that the call log looks at
	looked   []byte // the first of the body, at most look of them
	keep     int    // bytes that may be kept; 0: none
	kept     []byte // the body from its beginning, or nil
	buffer   []byte
	chunk    []byte // what was read last, a part of buffer
	chunkAt  int64  // its place in the body
	err      error  // how source ended: io.EOF, or a fault
	fetching chan struct{}
	closed   bool // the call is over
}

// newUpload gives nil for a request without a body.
func newUpload(req *http.Request, keep, look int) *upload {
	if req.Body == nil || req.Body == http.NoBody {
		return nil
	}
	if req.ContentLength > int64(keep) {
		keep = 0 // It would not fit in any case.
	}
	return &upload{source: req.Body, keep: keep, look: look}
}

// seen is what the call log has seen of the body, how much has come, and whether
// that is all of it and all was seen.
func (u *upload) seen() (first []byte, size int64, whole bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	size = u.passed()
	return u.looked[:len(u.looked):len(u.looked)], size, errors.Is(u.err, io.EOF) && size == int64(len(u.looked))
}

// passed is how much of the body has come.
func (u *upload) passed() int64 { return u.chunkAt + int64(len(u.chunk)) }

// repeatable tells whether all that has passed is still there.
func (u *upload) repeatable() bool {
	if u == nil {
		return true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.fetching != nil && len(u.kept)+uploadChunk > u.keep {
		return false // What is about to come may be too much.
	}
	return u.passed() == int64(len(u.kept)) && (u.err == nil || errors.Is(u.err, io.EOF))
}

// holdsMuch tells whether much of the body is kept for a further attempt.
func (u *upload) holdsMuch() bool {
	if u == nil {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return cap(u.kept) > maxKeptBody
}

// failed is the fault with which the bot's own body ended, nil where it did not.
func (u *upload) failed() error {
	if u == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if errors.Is(u.err, io.EOF) {
		return nil
	}
	return u.err
}

// body gives the whole body from its beginning, for an attempt that is over
// when done is closed.
func (u *upload) body(done <-chan struct{}) io.ReadCloser {
	return &uploadReader{upload: u, done: done}
}

// close closes the source, and does not wait for whoever reads it.
func (u *upload) close() {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return
	}
	u.closed = true
	if u.fetching != nil {
		// Some bodies end a Read that waits when they are closed, and some wait
		// for it.
		go u.source.Close()
		return
	}
	u.source.Close()
}

// take copies what stands at offset. Where that has not come yet, it gives a
// channel that is closed when there is news.
func (u *upload) take(p []byte, offset int64) (n int, news <-chan struct{}, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case offset < int64(len(u.kept)):
		return copy(p, u.kept[offset:]), nil, nil
	case offset < u.chunkAt || u.closed:
		return 0, nil, errUploadOver // Passed and not kept, or too late.
	case offset < u.passed():
		return copy(p, u.chunk[offset-u.chunkAt:]), nil, nil
	case u.err != nil:
		return 0, nil, u.err
	}
	if u.fetching == nil {
		u.fetching = make(chan struct{})
		if u.buffer == nil {
			u.buffer = make([]byte, uploadChunk)
		}
		u.chunkAt, u.chunk = u.passed(), nil // The buffer is the goroutine's now.
		go u.fetch()
	}
	return 0, u.fetching, nil
}

// fetch reads on from the bot.
func (u *upload) fetch() {
	n, err := u.source.Read(u.buffer)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.chunk, u.err = u.buffer[:n], err
	u.looked = append(u.looked, u.chunk[:min(n, u.look-len(u.looked))]...)
	if int(u.chunkAt) == len(u.kept) && len(u.kept)+n <= u.keep {
		u.kept = append(u.kept, u.chunk...)
	} else {
		u.keep, u.kept = 0, nil // Too large to be sent twice.
	}
	close(u.fetching)
	u.fetching = nil
}

// uploadReader reads the body for one attempt.
type uploadReader struct {
	upload *upload
	done   <-chan struct{}
	offset int64
	closed atomic.Bool
}

// Read reads on, until the attempt is over.
func (r *uploadReader) Read(p []byte) (int, error) {
	for len(p) > 0 && !r.closed.Load() {
		n, news, err := r.upload.take(p, r.offset)
		if news == nil {
			r.offset += int64(n)
			return n, err
		}
		select {
		case <-news:
		case <-r.done:
			return 0, errUploadOver
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	return 0, errUploadOver
}

// Close ends this attempt's reading, without waiting for the bot.
func (r *uploadReader) Close() error {
	r.closed.Store(true)
	return nil
}
