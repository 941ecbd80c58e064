package input

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Raw is what a bot sent: values by name, not judged yet. The zero value is
// nothing at all. It may share the bytes of what was parsed. Copies are safe
// for concurrent use.
type Raw struct {
	members []member
}

// member is one variable that was sent.
type member struct {
	name  string
	value string // JSON as it was written, or a text.
	json  bool   // Which of the two it is.
	huge  bool   // See scanner.
}

// isNull reports whether it is JSON's null, and not a text that looks so.
func (m *member) isNull() bool { return m.json && m.value == "null" }

var errTooMany = fmt.Errorf("expected at most %d variables", MaxMembers)

func givenTwice(name string) error {
	return fmt.Errorf("the variable %s is given twice", shortQuote(name))
}

// ParseJSON reads one JSON object (RFC 8259), whose members are the variables.
// It is an error when body is not JSON, no object, not UTF-8, or followed by
// anything; when an object in it holds a name twice, after escapes are undone;
// when a string holds half of a surrogate pair (\ud800); when it nests deeper
// than MaxDepth; or when there are more than MaxMembers variables.
//
// Errors repeat nothing of the body but the name, cut to 64 bytes, of a
// variable that is given twice, in ASCII: they may stand in an answer. Time and
// memory are linear in the length of body, which the caller bounds. The body
// may be changed afterwards.
func ParseJSON(body []byte) (Raw, error) {
	// All names and values are pieces of this one copy.
	s := scanner{src: string(body)}
	members := make([]member, 0, 8)
	err := s.document(func() error {
		if s.peek() != '{' {
			return s.fail("expected an object with the variables")
		}
		return s.object(0, &members)
	})
	if err != nil {
		return Raw{}, fmt.Errorf("reading JSON: %w", err)
	}
	return Raw{members}, nil
}

// ParseForm reads an application/x-www-form-urlencoded body, or the query of a
// URL without its question mark: pairs between ampersands, + for a space. A
// pair without = is a name with an empty text, an empty pair is none, and a
// semicolon is a character like any other (WHATWG URL, section 5.1). It is an
// error when a percent sign has no two hexadecimal digits behind it, when what
// comes out is not UTF-8, when a name is given twice, or when there are more
// than MaxMembers variables.
//
// Errors are as bounded as those of ParseJSON, and so are time and memory.
func ParseForm(encoded string) (Raw, error) {
	raw, err := parseForm(encoded)
	if err != nil {
		return Raw{}, fmt.Errorf("reading form: %w", err)
	}
	return raw, nil
}

func parseForm(encoded string) (Raw, error) {
	var raw Raw
	var known names
	for pair := range strings.SplitSeq(encoded, "&") {
		if pair == "" {
			continue
		}
		if len(raw.members) == MaxMembers {
			return Raw{}, errTooMany
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := decode(name)
		if err != nil {
			return Raw{}, fmt.Errorf("decoding the name of a variable: %w", err)
		}
		if !known.add(name) {
			return Raw{}, givenTwice(name)
		}
		if value, err = decode(value); err != nil {
			return Raw{}, fmt.Errorf("decoding the variable %s: %w", shortQuote(name), err)
		}
		raw.members = append(raw.members, member{name: name, value: value})
	}
	return raw, nil
}

// decode undoes the escapes of a name or value of a form.
func decode(s string) (string, error) {
	s, err := url.QueryUnescape(s)
	if err != nil {
		// Its own error repeats a piece of the value.
		return "", errors.New("expected two hexadecimal digits behind %")
	}
	if !utf8.ValidString(s) {
		return "", errors.New("expected UTF-8")
	}
	return s, nil
}

// Texts are variables that are known to be text, such as captured segments of a
// path: values[i] goes by the name names[i], and the first of equal names
// counts. A value that is not UTF-8 is a Problem when it is read. The slices
// have the same length.
func Texts(names, values []string) Raw {
	members := make([]member, len(names))
	for i, name := range names {
		members[i] = member{name: name, value: values[i]}
	}
	return Raw{members}
}
