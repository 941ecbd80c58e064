package secret

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// codeUnit returns the JSON escape of a UTF-16 code unit.
func codeUnit(r rune) []byte {
	return []byte{'\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15]}
}

// begins returns the length of escape if text begins with it, 0 if it does not, and -1 if the text ends before that is
// decided. The case of hexadecimal digits is ignored.
func begins(text []byte, escape ...byte) int {
	for i, e := range escape {
		if i == len(text) {
			return -1
		}
		if lowerHex(text[i]) != e {
			return 0
		}
	}
	return len(escape)
}

// lowerHex returns a hexadecimal digit in lower case, and any other character as it is.
func lowerHex(c byte) byte {
	if 'A' <= c && c <= 'F' {
		return c + 'a' - 'A'
	}
	return c
}

// unescape returns the first byte of what the escape at the start of text stands for, or the character itself if it
// begins no escape. It is not ok where that cannot be told: the text ends within the escape, or the escape is the first
// of a pair.
func unescape(text []byte) (first byte, ok bool) {
	if len(text) == 1 {
		return 0, false
	}
	start, digits := 1, 2
	if text[0] == '\\' {
		if text[1] != 'u' {
			if c, ok := jsonShort(text[1]); ok {
				return c, true
			}
			return text[0], true
		}
		start, digits = 2, 4
	}
	var code rune
	for i := start; i < start+digits; i++ {
		if i == len(text) {
			return 0, false
		}
		digit := strings.IndexByte(hexDigits, lowerHex(text[i]))
		if digit < 0 {
			return text[0], true
		}
		code = code<<4 | rune(digit)
	}
	if digits == 2 || code < utf8.RuneSelf {
		return byte(code), true
	}
	if utf16.IsSurrogate(code) {
		return 0, false // Half of a code point; its first byte depends on the other half.
	}
	return utf8.AppendRune(nil, code)[0], true
}

// jsonShort returns what the two-character escape with this second character stands for.
func jsonShort(c byte) (byte, bool) {
	switch c {
	case '"', '\\', '/':
		return c, true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	}
	return 0, false
}

// urlAlphabet returns the character that the URL-safe alphabet of base64 has for one of the standard alphabet.
func urlAlphabet(c byte) byte {
	switch c {
	case '+':
		return '-'
	case '/':
		return '_'
	}
	return c
}
