package stale

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/http"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

const (
	// The first byte of a payload says how the rest is written. What begins
	// otherwise is from a gateway that is newer, or from somebody else.
	formPlain = 'p'
	formZstd  = 'z'

	// minCompressed is from how many bytes on compressing is worth its while.
	minCompressed = 256
)

// codec makes of an entry the payload that stands at Redis, and of a payload an
// entry. It is safe for concurrent use: one payload is made at a time, and up to
// four are read.
type codec struct {
	max     int // Bounds what a payload holds, in bytes.
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// newCodec gives a codec for entries of at most so many bytes. It starts no
// goroutine, and takes memory when it is first used.
func newCodec(maxEntry int) *codec {
	window := max(1<<bits.Len(uint(maxEntry)), zstd.MinWindowSize)
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(min(window, zstd.MaxWindowSize)))
	if err != nil {
		panic(fmt.Errorf("making an encoder: %w", err)) // Not reached: the window is a power of two in its bounds.
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(uint64(window)), zstd.WithDecoderMaxMemory(uint64(maxEntry)))
	if err != nil {
		panic(fmt.Errorf("making a decoder: %w", err)) // Not reached either.
	}
	return &codec{max: maxEntry, encoder: encoder, decoder: decoder}
}

// pack makes an entry's payload.
func (c *codec) pack(e *entry) []byte {
	plain := make([]byte, 1, e.size)
	plain[0] = formPlain
	plain = binary.AppendUvarint(plain, uint64(e.answer.Status))
	plain = binary.AppendUvarint(plain, uint64(e.arrivalAge/time.Second))
	plain = binary.AppendUvarint(plain, uint64(len(e.answer.Header)))
	for name, values := range e.answer.Header {
		plain = appendString(plain, name)
		plain = binary.AppendUvarint(plain, uint64(len(values)))
		for _, v := range values {
			plain = appendString(plain, v)
		}
	}
	plain = append(plain, e.answer.Body...)
	if len(plain) < minCompressed {
		return plain
	}
	packed := c.encoder.EncodeAll(plain[1:], append(make([]byte, 0, len(plain)), formZstd))
	if len(packed) >= len(plain) {
		return plain
	}
	return packed
}

// unpack makes an entry of a payload, without its key and when it was stored, or
// nil of what is broken. It trusts nothing: what it allocates is bounded by the
// codec's bound, and what cannot be an answer is none.
func (c *codec) unpack(payload []byte) *entry {
	if len(payload) == 0 || len(payload) > c.max {
		return nil
	}
	plain := payload[1:]
	switch payload[0] {
	case formPlain:
	case formZstd:
		var err error
		if plain, err = c.decoder.DecodeAll(plain, nil); err != nil {
			return nil
		}
	default:
		return nil
	}
	r := reader{rest: plain, room: c.max}
	e := &entry{answer: Answer{Status: int(min(r.number(), 999))}}
	e.arrivalAge = time.Duration(min(r.number(), maxArrivalAge)) * time.Second
	e.answer.Header = lastingHeader(r.header())
	if r.broken || !whole(e.answer.Status) {
		return nil
	}
	e.answer.Body = r.rest
	return e
}

// reader reads the plain form from its front. After the first thing that cannot
// be read it is broken and gives zeros.
type reader struct {
	rest   []byte
	room   int // What headers may still occupy, in bytes.
	broken bool
}

func (r *reader) number() uint64 {
	n, used := binary.Uvarint(r.rest)
	if used <= 0 {
		r.broken, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[used:]
	return n
}

func (r *reader) text() string {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.broken, r.rest = true, nil
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

// header reads names and values that net/http would send on.
func (r *reader) header() http.Header {
	h := http.Header{}
	for range r.number() {
		name := r.text()
		for range r.number() {
			value := r.text()
			r.room -= headerOverhead + len(name) + len(value)
			if r.broken || r.room < 0 || !isToken(name) || !isFieldValue(value) {
				r.broken = true
				return nil
			}
			name = http.CanonicalHeaderKey(name)
			h[name] = append(h[name], value)
		}
		if r.broken {
			return nil
		}
	}
	return h
}

// isToken reports whether s can be the name of a header (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !letter && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// isFieldValue reports whether s can be the value of a header (RFC 9110, section
// 5.5).
func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
