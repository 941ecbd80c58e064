package extract

import (
	"fmt"
	"unicode/utf8"
)

// Bounds of a path. Paths are written by the operator, so the bounds guard
// against accidents rather than attacks.
const (
	// MaxPathBytes is the greatest length of a path's text, in bytes.
	MaxPathBytes = 1024
	// MaxSegments is the greatest number of segments of a path, those inside
	// its filters included.
	MaxSegments = 64
	// MaxNesting is how deep filters, parentheses and function calls of a path
	// may stand in one another.
	MaxNesting = 16
)

// Path is a compiled JSONPath. It is immutable and safe for concurrent use.
type Path struct {
	source string
	query  *query
}

// CompilePath compiles a JSONPath as RFC 9535 defines it: it starts with $,
// and blanks may stand neither before nor after it. The error is a *PathError:
// the text is ill-formed, ill-typed, over one of the bounds, or needs
// something that is not supported (a regular expression that is not a
// literal).
func CompilePath(src string) (*Path, error) {
	if len(src) > MaxPathBytes {
		return nil, &PathError{Source: src, Offset: MaxPathBytes, Msg: fmt.Sprintf("a path has at most %d bytes", MaxPathBytes)}
	}
	p := parser{src: src}
	if at := invalidUTF8(src); at >= 0 {
		return nil, p.fail(at, "a path is valid UTF-8")
	}
	if !p.accept('$') {
		return nil, p.fail(0, "a path starts with $")
	}
	q, err := p.query(true)
	if err != nil {
		return nil, err
	}
	if p.pos < len(src) {
		return nil, p.unexpected("expecting a segment (.name, [...] or ..) or the end")
	}
	return &Path{source: src, query: q}, nil
}

// Single reports whether the path names at most one place: it consists of
// members and indexes only. Such a path gives the value of that place; every
// other path gives a list of all that it matches.
func (p *Path) Single() bool { return p.query.singular }

// String is the path as it was written.
func (p *Path) String() string { return p.source }

// PathError says why a text is not a path that can be read, and where.
type PathError struct {
	Source string // The text of the path.
	Offset int    // Where the mistake is, in bytes from the start of Source.
	Msg    string // What is wrong there, for people.
}

// Error names the path, the place and the mistake on one line.
func (e *PathError) Error() string {
	source := e.Source
	if len(source) > MaxPathBytes {
		source = source[:MaxPathBytes] + "..."
	}
	return fmt.Sprintf("compiling path %q: at byte %d: %s", source, e.Offset, e.Msg)
}

// invalidUTF8 is the offset of the first byte that is not valid UTF-8, or -1.
func invalidUTF8(s string) int {
	for i, r := range s {
		if r != utf8.RuneError {
			continue
		}
		if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
			return i
		}
	}
	return -1
}
