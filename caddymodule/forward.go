package caddymodule

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
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
	var to io.Writer = plainWriter{w}
	if resp.ContentLength < 0 {
		to = flushingWriter{w, http.NewResponseController(w)}
		_ = http.NewResponseController(w).Flush() // The headers, before the first byte comes.
	}
	_, err := io.CopyBuffer(to, plainReader{resp.Body}, *buffer)
	return err
}

// buffers are lent for copying bodies.
var buffers = sync.Pool{New: func() any {
	buffer := make([]byte, copyBufferSize)
	return &buffer
}}

// copyBufferSize is how much is copied at once, in bytes.
const copyBufferSize = 32 << 10

// plainWriter and plainReader hide what else their values can do, so that
// io.CopyBuffer uses the buffer.
type (
	plainWriter struct{ io.Writer }
	plainReader struct{ io.Reader }
)

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
