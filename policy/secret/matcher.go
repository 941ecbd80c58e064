package secret

import (
	"bytes"
	"math/bits"
	"slices"
)

const (
	// window is how many characters of a match are looked at in order to find it. No match is shorter.
	window = minSecret
	// block is how many characters of the window are looked up at once.
	block = 3
	// stride is the distance of the lookups: a window of 8 has 6 blocks, and one of any 6 neighbors is looked up.
	stride = window - block + 1
	// minBlockBits makes the table 512 bytes large, so that it stays in the processor's nearest cache.
	minBlockBits = 12
)

// matcher finds patterns in a text in time that hardly depends on their number. A text without secrets is looked at in
// every 6th place only, after the idea of Wu and Manber, "A fast algorithm for multi-pattern searching" (1994): does
// the block of 3 characters there stand anywhere in the first 8 characters of a pattern? This finds the matches that
// begin with 8 characters as they are. All others have an escape among their first 8, and those are few and quickly
// found. It is immutable and safe for concurrent use.
type matcher struct {
	patterns []pattern  // Sorted by their first character.
	first    [257]int32 // The patterns that begin with c are patterns[first[c]:first[c+1]].
	starts   [256]bool  // Whether a match can begin with this character, escapes included.
	blocks   []uint64   // A set of hashed blocks, one bit each.
	shift    uint       // Makes a 32-bit hash an index of blocks.
	longest  int        // The longest text that a pattern can take.
}

// span is a part of a text.
type span struct{ start, end int }

// findings are what a matcher found in a text.
type findings struct {
	spans []span
	// hold is where the text begins that may turn out to be a secret once more of it is known. Spans that begin
	// there or later are preliminary.
	hold int
}

func newMatcher(patterns []pattern) *matcher {
	slices.SortStableFunc(patterns, func(a, b pattern) int { return int(a.text[0]) - int(b.text[0]) })
	m := &matcher{patterns: patterns}
	m.starts['%'], m.starts['\\'] = true, true
	var blocks []uint32
	for i := range patterns {
		p := &patterns[i]
		m.longest = max(m.longest, maxUnit*len(p.text))
		m.first[int(p.text[0])+1]++
		for _, c := range p.appendBlocks(nil, 0, p.text[:1]) {
			m.starts[c] = true
		}
		for at := range stride {
			blocks = p.appendBlocks(blocks, 0, p.text[at:at+block])
		}
	}
	for c := range 256 {
		m.first[c+1] += m.first[c]
	}
	// 64 bits for each block keep the chance low that others fall on one.
	size := max(minBlockBits, bits.Len(uint(len(blocks)*64)))
	m.shift = 32 - uint(size)
	m.blocks = make([]uint64, 1<<size/64)
	for _, b := range blocks {
		h := hashBlock(b) >> m.shift
		m.blocks[h/64] |= 1 << (h % 64)
	}
	return m
}

// appendBlocks appends each block of characters that can stand for rest; b holds the characters before rest.
func (p *pattern) appendBlocks(blocks []uint32, b uint32, rest string) []uint32 {
	if rest == "" {
		return append(blocks, b)
	}
	b <<= 8
	blocks = p.appendBlocks(blocks, b|uint32(rest[0]), rest[1:])
	if rest[0] == ' ' {
		blocks = p.appendBlocks(blocks, b|'+', rest[1:])
	}
	if other := urlAlphabet(rest[0]); p.base64 && other != rest[0] {
		blocks = p.appendBlocks(blocks, b|uint32(other), rest[1:])
	}
	return blocks
}

// hashBlock spreads a block over 32 bits, the upper ones best (Knuth, multiplicative hashing).
func hashBlock(b uint32) uint32 { return b * 0x9e3779b1 }

// scan finds all matches, also those that overlap. With more set, further text may follow, and what could become a
// match with it is held.
func (m *matcher) scan(text []byte, more bool, f *findings) {
	f.hold = len(text)
	for i := 0; i+block <= len(text); i += stride {
		h := hashBlock(uint32(text[i])<<16|uint32(text[i+1])<<8|uint32(text[i+2])) >> m.shift
		if m.blocks[h/64]&(1<<(h%64)) != 0 {
			m.tryAll(text, i-stride+1, i+1, more, f)
		}
	}
	m.scanEscapes(text, '%', more, f)
	m.scanEscapes(text, '\\', more, f)
	if more {
		m.tryAll(text, len(text)-window+1, len(text), more, f)
	}
}

// scanEscapes finds the matches that have the escape character among the first 8.
func (m *matcher) scanEscapes(text []byte, escape byte, more bool, f *findings) {
	for tried := 0; ; {
		i := bytes.IndexByte(text[tried:], escape)
		if i < 0 {
			return
		}
		i += tried
		m.tryAll(text, max(tried, i-window+1), i+1, more, f)
		tried = i + 1
	}
}

// tryAll looks for matches that begin in text[from:to].
func (m *matcher) tryAll(text []byte, from, to int, more bool, f *findings) {
	for at := max(from, 0); at < to; at++ {
		c := text[at]
		if !m.starts[c] {
			continue
		}
		m.tryAs(text, at, c, more, f)
		if c == '%' || c == '\\' {
			m.tryEscape(text, at, more, f)
		}
	}
}

// tryEscape looks for matches that begin with the escape at that place.
func (m *matcher) tryEscape(text []byte, at int, more bool, f *findings) {
	c, ok := unescape(text[at:])
	if ok {
		if c != text[at] && m.starts[c] {
			m.tryAs(text, at, c, more, f)
		}
		return
	}
	for c := range 256 {
		m.try(text, at, byte(c), more, f)
	}
}

// tryAs looks for matches that begin with c, or with a character that c stands for.
func (m *matcher) tryAs(text []byte, at int, c byte, more bool, f *findings) {
	m.try(text, at, c, more, f)
	switch c {
	case '+':
		m.try(text, at, ' ', more, f)
	case '-':
		m.try(text, at, '+', more, f)
	case '_':
		m.try(text, at, '/', more, f)
	}
}

// try looks for matches that begin at that place, of patterns that begin with the character c.
func (m *matcher) try(text []byte, at int, c byte, more bool, f *findings) {
	for i := m.first[c]; i < m.first[int(c)+1]; i++ {
		p := &m.patterns[i]
		for _, r := range p.readings {
			end, v := p.compare(text[at:], r)
			if v == tooShort && more {
				f.hold = min(f.hold, at)
			} else if end > 0 {
				f.add(span{start: at, end: at + end})
			}
		}
	}
}

// add adds a span, as part of the last one where they overlap: a text that is full of matches makes few spans.
func (f *findings) add(s span) {
	if n := len(f.spans); n > 0 {
		last := &f.spans[n-1]
		if s.start >= last.start && s.start <= last.end {
			last.end = max(last.end, s.end)
			return
		}
	}
	f.spans = append(f.spans, s)
}
