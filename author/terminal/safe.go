package terminal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Safe makes a text of a stranger fit for one line of a terminal: characters that
// are not to be seen, such as those of escape sequences, line breaks and what turns
// the direction of writing, and bytes that are no UTF-8 are written as Go escapes
// them, \x1b. The result is at most ten times as long.
func Safe(text string) string { return safe(text, "") }

// SafeText is Safe for a text of several lines: line breaks and tabs stay, and a
// carriage return before a line break goes.
func SafeText(text string) string {
	return safe(strings.ReplaceAll(text, "\r\n", "\n"), "\n\t")
}

func safe(text, kept string) string {
	if isSafe(text, kept) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case isShown(r, size, kept):
			b.WriteString(text[i : i+size])
		case size == 1:
			b.WriteString(escapeByte(text[i]))
		case r <= 0xFFFF:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += size
	}
	return b.String()
}

// isSafe tells the texts in which there is nothing to escape, which most are.
func isSafe(text, kept string) bool {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if !isShown(r, size, kept) {
			return false
		}
		i += size
	}
	return true
}

// isShown tells the characters that stand for themselves on a screen. The two
// joiners have no shape of their own, but words of some scripts, and signs made of
// several, need them.
func isShown(r rune, size int, kept string) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	if r == utf8.RuneError && size <= 1 {
		return false
	}
	return unicode.IsGraphic(r) || r == nonJoiner || r == joiner || strings.ContainsRune(kept, r)
}

// escapeByte writes one byte that cannot be shown.
func escapeByte(c byte) string {
	switch c {
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	}
	return fmt.Sprintf(`\x%02x`, c)
}
