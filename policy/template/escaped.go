package template

import "strings"

// CheckEscapedPath returns nil for a path that means the same to every server
// that may read it, and an *Error for one that could climb out of where it
// points. p is a path as it stands on the wire (url.URL.EscapedPath): empty, or
// beginning with a slash. Refused are
//
//   - dot segments (RFC 3986, section 5.2.4) in every spelling: "..", "%2e%2E",
//     "..%2f", "%2f..";
//   - what becomes one when a third party decodes the path before it splits it,
//     as in "a%2f..%2fb", takes a backslash for a slash, as in "a%5c..", or
//     drops what follows a semicolon, as in "..;x";
//   - percent signs without two hexadecimal digits;
//   - control characters, encoded or not;
//   - "?" and "#", which end a path.
//
// "%2F" itself, empty segments and bytes outside ASCII are fine. So is
// "%252e": decoded once it is the text "%2e", and a third party that decodes
// twice would misread every other path too. CheckEscapedPath takes time linear
// in p, allocates only for the error, and is safe for concurrent use.
func CheckEscapedPath(p string) error {
	if p != "" && p[0] != '/' {
		return &Error{0, "expected a path that begins with a slash"}
	}
	if err := checkEscaped(p); err != nil {
		return err
	}
	return nil
}

// checkEscaped does the work of CheckEscapedPath for a path or a part of one
// that is bounded by slashes.
func checkEscaped(p string) *Error {
	// dots counts the dots of the current piece, -1 once it holds anything
	// else; start is where the piece began.
	dots, start := 0, 0
	for i := 0; i < len(p); {
		c, n := decodeByte(p[i:])
		switch {
		case n == 0:
			return &Error{i, "expected two hexadecimal digits after %"}
		case c < ' ' || c == 0x7f:
			return &Error{i, "a path cannot hold control characters"}
		case n == 1 && (c == '?' || c == '#'):
			return &Error{i, "a path cannot hold ? or #, but encoded"}
		case c == '.':
			if dots >= 0 {
				dots++
			}
		case c == '/' || c == '\\' || c == ';':
			if dots == 1 || dots == 2 {
				return dotSegment(start)
			}
			dots, start = 0, i+n
			if c == ';' {
				dots = -1
			}
		default:
			dots = -1
		}
		i += n
	}
	if dots == 1 || dots == 2 {
		return dotSegment(start)
	}
	return nil
}

func dotSegment(offset int) *Error {
	return &Error{offset, "a path cannot hold dot segments"}
}

// decodeByte gives the byte that s begins with, percent-decoded, and how many
// bytes of s it took; none when s begins with a broken encoding. s is not
// empty.
func decodeByte(s string) (c byte, n int) {
	if s[0] != '%' {
		return s[0], 1
	}
	if len(s) < 3 {
		return 0, 0
	}
	hi, lo := unhex(s[1]), unhex(s[2])
	if hi < 0 || lo < 0 {
		return 0, 0
	}
	return byte(hi<<4 | lo), 3
}

// appendDecoded appends s, percent-decoded, to dst; ok is false for a broken
// encoding.
func appendDecoded(dst []byte, s string) (decoded []byte, ok bool) {
	for s != "" {
		c, n := decodeByte(s)
		if n == 0 {
			return dst, false
		}
		dst, s = append(dst, c), s[n:]
	}
	return dst, true
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// appendSegment appends s to dst with every byte percent-encoded that RFC 3986
// does not allow in a path segment as it is (section 3.3, pchar). Braces are
// among the encoded, so that {name} in a route is always a variable.
func appendSegment(dst []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if alnum || strings.IndexByte("-._~!$&'()*+,;=:@", c) >= 0 {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}
