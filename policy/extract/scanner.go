package extract

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// scanner walks a document once, checks it, and puts the values that branches
// want into out. Each of its methods starts where pos is and leaves pos behind
// what it read.
type scanner struct {
	doc    []byte
	pos    int
	values int // how many so far, see MaxValues
	out    []Value
}

// document reads one JSON text with nothing but blanks around it.
func (s *scanner) document(root *branch) error {
	if len(s.doc) > MaxBytes {
		return s.failAs(ErrTooLarge, MaxBytes, fmt.Sprintf("a document has at most %d bytes", MaxBytes))
	}
	// Outside strings the grammar is ASCII, so that checking the whole at once,
	// which is much faster than character by character, is the same.
	if !utf8.Valid(s.doc) {
		return s.fail("not valid UTF-8")
	}
	s.space()
	if err := s.value(root, 0); err != nil {
		return err
	}
	if s.space(); s.pos < len(s.doc) {
		return s.fail("expecting the end")
	}
	return nil
}

// value reads any value; depth counts the brackets that are open. b is nil
// when nothing in it is wanted.
func (s *scanner) value(b *branch, depth int) error {
	if s.values++; s.values > MaxValues {
		return s.failAs(ErrTooLarge, s.pos, fmt.Sprintf("a document has at most %d values", MaxValues))
	}
	start := s.pos
	var err error
	switch c := s.peek(); c {
	case '"':
		_, err = s.text()
	case '{':
		err = s.object(b, depth+1)
	case '[':
		err = s.array(b, depth+1)
	case 't':
		err = s.word("true")
	case 'f':
		err = s.word("false")
	case 'n':
		err = s.word("null")
	default:
		err = s.number()
	}
	if err != nil || b == nil {
		return err
	}
	for _, target := range b.targets {
		s.out[target] = Value{raw: s.doc[start:s.pos:s.pos], kind: kindOf(s.doc[start])}
	}
	return nil
}

func (s *scanner) object(b *branch, depth int) error {
	if depth > MaxDepth {
		return s.tooDeep()
	}
	s.pos++
	s.space()
	if s.peek() == '}' {
		s.pos++
		return nil
	}
	for {
		if err := s.member(b, depth); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
			s.space()
		case '}':
			s.pos++
			return nil
		default:
			return s.fail("expecting , or }")
		}
	}
}

func (s *scanner) member(b *branch, depth int) error {
	start := s.pos
	if s.peek() != '"' {
		return s.fail("expecting a member's name")
	}
	escaped, err := s.text()
	if err != nil {
		return err
	}
	var wanted *branch
	if b != nil {
		wanted = b.member(s.doc[start+1:s.pos-1], escaped)
	}
	if wanted != nil {
		// The last of members with the same name wins, as a whole: what an
		// earlier one gave is forgotten.
		for _, target := range wanted.below {
			s.out[target] = Value{}
		}
	}
	s.space()
	if s.peek() != ':' {
		return s.fail("expecting :")
	}
	s.pos++
	s.space()
	return s.value(wanted, depth)
}

func (s *scanner) array(b *branch, depth int) error {
	if depth > MaxDepth {
		return s.tooDeep()
	}
	start := s.pos
	s.pos++
	s.space()
	if s.peek() == ']' {
		s.pos++
		return nil
	}
	for n := 0; ; n++ {
		var wanted *branch
		if b != nil {
			wanted = b.element(n)
		}
		if err := s.value(wanted, depth); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
			s.space()
		case ']':
			s.pos++
			if b != nil && b.fromEnd {
				return s.lookBack(b, start, n+1, depth)
			}
			return nil
		default:
			return s.fail("expecting , or ]")
		}
	}
}

// lookBack reads an array of n elements that starts at start once more, for
// the indexes that count from its end. It costs one further pass over the
// array for each negative index in a path, at worst. Values are not counted
// twice.
func (s *scanner) lookBack(b *branch, start, n, depth int) error {
	end, values := s.pos, s.values
	s.pos, s.values = start+1, 0
	for i := range n {
		s.space()
		if err := s.value(b.element(i-n), depth); err != nil {
			return err
		}
		s.space()
		s.pos++ // The comma, or the closing bracket.
	}
	s.pos, s.values = end, values
	return nil
}

// text reads a string and reports whether there is an escape in it.
func (s *scanner) text() (escaped bool, err error) {
	for i := s.pos + 1; i < len(s.doc); i++ {
		switch c := s.doc[i]; {
		case plainText[c]:
		case c == '"':
			s.pos = i + 1
			return escaped, nil
		case c == '\\':
			escaped = true
			size := escapeSize(s.doc[i:])
			if size == 0 {
				s.pos = i
				return false, s.fail("not an escape of JSON")
			}
			i += size - 1
		default:
			s.pos = i
			return false, s.fail("control character in a string")
		}
	}
	s.pos = len(s.doc)
	return false, s.fail("unexpected end in a string")
}

// escapeSize is the length of the escape at the start of b, or 0.
func escapeSize(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b[2:]); ok {
			return 6
		}
	}
	return 0
}

func (s *scanner) number() error {
	start := s.pos
	if s.peek() == '-' {
		s.pos++
	}
	switch c := s.peek(); {
	case c == '0':
		s.pos++
	case isDigit(c):
		s.digits()
	default:
		return s.fail("expecting a value")
	}
	exponent := false
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return s.fail("expecting a digit")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		exponent = true
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return s.fail("expecting a digit")
		}
	}
	// Without exponent, the greatest double has 309 digits.
	if exponent || s.pos-start > 308 {
		if _, err := strconv.ParseFloat(string(s.doc[start:s.pos]), 64); err != nil {
			return s.failAs(ErrNotJSON, start, "the number is out of range")
		}
	}
	return nil
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.doc) && isDigit(s.doc[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

func (s *scanner) word(w string) error {
	if len(s.doc)-s.pos < len(w) || string(s.doc[s.pos:s.pos+len(w)]) != w {
		return s.fail("expecting a value")
	}
	s.pos += len(w)
	return nil
}

func (s *scanner) space() {
	for s.pos < len(s.doc) && isSpace(s.doc[s.pos]) {
		s.pos++
	}
}

// peek is the next byte, or 0 at the end, which starts nothing in JSON.
func (s *scanner) peek() byte {
	if s.pos < len(s.doc) {
		return s.doc[s.pos]
	}
	return 0
}

func (s *scanner) fail(msg string) error {
	if s.pos >= len(s.doc) {
		msg = "unexpected end"
	}
	return s.failAs(ErrNotJSON, s.pos, msg)
}

func (s *scanner) tooDeep() error {
	return s.failAs(ErrTooDeep, s.pos, fmt.Sprintf("arrays and objects nest at most %d deep", MaxDepth))
}

func (s *scanner) failAs(sentinel error, at int, msg string) error {
	return &DocumentError{Err: sentinel, Offset: at, Msg: msg}
}
