package input

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// MaxDepth is how deep objects and lists may nest: 32 brackets may be open at
// one time, that of the object with the variables included. JSON in a text
// counts as if it stood in such an object.
const MaxDepth = 32

// scanner walks a JSON text once and checks it. Its methods start where pos is
// and leave pos behind what they read.
type scanner struct {
	src string
	pos int

	// huge tells that there was a number that no double can hold, such as
	// 1e400. It is good JSON, so whether it matters is for the reader to say.
	huge bool
}

// document reads one JSON text with nothing but blanks around it. read is what
// reads the value.
func (s *scanner) document(read func() error) error {
	// Outside strings the grammar is ASCII, so checking the whole at once is
	// the same as checking each character, and faster.
	if !utf8.ValidString(s.src) {
		return errors.New("expected UTF-8")
	}
	s.space()
	if err := read(); err != nil {
		return err
	}
	if s.space(); s.pos < len(s.src) {
		return s.fail("expected the end")
	}
	return nil
}

// value reads any value; depth counts the brackets that are open.
func (s *scanner) value(depth int) error {
	switch s.peek() {
	case '"':
		return s.quoted()
	case '{':
		return s.object(depth, nil)
	case '[':
		return s.list(depth)
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

// object reads an object. Its members are added to variables, unless that is
// nil.
func (s *scanner) object(depth int, variables *[]member) error {
	if depth == MaxDepth {
		return s.tooDeep()
	}
	var known names
	s.pos++
	if s.space(); s.peek() == '}' {
		s.pos++
		return nil
	}
	for {
		start := s.pos
		name, err := s.name()
		if err != nil {
			return err
		}
		if !known.add(name) {
			s.pos = start
			return s.twice(name, variables != nil)
		}
		start = s.pos
		if err := s.value(depth + 1); err != nil {
			return err
		}
		if variables != nil {
			if len(*variables) == MaxMembers {
				return errTooMany
			}
			*variables = append(*variables, member{name: name, value: s.src[start:s.pos], json: true, huge: s.huge})
			s.huge = false
		}
		switch s.space(); s.peek() {
		case ',':
			s.pos++
			s.space()
		case '}':
			s.pos++
			return nil
		default:
			return s.fail("expected , or }")
		}
	}
}

// name reads a member's name and goes to its value.
func (s *scanner) name() (string, error) {
	if s.peek() != '"' {
		return "", s.fail("expected a name in quotes")
	}
	start := s.pos
	if err := s.quoted(); err != nil {
		return "", err
	}
	name := unquote(s.src[start+1 : s.pos-1])
	if s.space(); s.peek() != ':' {
		return "", s.fail("expected :")
	}
	s.pos++
	s.space()
	return name, nil
}

func (s *scanner) list(depth int) error {
	if depth == MaxDepth {
		return s.tooDeep()
	}
	s.pos++
	if s.space(); s.peek() == ']' {
		s.pos++
		return nil
	}
	for {
		if err := s.value(depth + 1); err != nil {
			return err
		}
		switch s.space(); s.peek() {
		case ',':
			s.pos++
			s.space()
		case ']':
			s.pos++
			return nil
		default:
			return s.fail("expected , or ]")
		}
	}
}

// quoted reads a string.
func (s *scanner) quoted() error {
	for s.pos++; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; {
		case c == '"':
			s.pos++
			return nil
		case c == '\\':
			size, wrong := escape(s.src[s.pos:])
			if wrong != "" {
				return s.failAt(wrong)
			}
			s.pos += size - 1
		case c < ' ':
			return s.fail("expected an escape instead of a control character")
		}
	}
	return s.fail("expected a quote")
}

// escape measures the escape at the start of s, or says what is wrong with it.
// Both halves of a surrogate pair are one escape.
func escape(s string) (size int, wrong string) {
	const bad = "expected an escape of JSON"
	if len(s) < 2 {
		return 0, bad
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, ""
	case 'u':
	default:
		return 0, bad
	}
	r, ok := hex4(s[2:])
	switch {
	case !ok:
		return 0, bad
	case r < 0xD800 || r > 0xDFFF:
		return 6, ""
	case r < 0xDC00 && len(s) >= 8 && s[6] == '\\' && s[7] == 'u':
		if low, ok := hex4(s[8:]); ok && 0xDC00 <= low && low <= 0xDFFF {
			return 12, ""
		}
	}
	return 0, "expected both halves of a surrogate pair"
}

func (s *scanner) number() error {
	start := s.pos
	size, wrong := numberSize(s.src[start:])
	s.pos += size
	if wrong != "" {
		return s.fail(wrong)
	}
	s.huge = s.huge || !inRange(s.src[start:s.pos])
	return nil
}

func (s *scanner) word(w string) error {
	if len(s.src)-s.pos < len(w) || s.src[s.pos:s.pos+len(w)] != w {
		return s.failAt("expected a value")
	}
	s.pos += len(w)
	return nil
}

func (s *scanner) space() {
	for s.pos < len(s.src) && isSpace(s.src[s.pos]) {
		s.pos++
	}
}

// peek is the next byte, or 0 at the end, which starts nothing in JSON.
func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

// fail says what was expected at pos, and when that is the end, says so.
func (s *scanner) fail(expected string) error {
	if s.pos >= len(s.src) {
		return errors.New("it ends too early: " + expected)
	}
	return s.failAt(expected)
}

func (s *scanner) failAt(expected string) error {
	return fmt.Errorf("at byte %d: %s", s.pos, expected)
}

func (s *scanner) tooDeep() error {
	return s.failAt(fmt.Sprintf("expected at most %d levels", MaxDepth))
}

// twice names the variable that was given twice. A name within a variable is a
// part of its value, and values are not repeated.
func (s *scanner) twice(name string, variable bool) error {
	if variable {
		return givenTwice(name)
	}
	return s.failAt("expected no name twice in one object")
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\t' || c == '\r'
}

// hex4 reads four hexadecimal digits from the start of s.
func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:4], 16, 16)
	return rune(n), err == nil
}
