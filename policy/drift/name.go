package drift

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxRawName is the longest text of a name that can come to MaxNameBytes: an
// escape takes at most 6 bytes for one.
const maxRawName = 6 * MaxNameBytes

// canonical appends a name with its escapes resolved. What is not UTF-8, and
// half of a surrogate pair, becomes U+FFFD, so that a name is the same before
// and after it was stored as JSON.
func canonical(dst, raw []byte) []byte {
	for len(raw) > 0 {
		if raw[0] == '\\' {
			r, size := unescape(raw)
			dst, raw = utf8.AppendRune(dst, r), raw[size:]
			continue
		}
		r, size := utf8.DecodeRune(raw)
		dst, raw = utf8.AppendRune(dst, r), raw[size:]
	}
	return dst
}

// unescape reads the escape at the start of raw: its character and its length,
// which is at least 1.
func unescape(raw []byte) (r rune, size int) {
	if len(raw) < 2 {
		return utf8.RuneError, 1
	}
	switch raw[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r, ok := hex4(raw[2:])
		if !ok {
			return utf8.RuneError, 2
		}
		if !utf16.IsSurrogate(r) {
			return r, 6
		}
		if len(raw) >= 12 && raw[6] == '\\' && raw[7] == 'u' {
			if low, ok := hex4(raw[8:]); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
				return utf16.DecodeRune(r, low), 12
			}
		}
		return utf8.RuneError, 6
	}
	return rune(raw[1]), 2
}

// hex4 reads four hexadecimal digits from the start of b.
func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// every is how a path writes "each of them".
const every = "[*]"

// appendName appends a member's name as a step of a JSONPath: .name, or as a
// normalized path writes it (RFC 9535, section 2.7): ['a b'].
func appendName(dst []byte, name string) []byte {
	if isIdentifier(name) {
		return append(append(dst, '.'), name...)
	}
	dst = append(dst, "['"...)
	for _, r := range name {
		switch {
		case r == '\'' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = appendControl(dst, byte(r))
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, "']"...)
}

func appendControl(dst []byte, c byte) []byte {
	switch c {
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}

func appendIndex(dst []byte, index int) []byte {
	return append(strconv.AppendInt(append(dst, '['), int64(index), 10), ']')
}

// isIdentifier is narrower than what RFC 9535 allows behind a dot: letters of
// other scripts look alike too easily.
func isIdentifier(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_':
		case '0' <= c && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return name != ""
}
