package extract

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxPlaces is the greatest number of places that Places lists.
const MaxPlaces = 500

// Named is a place of a document, with the path that names it.
type Named struct {
	// Path names this one place: $.order.items[0].id. A member whose name is no
	// word of letters, digits and _ stands in brackets, as a normalized path
	// has it (RFC 9535, section 2.7), with an escape for each character that
	// is not printable.
	Path string

	// Member is the last name of a member on the path, empty where it has none.
	Member string

	// Depth is how many segments the path has.
	Depth int

	// Skipped is how many elements of this list PlacesWithin leaves out.
	Skipped int

	// Value is what stands there. It shares the bytes of the document.
	Value Value
}

// Places lists the values of a document in its order, what holds others before
// those, and gives how many are left out: those beyond MaxPlaces, and those
// that no path can name because it would be longer than MaxPathBytes or have
// more than MaxSegments segments. CompilePath takes every path that is listed,
// and reads the listed value. Of members with the same name only the last one
// is there. Errors are those of Reader.Read.
func Places(doc []byte) (places []Named, leftOut int, err error) {
	return PlacesWithin(doc, math.MaxInt)
}

// PlacesWithin is Places with at most that many elements of each list, so that what
// stands behind a long one is listed too. Elements that are skipped for that are not
// among those left out.
func PlacesWithin(doc []byte, elements int) (places []Named, leftOut int, err error) {
	s := scanner{doc: doc}
	if err := s.document(nil); err != nil {
		return nil, 0, err
	}
	l := lister{tree: newTree(doc), elements: elements}
	l.list(l.tree.root, []byte{'$'}, "", 0)
	return l.places, l.leftOut, nil
}

// lister walks through a tree. Recursion is bounded by MaxDepth.
type lister struct {
	tree     *tree
	elements int // at most, of each list
	places   []Named
	leftOut  int
}

// list adds a node and all that is in it. The path's memory is shared with the
// places beside it.
func (l *lister) list(node any, path []byte, member string, segments int) {
	if len(l.places) < MaxPlaces && len(path) <= MaxPathBytes && segments <= MaxSegments {
		raw := l.tree.text(node)
		place := Named{Path: string(path), Member: member, Depth: segments, Value: Value{raw: raw, kind: kindOf(raw[0])}}
		if list, is := node.(*array); is {
			place.Skipped = max(len(list.elements)-l.elements, 0)
		}
		l.places = append(l.places, place)
	} else {
		l.leftOut++
	}
	switch n := node.(type) {
	case *object:
		for i, name := range n.names {
			below := path
			if len(path) <= MaxPathBytes { // A longer path names nothing, so it need not grow.
				below = appendMember(path, name)
			}
			l.list(n.members[i], below, name, segments+1)
		}
	case *array:
		for i, element := range n.elements[:min(len(n.elements), l.elements)] {
			below := path
			if len(path) <= MaxPathBytes {
				below = append(strconv.AppendInt(append(path, '['), int64(i), 10), ']')
			}
			l.list(element, below, member, segments+1)
		}
	}
}

// appendMember adds the segment of a member.
func appendMember(path []byte, name string) []byte {
	if isWord(name) {
		return append(append(path, '.'), name...)
	}
	path = append(path, "['"...)
	for _, r := range name {
		path = appendNameRune(path, r)
	}
	return append(path, "']"...)
}

// isWord tells the names that stand behind a dot: a subset of what RFC 9535
// allows there, since not every letter there is looks like one.
func isWord(name string) bool {
	for i, r := range name {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// appendNameRune adds one character of a name in single quotes.
func appendNameRune(path []byte, r rune) []byte {
	const escaped, letters = "'\\\b\f\n\r\t", `'\bfnrt`
	if i := strings.IndexRune(escaped, r); i >= 0 {
		return append(path, '\\', letters[i])
	}
	switch {
	case unicode.IsPrint(r):
		return utf8.AppendRune(path, r)
	case r > 0xFFFF:
		high, low := utf16.EncodeRune(r)
		return fmt.Appendf(path, `\u%04x\u%04x`, high, low)
	default:
		return fmt.Appendf(path, `\u%04x`, r)
	}
}
