package policy

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signpost-gateway/signpost/policy/stale"
)

// stream is an answer's body on its way to the bot. Closing it ends the call. A
// program may close it while another goroutine reads.
type stream struct {
	call   *call
	source io.ReadCloser
	resp   *http.Response // where trailers come, nil where none can
	timed  bool           // each wait for the next bytes is bounded
	keep   *keeper        // collects the body for later fallbacks

	mu     sync.Mutex // guards what follows, and the record until the call is over
	ended  bool       // Read gave an end
	closed bool
}

// errClosed is what a reader gets after Close.
var errClosed = errors.New("reading an answer that was closed")

// Read passes the body on. The call's timeout bounds each wait for more.
func (s *stream) Read(p []byte) (int, error) {
	if s.isClosed() {
		return 0, errClosed
	}
	if s.timed {
		s.call.timer.Reset(s.call.deadline)
	}
	n, err := s.source.Read(p)
	if s.timed {
		s.call.timer.Stop()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errClosed
	}
	if s.timed {
		s.call.pass(p[:n])
	}
	if s.keep != nil {
		s.keep.write(p[:n], stale.DefaultMaxEntry)
	}
	if err != nil {
		s.end(err)
	}
	return n, err
}

func (s *stream) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// end notes the end of the body, and looks through the trailers that came with it.
func (s *stream) end(err error) {
	c := s.call
	s.ended = true
	c.rec.Duration = time.Since(c.rec.Start)
	if !errors.Is(err, io.EOF) {
		c.rec.Broken = c.brokenBy()
		return
	}
	if s.resp != nil {
		cleanAnswer(nil, s.resp.Trailer)
		c.scrubber.Header(s.resp.Trailer)
	}
	if s.keep != nil && !s.keep.tooLarge {
		s.keep.answer.Body = s.keep.body.Bytes()
		c.keepLastGood(s.keep.answer)
	}
}

// brokenBy says what cut an answer off.
func (c *call) brokenBy() string {
	switch c.halted() {
	case haltDeadline:
		return "no bytes came within " + c.deadline.String()
	case haltGone:
		return "the bot went away"
	default:
		return "the third party's answer broke off"
	}
}

// Close ends the call. It may be called twice.
func (s *stream) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	if s.timed && !s.ended && !s.call.hasNoBody(s.resp.StatusCode) {
		s.call.rec.Broken = "the bot went away"
	}
	s.mu.Unlock()
	err := s.source.Close()
	s.call.closeUpload()
	s.call.finish()
	return err
}

// keeper collects a streamed body for later fallbacks, up to a bound.
type keeper struct {
	answer   stale.Answer
	body     bytes.Buffer
	tooLarge bool
}

// write adds to the body, unless it has become too large to be kept.
func (k *keeper) write(p []byte, bound int) {
	if k.tooLarge || k.body.Len()+len(p) > bound {
		k.tooLarge, k.body = true, bytes.Buffer{}
		return
	}
	k.body.Write(p)
}

// upgraded is a connection that has changed its protocol: bytes flow both ways,
// and the call's timeout bounds each silence.
type upgraded struct {
	call   *call
	source io.Reader // what the third party says, scrubbed
	conn   io.ReadWriteCloser
	idle   *time.Timer
	silent atomic.Bool // the silence was too long
	once   sync.Once
}

// upgrade makes the body of a 101 answer.
func (c *call) upgrade(a *answer) io.ReadCloser {
	conn, ok := a.resp.Body.(io.ReadWriteCloser)
	if !ok {
		return &stream{call: c, source: a.body}
	}
	c.timer.Stop()
	u := &upgraded{call: c, source: c.scrubber.Reader(conn), conn: conn}
	u.idle = time.AfterFunc(c.deadline, func() {
		u.silent.Store(true)
		conn.Close()
	})
	return u
}

// Read passes on what the third party says.
func (u *upgraded) Read(p []byte) (int, error) {
	n, err := u.source.Read(p)
	u.heard(err)
	return n, err
}

// Write passes on what the bot says.
func (u *upgraded) Write(p []byte) (int, error) {
	n, err := u.conn.Write(p)
	u.heard(err)
	return n, err
}

// heard begins the wait for the next bytes.
func (u *upgraded) heard(err error) {
	if err == nil {
		u.idle.Reset(u.call.deadline)
	}
}

// Close ends the connection and the call. It may be called twice.
func (u *upgraded) Close() error {
	u.idle.Stop()
	err := u.conn.Close()
	u.once.Do(func() {
		if u.silent.Load() {
			u.call.rec.Broken = "no bytes came within " + u.call.deadline.String()
		}
		u.call.closeUpload()
		u.call.finish()
	})
	return err
}
