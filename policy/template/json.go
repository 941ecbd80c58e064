package template

import (
	"encoding/json"
	"errors"
	"strings"
)

// placeInJSON finds out where each variable of a JSON template stands, and
// makes sure that the template is JSON for all values.
//
// It replaces each variable by a stand-in that JSON's grammar treats as it
// would any value, and gives the result to encoding/json. Where a value may
// stand, the stand-in is "": unlike a number, no neighbour could merge with it
// into another value. Inside a string it is x, which is wrong as the rest of
// any escape.
func (t *Text) placeInJSON() *Error {
	var b strings.Builder
	stands := make([]int, len(t.parts)) // Offsets of the stand-ins.
	inString := false
	for i := range t.parts {
		p := &t.parts[i]
		inString = scanString(p.literal, inString)
		b.WriteString(p.literal)
		stands[i] = b.Len()
		if inString {
			p.place = jsonString
			b.WriteByte('x')
		} else {
			b.WriteString(`""`)
		}
	}
	b.WriteString(t.tail)
	s := b.String()

	var raw json.RawMessage
	if err := json.Unmarshal([]byte(s), &raw); err != nil {
		offset, atVariable := t.offsetOf(syntaxOffset(err, len(s)), stands)
		if atVariable {
			return &Error{offset, "expected JSON, in which a variable cannot stand here"}
		}
		return &Error{offset, "expected JSON: " + err.Error()}
	}
	for i, p := range t.parts {
		if inName(s, stands[i], p.place == jsonString) {
			return &Error{p.offset, "a variable cannot stand in a member's name"}
		}
	}
	return nil
}

// scanString follows JSON text from a place inside or outside a string to its
// end, and tells which the end is. A backslash at the very end is forgotten: the
// stand-in behind it makes the text wrong anyway.
func scanString(s string, inString bool) bool {
	escaped := false
	for i := range len(s) {
		switch {
		case escaped:
			escaped = false
		case s[i] == '"':
			inString = !inString
		case s[i] == '\\':
			escaped = inString
		}
	}
	return inString
}

// inName reports whether the stand-in at offset i of the valid JSON s is, or is
// part of, the name of a member: a string with a colon behind it.
func inName(s string, i int, quoted bool) bool {
	if !quoted {
		i += len(`""`)
	} else {
		for s[i] != '"' {
			if s[i] == '\\' {
				i++
			}
			i++
		}
		i++
	}
	return strings.HasPrefix(strings.TrimLeft(s[i:], " \t\r\n"), ":")
}

// syntaxOffset gives the offset of the byte, of size many, that encoding/json
// stumbled over.
func syntaxOffset(err error, size int) int {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return 0
	}
	if int(syntax.Offset) == size {
		return size // Cut short; the last byte is hardly ever to blame.
	}
	return max(int(syntax.Offset)-1, 0)
}

// offsetOf translates an offset in the text with stand-ins into one in the
// template, and tells whether a variable stands there.
func (t *Text) offsetOf(offset int, stands []int) (int, bool) {
	for i := len(stands) - 1; i >= 0; i-- {
		if offset < stands[i] {
			continue
		}
		p := t.parts[i]
		width := len(`""`)
		if p.place == jsonString {
			width = len(`x`)
		}
		if offset < stands[i]+width {
			return p.offset, true
		}
		return p.end + offset - stands[i] - width, false
	}
	return offset, false
}
