package secret

import (
	"io"
	"strconv"
	"strings"
	"sync"
)

// Scrubber overwrites secrets with as many '*' where a third party echoes them. It looks for secrets of 8 bytes or more
// in these forms, and mixtures of them:
//
//   - as they are;
//   - percent-encoded, each byte or only some, with digits of either case, and '+' for a space;
//   - escaped as in a JSON string: \/ \" \\ and \u0041, code points beyond ASCII included;
//   - in base64 of either alphabet, with and without padding, also within the base64 of a longer text. There the
//     characters that the secret determines alone are overwritten: those at its ends share bits with its neighbors;
//   - base64 that is in turn percent-encoded or escaped as JSON.
//
// A secret that is encoded in another way, twice in the same way, or cut off is not found; so scrub a text before
// cutting it. Secrets may overlap: whatever belongs to any of them is overwritten.
//
// A Scrubber is immutable and safe for concurrent use. A nil Scrubber finds nothing.
type Scrubber struct {
	matcher hidden[*matcher] // Its patterns are secrets too.
}

// NewScrubber returns a Scrubber for these secrets, or nil if none of them is 8 bytes long. It takes some microseconds;
// see [Scrubbers] for one a call.
func NewScrubber(secrets []Secret) *Scrubber {
	var patterns []pattern
	for _, s := range secrets {
		if value := s.Expose(); len(value) >= minSecret {
			patterns = append(patterns, patternsOf(value)...)
		}
	}
	if len(patterns) == 0 {
		return nil
	}
	return &Scrubber{matcher: hide(newMatcher(patterns))}
}

// Bytes overwrites the secrets in b and returns how many bytes of it changed.
func (s *Scrubber) Bytes(b []byte) int {
	if s == nil || len(b) < minSecret {
		return 0
	}
	var f findings
	s.matcher().scan(b, false, &f)
	changed := 0
	for _, found := range f.spans {
		changed += overwrite(b[found.start:found.end])
	}
	return changed
}

// Header overwrites the secrets in the values of a header, in place, and returns how many bytes of it changed. Names
// are left alone: they are canonicalized, which changes a secret beyond recognition, and a proxy decides by name what
// to do with a header.
func (s *Scrubber) Header(h map[string][]string) int {
	if s == nil {
		return 0
	}
	var room [512]byte
	buf, changed := room[:0], 0
	for _, values := range h {
		for i, value := range values {
			buf = append(buf[:0], value...)
			if n := s.Bytes(buf); n > 0 {
				values[i] = string(buf)
				changed += n
			}
		}
	}
	return changed
}

// overwrite fills b with '*' and returns how many bytes of it changed.
func overwrite(b []byte) int {
	changed := 0
	for i, c := range b {
		if c != '*' {
			b[i] = '*'
			changed++
		}
	}
	return changed
}

const (
	// maxScrubbers bounds how many Scrubbers are remembered.
	maxScrubbers = 4096
	// maxScrubbersBytes bounds the memory that they take, about.
	maxScrubbersBytes = 32 << 20
)

// Scrubbers remembers the Scrubbers made last, by the values of their secrets, so that a call need not make its own. It
// holds at most 4096 of them and about 32 MiB. A rotated secret is kept until it was not used for longest. Scrubbers is
// safe for concurrent use.
type Scrubbers struct {
	mu    sync.Mutex
	known hidden[*lru[scrubberKey, *Scrubber]] // Its keys are secrets.
}

// scrubberKey stands for a list of secrets. One alone, which is the rule, is its own key and needs no memory.
type scrubberKey struct {
	count  int
	values string
}

// NewScrubbers returns a Scrubbers that remembers nothing yet.
func NewScrubbers() *Scrubbers {
	return &Scrubbers{known: hide(newLRU[scrubberKey, *Scrubber](maxScrubbers, maxScrubbersBytes))}
}

// For returns a Scrubber for these secrets, as [NewScrubber] does.
func (c *Scrubbers) For(secrets []Secret) *Scrubber {
	key := keyOf(secrets)
	if key.count == 0 {
		return nil
	}
	c.mu.Lock()
	s, ok := c.known().get(key)
	c.mu.Unlock()
	if ok {
		return s
	}
	s = NewScrubber(secrets)
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.known().get(key); ok {
		return known // Another goroutine made it meanwhile.
	}
	c.known().add(key, s, s.matcher().size()+len(key.values))
	return s
}

// keyOf returns the key of the secrets that are long enough to be looked for.
func keyOf(secrets []Secret) scrubberKey {
	key := scrubberKey{}
	for _, s := range secrets {
		if value := s.Expose(); len(value) >= minSecret {
			key.count++
			key.values = value
		}
	}
	if key.count <= 1 {
		return key
	}
	var b strings.Builder
	for _, s := range secrets {
		if value := s.Expose(); len(value) >= minSecret {
			b.WriteString(strconv.Itoa(len(value)))
			b.WriteByte(':')
			b.WriteString(value)
		}
	}
	key.values = b.String()
	return key
}

// size returns about how many bytes of memory the matcher takes.
func (m *matcher) size() int {
	const header = 2048 // The index by first character and the like.
	size := header + 8*len(m.blocks)
	for i := range m.patterns {
		size += 80 + len(m.patterns[i].text)
	}
	return size
}

// Reader returns a reader of the same text without the secrets; without secrets to look for it is rc itself. It finds
// secrets wherever the text is cut into reads. Only text that could be the beginning of a secret is held back, at most
// 3 KiB of it, until it is decided or the text ends, with an error or without: an event is passed on when it comes.
//
// Closing it closes rc, also while it is read. Otherwise it is not safe for concurrent use.
func (s *Scrubber) Reader(rc io.ReadCloser) io.ReadCloser {
	if s == nil {
		return rc
	}
	return &reader{matcher: s.matcher, source: rc}
}
