package template

import (
	"net/url"
	"slices"
	"strings"
)

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
// so that each stays one segment: a slash goes as %2F. The error is a
// *ValueError where no encoding keeps a value inside its segment: it is empty,
// or CheckEscapedPath refuses it, also when a third party decodes the segment
// once more than HTTP says. Append is safe for concurrent use.
func (p *Path) Append(dst []byte, value func(name string) string) ([]byte, error) {
	for _, s := range p.segments {
		dst = append(dst, '/')
		if !s.variable {
			dst = appendSegment(dst, s.text)
			continue
		}
		text := value(s.text)
		if msg := notSegment(text); msg != "" {
			return dst, &ValueError{s.text, msg}
		}
		dst = appendSegment(dst, text)
	}
	return dst, nil
}

// notSegment says why a value cannot be a path segment, and is empty where it
// can. Its text is what a third party reads that decodes the path as it should.
func notSegment(text string) string {
	if text == "" {
		return "is empty, but a segment of the path"
	}
	// As often as it makes a difference, up to one decoding too many.
	for range 2 {
		if !staysSegment(text) {
			return "cannot be a segment of the path"
		}
		decoded, err := url.PathUnescape(text)
		if err != nil || decoded == text {
			return ""
		}
		text = decoded
	}
	if !staysSegment(text) {
		return "cannot be a segment of the path"
	}
	return ""
}

// staysSegment tells whether a decoded text holds neither control characters
// nor, between whatever servers take for slashes, dot segments.
func staysSegment(text string) bool {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return false
	}
	pieces := strings.FieldsFunc(text, func(r rune) bool { return r == '/' || r == '\\' })
	return !slices.ContainsFunc(pieces, func(piece string) bool {
		name, _, _ := strings.Cut(piece, ";")
		return name == "." || name == ".."
	})
}
