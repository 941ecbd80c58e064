package extract

import (
	"unicode/utf16"
	"unicode/utf8"
)

// What follows is shared by both grammars: paths and documents have the same
// blanks, digits and \u escapes.

const (
	surrogateMin = 0xD800
	surrogateMax = 0xDFFF
)

// plainText marks the bytes that stand for themselves in a JSON string.
var plainText = func() (table [256]bool) {
	for c := range table {
		table[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return table
}()

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\t' || c == '\r'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// hex4 reads four hexadecimal digits from the start of s.
func hex4[T string | []byte](s T) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	var r rune
	for i := range 4 {
		c := s[i]
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// surrogatePair joins the halves of a character beyond the basic plane.
func surrogatePair(high, low rune) (rune, bool) {
	r := utf16.DecodeRune(high, low)
	return r, r != utf8.RuneError
}

// appendUnquoted appends what a valid JSON string without its quotes means.
// Half of a surrogate pair means U+FFFD.
func appendUnquoted(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			start := i
			for i < len(s) && s[i] != '\\' {
				i++
			}
			dst = append(dst, s[start:i]...)
			continue
		}
		c := s[i+1]
		i += 2
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, size := unicodeAt(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// unicodeAt reads what follows \u, and the second half of a pair if there is
// one. It reports how many bytes that were.
func unicodeAt(s []byte) (rune, int) {
	r, _ := hex4(s)
	if r < surrogateMin || r > surrogateMax {
		return r, 4
	}
	if len(s) >= 10 && s[4] == '\\' && s[5] == 'u' {
		low, _ := hex4(s[6:])
		if pair, ok := surrogatePair(r, low); ok {
			return pair, 10
		}
	}
	return utf8.RuneError, 4
}
