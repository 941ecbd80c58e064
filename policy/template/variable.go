package template

import (
	"fmt"
	"strings"
)

// Error says what is wrong with a template or a path, and where.
type Error struct {
	// Offset counts bytes from the start of the text, the first being 0.
	Offset int
	// Msg says what was found or expected. It holds no piece of a request, so
	// it may stand in a response header.
	Msg string
}

// Error gives the offset and the message.
func (e *Error) Error() string {
	return fmt.Sprintf("at offset %d: %s", e.Offset, e.Msg)
}

// variable is one {{…}} of a text.
type variable struct {
	start, end int    // The half-open span of the text, braces included.
	inner      string // What stands between the braces, unchecked.
}

// nextVariable finds the first {{…}} at or after from; ok is false when there
// is none. An opening without its closing is an error, because it is a typing
// mistake far more often than it is text.
func nextVariable(s string, from int) (v variable, ok bool, err error) {
	i := strings.Index(s[from:], "{{")
	if i < 0 {
		return variable{}, false, nil
	}
	start := from + i
	n := strings.Index(s[start:], "}}")
	if n < 0 {
		return variable{}, false, &Error{start, "expected }} to close this {{"}
	}
	return variable{start: start, end: start + n + 2, inner: s[start+2 : start+n]}, true, nil
}

// validName reports whether s has the form of every variable's name,
// [a-z][a-z0-9_]*.
func validName(s string) bool {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}
