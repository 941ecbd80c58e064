package secret

import "io"

// minRead is the least that is read at once, in bytes, so that a caller with a tiny buffer does not slow the search.
const minRead = 1 << 10

// reader is what [Scrubber.Reader] returns.
type reader struct {
	matcher hidden[*matcher]
	source  io.ReadCloser

	held   []byte // Text that could be the beginning of a secret, as it was read; at most matcher.longest bytes.
	masked int    // How much of held belongs to a secret that began before it.
	ready  []byte // Clean text that the caller's buffer had no room for, a part of spare.
	spare  []byte // A buffer of our own for callers with a tiny one, at most matcher.longest+minRead bytes.
	err    error  // What the source ended with.
}

// Read implements [io.Reader].
func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.ready) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		if len(p) >= len(r.held)+minRead {
			if clean, idle := r.fill(p); clean > 0 || idle {
				return clean, nil
			}
			continue
		}
		if r.spare == nil {
			r.spare = make([]byte, r.matcher().longest+minRead)
		}
		clean, idle := r.fill(r.spare)
		if idle {
			return 0, nil
		}
		r.ready = r.spare[:clean]
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

// fill reads once and returns how much of buf is clean text then. It is idle if the source gave nothing, not even an
// error. The buffer has room for the held text and more.
func (r *reader) fill(buf []byte) (clean int, idle bool) {
	n, err := r.source.Read(buf[copy(buf, r.held):])
	if n == 0 && err == nil {
		return 0, true
	}
	r.err = err
	text := buf[:len(r.held)+n]
	var f findings
	r.matcher().scan(text, err == nil, &f)
	r.held = append(r.held[:0], text[f.hold:]...)
	r.release(text, f)
	return f.hold, false
}

// release overwrites the secrets in the text before f.hold. What of them reaches into the held text is overwritten when
// that is released: until then it is needed as it is, for another secret may begin in it.
func (r *reader) release(text []byte, f findings) {
	masked := 0
	if r.masked > 0 {
		f.spans = append(f.spans, span{start: 0, end: r.masked})
	}
	for _, s := range f.spans {
		if s.start < f.hold {
			overwrite(text[s.start:min(s.end, f.hold)])
		}
		if s.start <= f.hold {
			masked = max(masked, s.end-f.hold)
		}
	}
	r.masked = masked
}

// Close closes the source.
func (r *reader) Close() error { return r.source.Close() }
