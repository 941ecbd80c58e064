package caddymodule

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// forward writes the engine's answer to the bot. The header has the engine's own
// lines already. It is what httputil.ReverseProxy does with an answer, less what
// the engine has done before: hop-by-hop headers are gone, and each header is
// moved rather than copied line by line, which is a good part of what a proxy
// costs.
func (b *bot) forward(w http.ResponseWriter, resp *http.Response) {
	defer resp.Body.Close()
	header := w.Header()
	for name, values := range resp.Header {
		if before := header[name]; len(before) > 0 {
			values = append(before, values...)
		}
		header[name] = values
	}
	announced := announceTrailers(header, resp.Trailer)
	w.WriteHeader(resp.StatusCode)
	if err := copyBody(w, resp); err != nil {
		// The headers have left: only a broken connection tells the bot that
		// this is not all. What there is of them must be on its way before.
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	if b.call.Redacts() {
		_ = http.NewResponseController(w).Flush()
	}
	resp.Body.Close() // Now, since reading to the end has filled the trailers.
	sendTrailers(w, resp.Trailer, announced)
}

// flushBroken is for httputil.ReverseProxy, which panics by itself where a body
// breaks off: it sends what there is of the headers, so that the bot learns
// outcome and route. It is to be deferred.
func flushBroken(w http.ResponseWriter) {
	fault := recover()
	if fault == nil {
		return
	}
	if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		_ = http.NewResponseController(w).Flush()
	}
	panic(fault)
}

// announceTrailers names the trailers that will follow, and counts them.
func announceTrailers(header, trailer http.Header) int {
	if len(trailer) == 0 {
		return 0
	}
	names := make([]string, 0, len(trailer))
	for name := range trailer {
		names = append(names, name)
	}
	header.Add("Trailer", strings.Join(names, ", "))
	return len(names)
}

// sendTrailers writes the trailers, those that nobody announced as well.
func sendTrailers(w http.ResponseWriter, trailer http.Header, announced int) {
	if len(trailer) == 0 {
		return
	}
	// Flushing keeps net/http from giving a short body a length, which would
	// leave no place for trailers.
	_ = http.NewResponseController(w).Flush()
	prefix := ""
	if len(trailer) != announced {
		prefix = http.TrailerPrefix
	}
	for name, values := range trailer {
		w.Header()[prefix+name] = values
	}
}

// copyBody passes the body on. One without a known length is passed on as it
// comes, so that events are not held back.
func copyBody(w http.ResponseWriter, resp *http.Response) error {
	if resp.Body == http.NoBody {
		return nil
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	if resp.ContentLength >= 0 {
		return copyKnown(w, resp, *buffer)
	}
	to := flushingWriter{w, http.NewResponseController(w)}
	_ = to.control.Flush() // The headers, before the first byte comes.
	_, err := io.CopyBuffer(to, plainReader{resp.Body}, *buffer)
	return err
}

// holdBack is how long the beginning of an answer may wait for more of it: most
// answers come in one piece, and leave in one.
const holdBack = 2 * time.Millisecond

// copyKnown passes a body of known length on. What has come of it is sent when the
// rest keeps one waiting.
func copyKnown(w http.ResponseWriter, resp *http.Response, buffer []byte) error {
	to := newPromptWriter(w)
	defer to.end()
	for {
		n, err := resp.Body.Read(buffer)
		if failed := to.write(buffer[:n]); failed != nil {
			return failed
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// promptWriter sends what it was given when nothing follows for a moment.
type promptWriter struct {
	timer *time.Timer

	missed atomic.Bool // a flush found a write under way

	mu      sync.Mutex
	w       http.ResponseWriter // nil after end
	waiting bool                // something has not been sent, or the headers have not
}

// newPromptWriter takes the writer, whose headers wait.
func newPromptWriter(w http.ResponseWriter) *promptWriter {
	p := &promptWriter{w: w, waiting: true}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(holdBack, p.flush)
	return p
}

// write writes. What follows may be the end alone, which can keep one waiting, too.
func (p *promptWriter) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	p.mu.Lock()
	_, err := p.w.Write(b)
	if err == nil && !p.waiting {
		p.timer.Reset(holdBack)
	}
	p.waiting = true
	p.mu.Unlock()
	if p.missed.Swap(false) {
		p.timer.Reset(holdBack)
	}
	return err
}

// flush sends what waits. The timer calls it. It does not wait for a write that a
// slow bot holds up, which has it called again.
func (p *promptWriter) flush() {
	if !p.mu.TryLock() {
		p.missed.Store(true)
		return
	}
	defer p.mu.Unlock()
	// On this goroutine a fault of a writer around would end the process.
	defer func() { _ = recover() }()
	if p.w != nil && p.waiting {
		p.waiting = false
		_ = http.NewResponseController(p.w).Flush() // A broken connection shows at the next write.
	}
}

// end gives the writer back.
func (p *promptWriter) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer.Stop()
	p.w = nil
}

// buffers are lent for copying bodies.
var buffers = sync.Pool{New: func() any {
	buffer := make([]byte, copyBufferSize)
	return &buffer
}}

// copyBufferSize is how much is copied at once, in bytes.
const copyBufferSize = 32 << 10

// plainReader hides what else a reader can do, so that io.CopyBuffer uses the
// buffer.
type plainReader struct{ io.Reader }

// flushingWriter sends what it is given at once.
type flushingWriter struct {
	w       io.Writer
	control *http.ResponseController
}

// Write writes and flushes.
func (f flushingWriter) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, f.control.Flush()
}
