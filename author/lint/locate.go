package lint

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// locate finds the column of what a finding is about. Of an expression over several
// lines, it finds the line, too.
func (f *files) locate(x *Finding) {
	s := f.of(x.Place.File)
	l := s.line(x.Place.Line)
	if l == nil || x.Column > 0 {
		return
	}
	for number := x.Place.Line; ; number++ {
		at := s.line(number)
		if at == nil || number > x.Place.Line && !at.inside {
			break
		}
		if from, _ := find(at.text, x.word, x.caret); from >= 0 {
			x.Place.Line, x.Column = number, 1+utf8.RuneCountInString(at.text[:from])
			return
		}
	}
	x.Column = 1 + utf8.RuneCountInString(l.text[:first(l.text)])
}

// first is where the first word of a line begins.
func first(text string) int { return len(text) - len(strings.TrimLeft(text, " \t")) }

// find finds a text on a line, whatever blanks stand in either, and gives the bytes
// that it takes there: all, or the character that the caret is under. From is -1 where
// it is not there.
func find(text, wanted string, caret int) (from, to int) {
	needle, places := squeezed(wanted)
	if needle == "" {
		return -1, -1
	}
	hay, offsets := squeezed(text)
	start := -1
	for at := 0; ; {
		i := strings.Index(hay[at:], needle)
		if i < 0 {
			break
		}
		i += at
		if start < 0 || !joins(text, offsets[i]) {
			start = i
		}
		if !joins(text, offsets[i]) {
			break
		}
		at = i + 1
	}
	if start < 0 {
		return -1, -1
	}
	if caret == 0 {
		last := offsets[start+len(needle)-1]
		return offsets[start], last + 1
	}
	under := len(needle) // Behind the end.
	for i := range needle {
		if places[i] >= byteOf(wanted, caret-1) {
			under = i
			break
		}
	}
	if under == len(needle) {
		end := offsets[start+len(needle)-1] + 1
		return end, end + 1
	}
	from = offsets[start+under]
	_, size := utf8.DecodeRuneInString(text[from:])
	return from, from + size
}

// byteOf gives the byte at which a character begins.
func byteOf(text string, character int) int {
	n := 0
	for i := range text {
		if n == character {
			return i
		}
		n++
	}
	return len(text)
}

// joins tells whether the character at a byte of a line goes on with the word before.
func joins(text string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	r, _ := utf8.DecodeRuneInString(text[at:])
	part := func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	return part(before) && part(r)
}

// squeezed gives a text without blanks, and without the backslash before a quotation
// mark that double quotes need; and where each byte of it stood.
func squeezed(text string) (string, []int) {
	var b strings.Builder
	places := make([]int, 0, len(text))
	for i := range len(text) {
		c := text[i]
		if c == ' ' || c == '\t' || c == '\n' || c == '\\' && i+1 < len(text) && text[i+1] == '"' {
			continue
		}
		b.WriteByte(c)
		places = append(places, i)
	}
	return b.String(), places
}
