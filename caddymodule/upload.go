package caddymodule

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// errUploadClosed is what a transport gets that reads on when the handler has
// returned, after which net/http's body must not be touched.
var errUploadClosed = errors.New("the call is over")

// upload is the bot's request body, which knows whether it was read to its end.
// Closing it does not close the body behind it: net/http does that when the
// handler has returned, and before that it would wait for a bot that stalls.
type upload struct {
	mu     sync.Mutex // held while reading: the engine may still be at it when the rest is thrown away
	body   io.ReadCloser
	begun  atomic.Bool
	passed atomic.Int64 // bytes that were read
	ended  atomic.Bool
	closed atomic.Bool
	rest   chan struct{} // closed when the rest has been thrown away; nil: nobody does
}

// Read reads on.
func (u *upload) Read(p []byte) (int, error) {
	if u.closed.Load() {
		return 0, errUploadClosed
	}
	u.begun.Store(true)
	return u.read(p)
}

// read reads on, also when the third party may not.
func (u *upload) read(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n, err := u.body.Read(p)
	u.passed.Add(int64(n))
	if errors.Is(err, io.EOF) {
		u.ended.Store(true)
	}
	return n, err
}

// Close ends the reading.
func (u *upload) Close() error {
	u.closed.Store(true)
	return nil
}

// discard throws the rest away, for as long as it comes, and waits for its end
// that long. Read deadlines could not bound the wait: Caddy's reader fails for
// good after the first one.
func (u *upload) discard(patience time.Duration) {
	if u.rest == nil {
		u.rest = make(chan struct{})
		go func() {
			defer close(u.rest)
			_, _ = io.Copy(io.Discard, readerFunc(u.read))
		}()
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-u.rest:
	case <-timer.C:
	}
}

// linger throws the rest away for as long as it keeps coming.
func (u *upload) linger() {
	for end := time.Now().Add(maxLingering); time.Now().Before(end); {
		before := u.passed.Load()
		u.discard(lingering)
		if u.passed.Load() == before || u.ended.Load() {
			return
		}
	}
}

// readerFunc is a function as an io.Reader.
type readerFunc func([]byte) (int, error)

// Read calls the function.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// takeUpload stands between net/http's body and whoever reads it.
func (b *bot) takeUpload(r *http.Request) {
	if r.Body == nil || r.ContentLength == 0 {
		// Caddy wraps every body; one that is empty is known to be so here.
		r.Body = http.NoBody
		return
	}
	b.upload = &upload{body: r.Body}
	r.Body = b.upload
}

const (
	// releasePatience is how long an own answer waits for the rest of an upload
	// that nobody will read. One that has come already is read by then, so that
	// the connection can be used again.
	releasePatience = 2 * time.Millisecond

	// lingering is how long a connection that cannot be used again is read on
	// after the answer, from the last byte that came. A bot that is still sending
	// would be told of a broken connection otherwise, and lose the answer (RFC
	// 9112, section 9.6). It is what net/http waits in such a case.
	lingering = 500 * time.Millisecond

	// maxLingering bounds that for bots that send on and on. Some read nothing
	// before they have sent all.
	maxLingering = 10 * time.Second
)

// release keeps an answer from waiting for a bot that has not sent all of its
// request: net/http reads the rest before it answers, unless told otherwise.
// HTTP/2 ends a single stream, so there is nothing to wait for and to linger on.
func (b *bot) release(w http.ResponseWriter, r *http.Request) {
	if b.upload == nil || b.upload.ended.Load() || r.ProtoMajor != 1 {
		return
	}
	if verdict := b.call.Verdict(); !verdict.PassedOn() && b.sending(r) {
		b.upload.discard(releasePatience)
		if b.upload.ended.Load() {
			return
		}
	}
	// The answer is early, and a third party may still be listening: answer and
	// upload go on side by side, after which net/http cannot use the connection
	// again. Writers that cannot do both at once say so here, and then the
	// answer waits.
	b.early = true
	if http.NewResponseController(w).EnableFullDuplex() == nil {
		w.Header()["Connection"] = []string{"close"}
	}
}

// sending tells whether the bot sends its body by itself: reading one that waits
// for a 100 (Continue) would send that.
func (b *bot) sending(r *http.Request) bool {
	return b.upload.begun.Load() || r.Header.Get("Expect") == ""
}

// letGo ends an upload that outlives its answer. net/http would wait for it.
func (b *bot) letGo(w http.ResponseWriter, r *http.Request) {
	if !b.early || b.upload.ended.Load() {
		return
	}
	_ = b.upload.Close()
	control := http.NewResponseController(w)
	if b.answered && b.sending(r) && control.Flush() == nil {
		b.upload.linger()
	}
	_ = control.SetReadDeadline(time.Now())
	if b.upload.rest != nil {
		<-b.upload.rest
	}
	// net/http's body is not to be touched from here on: wait for whoever reads.
	b.upload.mu.Lock()
	b.upload.mu.Unlock() //nolint:staticcheck // Nothing is to be done meanwhile.
}
