package curl

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ansiText gives what stands in $' ', the quotes that browsers use where a value
// holds what other quotes cannot.
func ansiText(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; c {
		case 'x', 'u', 'U', '0', '1', '2', '3', '4', '5', '6', '7':
			size, err := ansiCode(&b, s[i:])
			if err != nil {
				return "", err
			}
			i += size - 1
		case 'c':
			if i+1 == len(s) {
				return "", errors.New(`a \c without a character in $' '`)
			}
			i++
			b.WriteByte(s[i] & 0x1f)
		default:
			b.WriteString(ansiLetter(c))
		}
	}
	text := b.String()
	if !utf8.ValidString(text) || strings.Contains(text, mark) {
		return "", errors.New("bytes that are no text in $' ': expected UTF-8 without NUL")
	}
	return text, nil
}

// ansiLetter gives what a letter means behind a backslash, which stays where it is
// none of those that mean something.
func ansiLetter(c byte) string {
	const letters, meanings = `abefnrtvE\'"?`, "\a\b\x1b\f\n\r\t\v\x1b\\'\"?"
	if i := strings.IndexByte(letters, c); i >= 0 {
		return meanings[i : i+1]
	}
	return `\` + string(rune(c))
}

// ansiCode writes the character that a number stands for, and tells how many bytes of
// s it took.
func ansiCode(b *strings.Builder, s string) (size int, err error) {
	base, most, start := 8, 3, 0
	switch s[0] {
	case 'x':
		base, most, start = 16, 2, 1
	case 'u':
		base, most, start = 16, 4, 1
	case 'U':
		base, most, start = 16, 8, 1
	}
	end := start
	for end < len(s) && end-start < most && isDigit(s[end], base) {
		end++
	}
	code, err := strconv.ParseUint(s[start:end], base, 32)
	switch {
	case err != nil && end > start:
		return 0, errors.New("a character without a meaning in $' '")
	case err != nil:
		b.WriteString(`\` + s[:1]) // No number follows.
	case s[0] == 'u' || s[0] == 'U':
		if code > utf8.MaxRune {
			return 0, errors.New("a character that there is not in $' '")
		}
		b.WriteRune(rune(code))
	default:
		b.WriteByte(byte(code))
	}
	return end, nil
}

// isDigit tells the digits of octal and hexadecimal numbers.
func isDigit(c byte, base int) bool {
	if base == 8 {
		return '0' <= c && c <= '7'
	}
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
