package secret

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// minSecret is the length in bytes from which a secret is looked for. Shorter ones stand in texts by chance.
	minSecret = 8
	// maxPattern bounds the part of a secret that is looked for as one, in bytes. Longer secrets are looked for in
	// parts, which bounds the comparisons at one place and the text that a stream has to hold back. The parts
	// overlap, for at its ends a part shares characters of base64 with its neighbors.
	maxPattern = 256
	// maxUnit is the longest text that can stand for one byte of a pattern: \u0041.
	maxUnit = 6
)

// pattern is a text that gives a secret away: the secret itself, or what base64 makes of it. In the text that is
// searched, each byte of it may be escaped, see [pattern.unit].
type pattern struct {
	text string
	// least is how much of text suffices. What follows it is overwritten too where it stands there: the last
	// character of base64, which a longer text shares with its next byte, and the padding.
	least int
	// base64 tells that '-' and '_' stand for '+' and '/' (RFC 4648, section 5).
	base64 bool
	// readings are the ways to read the text that is searched.
	readings []reading
}

// reading is a set of escapes that are understood. Where an escape is understood, its first character never stands for
// itself, just as no encoder leaves it: this makes reading a text unambiguous.
type reading uint8

const (
	percentEscapes reading = 1 << iota // %2F, and '+' for a space: RFC 3986, and forms in HTML.
	jsonEscapes                        // \/ and \u002f: RFC 8259, section 7.
	allEscapes     = percentEscapes | jsonEscapes
)

// patternsOf returns what to look for in order to find the secret, which is at least minSecret bytes long.
func patternsOf(value string) []pattern {
	var patterns []pattern
	for len(value) > maxPattern {
		cut := runeStart(value, maxPattern)
		patterns = append(patterns, patternsOf(value[:cut])...)
		value = value[runeStart(value, cut-minSecret):]
	}
	literal := pattern{text: value, least: len(value), readings: []reading{allEscapes}}
	if strings.ContainsAny(value, `%\`) {
		// What looks like an escape may be the secret itself.
		literal.readings = []reading{allEscapes, percentEscapes, jsonEscapes, 0}
	}
	patterns = append(patterns, literal)
	for offset := range 3 {
		patterns = append(patterns, base64Pattern(value, offset))
	}
	return patterns
}

// runeStart returns the last place up to at where a code point begins, since JSON escapes whole ones; at itself if the
// text there is not UTF-8.
func runeStart(s string, at int) int {
	for i := at; i > at-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			return i
		}
	}
	return at
}

// base64Pattern returns the characters that base64 has for value where it begins offset bytes (modulo 3) into a longer
// text, as "secret" does in the "user:secret" of basic authentication.
func base64Pattern(value string, offset int) pattern {
	encoded := base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00"[:offset] + value))
	// Bits of the characters shared with the preceding bytes belong to both: 8 bits of them end in the second
	// character, 16 bits in the third.
	first := [3]int{0, 2, 3}[offset]
	whole := (offset + len(value)) * 8 / 6
	return pattern{text: encoded[first:], least: whole - first, base64: true, readings: []reading{allEscapes}}
}

// verdict is what came of comparing a text with a pattern.
type verdict uint8

const (
	differs verdict = iota
	matches
	tooShort // The text ends before it is decided. It may be a match already, see [pattern.compare].
)

// compare tells whether the pattern stands at the start of text. In end it returns where the match ends, 0 where there
// is none. With tooShort, end is where the match ends should no text follow.
func (p *pattern) compare(text []byte, r reading) (end int, v verdict) {
	at, done := 0, 0
	for done < len(p.text) && at < len(text) {
		used, matched := 1, 1
		if c := text[at]; c != p.text[done] || c == '%' || c == '\\' {
			used, matched = p.unit(text[at:], p.text[done:], r)
		}
		if used < 0 {
			break
		}
		if used == 0 {
			if done >= p.least {
				return at, matches
			}
			return 0, differs
		}
		at += used
		done += matched
	}
	if done == len(p.text) {
		return at, matches
	}
	if done >= p.least {
		end = at
	}
	return end, tooShort
}

// unit reads one character of text, escaped or not. It returns how many bytes of text stand for how many bytes of want;
// used is 0 if the text differs, and -1 if it ends within an escape that did not differ so far.
func (p *pattern) unit(text []byte, want string, r reading) (used, matched int) {
	c, w := text[0], want[0]
	switch {
	case c == '%' && r&percentEscapes != 0:
		used = p.either(w, func(w byte) int { return begins(text, '%', hexDigits[w>>4], hexDigits[w&15]) })
		return used, 1
	case c == '\\' && r&jsonEscapes != 0:
		return p.jsonUnit(text, want)
	case c == w:
		return 1, 1
	case c == '+' && w == ' ' && r&percentEscapes != 0:
		return 1, 1
	case p.base64 && c == urlAlphabet(w):
		return 1, 1
	}
	return 0, 0
}

// jsonUnit is unit for a text that begins with a backslash.
func (p *pattern) jsonUnit(text []byte, want string) (used, matched int) {
	if len(text) == 1 {
		return -1, 0
	}
	if text[1] != 'u' {
		if short, ok := jsonShort(text[1]); ok && short == want[0] {
			return 2, 1
		}
		return 0, 0
	}
	if want[0] < utf8.RuneSelf {
		used = p.either(want[0], func(w byte) int { return begins(text, codeUnit(rune(w))...) })
		return used, 1
	}
	r, size := utf8.DecodeRuneInString(want)
	if size == 1 {
		return 0, 0 // No code point, so JSON has no escape for it.
	}
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return begins(text, append(codeUnit(high), codeUnit(low)...)...), size
	}
	return begins(text, codeUnit(r)...), size
}

// either applies an escape to the wanted byte and, in base64, to the one of the other alphabet.
func (p *pattern) either(w byte, used func(byte) int) int {
	n := used(w)
	if other := urlAlphabet(w); n == 0 && p.base64 && other != w {
		n = used(other)
	}
	return n
}
