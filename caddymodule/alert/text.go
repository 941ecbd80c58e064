package alert

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is the length in bytes at which a reason, a summary or an error is
// cut.
const maxText = 256

// isPlain tells whether a text is UTF-8 on one line, of characters that print.
func isPlain(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// cleaned gives a text of one line and at most maxText bytes. What does not
// print, line breaks and marks that turn the direction of writing among it, is a
// blank.
func cleaned(s string) string {
	// Four bytes is the most that a character takes, and one bad byte becomes
	// one blank, so nothing that is kept lies further back.
	if len(s) > utf8.UTFMax*maxText {
		s = s[:utf8.UTFMax*maxText]
	}
	if !isPlain(s) {
		s = strings.Map(func(r rune) rune {
			if r == utf8.RuneError || !unicode.IsPrint(r) {
				return ' '
			}
			return r
		}, s)
	}
	return clipped(strings.TrimSpace(s))
}

// clipped cuts a text to maxText bytes, between two characters, and shows that
// it did.
func clipped(s string) string { return clippedTo(s, maxText) }

// clippedTo is clipped with another bound, of at least 3.
func clippedTo(s string, bound int) string {
	const mark = "…"
	if len(s) <= bound {
		return s
	}
	end := bound - len(mark)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}
