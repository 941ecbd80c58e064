package policy

import (
	"bytes"
	"encoding/hex"
	"slices"
	"sort"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/signpost-gateway/signpost/policy/extract"
)

// finder looks for many texts at once, in whatever way they are written: as they
// are, percent-encoded (RFC 3986, section 2.1), with '+' for a blank, or escaped
// as in a JSON string (RFC 8259, section 7). One pass takes some nanoseconds a
// byte, however many texts there are. The zero value finds nothing.
type finder struct {
	heads  map[head][]string // the texts that begin so, with '+' for blanks
	seen   *[1 << 10]uint64  // a bit for each head, or for several
	sorted bool              // each list of heads
	steps  int               // that the search has taken
}

// head is the first minMask bytes of a text, with '+' for a blank.
type head uint32

// with is the head of what begins one byte later.
func (h head) with(next byte) head { return h>>8 | head(plusForBlank(next))<<24 }

// bit is where a head stands in finder.seen.
func (h head) bit() (word uint32, mask uint64) {
	hash := uint32(h) * 2654435761 >> 16
	return hash >> 6, 1 << (hash & 63)
}

// add looks for a text of at least minMask bytes from now on.
func (f *finder) add(text string) {
	text = strings.ReplaceAll(text, " ", "+")
	h, _ := headOf([]byte(text), 0)
	if f.heads == nil {
		f.heads, f.seen = make(map[head][]string), new([1 << 10]uint64)
	}
	f.heads[h], f.sorted = append(f.heads[h], text), false
	word, mask := h.bit()
	f.seen[word] |= mask
}

// overwrite fills all that is found with asterisks. Texts may overlap. cut tells
// that the end of b may be in the middle of a text, of which no minMask bytes may
// stay then.
func (f *finder) overwrite(b []byte, cut bool) {
	if len(f.heads) == 0 {
		return
	}
	f.sort()
	f.steps = 0
	type span struct{ start, end int }
	var spans []span // Filled afterwards, since another text may begin inside.
	var h head
	lastPercent, lastBackslash := -1, -1
	for at, c := range b {
		h = h.with(c)
		switch c {
		case '%':
			lastPercent = at
		case '\\':
			lastBackslash = at
		}
		start := at + 1 - minMask
		if start < 0 {
			continue
		}
		size := 0
		if word, mask := h.bit(); f.seen[word]&mask != 0 {
			size = f.behind(h, b[start:], cut)
		}
		if lastPercent >= start {
			size = max(size, f.escaped(b[start:], percent, cut))
		}
		if lastBackslash >= start {
			size = max(size, f.escaped(b[start:], inJSON, cut))
		}
		if lastPercent >= start && lastBackslash >= start {
			size = max(size, f.escaped(b[start:], allEscapes, cut))
		}
		if size > 0 {
			spans = append(spans, span{start, start + size})
		}
		if f.steps > maxSteps*len(b)+minSteps {
			spans = append(spans, span{start, len(b)}) // Rather nothing than a search that takes seconds.
			break
		}
	}
	filled := 0
	for _, s := range spans {
		for i := max(s.start, filled); i < s.end; i++ {
			b[i] = '*'
		}
		filled = max(filled, s.end)
	}
}

// A search takes at most maxSteps for each byte and minSteps more. Only texts that
// repeat themselves take so many.
const (
	maxSteps = 64
	minSteps = 4096
)

// sort makes the lists ready for behind.
func (f *finder) sort() {
	if f.sorted {
		return
	}
	for _, texts := range f.heads {
		slices.Sort(texts)
	}
	f.sorted = true
}

// escaped gives the length of the longest text that b begins with, 0 where there
// is none, if its first bytes are written with these escapes.
func (f *finder) escaped(b []byte, undo escapes, cut bool) int {
	h, whole := headOf(b, undo)
	if word, mask := h.bit(); !whole || f.seen[word]&mask == 0 {
		return 0
	}
	return f.behind(h, b, cut)
}

// behind gives the length of the longest text of that head that b begins with, 0
// where there is none.
func (f *finder) behind(h head, b []byte, cut bool) (longest int) {
	for undo := range allEscapes + 1 { // Escapes may come later, too.
		longest = max(longest, f.longestOf(f.heads[h], b, undo, cut))
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
	for n := 0; n < minMask; {
		if len(b) == 0 {
			return h, false
		}
		c, size, used := unit(b, undo)
		for i := 0; i < size && n < minMask; i++ {
			h = h.with(c[i])
			n++
		}
		b = b[used:]
	}
	return h, true
}

// longestOf gives how many bytes of b the longest of these texts takes from its
// beginning, 0 where none is there. The texts are sorted, and are narrowed down
// byte by byte: many of them cost hardly more than one.
func (f *finder) longestOf(texts []string, b []byte, undo escapes, cut bool) (longest int) {
	at, k := 0, 0
	for len(texts) > 0 {
		if len(texts[0]) == k {
			longest, texts = at, texts[1:]
			continue
		}
		f.steps++
		rest := b[at:]
		begun := len(rest) < longestEscape && len(rest) > 0 && (rest[0] == '%' || rest[0] == '\\')
		if cut && k >= minMask && (len(rest) == 0 || begun) {
			return len(b)
		}
		if len(rest) == 0 {
			break
		}
		c, size, used := unit(rest, undo)
		for _, next := range c[:size] {
			texts = goingOn(texts, k, plusForBlank(next))
			k++
		}
		at += used
	}
	return longest
}

// goingOn gives those of sorted texts with the same first k bytes whose next byte
// is this one.
func goingOn(texts []string, k int, next byte) []string {
	for len(texts) > 0 && len(texts[0]) == k {
		texts = texts[1:]
	}
	from := sort.Search(len(texts), func(i int) bool { return texts[i][k] >= next })
	to := sort.Search(len(texts), func(i int) bool { return texts[i][k] > next })
	return texts[from:to]
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
