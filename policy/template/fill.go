package template

import "strings"

// ValueError says which variable has a value that cannot stand where its
// template has it, and why.
type ValueError struct {
	// Name is the variable's.
	Name string
	// Msg says what is wrong. It holds no piece of the value.
	Msg string
}

// Error gives name and message.
func (e *ValueError) Error() string { return e.Name + " " + e.Msg }

// Append appends the path with values in place of its variables, percent-encoded
// so that each stays one segment: a slash goes as %2F. wrong is told of each value
// that CheckSegment refuses; the path is not to be used then. Append is safe for
// concurrent use.
func (p *Path) Append(dst []byte, value func(name string) string, wrong func(*ValueError)) []byte {
	for _, s := range p.segments {
		dst = append(dst, '/')
		if !s.variable {
			dst = appendSegment(dst, s.text)
			continue
		}
		text := value(s.text)
		if err := CheckSegment(s.text, text); err != nil {
			wrong(err)
		}
		dst = appendValue(dst, text)
	}
	return dst
}

// decodings is how often a segment may be decoded on its way through a third
// party without meaning something else: once, as HTTP says, and once too often.
const decodings = 2

// CheckSegment tells whether a variable's value can be a segment of a path. It
// cannot where no encoding keeps it inside, whatever a third party does: it is
// empty, or holds dot segments or control characters, also when it is decoded
// once too often, and also for servers that take backslashes for slashes or drop
// what follows a semicolon. It takes time linear in the text.
func CheckSegment(name, text string) *ValueError {
	if text == "" {
		return &ValueError{name, "is empty, but a segment of the path"}
	}
	for range decodings {
		if !staysSegment(text) {
			return &ValueError{name, "cannot be a segment of the path"}
		}
		decoded := decodeLeniently(text)
		if decoded == text {
			break
		}
		text = decoded
	}
	return nil
}

// staysSegment tells whether a decoded text holds neither control characters
// nor, between whatever servers take for slashes, dot segments, or such as are
// nothing but what follows a semicolon. A question mark or a hash may end the
// path for a server that reads it anew.
func staysSegment(text string) bool {
	start := 0
	for i := 0; i <= len(text); i++ {
		switch {
		case i == len(text), text[i] == '/', text[i] == '\\':
			if piece := text[start:i]; climbs(piece) {
				return false
			}
			start = i + 1
		case text[i] < ' ' || text[i] == 0x7f:
			return false
		}
	}
	return true
}

// climbs tells whether a server may take a piece of a path for a dot segment, or,
// before a semicolon, for nothing.
func climbs(piece string) bool {
	name := piece
	if i := strings.IndexAny(piece, ";?#"); i >= 0 {
		name = piece[:i]
	}
	return name == "." || name == ".." || name == "" && strings.HasPrefix(piece, ";")
}

// decodeLeniently decodes what is percent-encoded and leaves broken encodings as
// they are, as lenient servers do.
func decodeLeniently(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	decoded := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		c, n := decodeByte(s[i:])
		if n == 0 {
			c, n = s[i], 1
		}
		decoded, i = append(decoded, c), i+n
	}
	return string(decoded)
}

// appendValue appends a value with every byte percent-encoded that is not
// unreserved (RFC 3986, section 2.3): what delimits within a segment, such as a
// semicolon, is the template's to write.
func appendValue(dst []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if alnum || strings.IndexByte("-._~", c) >= 0 {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}
