package policy

import (
	"bytes"
	"encoding/hex"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/policy/extract"
)

// finder looks for many texts at once, in whatever way they are written: as they
// are, percent-encoded (RFC 3986, section 2.1), with '+' for a blank, or escaped
// as in a JSON string (RFC 8259, section 7). One pass takes some nanoseconds a
// byte, however many texts there are. The zero value finds nothing.
type finder struct {
	texts []string
	heads map[head][]int32 // the texts that begin so
	seen  *[1 << 10]uint64 // a bit for each head, or for several
}

// head is how a text begins, with '+' for a blank.
type head [minMask]byte

// bit is where a head stands in finder.seen.
func (h head) bit() (word uint32, mask uint64) {
	hash := (uint32(h[0]) | uint32(h[1])<<8 | uint32(h[2])<<16 | uint32(h[3])<<24) * 2654435761 >> 16
	return hash >> 6, 1 << (hash & 63)
}

// add looks for a text of at least minMask bytes from now on.
func (f *finder) add(text string) {
	h, _ := headOf([]byte(text), 0)
	if f.heads == nil {
		f.heads, f.seen = make(map[head][]int32), new([1 << 10]uint64)
	}
	f.heads[h] = append(f.heads[h], int32(len(f.texts)))
	f.texts = append(f.texts, text)
	word, mask := h.bit()
	f.seen[word] |= mask
}

// overwrite fills all that is found with asterisks. Texts may overlap. cut tells
// that the end of b may be in the middle of a text, of which no minMask bytes may
// stay then.
func (f *finder) overwrite(b []byte, cut bool) {
	if len(f.texts) == 0 {
		return
	}
	type span struct{ start, end int }
	var spans []span // Filled afterwards, since another text may begin inside.
	for i := range b {
		if size := f.at(b[i:], cut); size > 0 {
			spans = append(spans, span{i, i + size})
		}
	}
	for _, s := range spans {
		for i := s.start; i < s.end; i++ {
			b[i] = '*'
		}
	}
}

// at gives the length of the longest text that b begins with, 0 where there is
// none.
func (f *finder) at(b []byte, cut bool) (longest int) {
	if len(b) < minMask {
		return 0
	}
	var plain head
	escaped := false
	for i, c := range b[:minMask] {
		plain[i] = plusForBlank(c)
		escaped = escaped || c == '%' || c == '\\'
	}
	longest = f.behind(plain, b, cut)
	for undo := percent; escaped && undo <= allEscapes; undo++ {
		if h, whole := headOf(b, undo); whole {
			longest = max(longest, f.behind(h, b, cut))
		}
	}
	return longest
}

// behind is at for the texts that have the head.
func (f *finder) behind(h head, b []byte, cut bool) (longest int) {
	if word, mask := h.bit(); f.seen[word]&mask == 0 {
		return 0
	}
	for _, n := range f.heads[h] {
		for undo := range allEscapes + 1 { // Escapes may come later, too.
			longest = max(longest, matched(b, f.texts[n], undo, cut))
		}
	}
	return longest
}

// escapes are the ways of writing that are undone.
type escapes int

const (
	percent escapes = 1 << iota
	inJSON

	allEscapes = percent | inJSON
)

// headOf gives the head of b; whole is false where b is too short for one.
func headOf(b []byte, undo escapes) (h head, whole bool) {
	n := 0
	for n < len(h) {
		if len(b) == 0 {
			return h, false
		}
		c, size, used := unit(b, undo)
		for i := 0; i < size && n < len(h); i++ {
			h[n] = plusForBlank(c[i])
			n++
		}
		b = b[used:]
	}
	return h, true
}

// matched gives how many bytes of b the text takes from its beginning, 0 where it
// is not there.
func matched(b []byte, text string, undo escapes, cut bool) int {
	at, k := 0, 0
	for k < len(text) {
		rest := b[at:]
		begun := len(rest) < longestEscape && len(rest) > 0 && (rest[0] == '%' || rest[0] == '\\')
		if cut && k >= minMask && (len(rest) == 0 || begun) {
			return len(b)
		}
		if len(rest) == 0 {
			return 0
		}
		c, size, used := unit(rest, undo)
		if size > len(text)-k {
			return 0
		}
		for i := range size {
			if plusForBlank(c[i]) != plusForBlank(text[k+i]) {
				return 0
			}
		}
		at, k = at+used, k+size
	}
	return at
}

// plusForBlank makes one of the two bytes that a form writes a blank as.
func plusForBlank(c byte) byte {
	if c == ' ' {
		return '+'
	}
	return c
}

// longestEscape is the length of a pair of surrogates, in bytes.
const longestEscape = len(`\ud83d\ude00`)

// unit reads what b begins with: size bytes of text, which take used bytes of b.
func unit(b []byte, undo escapes) (text [utf8.UTFMax]byte, size, used int) {
	switch {
	case b[0] == '%' && undo&percent != 0 && len(b) >= 3:
		if _, err := hex.Decode(text[:1], b[1:3]); err == nil {
			return text, 1, 3
		}
	case b[0] == '\\' && undo&inJSON != 0 && len(b) >= 2:
		if r, used := unescaped(b); used > 0 {
			return text, utf8.EncodeRune(text[:], r), used
		}
	}
	text[0] = b[0]
	return text, 1, 1
}

// unescaped reads an escape of a JSON string; used is 0 where b begins with none.
func unescaped(b []byte) (r rune, used int) {
	const letters, meant = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if i := bytes.IndexByte([]byte(letters), b[1]); i >= 0 {
		return rune(meant[i]), 2
	}
	r, ok := hexRune(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if low, ok := hexRune(b[6:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

// hexRune reads \u0041.
func hexRune(b []byte) (r rune, ok bool) {
	var code [2]byte
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	if _, err := hex.Decode(code[:], b[2:6]); err != nil {
		return 0, false
	}
	return rune(code[0])<<8 | rune(code[1]), true
}

// walk tells of each element of a list and each member's value of an object where
// it stands. raw is JSON that has been read before; of any other value there is
// nothing to tell.
func walk(raw []byte, tell func(start, end int)) {
	if raw[0] != '{' && raw[0] != '[' {
		return
	}
	inObject, named := raw[0] == '{', false
	for i := 1; i < len(raw)-1; {
		switch raw[i] {
		case ' ', '\t', '\r', '\n', ',':
			i++
			continue
		case ':':
			named = true
			i++
			continue
		}
		end := valueEnd(raw, i)
		if !inObject || named {
			tell(i, end)
			named = false
		}
		i = end
	}
}

// valueEnd is where the value ends that begins at i.
func valueEnd(raw []byte, i int) int {
	depth := 0
	for i < len(raw) {
		switch raw[i] {
		case '"':
			i = stringEnd(raw, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		default:
			i++
			for depth == 0 && i < len(raw) && bytes.IndexByte([]byte(" \t\r\n,:]}"), raw[i]) < 0 {
				i++
			}
		}
		if depth == 0 {
			break
		}
	}
	return i
}

// stringEnd is where the string ends that begins at i.
func stringEnd(raw []byte, i int) int {
	for i++; i < len(raw) && raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return min(i+1, len(raw))
}

// repeatsNames tells whether an object in a document that has been read before has
// two members of the same name.
func repeatsNames(doc []byte) bool {
	var open []map[string]bool // the names so far; nil for a list
	for i := 0; i < len(doc); {
		switch doc[i] {
		case '{':
			open = append(open, make(map[string]bool))
		case '[':
			open = append(open, nil)
		case '}', ']':
			open = open[:len(open)-1]
		case '"':
			end := stringEnd(doc, i)
			if after := bytes.TrimLeft(doc[end:], " \t\r\n"); len(after) > 0 && after[0] == ':' {
				name, names := nameOf(doc[i:end]), open[len(open)-1]
				if names[name] {
					return true
				}
				names[name] = true
			}
			i = end
			continue
		}
		i++
	}
	return false
}

// nameOf is the name of a member, without its escapes.
func nameOf(raw []byte) string {
	value, err := extract.FromJSON(raw)
	if err != nil {
		return string(raw) // Not reached: it is a piece of a document that was read.
	}
	return string(value.AppendText(nil))
}
