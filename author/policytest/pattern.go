package policytest

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what is made of a regular expression: the length of a text, in bytes,
// and how many of its parts are looked at, which repetitions inside of repetitions
// multiply.
const (
	maxMatching = 8 << 10
	maxParts    = 100_000
)

// matching makes short texts that a regular expression is likely to match: as short
// as can be, and then with one of whatever may be left out. What stands between
// letters, such as \b, it does not look at.
func matching(pattern string) []string {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil // Not reached: it was compiled.
	}
	var texts []string
	for _, least := range []int{0, 1, 2, 3} {
		m := matcher{least: least, room: maxMatching, parts: maxParts}
		if text, ok := m.text(parsed); ok && utf8.ValidString(text) {
			texts = append(texts, text)
		}
	}
	return texts
}

// matcher makes a text of a regular expression.
type matcher struct {
	least int // how often something stands that may be repeated or left out
	room  int // what is left of it, in bytes
	parts int // that may still be looked at
}

// text gives a text that matches. It fails where there is none, or it is too long.
func (m *matcher) text(re *syntax.Regexp) (string, bool) {
	if m.parts--; m.parts < 0 {
		return "", false
	}
	switch re.Op {
	case syntax.OpNoMatch:
		return "", false
	case syntax.OpLiteral:
		return m.spend(string(re.Rune))
	case syntax.OpCharClass:
		return m.char(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return m.spend("a")
	case syntax.OpCapture:
		return m.text(re.Sub[0])
	case syntax.OpStar:
		return m.times(re.Sub[0], m.least)
	case syntax.OpPlus:
		return m.times(re.Sub[0], max(1, m.least))
	case syntax.OpQuest:
		return m.times(re.Sub[0], min(1, m.least))
	case syntax.OpRepeat:
		return m.times(re.Sub[0], m.count(re))
	case syntax.OpConcat:
		return m.row(re.Sub)
	case syntax.OpAlternate:
		return m.shortest(re.Sub)
	default:
		return "", true // Anchors and word boundaries take no room.
	}
}

// count is how often a repetition stands.
func (m *matcher) count(re *syntax.Regexp) int {
	if re.Max >= 0 {
		return min(max(re.Min, m.least), re.Max)
	}
	return max(re.Min, m.least)
}

// spend takes the room of a text.
func (m *matcher) spend(text string) (string, bool) {
	m.room -= len(text)
	return text, m.room >= 0
}

// times repeats.
func (m *matcher) times(re *syntax.Regexp, n int) (string, bool) {
	return m.row(slices.Repeat([]*syntax.Regexp{re}, n))
}

// row puts texts behind each other.
func (m *matcher) row(parts []*syntax.Regexp) (string, bool) {
	var b strings.Builder
	for _, part := range parts {
		text, ok := m.text(part)
		if !ok {
			return "", false
		}
		b.WriteString(text)
	}
	return b.String(), true
}

// shortest takes the alternative with the shortest text.
func (m *matcher) shortest(alternatives []*syntax.Regexp) (string, bool) {
	best, found, room := "", false, m.room
	for _, a := range alternatives {
		m.room = room
		if text, ok := m.text(a); ok && (!found || len(text) < len(best)) {
			best, found = text, true
		}
	}
	m.room = room - len(best)
	return best, found
}

// preferred are characters that are read easily, and have no meaning in a path.
const preferred = "a1A0bBxyzXYZ-_ "

// char takes a character out of ranges, each with its first and its last.
func (m *matcher) char(ranges []rune) (string, bool) {
	for _, c := range preferred {
		if within(ranges, c) {
			return m.spend(string(c))
		}
	}
	for i := 0; i+1 < len(ranges); i += 2 {
		for c := ranges[i]; c <= ranges[i+1] && c < ranges[i]+256; c++ {
			if unicode.IsPrint(c) {
				return m.spend(string(c))
			}
		}
	}
	return "", false
}

// within tells whether a character is in one of the ranges.
func within(ranges []rune, c rune) bool {
	for i := 0; i+1 < len(ranges); i += 2 {
		if ranges[i] <= c && c <= ranges[i+1] {
			return true
		}
	}
	return false
}
