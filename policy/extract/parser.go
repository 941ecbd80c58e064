package extract

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxIndex is the greatest number that an index or a part of a slice may be,
// and its negative the least: the integers that a double holds exactly
// (RFC 9535, section 2.1).
const maxIndex = 1<<53 - 1

// parser reads the grammar of RFC 9535. Each of its methods starts where pos
// is and leaves pos behind what it read. Filters are in filter_parser.go.
type parser struct {
	src      string
	pos      int
	segments int // how many so far, see MaxSegments
	nesting  int // how deep, see MaxNesting
}

// query reads segments up to the first thing that is none; the $ or @ before
// them has been read.
func (p *parser) query(absolute bool) (*query, error) {
	q := &query{absolute: absolute}
	for {
		before := p.pos
		p.space()
		if c := p.peek(); c != '.' && c != '[' {
			// Blanks belong to a query only when a segment follows.
			p.pos = before
			break
		}
		if p.segments++; p.segments > MaxSegments {
			return nil, p.fail(p.pos, "a path has at most %d segments", MaxSegments)
		}
		seg, err := p.segment()
		if err != nil {
			return nil, err
		}
		q.segments = append(q.segments, seg)
	}
	q.compile()
	return q, nil
}

func (p *parser) segment() (segment, error) {
	var seg segment
	var err error
	if p.peek() == '[' {
		seg.selectors, err = p.bracketed()
		return seg, err
	}
	p.pos++
	seg.descendant = p.accept('.')
	switch {
	case seg.descendant && p.peek() == '[':
		seg.selectors, err = p.bracketed()
	case p.accept('*'):
		seg.selectors = []selector{wildcard{}}
	default:
		var s string
		if s, err = p.shorthand(); err == nil {
			seg.selectors = []selector{name(s)}
		}
	}
	return seg, err
}

// shorthand reads a name without quotes.
func (p *parser) shorthand() (string, error) {
	start := p.pos
	for p.pos < len(p.src) {
		r, size := utf8.DecodeRuneInString(p.src[p.pos:])
		letter := r >= utf8.RuneSelf || r == '_' || 'a' <= r|0x20 && r|0x20 <= 'z'
		if !letter && (p.pos == start || r < '0' || r > '9') {
			break
		}
		p.pos += size
	}
	if p.pos == start {
		return "", p.unexpected("expecting a name or *; a name of other characters than letters, digits and _ stands in brackets and quotes")
	}
	return p.src[start:p.pos], nil
}

// bracketed reads one or more selectors in brackets.
func (p *parser) bracketed() ([]selector, error) {
	p.pos++
	var selectors []selector
	for {
		p.space()
		sel, err := p.selector()
		if err != nil {
			return nil, err
		}
		selectors = append(selectors, sel)
		p.space()
		if p.accept(']') {
			return selectors, nil
		}
		if !p.accept(',') {
			return nil, p.unexpected("expecting , or ]")
		}
	}
}

func (p *parser) selector() (selector, error) {
	switch c := p.peek(); {
	case c == '\'' || c == '"':
		s, err := p.quoted()
		return name(s), err
	case c == '*':
		p.pos++
		return wildcard{}, nil
	case c == '?':
		return p.filter()
	case c == ':' || c == '-' || isDigit(c):
		return p.indexOrSlice()
	case c == '(':
		return nil, p.fail(p.pos, "script expressions are not part of JSONPath")
	}
	return nil, p.unexpected("expecting a selector: a name in quotes, an index, a slice, * or ?")
}

func (p *parser) indexOrSlice() (selector, error) {
	s := slice{step: 1}
	if p.peek() != ':' {
		n, err := p.integer()
		if err != nil {
			return nil, err
		}
		behind := p.pos
		if p.space(); p.peek() != ':' {
			p.pos = behind
			return index(n), nil
		}
		s.start, s.hasStart = n, true
	}
	p.pos++
	p.space()
	var err error
	if p.atInteger() {
		s.hasEnd = true
		if s.end, err = p.integer(); err != nil {
			return nil, err
		}
		p.space()
	}
	if !p.accept(':') {
		return s, nil
	}
	if p.space(); p.atInteger() {
		s.step, err = p.integer()
	}
	return s, err
}

func (p *parser) atInteger() bool {
	c := p.peek()
	return c == '-' || isDigit(c)
}

// integer reads an index, or a part of a slice.
func (p *parser) integer() (int, error) {
	start := p.pos
	p.accept('-')
	first := p.pos
	p.digits()
	text := p.src[start:p.pos]
	switch digits := p.src[first:p.pos]; {
	case digits == "":
		return 0, p.unexpected("expecting a digit")
	case text == "-0":
		return 0, p.fail(start, "-0 is not an index")
	case digits[0] == '0' && len(digits) > 1:
		return 0, p.fail(start, "an index has no leading zeros")
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > maxIndex || n < -maxIndex || int64(int(n)) != n {
		return 0, p.fail(start, "an index is at most %d", int64(maxIndex))
	}
	return int(n), nil
}

// quoted reads a string in single or double quotes and undoes its escapes.
func (p *parser) quoted() (string, error) {
	quote, start := p.src[p.pos], p.pos
	p.pos++
	var b strings.Builder
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		switch {
		case c == quote:
			p.pos++
			return b.String(), nil
		case c < ' ':
			return "", p.fail(p.pos, "a control character in a string is written as an escape")
		case c == '\\':
			r, err := p.escape(quote)
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		default:
			b.WriteByte(c)
			p.pos++
		}
	}
	return "", p.fail(start, "the string has no closing quote")
}

func (p *parser) escape(quote byte) (rune, error) {
	start := p.pos
	p.pos++
	c := p.peek()
	p.pos++
	switch c {
	case quote, '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return p.unicodeEscape(start)
	}
	return 0, p.fail(start, "not an escape of JSONPath")
}

// unicodeEscape reads what follows \u. Surrogates come in pairs or not at all.
func (p *parser) unicodeEscape(start int) (rune, error) {
	r, ok := hex4(p.src[p.pos:])
	if !ok {
		return 0, p.fail(start, "\\u takes four hexadecimal digits")
	}
	p.pos += 4
	if r < surrogateMin || r > surrogateMax {
		return r, nil
	}
	if strings.HasPrefix(p.src[p.pos:], `\u`) {
		if low, ok := hex4(p.src[p.pos+2:]); ok {
			if pair, ok := surrogatePair(r, low); ok {
				p.pos += 6
				return pair, nil
			}
		}
	}
	return 0, p.fail(start, "half of a surrogate pair")
}

func (p *parser) digits() {
	for isDigit(p.peek()) {
		p.pos++
	}
}

func (p *parser) space() {
	for p.pos < len(p.src) && isSpace(p.src[p.pos]) {
		p.pos++
	}
}

// peek is the next byte, or 0 at the end. A byte 0 in the text can do no harm:
// no rule of the grammar starts with it.
func (p *parser) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *parser) accept(c byte) bool {
	if p.pos < len(p.src) && p.src[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) enter() error {
	if p.nesting++; p.nesting > MaxNesting {
		return p.fail(p.pos, "filters, parentheses and calls nest at most %d deep", MaxNesting)
	}
	return nil
}

func (p *parser) leave() { p.nesting-- }

func (p *parser) fail(at int, format string, args ...any) error {
	return &PathError{Source: p.src, Offset: at, Msg: fmt.Sprintf(format, args...)}
}

// unexpected reports what stands at pos instead of what should.
func (p *parser) unexpected(expecting string) error {
	if p.pos >= len(p.src) {
		return p.fail(p.pos, "unexpected end: %s", expecting)
	}
	r, _ := utf8.DecodeRuneInString(p.src[p.pos:])
	return p.fail(p.pos, "unexpected %q: %s", r, expecting)
}
