package drift

// scanner moves through JSON that has been checked before. It asks what comes
// next rather than whether that may come; on a text that is no JSON it stops,
// with broken set, or makes some sense of it, but it never leaves the text.
//
// Arrays and objects are read by
//
//	for s.enter(); s.more(']'); s.next() { … }
//
// where each round reads one element, or a member's name and its value.
type scanner struct {
	doc    []byte
	pos    int
	broken bool
}

// endsScalar holds for the bytes that end a number or a word.
var endsScalar = func() (table [256]bool) {
	for _, c := range " \t\r\n,:]}[{\"" {
		table[c] = true
	}
	return table
}()

// enter skips an opening bracket.
func (s *scanner) enter() {
	s.pos++
	s.space()
}

// more tells whether there is a further item; otherwise it skips the closing
// bracket.
func (s *scanner) more(closing byte) bool {
	if s.pos >= len(s.doc) {
		s.broken = true
	}
	if s.broken {
		return false
	}
	if s.doc[s.pos] == closing {
		s.pos++
		return false
	}
	return true
}

// next skips a comma and the blanks around it.
func (s *scanner) next() {
	s.space()
	if s.peek() == ',' {
		s.pos++
		s.space()
	}
}

func (s *scanner) space() {
	for s.pos < len(s.doc) && s.doc[s.pos] <= ' ' {
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

// name reads a member's name and goes to its value. It gives the bytes between
// the quotes, and whether they stand for themselves: no escapes and ASCII only.
func (s *scanner) name() (raw []byte, plain bool) {
	if s.peek() != '"' {
		s.broken = true
		return nil, false
	}
	start := s.pos + 1
	var all byte
	escaped := false
	i := start
	for ; i < len(s.doc) && s.doc[i] != '"'; i++ {
		c := s.doc[i]
		all |= c
		if c == '\\' {
			escaped = true
			i++
		}
	}
	if i >= len(s.doc) {
		s.broken = true
		return nil, false
	}
	s.pos = i + 1
	s.colon()
	return s.doc[start:i], !escaped && all < 0x80
}

// named reads a member's name and goes to its value, if it is written just so;
// otherwise it stays where it is. The name must have no quotes or backslashes.
func (s *scanner) named(name string) bool {
	start, end := s.pos+1, s.pos+1+len(name)
	if end >= len(s.doc) || s.doc[end] != '"' || s.doc[s.pos] != '"' || string(s.doc[start:end]) != name {
		return false
	}
	s.pos = end + 1
	s.colon()
	return true
}

func (s *scanner) colon() {
	if s.peek() != ':' {
		s.space()
		s.broken = s.broken || s.peek() != ':'
	}
	s.pos++
	s.space()
}

// skip goes behind a value, without recursion, however deep the value is.
func (s *scanner) skip() {
	switch c := s.peek(); {
	case c == '"':
		s.quoted()
	case c == '{' || c == '[':
		s.brackets()
	default:
		start := s.pos
		for s.pos < len(s.doc) && !endsScalar[s.doc[s.pos]] {
			s.pos++
		}
		s.broken = s.broken || s.pos == start
	}
}

func (s *scanner) quoted() {
	for i := s.pos + 1; i < len(s.doc); i++ {
		switch s.doc[i] {
		case '"':
			s.pos = i + 1
			return
		case '\\':
			i++
		}
	}
	s.pos, s.broken = len(s.doc), true
}

func (s *scanner) brackets() {
	for open := 0; s.pos < len(s.doc); {
		switch s.doc[s.pos] {
		case '"':
			s.quoted()
			continue
		case '{', '[':
			open++
		case '}', ']':
			open--
		}
		if s.pos++; open == 0 {
			return
		}
	}
	s.broken = true
}

// count gives the number of elements of the array that starts here, and stays
// where it is.
func (s *scanner) count() int {
	ahead, n := *s, 0
	for ahead.enter(); ahead.more(']'); ahead.next() {
		ahead.skip()
		n++
	}
	return n
}
