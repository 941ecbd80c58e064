package policy

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/signpost-gateway/signpost/policy/stale"
)

// stream is an answer's body on its way to the bot. Closing it ends the call.
type stream struct {
	call   *call
	source io.ReadCloser
	resp   *http.Response // where trailers come, nil where none can
	timed  bool           // each wait for the next bytes is bounded
	keep   *keeper        // collects the body for later fallbacks
	over   error          // what Read gave last, when it was an end
	once   sync.Once
}

// Read passes the body on. The call's timeout bounds each wait for more.
func (s *stream) Read(p []byte) (int, error) {
	c := s.call
	if s.timed {
		c.timer.Reset(c.deadline)
	}
	n, err := s.source.Read(p)
	if s.timed {
		c.timer.Stop()
	}
	if s.keep != nil {
		s.keep.write(p[:n], stale.DefaultMaxEntry)
	}
	if err == nil {
		return n, nil
	}
	s.over = err
	c.rec.Duration = time.Since(c.rec.Start)
	if !errors.Is(err, io.EOF) {
		c.rec.Broken = c.brokenBy()
		return n, err
	}
	if s.resp != nil {
		cleanAnswer(nil, s.resp.Trailer)
		if c.scrubber != nil {
			c.scrubber.Header(s.resp.Trailer)
		}
	}
	if s.keep != nil && !s.keep.tooLarge {
		s.keep.answer.Body = s.keep.body.Bytes()
		c.putStale(s.keep.answer)
	}
	return n, err
}

// brokenBy says what cut an answer off.
func (c *call) brokenBy() string {
	switch c.over() {
	case overDeadline:
		return "no bytes came within " + c.deadline.String()
	case overGone:
		return "the bot went away"
	default:
		return "the third party's answer broke off"
	}
}

// Close ends the call. It may be called twice.
func (s *stream) Close() error {
	err := error(nil)
	s.once.Do(func() {
		if s.over == nil && s.timed {
			s.call.rec.Broken = "the bot went away"
		}
		err = s.source.Close()
		s.call.upload.close()
		s.call.finish()
	})
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
	stream
	conn io.ReadWriteCloser
	idle *time.Timer
}

// upgrade makes the body of a 101 answer.
func (c *call) upgrade(a *answer) io.ReadCloser {
	conn, ok := a.resp.Body.(io.ReadWriteCloser)
	if !ok {
		return &stream{call: c, source: a.body}
	}
	c.timer.Stop()
	u := &upgraded{conn: conn}
	u.call, u.source = c, c.scrubber.Reader(conn)
	u.idle = time.AfterFunc(c.deadline, func() { conn.Close() })
	return u
}

// Read passes on what the third party says.
func (u *upgraded) Read(p []byte) (int, error) {
	n, err := u.source.Read(p)
	u.idle.Reset(u.call.deadline)
	return n, err
}

// Write passes on what the bot says.
func (u *upgraded) Write(p []byte) (int, error) {
	n, err := u.conn.Write(p)
	u.idle.Reset(u.call.deadline)
	return n, err
}

// Close ends the connection and the call. It may be called twice.
func (u *upgraded) Close() error {
	u.idle.Stop()
	err := u.conn.Close()
	u.once.Do(u.call.finish)
	return err
}
